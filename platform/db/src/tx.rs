//! Write transaction: owned, rolled back on drop, and never spending a round trip on BEGIN.
//!
//! BEGIN is sent together with the first statement, so an empty transaction costs nothing. Statements may be awaited
//! together (`try_join!`): they go out in order, in one round trip.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use futures_util::{
    FutureExt,
    future::{self, BoxFuture},
};
use souk_runtime::Opaque;
use tokio_postgres::{Row, Statement};

use crate::{
    DbError, WalPosition, conn::Params, counters::Meter, error::is_stale_plan, pool::Pooled, row, span,
    statement_cache::Sql,
};

/// How a transaction begins, and begins again.
#[derive(Clone, Copy)]
pub(crate) struct Begin {
    pub(crate) sql: &'static str,
    again: &'static str,
}

/// Commits reach the disk before they are acknowledged.
pub(crate) const DURABLE: Begin = Begin { sql: "BEGIN", again: "ROLLBACK; BEGIN" };
/// Commits are acknowledged at once and reach the disk within a second: what is lost then is lost whole.
pub(crate) const RELAXED: Begin = Begin {
    sql: "BEGIN; SET LOCAL synchronous_commit TO off",
    again: "ROLLBACK; BEGIN; SET LOCAL synchronous_commit TO off",
};

/// Nothing sent yet.
const FRESH: u8 = 0;
/// BEGIN sent.
const OPEN: u8 = 1;
/// A statement failed: the server accepts only ROLLBACK, and COMMIT would roll back without saying so.
const FAILED: u8 = 2;

/// An open transaction on a pooled connection.
///
/// Dropping it rolls back. Where a statement fails, everything since the last savepoint is lost: roll back to it, or
/// give up the transaction; [`Tx::commit`] refuses.
pub struct Tx {
    /// `None` only after the transaction has ended.
    conn: Option<Opaque<Pooled>>,
    begin: Begin,
    state: AtomicU8,
    raw_used: AtomicBool,
    savepoints: u32,
    /// There are replicas, so positions are of use.
    positions: bool,
    meter: Arc<Meter>,
}

impl Tx {
    pub(crate) fn new(conn: Pooled, begin: Begin, positions: bool, meter: Arc<Meter>) -> Tx {
        Tx {
            conn: Some(Opaque::new(conn)),
            begin,
            positions,
            state: AtomicU8::new(FRESH),
            raw_used: AtomicBool::new(false),
            savepoints: 0,
            meter,
        }
    }

