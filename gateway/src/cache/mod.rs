//! Page cache: public answers, compressed, within a byte budget (LRU), purged by surrogate keys.
//!
//! A purge costs one store per key whatever it hits: entries hold the state of their keys and are checked when found.
//! The same check lets a purge win over a render that was under way when it arrived.

mod cached_response;
mod key;
mod parameters;
pub(crate) mod public_paths;
pub(crate) mod single_flight;
mod surrogate_keys;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use souk_kernel::Clock;

pub(crate) use cached_response::{CachedResponse, Policy, Want, may_store};
pub(crate) use key::{cache_key, of_canary, parts_of};
pub(crate) use parameters::KnownParameters;
pub use parameters::PageParameters;
use surrogate_keys::SurrogateKeys;

/// After a purge the services behind us may still be forgetting the old state: what is rendered so soon after it is
/// kept only for a moment, so that a page made too early heals itself.
const SETTLING_US: i64 = 3_000_000;
/// How long such a page is kept.
const SETTLING_FRESH_US: i64 = 1_000_000;

/// Handle on the gateway's cache; clones share it. Feed [`PageCache::purge`] from events.
#[derive(Clone)]
pub struct PageCache(Arc<Inner>);

struct Inner {
    entries: Cache<Box<str>, Arc<CachedResponse>>,
    keys: SurrogateKeys,
    counts: Counts,
    clock: Clock,
}

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    stale: AtomicU64,
    misses: AtomicU64,
    purges: AtomicU64,
}

/// What the cache did since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Answered from memory, fresh.
    pub hits: u64,
    /// Answered from memory while a new one was made.
    pub stale: u64,
    /// Public reads that had to be rendered.
    pub misses: u64,
    /// Surrogate keys purged.
    pub purges: u64,
    /// Entries held.
    pub entries: u64,
    /// Bytes held, keys and headers included.
    pub bytes: u64,
}

impl CacheStats {
    /// Share of public reads answered from memory, 0 to 1.
    pub fn hit_ratio(&self) -> f64 {
        let found = (self.hits + self.stale) as f64;
        let all = found + self.misses as f64;
        if all == 0.0 { 0.0 } else { found / all }
    }
}

/// What a look-up found.
pub(crate) enum Found {
    Fresh(Arc<CachedResponse>),
    /// May be shown while a new one is made; true for the one caller that has to see to it.
    Stale(Arc<CachedResponse>, bool),
    /// Too old to show, unless nothing newer can be had.
    Expired(Arc<CachedResponse>),
    Nothing,
}

impl PageCache {
    pub(crate) fn new(budget: u64, clock: Clock) -> Self {
        // Least recently used goes first: buyers and crawlers walk through a whole catalogue, and what they walk through
        // now is what is asked for next. A policy that keeps newcomers out until they have proved popular serves a
        // walk with misses only.
        let entries = Cache::<Box<str>, Arc<CachedResponse>>::builder()
            .max_capacity(budget)
            .weigher(|key, entry| u32::try_from(entry.bytes + key.len() as u64).unwrap_or(u32::MAX))
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self(Arc::new(Inner { entries, keys: SurrogateKeys::default(), counts: Counts::default(), clock }))
    }

    /// Forgets every answer that shows one of `keys`, also those that are being rendered now.
    pub fn purge<K: AsRef<str>>(&self, keys: &[K]) {
        self.0.counts.purges.fetch_add(keys.len() as u64, Ordering::Relaxed);
        self.0.keys.purge(keys, self.0.clock.now().as_microsecond());
    }

    /// Forgets everything.
    pub fn purge_all(&self) {
        self.0.keys.purge_all();
        self.0.entries.invalidate_all();
    }

    /// What it did so far.
    pub fn stats(&self) -> CacheStats {
        let counts = &self.0.counts;
        // Counts and sizes are exact only after the cache has done its bookkeeping.
        self.0.entries.run_pending_tasks();
        CacheStats {
            hits: counts.hits.load(Ordering::Relaxed),
            stale: counts.stale.load(Ordering::Relaxed),
            misses: counts.misses.load(Ordering::Relaxed),
            purges: counts.purges.load(Ordering::Relaxed),
            entries: self.0.entries.entry_count(),
            bytes: self.0.entries.weighted_size(),
        }
    }

    /// Looks `key` up at `now` (microseconds).
    pub(crate) fn find(&self, key: &str, now: i64) -> Found {
        let Some(entry) = self.0.entries.get(key) else { return Found::Nothing };
        if !self.valid(&entry) {
            return Found::Nothing;
        }
        if now < entry.fresh_until {
            self.0.counts.hits.fetch_add(1, Ordering::Relaxed);
            return Found::Fresh(entry);
        }
        if now < entry.stale_until {
            self.0.counts.stale.fetch_add(1, Ordering::Relaxed);
            let mine = entry.claim_refresh(now);
            return Found::Stale(entry, mine);
        }
        Found::Expired(entry)
    }

    /// True unless something the entry shows was purged after its render began.
    pub(crate) fn valid(&self, entry: &CachedResponse) -> bool {
        self.0.keys.valid(entry.epoch, &entry.keys)
    }

    /// Call before a render begins; its answer is stored under what this returns.
    pub(crate) fn begin(&self) -> u64 {
        self.0.counts.misses.fetch_add(1, Ordering::Relaxed);
        self.0.keys.epoch()
    }

    /// Makes an entry of a public answer and stores it unless it was purged meanwhile.
    pub(crate) fn store(
        &self,
        key: &str,
        epoch: u64,
        now: i64,
        policy: Policy,
        mut entry: CachedResponse,
        sent: &HeaderMap,
    ) -> Arc<CachedResponse> {
        let (states, purged_at) = self.0.keys.states(sent, now);
        entry.epoch = epoch;
        entry.keys = states;
        entry.fresh_until = now + policy.fresh_us;
        entry.stale_until = entry.fresh_until + policy.stale_us;
        if now - purged_at < SETTLING_US {
            entry.fresh_until = entry.fresh_until.min(now + SETTLING_FRESH_US);
            entry.stale_until = entry.fresh_until;
        }
        entry.stored_at = now;
        entry.bytes = entry.weigh();
        let entry = Arc::new(entry);
        if self.0.keys.storable(epoch) && self.valid(&entry) && !self.newer(key, epoch) {
            self.0.entries.insert(key.into(), entry.clone());
        }
        entry
    }

    /// True when what is stored began to render later: older never overwrites newer.
    fn newer(&self, key: &str, epoch: u64) -> bool {
        self.0.entries.get(key).is_some_and(|stored| stored.epoch > epoch && self.valid(&stored))
    }
}

#[cfg(test)]
mod tests;
