//! Injected clock: production reads the system clock, tests move their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Where the time comes from. Cheap to clone; clones of a manual clock share its hands.
///
/// Expiry of reservations, leases and carts is judged by the database's clock, never by this one.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.as_microsecond()))))
    }

    /// The current time, in whole microseconds: what PostgreSQL keeps.
    #[allow(clippy::disallowed_methods)] // the one place that may ask the machine
    pub fn now(&self) -> Timestamp {
        let micros = match &self.0 {
            Some(hands) => hands.load(Ordering::SeqCst),
            None => Timestamp::now().as_microsecond(),
        };
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    /// Moves a manual clock; panics on the system clock, which cannot be moved.
    pub fn advance(&self, by: SignedDuration) {
        let hands = self.0.as_ref().expect("only a manual clock can be moved");
        hands.fetch_add(i64::try_from(by.as_micros()).expect("less than 292,000 years"), Ordering::SeqCst);
    }
}
