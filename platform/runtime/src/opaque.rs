//! Shared pointer to a value that the compiler does not look into when it proves that a future may go to another thread.
//!
//! It proves that for every `async` method of a trait anew, through all fields of everything that is held while it waits. A
//! handle on a database has hundreds of them: that took half of the time of compiling a service.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// An `Arc` whose contents were proven `Send` and `Sync` where it was made.
pub struct Opaque<T>(Arc<dyn Hold<T>>);

trait Hold<T>: Send + Sync {
    fn get(&self) -> &T;
}

impl<T: Send + Sync> Hold<T> for T {
    fn get(&self) -> &T {
        self
    }
}

impl<T: Send + Sync + 'static> Opaque<T> {
    /// Of this value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Deref for Opaque<T> {
    type Target = T;

    fn deref(&self) -> &T {
        Hold::get(&*self.0)
    }
}

impl<T> Clone for Opaque<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Opaque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
