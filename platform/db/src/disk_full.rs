//! Disk-full detection for the server: noted where its errors are sorted, asked for by readiness.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::sync::lock;

/// When some statement of this process was last refused for want of room.
static SEEN: Mutex<Option<Instant>> = Mutex::new(None);

pub(crate) fn note_full() {
    *lock(&SEEN) = Some(Instant::now());
}

/// True when the disk of the database was found full within this time.
pub fn found_full_within(time: Duration) -> bool {
    lock(&SEEN).is_some_and(|at| at.elapsed() <= time)
}