    /// All rows of one statement.
    ///
    /// # Errors
    /// Any [`DbError`]; the transaction is then failed.
    pub fn query<'a>(&'a self, sql: &'static str, params: Params<'a>) -> BoxFuture<'a, Result<Vec<Row>, DbError>> {
        self.rows(Sql::Static(sql), params, row::all)
    }

    /// As [`Tx::query`] for a text put together at run time from pieces of our own, never from values.
    pub fn query_dynamic<'a>(&'a self, sql: &'a str, params: Params<'a>) -> BoxFuture<'a, Result<Vec<Row>, DbError>> {
        self.rows(Sql::Dynamic(sql), params, row::all)
    }

    /// The row, if there is one; more than one is [`DbError::Other`].
    pub fn query_opt<'a>(
        &'a self,
        sql: &'static str,
        params: Params<'a>,
    ) -> BoxFuture<'a, Result<Option<Row>, DbError>> {
        self.rows(Sql::Static(sql), params, row::at_most_one)
    }

    /// The one row; none is [`DbError::RowMissing`] (which does not fail the transaction).
    pub fn query_one<'a>(&'a self, sql: &'static str, params: Params<'a>) -> BoxFuture<'a, Result<Row, DbError>> {
        self.rows(Sql::Static(sql), params, row::exactly_one)
    }

    /// Rows affected by one statement.
    pub fn execute<'a>(&'a self, sql: &'static str, params: Params<'a>) -> BoxFuture<'a, Result<u64, DbError>> {
        let run = async move {
            let sql = Sql::Static(sql);
            let span = span::statement(sql);
            let done = self.affected(sql, params).await;
            span::end(span, &done);
            done
        };
        run.boxed()
    }

    async fn affected(&self, sql: Sql<'_>, params: Params<'_>) -> Result<u64, DbError> {
        let first = self.state.load(Ordering::Relaxed) == FRESH;
        let statement = self.statement(sql).await?;
        let done = self.with_begin(self.conn().affected(&statement, sql, params)).await;
        match done {
            Err(error) if is_stale_plan(&error) => {
                let statement = self.prepare_again(sql, first, &error).await?;
                let again = self.conn().tracked(self.conn().client().execute(&statement, params)).await;
                again.map_err(|error| self.failed(&error, sql.text()))
            }
            done => done.map_err(|error| self.failed(&error, sql.text())),
        }
    }

    /// Runs statements without parameters and without rows, separated by semicolons, unprepared.
    pub fn batch_execute<'a>(&'a self, sql: &'a str) -> BoxFuture<'a, Result<(), DbError>> {
        let run = async move {
            self.meter.statement();
            let done = self.with_begin(self.conn().client().batch_execute(sql)).await;
            done.map_err(|error| self.failed(&error, sql))
        };
        run.boxed()
    }

    /// Sets a savepoint inside the last one. Ends with exactly one [`Tx::release`] or [`Tx::rollback_to`].
    pub fn savepoint(&mut self) -> BoxFuture<'_, Result<(), DbError>> {
        let run = async move {
            let sql = format!("SAVEPOINT s{}", self.savepoints);
            let done = self.with_begin(self.conn().client().batch_execute(&sql)).await;
            done.map_err(|error| self.failed(&error, &sql))?;
            self.savepoints += 1;
            Ok(())
        };
        run.boxed()
    }

    /// Keeps what was done since the last savepoint, which is gone then.
    pub fn release(&mut self) -> BoxFuture<'_, Result<(), DbError>> {
        let run = async move {
            let at = self.last_savepoint()?;
            self.savepoint_end(&format!("RELEASE SAVEPOINT s{at}")).await
        };
        run.boxed()
    }

    /// Undoes what was done since the last savepoint, which is gone then. The transaction is usable again after a
    /// failed statement.
    pub fn rollback_to(&mut self) -> BoxFuture<'_, Result<(), DbError>> {
        let run = async move {
            let at = self.last_savepoint()?;
            self.savepoint_end(&format!("ROLLBACK TO SAVEPOINT s{at}; RELEASE SAVEPOINT s{at}")).await?;
            self.state.store(OPEN, Ordering::Relaxed);
            Ok(())
        };
        run.boxed()
    }

    fn last_savepoint(&self) -> Result<u32, DbError> {
        self.savepoints.checked_sub(1).ok_or_else(|| DbError::Other("there is no savepoint".into()))
    }

    async fn savepoint_end(&mut self, sql: &str) -> Result<(), DbError> {
        let done = self.conn().tracked(self.conn().client().batch_execute(sql)).await;
        done.map_err(|error| self.failed(&error, sql))?;
        self.savepoints -= 1;
        Ok(())
    }

    /// The driver's client, for COPY. The transaction is begun. Do not end it through this.
    pub fn client(&self) -> &tokio_postgres::Client {
        let client = self.conn().client();
        self.raw_used.store(true, Ordering::Relaxed);
        if self.start() {
            // Polled once, it is on its way; should it fail, everything after it fails with it or the check before
            // COMMIT does.
            let _queued = client.batch_execute(self.begin.sql).now_or_never();
        }
        client
    }

    /// Commits.
    ///
    /// # Errors
    /// [`DbError::OutcomeUnknown`] when the connection broke meanwhile; [`DbError::Other`] when an earlier statement
    /// had failed, or was abandoned (rolled back then); deferred constraints and serialisation failures as themselves.
    pub fn commit(self) -> BoxFuture<'static, Result<(), DbError>> {
        self.finish(false).map(|done| done.map(drop)).boxed()
    }

    /// As [`Tx::commit`], with the log's position after it, for [`crate::Db::read`]: one more tiny statement in the same
    /// round trip. Without replicas it is not needed, so nothing is asked and it is [`WalPosition::ANY`].
    pub fn commit_position(self) -> BoxFuture<'static, Result<WalPosition, DbError>> {
        let wanted = self.positions;
        self.finish(wanted).boxed()
    }

    /// Rolls back and waits for it. Dropping does the same without waiting.
    pub fn rollback(mut self) -> BoxFuture<'static, Result<(), DbError>> {
        let run = async move {
            if self.state.load(Ordering::Relaxed) == FRESH {
                return Ok(());
            }
            self.meter.rollback();
            let done = self.conn().tracked(self.conn().client().batch_execute("ROLLBACK")).await;
            done.map_err(|error| self.conn().statement_error(&error, "ROLLBACK"))?;
            drop(self.conn.take());
            Ok(())
        };
        run.boxed()
    }

    async fn finish(self, position_wanted: bool) -> Result<WalPosition, DbError> {
        let span = span::statement(Sql::Static("COMMIT"));
        let done = self.end(position_wanted).await;
        span::end(span, &done);
        done
    }

    async fn end(mut self, position_wanted: bool) -> Result<WalPosition, DbError> {
        match self.state.load(Ordering::Relaxed) {
            FRESH => return Ok(WalPosition::ANY),
            FAILED => return Err(DbError::Other("cannot commit: a statement of this transaction failed".into())),
            _ if self.conn().is_busy() => {
                return Err(DbError::Other("cannot commit: a statement of this transaction was abandoned".into()));
            }
            _ => {}
        }
        let raw_used = self.raw_used.load(Ordering::Relaxed);
        let conn = self.conn();
        let client = conn.client();
        // A COMMIT of a failed transaction answers like a rollback, not like an error, and the driver hides which.
        // Whatever went through `client()` is not tracked, so ask for something that only works when all is well.
        let check = async { if raw_used { client.batch_execute("SELECT 1").await } else { Ok(()) } };
        let position = async { if position_wanted { conn.position().await } else { Ok(WalPosition::ANY) } };
        let (sound, committed, position) =
            conn.committed(future::join3(check, client.batch_execute("COMMIT"), position)).await;
        sound.map_err(|error| conn.statement_error(&error, "COMMIT"))?;
        committed.map_err(|error| conn.commit_error(&error, "COMMIT"))?;
        self.meter.commit();
        // The transaction has ended: the connection goes back as it is.
        self.conn = None;
        Ok(position.unwrap_or_else(|error| {
            // The commit stands, and who reads from the primary sees it.
            tracing::warn!(%error, "could not read the log position after a commit");
            WalPosition::PRIMARY
        }))
    }

    fn conn(&self) -> &Pooled {
        self.conn.as_ref().expect("the connection is given back only by what consumes the transaction")
    }

    fn rows<'a, T: 'a>(
        &'a self,
        sql: Sql<'a>,
        params: Params<'a>,
        take: fn(Vec<Row>, &str) -> Result<T, DbError>,
    ) -> BoxFuture<'a, Result<T, DbError>> {
        let run = async move {
            let span = span::statement(sql);
            let done = self.found(sql, params).await;
            span::end(span, &done);
            take(done?, sql.text())
        };
        run.boxed()
    }

    async fn found(&self, sql: Sql<'_>, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        let first = self.state.load(Ordering::Relaxed) == FRESH;
        let statement = self.statement(sql).await?;
        let done = self.with_begin(self.conn().rows(&statement, sql, params)).await;
        match done {
            Err(error) if is_stale_plan(&error) => {
                let statement = self.prepare_again(sql, first, &error).await?;
                let again = self.conn().tracked(self.conn().client().query(&statement, params)).await;
                again.map_err(|error| self.failed(&error, sql.text()))
            }
            done => done.map_err(|error| self.failed(&error, sql.text())),
        }
    }

    async fn statement(&self, sql: Sql<'_>) -> Result<Statement, DbError> {
        self.meter.statement();
        if let Some(statement) = self.conn().typed_statement(sql).await?.or_else(|| self.conn().cached(sql)) {
            return Ok(statement);
        }
        self.with_begin(self.conn().prepare(sql)).await.map_err(|error| self.failed(&error, sql.text()))
    }

    /// A plan went stale. As the first statement nothing is lost by beginning again; later, only the caller can.
    async fn prepare_again(
        &self,
        sql: Sql<'_>,
        first: bool,
        error: &tokio_postgres::Error,
    ) -> Result<Statement, DbError> {
        self.conn().forget(sql);
        if !first {
            return Err(self.failed(error, sql.text()));
        }
        let again = async {
            let (begun, statement) =
                future::join(self.conn().client().batch_execute(self.begin.again), self.conn().prepare(sql)).await;
            begun?;
            statement
        };
        self.conn().tracked(again).await.map_err(|error| self.failed(&error, sql.text()))
    }

    /// Runs `statement`, with BEGIN queued right before it when it is the first.
    async fn with_begin<T>(
        &self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, tokio_postgres::Error> {
        if !self.start() {
            return self.conn().tracked(statement).await;
        }
        let begin = self.conn().client().batch_execute(self.begin.sql);
        // `join` polls in order, and the first poll puts the message into the queue: BEGIN goes first.
        let (begun, done) = self.conn().tracked(future::join(begin, statement)).await;
        begun?;
        done
    }

    /// True for the one caller who has to send BEGIN.
    fn start(&self) -> bool {
        self.state.compare_exchange(FRESH, OPEN, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn failed(&self, error: &tokio_postgres::Error, sql: &str) -> DbError {
        self.state.store(FAILED, Ordering::Relaxed);
        self.conn().statement_error(error, sql)
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        if self.state.load(Ordering::Relaxed) == FRESH || conn.is_closed() {
            return;
        }
        self.meter.rollback();
        // Queued behind whatever is still running and before whatever uses the connection next.
        let _queued = conn.client().batch_execute("ROLLBACK").now_or_never();
    }
}
