//! OTLP exporter: sends finished spans to a collector as `http/protobuf`, in batches, beside the work. What a collector does not
//! take in time is dropped and counted: traces are worth less than the requests they tell of.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use prost::Message;
use souk_http_client::{Connections, HttpClient, Reach, Schemes, Settings};
use souk_tls::TrustRoots;
use souk_trace::{Finished, Tracer, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::otlp::{self, ResourceSpans, Scope, ScopeSpans, attribute};

/// Traces that wait to be sent; more are dropped.
const MAX_WAITING: usize = 4_096;
/// Spans of one request; a trace is not divided.
const MAX_BATCH: usize = 512;
/// How long a batch that is not full waits.
const GATHER: Duration = Duration::from_millis(1_000);
/// Longest wait for the collector.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Tries of one batch.
const MAX_TRIES: u32 = 3;
/// Pause after the first failed try; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest time for what is left when the process ends.
const AT_THE_END: Duration = Duration::from_secs(3);
/// Bytes of the largest answer: an error's text.
const MAX_ANSWER: usize = 64 * 1024;

/// Where traces go, and which.
#[derive(Clone, Debug)]
pub struct Otlp {
    /// The collector: `http://127.0.0.1:4318`; `/v1/traces` is appended.
    pub url: String,
    /// Share of traces that are kept whatever comes of them, 0 to 1; those with errors are kept besides.
    pub ratio: f64,
    /// `service.name`.
    pub service: String,
}

/// The exporter of this process.
pub struct Traces {
    worker: JoinHandle<()>,
    end: oneshot::Sender<()>,
}

impl Traces {
    /// Begins to trace; within a runtime.
    ///
    /// # Errors
    /// The URL is none, or this process traces already.
    pub fn start(otlp: &Otlp) -> Result<Self, String> {
        let url: Uri = format!("{}/v1/traces", otlp.url.trim_end_matches('/'))
            .parse()
            .map_err(|error| format!("{:?} is no URL: {error}", otlp.url))?;
        let https = url.scheme_str() == Some("https");
        let connections = Connections {
            schemes: if https { Schemes::Https } else { Schemes::HttpToo },
            reach: Reach::Anywhere,
            trust_roots: if https { TrustRoots::of_system() } else { TrustRoots::none() },
            idle: Duration::from_secs(30),
            max_idle: 1,
        };
        let settings = Settings { name: "otlp", concurrent: 1, max_answer: MAX_ANSWER, connections };
        let client = HttpClient::new(settings).map_err(|error| error.to_string())?;
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        let keep = move |spans: Vec<Finished>| {
            if let Err(mpsc::error::TrySendError::Full(spans) | mpsc::error::TrySendError::Closed(spans)) =
                queue.try_send(spans)
            {
                dropped("queue", spans.len());
            }
        };
        if !souk_trace::install(Tracer { ratio: otlp.ratio, keep: Box::new(keep) }) {
            return Err("traces are taken already".into());
        }
        let (end, ended) = oneshot::channel();
        let exporter = Exporter { client, url, resource: resource(&otlp.service), waiting };
        #[allow(clippy::disallowed_methods)]
        // outlives the process's tasks, as their last spans come when they end; see `finish`
        let worker = tokio::spawn(exporter.run(ended));
        Ok(Self { worker, end })
    }

    /// Sends what is left, for some seconds at most.
    pub async fn finish(self) {
        // An error means that the worker has ended already, which the wait below reports.
        let _ = self.end.send(());
        match tokio::time::timeout(AT_THE_END, self.worker).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the exporter of traces panicked"),
            Err(_) => tracing::warn!("the last traces were not sent in time"),
        }
    }
}

fn dropped(why: &'static str, spans: usize) {
    metrics::counter!("souk_trace_spans_dropped_total", "why" => why).increment(spans as u64);
}

/// What is known of this process.
fn resource(service: &str) -> otlp::Resource {
    let instance = std::process::id();
    let texts = [
        ("service.name", service.to_owned()),
        ("service.namespace", "souk".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", format!("{service}-{instance}")),
        ("telemetry.sdk.name", "souk".to_owned()),
        ("telemetry.sdk.language", "rust".to_owned()),
    ];
    let attributes = texts.into_iter().map(|(key, text)| attribute(key, Value::from(text)));
    otlp::Resource { attributes: attributes.collect() }
}

struct Exporter {
    client: HttpClient,
    url: Uri,
    resource: otlp::Resource,
    waiting: mpsc::Receiver<Vec<Finished>>,
}

impl Exporter {
    async fn run(mut self, mut ended: oneshot::Receiver<()>) {
        let mut ending = false;
        loop {
            let mut batch = Vec::new();
            let until = Instant::now() + GATHER;
            while batch.len() < MAX_BATCH {
                let more = tokio::select! {
                    biased;
                    more = self.waiting.recv() => more,
                    // An exporter that was dropped without an end goes on until the runtime ends.
                    Ok(()) = &mut ended, if !ending => {
                        ending = true;
                        self.waiting.close();
                        continue;
                    }
                    () = tokio::time::sleep_until(until), if !batch.is_empty() => break,
                };
                match more {
                    Some(spans) => batch.extend(spans),
                    None => break,
                }
            }
            if batch.is_empty() && ending {
                return;
            }
            self.send(batch, ending).await;
        }
    }

    /// Sends a batch, again when the collector is away or busy; not when the process ends.
    async fn send(&self, batch: Vec<Finished>, ending: bool) {
        let spans = batch.len();
        let scope = Scope { name: "souk".into(), version: env!("CARGO_PKG_VERSION").into() };
        let scope_spans =
            vec![ScopeSpans { scope: Some(scope), spans: batch.into_iter().map(otlp::Span::from).collect() }];
        let resource_spans = vec![ResourceSpans { resource: Some(self.resource.clone()), scope_spans }];
        let body = Bytes::from(otlp::Request { resource_spans }.encode_to_vec());
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let (why, passes) = match self.post(body.clone()).await {
                Ok(()) => return,
                Err(failure) => failure,
            };
            if let Some(unsaid) = souk_runtime::should_log("otlp") {
                tracing::warn!(url = %self.url, why, unsaid, "traces were not taken");
            }
            if !passes || ending || attempt == MAX_TRIES {
                return dropped("collector", spans);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// One try; what was wrong, and whether that may pass.
    async fn post(&self, body: Bytes) -> Result<(), (String, bool)> {
        let request = Request::post(self.url.clone()).header(header::CONTENT_TYPE, "application/x-protobuf").body(body);
        let request = request.map_err(|error| (error.to_string(), false))?;
        let answer = self.client.send(request, TIMEOUT).await.map_err(|error| (error.to_string(), true))?;
        let status = answer.status();
        if !status.is_success() {
            // As the specification of OTLP lists them.
            let passes = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            );
            return Err((format!("the collector answered {status}"), passes));
        }
        let rejected = otlp::Response::decode(answer.into_body()).ok().and_then(|answer| answer.partial_success);
        if let Some(rejected) = rejected.filter(|rejected| rejected.rejected_spans > 0) {
            dropped("collector", usize::try_from(rejected.rejected_spans).unwrap_or_default());
            if let Some(unsaid) = souk_runtime::should_log("otlp rejected") {
                tracing::warn!(why = rejected.error_message, unsaid, "the collector rejected some spans");
            }
        }
        Ok(())
    }
}
