//! One connection: the driver's client, the task that drives it, and its prepared statements. Used by `Reads` and the pool.

use std::sync::Arc;

use futures_util::{FutureExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio_postgres::{
    Client, Row, Statement,
    types::{PgLsn, ToSql, Type},
};

use crate::{
    DbError, RowExt, WalPosition,
    connect_options::CONNECT_TIMEOUT,
    connector::Connector,
    error::connect_error,
    pooled_statements::StatementTypes,
    row,
    statement_cache::{Sql, StatementCache},
    tls::Tls,
};

/// Parameters as the driver takes them.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Bytes of the log written so far, flushed or not: on a primary only.
const POSITION: &str = "select pg_current_wal_insert_lsn()";

/// How the connections of one kind are opened.
#[derive(Clone)]
pub(crate) struct Opener {
    connector: Connector,
    /// Set behind a pooler.
    types: Option<Arc<StatementTypes>>,
}

impl Opener {
    /// Straight to the server.
    pub(crate) fn direct(connector: Connector) -> Self {
        Self { connector, types: None }
    }

    /// Through a pooler that gives a server connection for one transaction at a time.
    pub(crate) fn pooled(connector: Connector, types: StatementTypes) -> Self {
        Self { connector, types: Some(Arc::new(types)) }
    }

    /// True when the next transaction may be on another server connection: settings do not stay, nothing can be prepared.
    pub(crate) fn is_pooled(&self) -> bool {
        self.types.is_some()
    }

    /// Connects, drives the connection on `runtime`, and runs `setup` when it is not empty. Boxed: it is rare, and large, and
    /// would stand in the future of every statement.
    pub(crate) async fn open(&self, runtime: &Handle, setup: &str) -> Result<Conn, DbError> {
        self.opened(runtime, setup).boxed().await
    }

    async fn opened(&self, runtime: &Handle, setup: &str) -> Result<Conn, DbError> {
        let connection = self.connector.connect().await?;
        let (client, timeline) = connection.drive(runtime, self.connector.name());
        if !setup.is_empty() {
            let set_up = tokio::time::timeout(CONNECT_TIMEOUT, client.batch_execute(setup)).await;
            let late = || DbError::Unavailable(format!("no answer within {CONNECT_TIMEOUT:?}"));
            set_up.map_err(|_| late())?.map_err(|error| connect_error(&error))?;
        }
        let (types, tls) = (self.types.clone(), self.connector.tls());
        Ok(Conn { client, timeline, tls, types, statements: StatementCache::default() })
    }
}

/// An open connection.
pub(crate) struct Conn {
    client: Client,
    /// Of the primary this is a connection to; 0 where that was not asked, because there is only one server.
    timeline: u32,
    /// To ask the same server for a cancellation.
    tls: Tls,
    /// Set behind a pooler.
    types: Option<Arc<StatementTypes>>,
    statements: StatementCache,
}

impl Conn {
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
        self.statements.get(sql)
    }

    /// Prepares and remembers.
    pub(crate) async fn prepare(&self, sql: Sql<'_>) -> Result<Statement, tokio_postgres::Error> {
        let statement = self.client.prepare(sql.text()).await?;
        self.statements.insert(sql, &statement);
        Ok(statement)
    }

    /// Behind a pooler, the statement with its types, from elsewhere; else none, and it is prepared here when it is run.
    pub(crate) async fn typed_statement(&self, sql: Sql<'_>) -> Result<Option<Statement>, DbError> {
        let Some(types) = &self.types else { return Ok(None) };
        if let Some(known) = self.cached(sql) {
            return Ok(Some(known));
        }
        let statement = types.statement(sql).await?;
        self.statements.insert(sql, &statement);
        Ok(Some(statement))
    }

    /// Rows of a statement of this connection's.
    pub(crate) async fn rows(
        &self,
        statement: &Statement,
        sql: Sql<'_>,
        params: Params<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self.types {
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
        if self.types.is_none() {
            return self.client.execute(statement, params).await;
        }
        let rows = self.client.query_typed_raw(sql.text(), typed(statement, params)).await?;
        let mut rows = std::pin::pin!(rows);
        while rows.as_mut().try_next().await?.is_some() {}
        Ok(rows.rows_affected().unwrap_or(0))
    }

    /// Forgets a statement whose plan went stale, and the types it may have been stale about.
    pub(crate) fn forget(&self, sql: Sql<'_>) {
        self.statements.remove(sql);
        self.client.clear_type_cache();
    }

    async fn statement(&self, typed: Option<Statement>, sql: Sql<'_>) -> Result<Statement, tokio_postgres::Error> {
        match typed.or_else(|| self.cached(sql)) {
            Some(statement) => Ok(statement),
            None => self.prepare(sql).await,
        }
    }

    /// Rows of one statement outside a transaction; a stale plan is prepared again, once. `typed` is of
    /// [`Conn::typed_statement`].
    pub(crate) async fn query(
        &self,
        typed: Option<Statement>,
        sql: Sql<'_>,
        params: Params<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.statement(typed, sql).await?;
        match self.rows(&statement, sql, params).await {
            Err(error) if crate::error::is_stale_plan(&error) && self.types.is_none() => {
                self.forget(sql);
                let statement = self.prepare(sql).await?;
                self.client.query(&statement, params).await
            }
            done => done,
        }
    }

    /// Where the log stands: at or after the record of every commit that was acknowledged before this was asked.
    pub(crate) async fn position(&self) -> Result<WalPosition, DbError> {
        let rows = self.query(None, Sql::Static(POSITION), &[]).await;
        let rows = rows.map_err(|error| DbError::from_driver(&error, POSITION))?;
        let lsn: PgLsn = row::exactly_one(rows, POSITION)?.get_col(0)?;
        Ok(WalPosition::written(self.timeline, lsn.into()))
    }

    /// Rows affected by one statement outside a transaction, as above.
    pub(crate) async fn execute(
        &self,
        typed: Option<Statement>,
        sql: Sql<'_>,
        params: Params<'_>,
    ) -> Result<u64, tokio_postgres::Error> {
        let statement = self.statement(typed, sql).await?;
        match self.affected(&statement, sql, params).await {
            Err(error) if crate::error::is_stale_plan(&error) && self.types.is_none() => {
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
