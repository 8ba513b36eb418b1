//! Database handle of a service: its schema, its two kinds of connections, its signals. One per service and process.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use futures_util::{
    FutureExt,
    future::{self, BoxFuture},
};
use souk_runtime::Opaque;
use souk_trace::Span;
use tokio::{runtime::Handle, sync::watch};
use tokio_postgres::{Row, Statement};

use crate::{
    Counters, DbConfig, DbError, Migrations, Reads, RowExt, Servers, Tx, WalPosition,
    conn::{Opener, Params},
    connector::Connector,
    counters::Meter,
    notify::Signals,
    pool::{Pool, Pooled},
    reads::Replica,
    row, span,
    statement_cache::Sql,
    tx::{self, Begin},
};

/// A service's database: cheap to clone, all clones share the connections.
#[derive(Clone)]
pub struct Db(Opaque<Inner>);

struct Inner {
    schema: String,
    reads: Arc<Reads>,
    replicas: Option<Replicas>,
    pool: Arc<Pool>,
    signals: Signals,
    meter: Arc<Meter>,
}

/// Needs 16 MiB of temporary file, as much as one more segment of the log takes, and writes no log itself. What a server
/// keeps in another tablespace it cannot tell.
const NEEDS_ROOM: &str = "
    select count(*) from (
        select repeat(md5(n::text), 64) as filler from generate_series(1, 8192) n order by 1 offset 0
    ) rows";

/// What else is read from.
struct Replicas {
    servers: Servers,
    /// A server and its connections.
    reads: Box<[(usize, Reads)]>,
    next: AtomicUsize,
}

impl Replicas {
    /// Connections to each of `servers` that may be read from, opened when first used.
    fn new(config: &DbConfig, primary: &Arc<Reads>, runtime: &Handle, meter: &Arc<Meter>) -> Option<Replicas> {
        let servers = config.servers.as_ref().filter(|servers| servers.has_replicas())?;
        let reads_of = |at: usize| {
            let mut options = servers.all()[at].options.clone();
            config.apply_session_settings(&mut options.driver);
            let opener = Opener::direct(Connector::one(options));
            let reads = Reads::new(opener, config.read_connections, runtime.clone(), Arc::clone(meter));
            reads.of(Replica { at, servers: servers.clone(), primary: Arc::clone(primary) })
        };
        let readable = servers.all().iter().enumerate().filter(|(_, server)| server.may_read);
        let reads = readable.map(|(at, _)| (at, reads_of(at))).collect();
        Some(Replicas { servers: servers.clone(), reads, next: AtomicUsize::new(0) })
    }

    /// The next one in turn of those that show everything up to `at_least`.
    fn find(&self, at_least: WalPosition) -> Option<&Reads> {
        let first = self.next.fetch_add(1, Relaxed);
        let count = self.reads.len();
        let mut turns = (0..count).map(|turn| &self.reads[first.wrapping_add(turn) % count]);
        turns.find(|(at, _)| self.servers.serves(*at, at_least)).map(|(_, reads)| reads)
    }
}

impl Db {
    /// Checks `config` and prepares the pools. Connections are opened when first used, so a database that is away for
    /// the moment fails requests, not the start; [`Db::ping`] says whether it is there.
    ///
    /// Must be called within a tokio runtime, which then drives the connections.
    ///
    /// # Errors
    /// [`DbError::Other`] when the configuration makes no sense.
    pub async fn connect(config: DbConfig) -> Result<Db, DbError> {
        let opener = config.opener()?;
        let runtime = Handle::current();
        let meter = Arc::new(Meter::new(&config.schema));
        let reads = Reads::new(opener.clone(), config.read_connections, runtime.clone(), Arc::clone(&meter));
        let reads = Arc::new(reads);
        let replicas = Replicas::new(&config, &reads, &runtime, &meter);
        let pool = Pool::new(opener, config.tx_connections, runtime.clone(), Arc::clone(&meter));
        let signals = Signals::new(config.direct_connector()?, runtime);
        Ok(Db(Opaque::new(Inner { schema: config.schema, reads, replicas, pool, signals, meter })))
    }

    /// Reads that show everything up to `at_least`: from a healthy replica that has replayed that far, else from the
    /// primary. A caller that wrote hands over the position of the write (`Cx` carries it) and sees it; what decides something reads
    /// [`Db::primary`].
    pub fn read(&self, at_least: WalPosition) -> &Reads {
        let Some(replicas) = &self.0.replicas else { return &self.0.reads };
        replicas.find(at_least).unwrap_or_else(|| {
            if at_least != WalPosition::PRIMARY {
                self.0.meter.fell_back("behind");
            }
            &self.0.reads
        })
    }

