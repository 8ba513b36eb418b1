//! An OTLP collector (`http/protobuf`) in memory: keeps the spans it is sent, and puts a trace together from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as SpanStatus;
use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A span and the process it is of.
#[derive(Clone, Debug)]
pub struct Collected {
    /// `service.name`.
    pub service: String,
    /// The span.
    pub span: Span,
}

/// A collector that listens until it is dropped.
pub struct Collector {
    /// What `telemetry.otlp` is to be.
    pub url: String,
    spans: Arc<Mutex<Vec<Collected>>>,
    serving: JoinHandle<()>,
}

impl Collector {
    /// On a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::<Mutex<Vec<Collected>>>::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(spans.clone());
        #[allow(clippy::disallowed_methods)] // ended by the drop
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, spans, serving }
    }

    /// The trace so far, by its id.
    pub fn trace(&self, id: u128) -> Trace {
        let id = id.to_be_bytes();
        let all = self.spans.lock();
        Trace(all.iter().filter(|collected| collected.span.trace_id == id).cloned().collect())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(spans): State<Arc<Mutex<Vec<Collected>>>>, body: Bytes) -> impl IntoResponse {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "text/plain")]);
    };
    let mut all = spans.lock();
    for process in request.resource_spans {
        let attributes = process.resource.map(|resource| resource.attributes).unwrap_or_default();
        let service = text(&attributes, "service.name").unwrap_or_default();
        let made = process.scope_spans.into_iter().flat_map(|scope| scope.spans);
        all.extend(made.map(|span| Collected { service: service.clone(), span }));
    }
    // An empty `ExportTraceServiceResponse` is no bytes.
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/x-protobuf")])
}

/// The text of an attribute.
fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?;
    match &value.value {
        Some(any_value::Value::StringValue(text)) => Some(text.clone()),
        _ => None,
    }
}

/// All spans of one trace.
#[derive(Clone, Debug)]
pub struct Trace(pub Vec<Collected>);

impl Trace {
    /// Processes that have a part in it.
    pub fn services(&self) -> BTreeSet<&str> {
        self.0.iter().map(|collected| collected.service.as_str()).collect()
    }

    /// Spans whose parent is not among the spans: one, if it is one tree.
    pub fn roots(&self) -> Vec<&Collected> {
        let known: BTreeSet<&[u8]> = self.0.iter().map(|collected| collected.span.span_id.as_slice()).collect();
        self.0.iter().filter(|collected| !known.contains(collected.span.parent_span_id.as_slice())).collect()
    }

    /// All that its spans say: their names, attributes and failures.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|Collected { span, .. }| {
            let values = span.attributes.iter().filter_map(|attribute| attribute.value.as_ref()?.value.as_ref());
            let texts = values.filter_map(|value| match value {
                any_value::Value::StringValue(text) => Some(text.as_str()),
                _ => None,
            });
            let failure = span.status.iter().map(|status| status.message.as_str());
            texts.chain(failure).chain([span.name.as_str(), span.trace_state.as_str()])
        })
    }

    /// The tree as text, a span a line, children after their parents.
    pub fn tree(&self) -> String {
        let mut children: BTreeMap<&[u8], Vec<&Collected>> = BTreeMap::new();
        for collected in &self.0 {
            children.entry(&collected.span.parent_span_id).or_default().push(collected);
        }
        children.values_mut().for_each(|spans| spans.sort_by_key(|collected| collected.span.start_time_unix_nano));
        let mut out = String::new();
        let mut rest: Vec<(usize, &Collected)> = self.roots().into_iter().map(|root| (0, root)).collect();
        while let Some((depth, collected)) = rest.pop() {
            let Collected { service, span } = collected;
            let micros = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano) / 1_000;
            let status = span.status.as_ref().filter(|status| status.code() == SpanStatus::Error);
            let failed = status.map(|status| format!(" FAILED {}", status.message)).unwrap_or_default();
            out.push_str(&format!("{:depth$}{service}: {} {micros} us{failed}\n", "", span.name, depth = 2 * depth));
            let below = children.get(span.span_id.as_slice()).into_iter().flatten().rev();
            rest.extend(below.map(|child| (depth + 1, *child)));
        }
        out
    }
}
