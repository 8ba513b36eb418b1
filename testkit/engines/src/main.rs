//! Engines by hand: `cargo run -p souk-engines -- redis kafka` starts them, says where they are, and takes them away when
//! it ends.

use std::process::ExitCode;

use souk_engines::{EngineError, Kafka, OpenSearch, Redis, RedisCluster, S3, SmtpSink};

const USAGE: &str = "usage: souk-engines redis | redis-cluster | kafka | opensearch | s3 | smtp ...";

/// Held until the process ends.
enum Held {
    Redis(Redis),
    RedisCluster(RedisCluster),
    Kafka(Kafka),
    OpenSearch(OpenSearch),
    S3(S3),
    Smtp(SmtpSink),
}

impl Held {
    async fn start(name: &str) -> Result<Option<Held>, EngineError> {
        Ok(Some(match name {
            "redis" => Held::Redis(Redis::start().await?),
            "redis-cluster" => Held::RedisCluster(RedisCluster::start().await?),
            "kafka" => Held::Kafka(Kafka::start().await?),
            "opensearch" => Held::OpenSearch(OpenSearch::start().await?),
            "s3" => Held::S3(S3::start("media").await?),
            "smtp" => Held::Smtp(SmtpSink::start().await?),
            _ => return Ok(None),
        }))
    }

    fn place(&self) -> String {
        match self {
            Held::Redis(redis) => redis.url(),
            Held::RedisCluster(cluster) => cluster.urls().join(" "),
            Held::Kafka(kafka) => kafka.address(),
            Held::OpenSearch(opensearch) => opensearch.url(),
            Held::S3(s3) => s3.url(),
            Held::Smtp(smtp) => format!("127.0.0.1:{}", smtp.port()),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let mut held = Vec::new();
    for name in &names {
        match Held::start(name).await {
            Ok(Some(engine)) => {
                println!("{name} {}", engine.place());
                held.push(engine);
            }
            Ok(None) => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if held.is_empty() {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    // Ctrl-C ends it; engines end with it.
    std::future::pending().await
}
