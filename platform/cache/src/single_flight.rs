//! Single flight: callers that want the same key at the same time wait for one load.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::future::{BoxFuture, Shared};
use parking_lot::{Mutex, MutexGuard};
use souk_kernel::Problem;

use crate::Loaded;

/// One load that any number of callers poll together; it survives the caller who began it.
pub(crate) type SharedLoad<V> = Shared<BoxFuture<'static, Result<Loaded<V>, Problem>>>;

/// The loads under way, by key.
pub(crate) struct SingleFlight<K, V>(Mutex<HashMap<K, (u64, SharedLoad<V>)>>);

impl<K: Hash + Eq + Clone, V: Clone + Send + Sync + 'static> SingleFlight<K, V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// The map of key to (position the load promised to reach, load). What else must not happen between a look at a
    /// load and its end is done while this is held.
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<K, (u64, SharedLoad<V>)>> {
        self.0.lock()
    }
}

/// A caller that waits for a load. The last one to let go of an unfinished load takes it off the map, so that one that no
/// caller drives is not joined minutes later.
pub(crate) struct Waiter<K: Hash + Eq + Clone, V: Clone + Send + Sync + 'static> {
    loads: Arc<SingleFlight<K, V>>,
    key: K,
    load: SharedLoad<V>,
}

impl<K: Hash + Eq + Clone, V: Clone + Send + Sync + 'static> Waiter<K, V> {
    pub(crate) fn new(loads: Arc<SingleFlight<K, V>>, key: K, load: SharedLoad<V>) -> Self {
        Self { loads, key, load }
    }

    pub(crate) async fn outcome(&self) -> Result<Loaded<V>, Problem> {
        self.load.clone().await
    }
}

impl<K: Hash + Eq + Clone, V: Clone + Send + Sync + 'static> Drop for Waiter<K, V> {
    fn drop(&mut self) {
        // Two holders: the map and this waiter. A finished load has none to count and is off the map already.
        let mut map = self.loads.lock();
        let mine = map.get(&self.key).is_some_and(|(_, load)| load.ptr_eq(&self.load));
        if mine && self.load.strong_count().is_some_and(|holders| holders <= 2) {
            map.remove(&self.key);
        }
    }
}
