//! Trace contexts at rest: beside what is left behind for later, so that the process that does it continues the trace.

use souk_bus::{Envelope, EventLog};
use souk_db::{DbError, Row, RowExt};
use souk_trace::{Kind, Span, Trace};

use crate::Source;

/// The two columns of many rows; none, at no cost, where nothing is traced: `unnest` fills them with nulls.
#[derive(Default)]
pub struct Columns {
    /// `traceparent`, a `text[]`.
    pub parents: Option<Vec<Option<String>>>,
    /// `tracestate`, likewise.
    pub states: Option<Vec<Option<String>>>,
}

impl Columns {
    /// Of rows that belong to these places.
    pub fn of<'t>(places: impl Iterator<Item = Option<&'t Trace>>) -> Self {
        if !souk_trace::on() {
            return Self::default();
        }
        let text = |place: Option<&Trace>| match place {
            Some(place) => (Some(place.traceparent()), place.tracestate().map(str::to_owned)),
            None => (None, None),
        };
        let (parents, states) = places.map(text).unzip();
        Self { parents: Some(parents), states: Some(states) }
    }

    /// Of `rows` rows that all belong to where the task is.
    pub fn here(rows: usize) -> Self {
        let here = souk_trace::current();
        Self::of(std::iter::repeat_n(here.as_ref(), rows))
    }
}

/// What `row` says in its two columns.
pub fn of_row(row: &Row) -> Result<Option<Trace>, DbError> {
    if !souk_trace::on() {
        return Ok(None);
    }
    let (parent, state): (Option<String>, Option<String>) = (row.get_col("traceparent")?, row.get_col("tracestate")?);
    Ok(parent.and_then(|parent| Trace::parse(&parent, state.as_deref())))
}

/// A span for work on what was left at `destination`, by OpenTelemetry's conventions for messaging.
pub(crate) fn processing(parent: Option<&Trace>, system: &'static str, destination: &'static str) -> Span {
    if !souk_trace::on() {
        return Span::none();
    }
    let mut span = Span::root(parent, Kind::Consumer, format!("process {destination}"));
    span.set("messaging.system", system);
    span.set("messaging.operation.type", "process");
    span.set("messaging.operation.name", "process");
    span.set("messaging.destination.name", destination);
    span
}

/// A span for the work of `consumer` on `events` in every trace that they come from. The work is done at the place of the first,
/// which the others are linked with.
pub(crate) fn consumed(log: &EventLog, consumer: &'static str, source: Source, events: &[Envelope]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    if !souk_trace::on() {
        return spans;
    }
    let system = match log {
        EventLog::Postgres => "postgresql",
        EventLog::Broker(broker) => broker.system(),
    };
    let mut known: Vec<Option<&str>> = Vec::new();
    for event in events {
        let parent = event.traceparent.as_deref();
        if known.contains(&parent) {
            continue;
        }
        known.push(parent);
        let place = parent.and_then(|parent| Trace::parse(parent, event.tracestate.as_deref()));
        let mut span = processing(place.as_ref(), system, source.schema);
        span.set("messaging.consumer.group.name", consumer);
        span.set("messaging.batch.message_count", i64::try_from(events.len()).unwrap_or(i64::MAX));
        if let Some(first) = spans.first().and_then(Span::trace) {
            span.link(&first);
        }
        spans.push(span);
    }
    spans
}
