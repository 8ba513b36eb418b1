//! A shop for one test: its own database and data directory, in one process or as a fleet, and the check of its invariants at
//! the end.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use souk::config::{Config, InternalTls, Media, TRUST_DOMAIN};
use souk::{Clients, OfflineShop, Process, Start, all_roles};
use souk_gateway::{Profile, Throttles};
use souk_postgres::TestDb;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::fleet::{Pki, pki, role_groups};
use crate::http::Shop;
use crate::staff::Staff;
use crate::{Browser, Guest, invariants};
use souk_engines::free_port;

/// Worlds at once in a test process: each opens up to 160 connections, the test server takes 400.
static ROOM: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));
/// Connections of one schema: a reader, a listener, four transactions. Few, as many shops share a test server.
const CONNECTIONS_PER_SCHEMA: usize = 6;
/// What `PoolSizes` sets aside in every process.
const RESERVED: usize = 12;
/// Of the merchant's tools beside a fleet: the fewest there can be.
const OFFLINE_PER_SCHEMA: usize = 5;

/// How the shop is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One process, as `souk up`.
    AllInOne,
    /// Six, as `souk serve --role ...`, each role with a certificate of its own.
    Split,
    /// The same six without certificates, as on one machine.
    SplitPlain,
    /// The same six with certificates on the engines of production: PostgreSQL with replicas, a Redis cluster, Kafka,
    /// OpenSearch, S3 (`make test-engines`; `souk` has the feature `kafka`).
    Fleet,
}

/// What is different from an ordinary shop.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Without rate limits and adaptive load shedding, for tests of many buyers at once: all of them come from one address,
    /// and a machine that runs other tests answers late.
    pub crowd: bool,
    /// Products of the demo catalogue.
    pub demo_products: usize,
    /// Nodes of its Redis; none: it has no Redis.
    pub redis: Vec<String>,
    /// Where its pictures are.
    pub media: Media,
}

/// A running shop.
pub struct World {
    /// How it is spread.
    pub topology: Topology,
    /// Its public listener.
    pub shop: Shop,
    processes: Vec<Process>,
    offline: Option<OfflineShop>,
    _pki: Option<Arc<Pki>>,
    database_url: String,
    /// Where its search index is.
    pub index: invariants::Index,
    /// A database of a test server goes with the world; one of a fleet's cluster with the cluster.
    _db: Option<TestDb>,
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
        let data_dir = tempfile::tempdir().unwrap();
        let mut config = base_config(data_dir.path(), options.crowd);
        config.redis.nodes = options.redis;
        config.media = options.media;
        let db = database(topology, &mut config).await;
        let database_url = config.database.url.clone().unwrap();
        souk::migrate(&database_url).await.unwrap();
        let index = match config.search.opensearch.is_empty() {
            true => invariants::Index::Embedded,
            false => invariants::Index::Shared,
        };
        let pki = (!matches!(topology, Topology::AllInOne | Topology::SplitPlain)).then(pki);
        let (processes, offline) = match topology {
            Topology::AllInOne => (Box::pin(all_in_one(config)).await, None),
            _ => {
                let (processes, offline) = Box::pin(split(config, pki.as_deref())).await;
                (processes, Some(offline))
            }
        };
        let shop = Shop::at(processes.last().and_then(Process::public).unwrap());
        let shop = shop.with_mails(data_dir.path().join("mail"));
        let world = Self {
            topology,
            shop,
            processes,
            offline,
            _pki: pki,
            database_url,
            index,
            _db: db,
            data_dir,
            stopped: false,
            _room: room,
        };
        if options.demo_products > 0 {
            let objects = world.processes.last().unwrap().config().objects().unwrap();
            souk_demo::fill(&world.clients().shop(), &objects, options.demo_products).await.unwrap();
        }
        world
    }

    /// The services, for a merchant; beside a fleet as the command line reaches them, since no role may do everything.
    pub fn clients(&self) -> &Clients {
        match &self.offline {
            Some(offline) => &offline.clients,
            None => self.processes.last().unwrap().clients(),
        }
    }

    /// The services' data directory.
    pub fn data_dir(&self) -> &Path {
        self.data_dir.path()
    }

    /// The database, with all rights.
    pub fn database_url(&self) -> String {
        self.database_url.clone()
    }

    /// A new visitor who uses the API.
    pub fn guest(&self) -> Guest {
        Guest::new(&self.shop)
    }

    /// A new visitor with a browser without scripts.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.shop)
    }

    /// The merchant.
    pub fn staff(&self) -> Staff {
        Staff::new(self.clients().clone(), self.data_dir().to_owned())
    }

    /// Waits until nothing is under way, and panics when an invariant does not hold.
    pub async fn check(&self) {
        invariants::check(&self.database_url, self.clients(), self.index).await;
    }

    /// Checks the invariants and closes the shop. To be called at the end of every test.
    pub async fn stop(self) {
        self.check().await;
        self.abandon().await;
    }

    /// Closes the shop without checking the invariants, which a test has broken on purpose.
    pub async fn abandon(mut self) {
        self.stopped = true;
        // The gateway first: it is the last that was started.
        while let Some(process) = self.processes.pop() {
            process.stop().await.unwrap();
        }
        if let Some(offline) = self.offline.take() {
            offline.close().await.unwrap();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.stopped && !std::thread::panicking() {
            panic!("a world was dropped without World::stop: its invariants were not checked");
        }
    }
}

