//! Pipelined reads: a few shared connections carry the statements of many requests. One statement, one round trip, no
//! transaction; the type has no way to ask for more, and the server refuses writes on them.
//!
//! Those of a replica ask the primary when something goes wrong: a read does no harm twice.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, future::BoxFuture};
use parking_lot::RwLock;
use tokio::{runtime::Handle, time::timeout};
use tokio_postgres::Row;

use crate::{
    DbError, WalPosition,
    conn::{Conn, Opener, Params},
    counters::Meter,
    row,
    servers::Servers,
    span,
    statement_cache::Sql,
};

/// What makes a connection one for reads. Sent after connecting and not in the start packet, because there it would
/// hide the primary from the search among several hosts.
const READ_ONLY: &str = "SET default_transaction_read_only = on";

/// Shared, pipelined, reconnecting connections for bounded single statements.
pub struct Reads {
    opener: Opener,
    /// Set on a replica's.
    replica: Option<Replica>,
    runtime: Handle,
    slots: Box<[Slot]>,
    next: AtomicUsize,
    meter: Arc<Meter>,
}

/// Which server it is, and who is asked instead.
pub(crate) struct Replica {
    pub(crate) at: usize,
    pub(crate) servers: Servers,
    pub(crate) primary: Arc<Reads>,
}

/// A replica that has not answered by then is taken for hanging: far longer than a bounded read takes, and the primary
/// can still answer within a caller's patience.
const REPLICA_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Slot {
    conn: RwLock<Option<Arc<Conn>>>,
    /// Held while connecting: all others that find the slot empty wait for the one attempt and share its end.
    connecting: tokio::sync::Mutex<Option<(Instant, DbError)>>,
}

impl Reads {
    pub(crate) fn new(opener: Opener, size: usize, runtime: Handle, meter: Arc<Meter>) -> Reads {
        let slots = (0..size).map(|_| Slot::default()).collect();
        Reads { opener, replica: None, runtime, slots, next: AtomicUsize::new(0), meter }
    }

    /// Reads of a replica.
    pub(crate) fn of(self, replica: Replica) -> Reads {
        Reads { replica: Some(replica), ..self }
    }

