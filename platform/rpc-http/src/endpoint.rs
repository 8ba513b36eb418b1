//! Endpoint, one instance of a role as its callers know it: its connections, how much is under way there, and whether it can
//! be counted on.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use parking_lot::Mutex;

/// Failures in a row (no connection, no answer, 5xx) after which an instance is left alone for a while.
const FAILURES_TO_EJECT: u32 = 5;
/// How long the first time; doubles while it keeps failing.
const FIRST_EJECTION: Duration = Duration::from_secs(1);
/// Doublings at most: a minute.
const MAX_DOUBLINGS: u32 = 6;
/// How long an instance that says it leaves is passed over: it is gone by then, or back.
const LEAVING_FOR: Duration = Duration::from_secs(2);
/// Connections kept open while unused.
const MAX_IDLE: usize = 128;
/// How long they are kept: less than the server does (`server::IDLE_TIMEOUT`), so that none is used while it is closed there.
pub(crate) const IDLE_FOR: Duration = Duration::from_secs(50);

/// What moments are counted from, so that they fit an atomic.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn millis(at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(*START).as_millis()).unwrap_or(u64::MAX)
}

/// A connection on which requests can be sent, one after the other.
pub(crate) type Sender = SendRequest<Full<Bytes>>;

/// An instance. Shared by all its callers.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    under_way: AtomicUsize,
    failures: AtomicU32,
    ejections: AtomicU32,
    out_until: AtomicU64,
    leaving_until: AtomicU64,
    /// The last one used is taken first, so that those too many grow old.
    idle: Mutex<Vec<(Sender, Instant)>>,
}

impl Endpoint {
    pub(crate) fn new(address: SocketAddr) -> Self {
        // The first one made fixes what moments are counted from.
        LazyLock::force(&START);
        Self {
            address,
            under_way: AtomicUsize::new(0),
            failures: AtomicU32::new(0),
            ejections: AtomicU32::new(0),
            out_until: AtomicU64::new(0),
            leaving_until: AtomicU64::new(0),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Calls that have no whole answer yet.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Counts a call until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }

    /// True while it is left alone because it failed.
    pub(crate) fn ejected(&self, now: Instant) -> bool {
        millis(now) < self.out_until.load(Ordering::Relaxed)
    }

    /// True while it is passed over because it said that it leaves.
    pub(crate) fn leaving(&self, now: Instant) -> bool {
        millis(now) < self.leaving_until.load(Ordering::Relaxed)
    }

    /// It ended a connection on purpose.
    pub(crate) fn leaves(&self, now: Instant) {
        self.leaving_until.store(millis(now + LEAVING_FOR), Ordering::Relaxed);
    }

    /// It answered.
    pub(crate) fn answered(&self) {
        // Read first: writing what is there already would take the line away from the other cores, for every call.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.ejections.store(0, Ordering::Relaxed);
        }
    }

    /// It did not answer, or with a fault; true when that was once too often.
    pub(crate) fn failed(&self) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_TO_EJECT
    }

    /// Leaves it alone for a while, each time longer. After that one more failure is enough.
    pub(crate) fn eject(&self, now: Instant) -> Duration {
        let doublings = self.ejections.fetch_add(1, Ordering::Relaxed).min(MAX_DOUBLINGS);
        let pause = FIRST_EJECTION * 2u32.pow(doublings);
        self.out_until.store(millis(now + pause), Ordering::Relaxed);
        self.failures.store(FAILURES_TO_EJECT - 1, Ordering::Relaxed);
        pause
    }

    /// An open connection that no call uses.
    pub(crate) fn take_idle(&self, now: Instant) -> Option<Sender> {
        let mut idle = self.idle.lock();
        while let Some((sender, since)) = idle.pop() {
            if now.saturating_duration_since(since) >= IDLE_FOR {
                // Those below are older still.
                idle.clear();
                return None;
            }
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    /// Keeps a connection whose answer was read to its end.
    pub(crate) fn keep(&self, sender: Sender, now: Instant) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock();
        if idle.len() < MAX_IDLE {
            idle.push((sender, now));
        }
    }
}

/// A call under way.
pub(crate) struct UnderWay(Arc<Endpoint>);

impl UnderWay {
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_failing_is_left_alone_longer_and_longer() {
        let (endpoint, now) = (Endpoint::new(([127, 0, 0, 1], 1).into()), Instant::now());
        for _ in 1..FAILURES_TO_EJECT {
            assert!(!endpoint.failed());
        }
        assert!(endpoint.failed(), "in a row");
        assert_eq!(endpoint.eject(now), FIRST_EJECTION);
        assert!(endpoint.ejected(now) && !endpoint.ejected(now + FIRST_EJECTION));
        assert!(endpoint.failed(), "after that, one is enough");
        assert_eq!(endpoint.eject(now), FIRST_EJECTION * 2);
        for _ in 0..100 {
            endpoint.eject(now);
        }
        assert_eq!(endpoint.eject(now), FIRST_EJECTION * 64);
        endpoint.answered();
        assert!(!endpoint.failed(), "an answer makes good");
        assert_eq!(endpoint.eject(now), FIRST_EJECTION);
    }
}
