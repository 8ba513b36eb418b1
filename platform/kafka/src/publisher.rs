//! Kafka producer: writes an owner's events to its topic, in order, many under way at once.

use std::time::Duration;

use async_trait::async_trait;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use souk_bus::{Acknowledgement, Envelope, TopicEnds};
use souk_kernel::Problem;

use super::{Kafka, headers, unavailable};

/// Messages gather so long for a request to a broker: what many buyers do at once shares one.
const LINGER: &str = "5";
/// Bytes of one request per partition.
const REQUEST: &str = "1000000";
/// Messages that wait in memory for their broker; a caller with more waits.
const QUEUE: &str = "20000";
/// Pause while the queue is full.
const FULL: Duration = Duration::from_millis(5);
/// A message that no broker took after this long fails, and all behind it: the relay begins again at its recorded place.
const EXPIRY: &str = "15000";

/// Publishes to one owner's topic on one cluster.
pub(crate) struct Publisher {
    kafka: Kafka,
    schema: &'static str,
    topic: String,
    cluster: String,
    producer: FutureProducer,
}

impl Publisher {
    /// Declares the topic and opens a producer whose messages are neither lost nor doubled nor put out of order by its own
    /// retries, and acknowledged by all replicas in sync.
    pub(crate) async fn open(kafka: &Kafka, schema: &'static str) -> Result<Self, Problem> {
        let cluster = kafka.look().await?;
        kafka.declare(schema).await?;
        let mut config = kafka.config();
        config.set("enable.idempotence", "true").set("acks", "all").set("compression.type", "lz4");
        config.set("linger.ms", LINGER).set("batch.size", REQUEST).set("queue.buffering.max.messages", QUEUE);
        // Keys go where every client's default puts them.
        config.set("partitioner", "murmur2_random").set("delivery.timeout.ms", EXPIRY);
        let producer = config.create().map_err(Problem::internal)?;
        Ok(Self { kafka: kafka.clone(), schema, topic: kafka.named(schema), cluster, producer })
    }
}

#[async_trait]
impl souk_bus::Publisher for Publisher {
    fn cluster(&self) -> &str {
        &self.cluster
    }

    async fn has_lost(&self, ends: &TopicEnds) -> Result<bool, Problem> {
        if self.kafka.look().await? != self.cluster {
            return Ok(true);
        }
        let now = self.kafka.ends(self.schema).await?;
        let end = |partition: i32| usize::try_from(partition).ok().and_then(|at| now.get(at)).copied().unwrap_or(0);
        Ok(ends.iter().any(|(partition, least)| end(*partition) < *least))
    }

    async fn send(&self, events: &[Envelope]) -> Result<Acknowledgement, Problem> {
        let mut sent = Vec::with_capacity(events.len());
        for event in events {
            let key = event.aggregate.to_string();
            let record = FutureRecord::to(&self.topic).key(&key).payload(event.data.get().as_bytes());
            let mut record = record.headers(headers::encode(event));
            loop {
                record = match self.producer.send_result(record) {
                    Ok(delivery) => {
                        sent.push(delivery);
                        break;
                    }
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => record,
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                        return Err(Problem::internal(format!("event {} is too large for kafka", event.id)));
                    }
                    Err((error, _)) => return Err(unavailable(error)),
                };
                tokio::time::sleep(FULL).await;
            }
        }
        Ok(Box::pin(acknowledged(sent)))
    }
}

/// Waits until all of `sent` is safe; tells where partitions end at least, from what was acknowledged.
async fn acknowledged(sent: Vec<DeliveryFuture>) -> Result<TopicEnds, Problem> {
    let mut ends = TopicEnds::new();
    for delivery in sent {
        let delivery = delivery.await.map_err(|_| Problem::internal("the producer was closed"))?;
        let delivery = delivery.map_err(|(error, _)| unavailable(error))?;
        let end = ends.entry(delivery.partition).or_insert(0);
        *end = delivery.offset.saturating_add(1).max(*end);
    }
    Ok(ends)
}
