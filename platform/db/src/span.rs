//! Spans of statements and commits, by OpenTelemetry's conventions for databases. Texts are ours and hold no values, so they may be
//! shown.

use souk_trace::{Kind, Span};

use crate::DbError;

/// Characters of a statement's text that are kept.
const MAX_TEXT: usize = 1_000;

/// The span of `sql`; none outside of every trace.
pub(crate) fn statement(sql: &str) -> Span {
    if !souk_trace::on() || souk_trace::current().is_none() {
        return Span::none();
    }
    let mut words = sql.split_ascii_whitespace();
    let operation = words.next().unwrap_or("statement").to_ascii_uppercase();
    let target = match operation.as_str() {
        "UPDATE" => words.next(),
        _ => words.skip_while(|word| !matches!(*word, "from" | "into" | "FROM" | "INTO")).nth(1),
    };
    let target =
        target.filter(|word| word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'"')));
    let name = target.map_or_else(|| operation.clone(), |target| format!("{operation} {target}"));
    let mut span = Span::child(Kind::Client, name);
    if let Some(target) = target {
        span.set("db.collection.name", target.to_owned());
    }
    span.set("db.system.name", "postgresql");
    span.set("db.operation.name", operation);
    span.set("db.query.text", sql.chars().take(MAX_TEXT).collect::<String>());
    span
}

/// Notes how it ended. A row that a constraint refused is an answer, and so is a transaction that is to be run again.
pub(crate) fn end<T>(mut span: Span, done: &Result<T, DbError>) {
    if let Err(error) = done
        && !span.is_none()
        && error.constraint().is_none()
        && !matches!(error, DbError::Serialization(_) | DbError::Deadlock(_))
    {
        span.fail("database");
    }
}
