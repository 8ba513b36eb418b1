//! Schema migrations: brings a schema to what the program expects, and says whether it is there.
//!
//! Each service ships its files with [`migrations!`]; the binary runs them all before anything else, tests run them once
//! per template. Files only ever get added: one that ran and then changed is refused, because the change would run nowhere.

mod roles;

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use souk_kernel::Secret;
use tokio_postgres::error::SqlState;

use crate::{
    DbError, RowExt,
    session::Session,
    session_settings::{check_identifier, role_of},
};

pub use roles::MONITOR;

/// The files of one schema, in the order they run: `(name, sql)`. Make it with [`migrations!`].
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The schema, which is the search path while they run: names in the files are unqualified.
    pub schema: &'static str,
    /// Name and text of each file.
    pub files: &'static [(&'static str, &'static str)],
}

/// `migrations!("order", ["0001_init", "0002_returns"])`: the files `migrations/<name>.sql` of the calling crate, in it.
#[macro_export]
macro_rules! migrations {
    ($schema:expr, [$($name:literal),* $(,)?]) => {
        $crate::Migrations {
            schema: $schema,
            files: &[$((
                $name,
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sql")),
            )),*],
        }
    };
}

/// Why a schema could not be brought up to date. Nothing of the failing file is left behind.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A file that ran is not what it was.
    #[error("{schema}: migration {name} was changed after it ran: put it back as it was and add a new file instead")]
    Changed {
        /// The schema.
        schema: String,
        /// The file.
        name: String,
    },
    /// The database has seen files this program does not have.
    #[error(
        "{schema}: migration {name} is in the database and not in this program: the program is older than the database; start the newer one"
    )]
    Unknown {
        /// The schema.
        schema: String,
        /// The file.
        name: String,
    },
    /// A new file sorts before one that ran.
    #[error("{schema}: migration {name} is new and comes before {after}, which already ran: give it a later number")]
    OutOfOrder {
        /// The schema.
        schema: String,
        /// The new file.
        name: String,
        /// The last that ran.
        after: String,
    },
    /// A file's SQL failed.
    #[error("{schema}: migration {name} failed: {error}")]
    Failed {
        /// The schema.
        schema: String,
        /// The file.
        name: String,
        /// What PostgreSQL said.
        error: DbError,
    },
    /// Everything around the files.
    #[error("migrating: {0}")]
    Db(DbError),
}

// By hand, so that it is not also a source: a printed chain would say everything twice.
impl From<DbError> for MigrateError {
    fn from(error: DbError) -> Self {
        MigrateError::Db(error)
    }
}

/// A file that ran just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The schema.
    pub schema: &'static str,
    /// The file.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
}

/// Migrations of one database wait here for their turn. Any constant does; this one spells "souk".
const ADVISORY_LOCK: i64 = 0x736f_756b;

/// What a migration sets up beside the files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rights<'a> {
    /// Who reads whose outbox: `(owner, reader)`, the one grant across schemas, derived from the role table.
    pub outboxes: &'a [(&'a str, &'a str)],
    /// `(schema, table, rights)` of tables that every service uses.
    pub shared: &'a [(&'a str, &'a str, &'a str)],
    /// New passwords of logins, by schema.
    pub passwords: &'a [(&'a str, &'a Secret<String>)],
}

/// Brings all `sets` up to date on the database at `url`, one transaction per file; what ran is returned in order.
///
/// Where the connecting user may create roles, each schema belongs to a login role `souk_<schema>` that has rights on
/// nothing else, and its files run as that role.
///
/// # Errors
/// [`MigrateError`]; files before the failing one stay applied.
pub async fn migrate(url: &str, sets: &[&Migrations]) -> Result<Vec<Applied>, MigrateError> {
    migrate_with(url, sets, Rights::default()).await
}

/// The same with rights and passwords: all of it under one lock, because two that grant on one table at the same time
/// refuse each other ("tuple concurrently updated").
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_with(url: &str, sets: &[&Migrations], rights: Rights<'_>) -> Result<Vec<Applied>, MigrateError> {
    let session = Session::open(url, NAME).await?;
    session.run(&format!("SELECT pg_advisory_lock({ADVISORY_LOCK})")).await?;
    let with_roles = session.may_create_roles().await?;
    if with_roles {
        session.create_monitor().await?;
    }
    let mut applied = Vec::new();
    for set in sets {
        session.prepare_schema(set.schema, with_roles).await?;
        session.bring_up(set, with_roles, &mut applied).await?;
    }
    session.grant(sets, rights).await?;
    // The lock ends with the session.
    session.close().await;
    Ok(applied)
}

