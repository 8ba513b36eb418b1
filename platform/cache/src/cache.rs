//! In-process cache: hits touch no lock; misses, ends of loads and invalidations take one, shortly.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use metrics::Counter;
use moka::sync::Cache as Moka;
use souk_kernel::Problem;

use crate::single_flight::{SingleFlight, Waiter};
use crate::{Loaded, SecondTier};

/// Invalidations remembered, so that a load that began before one is not kept: far more than loads can be under way.
const MAX_FLOORS: u64 = 200_000;
/// How long one is remembered: far longer than any load may take.
const FLOOR_TTL: Duration = Duration::from_secs(600);
/// Loads of one call: a key that changes faster than it can be read is answered with the last read.
const MAX_LOADS: usize = 3;

/// What a cache is called and how much it may hold.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Label of its metrics.
    pub name: &'static str,
    /// Bytes all values may take together, by the weights that [`Cache::new`] is given.
    pub max_bytes: u64,
    /// Age at which a value is read again even if it was not invalidated.
    pub ttl: Duration,
}

/// Values by key. Cheap to clone; clones are the same cache.
pub struct Cache<K: Hash + Eq + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> {
    inner: Arc<Inner<K, V>>,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

struct Inner<K: Hash + Eq + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> {
    values: Moka<K, Loaded<V>>,
    floors: Moka<K, u64>,
    loads: Arc<SingleFlight<K, V>>,
    second: Option<Arc<dyn SecondTier<K, V>>>,
    hits: Counter,
    misses: Counter,
    shared: Counter,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// An empty cache. `weigh` gives the bytes of a value, key included; about is good enough.
    pub fn new(settings: Settings, weigh: impl Fn(&K, &V) -> usize + Send + Sync + 'static) -> Self {
        Self::build(settings, weigh, None)
    }

    /// The same with a tier behind it that is asked before anything is loaded.
    pub fn with_second(
        settings: Settings,
        weigh: impl Fn(&K, &V) -> usize + Send + Sync + 'static,
        second: Arc<dyn SecondTier<K, V>>,
    ) -> Self {
        Self::build(settings, weigh, Some(second))
    }

    fn build(
        settings: Settings,
        weigh: impl Fn(&K, &V) -> usize + Send + Sync + 'static,
        second: Option<Arc<dyn SecondTier<K, V>>>,
    ) -> Self {
        let values = Moka::builder()
            .weigher(move |key: &K, loaded: &Loaded<V>| u32::try_from(weigh(key, &loaded.value)).unwrap_or(u32::MAX))
            .max_capacity(settings.max_bytes)
            .time_to_live(settings.ttl)
            .build();
        let counter = |outcome| {
            let labels = [("cache", settings.name), ("tier", "memory"), ("outcome", outcome)];
            metrics::counter!("souk_cache_requests_total", &labels)
        };
        let floors = Moka::builder().max_capacity(MAX_FLOORS).time_to_live(FLOOR_TTL).build();
        Self {
            inner: Arc::new(Inner {
                values,
                floors,
                loads: Arc::new(SingleFlight::new()),
                second,
                hits: counter("hit"),
                misses: counter("miss"),
                shared: counter("shared"),
            }),
        }
    }

    /// The value, if it is here.
    pub fn get(&self, key: &K) -> Option<V> {
        let found = self.inner.values.get(key);
        if found.is_some() {
            self.inner.hits.increment(1);
        }
        found.map(|loaded| loaded.value)
    }

    /// The value, from here or by `load`; of callers that come at the same time one loads and all get its outcome.
    /// `load` is given the position it must at least see (0: any), as a read from a replica needs to know.
    ///
    /// # Errors
    /// Those of `load`; they are not kept, the next caller tries again.
    pub async fn get_or_load<F, Fut>(&self, key: &K, load: F) -> Result<V, Problem>
    where
        F: Fn(u64) -> Fut,
        Fut: Future<Output = Result<Loaded<V>, Problem>> + Send + 'static,
    {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        let mut tries = 1;
        loop {
            let loaded = self.join(key, &load).outcome().await?;
            let floor = self.inner.floors.get(key).unwrap_or(0);
            if loaded.position >= floor || tries == MAX_LOADS {
                return Ok(loaded.value);
            }
            tries += 1;
        }
    }

    /// Keeps a value that was not loaded through this cache, unless a newer one is known.
    pub fn put(&self, key: K, loaded: Loaded<V>) {
        let _loads = self.inner.loads.lock();
        self.inner.keep(key, loaded);
    }

