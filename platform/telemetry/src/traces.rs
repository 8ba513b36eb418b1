//! Span processor and exporter: sends finished spans to an OTLP collector (`http/protobuf`) in batches, beside the work. What a
//! collector does not take in time is dropped and counted: traces are worth less than the requests they tell of.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::HttpError;
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use prost::Message;
use souk_http_client::{Connections, HttpClient, Reach, Schemes, Settings};
use souk_kernel::Secret;
use souk_tls::TrustRoots;
use souk_trace::{Finished, Tracer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::span_data::span_data;

/// Spans that wait to be sent, some tens of megabytes; more are dropped.
pub const MAX_WAITING: usize = 65_536;
/// Spans of one request; a trace is not divided.
const MAX_BATCH: usize = 2_048;
/// How long a batch that is not full waits.
const GATHER: Duration = Duration::from_millis(1_000);
/// Longest wait for one answer of the collector.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for one batch, with all its tries.
const WITH_RETRIES: Duration = Duration::from_secs(10);
/// Tries of one batch after the first.
const RETRIES: usize = 2;
/// Pause after the first failed try; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest time for a batch while the process ends.
const LAST_TRY: Duration = Duration::from_secs(1);
/// Longest time for what is left when the process ends.
const AT_THE_END: Duration = Duration::from_secs(3);
/// Bytes of the largest answer: an error's text.
const MAX_ANSWER: usize = 64 * 1024;

/// Where traces go, and which.
#[derive(Clone, Debug)]
pub struct Otlp {
    /// The collector: `http://127.0.0.1:4318`; `/v1/traces` is appended.
    pub url: String,
    /// Sent with every request, for a collector that wants to know who it is.
    pub headers: BTreeMap<String, Secret<String>>,
    /// Share of traces that are kept whatever comes of them, 0 to 1; those with errors are kept besides.
    pub ratio: f64,
    /// `service.name`.
    pub service: String,
}

/// The exporter of this process.
pub struct Traces {
    worker: JoinHandle<()>,
    end: CancellationToken,
}

impl Traces {
    /// Begins to trace; within a runtime.
    ///
    /// # Errors
    /// The URL or a header is none, or this process traces already.
    pub fn start(otlp: &Otlp) -> Result<Self, String> {
        let exporter = exporter(otlp)?;
        let (sender, waiting) = mpsc::unbounded_channel();
        let queue = Queue { sender, spans: Arc::default() };
        let spans = queue.spans.clone();
        if !souk_trace::install(Tracer { ratio: otlp.ratio, keep: Box::new(move |spans| queue.push(spans)) }) {
            return Err("traces are taken already".into());
        }
        let end = CancellationToken::new();
        let scope = InstrumentationScope::builder("souk").with_version(env!("CARGO_PKG_VERSION")).build();
        let sender = Sender { exporter, scope, waiting, spans, end: end.clone() };
        #[allow(clippy::disallowed_methods)]
        // outlives the process's tasks, as their last spans come when they end; see `finish`
        let worker = tokio::spawn(sender.run());
        Ok(Self { worker, end })
    }

    /// Sends what is left, for some seconds at most.
    pub async fn finish(self) {
        self.end.cancel();
        match timeout(AT_THE_END, self.worker).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the exporter of traces panicked"),
            Err(_) => tracing::warn!("the last traces were not sent in time"),
        }
    }
}

/// A name and a value that may be sent as a header; what is wrong does not say the value.
///
/// # Errors
/// What is wrong.
pub fn check_header(name: &str, value: &Secret<String>) -> Result<(), String> {
    HeaderName::try_from(name).map_err(|_| format!("{name:?} is no name of a header"))?;
    HeaderValue::try_from(value.reveal()).map_err(|_| format!("{name}: this value cannot be sent as a header"))?;
    Ok(())
}

fn exporter(otlp: &Otlp) -> Result<SpanExporter, String> {
    otlp.headers.iter().try_for_each(|(name, value)| check_header(name, value))?;
    let endpoint = format!("{}/v1/traces", otlp.url.trim_end_matches('/'));
    let url: Uri = endpoint.parse().map_err(|error| format!("it is no URL: {error}"))?;
    let headers: HashMap<String, String> =
        otlp.headers.iter().map(|(name, value)| (name.clone(), value.reveal().clone())).collect();
    let retries = RetryPolicy::recommended()
        .with_max_retries(RETRIES)
        .with_initial_delay(FIRST_PAUSE)
        .with_max_delay(FIRST_PAUSE * 4);
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new(&url)?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(WITH_RETRIES)
        .with_retry_policy(retries)
        .with_headers(headers)
        .build()
        .map_err(|error| error.to_string())?;
    exporter.set_resource(&resource(&otlp.service));
    Ok(exporter)
}

