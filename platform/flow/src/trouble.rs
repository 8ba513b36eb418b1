//! Log throttling for the loops of this crate while they cannot work: an engine that is away stops all of them at once, so
//! that is logged now and then by one of them; what an operator has to look at is always logged.

use souk_kernel::{Kind, Problem};

/// Whether to say it now, and how often it was kept silent since; `kind` names the sort of loop.
pub(crate) fn to_be_said(kind: &'static str, problem: &Problem) -> Option<u64> {
    match problem.kind {
        Kind::Unavailable | Kind::Timeout => souk_runtime::should_log(kind),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_is_kept_silent() {
        let (away, broken) = (Problem::unavailable("database_unavailable", "x"), Problem::internal("x"));
        assert_eq!(to_be_said("test", &away), Some(0));
        assert_eq!(to_be_said("test", &away), None);
        assert_eq!(to_be_said("test", &broken), Some(0));
        assert_eq!(to_be_said("test", &broken), Some(0));
    }
}
