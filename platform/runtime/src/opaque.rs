//! Shared pointer behind a trait object. It keeps builds short: rustc proves for every `async` method of a trait anew that its
//! future is `Send`, through all fields of everything the future holds, and a trait object ends that (docs/adr/0017).

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