/// Gives the world a database of its own.
async fn database(topology: Topology, config: &mut Config) -> Option<TestDb> {
    if topology == Topology::Fleet {
        crate::engines::Engines::of_this_process().await.settle(config).await;
        return None;
    }
    let db = TestDb::new(&souk::all_migrations()).await;
    config.database.url = Some(db.url());
    Some(db)
}

fn base_config(data_dir: &Path, crowd: bool) -> Config {
    let mut config = Config { data_dir: data_dir.to_owned(), ..Config::default() };
    config.public.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    if crowd {
        config.public.throttle = Throttles::profile(Profile::Off);
        config.public.shedding.adaptive = false;
    }
    config.public.cache_mib = 16;
    config.internal.operations = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    config.internal.drain_seconds = 0;
    config
}

async fn all_in_one(mut config: Config) -> Vec<Process> {
    let schemas = souk::all_migrations().len();
    config.database.connections = RESERVED + schemas * CONNECTIONS_PER_SCHEMA;
    vec![start(config, all_roles(), true).await]
}

async fn split(mut config: Config, pki: Option<&Pki>) -> (Vec<Process>, OfflineShop) {
    config.internal.tls = pki.map(|pki| InternalTls { dir: pki.dir().to_owned(), trust_domain: TRUST_DOMAIN.into() });
    config.public.listen.set_port(free_port());
    config.internal.ports =
        all_roles().into_iter().map(|role| (role.to_owned(), free_port())).collect::<BTreeMap<_, _>>();
    let mut processes = Vec::new();
    for roles in role_groups() {
        // At most one schema for each role.
        config.database.connections = RESERVED + roles.len() * CONNECTIONS_PER_SCHEMA;
        // The provider runs beside the payment service; its webhooks go to the public listener all the same.
        let own_sandbox = roles.contains(&"payment");
        processes.push(start(config.clone(), roles, own_sandbox).await);
    }
    config.database.connections = RESERVED + souk::all_migrations().len() * OFFLINE_PER_SCHEMA;
    config.payment.sandbox_url = processes.iter().find_map(Process::sandbox_url).map(str::to_owned);
    let offline = OfflineShop::open(&config).await.unwrap();
    (processes, offline)
}

async fn start(config: Config, roles: Vec<&'static str>, own_sandbox: bool) -> Process {
    let start = Start { config, roles: roles.clone(), may_migrate: false, own_sandbox, metrics: None };
    Process::start(start).await.unwrap_or_else(|error| panic!("{roles:?} did not start: {error:#}"))
}
