//! The engines below the roles.

use souk_engines::{EngineError, Kafka, OpenSearch, RedisCluster, S3, SmtpSink};
use souk_postgres::TestCluster;

/// Connections of the primary: dozens of processes, each with a pool for its service.
const MAX_CONNECTIONS: u32 = 1_500;
/// Where pictures go.
const BUCKET: &str = "media";

/// Which engines there are beside PostgreSQL and the mail sink.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Three masters of Redis.
    pub redis: bool,
    /// A broker of Kafka.
    pub kafka: bool,
    /// A node of OpenSearch.
    pub opensearch: bool,
    /// An S3 endpoint.
    pub s3: bool,
}

impl Choice {
    /// As production.
    pub const ALL: Self = Self { redis: true, kafka: true, opensearch: true, s3: true };
    /// PostgreSQL with replicas alone: roles differ from one process in nothing but the network between them.
    pub const NONE: Self = Self { redis: false, kafka: false, opensearch: false, s3: false };
}

/// Running engines.
pub struct Engines {
    /// Node 0 is the primary, `r1` its synchronous replica, `r2` another.
    pub postgres: TestCluster,
    /// Three masters.
    pub redis: Option<RedisCluster>,
    /// One broker.
    pub kafka: Option<Kafka>,
    /// One node.
    pub opensearch: Option<OpenSearch>,
    /// With one bucket.
    pub s3: Option<S3>,
    /// Takes every mail.
    pub smtp: SmtpSink,
}

impl Engines {
    /// Starts them, side by side.
    ///
    /// # Errors
    /// One is not installed or does not start: in words that say what to do.
    pub async fn start(choice: Choice) -> anyhow::Result<Self> {
        let postgres = async {
            let cluster = TestCluster::sized(&[&[], &[]], MAX_CONNECTIONS).await?;
            cluster.synchronous(0, "FIRST 1 (r1)").await;
            anyhow::Ok(cluster)
        };
        let (postgres, redis, kafka, opensearch, s3, smtp) = tokio::join!(
            postgres,
            wanted(choice.redis, RedisCluster::start()),
            wanted(choice.kafka, Kafka::start()),
            wanted(choice.opensearch, OpenSearch::start()),
            wanted(choice.s3, S3::start(BUCKET)),
            SmtpSink::start(),
        );
        Ok(Self { postgres: postgres?, redis: redis?, kafka: kafka?, opensearch: opensearch?, s3: s3?, smtp: smtp? })
    }

    /// What runs where, a line each.
    pub fn places(&self) -> Vec<(&'static str, String)> {
        let mut places = vec![
            ("postgresql primary", self.postgres.url(&[0])),
            ("postgresql replica r1 (synchronous)", self.postgres.url(&[1])),
            ("postgresql replica r2", self.postgres.url(&[2])),
        ];
        let redis = self.redis.iter().map(|redis| ("redis cluster", redis.urls().join(" ")));
        let kafka = self.kafka.iter().map(|kafka| ("kafka", kafka.address()));
        let opensearch = self.opensearch.iter().map(|opensearch| ("opensearch", opensearch.url()));
        let s3 = self.s3.iter().map(|s3| ("s3", format!("{}/{}", s3.url(), s3.bucket())));
        places.extend(redis.chain(kafka).chain(opensearch).chain(s3));
        places.push(("smtp sink", format!("127.0.0.1:{}", self.smtp.port())));
        places
    }
}

async fn wanted<T>(
    wanted: bool,
    start: impl Future<Output = Result<T, EngineError>>,
) -> Result<Option<T>, EngineError> {
    if wanted { start.await.map(Some) } else { Ok(None) }
}
