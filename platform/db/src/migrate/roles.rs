//! Login roles of services: made with their schemas, each with rights on nothing else.

use souk_kernel::Secret;
use tokio_postgres::error::SqlState;

use super::{Migrations, Rights};
use crate::{
    DbError, RowExt,
    session::Session,
    session_settings::{IDLE_IN_TRANSACTION_SECONDS, STATEMENT_TIMEOUT, check_identifier, role_of},
};

/// Tries of a change to roles: each lost race means that another migration got on.
const ROLE_TRIES: usize = 10;

/// "Schema" of the login that watches servers; it has none.
pub const MONITOR: &str = "monitor";

impl Session {
    /// Rights and passwords, after the files.
    pub(super) async fn grant(&self, sets: &[&Migrations], rights: Rights<'_>) -> Result<(), DbError> {
        for (owner, reader) in rights.outboxes {
            self.grant_table(owner, "outbox", "SELECT", reader).await?;
        }
        for (owner, table, what) in rights.shared {
            for set in sets.iter().filter(|set| set.schema != *owner) {
                self.grant_table(owner, table, what, set.schema).await?;
            }
        }
        for (schema, password) in rights.passwords {
            self.set_password(schema, password).await?;
        }
        Ok(())
    }

    /// Nothing where there are no roles per service.
    pub(super) async fn grant_table(&self, owner: &str, table: &str, what: &str, to: &str) -> Result<(), DbError> {
        for name in [owner, table, to] {
            check_identifier(name)?;
        }
        let role = role_of(to);
        let row = self.client().query_opt("select 1 from pg_roles where rolname = $1", &[&role]).await;
        if row.map_err(|error| DbError::from_driver(&error, "pg_roles"))?.is_none() {
            return Ok(());
        }
        let sql = format!("GRANT USAGE ON SCHEMA \"{owner}\" TO {role}; GRANT {what} ON \"{owner}\".{table} TO {role}");
        self.run(&sql).await
    }

    /// Gives the login role of `schema` its password. Only a verifier leaves this process, so that no log of the server can
    /// show the password.
    async fn set_password(&self, schema: &str, password: &Secret<String>) -> Result<(), DbError> {
        check_identifier(schema)?;
        let verifier = postgres_protocol::password::scram_sha_256(password.reveal().as_bytes());
        // Never the statement: it would show the verifier.
        let failed = |error| DbError::from_driver(&error, "ALTER ROLE .. PASSWORD");
        self.run_on_roles(&format!("ALTER ROLE {} PASSWORD '{verifier}'", role_of(schema))).await.map_err(failed)
    }

    pub(super) async fn may_create_roles(&self) -> Result<bool, DbError> {
        let sql = "select rolcreaterole or rolsuper from pg_roles where rolname = current_user";
        let row = self.client().query_one(sql, &[]).await.map_err(|error| DbError::from_driver(&error, sql))?;
        row.get_col(0)
    }

    /// Roles belong to the whole server, so another database's migration may be making the same one right now.
    pub(super) async fn create_role(&self, role: &str) -> Result<(), DbError> {
        let sql = "select 1 from pg_roles where rolname = $1";
        let found = self.client().query_opt(sql, &[&role]).await;
        if found.map_err(|error| DbError::from_driver(&error, sql))?.is_none() {
            let sql = format!("CREATE ROLE {role} LOGIN");
            match self.client().batch_execute(&sql).await {
                Err(error) if !is_already_there(&error) => return Err(DbError::from_driver(&error, &sql)),
                _ => {}
            }
        }
        // To create objects as that role one must be a member, unless one is a superuser.
        let sql = format!(
            "DO $$ BEGIN IF NOT pg_has_role(current_user, '{role}', 'member') THEN GRANT {role} TO current_user; END IF; END $$"
        );
        self.run_on_roles(&sql).await.map_err(|error| DbError::from_driver(&error, &sql))
    }

    /// A statement that changes roles only where they are not right yet. Several migrations may find the same thing wrong at
    /// once; all but one are told so by an error, and find it right when they look again.
    async fn run_on_roles(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        for _ in 1..ROLE_TRIES {
            match self.client().batch_execute(sql).await {
                Err(error) if is_lost_race(&error) => {}
                done => return done,
            }
        }
        self.client().batch_execute(sql).await
    }

    /// What a service says in its start packet, for connections that a pooler makes for it and that say nothing.
    pub(super) async fn set_defaults(&self, schema: &str) -> Result<(), DbError> {
        let role = role_of(schema);
        let (timeout, idle) = (STATEMENT_TIMEOUT.as_millis(), IDLE_IN_TRANSACTION_SECONDS);
        let settings = [
            ("search_path", schema.to_owned()),
            ("statement_timeout", timeout.to_string()),
            ("idle_in_transaction_session_timeout", format!("{idle}s")),
            ("timezone", "UTC".to_owned()),
        ];
        // Once per database: what an administrator changed stays.
        let mut sql = format!(
            "DO $$ BEGIN IF EXISTS (
                 SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole JOIN pg_database d ON d.oid = s.setdatabase
                 WHERE r.rolname = '{role}' AND d.datname = current_database()
             ) THEN RETURN; END IF; "
        );
        for (name, value) in settings {
            let alter = "EXECUTE format('ALTER ROLE %I IN DATABASE %I SET";
            sql.push_str(&format!("{alter} {name} TO %L', '{role}', current_database(), '{value}'); "));
        }
        sql.push_str("END $$");
        self.run(&sql).await
    }

    /// The login that watches servers. It sees how far standbys are and no data; where the right to let it see that is
    /// missing, it learns of a standby's new timeline later.
    pub(super) async fn create_monitor(&self) -> Result<(), DbError> {
        let role = role_of(MONITOR);
        self.create_role(&role).await?;
        let sql = format!(
            "DO $$ BEGIN IF NOT pg_has_role('{role}', 'pg_monitor', 'member') THEN GRANT pg_monitor TO {role}; END IF; END $$"
        );
        match self.run_on_roles(&sql).await {
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                tracing::warn!(role, "may not be made a member of pg_monitor: an administrator should do it");
                Ok(())
            }
            Err(error) => Err(DbError::from_driver(&error, "GRANT pg_monitor")),
            Ok(()) => Ok(()),
        }
    }
}

/// Of two transactions that change the same row of a shared catalogue one is refused: as a duplicate, or with "tuple
/// concurrently updated", which has no code of its own.
fn is_lost_race(error: &tokio_postgres::Error) -> bool {
    is_already_there(error) || error.code() == Some(&SqlState::INTERNAL_ERROR)
}

fn is_already_there(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::DUPLICATE_OBJECT | &SqlState::UNIQUE_VIOLATION))
}
