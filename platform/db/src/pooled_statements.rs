//! Statements behind a pooler that hands every transaction another server connection: none is prepared there, each is sent
//! with the types of its parameters, in one message. The types are learned here, on a connection that is not pooled.
//!
//! So it works with every version of pgbouncer in transaction mode; that the server plans each statement anew is the price.

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio_postgres::Statement;

use crate::{
    DbError,
    conn::{Conn, Sql},
    target::Target,
};

/// Of one service: its statements, prepared once on a direct connection.
pub(crate) struct TypeBook {
    direct: Target,
    conn: Mutex<Option<Conn>>,
}

impl TypeBook {
    pub(crate) fn new(direct: Target) -> TypeBook {
        TypeBook { direct, conn: Mutex::default() }
    }

    /// The statement, for its types; asked for once per pooled connection and statement.
    pub(crate) async fn statement(&self, sql: Sql<'_>) -> Result<Statement, DbError> {
        let mut held = self.conn.lock().await;
        let conn = match held.take().filter(|conn| !conn.is_closed()) {
            Some(conn) => conn,
            None => Conn::open(&self.direct, &Handle::current(), "").await?,
        };
        let conn = held.insert(conn);
        if let Some(known) = conn.cached(sql) {
            return Ok(known);
        }
        conn.prepare(sql).await.map_err(|error| DbError::from_driver(&error, sql.text()))
    }
}
