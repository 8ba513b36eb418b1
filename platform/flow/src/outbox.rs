//! Transactional outbox, the writing side: no transaction, no event.

use std::sync::Arc;

use souk_db::{Db, DbError, Tx, WalPosition};
use souk_kernel::{Event, Ids, Problem};
use souk_trace::Trace;
use uuid::Uuid;

use crate::trace_context::Columns;

const INSERT: &str = "insert into outbox (id, type, aggregate, version, data, traceparent, tracestate)
    select id, $2, aggregate, version, data::json, traceparent, tracestate
    from unnest($1::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[])
        with ordinality as e (id, aggregate, version, data, traceparent, tracestate, n)
    order by n";

/// A service's own outbox.
#[derive(Clone)]
pub struct Outbox {
    db: Db,
    ids: Ids,
    channel: Arc<str>,
}

impl Outbox {
    /// The outbox in `db`'s schema.
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), ids: Ids::random(), channel: souk_bus::channel(db.schema()).into() }
    }

    /// Adds an event to the transaction.
    pub async fn push<E: Event>(&self, tx: &Tx, event: &E) -> Result<(), DbError> {
        self.push_all(tx, std::slice::from_ref(event)).await
    }

    /// Adds events of one type to the transaction, in order, in one statement; none is fine.
    pub async fn push_all<E: Event>(&self, tx: &Tx, events: &[E]) -> Result<(), DbError> {
        self.insert(tx, events, &Columns::here(events.len())).await
    }

    /// The same for events of a batch, each with the place in a trace that it belongs to.
    pub async fn push_traced<E: Event>(&self, tx: &Tx, events: &[E], places: &[Option<Trace>]) -> Result<(), DbError> {
        debug_assert_eq!(events.len(), places.len());
        self.insert(tx, events, &Columns::of(places.iter().map(Option::as_ref))).await
    }

    async fn insert<E: Event>(&self, tx: &Tx, events: &[E], traces: &Columns) -> Result<(), DbError> {
        if events.is_empty() {
            return Ok(());
        }
        let encode = |event: &E| {
            serde_json::to_string(event)
                .map_err(|error| DbError::Other(format!("event {} cannot be encoded: {error}", E::TYPE)))
        };
        let ids: Vec<Uuid> = events.iter().map(|_| self.ids.v4()).collect();
        let aggregates: Vec<Uuid> = events.iter().map(E::aggregate).collect();
        let versions: Vec<i64> = events.iter().map(E::version).collect();
        let data = events.iter().map(encode).collect::<Result<Vec<String>, _>>()?;
        let parameters: [&(dyn souk_db::ToSql + Sync); 7] =
            [&ids, &E::TYPE, &aggregates, &versions, &data, &traces.parents, &traces.states];
        tx.execute(INSERT, &parameters).await?;
        Ok(())
    }

    /// Commits and wakes the consumers. Not the notification inside the transaction: that takes a database-wide lock.
    pub async fn commit(&self, tx: Tx) -> Result<(), Problem> {
        tx.commit().await?;
        self.wake();
        Ok(())
    }

    /// Like [`Outbox::commit`], with the position that a reader must have replayed to see the write.
    pub async fn commit_position(&self, tx: Tx) -> Result<WalPosition, Problem> {
        let position = tx.commit_position().await?;
        self.wake();
        Ok(position)
    }

    /// Wakes the consumers after a commit that was made elsewhere.
    pub fn wake(&self) {
        self.db.notify_after_commit(&self.channel);
    }
}
