//! Circuit breaker with a bulkhead (bounded concurrency) and a retry budget: keeps a sick upstream from being hammered, and
//! us from queueing behind it. One for each role that is called, each payment provider, each storage.

use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Failures in a row after which the circuit opens: above what the restart of a role or one buyer with a broken means of
/// payment can cause.
const FAILURES_TO_OPEN: u32 = 20;
/// How long an open circuit refuses before one probe may pass.
const OPEN_FOR: Duration = Duration::from_millis(500);
/// Calls that earn one retry: so that retries never double the load of an outage.
const CALLS_PER_RETRY: u32 = 10;
/// Retries that may be saved up for a burst.
const MAX_SAVED: u32 = 20;

/// Stands before one upstream, shared by all calls to it.
pub struct CircuitBreaker {
    permits: Semaphore,
    state: Mutex<State>,
}

struct State {
    failures: u32,
    open_until: Option<Instant>,
    earned: u32,
}

/// Why a call does not even begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallRejected {
    /// The upstream keeps failing.
    Open,
    /// As many calls as may be are under way, and none ended in time.
    Full,
}

impl std::fmt::Display for CallRejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            CallRejected::Open => "it keeps failing",
            CallRejected::Full => "too many calls under way",
        })
    }
}

impl CircuitBreaker {
    /// Lets `concurrent` calls pass at once; more wait.
    pub fn new(concurrent: usize) -> Self {
        let state = State { failures: 0, open_until: None, earned: MAX_SAVED * CALLS_PER_RETRY };
        Self { permits: Semaphore::new(concurrent), state: Mutex::new(state) }
    }

    /// The right to make a call, to be had within `patience`, or why not.
    pub async fn enter(&self, patience: Duration) -> Result<SemaphorePermit<'_>, CallRejected> {
        if !self.admit(Instant::now()) {
            return Err(CallRejected::Open);
        }
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let waited = tokio::time::timeout(patience, self.permits.acquire()).await;
        waited.ok().and_then(Result::ok).ok_or(CallRejected::Full)
    }

    /// When the pause of an open circuit is over, exactly one probe may pass.
    fn admit(&self, now: Instant) -> bool {
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

    /// Failures in a row until now.
    pub fn failures(&self) -> u32 {
        self.state().failures
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_lets_one_probe_through_and_closes_on_an_answer() {
        let (breaker, start) = (CircuitBreaker::new(1), Instant::now());
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
        let breaker = CircuitBreaker::new(1);
        let granted = (0..1000).filter(|_| breaker.may_retry()).count();
        assert_eq!(granted, MAX_SAVED as usize);
        for _ in 0..CALLS_PER_RETRY {
            breaker.admit(Instant::now());
        }
        assert!(breaker.may_retry(), "ten calls earn one");
    }

    #[tokio::test]
    async fn no_more_calls_at_once_than_allowed() {
        let breaker = CircuitBreaker::new(1);
        let first = breaker.enter(Duration::ZERO).await.unwrap();
        assert_eq!(breaker.enter(Duration::from_millis(5)).await.unwrap_err(), CallRejected::Full);
        drop(first);
        assert!(breaker.enter(Duration::from_millis(5)).await.is_ok());
    }
}
