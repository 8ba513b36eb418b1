//! Typed access to columns of a row: a wrong name or type is an error of ours, never a panic in a request.

use std::fmt::Display;

use tokio_postgres::{Row, row::RowIndex, types::FromSql};

use crate::DbError;

/// Typed access that returns an error where `Row::get` would panic.
pub trait RowExt {
    /// The column `name` (or index) as `T`; `Option<T>` where it may be null.
    ///
    /// # Errors
    /// [`DbError::Column`] when there is no such column, it is of another type, or it is null and `T` is no `Option`.
    fn get_col<'a, T: FromSql<'a>>(&'a self, name: impl RowIndex + Display) -> Result<T, DbError>;
}

impl RowExt for Row {
    fn get_col<'a, T: FromSql<'a>>(&'a self, name: impl RowIndex + Display) -> Result<T, DbError> {
        self.try_get(&name).map_err(|error| DbError::Column {
            column: name.to_string(),
            detail: match std::error::Error::source(&error) {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            },
        })
    }
}

/// As many rows as there are.
pub(crate) fn all(rows: Vec<Row>, _: &str) -> Result<Vec<Row>, DbError> {
    Ok(rows)
}

/// At most one row, or a mistake in the statement.
pub(crate) fn at_most_one(mut rows: Vec<Row>, sql: &str) -> Result<Option<Row>, DbError> {
    if rows.len() > 1 {
        return Err(DbError::Other(format!("expected at most one row and got {}: {sql}", rows.len())));
    }
    Ok(rows.pop())
}

/// Exactly one row.
pub(crate) fn exactly_one(rows: Vec<Row>, sql: &str) -> Result<Row, DbError> {
    at_most_one(rows, sql)?.ok_or_else(|| DbError::RowMissing(sql.to_owned()))
}
