//! What is said at once, and then only now and then: an engine may be away for hours.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_at_once_and_then_now_and_then() {
        let (mut said, start) = (Said::default(), Instant::now());
        let mut lines = || (0..60).filter(|second| said.due_at(start + Duration::from_secs(*second))).count();
        assert_eq!(lines(), 6, "in a minute");
        assert!(said.over() && !said.over());
        assert!(said.due_at(start), "at once again");
    }
}
