//! Log throttling: a message is said at once, and then only now and then, since an engine may be away for hours.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Between two lines in the log.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// When something was said the last time; new when it was not, or is over.
#[derive(Debug, Default)]
pub struct LogThrottle(Option<Instant>);

impl LogThrottle {
    /// True when it is to be said now; it then was.
    pub fn should_log(&mut self) -> bool {
        self.should_log_at(Instant::now())
    }

    /// What was said is over: true when something was. The next time it is said at once.
    pub fn reset(&mut self) -> bool {
        self.0.take().is_some()
    }

    fn should_log_at(&mut self, now: Instant) -> bool {
        let due = self.0.is_none_or(|at| now.duration_since(at) >= SAY_EVERY);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

/// What this process says in many places at once: by name, with the lines left out since the last one.
static KINDS: Mutex<BTreeMap<&'static str, (LogThrottle, u64)>> = Mutex::new(BTreeMap::new());

/// For what many loops of a process say alike, as when the database of eleven services is away: `Some` when one of them is
/// to say it now, with how many kept silent since the last line. `kind` is one of few fixed texts.
pub fn should_log(kind: &'static str) -> Option<u64> {
    let mut kinds = KINDS.lock();
    let (said, unsaid) = kinds.entry(kind).or_default();
    if said.should_log() {
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
        assert_eq!(should_log("test of many"), Some(0));
        assert_eq!((0..1_000).filter_map(|_| should_log("test of many")).count(), 0);
        assert_eq!(should_log("test of others"), Some(0), "another kind is not held back");
        let kinds = KINDS.lock();
        assert_eq!(kinds["test of many"].1, 1_000);
    }

    #[test]
    fn it_is_said_at_once_and_then_now_and_then() {
        let (mut said, start) = (LogThrottle::default(), Instant::now());
        let mut lines = || (0..60).filter(|second| said.should_log_at(start + Duration::from_secs(*second))).count();
        assert_eq!(lines(), 6, "in a minute");
        assert!(said.reset() && !said.reset());
        assert!(said.should_log_at(start), "at once again");
    }
}
