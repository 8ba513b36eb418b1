//! Heap collection of worker threads, which gives memory back after a rush. The allocator keeps what a thread frees, and
//! what others free of a thread's memory, until that thread allocates again; after five thousand buyers have gone, that is
//! hundreds of megabytes which no thread uses. So every worker thread tidies up as it goes to sleep, now and then.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How often one thread tidies up at most: looking through a large heap takes about a millisecond.
const EVERY: Duration = Duration::from_secs(2);

thread_local! {
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// For a runtime's `on_thread_park`.
pub fn tidy() {
    let due = LAST.get().is_none_or(|last| last.elapsed() >= EVERY);
    if due {
        LAST.set(Some(Instant::now()));
        collect();
    }
}

#[allow(unsafe_code)] // the allocator has no other interface
fn collect() {
    // SAFETY: may be called at any time, by any thread, also when another allocator is in use; it looks at the calling
    // thread's own heap and at what lies unused.
    unsafe { libmimalloc_sys::mi_collect(false) }
}
