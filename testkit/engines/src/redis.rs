//! Redis as the distribution ships it: one server, or a cluster of three masters.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::engine::failed;
use crate::{Engine, EngineError, Kind, free_port, installed};

/// Masters of a cluster: the fewest that can agree on one of them being gone.
const MASTERS: usize = 3;
/// Redis has this many slots (its cluster specification).
const SLOTS: usize = 16_384;
/// A cluster agrees within two seconds; the machine may be busy.
const AGREEMENT: Duration = Duration::from_secs(30);
/// After this many milliseconds without an answer a master counts as gone: short, so that tests need not wait.
const NODE_TIMEOUT_MS: &str = "1000";

/// One Redis server. What it has acknowledged survives [`Engine::kill`].
pub type Redis = Engine<RedisNode>;

/// How one server is run.
pub struct RedisNode {
    port: u16,
    /// Port on which nodes of a cluster talk.
    cluster_port: Option<u16>,
}

impl Kind for RedisNode {
    const NAME: &'static str = "Redis";
    const PATIENCE: Duration = Duration::from_secs(30);

    fn command(&self, home: &Path) -> Result<Command, EngineError> {
        let mut command = Command::new(installed::program("redis-server", "scripts/setup redis")?);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]).arg("--dir").arg(home.join("data"));
        // Each write is in the file before it is acknowledged; only a crash of the machine would lose it.
        command.args(["--appendonly", "yes", "--appendfsync", "no", "--save", ""]);
        if let Some(port) = self.cluster_port {
            command.args(["--cluster-enabled", "yes", "--cluster-port", &port.to_string()]);
            command.args(["--cluster-node-timeout", NODE_TIMEOUT_MS]);
        }
        Ok(command)
    }

    async fn probe(&self) -> Result<(), String> {
        match ask(self.port, &["PING"]).await {
            Ok(reply) if reply == "PONG" => Ok(()),
            Ok(reply) => Err(reply),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Redis {
    /// Starts a server with empty data.
    ///
    /// # Errors
    /// In words, when there is none to be had.
    pub async fn start() -> Result<Redis, EngineError> {
        Self::start_on(free_port()).await
    }

    /// The same on a port of your choice.
    ///
    /// # Errors
    /// In words, when there is none to be had.
    pub async fn start_on(port: u16) -> Result<Redis, EngineError> {
        Engine::launch(RedisNode { port, cluster_port: None }).await
    }

    /// `redis://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.kind().port)
    }
}

/// Three masters that share the slots, without replicas.
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts them and waits until each says that the cluster serves.
    ///
    /// # Errors
    /// In words, when there is none to be had.
    pub async fn start() -> Result<RedisCluster, EngineError> {
        let mut nodes = Vec::with_capacity(MASTERS);
        for _ in 0..MASTERS {
            nodes.push(Engine::launch(RedisNode { port: free_port(), cluster_port: Some(free_port()) }).await?);
        }
        let cluster = RedisCluster { nodes };
        cluster.join().await?;
        cluster.settle().await?;
        Ok(cluster)
    }

    /// The masters, in the order of their slots; each can be hung, killed and restarted.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// URLs of all nodes.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// Waits until every node says that all slots are served: after a restart of one of them, for instance.
    ///
    /// # Errors
    /// When they do not agree in time.
    pub async fn settle(&self) -> Result<(), EngineError> {
        let started = Instant::now();
        for node in &self.nodes {
            loop {
                let why = match ask(node.kind().port, &["CLUSTER", "INFO"]).await {
                    Ok(info) if info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3") => break,
                    Ok(info) => info,
                    Err(error) => error.to_string(),
                };
                if started.elapsed() > AGREEMENT {
                    return Err(EngineError::NotReady { engine: "Redis cluster", why, tail: node.log_tail() });
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    async fn join(&self) -> Result<(), EngineError> {
        let share = SLOTS.div_ceil(MASTERS);
        for (at, node) in self.nodes.iter().enumerate() {
            let (first, last) = (at * share, ((at + 1) * share).min(SLOTS) - 1);
            node.tell(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]).await?;
            // Different ones from the start, so that no nodes have to settle a conflict.
            node.tell(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()]).await?;
        }
        for node in &self.nodes[1..] {
            let (port, talk) = (node.kind().port.to_string(), node.kind().cluster_port.unwrap_or_default().to_string());
            self.nodes[0].tell(&["CLUSTER", "MEET", "127.0.0.1", &port, &talk]).await?;
        }
        Ok(())
    }
}

impl Redis {
    async fn tell(&self, words: &[&str]) -> Result<(), EngineError> {
        let what = words.join(" ");
        let reply = ask(self.kind().port, words).await.map_err(|error| failed::<RedisNode>(&what, error))?;
        match reply.as_str() {
            "OK" => Ok(()),
            _ => Err(EngineError::NotReady { engine: "Redis", why: format!("{what}: {reply}"), tail: self.log_tail() }),
        }
    }
}

/// One command on a connection of its own (RESP2, only replies that are a line or one bulk string).
async fn ask(port: u16, words: &[&str]) -> io::Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let line = line.trim_end();
    if let Some(length) = line.strip_prefix('$').and_then(|length| length.parse::<usize>().ok()) {
        let mut bulk = vec![0; length];
        stream.read_exact(&mut bulk).await?;
        return Ok(String::from_utf8_lossy(&bulk).into_owned());
    }
    Ok(line.trim_start_matches('+').to_owned())
}
