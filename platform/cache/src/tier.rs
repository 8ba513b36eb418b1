//! Interface of a second cache tier that several processes share (Redis), and what a load yields.

use async_trait::async_trait;

/// A value and the position it is true at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded<V> {
    /// The value.
    pub value: V,
    /// Rises with the truth; compared between values of one key only.
    pub position: u64,
}

impl<V> Loaded<V> {
    /// `value`, true at `position`.
    pub const fn at(position: u64, value: V) -> Self {
        Self { value, position }
    }
}

/// A shared tier behind the first one. It may lose values and be down: it has no errors to report, since without it
/// things are slower and nothing is broken. Implementations bound their own waits.
#[async_trait]
pub trait SecondTier<K, V>: Send + Sync + 'static {
    /// The value, unless unknown, unreachable or older than `at_least`.
    async fn get(&self, key: &K, at_least: u64) -> Option<Loaded<V>>;
    /// Keeps a value, unless a newer one is there.
    async fn put(&self, key: &K, loaded: &Loaded<V>);
}
