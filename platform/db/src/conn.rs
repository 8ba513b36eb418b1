//! One connection: the driver's client, the task that drives it, and its prepared statements. Used by `Reads` and the pool.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, Mutex},
};

use futures_util::TryStreamExt;
use tokio::runtime::Handle;
use tokio_postgres::{
    Client, Row, Statement,
    types::{PgLsn, ToSql, Type},
};

use crate::{
    DbError, Position, RowExt,
    book::TypeBook,
    config::CONNECT_TIMEOUT,
    error::connect_error,
    row,
    target::{Link, Target},
    tls::Tls,
};

/// Parameters as the driver takes them.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Statement text by how long it lives, which decides how it is found again.
#[derive(Clone, Copy)]
pub(crate) enum Sql<'a> {
    /// Found by address: a static never moves, so comparing its characters would be wasted.
    Static(&'static str),
    /// Found by content, in a bounded cache.
    Dynamic(&'a str),
}

impl<'a> Sql<'a> {
    pub(crate) fn text(self) -> &'a str {
        match self {
            Sql::Static(text) => text,
            Sql::Dynamic(text) => text,
        }
    }
}

/// Bytes of the log written so far, flushed or not: on a primary only.
const POSITION: &str = "select pg_current_wal_insert_lsn()";

/// Built statements kept per connection. They come from few shapes (lists of columns, sort orders); when there are
/// more, something builds values into its text, and forgetting all is the safe answer.
const MAX_DYNAMIC_STATEMENTS: usize = 128;

/// An open connection.
pub(crate) struct Conn {
    client: Client,
    /// Of the primary this is a connection to; 0 when nobody asked, because there is only one server.
    timeline: u32,
    /// To ask the same server for a cancellation.
    tls: Tls,
    /// Set behind a pooler.
    book: Option<Arc<TypeBook>>,
    statements: Mutex<HashMap<(usize, usize), Statement, BuildHasherDefault<AddressHasher>>>,
    dynamic: Mutex<HashMap<Box<str>, Statement>>,
}

impl Conn {
    /// Connects, drives the connection on `runtime`, and runs `setup` when it is not empty. Boxed: it is rare, and large, and
    /// would stand in the future of every statement.
    pub(crate) async fn open(target: &Target, runtime: &Handle, setup: &str) -> Result<Conn, DbError> {
        Box::pin(Self::opened(target, runtime, setup)).await
    }

