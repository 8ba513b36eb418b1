//! Mutex locking: a poisoned one is taken all the same.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nothing panics while one of this crate's locks is held, so a poisoned one is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