    /// Where the primary's log stands now: at or after every commit that was acknowledged before. One small statement; none
    /// where there are no replicas, [`WalPosition::ANY`] then. When the primary cannot be asked it is [`WalPosition::PRIMARY`].
    pub async fn position(&self) -> WalPosition {
        match self.0.replicas {
            Some(_) => self.0.reads.position().await,
            None => WalPosition::ANY,
        }
    }

    /// True when no replica will ever have `position`, because it is of a timeline that is not the primary's any more.
    pub fn is_void(&self, position: WalPosition) -> bool {
        let timeline = self.0.replicas.as_ref().map_or(0, |replicas| replicas.servers.timeline());
        timeline != 0 && position != WalPosition::ANY && position.timeline() != timeline
    }

    /// Reads that decide something: stock, price, coupon, permission.
    pub fn primary(&self) -> &Reads {
        &self.0.reads
    }

    /// A transaction on a pooled connection. Sends nothing yet.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when no connection is free within two seconds, or none can be made.
    pub fn begin(&self) -> BoxFuture<'_, Result<Tx, DbError>> {
        self.begin_with(tx::DURABLE).boxed()
    }

    /// As [`Db::begin`], but a commit is acknowledged before it is on disk; up to about half a second of such commits
    /// is lost when the server crashes. For carts only: orders, money and stock never.
    pub fn begin_relaxed(&self) -> BoxFuture<'_, Result<Tx, DbError>> {
        self.begin_with(tx::RELAXED).boxed()
    }

    async fn begin_with(&self, begin: Begin) -> Result<Tx, DbError> {
        let conn = self.0.pool.get().await?;
        Ok(Tx::new(conn, begin, self.0.replicas.is_some(), Arc::clone(&self.0.meter)))
    }

    /// One statement that writes, as its own transaction: one round trip, one commit. Rows affected come back.
    ///
    /// # Errors
    /// Any [`DbError`]; [`DbError::OutcomeUnknown`] when the connection broke before the answer.
    pub fn write_one<'a>(&'a self, sql: &'static str, params: Params<'a>) -> BoxFuture<'a, Result<u64, DbError>> {
        let write = async move {
            let (span, conn, typed) = self.writing(sql).await?;
            let done = conn.committed(conn.execute(typed, Sql::Static(sql), params)).await;
            self.written(&conn, sql, span, done)
        };
        write.boxed()
    }

    /// As [`Db::write_one`], with the rows of its RETURNING clause.
    pub fn write_returning<'a>(
        &'a self,
        sql: &'static str,
        params: Params<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, DbError>> {
        let write = async move {
            let (span, conn, typed) = self.writing(sql).await?;
            let done = conn.committed(conn.query(typed, Sql::Static(sql), params)).await;
            self.written(&conn, sql, span, done)
        };
        write.boxed()
    }

    /// As [`Db::write_returning`] for at most one row.
    pub fn write_returning_opt<'a>(
        &'a self,
        sql: &'static str,
        params: Params<'a>,
    ) -> BoxFuture<'a, Result<Option<Row>, DbError>> {
        self.write_returning(sql, params).map(move |rows| row::at_most_one(rows?, sql)).boxed()
    }

    /// As [`Db::write_returning`], acknowledged before it is on disk (see [`Db::begin_relaxed`]): BEGIN, the setting,
    /// the statement and COMMIT in one round trip. For carts only.
    pub fn write_relaxed<'a>(
        &'a self,
        sql: &'static str,
        params: Params<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, DbError>> {
        let write = async move {
            let (span, conn, typed) = self.writing(sql).await?;
            let done = conn.committed(relaxed(&conn, typed, Sql::Static(sql), params)).await;
            self.written(&conn, sql, span, done)
        };
        write.boxed()
    }

    async fn writing(&self, sql: &'static str) -> Result<(Span, Pooled, Option<Statement>), DbError> {
        let span = span::statement(Sql::Static(sql));
        let conn = self.0.pool.get().await?;
        let typed = conn.typed_statement(Sql::Static(sql)).await?;
        Ok((span, conn, typed))
    }

    fn written<T>(
        &self,
        conn: &Pooled,
        sql: &str,
        span: Span,
        done: Result<T, tokio_postgres::Error>,
    ) -> Result<T, DbError> {
        self.0.meter.statement();
        let done = done.map_err(|error| conn.commit_error(&error, sql));
        if done.is_ok() {
            self.0.meter.commit();
        }
        span::end(span, &done);
        done
    }

    /// Tells the listeners of `channel` that there is something new, soon and at most once per few milliseconds however
    /// often it is called. Call it after the commit; never waits, never fails: a lost one is covered by polling.
    ///
    /// A NOTIFY inside a transaction takes a lock on the whole database at commit; this one goes alone over a
    /// connection of its own.
    pub fn notify_after_commit(&self, channel: &str) {
        self.0.signals.notify(channel);
    }

    /// A number that changes at every notification on `channel`, and whenever one may have been missed (at the start
    /// and after a reconnect): await `changed()`, then look. Notifications close together may be seen as one.
    pub fn listen(&self, channel: &str) -> watch::Receiver<u64> {
        self.0.signals.listen(channel)
    }

    /// One round trip to the primary, for readiness checks.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] and whatever a statement can fail with.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.primary().query_one("select 1", &[]).await.map(drop)
    }

    /// Opens the read connections and one for writing, so that the first requests need not.
    ///
    /// # Errors
    /// [`DbError::Unavailable`], and what a wrong password or a missing database is.
    pub async fn warm_up(&self) -> Result<(), DbError> {
        let (reads, conn) = future::join(self.0.reads.warm_up(), self.0.pool.get()).await;
        reads.and(conn.map(drop))
    }

    /// Prepares `sql` on a primary connection without running it; for tests that check every statement of a store.
    ///
    /// # Errors
    /// [`DbError::Other`] with PostgreSQL's message when the statement does not fit the schema.
    pub async fn check_prepares(&self, sql: &str) -> Result<(), DbError> {
        let conn = self.0.pool.get().await?;
        let prepared = conn.tracked(conn.client().prepare(sql)).await;
        prepared.map(drop).map_err(|error| DbError::from_driver(&error, sql))
    }

    /// Files of `set`, this service's, that have not run. As [`crate::pending`], with the service's own login.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn pending(&self, set: &Migrations) -> Result<Vec<&'static str>, DbError> {
        let found =
            self.primary().query_one("select to_regclass('schema_migrations') is not null as found", &[]).await?;
        let mut done: Vec<String> = Vec::new();
        if found.get_col("found")? {
            for row in self.primary().query("select name from schema_migrations", &[]).await? {
                done.push(row.get_col("name")?);
            }
        }
        let missing = set.files.iter().map(|(name, _)| *name).filter(|name| !done.iter().any(|known| known == name));
        Ok(missing.collect())
    }

    /// Asks the server whether it has room to work.
    ///
    /// # Errors
    /// [`DbError::Full`] when it has not, else what keeps it from answering.
    pub async fn ask_for_room(&self) -> Result<(), DbError> {
        let tx = self.begin().await?;
        tx.query_one("select set_config('work_mem', '64kB', true)", &[]).await?;
        tx.query_one(NEEDS_ROOM, &[]).await?;
        tx.rollback().await
    }

    /// Statements and commits of this service so far.
    pub fn counters(&self) -> Counters {
        self.0.meter.counters()
    }

    /// The service's schema.
    pub fn schema(&self) -> &str {
        &self.0.schema
    }
}

