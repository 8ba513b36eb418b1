//! Broker interface: what flow asks of a message broker that carries the outboxes. Who implements it stands in a crate of its
//! own (souk-kafka), which only the binary names. Every call carries a batch, so a virtual call costs nothing beside its work.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use souk_kernel::Problem;

use crate::{Envelope, Source};

/// Offset of an event in a topic: everything in `partition` below `next` has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicOffset {
    /// Part of the topic.
    pub partition: i32,
    /// The offset of the event after it.
    pub next: i64,
}

/// Ends of a topic: by partition, the offset that its next event will have at least.
pub type TopicEnds = BTreeMap<i32, i64>;

/// Acknowledgement of a batch that is under way: ends when all of it is safe, and tells where the partitions end then.
///
/// # Errors
/// Unavailable when an event was not taken. Later ones may have been: begin again with a publisher of your own, before it.
pub type Acknowledgement = BoxFuture<'static, Result<TopicEnds, Problem>>;

/// A message broker: one topic per owner, which that owner's relay fills.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Its name in traces (OpenTelemetry's `messaging.system`).
    fn system(&self) -> &'static str;

    /// Whether it has answered since the start, or why it did not at the last look.
    ///
    /// # Errors
    /// In words for an operator.
    fn answers(&self) -> Result<(), String>;

    /// Joins the consumer group of that name, for the events of `source`. A new group begins with the oldest. Waits for
    /// nothing.
    ///
    /// # Errors
    /// Internal, when the client cannot be made.
    fn join(&self, group: &str, source: Source) -> Result<Box<dyn GroupReader>, Problem>;

    /// Opens a reader outside any group of what is published from now on. When the broker does not answer, or an owner's
    /// relay has not made its topic yet, it begins later, with what will have been published by then (and somewhat before
    /// now, since clocks differ).
    async fn tail(&self, sources: &'static [Source]) -> Box<dyn TailReader>;

    /// Opens the publisher of `schema`, and makes the topic if it is not there: call it as the only relay of `schema`.
    ///
    /// # Errors
    /// Unavailable while the broker does not answer.
    async fn publisher(&self, schema: &'static str) -> Result<Box<dyn Publisher>, Problem>;
}

/// A member of a consumer group: the members share the partitions, and go on where the group was told to have got to.
/// Dropping it leaves the group.
#[async_trait]
pub trait GroupReader: Send + Sync {
    /// Waits for events, returns what is there: at most [`crate::MAX_READ`]. Dropping it while it waits loses none. None when
    /// another cluster answers: join anew, what the group knew is lost.
    async fn next(&mut self) -> Option<Vec<(TopicOffset, Envelope)>>;

    /// Commits that everything up to these offsets has had its effects. Should that get lost, it is read again.
    fn commit(&self, offsets: &[TopicOffset]);

    /// Changes whenever partitions come or go.
    fn generation(&self) -> u64;

    /// How many events, of any type, this member's partitions hold that the group has not done; some seconds old.
    fn behind(&self) -> u64;
}

/// A reader outside any group: every process that has one sees everything.
#[async_trait]
pub trait TailReader: Send {
    /// Waits for events, returns what is there: at most [`crate::MAX_READ`]. Dropping it while it waits loses none. When
    /// another cluster answers, it is read from its beginning: seeing an event twice does no harm to memory, missing one does.
    ///
    /// # Errors
    /// Unavailable while the broker does not answer: call it again.
    async fn next(&mut self) -> Result<Vec<Envelope>, Problem>;
}

/// A publisher to one owner's topic on one cluster. Its own retries neither lose events nor double them nor put them out of
/// order.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Id of the cluster.
    fn cluster(&self) -> &str;

    /// True when another cluster answers now, or this one lost the topic's end: `ends` is where partitions ended at least, as
    /// acknowledgements told.
    ///
    /// # Errors
    /// Unavailable while the broker does not answer.
    async fn has_lost(&self, ends: &TopicEnds) -> Result<bool, Problem>;

    /// Puts events under way, in order. Waits only while too many others are.
    ///
    /// # Errors
    /// Internal, for an event that is too large; unavailable when the publisher has given up.
    async fn send(&self, events: &[Envelope]) -> Result<Acknowledgement, Problem>;
}
