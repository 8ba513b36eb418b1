//! Keeps a sick provider from being hammered, and us from queueing behind it: bounded concurrency and a circuit breaker.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Failures in a row after which the circuit opens. Above what one buyer with a broken means of payment can cause.
const FAILURES_TO_OPEN: u32 = 20;
/// How long an open circuit refuses before one probe may pass.
const OPEN_FOR: Duration = Duration::from_millis(500);

/// One provider's gate.
pub struct Gate {
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Gate {
    /// A gate for `concurrent` calls at once; more wait.
    pub fn new(concurrent: usize) -> Self {
        Self { permits: Semaphore::new(concurrent), state: Mutex::default() }
    }

    /// The right to make a call, or why not.
    pub async fn enter(&self, within: Duration) -> Result<SemaphorePermit<'_>, &'static str> {
        if !self.admit(Instant::now()) {
            return Err("the provider keeps failing");
        }
        match tokio::time::timeout(within, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err("the gate is closed"),
            Err(_) => Err("too many calls under way"),
        }
    }

    /// When the pause of an open circuit is over, exactly one probe may pass.
    fn admit(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + OPEN_FOR);
                true
            }
        }
    }

    /// Notes whether the provider answered at all.
    pub fn record(&self, answered: bool, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if answered {
            *state = State::default();
            return;
        }
        state.failures += 1;
        if state.failures >= FAILURES_TO_OPEN {
            state.open_until = Some(now + OPEN_FOR);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_lets_one_probe_through_and_closes_on_an_answer() {
        let (gate, start) = (Gate::new(1), Instant::now());
        for _ in 0..FAILURES_TO_OPEN {
            assert!(gate.admit(start));
            gate.record(false, start);
        }
        assert!(!gate.admit(start), "open");
        let later = start + OPEN_FOR;
        assert!(gate.admit(later), "one probe");
        assert!(!gate.admit(later), "and only one");
        gate.record(true, later);
        assert!(gate.admit(later), "closed again");
    }

    #[tokio::test]
    async fn no_more_calls_at_once_than_allowed() {
        let gate = Gate::new(1);
        let first = gate.enter(Duration::ZERO).await.unwrap();
        assert!(gate.enter(Duration::from_millis(5)).await.is_err());
        drop(first);
        assert!(gate.enter(Duration::from_millis(5)).await.is_ok());
    }
}
