//! Disk-full detection for the server: noted where its errors are sorted, asked for by readiness.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// When some statement of this process was last refused for want of room.
static SEEN: Mutex<Option<Instant>> = Mutex::new(None);

pub(crate) fn note_full() {
    *SEEN.lock() = Some(Instant::now());
}

/// True when the disk of the database was found full within this time.
pub fn found_full_within(time: Duration) -> bool {
    SEEN.lock().is_some_and(|at| at.elapsed() <= time)
}
