//! Redis handle: a call answers within [`CALL`] or not at all, and what does not answer is not asked again until the
//! reconnector has seen it answer. So a Redis that hangs costs a few slow requests, and then nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use redis::{Cmd, ErrorKind, RedisResult, Script, ServerErrorKind, Value};
use souk_runtime::Tasks;
use tokio::sync::{Notify, watch};

use crate::breaker::Breaker;
use crate::link::{Link, Target};
use crate::reconnector;

/// Longest wait for an answer. A healthy Redis takes well under a millisecond and PostgreSQL a few: past this, asking
/// PostgreSQL would have been quicker, and three such waits still fit into a request.
pub const CALL: Duration = Duration::from_millis(100);
/// Seconds between two log lines about a Redis that does not answer.
const QUIET_SECONDS: i64 = 10;

/// Which Redis, and whose keys in it.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `redis://host:port`; one is a server, several are nodes of a cluster.
    pub nodes: Vec<String>,
    /// Keys begin with `souk:` and this: installations that share a Redis differ in it.
    pub installation: String,
    /// Longest wait for an answer: [`CALL`], unless a test on a busy machine has more patience.
    pub call: Duration,
}

/// A setting that cannot be meant.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// At least one is needed.
    #[error("no nodes are named")]
    NoNodes,
    /// Not an address of Redis.
    #[error("{0}")]
    Address(#[from] redis::RedisError),
}

/// A script; Redis knows it by its hash once it has run.
#[derive(Clone)]
pub(crate) struct Lua {
    text: &'static str,
    hash: String,
}

impl Lua {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text, hash: Script::new(text).get_hash().to_owned() }
    }
}

/// A handle to Redis; clones share it.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) target: Target,
    pub(crate) link: RwLock<Option<Link>>,
    pub(crate) breaker: Breaker,
    /// Wakes the reconnector.
    pub(crate) trouble: Notify,
    /// True while every part of the key space answers.
    pub(crate) all_connected: watch::Sender<bool>,
    /// Longest wait for an answer.
    pub(crate) call: Duration,
    prefix: String,
    started: Instant,
    said: AtomicI64,
}

impl Redis {
    /// The handle; `tasks` keeps its connections. Nothing is waited for: until Redis answers it is as if it were not there.
    ///
    /// # Errors
    /// Addresses that are none.
    pub fn new(settings: &RedisSettings, tasks: &Tasks) -> Result<Self, RedisError> {
        if settings.nodes.is_empty() {
            return Err(RedisError::NoNodes);
        }
        let prefix = format!("souk:{}:", settings.installation);
        let redis = Self(Arc::new(Inner {
            target: Target::new(&settings.nodes, settings.call)?,
            call: settings.call,
            link: RwLock::new(None),
            breaker: Breaker::new(settings.nodes.len() > 1, &prefix),
            trouble: Notify::new(),
            all_connected: watch::Sender::new(false),
            prefix,
            started: Instant::now(),
            said: AtomicI64::new(-QUIET_SECONDS),
        }));
        tasks.spawn("redis", reconnector::run(redis.clone(), tasks.clone()));
        Ok(redis)
    }

    /// Checks addresses without connecting.
    ///
    /// # Errors
    /// Addresses that are none.
    pub fn check(nodes: &[String]) -> Result<(), RedisError> {
        match nodes {
            [] => Err(RedisError::NoNodes),
            nodes => Ok(Target::new(nodes, CALL).map(drop)?),
        }
    }

    /// Returns when every node answers. It may never; requests do not call this.
    pub async fn all_connected(&self) {
        // The sender lives as long as this handle.
        let _ = self.0.all_connected.subscribe().wait_for(|all_connected| *all_connected).await;
    }

    /// The key of `id` in `cache`. `version` is that of the layout of its values: another binary's are never read.
    pub(crate) fn key(&self, cache: &str, version: u32, id: &str) -> String {
        format!("{}{cache}:{version}:{id}", self.0.prefix)
    }

    /// The answer to a command about `key`, or none; `call` names it in metrics.
    pub(crate) async fn ask(&self, call: &'static str, key: &str, command: &Cmd) -> Option<Value> {
        self.bounded(call, key, async |mut link: Link| link.send(command).await).await
    }

    /// The same for a script about `key`, whose text is sent only when Redis does not know it.
    pub(crate) async fn run(&self, call: &'static str, key: &str, script: &Lua, arguments: &[&[u8]]) -> Option<Value> {
        let command = |name: &str, text: &str| {
            let mut command = redis::cmd(name);
            command.arg(text).arg(1).arg(key);
            for argument in arguments {
                command.arg(*argument);
            }
            command
        };
        self.bounded(call, key, async |mut link: Link| match link.send(&command("EVALSHA", &script.hash)).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                link.send(&command("EVAL", script.text)).await
            }
            done => done,
        })
        .await
    }

    async fn bounded(
        &self,
        call: &'static str,
        key: &str,
        send: impl AsyncFnOnce(Link) -> RedisResult<Value>,
    ) -> Option<Value> {
        let part = self.0.breaker.part(key);
        let link = if self.0.breaker.admits(part) { self.link() } else { None };
        let Some(link) = link else {
            metrics::counter!("souk_redis_calls_total", "call" => call, "outcome" => "refused").increment(1);
            return None;
        };
        let (outcome, answer) = match tokio::time::timeout(self.0.call, send(link)).await {
            Ok(Ok(value)) => ("ok", Some(value)),
            Ok(Err(error)) => {
                self.failed(part, &error.to_string());
                ("error", None)
            }
            Err(_) => {
                self.failed(part, "no answer in time");
                ("timeout", None)
            }
        };
        metrics::counter!("souk_redis_calls_total", "call" => call, "outcome" => outcome).increment(1);
        if answer.is_some() {
            self.0.breaker.answered(part);
        }
        answer
    }

    fn failed(&self, part: usize, reason: &str) {
        if self.0.breaker.failed(part) {
            self.0.all_connected.send_replace(false);
            self.0.trouble.notify_one();
        }
        let now = i64::try_from(self.0.started.elapsed().as_secs()).unwrap_or(i64::MAX);
        let said = self.0.said.load(Ordering::Relaxed);
        let due = now - said >= QUIET_SECONDS;
        if due && self.0.said.compare_exchange(said, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::warn!(reason, "redis does not answer, going on without it");
        }
    }

    fn link(&self) -> Option<Link> {
        self.0.link.read().clone()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}
