//! Patroni cluster for tests: etcd and Patroni nodes, started as an unprivileged user on free ports with throw-away data,
//! from the distribution's packages.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// For a cluster that bootstraps on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
const NODES: usize = 3;
/// Takes what the test leaves behind: every process whose working directory is in its directory, and that.
const SUPERVISOR: &str = r#"trap '' INT TERM HUP
cat > /dev/null
for signal in KILL KILL; do
    for proc in /proc/[0-9]*; do
        case "$(readlink "$proc/cwd")" in "$1"|"$1"/*) kill -$signal "${proc#/proc/}" 2> /dev/null;; esac
    done
    sleep 0.2
done
rm -rf "$1""#;

pub struct Patroni {
    root: PathBuf,
    etcd: u16,
    nodes: Vec<Node>,
    _etcd: Child,
    _supervisor: Child,
}

struct Node {
    port: u16,
    rest: u16,
    child: Option<Child>,
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Patroni {
    /// Three nodes with a strict synchronous standby, the first of which is the primary.
    pub async fn start() -> Patroni {
        let root = std::env::temp_dir().join(format!("souk-patroni-{}", std::process::id()));
        fs::create_dir(&root).unwrap();
        give(&root);
        let mut supervisor = Command::new("/bin/sh");
        supervisor.args(["-c", SUPERVISOR, "souk-patroni-supervisor"]).arg(&root).current_dir("/");
        supervisor.stdin(Stdio::piped()).process_group(0);
        let supervisor = supervisor.spawn().unwrap();
        let (etcd, peer) = (free_port(), free_port());
        let own = format!("http://127.0.0.1:{etcd}");
        let peers = format!("http://127.0.0.1:{peer}");
        let mut command = as_server(&root, "etcd");
        command.args(["--name", "e", "--data-dir", "etcd", "--unsafe-no-fsync=true"]);
        command.args(["--listen-client-urls", &own, "--advertise-client-urls", &own]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        command.args(["--initial-cluster", &format!("e={peers}")]);
        log_to(&mut command, &root.join("etcd.log"));
        let etcd_process = command.spawn().expect("etcd, which scripts/setup installs");
        let node = |_| Node { port: free_port(), rest: free_port(), child: None };
        let nodes = (0..NODES).map(node).collect();
        let mut cluster = Patroni { root, etcd, nodes, _etcd: etcd_process, _supervisor: supervisor };
        cluster.run(0);
        cluster.until("the first node leads", || async |c: &Patroni| c.leader().await == Some(0)).await;
        for node in 1..NODES {
            cluster.run(node);
        }
        cluster.until("a synchronous standby", || async |c: &Patroni| c.has_synchronous(0).await).await;
        let all = "select count(*) from pg_stat_replication where state = 'streaming'";
        cluster.until("both stream", || async |c: &Patroni| c.sql(0, all).await.as_deref() == Some("2")).await;
        cluster
    }

    /// Starts (again) what manages a node; it starts the server.
    pub fn run(&mut self, node: usize) {
        let config = self.config(node);
        let file = self.root.join(format!("n{node}.yml"));
        fs::write(&file, config).unwrap();
        give(&file);
        let mut command = as_server(&self.root, "patroni");
        command.arg(&file);
        log_to(&mut command, &self.root.join(format!("n{node}.log")));
        self.nodes[node].child = Some(command.spawn().expect("patroni, which scripts/setup installs"));
    }

    fn config(&self, node: usize) -> String {
        let (root, etcd) = (self.root.display(), self.etcd);
        let Node { port, rest, .. } = self.nodes[node];
        let bin = bin_dir();
        let bin = bin.display();
        // `ttl` is how long a node that is lost keeps the lead; with the next round of the others it must stay below 30 s.
        format!(
            "scope: souk
name: n{node}
restapi: {{listen: '127.0.0.1:{rest}', connect_address: '127.0.0.1:{rest}'}}
etcd3: {{host: '127.0.0.1:{etcd}'}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 3
    retry_timeout: 5
    synchronous_mode: true
    synchronous_mode_strict: true
    primary_start_timeout: 0
    postgresql:
      use_pg_rewind: true
      parameters: {{wal_log_hints: 'on', max_connections: 100, max_wal_senders: 8, shared_buffers: 32MB, wal_keep_size: 256MB}}
  initdb: [encoding: UTF8, locale: C.UTF-8, no-sync]
  pg_hba: [local all all trust, host all all 127.0.0.1/32 trust, host replication all 127.0.0.1/32 trust]
postgresql:
  listen: 127.0.0.1:{port}
  connect_address: 127.0.0.1:{port}
  data_dir: {root}/n{node}
  bin_dir: {bin}
  pgpass: {root}/n{node}.pgpass
  authentication:
    superuser: {{username: souk, password: souk}}
    replication: {{username: replicator, password: replicator}}
  parameters: {{unix_socket_directories: '{root}', fsync: 'off'}}
"
        )
    }

    /// A URL with all nodes as hosts.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("postgresql://souk:souk@{}/postgres", hosts.join(","))
    }

    /// A URL of each node.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("postgresql://souk:souk@127.0.0.1:{}/postgres", node.port)).collect()
    }

    /// First column of the first row there; none when it cannot be asked.
    pub async fn sql(&self, node: usize, sql: &str) -> Option<String> {
        let (client, connection) = tokio_postgres::connect(&self.urls()[node], NoTls).await.ok()?;
        let ask = async {
            let rows = client.simple_query(sql).await.ok()?;
            rows.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                _ => None,
            })
        };
        tokio::select! {
            answer = ask => answer,
            _ = connection => None,
        }
    }

    /// True when the manager has chosen a synchronous standby and written it down. PostgreSQL has one seconds earlier, but to
    /// that the manager would not fail over yet.
    pub async fn has_synchronous(&self, node: usize) -> bool {
        let ask = async {
            let mut stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.nodes[node].rest)).await.ok()?;
            stream.write_all(b"GET /cluster HTTP/1.0\r\n\r\n").await.ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.ok()?;
            Some(answer.contains("sync_standby"))
        };
        ask.await.unwrap_or(false)
    }

    /// The node that is no standby.
    pub async fn leader(&self) -> Option<usize> {
        for node in 0..NODES {
            if self.sql(node, "select pg_is_in_recovery()").await.as_deref() == Some("f") {
                return Some(node);
            }
        }
        None
    }

    /// Kills the server of a node; its manager lives.
    pub fn kill_server(&self, node: usize) {
        let lock = fs::read_to_string(self.root.join(format!("n{node}/postmaster.pid"))).unwrap();
        kill(Pid::from_raw(lock.lines().next().unwrap().parse().unwrap()), Signal::SIGKILL).unwrap();
    }

    /// Kills everything on a node at once, without a word to anybody.
    pub fn kill_node(&mut self, node: usize) {
        let mut manager = self.nodes[node].child.take().unwrap();
        // The manager first, or it would have time to give the lead away.
        manager.kill().unwrap();
        manager.wait().unwrap();
        self.kill_server(node);
    }

    /// Waits until `there`.
    pub async fn until<F: AsyncFn(&Patroni) -> bool>(&self, what: &str, there: impl Fn() -> F) {
        let start = Instant::now();
        while !there()(self).await {
            assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["etcd", "n0", "n1", "n2"] {
                let log = fs::read_to_string(self.root.join(format!("{name}.log"))).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                eprintln!("--- {name}\n{}", lines[lines.len().saturating_sub(25)..].join("\n"));
            }
        }
    }
}

/// Neither PostgreSQL nor its manager runs as root.
fn account() -> Option<User> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    Some(User::from_name("postgres").unwrap().expect("the packages make the user postgres"))
}

fn give(path: &Path) {
    if let Some(user) = account() {
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
}

fn as_server(root: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin")
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", root);
    if let Some(user) = account() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

/// What a program says goes there, after what it said before.
fn log_to(command: &mut Command, file: &Path) {
    let log = fs::File::options().create(true).append(true).open(file).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
}

/// The newest PostgreSQL where Debian puts them.
fn bin_dir() -> PathBuf {
    let mut found: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found.pop().unwrap().join("bin")
}