    /// Says that from `position` on the value is another: what is older is dropped, and not kept when it arrives late.
    pub fn invalidate(&self, key: &K, position: u64) {
        let _loads = self.inner.loads.lock();
        let floor = self.inner.floors.get(key).unwrap_or(0).max(position);
        self.inner.floors.insert(key.clone(), floor);
        if self.inner.values.get(key).is_some_and(|kept| kept.position < floor) {
            self.inner.values.invalidate(key);
        }
    }

    /// Bytes held, by weight; may lag by a moment.
    pub fn weight(&self) -> u64 {
        self.inner.values.run_pending_tasks();
        self.inner.values.weighted_size()
    }

    /// The load that will bring `key` at its present floor: one under way, or a new one.
    fn join<F, Fut>(&self, key: &K, load: &F) -> Waiter<K, V>
    where
        F: Fn(u64) -> Fut,
        Fut: Future<Output = Result<Loaded<V>, Problem>> + Send + 'static,
    {
        let mut loads = self.inner.loads.lock();
        let floor = self.inner.floors.get(key).unwrap_or(0);
        if let Some((promised, under_way)) = loads.get(key)
            && *promised >= floor
        {
            self.inner.shared.increment(1);
            return Waiter::new(self.inner.loads.clone(), key.clone(), under_way.clone());
        }
        self.inner.misses.increment(1);
        let under_way = self.inner.clone().run(key.clone(), floor, load(floor)).boxed().shared();
        loads.insert(key.clone(), (floor, under_way.clone()));
        Waiter::new(self.inner.loads.clone(), key.clone(), under_way)
    }
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Inner<K, V> {
    async fn run(
        self: Arc<Self>,
        key: K,
        floor: u64,
        load: impl Future<Output = Result<Loaded<V>, Problem>> + Send + 'static,
    ) -> Result<Loaded<V>, Problem> {
        let outcome = self.fetch(&key, floor, load).await;
        let mut loads = self.loads.lock();
        // A later load may have taken the place of this one after an invalidation; it is left alone.
        if loads.get(&key).is_some_and(|(promised, _)| *promised == floor) {
            loads.remove(&key);
        }
        if let Ok(loaded) = &outcome {
            self.keep(key, loaded.clone());
        }
        outcome
    }

    async fn fetch(
        &self,
        key: &K,
        floor: u64,
        load: impl Future<Output = Result<Loaded<V>, Problem>> + Send + 'static,
    ) -> Result<Loaded<V>, Problem> {
        let Some(second) = &self.second else { return load.await };
        if let Some(loaded) = second.get(key, floor).await {
            return Ok(loaded);
        }
        let loaded = load.await?;
        second.put(key, &loaded).await;
        Ok(loaded)
    }

    /// Called with the loads locked, so that no invalidation slips between the look and the insert.
    fn keep(&self, key: K, loaded: Loaded<V>) {
        let floor = self.floors.get(&key).unwrap_or(0);
        let newer = self.values.get(&key).is_some_and(|kept| kept.position > loaded.position);
        if loaded.position >= floor && !newer {
            self.values.insert(key, loaded);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use parking_lot::Mutex;

    use super::*;

    fn cache() -> Cache<&'static str, String> {
        let settings = Settings { name: "test", max_bytes: 10_000, ttl: Duration::from_secs(60) };
        Cache::new(settings, |key: &&str, value: &String| key.len() + value.len())
    }

    fn is(position: u64, value: &str) -> Result<Loaded<String>, Problem> {
        Ok(Loaded::at(position, value.to_owned()))
    }

    #[tokio::test]
    async fn a_hundred_callers_load_once_and_a_failure_is_not_kept() {
        let (cache, loads) = (cache(), Arc::new(AtomicUsize::new(0)));
        let (go, gate) = tokio::sync::watch::channel(false);
        let call = || {
            let (cache, loads, gate) = (cache.clone(), loads.clone(), gate.clone());
            async move {
                cache
                    .get_or_load(&"a", |_| {
                        let (loads, mut gate) = (loads.clone(), gate.clone());
                        async move {
                            loads.fetch_add(1, Ordering::SeqCst);
                            gate.wait_for(|open| *open).await.unwrap();
                            Err(Problem::unavailable("down", "x"))
                        }
                    })
                    .await
            }
        };
        let callers = futures_util::future::join_all((0..100).map(|_| call()));
        let (outcomes, _) = tokio::join!(callers, async {
            tokio::task::yield_now().await;
            go.send(true).unwrap();
        });
        assert!(outcomes.iter().all(Result::is_err));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        assert_eq!(cache.get_or_load(&"a", |_| async { is(1, "later") }).await.unwrap(), "later");
        assert_eq!(cache.get_or_load(&"a", |_| async { is(9, "unused") }).await.unwrap(), "later");
    }

    #[tokio::test]
    async fn a_load_that_began_before_an_invalidation_is_not_kept_and_read_again() {
        let cache = cache();
        let wanted = Arc::new(Mutex::new(Vec::new()));
        let value = cache
            .get_or_load(&"a", |at_least| {
                wanted.lock().push(at_least);
                let cache = cache.clone();
                async move {
                    // The first read saw version 3; while it was under way version 5 became true.
                    cache.invalidate(&"a", 5);
                    if at_least == 0 { is(3, "old") } else { is(at_least, "new") }
                }
            })
            .await
            .unwrap();
        assert_eq!((value.as_str(), cache.get(&"a").unwrap().as_str()), ("new", "new"));
        assert_eq!(*wanted.lock(), [0, 5], "the second load knows what it must see");
    }

    #[tokio::test]
    async fn older_never_overwrites_newer() {
        let cache = cache();
        cache.put("a", Loaded::at(7, "seven".into()));
        cache.put("a", Loaded::at(6, "six".into()));
        assert_eq!(cache.get(&"a").unwrap(), "seven");
        cache.invalidate(&"a", 7);
        assert_eq!(cache.get(&"a").unwrap(), "seven", "it is what became true at 7");
        cache.invalidate(&"a", 8);
        assert_eq!(cache.get(&"a"), None);
        cache.invalidate(&"a", 2);
        cache.put("a", Loaded::at(7, "seven".into()));
        assert_eq!(cache.get(&"a"), None, "an old invalidation does not lower the floor");
        cache.put("a", Loaded::at(8, "eight".into()));
        assert_eq!(cache.get(&"a").unwrap(), "eight");
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_takes_nobody_along() {
        let cache = cache();
        let (go, gate) = tokio::sync::watch::channel(false);
        let load = |_| {
            let mut gate = gate.clone();
            async move {
                gate.wait_for(|open| *open).await.unwrap();
                is(1, "a")
            }
        };
        let mut first = Box::pin(cache.get_or_load(&"a", load));
        let mut second = Box::pin(cache.get_or_load(&"a", load));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        go.send(true).unwrap();
        assert_eq!(second.await.unwrap(), "a");

        let mut alone = Box::pin(cache.get_or_load(&"b", |_| std::future::pending()));
        assert!(futures_util::poll!(&mut alone).is_pending());
        drop(alone);
        let next = cache.get_or_load(&"b", |_| async { is(1, "b") }).await.unwrap();
        assert_eq!(next, "b", "a load nobody waits for is not joined");
    }

    #[tokio::test]
    async fn the_budget_is_in_bytes() {
        let cache: Cache<u32, Vec<u8>> = Cache::new(
            Settings { name: "bytes", max_bytes: 10_000, ttl: Duration::from_secs(60) },
            |_, value: &Vec<u8>| value.len(),
        );
        for key in 0..100 {
            cache.put(key, Loaded::at(1, vec![0; 1_000]));
        }
        assert!((1..=10_000).contains(&cache.weight()), "{}", cache.weight());
    }

    struct Shared(Mutex<Option<Loaded<String>>>);

    #[async_trait::async_trait]
    impl SecondTier<&'static str, String> for Shared {
        async fn get(&self, _: &&'static str, at_least: u64) -> Option<Loaded<String>> {
            self.0.lock().clone().filter(|kept| kept.position >= at_least)
        }
        async fn put(&self, _: &&'static str, loaded: &Loaded<String>) {
            *self.0.lock() = Some(loaded.clone());
        }
    }

    #[tokio::test]
    async fn the_second_tier_is_asked_first_and_told_what_was_loaded() {
        let second = Arc::new(Shared(Mutex::new(Some(Loaded::at(1, "shared".into())))));
        let settings = Settings { name: "two", max_bytes: 10_000, ttl: Duration::from_secs(60) };
        let cache = Cache::with_second(settings, |_, _| 1, second.clone());
        assert_eq!(cache.get_or_load(&"a", |_| async { is(9, "loaded") }).await.unwrap(), "shared");
        cache.invalidate(&"a", 2);
        assert_eq!(cache.get_or_load(&"a", |_| async { is(2, "loaded") }).await.unwrap(), "loaded");
        assert_eq!(second.0.lock().as_ref().unwrap().position, 2);
    }
}
