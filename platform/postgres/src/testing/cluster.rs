//! Test cluster, a primary and streaming replicas for the tests of one process: real servers that can be delayed, paused,
//! killed and promoted. Taken away with the test, however it ends.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use souk_db::{DbError, Session};

use super::throw_away::ThrowAway;
use crate::{ManagedError, ManagedOptions, managed::Node};

/// Small, as several such clusters may run at once.
const SHARED_BUFFERS_MB: u32 = 32;
/// For whole shops of several processes, as on the server of test databases.
const MAX_CONNECTIONS: u32 = 400;
/// For a state that a healthy server reaches in a second.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Node 0 is the primary at first.
pub struct TestCluster {
    nodes: Vec<Node>,
    _files: ThrowAway,
}

/// Settings of one replica, as in `postgresql.conf`.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

impl TestCluster {
    /// A primary and one replica per element of `replicas`, named `r1`, `r2`, ..., each with settings of its own.
    ///
    /// # Panics
    /// When a server cannot be had: a test cannot go on without.
    pub async fn start(replicas: &[Settings<'_>]) -> TestCluster {
        Self::sized(replicas, MAX_CONNECTIONS).await.unwrap_or_else(|error| panic!("no test cluster: {error}"))
    }

    /// The same, for so many connections.
    ///
    /// # Errors
    /// A server cannot be had.
    pub async fn sized(replicas: &[Settings<'_>], max_connections: u32) -> Result<TestCluster, ManagedError> {
        let options = |settings| options(settings, max_connections);
        let files = ThrowAway::new("souk-cluster")?;
        let mut nodes = vec![Node::primary(files.join("n0"), options(&[])).await?];
        for (at, settings) in replicas.iter().enumerate() {
            let (base, name) = (files.join(&format!("n{}", at + 1)), format!("r{}", at + 1));
            let copy = nodes[0].copy(base, &name, options(settings)).await?;
            nodes.push(copy);
        }
        let cluster = TestCluster { nodes, _files: files };
        let expected = replicas.len().to_string();
        cluster.until(0, "select count(*) from pg_stat_replication where state = 'streaming'", &expected).await;
        Ok(cluster)
    }

    /// A URL with these nodes as hosts, in this order.
    pub fn url(&self, nodes: &[usize]) -> String {
        let one = |node: usize| self.nodes[node].url();
        let hosts: Vec<String> = nodes.iter().map(|node| host_of(&one(*node))).collect();
        one(nodes[0]).replacen(&host_of(&one(nodes[0])), &hosts.join(","), 1)
    }

    /// Commits wait from now on for what `names` says: `ANY 1 (r1, r2)`.
    pub async fn synchronous(&self, node: usize, names: &str) {
        self.sql(node, &format!("alter system set synchronous_standby_names = '{names}'")).await;
        self.sql(node, "alter system set synchronous_commit = 'on'").await;
        self.sql(node, "select pg_reload_conf()").await;
        self.until(node, "show synchronous_standby_names", names).await;
    }

    /// Ends the server of `node` with `kill -9`.
    pub async fn kill(&mut self, node: usize) {
        assert!(self.nodes[node].kill().await, "node {node} survived");
    }

    /// Starts it again as it was left, in whatever role it believes to have.
    pub async fn restart(&mut self, node: usize) {
        let started = self.nodes[node].start().await;
        started.unwrap_or_else(|error| panic!("node {node} did not start: {error}"));
    }

    /// Makes it a primary, on the next timeline.
    pub async fn promote(&self, node: usize) {
        self.sql(node, "select pg_promote(true, 60)").await;
    }

    /// A standby receives on and shows nothing new from now on.
    pub async fn pause(&self, node: usize) {
        self.sql(node, "select pg_wal_replay_pause()").await;
        // It is only asked to: what it is replaying it replays to the end.
        self.until(node, "select pg_get_wal_replay_pause_state()", "paused").await;
    }

    /// It goes on.
    pub async fn resume(&self, node: usize) {
        self.sql(node, "select pg_wal_replay_resume()").await;
    }

    /// Lets `node` replicate from `primary`.
    pub async fn follow(&self, node: usize, primary: usize) {
        let conninfo = self.nodes[primary].conninfo(&format!("r{node}")).replace('\'', "''");
        self.sql(node, &format!("alter system set primary_conninfo = '{conninfo}'")).await;
        self.sql(node, "select pg_reload_conf()").await;
    }

    /// Process id of the server.
    pub fn pid(&self, node: usize) -> u32 {
        self.nodes[node].pid()
    }

    /// Directory of its socket.
    pub fn socket_dir(&self, node: usize) -> PathBuf {
        self.nodes[node].socket_dir().to_owned()
    }

    /// Directory of its data.
    pub fn cluster_dir(&self, node: usize) -> PathBuf {
        self.nodes[node].cluster_dir().to_owned()
    }

    /// First column of the first row of one statement, as text, by the superuser on that very server; empty when there is
    /// none.
    pub async fn sql(&self, node: usize, sql: &str) -> String {
        self.try_sql(node, sql).await.unwrap_or_else(|error| panic!("node {node}: {sql}: {error}"))
    }

    /// As [`TestCluster::sql`], where failing is an answer.
    ///
    /// # Errors
    /// Any [`DbError`].
    pub async fn try_sql(&self, node: usize, sql: &str) -> Result<String, DbError> {
        let session = Session::open(&self.nodes[node].url(), "souk test cluster").await?;
        let answer = session.text(sql).await;
        session.close().await;
        Ok(answer?.unwrap_or_default())
    }

    /// Waits until `sql` gives `value` there.
    pub async fn until(&self, node: usize, sql: &str, value: &str) {
        let start = Instant::now();
        loop {
            let found = self.try_sql(node, sql).await;
            if found.as_deref() == Ok(value) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "node {node}: {sql}: {found:?} and not {value:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until `node` has replayed all that `primary` has flushed now.
    pub async fn caught_up(&self, node: usize, primary: usize) {
        let lsn = self.sql(primary, "select pg_current_wal_flush_lsn()").await;
        self.until(node, &format!("select pg_last_wal_replay_lsn() >= '{lsn}'"), "t").await;
    }

    /// Ends all servers in order.
    pub async fn stop(mut self) {
        for node in &mut self.nodes {
            let stopped = node.stop().await;
            assert!(stopped.is_ok(), "{stopped:?}");
        }
    }
}

fn options(more: Settings<'_>, max_connections: u32) -> ManagedOptions {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut settings: Vec<(String, String)> = [
        ("wal_level", "replica"),
        ("max_wal_senders", "10"),
        ("hot_standby", "on"),
        // Killing a server does not lose what its system has; only machines that lose power need fsync.
        ("synchronous_commit", "local"),
        ("full_page_writes", "on"),
        ("wal_retrieve_retry_interval", "200ms"),
        ("wal_receiver_timeout", "5s"),
    ]
    .iter()
    .map(own)
    .collect();
    settings.extend(more.iter().map(own));
    ManagedOptions {
        throw_away: true,
        shared_buffers_mb: SHARED_BUFFERS_MB,
        max_connections,
        settings,
        ..ManagedOptions::default()
    }
}

/// Between the `@` and the slash.
fn host_of(url: &str) -> String {
    let after = url.split_once('@').map_or(url, |(_, after)| after);
    after.split('/').next().unwrap_or_default().to_owned()
}
