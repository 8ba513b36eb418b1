//! What is said at once, and then only now and then: an engine may be away for hours.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines in the log.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// When something was said the last time; new when it was not, or is over.
#[derive(Debug, Default)]
pub struct Said(Option<Instant>);

impl Said {
    /// True when it is to be said now; it then was.
    pub fn due(&mut self) -> bool {
        self.due_at(Instant::now())
    }

    /// What was said is over: true when something was. The next time it is said at once.
    pub fn over(&mut self) -> bool {
        self.0.take().is_some()
    }

    fn due_at(&mut self, now: Instant) -> bool {
        let due = self.0.is_none_or(|at| now.duration_since(at) >= SAY_EVERY);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

/// What this process says in many places at once: by name, with the lines left out since the last one.
static KINDS: Mutex<BTreeMap<&'static str, (Said, u64)>> = Mutex::new(BTreeMap::new());

/// For what many loops of a process say alike, as when the database of eleven services is away: `Some` when one of them is
/// to say it now, with how many kept silent since the last line. `kind` is one of few fixed texts.
pub fn now_and_then(kind: &'static str) -> Option<u64> {
    let mut kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
    let (said, unsaid) = kinds.entry(kind).or_default();
    if said.due() {
        return Some(std::mem::take(unsaid));
    }
    *unsaid += 1;
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_that_say_the_same_are_one_line() {
        assert_eq!(now_and_then("test of many"), Some(0));
        assert_eq!((0..1_000).filter_map(|_| now_and_then("test of many")).count(), 0);
        assert_eq!(now_and_then("test of others"), Some(0), "another kind is not held back");
        let kinds = KINDS.lock().unwrap();
        assert_eq!(kinds["test of many"].1, 1_000);
    }

    #[test]
    fn it_is_said_at_once_and_then_now_and_then() {
        let (mut said, start) = (Said::default(), Instant::now());
        let mut lines = || (0..60).filter(|second| said.due_at(start + Duration::from_secs(*second))).count();
        assert_eq!(lines(), 6, "in a minute");
        assert!(said.over() && !said.over());
        assert!(said.due_at(start), "at once again");
    }
}
