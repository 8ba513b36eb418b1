//! Event broker on Kafka: one topic per owner, filled by that owner's relay (`publisher.rs`), read in consumer groups
//! (`subscriber.rs`) or from now on by every process (`tail.rs`). This file knows the cluster: where it is, which one it is,
//! and its topics, which are declared here and never made by using them. Others see it as a [`Broker`]; only the binary and
//! tests name it, since it builds a C library.

mod headers;
mod publisher;
mod subscriber;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use souk_bus::{Broker, GroupReader, Source, TailReader};
use souk_kernel::Problem;
use souk_runtime::{LogThrottle, Tasks};
use tokio::sync::watch;

use publisher::Publisher;
use subscriber::Subscriber;
use tail::Tail;

/// Partitions of a topic: as many processes can share the work of one consumer. More of them later would move keys.
const PARTITIONS: i32 = 6;
/// As long as outbox rows are kept.
const RETENTION: Duration = Duration::from_hours(7 * 24);
/// Whole segments are forgotten. Small enough that nothing is read again that has left the inboxes (8 days).
const SEGMENT: Duration = Duration::from_hours(6);
/// Largest event with its attributes. The largest that is written is a product with all its variants.
const MAX_BYTES: usize = 8 << 20;
/// Between two looks at which cluster answers: how long a wiped one may go unnoticed.
const LOOK: Duration = Duration::from_secs(5);
/// The same while no broker answers.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// For one request of administration.
const PATIENCE: Duration = Duration::from_secs(10);

/// A cluster. Clones share it.
#[derive(Clone)]
pub struct Kafka(Arc<Shared>);

struct Shared {
    brokers: String,
    prefix: String,
    admin: AdminClient<DefaultClientContext>,
    /// Id of the cluster that answers; none before one did.
    cluster: watch::Sender<Option<String>>,
    /// Why none did at the last look.
    trouble: Mutex<String>,
}

impl Kafka {
    /// The cluster at `brokers` (`host:port`), where names of topics and groups begin with `prefix` and a dot. Waits for
    /// nothing: while none can be reached, reading waits and publishing is tried again.
    ///
    /// # Errors
    /// Internal, when the client cannot be made.
    pub fn connect(tasks: &Tasks, brokers: &[String], prefix: &str) -> Result<Self, Problem> {
        let (brokers, prefix) = (brokers.join(","), prefix.to_owned());
        let admin = config(&brokers).create().map_err(Problem::internal)?;
        let (cluster, trouble) = (watch::Sender::new(None), Mutex::new("connecting".to_owned()));
        let kafka = Self(Arc::new(Shared { brokers, prefix, admin, cluster, trouble }));
        let (watching, stopping) = (kafka.clone(), tasks.clone());
        tasks.spawn("kafka cluster", async move {
            let mut said = LogThrottle::default();
            while !stopping.stopping() {
                // A look may take as long as a broker is silent; it is not waited for at the end.
                let looked = tokio::select! {
                    looked = watching.look() => looked,
                    () = stopping.token().cancelled() => return,
                };
                match looked {
                    Ok(cluster) => {
                        if said.reset() {
                            tracing::info!(cluster, "kafka answers");
                        }
                        stopping.pause(LOOK).await;
                    }
                    Err(problem) => {
                        let internal = problem.internal_detail().unwrap_or_default();
                        internal.clone_into(&mut watching.0.trouble.lock());
                        if said.should_log() {
                            tracing::warn!(internal, "no kafka broker answers: events wait");
                        }
                        stopping.pause(LOOK_AGAIN).await;
                    }
                }
            }
        });
        Ok(kafka)
    }

    fn changes(&self) -> Changes {
        let cluster = self.0.cluster.subscribe();
        let known = cluster.borrow().clone();
        Changes { cluster, known }
    }

    /// Name of an owner's topic, or of a consumer's group.
    fn named(&self, name: &str) -> String {
        format!("{}.{name}", self.0.prefix)
    }

    fn config(&self) -> ClientConfig {
        config(&self.0.brokers)
    }

