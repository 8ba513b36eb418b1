//! Second cache tier: values with their positions, shared by all processes. Older never overwrites newer, and a *floor*
//! takes the place of a value that is not true any more, so that a late one does not come back.

use std::fmt::Display;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use metrics::Counter;
use redis::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_cache::{Loaded, SecondTier};

use crate::client::Lua;
use crate::{Redis, codec};

/// Keeps ARGV[1] for ARGV[2] milliseconds unless something newer is there; a floor (ARGV[3] = 1) also gives way to what is
/// as new. Positions are compared in two halves: a number of Lua holds 53 bits.
const PUT: &str = "
local kept = redis.call('GETRANGE', KEYS[1], 0, 7)
if #kept == 8 then
  local a, b = struct.unpack('>I4I4', kept)
  local c, d = struct.unpack('>I4I4', ARGV[1])
  local newer = a > c or (a == c and b > d)
  if newer or (ARGV[3] == '1' and a == c and b == d) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";

/// The values of one cache in Redis. Closed until [`RedisTier::open`]: a process that does not know which invalidations it
/// has missed must not believe what others left there.
pub struct RedisTier<K, V> {
    redis: Redis,
    name: &'static str,
    version: u32,
    ttl: Duration,
    put: Lua,
    open: AtomicBool,
    hits: Counter,
    misses: Counter,
    values: PhantomData<fn(K) -> V>,
}

impl<K, V> RedisTier<K, V>
where
    K: Display + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Values of the cache `name`, forgotten after `ttl`. `version` changes with the layout of `V`.
    pub fn new(redis: Redis, name: &'static str, version: u32, ttl: Duration) -> Self {
        let counter = |outcome| {
            let labels = [("cache", name), ("tier", "redis"), ("outcome", outcome)];
            metrics::counter!("souk_cache_requests_total", &labels)
        };
        let (hits, misses) = (counter("hit"), counter("miss"));
        let open = AtomicBool::new(false);
        Self { redis, name, version, ttl, put: Lua::new(PUT), open, hits, misses, values: PhantomData }
    }

    /// Every invalidation so far is in Redis (true), or may not be (false).
    pub fn open(&self, open: bool) {
        self.open.store(open, Ordering::Release);
    }

    /// True while it is believed.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// From `position` on the value is another. False when Redis did not say that it knows.
    pub async fn invalidate(&self, key: &K, position: u64) -> bool {
        self.write("floor", key, &codec::floor(position), b"1").await
    }

    async fn write(&self, call: &'static str, key: &K, bytes: &[u8], floor: &[u8]) -> bool {
        let key = self.key(key);
        let ttl = self.ttl.as_millis().to_string();
        self.redis.run(call, &key, &self.put, &[bytes, ttl.as_bytes(), floor]).await.is_some()
    }

    fn key(&self, key: &K) -> String {
        self.redis.key(self.name, self.version, &key.to_string())
    }
}

#[async_trait]
impl<K, V> SecondTier<K, V> for RedisTier<K, V>
where
    K: Display + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    async fn get(&self, key: &K, at_least: u64) -> Option<Loaded<V>> {
        if !self.is_open() {
            return None;
        }
        let key = self.key(key);
        let mut command = redis::cmd("GET");
        command.arg(&key);
        let found = match self.redis.ask("get", &key, &command).await? {
            Value::BulkString(bytes) => codec::decode(&bytes).filter(|found| found.position >= at_least),
            _ => None,
        };
        // Closed meanwhile: what was read may be what could not be taken back.
        let found = found.filter(|_| self.is_open());
        if found.is_some() {
            self.hits.increment(1)
        } else {
            self.misses.increment(1)
        }
        found
    }

    async fn put(&self, key: &K, loaded: &Loaded<V>) {
        if let Some(bytes) = codec::encode(loaded.position, &loaded.value) {
            self.write("put", key, &bytes, b"0").await;
        }
    }
}
