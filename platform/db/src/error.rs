//! Database errors, sorted by what a caller can do about them.
//!
//! Stores return [`DbError`]; a service maps the constraints it named itself and lets the rest become a `Problem` here.

use std::error::Error as _;

use souk_kernel::Problem;
use tokio_postgres::error::{ErrorPosition, Severity, SqlState};

/// A failed statement, connection or commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// No connection: refused, closed, shut down, or none free within the pool's wait. Nothing was committed.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// The server does not let us in, and will not until something is changed: a wrong password or login (class 28), no
    /// such database (3D000), no right to connect (42501); or the login cannot even be tried (no `code` then).
    #[error("the server refuses the connection: {detail}{}", in_brackets(.code))]
    Refused {
        /// SQLSTATE; empty when the refusal is not the server's.
        code: String,
        /// What was said.
        detail: String,
    },
    /// The statement ran into its timeout or was cancelled (57014), or waited too long for a lock (55P03); it did nothing.
    #[error("statement timed out: {0}")]
    Timeout(String),
    /// The connection broke while a commit was under way: it may have happened or not.
    #[error("the outcome of a commit is unknown: {0}")]
    OutcomeUnknown(String),
    /// No room on the server's disk (53100, or an I/O error that says so): the statement did nothing, and reads still work.
    #[error("the database's disk is full: {0}")]
    Full(String),
    /// Could not be serialised (40001), or a cached plan went stale in mid-transaction: run the transaction again.
    #[error("transaction must be run again: {0}")]
    Serialization(String),
    /// Chosen as the victim of a deadlock (40P01): run the transaction again.
    #[error("deadlock: {0}")]
    Deadlock(String),
    /// A unique constraint or index refused it (23505).
    #[error("unique constraint {constraint}: {detail}")]
    Unique {
        /// The constraint's or index's name.
        constraint: String,
        /// PostgreSQL's message; may quote data, so it is for the log only.
        detail: String,
    },
    /// A foreign key refused it (23503).
    #[error("foreign key {constraint}: {detail}")]
    ForeignKey {
        /// The constraint's name.
        constraint: String,
        /// PostgreSQL's message, for the log only.
        detail: String,
    },
    /// A check constraint refused it (23514), or an exclusion constraint (23P01), or no partition takes the row.
    #[error("check constraint {constraint}: {detail}")]
    Check {
        /// The constraint's name; empty when no partition takes the row.
        constraint: String,
        /// PostgreSQL's message, for the log only.
        detail: String,
    },
    /// A column may not be null (23502).
    #[error("column {column} is null: {detail}")]
    NotNull {
        /// The column's name.
        column: String,
        /// PostgreSQL's message, for the log only.
        detail: String,
    },
    /// A row that must exist does not.
    #[error("a row that must exist is missing: {0}")]
    RowMissing(String),
    /// A column is absent or of another type than the code expects.
    #[error("column {column}: {detail}")]
    Column {
        /// Name or index asked for.
        column: String,
        /// What the driver said.
        detail: String,
    },
    /// Anything else: wrong SQL, wrong parameters, wrong configuration, missing rights. A bug or an operator's matter.
    #[error("{0}")]
    Other(String),
}