    /// Asks which cluster this is, and tells those who follow it.
    async fn look(&self) -> Result<String, Problem> {
        let shared = self.0.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let client = shared.admin.inner();
            client.fetch_metadata(None, PATIENCE)?;
            Ok(client.fetch_cluster_id(Duration::ZERO))
        });
        let id = looked.await.map_err(Problem::internal)?.map_err(unavailable)?;
        let id = id.ok_or_else(|| Problem::internal("kafka has no cluster id"))?;
        self.0.cluster.send_if_modified(|known| {
            let old = known.replace(id.clone());
            let changed = old.as_ref() != Some(&id);
            if let (true, Some(old)) = (changed, old) {
                tracing::warn!(old, new = id, "another kafka cluster answers");
            }
            changed
        });
        Ok(id)
    }

    /// Makes the topic of `schema` if it is not there. Only its relay may: a topic that is gone is then noticed by what
    /// must fill it again before anything else is written to it.
    async fn declare(&self, schema: &str) -> Result<(), Problem> {
        let (topic, retention) = (self.named(schema), RETENTION.as_millis().to_string());
        let (segment, bytes) = (SEGMENT.as_millis().to_string(), MAX_BYTES.to_string());
        // As many copies as the brokers are configured to make.
        let declared = NewTopic::new(&topic, PARTITIONS, TopicReplication::Fixed(-1))
            .set("cleanup.policy", "delete")
            .set("retention.ms", &retention)
            .set("segment.ms", &segment)
            .set("max.message.bytes", &bytes);
        let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
        let results = self.0.admin.create_topics([&declared], &options).await.map_err(unavailable)?;
        match results.into_iter().next() {
            Some(Ok(_)) => tracing::info!(topic, "made the topic"),
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {}
            Some(Err((_, code))) => return Err(unavailable(KafkaError::AdminOp(code))),
            None => return Err(Problem::internal("kafka said nothing about the topic")),
        }
        Ok(())
    }

    /// Where each partition of a topic ends: the offset that its next event will have, by partition.
    async fn ends(&self, schema: &str) -> Result<Vec<i64>, Problem> {
        let (shared, topic) = (self.0.clone(), self.named(schema));
        let ends = tokio::task::spawn_blocking(move || {
            let client = shared.admin.inner();
            let metadata = client.fetch_metadata(Some(&topic), PATIENCE)?;
            let known = metadata.topics().first();
            if let Some(error) = known.and_then(|topic| topic.error()) {
                return Err(KafkaError::MetadataFetch(error.into()));
            }
            let partitions = known.map_or(0, |topic| topic.partitions().len());
            (0..i32::try_from(partitions).unwrap_or(i32::MAX))
                .map(|partition| Ok(client.fetch_watermarks(&topic, partition, PATIENCE)?.1))
                .collect::<Result<Vec<i64>, KafkaError>>()
        });
        ends.await.map_err(Problem::internal)?.map_err(unavailable)
    }
}

#[async_trait]
impl Broker for Kafka {
    fn system(&self) -> &'static str {
        "kafka"
    }

    fn answers(&self) -> Result<(), String> {
        match &*self.0.cluster.borrow() {
            Some(_) => Ok(()),
            None => Err(self.0.trouble.lock().clone()),
        }
    }

    fn join(&self, group: &str, source: Source) -> Result<Box<dyn GroupReader>, Problem> {
        Ok(Box::new(Subscriber::join(self, group, source)?))
    }

    async fn tail(&self, sources: &'static [Source]) -> Box<dyn TailReader> {
        Box::new(Tail::from_now(self, sources).await)
    }

    async fn publisher(&self, schema: &'static str) -> Result<Box<dyn souk_bus::Publisher>, Problem> {
        Ok(Box::new(Publisher::open(self, schema).await?))
    }
}

/// Notices when another cluster answers than before: then everything in the old one is lost.
struct Changes {
    cluster: watch::Receiver<Option<String>>,
    known: Option<String>,
}

impl Changes {
    /// Returns when one does.
    async fn another(&mut self) {
        loop {
            let now = self.cluster.borrow_and_update().clone();
            let old = std::mem::replace(&mut self.known, now);
            if old.is_some() && old != self.known {
                return;
            }
            if self.cluster.changed().await.is_err() {
                // The end of the process.
                std::future::pending::<()>().await;
            }
        }
    }
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("client.id", "souk").set("allow.auto.create.topics", "false");
    // A broker that comes back is used within a second, and a topic that was made within two.
    config.set("reconnect.backoff.max.ms", "1000").set("topic.metadata.refresh.interval.ms", "2000");
    config.set("socket.keepalive.enable", "true").set("message.max.bytes", MAX_BYTES.to_string());
    config
}

/// Whatever fails in talking to brokers is waited out.
fn unavailable(error: KafkaError) -> Problem {
    Problem::unavailable("events_unavailable", format!("kafka: {error}"))
}
