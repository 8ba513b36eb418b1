//! Circuit breaker of a canary. As with single instances (`souk_rpc`), which are never all left alone; a canary can be, because there
//! is the stable version to ask.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Failures in a row (no connection, no answer, 5xx) after which it is left alone.
const FAILURES: u32 = 5;
/// Milliseconds the first time; doubles while it keeps failing.
const FIRST_PAUSE_MS: u64 = 1_000;
/// Doublings at most: a minute.
const MAX_DOUBLINGS: u32 = 6;

/// The record of a canary, over all its instances. Moments are milliseconds of one clock.
#[derive(Default)]
pub(super) struct Health {
    failures: AtomicU32,
    pauses: AtomicU32,
    out_until: AtomicU64,
}

impl Health {
    pub(super) fn fit(&self, now: u64) -> bool {
        now >= self.out_until.load(Ordering::Relaxed)
    }

    pub(super) fn answered(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.pauses.store(0, Ordering::Relaxed);
        }
    }

    /// How long it is left alone from now on, when that was once too often.
    pub(super) fn failed(&self, now: u64) -> Option<u64> {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures < FAILURES || !self.fit(now) {
            return None;
        }
        let doublings = self.pauses.fetch_add(1, Ordering::Relaxed).min(MAX_DOUBLINGS);
        let pause = FIRST_PAUSE_MS << doublings;
        self.out_until.store(now + pause, Ordering::Relaxed);
        // After the pause one more is enough.
        self.failures.store(FAILURES - 1, Ordering::Relaxed);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_left_alone_longer_and_longer_until_it_answers() {
        let health = Health::default();
        for _ in 1..FAILURES {
            assert_eq!(health.failed(0), None);
        }
        assert_eq!(health.failed(0), Some(1_000));
        assert!(!health.fit(999) && health.fit(1_000));
        assert_eq!(health.failed(500), None, "what was under way does not count twice");
        assert_eq!(health.failed(1_000), Some(2_000), "after that one is enough");
        health.answered();
        assert_eq!(health.failed(3_000), None, "an answer makes good");
    }
}
