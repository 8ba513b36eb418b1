//! Traces on their way to a collector that is busy, rejects some, and then says nothing any more.
#![allow(clippy::unwrap_used)] // a test may panic

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{span::SpanKind, status::StatusCode};
use prost::Message;
use souk_telemetry::{MAX_WAITING, Metrics, Otlp, Traces};
use souk_trace::{Kind, Span, Trace};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const FLOOD: usize = 10_000;
/// Longer than an end may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads a whole request: its head in small letters, and its body.
async fn request(socket: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0, "cut off");
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if bytes.len() == end + 4 + length.parse::<usize>().unwrap() {
            return (head, bytes.split_off(end + 4));
        }
    }
}

async fn reply(socket: &mut TcpStream, status: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
    socket.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// A piece of work that fails, which is kept.
fn failure(parent: Option<&Trace>) {
    let mut span = Span::root(parent, Kind::Consumer, "process shop");
    span.set("messaging.system", "kafka");
    span.fail("timeout");
}

fn dropped(metrics: &Metrics, why: &str) -> usize {
    let series = format!("souk_trace_spans_dropped_total{{why=\"{why}\"}} ");
    metrics.render().lines().find_map(|line| line.strip_prefix(&series)).map_or(0, |count| count.parse().unwrap())
}

/// The spans of a request, and who sent them.
fn spans_of(body: &[u8]) -> (String, Vec<opentelemetry_proto::tonic::trace::v1::Span>) {
    let mut processes = ExportTraceServiceRequest::decode(body).unwrap().resource_spans;
    assert_eq!(processes.len(), 1, "one process");
    let process = processes.remove(0);
    let service = text(&process.resource.unwrap().attributes, "service.name").unwrap().to_owned();
    (service, process.scope_spans.into_iter().flat_map(|scope| scope.spans).collect())
}

// One thread: what makes the spans and what sends them take turns, so that what is dropped can be told in advance.
#[tokio::test]
async fn a_collector_that_fails_costs_traces_and_not_requests() {
    let metrics = Metrics::install().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let otlp = Otlp {
        url: format!("http://{}/", listener.local_addr().unwrap()),
        headers: [("authorization".to_owned(), "Bearer s3cret".to_owned().into())].into(),
        ratio: 0.0,
        service: "souk-test".into(),
    };
    let traces = Traces::start(&otlp).unwrap();
    assert!(Traces::start(&otlp).is_err(), "one at a time");

    drop(Span::root(None, Kind::Server, "is not kept"));
    failure(Trace::parse(PARENT, Some("vendor=1")).as_ref());
    let (mut socket, _) = listener.accept().await.unwrap();
    let (first, _) = request(&mut socket).await;
    assert!(first.starts_with("post /v1/traces http/1.1\r\n") && first.contains("application/x-protobuf"), "{first}");
    assert!(first.contains("authorization: bearer s3cret"), "{first}");
    assert!(!first.contains("traceparent"), "sending traces is in no trace: {first}");
    reply(&mut socket, "503 Service Unavailable", b"").await;
    // A busy collector is asked again.
    let (_, body) = request(&mut socket).await;
    let (service, spans) = spans_of(&body);
    let [span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((service.as_str(), span.name.as_str(), span.kind()), ("souk-test", "process shop", SpanKind::Consumer));
    assert_eq!(span.trace_id, 0x0af7651916cd43dd8448eb211c80319c_u128.to_be_bytes());
    assert_eq!(span.parent_span_id, 0xb7ad6b7169203331_u64.to_be_bytes());
    assert_eq!((span.trace_state.as_str(), span.flags & 1), ("vendor=1", 0));
    assert_eq!(span.status.as_ref().unwrap().code(), StatusCode::Error);
    assert_eq!(text(&span.attributes, "error.type"), Some("timeout"));
    assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 0);
    let rejected = ExportTracePartialSuccess { rejected_spans: 1, error_message: "too old".into() };
    let answer = ExportTraceServiceResponse { partial_success: Some(rejected) };
    reply(&mut socket, "200 OK", &answer.encode_to_vec()).await;

    // From here on it says nothing. Work goes on: it never waits, and what has no room is counted.
    failure(None);
    request(&mut socket).await;
    assert_eq!((dropped(&metrics, "collector"), dropped(&metrics, "queue")), (1, 0));
    (0..MAX_WAITING + FLOOD).for_each(|_| failure(None));
    assert_eq!(dropped(&metrics, "queue"), FLOOD);

    // And the process ends all the same.
    tokio::time::timeout(PATIENCE, traces.finish()).await.unwrap();
    assert_eq!(
        dropped(&metrics, "collector"),
        1 + 1 + MAX_WAITING,
        "the rejected, the unanswered and those that waited"
    );
}