/// What is known of this process; `OTEL_RESOURCE_ATTRIBUTES` may say more.
fn resource(service: &str) -> Resource {
    let texts = [
        ("service.namespace", "souk".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", format!("{service}-{}", std::process::id())),
    ];
    let attributes = texts.into_iter().map(|(key, text)| KeyValue::new(key, text));
    Resource::builder().with_service_name(service.to_owned()).with_attributes(attributes).build()
}

fn dropped(why: &'static str, spans: usize) {
    metrics::counter!("souk_trace_spans_dropped_total", "why" => why).increment(spans as u64);
}

/// What waits to be sent. Bounded by spans, not by traces: one of a thousand spans takes the room of a thousand.
struct Queue {
    sender: mpsc::UnboundedSender<Vec<Finished>>,
    spans: Arc<AtomicUsize>,
}

impl Queue {
    /// Never waits.
    fn push(&self, spans: Vec<Finished>) {
        let count = spans.len();
        let fits = self.spans.fetch_add(count, Ordering::Relaxed) + count <= MAX_WAITING;
        // A closed queue is that of a process that has sent its last.
        if !fits || self.sender.send(spans).is_err() {
            self.spans.fetch_sub(count, Ordering::Relaxed);
            dropped("queue", count);
        }
    }
}

struct Sender {
    exporter: SpanExporter,
    scope: InstrumentationScope,
    waiting: mpsc::UnboundedReceiver<Vec<Finished>>,
    spans: Arc<AtomicUsize>,
    end: CancellationToken,
}

impl Sender {
    async fn run(mut self) {
        loop {
            let batch = self.batch().await;
            if batch.is_empty() {
                return;
            }
            let spans = batch.len();
            if !self.export(batch).await {
                dropped("collector", spans);
                if self.end.is_cancelled() {
                    self.waiting.close();
                    return dropped("collector", self.spans.load(Ordering::Relaxed));
                }
            }
        }
    }

    /// What is to be sent next; nothing when the process ends and all is sent.
    async fn batch(&mut self) -> Vec<Finished> {
        let mut batch = Vec::new();
        let mut until = None;
        while batch.len() < MAX_BATCH {
            let gathered = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let more = tokio::select! {
                biased;
                more = self.waiting.recv() => more,
                () = self.end.cancelled() => self.waiting.try_recv().ok(),
                () = gathered => None,
            };
            let Some(spans) = more else { break };
            self.spans.fetch_sub(spans.len(), Ordering::Relaxed);
            batch.extend(spans);
            until = until.or_else(|| Some(Instant::now() + GATHER));
        }
        batch
    }

    /// Sends a batch, again when the collector is away or busy; when the process ends, not for long. Whether it was taken.
    async fn export(&self, batch: Vec<Finished>) -> bool {
        let spans = batch.into_iter().map(|span| span_data(span, &self.scope)).collect();
        let export = self.exporter.export(spans);
        tokio::pin!(export);
        let done = tokio::select! {
            done = &mut export => Some(done),
            () = self.end.cancelled() => timeout(LAST_TRY, export).await.ok(),
        };
        // The collector's client has said why not.
        done.is_some_and(|done| done.is_ok())
    }
}

/// OpenTelemetry's exporter sends by this: with the timeouts, the TLS and the circuit breaker of all that Souk sends.
struct Collector {
    client: HttpClient,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

impl Collector {
    fn new(url: &Uri) -> Result<Self, String> {
        let https = url.scheme_str() == Some("https");
        let connections = Connections {
            schemes: if https { Schemes::Https } else { Schemes::HttpToo },
            reach: Reach::Anywhere,
            trust_roots: if https { TrustRoots::of_system() } else { TrustRoots::none() },
            idle: Duration::from_secs(30),
            max_idle: 1,
        };
        let settings = Settings { name: "otlp", concurrent: 1, max_answer: MAX_ANSWER, connections };
        Ok(Self { client: HttpClient::new(settings).map_err(|error| error.to_string())? })
    }
}

#[async_trait::async_trait]
impl opentelemetry_http::HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.client.send(request, TIMEOUT).await;
        let why = match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the collector answered {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = why
            && let Some(unsaid) = souk_runtime::should_log("otlp")
        {
            tracing::warn!(why, unsaid, "traces were not taken");
        }
        let answer = answer?;
        count_rejected(answer.body());
        Ok(answer)
    }
}

/// Counts what a collector that took the rest did not take.
fn count_rejected(body: &Bytes) {
    let said = ExportTraceServiceResponse::decode(body.clone()).ok().and_then(|answer| answer.partial_success);
    let Some(said) = said.filter(|said| said.rejected_spans > 0) else { return };
    dropped("collector", usize::try_from(said.rejected_spans).unwrap_or_default());
    if let Some(unsaid) = souk_runtime::should_log("otlp rejected") {
        tracing::warn!(why = said.error_message, unsaid, "the collector rejected some spans");
    }
}
