//! The engines of a fleet, real ones, shared by the worlds of a test process: PostgreSQL with a synchronous and an
//! asynchronous replica, a Redis cluster, a Kafka broker, an OpenSearch node, S3. Each world has a database, keys, topics, an
//! index and a prefix of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use souk::config::{Config, Media};
use souk_engines::{Kafka, OpenSearch, RedisCluster, S3};
use souk_kernel::Secret;
use souk_postgres::TestCluster;
use tokio::sync::OnceCell;

static ENGINES: OnceCell<Engines> = OnceCell::const_new();
static WORLDS: AtomicUsize = AtomicUsize::new(0);

/// What a test process starts once. It ends with the process.
pub struct Engines {
    postgres: TestCluster,
    redis: RedisCluster,
    kafka: Kafka,
    opensearch: OpenSearch,
    s3: S3,
}

impl Engines {
    /// Those of this process, started by who comes first.
    pub async fn of_this_process() -> &'static Self {
        ENGINES.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let (postgres, others) = tokio::join!(TestCluster::start(&[&[], &[]]), async {
            tokio::try_join!(RedisCluster::start(), Kafka::start(), OpenSearch::start(), S3::start("souk"))
        });
        postgres.synchronous(0, "FIRST 1 (r1)").await;
        let (redis, kafka, opensearch, s3) = others.unwrap_or_else(|error| panic!("{error}"));
        Self { postgres, redis, kafka, opensearch, s3 }
    }

    /// Settings of a new world: an unused database, its replicas, topics that no process has written to.
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
        config.media = Media {
            store: Some(format!("s3://{}/{name}", self.s3.bucket())),
            endpoint: Some(self.s3.url()),
            region: Some(S3::REGION.into()),
            account: Some(S3::ACCESS_KEY.into()),
            secret: Some(Secret::new(S3::SECRET_KEY.into())),
            ..config.media.clone()
        };
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
