//! Memory budget: a counting semaphore in bytes, first come, first served.

use parking_lot::{Condvar, Mutex};

/// Bytes that pictures under way may take together.
pub(crate) struct MemoryBudget {
    total: u64,
    free: Mutex<u64>,
    freed: Condvar,
    /// Held by the one that waits for memory, so that small pictures do not overtake a large one for ever.
    turn: Mutex<()>,
}

/// Memory that a picture has, until this is dropped.
pub(crate) struct MemoryPermit<'a> {
    budget: &'a MemoryBudget,
    bytes: u64,
}

impl MemoryBudget {
    pub(crate) const fn new(total: u64) -> Self {
        Self { total, free: Mutex::new(total), freed: Condvar::new(), turn: Mutex::new(()) }
    }

    /// Waits until so much is free. A picture that needs more than there is gets all, and so runs alone.
    pub(crate) fn acquire(&self, bytes: u64) -> MemoryPermit<'_> {
        let bytes = bytes.min(self.total);
        let _turn = self.turn.lock();
        let mut free = self.free.lock();
        while *free < bytes {
            self.freed.wait(&mut free);
        }
        *free -= bytes;
        MemoryPermit { budget: self, bytes }
    }
}

impl MemoryPermit<'_> {
    /// Gives back all but so much.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        *self.budget.free.lock() += surplus;
        self.budget.freed.notify_one();
    }
}

impl Drop for MemoryPermit<'_> {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn never_more_than_there_is_and_all_get_through() {
        let (budget, used, most) = (MemoryBudget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (budget, used, most) = (&budget, &used, &most);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = (n * 31 + round * 17) % 120;
                        let mut permit = budget.acquire(bytes);
                        let bytes = bytes.min(100);
                        most.fetch_max(used.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        std::thread::yield_now();
                        used.fetch_sub(bytes, Ordering::SeqCst);
                        permit.shrink(bytes / 2);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100);
        assert_eq!(*budget.free.lock(), 100);
    }
}