    async fn opened(target: &Target, runtime: &Handle, setup: &str) -> Result<Conn, DbError> {
        let Link { client, connection, tenure } = target.connect().await?;
        let (service, timeline) = (target.name().to_owned(), tenure.timeline);
        // Ends by itself: when the client is dropped, when the server closes, or when another one is the primary.
        runtime.spawn(async move {
            let ended = tokio::select! {
                ended = connection => ended,
                () = tenure.over() => {
                    tracing::info!(service, "another server is the primary, left the old one");
                    return;
                }
            };
            let Err(error) = ended else { return };
            let error = DbError::from_driver(&error, "");
            // A good-bye that nobody hears any more, when we and the server stop together, is no news.
            if error.to_string().contains("Broken pipe") {
                tracing::debug!(service, %error, "database connection closed");
            } else if let Some(unsaid) = souk_runtime::should_log("database connection lost") {
                tracing::warn!(service, %error, unsaid, "database connection lost");
            }
        });
        if !setup.is_empty() {
            let set_up = tokio::time::timeout(CONNECT_TIMEOUT, client.batch_execute(setup)).await;
            let late = || DbError::Unavailable(format!("no answer within {CONNECT_TIMEOUT:?}"));
            set_up.map_err(|_| late())?.map_err(|error| connect_error(&error))?;
        }
        let (book, tls) = (target.book().cloned(), target.tls());
        Ok(Conn { client, timeline, tls, book, statements: Mutex::default(), dynamic: Mutex::default() })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Asks the server to cancel what runs on this connection.
    pub(crate) async fn cancel(&self) -> Result<(), tokio_postgres::Error> {
        self.client.cancel_token().cancel_query(self.tls.clone()).await
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The prepared statement, if this connection has it.
    pub(crate) fn cached(&self, sql: Sql<'_>) -> Option<Statement> {
        match sql {
            Sql::Static(text) => lock(&self.statements).get(&address(text)).cloned(),
            Sql::Dynamic(text) => lock(&self.dynamic).get(text).cloned(),
        }
    }

    /// Prepares and remembers.
    pub(crate) async fn prepare(&self, sql: Sql<'_>) -> Result<Statement, tokio_postgres::Error> {
        let statement = self.client.prepare(sql.text()).await?;
        self.remember(sql, &statement);
        Ok(statement)
    }

    fn remember(&self, sql: Sql<'_>, statement: &Statement) {
        match sql {
            Sql::Static(text) => {
                lock(&self.statements).insert(address(text), statement.clone());
            }
            Sql::Dynamic(text) => {
                let mut cache = lock(&self.dynamic);
                if cache.len() >= MAX_DYNAMIC_STATEMENTS {
                    cache.clear();
                }
                cache.insert(text.into(), statement.clone());
            }
        }
    }

    /// Behind a pooler, the statement with its types, from elsewhere; else none, and it is prepared here when it is run.
    pub(crate) async fn learned(&self, sql: Sql<'_>) -> Result<Option<Statement>, DbError> {
        let Some(book) = &self.book else { return Ok(None) };
        if let Some(known) = self.cached(sql) {
            return Ok(Some(known));
        }
        let statement = book.statement(sql).await?;
        self.remember(sql, &statement);
        Ok(Some(statement))
    }

    /// Rows of a statement of this connection's.
    pub(crate) async fn rows(
        &self,
        statement: &Statement,
        sql: Sql<'_>,
        params: Params<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self.book {
            None => self.client.query(statement, params).await,
            Some(_) => self.client.query_typed(sql.text(), &typed(statement, params)).await,
        }
    }

    /// Rows affected by a statement of this connection's.
    pub(crate) async fn affected(
        &self,
        statement: &Statement,
        sql: Sql<'_>,
        params: Params<'_>,
    ) -> Result<u64, tokio_postgres::Error> {
        if self.book.is_none() {
            return self.client.execute(statement, params).await;
        }
        let rows = self.client.query_typed_raw(sql.text(), typed(statement, params)).await?;
        let mut rows = std::pin::pin!(rows);
        while rows.as_mut().try_next().await?.is_some() {}
        Ok(rows.rows_affected().unwrap_or(0))
    }

    /// Forgets a statement whose plan went stale, and the types it may have been stale about.
    pub(crate) fn forget(&self, sql: Sql<'_>) {
        match sql {
            Sql::Static(text) => drop(lock(&self.statements).remove(&address(text))),
            Sql::Dynamic(text) => drop(lock(&self.dynamic).remove(text)),
        }
        self.client.clear_type_cache();
    }

    async fn statement(&self, learned: Option<Statement>, sql: Sql<'_>) -> Result<Statement, tokio_postgres::Error> {
        match learned.or_else(|| self.cached(sql)) {
            Some(statement) => Ok(statement),
            None => self.prepare(sql).await,
        }
    }

    /// Rows of one statement outside a transaction; a stale plan is prepared again, once. `learned` is of [`Conn::learned`].
    pub(crate) async fn query(
        &self,
        learned: Option<Statement>,
        sql: Sql<'_>,
        params: Params<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.statement(learned, sql).await?;
        match self.rows(&statement, sql, params).await {
            Err(error) if crate::error::is_stale_plan(&error) && self.book.is_none() => {
                self.forget(sql);
                let statement = self.prepare(sql).await?;
                self.client.query(&statement, params).await
            }
            done => done,
        }
    }

    /// Where the log stands: at or after the record of every commit that was acknowledged before this was asked.
    pub(crate) async fn position(&self) -> Result<Position, DbError> {
        let rows = self.query(None, Sql::Static(POSITION), &[]).await;
        let rows = rows.map_err(|error| DbError::from_driver(&error, POSITION))?;
        let lsn: PgLsn = row::exactly_one(rows, POSITION)?.get_col(0)?;
        Ok(Position::written(self.timeline, lsn.into()))
    }

    /// Rows affected by one statement outside a transaction, as above.
    pub(crate) async fn execute(
        &self,
        learned: Option<Statement>,
        sql: Sql<'_>,
        params: Params<'_>,
    ) -> Result<u64, tokio_postgres::Error> {
        let statement = self.statement(learned, sql).await?;
        match self.affected(&statement, sql, params).await {
            Err(error) if crate::error::is_stale_plan(&error) && self.book.is_none() => {
                self.forget(sql);
                let statement = self.prepare(sql).await?;
                self.client.execute(&statement, params).await
            }
            done => done,
        }
    }
}

/// Parameters with the types the statement has for them. Too few or too many are refused by the driver or the server.
fn typed<'a>(statement: &Statement, params: Params<'a>) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().copied().zip(statement.params().iter().cloned()).collect()
}

fn address(text: &'static str) -> (usize, usize) {
    (text.as_ptr() as usize, text.len())
}

/// Nothing panics while one of these locks is held, so a poisoned one is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Spreads addresses: one multiplication instead of SipHash, as nobody outside chooses these keys.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_usize(usize::from(byte));
        }
    }

    fn write_usize(&mut self, value: usize) {
        // 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4).
        self.0 = (self.0.rotate_left(5) ^ value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
