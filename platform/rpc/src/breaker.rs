//! Keeps a sick upstream from being hammered: a circuit breaker and a budget for retries.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Failures in a row after which the circuit opens. High enough that one restart of a role does not trip it.
const FAILURES_TO_OPEN: u32 = 20;
/// How long an open circuit refuses before one probe may pass.
const OPEN_FOR: Duration = Duration::from_millis(500);
/// Calls that earn one retry: so that retries never double the load of an outage.
const CALLS_PER_RETRY: u32 = 10;
/// Retries that may be saved up for a burst.
const MAX_SAVED: u32 = 20;

/// State of one upstream, shared by all calls to it.
pub struct Breaker(Mutex<State>);

struct State {
    failures: u32,
    open_until: Option<Instant>,
    earned: u32,
}

impl Breaker {
    pub fn new() -> Self {
        Self(Mutex::new(State { failures: 0, open_until: None, earned: MAX_SAVED * CALLS_PER_RETRY }))
    }

    /// May a call go out now? When the pause of an open circuit is over, exactly one probe may.
    pub fn admit(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.earned = (state.earned + 1).min(MAX_SAVED * CALLS_PER_RETRY);
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + OPEN_FOR);
                true
            }
        }
    }

    /// Takes a retry out of the budget, if one is left.
    pub fn may_retry(&self) -> bool {
        let mut state = self.state();
        if state.earned < CALLS_PER_RETRY {
            return false;
        }
        state.earned -= CALLS_PER_RETRY;
        true
    }

    /// Notes whether the upstream answered at all.
    pub fn record(&self, answered: bool, now: Instant) {
        let mut state = self.state();
        if answered {
            state.failures = 0;
            state.open_until = None;
            return;
        }
        state.failures += 1;
        if state.failures >= FAILURES_TO_OPEN {
            state.open_until = Some(now + OPEN_FOR);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_lets_one_probe_through_and_closes_on_success() {
        let (breaker, start) = (Breaker::new(), Instant::now());
        for _ in 0..FAILURES_TO_OPEN {
            assert!(breaker.admit(start));
            breaker.record(false, start);
        }
        assert!(!breaker.admit(start), "open");
        let later = start + OPEN_FOR;
        assert!(breaker.admit(later), "one probe");
        assert!(!breaker.admit(later), "and only one");
        breaker.record(true, later);
        assert!(breaker.admit(later), "closed again");
    }

    #[test]
    fn retries_run_out() {
        let breaker = Breaker::new();
        let granted = (0..1000).filter(|_| breaker.may_retry()).count();
        assert_eq!(granted, MAX_SAVED as usize);
        for _ in 0..CALLS_PER_RETRY {
            breaker.admit(Instant::now());
        }
        assert!(breaker.may_retry(), "ten calls earn one");
    }
}
