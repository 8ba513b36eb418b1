//! Cluster monitoring, the servers of one database as one process sees them: which is the primary, which standbys may be
//! read from, and how far each has replayed. One for all services of a process; `Db` routes by it, connections are made and
//! dropped by it.
//!
//! A server is asked up to every fifth of a second (`watch.rs`). What it says is a lower bound: it may have replayed more
//! since, never less.

mod hosts;
mod topology;
mod watch;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use metrics::Gauge;
use parking_lot::Mutex;
use souk_kernel::Secret;
use tokio::{
    runtime::Handle,
    sync::{Notify, watch as cell},
};

use crate::{DbError, WalPosition, session_settings::connection_settings};

pub(crate) use hosts::Server;
pub(crate) use topology::Leader;
pub(crate) use watch::identify;

use topology::{ReadStatus, Seen, Topology};

/// A standby further behind than this is not read from, unless configured otherwise: pages may be old by that much.
pub const DEFAULT_MAX_LAG: Duration = Duration::from_secs(10);

/// Which servers there are and as whom to watch them.
#[derive(Clone, Debug)]
pub struct ServersConfig {
    /// Those that may be the primary: `postgresql://user@host1,host2/database`.
    pub url: String,
    /// Those that are read from while they are standbys: URLs, or `host:port` with the rest as in `url`.
    pub replicas: Vec<String>,
    /// Furthest behind, in time, that a standby may be and still be read from.
    pub max_lag: Duration,
    /// Watch as this user instead of the URLs'. One that may read `pg_stat_wal_receiver` (a member of `pg_monitor`) learns
    /// of a standby's new timeline at once, others after its next restart point.
    pub user: Option<String>,
    /// That user's password.
    pub password: Option<Secret<String>>,
}

impl ServersConfig {
    /// The servers of `url` alone, watched as its user.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), replicas: Vec::new(), max_lag: DEFAULT_MAX_LAG, user: None, password: None }
    }
}

/// Where the database at `url` is, `host:port/database` with all its hosts and nothing that is secret: for people. With how
/// many servers there are, those of `replicas` included.
///
/// # Errors
/// [`DbError::Other`] when one of them is not understood.
pub fn location_of(url: &str, replicas: &[String]) -> Result<(String, usize), DbError> {
    let servers = hosts::servers(url, replicas)?;
    let hosts: Vec<&str> =
        servers.iter().filter(|server| server.may_write).map(|server| server.name.as_str()).collect();
    let driver = &servers[0].options.driver;
    let database = driver.get_dbname().or(driver.get_user()).unwrap_or_default();
    Ok((format!("{}/{database}", hosts.join(",")), servers.len()))
}

/// Watched servers. Clones are the same; the watching ends with the last.
#[derive(Clone)]
pub struct Servers(Arc<Inner>);

struct Inner {
    servers: Box<[Server]>,
    topology: Mutex<Topology>,
    /// Up to where each may be read from; [`WalPosition::ANY`] is not at all.
    readable: Box<[AtomicU64]>,
    /// Told when a newer answer of a server is wanted.
    wanted: Box<[Arc<Notify>]>,
    leader: cell::Sender<Option<Leader>>,
    lag: Box<[Gauge]>,
    up: Box<[Gauge]>,
    has_replicas: bool,
}

impl Servers {
    /// Starts watching, on the calling runtime; `None` when there is one server and so nothing to choose.
    ///
    /// # Errors
    /// [`DbError::Other`] when a URL is not understood.
    pub fn watch(config: &ServersConfig) -> Result<Option<Servers>, DbError> {
        let servers = hosts::servers(&config.url, &config.replicas)?;
        if servers.len() == 1 && !servers[0].may_read {
            return Ok(None);
        }
        let may_write: Vec<bool> = servers.iter().map(|server| server.may_write).collect();
        let gauge = |metric: &'static str| {
            servers.iter().map(|server| metrics::gauge!(metric, "server" => server.name.clone())).collect()
        };
        let inner = Arc::new(Inner {
            topology: Mutex::new(Topology::new(&may_write, config.max_lag)),
            readable: servers.iter().map(|_| AtomicU64::default()).collect(),
            wanted: servers.iter().map(|_| Arc::default()).collect(),
            leader: cell::Sender::new(None),
            lag: gauge("souk_db_replica_lag_seconds"),
            up: gauge("souk_db_server_up"),
            has_replicas: servers.iter().any(|server| server.may_read),
            servers: servers.into(),
        });
        for (at, server) in inner.servers.iter().enumerate() {
            let mut options = server.options.clone();
            let driver = &mut options.driver;
            config.user.as_ref().map(|user| driver.user(user));
            config.password.as_ref().map(|password| driver.password(password.reveal()));
            driver.application_name("souk watch").options(connection_settings("public", watch::ANSWER));
            let wanted = inner.wanted[at].clone();
            Handle::current().spawn(watch::run(Arc::downgrade(&inner), at, options, wanted, config.max_lag));
        }
        Ok(Some(Servers(inner)))
    }

    pub(crate) fn all(&self) -> &[Server] {
        &self.0.servers
    }

    /// True when there are servers to read from beside the primary, so that positions are of use.
    pub(crate) fn has_replicas(&self) -> bool {
        self.0.has_replicas
    }

    /// The primary, and news of another.
    pub(crate) fn leader(&self) -> cell::Receiver<Option<Leader>> {
        self.0.leader.subscribe()
    }

    /// Timeline of the primary; 0 before it was found.
    pub(crate) fn timeline(&self) -> u32 {
        self.0.leader.borrow().map_or(0, |leader| leader.timeline)
    }

    /// True when the server may be read from and shows everything up to `wanted`.
    pub(crate) fn serves(&self, at: usize, wanted: WalPosition) -> bool {
        let readable = WalPosition::from_raw(self.0.readable[at].load(Relaxed));
        let serves = readable != WalPosition::ANY && readable.covers(wanted);
        if !serves {
            self.0.wanted[at].notify_one();
        }
        serves
    }

    /// Not read from until it answers the watcher again.
    pub(crate) fn failed(&self, at: usize) {
        self.0.readable[at].store(WalPosition::ANY.raw(), Relaxed);
        self.0.wanted[at].notify_one();
    }

    /// Waits until the primary is known.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when it is not within `patience`, [`DbError::Refused`] when no server lets us in.
    pub(crate) async fn found(&self, patience: Duration) -> Result<Leader, DbError> {
        let mut leader = self.leader();
        let found = tokio::time::timeout(patience, leader.wait_for(Option::is_some)).await;
        match found {
            Ok(Ok(leader)) => leader.ok_or_else(|| DbError::Unavailable("no primary".into())),
            _ => {
                let names: Vec<&str> = self.0.servers.iter().map(|server| server.name.as_str()).collect();
                Err(self.0.topology.lock().why_none(&names))
            }
        }
    }
}

