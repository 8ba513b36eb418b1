//! Loads under way: callers that want the same key at the same time wait for one load.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, Shared};
use souk_kernel::Problem;

use crate::Loaded;

/// One load that any number of callers poll together; it survives the caller who began it.
pub(crate) type Flight<V> = Shared<BoxFuture<'static, Result<Loaded<V>, Problem>>>;

pub(crate) struct Flights<K, V>(Mutex<HashMap<K, (u64, Flight<V>)>>);

impl<K: Hash + Eq + Clone, V: Clone + Send + Sync + 'static> Flights<K, V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// The map of key to (position the load promised to reach, load). What else must not happen between a look at a
    /// flight and its end is done while this is held.
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<K, (u64, Flight<V>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's hold on a flight. The last one to let go of an unfinished flight takes it off the map, so that a load that
/// nobody drives is not joined minutes later.
pub(crate) struct Seat<K: Hash + Eq + Clone, V: Clone + Send + Sync + 'static> {
    flights: Arc<Flights<K, V>>,
    key: K,
    flight: Flight<V>,
}

impl<K: Hash + Eq + Clone, V: Clone + Send + Sync + 'static> Seat<K, V> {
    pub(crate) fn new(flights: Arc<Flights<K, V>>, key: K, flight: Flight<V>) -> Self {
        Self { flights, key, flight }
    }

    pub(crate) async fn landing(&self) -> Result<Loaded<V>, Problem> {
        self.flight.clone().await
    }
}

impl<K: Hash + Eq + Clone, V: Clone + Send + Sync + 'static> Drop for Seat<K, V> {
    fn drop(&mut self) {
        // Two holders: the map and this seat. A finished flight has none to count and is off the map already.
        let mut map = self.flights.lock();
        let mine = map.get(&self.key).is_some_and(|(_, flight)| flight.ptr_eq(&self.flight));
        if mine && self.flight.strong_count().is_some_and(|holders| holders <= 2) {
            map.remove(&self.key);
        }
    }
}
