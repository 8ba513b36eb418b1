//! Handles as processes have them, each with tasks of its own.

use std::time::Duration;

use souk_engines::Redis as Server;
use souk_modules::Tasks;
use souk_redis::{Redis, RedisSettings};

/// Longest wait for what must happen: far more than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// One process.
pub struct Process {
    pub redis: Redis,
    pub tasks: Tasks,
}

/// A process of the installation `shop` on these nodes, connected.
pub async fn process(nodes: Vec<String>) -> Process {
    let process = start(nodes, "shop");
    whole(&process.redis).await;
    process
}

/// The same, connected or not.
pub fn start(nodes: Vec<String>, installation: &str) -> Process {
    let tasks = Tasks::new();
    let settings = RedisSettings { nodes, installation: installation.to_owned() };
    Process { redis: Redis::new(&settings, &tasks).unwrap(), tasks }
}

pub async fn on(server: &Server) -> Process {
    process(vec![server.url()]).await
}

pub async fn whole(redis: &Redis) {
    tokio::time::timeout(PATIENCE, redis.whole()).await.expect("redis answers again");
}

/// Waits until `true`.
pub async fn eventually(what: &str, mut now: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !now().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never: {what}"));
}