    /// Where the primary's log stands; [`WalPosition::PRIMARY`] when it cannot be asked.
    pub(crate) async fn position(&self) -> WalPosition {
        let asked = async { self.connected(self.next_slot()).await?.position().await };
        asked.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "could not read the log position");
            WalPosition::PRIMARY
        })
    }

    /// All rows of one statement.
    ///
    /// # Errors
    /// [`DbError::Unavailable`], [`DbError::Timeout`], or [`DbError::Other`] for wrong SQL and for writes.
    pub fn query<'a>(&'a self, sql: &'static str, params: Params<'a>) -> BoxFuture<'a, Result<Vec<Row>, DbError>> {
        self.run(Sql::Static(sql), params, row::all)
    }

    /// The row, if there is one.
    ///
    /// # Errors
    /// As [`Reads::query`]; more than one row is [`DbError::Other`].
    pub fn query_opt<'a>(
        &'a self,
        sql: &'static str,
        params: Params<'a>,
    ) -> BoxFuture<'a, Result<Option<Row>, DbError>> {
        self.run(Sql::Static(sql), params, row::at_most_one)
    }

    /// The one row.
    ///
    /// # Errors
    /// As [`Reads::query_opt`]; [`DbError::RowMissing`] when there is none.
    pub fn query_one<'a>(&'a self, sql: &'static str, params: Params<'a>) -> BoxFuture<'a, Result<Row, DbError>> {
        self.run(Sql::Static(sql), params, row::exactly_one)
    }

    /// As [`Reads::query`] for a text put together at run time from pieces of our own (columns, sort orders), never from
    /// values: those are parameters. At most 128 different texts are kept prepared.
    pub fn query_dynamic<'a>(&'a self, sql: &'a str, params: Params<'a>) -> BoxFuture<'a, Result<Vec<Row>, DbError>> {
        self.run(Sql::Dynamic(sql), params, row::all)
    }

    pub(crate) async fn warm_up(&self) -> Result<(), DbError> {
        for slot in &self.slots {
            self.connected(slot).await?;
        }
        Ok(())
    }

    fn run<'a, T: 'a>(
        &'a self,
        sql: Sql<'a>,
        params: Params<'a>,
        take: fn(Vec<Row>, &str) -> Result<T, DbError>,
    ) -> BoxFuture<'a, Result<T, DbError>> {
        let run = async move {
            let span = span::statement(sql);
            let done = self.run_anywhere(sql, params).await;
            span::end(span, &done);
            take(done?, sql.text())
        };
        run.boxed()
    }

    async fn run_anywhere(&self, sql: Sql<'_>, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        let Some(replica) = &self.replica else {
            self.meter.read();
            return self.ask(sql, params).await;
        };
        let why = match timeout(REPLICA_PATIENCE, self.ask(sql, params)).await {
            Ok(Ok(rows)) => {
                self.meter.replica_read();
                return Ok(rows);
            }
            Ok(Err(error)) => error,
            Err(_) => DbError::Unavailable(format!("no answer within {REPLICA_PATIENCE:?}")),
        };
        // Not only when it is away: its replay may have cancelled the statement, or a migration not have come there yet.
        tracing::debug!(error = %why, "a read failed on a replica, asking the primary");
        if matches!(why, DbError::Unavailable(_)) {
            replica.servers.failed(replica.at);
        }
        self.meter.fell_back("failed");
        replica.primary.meter.read();
        replica.primary.ask(sql, params).await
    }

    async fn ask(&self, sql: Sql<'_>, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        let slot = self.next_slot();
        let conn = self.connected(slot).await?;
        let typed = conn.typed_statement(sql).await?;
        let error = match conn.query(typed, sql, params).await {
            Ok(rows) => return Ok(rows),
            Err(error) => DbError::from_driver(&error, sql.text()),
        };
        if !matches!(error, DbError::Unavailable(_)) {
            return Err(error);
        }
        // A read does no harm twice: when its connection broke, try once more before the caller notices, and on a fresh one,
        // because what broke this connection probably broke the others, too.
        slot.clear(&conn);
        let conn = self.connected(slot).await?;
        let typed = conn.typed_statement(sql).await?;
        conn.query(typed, sql, params).await.map_err(|error| DbError::from_driver(&error, sql.text()))
    }

    fn next_slot(&self) -> &Slot {
        &self.slots[self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len()]
    }

    async fn connected(&self, slot: &Slot) -> Result<Arc<Conn>, DbError> {
        if let Some(conn) = slot.open() {
            return Ok(conn);
        }
        let arrived = Instant::now();
        let mut last_failure = slot.connecting.lock().await;
        if let Some(conn) = slot.open() {
            return Ok(conn);
        }
        if let Some((at, error)) = last_failure.as_ref().filter(|(at, _)| *at >= arrived) {
            tracing::debug!(failed_ago = ?at.elapsed(), "shared a failed connect");
            return Err(error.clone());
        }
        // Behind a pooler a setting would go to the next user of the server connection.
        let setup = if self.opener.is_pooled() { "" } else { READ_ONLY };
        match self.opener.open(&self.runtime, setup).await {
            Ok(conn) => {
                let conn = Arc::new(conn);
                *slot.conn.write() = Some(Arc::clone(&conn));
                *last_failure = None;
                Ok(conn)
            }
            Err(error) => {
                *last_failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

impl Slot {
    fn open(&self) -> Option<Arc<Conn>> {
        let held = self.conn.read();
        held.as_ref().filter(|conn| !conn.is_closed()).cloned()
    }

    /// Forgets `broken`, even if the driver has not noticed its end yet; not what was put there since.
    fn clear(&self, broken: &Arc<Conn>) {
        let mut held = self.conn.write();
        if held.as_ref().is_some_and(|conn| Arc::ptr_eq(conn, broken)) {
            *held = None;
        }
    }
}
