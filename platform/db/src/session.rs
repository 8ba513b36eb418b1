//! An administrative session: one connection outside the pools, without a statement timeout, for what is done to a server or a
//! schema and not by a service: migrating, making databases, setting a server up.

use tokio::{runtime::Handle, task::JoinHandle};
use tokio_postgres::{Client, Row, SimpleQueryMessage};

use crate::{
    DbError,
    conn::Params,
    connector::{Connector, NewConnection},
};

/// An open session; its end is not waited for unless it is closed.
pub struct Session {
    client: Client,
    driver: JoinHandle<()>,
}

impl Session {
    /// Connects to the server of `url`, or to the primary among its servers. `name` is shown as `application_name`.
    ///
    /// # Errors
    /// [`DbError::Unavailable`], [`DbError::Refused`], or [`DbError::Other`] when the URL is not understood.
    pub async fn open(url: &str, name: &'static str) -> Result<Session, DbError> {
        let connector = Connector::from_url(url, |driver| {
            driver.application_name(name);
        })?;
        let NewConnection { client, connection, .. } = connector.connect().await?;
        let driver = Handle::current().spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(error = %DbError::from_driver(&error, ""), name, "administrative connection lost");
            }
        });
        Ok(Session { client, driver })
    }

    /// Runs statements that give no rows; several make one transaction.
    ///
    /// # Errors
    /// Any [`DbError`].
    pub async fn run(&self, sql: &str) -> Result<(), DbError> {
        self.client.batch_execute(sql).await.map_err(|error| DbError::from_driver(&error, sql))
    }

    /// Rows of one statement.
    ///
    /// # Errors
    /// Any [`DbError`].
    pub async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        self.client.query(sql, params).await.map_err(|error| DbError::from_driver(&error, sql))
    }

    /// First column of the first row of one statement, as the server prints it; none when there is no row.
    ///
    /// # Errors
    /// Any [`DbError`].
    pub async fn text(&self, sql: &str) -> Result<Option<String>, DbError> {
        let answer = self.client.simple_query(sql).await.map_err(|error| DbError::from_driver(&error, sql))?;
        Ok(answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        }))
    }

    /// True when the server has ended it.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// For errors that a caller sorts by their code.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until the server has seen the end: a template with a connection to it cannot be copied.
    pub async fn close(self) {
        drop(self.client);
        // It only fails when the runtime shuts down, and then no caller waits.
        let _ = self.driver.await;
    }
}
