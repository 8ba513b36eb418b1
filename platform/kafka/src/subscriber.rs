//! Kafka group consumer: reads one owner's topic; the group's members share the partitions, and go on where it was told to
//! have got to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::FutureExt;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::statistics::Statistics;
use rdkafka::{Message, TopicPartitionList};
use souk_bus::{Envelope, GroupReader, MAX_READ, Source, TopicOffset};
use souk_kernel::Problem;

use super::{Changes, Kafka, headers};

/// A member that is not heard of for so long is dead, and others take over: as long as a lease in PostgreSQL.
const SESSION_MS: &str = "10000";
/// A tenth of it, and no more, as brokers want several in one session.
const HEARTBEAT_MS: &str = "2000";
/// A member that does not ask for messages for so long hangs. Longer than the longest pause in an outage.
const POLL_MS: &str = "300000";
/// How often the client works out how far it is behind.
const STATISTICS_MS: &str = "5000";
/// Messages fetched ahead, and their memory in KiB, for each partition.
const AHEAD: &str = "2000";
const AHEAD_KIB: &str = "4096";

/// A member of a group.
pub(crate) struct Subscriber {
    consumer: Option<StreamConsumer<Watcher>>,
    state: Arc<State>,
    topic: String,
    types: &'static [&'static str],
    cluster: Changes,
}

/// What the client tells in passing.
#[derive(Default)]
struct State {
    assignments: AtomicU64,
    behind: AtomicI64,
}

struct Watcher {
    state: Arc<State>,
    topic: String,
}

impl ClientContext for Watcher {
    fn stats(&self, statistics: Statistics) {
        let Some(topic) = statistics.topics.get(&self.topic) else { return };
        let behind = topic.partitions.values().map(|partition| partition.consumer_lag.max(0)).sum();
        self.state.behind.store(behind, Ordering::Relaxed);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // It goes on by itself; at most it is late, which the lag shows.
        tracing::debug!(topic = self.topic, %error, reason, "kafka consumer is in trouble");
    }
}

impl ConsumerContext for Watcher {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.state.assignments.fetch_add(1, Ordering::Relaxed);
    }
}

impl Subscriber {
    /// Joins the group of that name.
    pub(crate) fn join(kafka: &Kafka, group: &str, source: Source) -> Result<Self, Problem> {
        let mut config = kafka.config();
        config
            .set("group.id", kafka.named(group))
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest");
        config.set("session.timeout.ms", SESSION_MS).set("heartbeat.interval.ms", HEARTBEAT_MS);
        config.set("max.poll.interval.ms", POLL_MS).set("statistics.interval.ms", STATISTICS_MS);
        config.set("queued.min.messages", AHEAD).set("queued.max.messages.kbytes", AHEAD_KIB);
        config.set("partition.assignment.strategy", "cooperative-sticky").set("fetch.wait.max.ms", "100");
        let (state, topic, cluster) = (Arc::new(State::default()), kafka.named(source.schema), kafka.changes());
        let watcher = Watcher { state: state.clone(), topic: topic.clone() };
        let consumer: StreamConsumer<Watcher> = config.create_with_context(watcher).map_err(Problem::internal)?;
        consumer.subscribe(&[&topic]).map_err(Problem::internal)?;
        Ok(Self { consumer: Some(consumer), state, topic, types: source.types, cluster })
    }
}

#[async_trait]
impl GroupReader for Subscriber {
    async fn next(&mut self) -> Option<Vec<(TopicOffset, Envelope)>> {
        let consumer = self.consumer.as_ref()?;
        let mut batch = Batch { events: Vec::new(), passed: BTreeMap::new() };
        loop {
            tokio::select! {
                biased;
                () = self.cluster.another() => return None,
                received = consumer.recv() => batch.take(self.types, received),
            }
            while batch.events.len() < MAX_READ as usize {
                let Some(received) = consumer.recv().now_or_never() else { break };
                batch.take(self.types, received);
            }
            // What was not asked for is not reported as done by the caller.
            let passed = std::mem::take(&mut batch.passed);
            let passed = passed.into_iter().map(|(partition, next)| TopicOffset { partition, next });
            self.commit(&passed.collect::<Vec<_>>());
            if !batch.events.is_empty() {
                return Some(batch.events);
            }
        }
    }

    fn commit(&self, offsets: &[TopicOffset]) {
        let Some(consumer) = &self.consumer else { return };
        let mut reached = BTreeMap::new();
        for offset in offsets {
            let next = reached.entry(offset.partition).or_insert(offset.next);
            *next = offset.next.max(*next);
        }
        let mut list = TopicPartitionList::new();
        for (partition, next) in &reached {
            // Fails only for what the list does not contain.
            let _ = list.add_partition_offset(&self.topic, *partition, rdkafka::Offset::Offset(*next));
        }
        if list.count() == 0 {
            return;
        }
        if let Err(error) = consumer.commit(&list, CommitMode::Async) {
            tracing::debug!(topic = self.topic, %error, "the offset could not be committed");
        }
    }

    fn generation(&self) -> u64 {
        self.state.assignments.load(Ordering::Relaxed)
    }

    fn behind(&self) -> u64 {
        self.state.behind.load(Ordering::Relaxed).unsigned_abs()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let Some(consumer) = self.consumer.take() else { return };
        // Leaving the group waits for a broker's answer, which may be long in coming.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(consumer))),
            Err(_) => drop(consumer),
        }
    }
}

struct Batch {
    events: Vec<(TopicOffset, Envelope)>,
    /// Where partitions are whose last messages were not asked for, unless an event of the batch comes before them.
    passed: BTreeMap<i32, i64>,
}

impl Batch {
    fn take(&mut self, types: &[&str], received: Result<BorrowedMessage<'_>, KafkaError>) {
        let message = match received {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(%error, "kafka has no messages");
                return;
            }
        };
        let offset = TopicOffset { partition: message.partition(), next: message.offset() + 1 };
        if headers::event_type(&message).is_some_and(|event_type| types.contains(&event_type)) {
            match headers::decode(&message) {
                Ok(event) => return self.events.push((offset, event)),
                // It would be of no more use later, and only a relay writes here.
                Err(why) => {
                    metrics::counter!("souk_events_unreadable").increment(1);
                    tracing::error!(topic = message.topic(), ?offset, why, "a message is no event and is passed over");
                }
            }
        }
        match self.events.iter_mut().rev().find(|(before, _)| before.partition == offset.partition) {
            Some((before, _)) => before.next = offset.next,
            None => drop(self.passed.insert(offset.partition, offset.next)),
        }
    }
}
