//! Reading topics from now on, outside any group: every process sees everything.

use futures_util::FutureExt;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use souk_kernel::Problem;

use super::{Changes, Kafka, headers};
use crate::{Envelope, MAX_READ};

/// Librdkafka wants a name; nothing is ever noted under it.
const GROUP: &str = "souk.tail";

/// Owners' topics, with the types of events that are asked for.
pub type Wanted = Vec<(&'static str, &'static [&'static str])>;

/// Reads several owners' topics.
pub struct Tail {
    kafka: Kafka,
    wanted: Wanted,
    consumer: Option<StreamConsumer>,
    cluster: Changes,
}

impl Tail {
    /// Reads what is published from now on.
    ///
    /// # Errors
    /// Unavailable while no broker answers, or an owner's relay has not made its topic yet.
    pub async fn from_now(kafka: &Kafka, wanted: Wanted) -> Result<Self, Problem> {
        let mut tail = Self { kafka: kafka.clone(), wanted, consumer: None, cluster: kafka.changes() };
        tail.open(false).await?;
        Ok(tail)
    }

    /// Waits for events, returns what is there. Dropping it while it waits loses none. When another cluster answers, it is
    /// read from its beginning: seeing an event twice does no harm to memory, missing one does.
    ///
    /// # Errors
    /// Unavailable while no broker of the other cluster answers: call it again.
    pub async fn next(&mut self) -> Result<Vec<Envelope>, Problem> {
        loop {
            let Some(consumer) = &self.consumer else {
                self.open(true).await?;
                continue;
            };
            let mut events = Vec::new();
            tokio::select! {
                biased;
                () = self.cluster.another() => {
                    self.close();
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

    async fn open(&mut self, from_beginning: bool) -> Result<(), Problem> {
        let mut list = TopicPartitionList::new();
        for (schema, _) in &self.wanted {
            for (partition, end) in (0..).zip(self.kafka.ends(schema).await?) {
                let from = if from_beginning { Offset::Beginning } else { Offset::Offset(end) };
                let added = list.add_partition_offset(&self.kafka.named(schema), partition, from);
                added.map_err(Problem::internal)?;
            }
        }
        let mut config = self.kafka.config();
        config.set("group.id", GROUP).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
        config.set("fetch.wait.max.ms", "100");
        let consumer: StreamConsumer = config.create().map_err(Problem::internal)?;
        consumer.assign(&list).map_err(Problem::internal)?;
        self.consumer = Some(consumer);
        Ok(())
    }

    fn event(&self, received: Result<BorrowedMessage<'_>, KafkaError>) -> Option<Envelope> {
        let message = received.inspect_err(|error| tracing::debug!(%error, "kafka has no messages")).ok()?;
        let topic = |schema: &str| self.kafka.named(schema) == message.topic();
        let (_, types) = self.wanted.iter().find(|(schema, _)| topic(schema))?;
        headers::event_type(&message).filter(|event_type| types.contains(event_type))?;
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

impl Drop for Tail {
    fn drop(&mut self) {
        self.close();
    }
}