async fn relaxed(
    conn: &Pooled,
    typed: Option<Statement>,
    sql: Sql<'_>,
    params: Params<'_>,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let statement = match typed.or_else(|| conn.cached(sql)) {
        Some(statement) => statement,
        None => conn.prepare(sql).await?,
    };
    let client = conn.client();
    let all = |statement: Statement| async move {
        // Polled in order, sent in order. When the statement fails, COMMIT is a rollback.
        let (begun, rows, committed) = future::join3(
            client.batch_execute(tx::RELAXED.sql),
            conn.rows(&statement, sql, params),
            client.batch_execute("COMMIT"),
        )
        .await;
        begun?;
        let rows = rows?;
        committed?;
        Ok(rows)
    };
    match all(statement).await {
        Err(error) if crate::error::is_stale_plan(&error) => {
            conn.forget(sql);
            all(conn.prepare(sql).await?).await
        }
        done => done,
    }
}

/// Panics with every statement that does not prepare against the migrated schema; for a service's tests, with the
/// names and texts of its `store.rs`.
pub async fn assert_all_prepare(db: &Db, statements: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (name, sql) in statements {
        if let Err(error) = db.check_prepares(sql).await {
            wrong.push_str(&format!("\n  {name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "statements that do not prepare in schema {}:{wrong}", db.schema());
}