impl DbError {
    /// Name of the violated constraint, when it is one; services branch on the names their migrations give.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            DbError::Unique { constraint, .. }
            | DbError::ForeignKey { constraint, .. }
            | DbError::Check { constraint, .. } => Some(constraint),
            _ => None,
        }
    }

    /// True when the unique constraint or index `name` refused the row.
    pub fn is_unique(&self, name: &str) -> bool {
        matches!(self, DbError::Unique { constraint, .. } if constraint == name)
    }

    /// True when running the whole transaction again may succeed and cannot do harm.
    pub fn is_retryable(&self) -> bool {
        matches!(self, DbError::Serialization(_) | DbError::Deadlock(_) | DbError::Unavailable(_))
    }

    /// True when it may go away by itself: the server is not there (yet), starts, stops, is full or busy. A caller that cannot
    /// go on without it waits; anything else needs a person.
    pub fn is_passing(&self) -> bool {
        self.is_retryable() || matches!(self, DbError::Timeout(_) | DbError::OutcomeUnknown(_) | DbError::Full(_))
    }

    /// Sorts an error of the driver; `sql` is quoted in it when it says where to look.
    pub(crate) fn from_driver(error: &tokio_postgres::Error, sql: &str) -> Self {
        let Some(db) = error.as_db_error() else { return Self::from_transport(error, sql) };
        let detail = || match db.detail() {
            Some(more) => format!("{} ({more})", db.message()),
            None => db.message().to_owned(),
        };
        let constraint = || db.constraint().unwrap_or_default().to_owned();
        let code = db.code();
        match *code {
            SqlState::UNIQUE_VIOLATION => DbError::Unique { constraint: constraint(), detail: detail() },
            SqlState::FOREIGN_KEY_VIOLATION => DbError::ForeignKey { constraint: constraint(), detail: detail() },
            SqlState::CHECK_VIOLATION | SqlState::EXCLUSION_VIOLATION => {
                DbError::Check { constraint: constraint(), detail: detail() }
            }
            SqlState::NOT_NULL_VIOLATION => {
                DbError::NotNull { column: db.column().unwrap_or_default().to_owned(), detail: detail() }
            }
            SqlState::T_R_SERIALIZATION_FAILURE => DbError::Serialization(detail()),
            SqlState::T_R_DEADLOCK_DETECTED => DbError::Deadlock(detail()),
            SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => {
                DbError::Timeout(format!("{}: {}", db.message(), shortened(sql)))
            }
            _ if is_stale_plan(error) => DbError::Serialization(detail()),
            _ if is_full(db) => {
                crate::disk_full::note_full();
                DbError::Full(detail())
            }
            _ if is_out_of_reach(code) => DbError::Unavailable(detail()),
            _ => {
                let position = match db.position() {
                    Some(ErrorPosition::Original(at)) => format!(" at character {at}"),
                    _ => String::new(),
                };
                DbError::Other(format!("{} [{}]{position}: {}", detail(), code.code(), shortened(sql)))
            }
        }
    }

    fn from_transport(error: &tokio_postgres::Error, sql: &str) -> Self {
        let io = error.source().is_some_and(|cause| cause.is::<std::io::Error>());
        let said = match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        // The driver's "connect" kind has an io cause; "closed" and "timeout" have none.
        if error.is_closed() || io || said.starts_with("timeout") {
            return DbError::Unavailable(said);
        }
        DbError::Other(format!("{said}: {}", shortened(sql)))
    }
}

/// The server gave up the connection or does not take any: class 08 (connection), 53300 (full) and 57P0x (operator).
fn is_out_of_reach(code: &SqlState) -> bool {
    let code = code.code();
    code.starts_with("08") || code == "53300" || code.starts_with("57P")
}

/// No room for a table, a temporary file or the log: class 53100, which PostgreSQL gives for what the system calls ENOSPC
/// or EDQUOT, and the places that say only "I/O error" (58030) with the system's words.
fn is_full(db: &tokio_postgres::error::DbError) -> bool {
    *db.code() == SqlState::DISK_FULL
        || (*db.code() == SqlState::IO_ERROR && db.message().contains("No space left on device"))
}

/// The server went down with this error: what it was doing may have been done.
pub(crate) fn ended_the_session(error: &tokio_postgres::Error) -> bool {
    let severity = error.as_db_error().and_then(|db| db.parsed_severity());
    matches!(severity, Some(Severity::Panic | Severity::Fatal))
}

/// Beginnings of what the driver says when it cannot even try: it has no kinds that could be asked for.
const HOPELESS: &[&str] = &["authentication error", "invalid configuration", "error performing TLS handshake"];

