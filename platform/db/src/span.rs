//! Spans of statements and commits, by OpenTelemetry's conventions for databases. Texts that stand in our source hold no values,
//! so they may be shown; one that was put together is not.

use std::borrow::Cow;

use souk_trace::{Kind, Span};

use crate::DbError;
use crate::statement_cache::Sql;

/// Bytes of a statement's text that are kept.
const MAX_TEXT: usize = 1_000;
/// Words that statements begin with.
const OPERATIONS: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "COMMIT"];

/// The span of `sql`; none outside of every trace.
pub(crate) fn statement(sql: Sql<'_>) -> Span {
    if !souk_trace::on() {
        return Span::none();
    }
    let Some(place) = souk_trace::current() else { return Span::none() };
    let text = sql.text();
    let operation = operation(text);
    let target = target(text, operation);
    let name = target.map_or(Cow::Borrowed(operation), |target| format!("{operation} {target}").into());
    let mut span = Span::under(Some(&place), Kind::Client, name);
    span.set("db.system.name", "postgresql");
    span.set("db.operation.name", operation);
    if let Some(target) = target {
        span.set("db.collection.name", target.to_owned());
    }
    if let Sql::Static(text) = sql {
        span.set("db.query.text", &text[..text.floor_char_boundary(MAX_TEXT)]);
    }
    span
}

fn operation(sql: &str) -> &'static str {
    let word = sql.split_ascii_whitespace().next().unwrap_or_default();
    OPERATIONS.into_iter().find(|known| known.eq_ignore_ascii_case(word)).unwrap_or("statement")
}

/// The first table that is named.
fn target<'t>(sql: &'t str, operation: &str) -> Option<&'t str> {
    let mut words = sql.split_ascii_whitespace();
    let before = |word: &&str| ["from", "into"].iter().any(|known| known.eq_ignore_ascii_case(word));
    let target = match operation {
        "UPDATE" => words.nth(1),
        _ => words.skip_while(|word| !before(word)).nth(1),
    };
    target.filter(|word| word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'"')))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_named_after_what_they_do_to_which_table() {
        let named = |sql| (operation(sql), target(sql, operation(sql)));
        assert_eq!(named("insert into outbox (id)\n select $1"), ("INSERT", Some("outbox")));
        assert_eq!(named("UPDATE job set run_at = now()"), ("UPDATE", Some("job")));
        assert_eq!(named("select 1 as one\n    from\n product p where id = $1"), ("SELECT", Some("product")));
        assert_eq!(named("delete from cart where id = any($1)"), ("DELETE", Some("cart")));
        assert_eq!(named("select * from unnest($1::uuid[])"), ("SELECT", None));
        assert_eq!(named("COMMIT"), ("COMMIT", None));
        assert_eq!(named("notify souk"), ("statement", None));
    }
}
