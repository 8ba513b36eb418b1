//! Statement types behind a pooler that hands every transaction another server connection (pgbouncer's transaction mode): no
//! statement is prepared there, each is sent with the types of its parameters, in one message. The types are learned here, on a
//! connection that is not pooled.
//!
//! So it works with every version of pgbouncer in transaction mode; that the server plans each statement anew is the price.

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Statement};

use crate::{
    DbError,
    connector::Connector,
    statement_cache::{Sql, StatementCache},
};

/// Of one service: its statements, prepared once on a direct connection.
pub(crate) struct StatementTypes {
    direct: Connector,
    /// The connection, and what is prepared on it.
    prepared: Mutex<Option<(Client, StatementCache)>>,
}

impl StatementTypes {
    pub(crate) fn new(direct: Connector) -> StatementTypes {
        StatementTypes { direct, prepared: Mutex::default() }
    }

    /// The statement, for its types; asked for once per pooled connection and statement.
    pub(crate) async fn statement(&self, sql: Sql<'_>) -> Result<Statement, DbError> {
        let mut prepared = self.prepared.lock().await;
        let open = match prepared.take().filter(|(client, _)| !client.is_closed()) {
            Some(open) => open,
            None => {
                // Boxed, as it is rare and large.
                let connection = Box::pin(self.direct.connect()).await?;
                (connection.drive(&Handle::current(), self.direct.name()).0, StatementCache::default())
            }
        };
        let (client, known) = prepared.insert(open);
        if let Some(statement) = known.get(sql) {
            return Ok(statement);
        }
        let statement = client.prepare(sql.text()).await;
        let statement = statement.map_err(|error| DbError::from_driver(&error, sql.text()))?;
        known.insert(sql, &statement);
        Ok(statement)
    }
}
