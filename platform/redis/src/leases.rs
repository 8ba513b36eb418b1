//! What PostgreSQL owns and may be believed for a minute without asking it: sessions, carts.
//!
//! The rules, and why a value that is not true any more is not believed:
//! * Who misses gets a *deadline* by Redis' own clock, read before PostgreSQL was. What they keep ends there, however late
//!   it is written (a hung Redis carries out what was sent to it minutes ago).
//! * Who changes the truth commits, and then *recalls* before answering: a mark stands in the value's place for longer than
//!   any deadline given out before it, and nothing is kept over a mark. So a reader who was on its way with an old value
//!   does not bring it back.
//! * A recall that Redis did not confirm is repeated in the background until it does, or until nothing can be left to
//!   recall. While Redis cannot be reached nobody reads from it either; what remains is a process that reaches Redis when
//!   the one that recalls cannot, and that ends with the lease: [`LEASE`], without anybody's help.

use std::time::Duration;

use redis::Value;
use souk_runtime::Tasks;

use crate::Redis;
use crate::client::Lua;

/// How long a value is believed: also the longest that a recall which never arrives can be missed.
pub const LEASE: Duration = Duration::from_secs(60);
/// A mark outlives every deadline given before it.
const MARK_MS: u64 = 61_000;
/// Pause between two tries of a recall.
const REPEAT: Duration = Duration::from_millis(200);
/// First byte of a value and of a mark.
const VALUE: u8 = b'=';
const MARK: u8 = b'!';

/// The value, or the time (in milliseconds) when there is none.
const LOOK: &str = "
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
    /// Nothing, and nothing is to be kept: it was just recalled, or Redis does not answer.
    Closed,
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
    look: Lua,
}

impl Leases {
    /// Leases of the cache `name`; `version` changes with the layout of its values. `tasks` repeats recalls.
    pub fn new(redis: Redis, tasks: Tasks, name: &'static str, version: u32) -> Self {
        Self { redis, tasks, name, version, look: Lua::new(LOOK) }
    }

    /// What is known of `id`.
    pub async fn look(&self, id: &str) -> Lease {
        let key = self.key(id);
        let lease = match self.redis.run("look", &key, &self.look, &[]).await {
            Some(Value::BulkString(mut bytes)) if bytes.first() == Some(&VALUE) => {
                bytes.remove(0);
                Lease::Held(bytes)
            }
            Some(Value::Int(now)) => Lease::Free(Deadline(now + i64::try_from(LEASE.as_millis()).unwrap_or(0))),
            _ => Lease::Closed,
        };
        let outcome = if matches!(lease, Lease::Held(_)) { "hit" } else { "miss" };
        let labels = [("cache", self.name), ("tier", "redis"), ("outcome", outcome)];
        metrics::counter!("souk_cache_requests_total", &labels).increment(1);
        lease
    }

    /// Keeps what was read after the look that gave `deadline`, unless it was recalled since.
    pub async fn keep(&self, id: &str, deadline: Deadline, value: &[u8]) {
        let key = self.key(id);
        let bytes = [&[VALUE], value].concat();
        let mut command = redis::cmd("SET");
        command.arg(&key).arg(bytes).arg("NX").arg("PXAT").arg(deadline.0);
        self.redis.ask("keep", &key, &command).await;
    }

    /// Takes values back after the commit that made them untrue; returns when Redis knows or did not say so in time.
    pub async fn recall(&self, ids: &[String]) {
        let done = futures_util::future::join_all(ids.iter().map(|id| self.clone().mark_owned(id.clone()))).await;
        let left: Vec<String> = ids.iter().zip(done).filter(|(_, done)| !done).map(|(id, _)| id.clone()).collect();
        if left.is_empty() {
            return;
        }
        metrics::counter!("souk_redis_recalls_repeated_total", "cache" => self.name).increment(left.len() as u64);
        let again = self.clone();
        self.tasks.spawn("redis.recall", async move { again.repeat(left).await });
    }

    async fn repeat(&self, mut left: Vec<String>) {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < LEASE && !left.is_empty() && self.tasks.pause(REPEAT).await {
            let mut failed = Vec::new();
            for id in left {
                if !self.mark(&id).await {
                    failed.push(id);
                }
            }
            left = failed;
        }
    }

    async fn mark_owned(self, id: String) -> bool {
        self.mark(&id).await
    }

    async fn mark(&self, id: &str) -> bool {
        let key = self.key(id);
        let mut command = redis::cmd("SET");
        command.arg(&key).arg(&[MARK][..]).arg("PX").arg(MARK_MS);
        self.redis.ask("recall", &key, &command).await.is_some()
    }

    fn key(&self, id: &str) -> String {
        self.redis.key(self.name, self.version, id)
    }
}
