//! Surrogate keys: what a page shows, and when that was purged last.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use http::HeaderMap;
use parking_lot::Mutex;

/// Keys of one answer that are kept; a list of 250 products with their categories has fewer.
const MAX_KEYS: usize = 512;
/// States that no entry uses and that a render under way might still need. Beyond, they are dropped, and renders that
/// began before are not stored.
const MAX_UNUSED: usize = 100_000;
/// States added before unused ones are looked for.
const SWEEP_EVERY: usize = 4_096;
/// Microseconds for which an unused state is remembered: longer than any render lasts.
const REMEMBERED_US: i64 = 60_000_000;

/// When one key was purged last. Shared by all entries that show it.
#[derive(Debug)]
pub(crate) struct KeyState {
    purged_epoch: AtomicU64,
    purged_at: AtomicI64,
}

/// All keys. Epochs count purges: a render that began at epoch `n` knows nothing of purges above `n`.
#[derive(Default)]
pub(super) struct SurrogateKeys {
    epoch: AtomicU64,
    /// Nothing that began before is shown.
    floor: AtomicU64,
    /// Nothing that began before is stored.
    store_floor: AtomicU64,
    states: Mutex<States>,
}

#[derive(Default)]
struct States {
    by_key: HashMap<Box<str>, Arc<KeyState>>,
    added: usize,
}

impl SurrogateKeys {
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    pub(super) fn purge<K: AsRef<str>>(&self, keys: &[K], now: i64) {
        let mut states = self.states.lock();
        let epoch = self.epoch.fetch_add(1, Ordering::SeqCst) + 1;
        for key in keys {
            let state = states.get(key.as_ref());
            state.purged_at.fetch_max(now, Ordering::SeqCst);
            state.purged_epoch.store(epoch, Ordering::SeqCst);
        }
        self.sweep(&mut states, now);
    }

    pub(super) fn purge_all(&self) {
        let epoch = self.epoch.fetch_add(1, Ordering::SeqCst) + 1;
        self.floor.fetch_max(epoch, Ordering::SeqCst);
    }

    pub(super) fn valid(&self, epoch: u64, keys: &[Arc<KeyState>]) -> bool {
        epoch >= self.floor.load(Ordering::Acquire)
            && keys.iter().all(|key| key.purged_epoch.load(Ordering::Acquire) <= epoch)
    }

    pub(super) fn storable(&self, epoch: u64) -> bool {
        epoch >= self.store_floor.load(Ordering::SeqCst)
    }

    /// States of the keys an answer names, and when the last of them was purged.
    pub(super) fn states(&self, sent: &HeaderMap, now: i64) -> (Box<[Arc<KeyState>]>, i64) {
        let lines = sent.get_all(souk_web::SURROGATE_KEY);
        let keys = lines.iter().filter_map(|v| v.to_str().ok()).flat_map(str::split_ascii_whitespace);
        let mut states = self.states.lock();
        let found: Box<[Arc<KeyState>]> = keys.take(MAX_KEYS).map(|key| states.get(key)).collect();
        let purged_at = found.iter().map(|s| s.purged_at.load(Ordering::SeqCst)).max().unwrap_or(i64::MIN / 2);
        self.sweep(&mut states, now);
        (found, purged_at)
    }

    fn sweep(&self, states: &mut States, now: i64) {
        if states.added < SWEEP_EVERY {
            return;
        }
        states.added = 0;
        let unused = |state: &Arc<KeyState>| Arc::strong_count(state) == 1;
        states.by_key.retain(|_, s| !unused(s) || s.purged_at.load(Ordering::SeqCst) > now - REMEMBERED_US);
        if states.by_key.values().filter(|state| unused(state)).count() > MAX_UNUSED {
            self.store_floor.store(self.epoch(), Ordering::SeqCst);
            states.by_key.retain(|_, state| !unused(state));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.states.lock().by_key.len()
    }
}

impl States {
    fn get(&mut self, key: &str) -> Arc<KeyState> {
        if let Some(state) = self.by_key.get(key) {
            return state.clone();
        }
        let state = Arc::new(KeyState { purged_epoch: AtomicU64::new(0), purged_at: AtomicI64::new(i64::MIN / 2) });
        self.by_key.insert(key.into(), state.clone());
        self.added += 1;
        state
    }
}
