//! Event source of a consumer: the owner's outbox table under a lease, or a broker's topic in a group. The consumer cannot
//! tell which.

use std::time::{Duration, Instant};

use souk_bus::{Envelope, EventLog, GroupReader, Log, MAX_READ, OutboxOffset, Source, TopicOffset, Wakes};
use souk_db::{Db, Tx};
use souk_kernel::Problem;
use uuid::Uuid;

use crate::cursor::{Cursor, Stop};

/// Polling interval without notifications: covers lost ones. Also how often a feed without events says so.
const IDLE: Duration = Duration::from_millis(1000);

/// An open feed.
pub(crate) enum Feed {
    Postgres(Leased),
    Broker(Box<dyn GroupReader>),
}

/// Offset of an event in its feed.
#[derive(Clone, Copy)]
pub(crate) enum Mark {
    Postgres(OutboxOffset),
    Broker(TopicOffset),
}

/// A consumer's right to read one owner's outbox.
pub(crate) struct Leased {
    cursor: Cursor,
    log: Log,
    wakes: Wakes,
    source: Source,
}

impl Feed {
    /// Opens the feed of `source` for `consumer`; none while another process has it. `holder` names this process.
    pub(crate) async fn open(
        events: &EventLog,
        db: &Db,
        consumer: &'static str,
        source: Source,
        holder: Uuid,
    ) -> Result<Option<Self>, Problem> {
        match events {
            EventLog::Postgres => {
                let Some(cursor) = Cursor::acquire(db, consumer, source.schema, holder).await? else { return Ok(None) };
                let log = Log::new(db);
                let wakes = log.wakes(&[source.schema]);
                Ok(Some(Feed::Postgres(Leased { cursor, log, wakes, source })))
            }
            // A group for each owner: what holds up the events of one does not hold up those of another.
            EventLog::Broker(broker) => {
                let group = format!("{consumer}.{}", source.schema);
                Ok(Some(Feed::Broker(broker.join(&group, source)?)))
            }
        }
    }

    /// Waits for events, at most about a second; returns at most [`MAX_READ`], in order per aggregate. Dropping it while it
    /// waits loses none.
    pub(crate) async fn next(&mut self) -> Result<Vec<(Mark, Envelope)>, Stop> {
        match self {
            Feed::Postgres(leased) => leased.next().await,
            Feed::Broker(member) => match tokio::time::timeout(IDLE, member.next()).await {
                Ok(Some(events)) => {
                    Ok(events.into_iter().map(|(offset, event)| (Mark::Broker(offset), event)).collect())
                }
                Ok(None) => Err(Stop::Lost),
                Err(_) => Ok(Vec::new()),
            },
        }
    }

    /// Notes in the transaction of the effects that events up to these marks have had theirs.
    pub(crate) async fn record(&self, tx: &Tx, marks: &[Mark]) -> Result<(), Stop> {
        match (self, marks.last()) {
            (Feed::Postgres(leased), Some(Mark::Postgres(end))) => leased.cursor.advance(tx, *end).await,
            // A broker is told after the commit; should that get lost, the inbox knows.
            _ => Ok(()),
        }
    }

    /// The transaction has committed.
    pub(crate) fn recorded(&mut self, marks: &[Mark]) {
        match self {
            Feed::Postgres(leased) => {
                if let Some(Mark::Postgres(end)) = marks.last() {
                    leased.cursor.offset = *end;
                }
            }
            Feed::Broker(member) => {
                let offsets = marks.iter().filter_map(|mark| match mark {
                    Mark::Broker(offset) => Some(*offset),
                    Mark::Postgres(_) => None,
                });
                member.commit(&offsets.collect::<Vec<_>>());
            }
        }
    }

    /// Says that this process is alive.
    pub(crate) async fn keep(&self) -> Result<(), Stop> {
        match self {
            Feed::Postgres(leased) => leased.cursor.renew().await,
            // The client does.
            Feed::Broker(_) => Ok(()),
        }
    }

    /// Changes when this process may have become responsible for events that another one handled before.
    pub(crate) fn generation(&self) -> u64 {
        match self {
            Feed::Postgres(_) => 0,
            Feed::Broker(member) => member.generation(),
        }
    }

    /// Events that wait for this process.
    pub(crate) async fn behind(&self) -> Result<u64, Problem> {
        match self {
            Feed::Postgres(Leased { cursor, log, source, .. }) => {
                log.behind(source.schema, source.types, cursor.offset).await
            }
            Feed::Broker(member) => Ok(member.behind()),
        }
    }

    /// Lets another process read at once.
    pub(crate) async fn close(self) -> Result<(), Problem> {
        match self {
            Feed::Postgres(leased) => leased.cursor.hand_back().await,
            // Dropping it leaves the group.
            Feed::Broker(_) => Ok(()),
        }
    }
}

impl Leased {
    async fn next(&mut self) -> Result<Vec<(Mark, Envelope)>, Stop> {
        let began = Instant::now();
        loop {
            self.wakes.seen();
            let Source { schema, types } = self.source;
            let batch = self.log.read(schema, types, self.cursor.offset, MAX_READ).await?;
            if !batch.is_empty() {
                self.wakes.found();
                return Ok(batch.into_iter().map(|(offset, event)| (Mark::Postgres(offset), event)).collect());
            }
            let look = self.wakes.look_again_soon().await || self.wakes.wait(IDLE).await;
            // Also when every look is for events that hide behind a long transaction: the lease is kept in between.
            if !look || began.elapsed() >= IDLE {
                return Ok(Vec::new());
            }
        }
    }
}
