//! Kafka consumer outside any group: reads topics from now on, so every process sees everything.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use jiff::Timestamp;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use souk_bus::{Envelope, MAX_READ, Source, TailReader};
use souk_kernel::{Clock, Problem};

use super::{Changes, Kafka, PATIENCE, headers, unavailable};

/// How long the start of a process waits for brokers: they answer within milliseconds, or are away.
const START: Duration = Duration::from_secs(2);
/// How far the clocks of two machines may be apart.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);
/// Librdkafka wants a name; nothing is ever noted under it.
const GROUP: &str = "souk.tail";

/// Reads several owners' topics.
pub(crate) struct Tail {
    kafka: Kafka,
    sources: &'static [Source],
    consumer: Option<StreamConsumer>,
    from: From,
    cluster: Changes,
}

/// Where to begin.
#[derive(Clone, Copy)]
enum From {
    /// With what is published next.
    Now,
    /// With what was published then, or later.
    Since(Timestamp),
    /// With the oldest.
    Beginning,
}

impl Tail {
    /// Opens it within a moment; when that fails, [`TailReader::next`] does, and begins where this would have.
    pub(crate) async fn from_now(kafka: &Kafka, sources: &'static [Source]) -> Self {
        let since = Clock::system().now() - CLOCKS_DIFFER;
        let (kafka, cluster) = (kafka.clone(), kafka.changes());
        let mut tail = Self { kafka, sources, consumer: None, from: From::Now, cluster };
        if !matches!(tokio::time::timeout(START, tail.open()).await, Ok(Ok(()))) {
            tracing::warn!("kafka's topics cannot be followed yet");
            tail.from = From::Since(since);
        }
        tail
    }

    async fn open(&mut self) -> Result<(), Problem> {
        let mut config = self.kafka.config();
        config.set("group.id", GROUP).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
        config.set("fetch.wait.max.ms", "100");
        let mut topics = Vec::new();
        for Source { schema, .. } in self.sources {
            topics.push((self.kafka.named(schema), self.kafka.ends(schema).await?));
        }
        let from = self.from;
        let opened = tokio::task::spawn_blocking(move || {
            let consumer: StreamConsumer = config.create()?;
            consumer.assign(&begin(&consumer, &topics, from)?)?;
            Ok(consumer)
        });
        self.consumer = Some(opened.await.map_err(Problem::internal)?.map_err(unavailable)?);
        Ok(())
    }

    fn event(&self, received: Result<BorrowedMessage<'_>, KafkaError>) -> Option<Envelope> {
        let message = received.inspect_err(|error| tracing::debug!(%error, "kafka has no messages")).ok()?;
        let source = self.sources.iter().find(|source| self.kafka.named(source.schema) == message.topic())?;
        headers::event_type(&message).filter(|event_type| source.types.contains(event_type))?;
        headers::decode(&message)
            .inspect_err(|why| tracing::error!(why, "a message is no event and is passed over"))
            .ok()
    }

    fn close(&mut self) {
        let Some(consumer) = self.consumer.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(consumer))),
            Err(_) => drop(consumer),
        }
    }
}

#[async_trait]
impl TailReader for Tail {
    async fn next(&mut self) -> Result<Vec<Envelope>, Problem> {
        loop {
            let Some(consumer) = &self.consumer else {
                self.open().await?;
                continue;
            };
            let mut events = Vec::new();
            tokio::select! {
                biased;
                () = self.cluster.another() => {
                    self.close();
                    self.from = From::Beginning;
                    continue;
                }
                received = consumer.recv() => events.extend(self.event(received)),
            }
            while events.len() < MAX_READ as usize {
                let Some(received) = consumer.recv().now_or_never() else { break };
                events.extend(self.event(received));
            }
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }
}

/// Where to begin with each partition of `topics`, whose ends were looked up before.
fn begin(
    consumer: &StreamConsumer,
    topics: &[(String, Vec<i64>)],
    from: From,
) -> Result<TopicPartitionList, KafkaError> {
    let (mut list, mut times) = (TopicPartitionList::new(), TopicPartitionList::new());
    for (topic, ends) in topics {
        for (partition, end) in (0..).zip(ends) {
            list.add_partition_offset(topic, partition, Offset::Offset(*end))?;
            if let From::Since(time) = from {
                times.add_partition_offset(topic, partition, Offset::Offset(time.as_millisecond()))?;
            }
        }
    }
    match from {
        From::Now => {}
        From::Beginning => list.set_all_offsets(Offset::Beginning)?,
        From::Since(_) => {
            let found = consumer.offsets_for_times(times, PATIENCE)?;
            for place in found.elements() {
                // None where nothing is later; then it ends where it was found to end, not where it ends by then.
                if let Offset::Offset(_) = place.offset() {
                    list.set_partition_offset(place.topic(), place.partition(), place.offset())?;
                }
            }
        }
    }
    Ok(list)
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.close();
    }
}