impl Inner {
    fn report(&self, at: usize, seen: Seen) {
        let mut topology = self.topology.lock();
        let before = (topology.leader(), topology.status(at).clone());
        let readable = topology.report(at, seen, Instant::now());
        if self.servers[at].may_read {
            self.readable[at].store(readable.raw(), Relaxed);
            self.lag[at].set(topology.lag(at));
        }
        self.up[at].set(1.0);
        self.tell(&topology, at, before);
    }

    fn gone(&self, at: usize, why: DbError) {
        let mut topology = self.topology.lock();
        let before = (topology.leader(), topology.status(at).clone());
        topology.gone(at, why);
        self.readable[at].store(WalPosition::ANY.raw(), Relaxed);
        self.up[at].set(0.0);
        self.tell(&topology, at, before);
    }

    fn has_primary(&self) -> bool {
        self.topology.lock().has_primary()
    }

    /// Passes on what changed, and says so once.
    fn tell(&self, topology: &Topology, at: usize, (leader, status): (Option<Leader>, ReadStatus)) {
        if let Some(new) = topology.leader().filter(|new| Some(*new) != leader) {
            let (server, timeline) = (&self.servers[new.at].name, new.timeline);
            match leader {
                None => tracing::info!(%server, timeline, "found the primary"),
                Some(old) => {
                    metrics::counter!("souk_db_primary_changes_total").increment(1);
                    let before = &self.servers[old.at].name;
                    tracing::warn!(%server, timeline, %before, "another server is the primary");
                }
            }
            self.leader.send_replace(Some(new));
        }
        if !topology.has_primary() {
            // One of the others may have taken over.
            self.wanted.iter().for_each(|wanted| wanted.notify_one());
        }
        let server = &self.servers[at];
        let now = topology.status(at);
        if *now == status {
            return;
        }
        let lag = topology.lag(at);
        match now {
            ReadStatus::Unreachable(why) if !matches!(status, ReadStatus::Unreachable(_)) => {
                tracing::warn!(server = server.name, why, "a database server does not answer");
            }
            ReadStatus::Readable if server.may_read => {
                tracing::info!(server = server.name, ?lag, "reading from a replica")
            }
            ReadStatus::Lagging => tracing::warn!(server = server.name, ?lag, "a replica lags too far to be read from"),
            ReadStatus::OtherTimeline => {
                tracing::warn!(
                    server = server.name,
                    "a replica does not follow the primary (yet), not reading from it"
                );
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.servers.iter().map(|server| &server.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::location_of;

    #[test]
    fn a_location_is_shown_without_its_secrets() {
        let location = |url: &str| location_of(url, &[]).unwrap();
        assert_eq!(location("postgresql://souk:s3cret@db/shop"), ("db:5432/shop".to_owned(), 1));
        assert_eq!(location("postgresql://souk@a:1,b:2/shop"), ("a:1,b:2/shop".to_owned(), 2));
        assert_eq!(location("postgresql://souk@%2Frun%2Fpg"), ("/run/pg:5432/souk".to_owned(), 1));
        let (shown, count) = location_of("postgresql://souk@db/shop", &["db:5432".into()]).unwrap();
        assert_eq!((shown.as_str(), count), ("db:5432/shop", 1), "the same server twice");
        assert!(location_of("postgresql://souk@db/shop", &[":1".into()]).is_err());
    }
}
