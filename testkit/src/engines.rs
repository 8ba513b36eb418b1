//! The engines of a fleet, real ones, shared by the worlds of a test process: PostgreSQL with a synchronous and an
//! asynchronous replica, a Redis cluster, a Kafka broker, an OpenSearch node. Each world has a database, keys, topics and an
//! index of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use souk::config::Config;
use souk_db::TestCluster;
use souk_engines::{Kafka, OpenSearch, RedisCluster};
use tokio::sync::OnceCell;

static ENGINES: OnceCell<Engines> = OnceCell::const_new();
static WORLDS: AtomicUsize = AtomicUsize::new(0);

/// What a test process starts once. It ends with the process.
pub struct Engines {
    postgres: TestCluster,
    redis: RedisCluster,
    kafka: Kafka,
    opensearch: OpenSearch,
}

impl Engines {
    /// Those of this process, started by who comes first.
    pub async fn of_this_process() -> &'static Self {
        ENGINES.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let (postgres, others) = tokio::join!(TestCluster::start(&[&[], &[]]), async {
            tokio::try_join!(RedisCluster::start(), Kafka::start(), OpenSearch::start())
        });
        postgres.synchronous(0, "FIRST 1 (r1)").await;
        let (redis, kafka, opensearch) = others.unwrap_or_else(|error| panic!("{error}"));
        Self { postgres, redis, kafka, opensearch }
    }

    /// Settings of a new world: a database nobody has used, its replicas, topics nobody has written to.
    pub async fn settle(&self, config: &mut Config) {
        let name = format!("souk_fleet_{}", WORLDS.fetch_add(1, Ordering::Relaxed));
        self.postgres.sql(0, &format!("create database {name}")).await;
        let on = |node: usize| with_database(&self.postgres.url(&[node]), &name);
        config.database.url = Some(on(0));
        config.database.replicas = vec![on(1), on(2)];
        config.events.kafka = vec![self.kafka.address()];
        config.redis.nodes = self.redis.urls();
        config.redis.installation = name.clone();
        config.search.opensearch = vec![self.opensearch.url()];
        config.search.index = name.clone();
        config.events.prefix = name;
    }
}

/// The same address with another database; parameters stay.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = match url.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let (server, _) = address.rsplit_once('/').unwrap_or((address, ""));
    format!("{server}/{name}{parameters}")
}
