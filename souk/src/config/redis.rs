//! Redis settings, `[redis]`, and the rule for names that shops on a shared engine differ in.

use serde::{Deserialize, Serialize};
use souk_kernel::without_password;

use super::Complaint;

/// What begins the names of topics and keys, in words.
pub(super) const PREFIX: &str = "must be 1 to 100 letters, digits, dots, dashes and underscores";

/// True for what may begin the names of topics and keys.
pub(super) fn is_prefix(text: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    (1..=100).contains(&text.len()) && text.chars().all(allowed)
}

/// Redis: caches, sessions and rates that processes share. Nothing is lost without it, and readiness does not depend on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisConfig {
    /// `redis://host:port`; several are nodes of a cluster, none: no Redis.
    pub nodes: Vec<String>,
    /// Keys begin with `souk:` and this: shops that share a Redis differ in it.
    pub installation: String,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self { nodes: Vec::new(), installation: "shop".into() }
    }
}

impl RedisConfig {
    /// Why it cannot work.
    pub(super) fn complaints(&self) -> Vec<Complaint> {
        let wrong = |key: &str, reason: String| Complaint { key: key.into(), reason };
        let mut complaints = Vec::new();
        if !is_prefix(&self.installation) {
            complaints.push(wrong("redis.installation", PREFIX.into()));
        }
        for node in &self.nodes {
            let shown = without_password(node);
            if !node.starts_with("redis://") {
                let reason =
                    format!("{shown:?} is not redis://host:port; encrypted connections (rediss) are not built in");
                complaints.push(wrong("redis.nodes", reason));
            } else if let Err(error) = souk_redis::Redis::check(std::slice::from_ref(node)) {
                complaints.push(wrong("redis.nodes", format!("{shown:?}: {error}")));
            }
        }
        complaints
    }
}
