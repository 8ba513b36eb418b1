//! Fixtures: handles as processes have them, each with tasks of its own.

use std::time::Duration;

use souk_engines::Redis as Server;
use souk_redis::{CALL, Redis, RedisSettings};
use souk_runtime::Tasks;

/// Longest wait for what must happen: far more than it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// One process.
pub struct Process {
    pub redis: Redis,
    pub tasks: Tasks,
}

/// A process of the installation `shop` on these nodes, connected, which waits as long as in a shop.
pub async fn process(nodes: Vec<String>) -> Process {
    connected(nodes, CALL).await
}

async fn connected(nodes: Vec<String>, call: Duration) -> Process {
    let process = start_with(nodes, "shop", call);
    whole(&process.redis).await;
    process
}

/// The same, connected or not.
pub fn start(nodes: Vec<String>, installation: &str) -> Process {
    start_with(nodes, installation, CALL)
}

fn start_with(nodes: Vec<String>, installation: &str, call: Duration) -> Process {
    let tasks = Tasks::new();
    let settings = RedisSettings { nodes, installation: installation.to_owned(), call };
    Process { redis: Redis::new(&settings, &tasks).unwrap(), tasks }
}

/// One whose server is healthy and may be slow: the machine is.
pub async fn on(server: &Server) -> Process {
    connected(vec![server.url()], PATIENCE).await
}

/// One whose server will not answer.
pub async fn hasty_on(server: &Server) -> Process {
    process(vec![server.url()]).await
}

pub async fn whole(redis: &Redis) {
    tokio::time::timeout(PATIENCE, redis.all_connected()).await.expect("redis answers again");
}