/// Files of `sets` that have not run on the database at `url`: `(schema, name)`. For readiness checks and `--dry-run`.
///
/// # Errors
/// When the database cannot be asked. Files unknown to this program are no error here: during a rolling upgrade the old
/// program goes on serving.
pub async fn pending(url: &str, sets: &[&Migrations]) -> Result<Vec<(&'static str, &'static str)>, MigrateError> {
    let session = Session::open(url, NAME).await?;
    let mut missing = Vec::new();
    for set in sets {
        let done = session.done(set.schema).await?;
        let names = set.files.iter().map(|(name, _)| *name);
        missing
            .extend(names.filter(|name| !done.iter().any(|(known, _)| known == name)).map(|name| (set.schema, name)));
    }
    session.close().await;
    Ok(missing)
}

/// Lets the login role of `reader` read the outbox table of `owner`: the one grant across schemas, derived from the role
/// table. Does nothing where there are no roles per service.
///
/// # Errors
/// When the table `outbox` does not exist in `owner`, or the rights to grant are missing.
pub async fn grant_outbox_read(url: &str, owner: &str, reader: &str) -> Result<(), DbError> {
    let session = Session::open(url, NAME).await?;
    session.run(&format!("SELECT pg_advisory_lock({ADVISORY_LOCK})")).await?;
    session.grant_table(owner, "outbox", "SELECT", reader).await?;
    session.close().await;
    Ok(())
}

/// Tries of a file that meets the locks of a running shop in a deadlock. PostgreSQL looks for one after a second, so these take
/// seconds, and each try meets other transactions.
const DEADLOCK_TRIES: u32 = 10;
/// What the migrator's session is called.
const NAME: &str = "souk migrate";

impl Session {
    async fn prepare_schema(&self, schema: &str, with_roles: bool) -> Result<(), DbError> {
        check_identifier(schema)?;
        if with_roles {
            self.create_role(&role_of(schema)).await?;
            self.set_defaults(schema).await?;
        }
        let owner = if with_roles { format!("AUTHORIZATION {}", role_of(schema)) } else { String::new() };
        self.run(&format!(
            "BEGIN; CREATE SCHEMA IF NOT EXISTS \"{schema}\" {owner}; {} SET LOCAL search_path TO \"{schema}\";
             SET LOCAL client_min_messages TO warning;
             CREATE TABLE IF NOT EXISTS schema_migrations (
                 name text PRIMARY KEY,
                 checksum text NOT NULL,
                 applied_at timestamptz NOT NULL DEFAULT now()
             ); COMMIT",
            set_role(schema, with_roles),
        ))
        .await
    }

