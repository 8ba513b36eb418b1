//! Leased cache entries, for what PostgreSQL owns and may be believed for a minute without asking it: sessions, carts.
//!
//! The rules, and why a value that is not true any more is not believed:
//! * Who misses gets a *deadline* by Redis' own clock, read before PostgreSQL was. What they keep ends there, however late
//!   it is written (a hung Redis carries out what was sent to it minutes ago).
//! * Who changes the truth commits, and then *revokes* before answering: a tombstone stands in the value's place for longer than
//!   any deadline given out before it, and nothing is kept over a tombstone. So a reader who was on its way with an old value
//!   does not bring it back.
//! * A revocation that Redis did not confirm is repeated in the background until it does, or until nothing can be left to
//!   revoke. While Redis cannot be reached it is not read from either; what remains is a process that reaches Redis when
//!   the one that revokes cannot, and that ends with the lease: [`LEASE`], by itself.

use std::time::Duration;

use redis::Value;
use souk_runtime::Tasks;

use crate::Redis;
use crate::client::Lua;

/// How long a value is believed: also the longest that a revocation which never arrives can be missed.
pub const LEASE: Duration = Duration::from_secs(60);
/// A tombstone outlives every deadline given before it.
const TOMBSTONE_MS: u64 = 61_000;
/// Pause between two tries of a revocation.
const REPEAT: Duration = Duration::from_millis(200);
/// First byte of a value and of a tombstone.
const VALUE: u8 = b'=';
const TOMBSTONE: u8 = b'!';

/// The value, or the time (in milliseconds) when there is none.
const GET: &str = "
local kept = redis.call('GET', KEYS[1])
if kept then return kept end
local now = redis.call('TIME')
return now[1] * 1000 + math.floor(now[2] / 1000)";

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lease {
    /// This, believed until its lease ends.
    Held(Vec<u8>),
    /// Nothing. What is now read from PostgreSQL may be kept with this deadline.
    Free(Deadline),
    /// Nothing, and nothing is to be kept: it was just revoked, or Redis does not answer.
    Revoked,
}

/// Milliseconds of Redis' clock at which a lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(i64);

impl Deadline {
    /// So much before.
    pub fn earlier(self, by: Duration) -> Self {
        Self(self.0 - i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The leases of one kind of value.
#[derive(Clone)]
pub struct Leases {
    redis: Redis,
    tasks: Tasks,
    name: &'static str,
    version: u32,
    get: Lua,
}

impl Leases {
    /// Leases of the cache `name`; `version` changes with the layout of its values. `tasks` repeats revocations.
    pub fn new(redis: Redis, tasks: Tasks, name: &'static str, version: u32) -> Self {
        Self { redis, tasks, name, version, get: Lua::new(GET) }
    }

    /// What is known of `id`.
    pub async fn get(&self, id: &str) -> Lease {
        let key = self.key(id);
        // The metrics' words for calls are older than these functions' names; dashboards know them.
        let lease = match self.redis.run("look", &key, &self.get, &[]).await {
            Some(Value::BulkString(mut bytes)) if bytes.first() == Some(&VALUE) => {
                bytes.remove(0);
                Lease::Held(bytes)
            }
            Some(Value::Int(now)) => Lease::Free(Deadline(now + i64::try_from(LEASE.as_millis()).unwrap_or(0))),
            _ => Lease::Revoked,
        };
        let outcome = if matches!(lease, Lease::Held(_)) { "hit" } else { "miss" };
        let labels = [("cache", self.name), ("tier", "redis"), ("outcome", outcome)];
        metrics::counter!("souk_cache_requests_total", &labels).increment(1);
        lease
    }

    /// Keeps what was read after the answer that gave `deadline`, unless it was revoked since.
    pub async fn keep(&self, id: &str, deadline: Deadline, value: &[u8]) {
        let key = self.key(id);
        let bytes = [&[VALUE], value].concat();
        let mut command = redis::cmd("SET");
        command.arg(&key).arg(bytes).arg("NX").arg("PXAT").arg(deadline.0);
        self.redis.ask("keep", &key, &command).await;
    }

    /// Revokes values after the commit that made them untrue; returns when Redis knows or did not say so in time.
    pub async fn revoke(&self, ids: &[String]) {
        let done = futures_util::future::join_all(ids.iter().map(|id| self.clone().tombstone_owned(id.clone()))).await;
        let left: Vec<String> = ids.iter().zip(done).filter(|(_, done)| !done).map(|(id, _)| id.clone()).collect();
        if left.is_empty() {
            return;
        }
        metrics::counter!("souk_redis_recalls_repeated_total", "cache" => self.name).increment(left.len() as u64);
        let again = self.clone();
        self.tasks.spawn("redis.revoke", async move { again.repeat(left).await });
    }

    async fn repeat(&self, mut left: Vec<String>) {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < LEASE && !left.is_empty() && self.tasks.pause(REPEAT).await {
            let mut failed = Vec::new();
            for id in left {
                if !self.tombstone(&id).await {
                    failed.push(id);
                }
            }
            left = failed;
        }
    }

    async fn tombstone_owned(self, id: String) -> bool {
        self.tombstone(&id).await
    }

    async fn tombstone(&self, id: &str) -> bool {
        let key = self.key(id);
        let mut command = redis::cmd("SET");
        command.arg(&key).arg(&[TOMBSTONE][..]).arg("PX").arg(TOMBSTONE_MS);
        self.redis.ask("recall", &key, &command).await.is_some()
    }

    fn key(&self, id: &str) -> String {
        self.redis.key(self.name, self.version, id)
    }
}
