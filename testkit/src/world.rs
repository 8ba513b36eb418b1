//! A shop for one test: its own database and data directory, in one process or as a fleet, and the check of its books at
//! the end.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::LazyLock;

use souk::config::Config;
use souk::{Clients, Process, Start, all_roles};
use souk_db::TestDb;
use souk_gateway::{Profile, Throttles};
use souk_objects::Objects;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::fleet::role_groups;
use crate::http::Shop;
use crate::staff::Staff;
use crate::{Browser, Guest, books};
use souk_engines::free_port;

/// Worlds at once in a test process: each opens up to 100 connections, the test server takes 400.
static ROOM: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(3));
/// Connections of one schema: a reader, a listener, four transactions. Few, as many shops share a test server.
const CONNECTIONS_PER_SCHEMA: usize = 6;
/// What `PoolSizes` sets aside in every process.
const RESERVED: usize = 12;

/// How the shop is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One process, as `souk up`.
    AllInOne,
    /// Six, as `souk serve --role ...`.
    Split,
}

/// What is different from an ordinary shop.
#[derive(Clone, Debug)]
pub struct Options {
    /// Limits on how often; off where a test is about a crowd that has one address.
    pub throttles: Profile,
    /// Products of the demo catalogue.
    pub demo_products: usize,
    /// Nodes of its Redis; none: it has no Redis.
    pub redis: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { throttles: Profile::Standard, demo_products: 0, redis: Vec::new() }
    }
}

/// A running shop.
pub struct World {
    /// How it is spread.
    pub topology: Topology,
    /// Its public listener.
    pub shop: Shop,
    processes: Vec<Process>,
    db: TestDb,
    data_dir: tempfile::TempDir,
    stopped: bool,
    _room: SemaphorePermit<'static>,
}

impl World {
    /// An empty, ordinary shop.
    pub async fn start(topology: Topology) -> Self {
        Self::start_with(topology, Options::default()).await
    }

    /// An empty shop with a difference.
    pub async fn start_with(topology: Topology, options: Options) -> Self {
        let room = ROOM.acquire().await.unwrap();
        let db = TestDb::new(&souk::all_migrations()).await;
        souk::migrate(&db.url()).await.unwrap();
        let data_dir = tempfile::tempdir().unwrap();
        let mut config = base_config(&db.url(), data_dir.path(), options.throttles);
        config.redis.nodes = options.redis;
        let (processes, public) = match topology {
            Topology::AllInOne => all_in_one(config).await,
            Topology::Split => split(config).await,
        };
        let shop = Shop::at(public);
        let world = Self { topology, shop, processes, db, data_dir, stopped: false, _room: room };
        if options.demo_products > 0 {
            let objects = Objects::local(&world.data_dir.path().join("media")).unwrap();
            souk::seed::demo(world.clients(), &objects, options.demo_products).await.unwrap();
        }
        world
    }

    /// The services; in a fleet through its internal listeners.
    pub fn clients(&self) -> &Clients {
        self.processes.last().unwrap().clients()
    }

    /// The services' data directory.
    pub fn data_dir(&self) -> &Path {
        self.data_dir.path()
    }

    /// The database, with all rights.
    pub fn database_url(&self) -> String {
        self.db.url()
    }

    /// Somebody new who uses the API.
    pub fn guest(&self) -> Guest {
        Guest::new(&self.shop)
    }

    /// Somebody new with a browser without scripts.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.shop)
    }

    /// The merchant.
    pub fn staff(&self) -> Staff {
        Staff::new(self.clients().clone(), self.data_dir().to_owned())
    }

    /// Waits until nothing is under way, and panics when the books are not right.
    pub async fn check(&self) {
        books::check(&self.db.url(), self.clients()).await;
    }

    /// Checks the books and closes the shop. To be called at the end of every test.
    pub async fn stop(self) {
        self.check().await;
        self.abandon().await;
    }

    /// Closes the shop without a look at its books, which a test has spoilt on purpose.
    pub async fn abandon(mut self) {
        self.stopped = true;
        // The gateway first: it is the last that was started.
        while let Some(process) = self.processes.pop() {
            process.stop().await.unwrap();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.stopped && !std::thread::panicking() {
            panic!("a world was dropped without World::stop: its books were not checked");
        }
    }
}

fn base_config(url: &str, data_dir: &Path, throttles: Profile) -> Config {
    let mut config = Config { data_dir: data_dir.to_owned(), ..Config::default() };
    config.database.url = Some(url.to_owned());
    config.public.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.public.throttle = Throttles::profile(throttles);
    config.public.cache_mib = 16;
    config.internal.operations = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config
}

async fn all_in_one(mut config: Config) -> (Vec<Process>, SocketAddr) {
    let schemas = souk::all_migrations().len();
    config.database.connections = RESERVED + schemas * CONNECTIONS_PER_SCHEMA;
    let process = start(config, all_roles(), true).await;
    let public = process.public().unwrap();
    (vec![process], public)
}

async fn split(mut config: Config) -> (Vec<Process>, SocketAddr) {
    config.public.listen.set_port(free_port());
    config.internal.ports =
        all_roles().into_iter().map(|role| (role.to_owned(), free_port())).collect::<BTreeMap<_, _>>();
    let mut processes = Vec::new();
    for roles in role_groups() {
        // At most one schema for each role.
        config.database.connections = RESERVED + roles.len() * CONNECTIONS_PER_SCHEMA;
        // The provider runs beside the payment service; its webhooks go to the public listener all the same.
        processes.push(start(config.clone(), roles.to_vec(), roles.contains(&"payment")).await);
    }
    let public = processes.last().and_then(Process::public).unwrap();
    (processes, public)
}

async fn start(config: Config, roles: Vec<&'static str>, own_sandbox: bool) -> Process {
    let start = Start { config, roles: roles.clone(), may_migrate: false, own_sandbox, metrics: None };
    Process::start(start).await.unwrap_or_else(|error| panic!("{roles:?} did not start: {error:#}"))
}