/// A failure to connect, sorted by whether waiting helps.
pub(crate) fn connect_error(error: &tokio_postgres::Error) -> DbError {
    if let Some(db) = error.as_db_error() {
        let code = db.code().code();
        let refused = code.starts_with("28") || ["3D000", "42501"].contains(&code);
        return match refused {
            true => DbError::Refused { code: code.to_owned(), detail: db.message().to_owned() },
            false => DbError::from_driver(error, "connecting"),
        };
    }
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    let forbidden = cause.is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied);
    match DbError::from_driver(error, "connecting") {
        DbError::Unavailable(detail) if forbidden => DbError::Refused { code: String::new(), detail },
        DbError::Other(detail) if HOPELESS.iter().any(|words| detail.starts_with(words)) => {
            DbError::Refused { code: String::new(), detail }
        }
        // Half an answer, or one of something that is no PostgreSQL: a proxy before a server that starts.
        DbError::Other(detail) => DbError::Unavailable(detail),
        other => other,
    }
}

fn in_brackets(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(" [{code}]") }
}

/// The prepared statement no longer fits the tables ("cached plan must not change result type"), or is gone.
pub(crate) fn is_stale_plan(error: &tokio_postgres::Error) -> bool {
    let Some(db) = error.as_db_error() else { return false };
    match *db.code() {
        // By routine, not by message: messages are translated.
        SqlState::FEATURE_NOT_SUPPORTED => db.routine() == Some("RevalidateCachedQuery"),
        SqlState::INVALID_SQL_STATEMENT_NAME => true,
        _ => false,
    }
}

/// Characters of a statement quoted in an error: enough to find it in a `store.rs`.
const QUOTED_SQL: usize = 120;

fn shortened(sql: &str) -> String {
    let mut text = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = text.char_indices().nth(QUOTED_SQL) {
        text.truncate(cut);
        text.push_str("...");
    }
    text
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Problem {
        match error {
            DbError::Unavailable(_) => Problem::unavailable("database_unavailable", error),
            DbError::Full(_) => Problem::unavailable("storage_full", error),
            DbError::Timeout(_) | DbError::OutcomeUnknown(_) => Problem::timeout(error),
            DbError::Serialization(_) | DbError::Deadlock(_) => Problem::unavailable("try_again", error),
            other => Problem::internal(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use souk_kernel::Kind;

    #[test]
    fn a_lost_commit_is_never_called_safe_to_retry() {
        let problem = Problem::from(DbError::OutcomeUnknown("closed".into()));
        assert_eq!(problem.kind, Kind::Timeout);
        assert!(!problem.kind.retry_helps());
        assert!(!DbError::OutcomeUnknown(String::new()).is_retryable());
    }

    #[test]
    fn a_full_disk_is_unavailable_with_a_word_and_no_fault_of_ours() {
        let problem = Problem::from(DbError::Full("could not extend file".into()));
        assert_eq!((problem.kind, problem.code.as_ref()), (Kind::Unavailable, "storage_full"));
    }

    #[test]
    fn details_stay_internal() {
        let error = DbError::Unique { constraint: "orders_pkey".into(), detail: "Key (email)=(a@b.c) exists".into() };
        assert_eq!(error.constraint(), Some("orders_pkey"));
        let problem = Problem::from(error);
        assert_eq!(problem.kind, Kind::Internal);
        assert!(!serde_json::to_string(&problem).unwrap().contains("a@b.c"));
        assert!(problem.internal_detail().unwrap().contains("a@b.c"));
    }

    #[test]
    fn what_somebody_must_change_does_not_pass() {
        let refused = DbError::Refused { code: "28P01".into(), detail: "wrong password".into() };
        assert_eq!(refused.to_string(), "the server refuses the connection: wrong password [28P01]");
        for lasting in [refused, DbError::Other("x".into()), DbError::RowMissing("x".into())] {
            assert!(!lasting.is_passing(), "{lasting}");
        }
        for passing in [DbError::Unavailable("x".into()), DbError::Timeout("x".into()), DbError::Full("x".into())] {
            assert!(passing.is_passing(), "{passing}");
        }
    }

    #[test]
    fn quoted_statements_are_short_and_cut_between_characters() {
        let text = shortened(&"é ".repeat(500));
        assert_eq!(text.chars().count(), QUOTED_SQL + 3);
        assert_eq!(shortened("select\n   1"), "select 1");
    }
}
