//! Spans as OpenTelemetry's SDK has them, which is what its exporter takes.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use souk_trace::{Finished, Kind, Value};

/// What says that `span` is ours.
pub(crate) fn span_data(span: Finished, scope: &InstrumentationScope) -> SpanData {
    let state = span.state.as_deref().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    let flags = TraceFlags::default().with_sampled(span.sampled);
    let (trace_id, span_id) = (TraceId::from(span.trace_id), SpanId::from(span.span_id));
    let mut links = SpanLinks::default();
    links.links = span.links.into_iter().map(link).collect();
    SpanData {
        span_context: SpanContext::new(trace_id, span_id, flags, false, state),
        parent_span_id: SpanId::from(span.parent),
        parent_span_is_remote: span.parent_is_remote,
        span_kind: kind(span.kind),
        name: span.name,
        start_time: UNIX_EPOCH + Duration::from_nanos(span.began),
        end_time: UNIX_EPOCH + Duration::from_nanos(span.ended),
        attributes: span.attributes.into_iter().map(|(key, said)| KeyValue::new(key, value(said))).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope.clone(),
    }
}

fn link((trace_id, span_id): (u128, u64)) -> Link {
    let (trace_id, span_id) = (TraceId::from(trace_id), SpanId::from(span_id));
    Link::with_context(SpanContext::new(trace_id, span_id, TraceFlags::default(), false, TraceState::NONE))
}

fn value(value: Value) -> opentelemetry::Value {
    match value {
        Value::Text(Cow::Borrowed(text)) => text.into(),
        Value::Text(Cow::Owned(text)) => text.into(),
        Value::Int(number) => number.into(),
    }
}

fn kind(kind: Kind) -> SpanKind {
    match kind {
        Kind::Internal => SpanKind::Internal,
        Kind::Server => SpanKind::Server,
        Kind::Client => SpanKind::Client,
        Kind::Consumer => SpanKind::Consumer,
    }
}