    /// Name and checksum of the files that ran; none when the schema is not there.
    async fn done(&self, schema: &str) -> Result<Vec<(String, String)>, DbError> {
        check_identifier(schema)?;
        let sql = format!("select name, checksum from \"{schema}\".schema_migrations order by name");
        match self.client().query(&sql, &[]).await {
            Ok(rows) => rows.iter().map(|row| Ok((row.get_col("name")?, row.get_col("checksum")?))).collect(),
            Err(error) if matches!(error.code(), Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME)) => {
                Ok(Vec::new())
            }
            Err(error) => Err(DbError::from_driver(&error, &sql)),
        }
    }

    async fn bring_up(
        &self,
        set: &Migrations,
        with_roles: bool,
        applied: &mut Vec<Applied>,
    ) -> Result<(), MigrateError> {
        let done = self.done(set.schema).await?;
        for (name, sql) in plan(set, &done)? {
            let start = Instant::now();
            let mut tries = 1;
            loop {
                match self.apply(set.schema, name, sql, with_roles).await {
                    Ok(()) => break,
                    // Those who use the tables meanwhile lock them in their own order; nothing of the file has happened.
                    Err(error @ DbError::Deadlock(_)) if tries < DEADLOCK_TRIES => {
                        tracing::warn!(schema = set.schema, name, %error, "trying a migration again");
                        tries += 1;
                    }
                    Err(error) => {
                        let (schema, name) = (set.schema.to_owned(), name.to_owned());
                        return Err(MigrateError::Failed { schema, name, error });
                    }
                }
            }
            let took = start.elapsed();
            tracing::info!(schema = set.schema, name, ?took, "migrated");
            applied.push(Applied { schema: set.schema, name, took });
        }
        Ok(())
    }

    async fn apply(&self, schema: &str, name: &str, sql: &str, with_roles: bool) -> Result<(), DbError> {
        let role = set_role(schema, with_roles);
        self.run(&format!("BEGIN; {role} SET LOCAL search_path TO \"{schema}\"")).await?;
        let record = "insert into schema_migrations (name, checksum) values ($1, $2)";
        let done = match self.client().batch_execute(sql).await {
            Ok(()) => self.client().execute(record, &[&name, &checksum(sql)]).await.map(drop),
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => self.run("COMMIT").await,
            Err(error) => {
                self.run("ROLLBACK").await?;
                Err(DbError::from_driver(&error, sql))
            }
        }
    }
}

fn set_role(schema: &str, with_roles: bool) -> String {
    if with_roles { format!("SET LOCAL ROLE {};", role_of(schema)) } else { String::new() }
}

/// The files still to run, after making sure that what ran is what this program knows.
fn plan(set: &Migrations, done: &[(String, String)]) -> Result<Vec<(&'static str, &'static str)>, MigrateError> {
    let schema = || set.schema.to_owned();
    for (name, ran) in done {
        let Some((_, sql)) = set.files.iter().find(|(known, _)| known == name) else {
            return Err(MigrateError::Unknown { schema: schema(), name: name.clone() });
        };
        if *ran != checksum(sql) {
            return Err(MigrateError::Changed { schema: schema(), name: name.clone() });
        }
    }
    let is_done = |name: &str| done.iter().any(|(known, _)| known == name);
    let first_new = set.files.iter().position(|(name, _)| !is_done(name)).unwrap_or(set.files.len());
    let (_, rest) = set.files.split_at(first_new);
    if let Some((after, _)) = rest.iter().find(|(name, _)| is_done(name)) {
        let name = rest[0].0.to_owned();
        return Err(MigrateError::OutOfOrder { schema: schema(), name, after: (*after).to_owned() });
    }
    Ok(rest.to_vec())
}

/// SHA-256 in hexadecimal. Line ends are made equal first, so that a checkout on another system is not a change.
pub(crate) fn checksum(sql: &str) -> String {
    let digest = Sha256::digest(sql.replace("\r\n", "\n"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: Migrations = Migrations { schema: "x", files: &[("0001", "a"), ("0002", "b"), ("0003", "c")] };

    fn ran(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(name, sql)| ((*name).to_owned(), checksum(sql))).collect()
    }

    #[test]
    fn only_new_files_run_in_order() {
        assert_eq!(plan(&SET, &[]).unwrap().len(), 3);
        assert_eq!(plan(&SET, &ran(&[("0001", "a")])).unwrap(), [("0002", "b"), ("0003", "c")]);
        assert!(plan(&SET, &ran(&[("0001", "a"), ("0002", "b"), ("0003", "c")])).unwrap().is_empty());
    }

    #[test]
    fn changed_unknown_and_squeezed_in_files_are_refused() {
        assert!(matches!(plan(&SET, &ran(&[("0001", "other")])), Err(MigrateError::Changed { .. })));
        assert!(matches!(plan(&SET, &ran(&[("0009", "z")])), Err(MigrateError::Unknown { .. })));
        let squeezed = plan(&SET, &ran(&[("0001", "a"), ("0003", "c")]));
        assert!(matches!(squeezed, Err(MigrateError::OutOfOrder { name, .. }) if name == "0002"));
    }

    #[test]
    fn line_ends_are_no_change() {
        assert_eq!(checksum("a\r\nb"), checksum("a\nb"));
        assert_ne!(checksum("a\nb"), checksum("a\n b"));
    }
}
