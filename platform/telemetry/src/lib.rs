//! Logs, metrics and traces of a process: set up once by the binary. Logs are JSON lines for machines or short lines for people;
//! metrics are kept in process and rendered for Prometheus; traces go to a collector.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::UtcTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

mod exemplars;
mod scrub;
mod span_data;
mod traces;

pub use traces::{MAX_WAITING, Otlp, Traces, check_header};

use exemplars::{Examples, Recorder};
use scrub::Scrubbed;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, with the fields of the event beside the message.
    Json,
}

/// Upper bounds of the latency histograms, in seconds: from a cache hit to the longest deadline.
const SECONDS: [f64; 13] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];
/// Upper bounds of the histograms that count things in a batch.
const COUNTS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0, 1024.0];

/// Sends logs to standard error, panics among them, without card numbers. `filter` is a `tracing` filter,
/// `info,souk_gateway=debug`; a wrong one is an error.
pub fn init_logs(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("log filter {filter:?}: {error}"))?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let layer = lines(format, colours, Scrubbed::new(std::io::stderr, format == LogFormat::Json));
    let result = tracing_subscriber::registry().with(filter).with(layer).try_init();
    result.map_err(|error| format!("logs are set up already: {error}"))?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// The layer that writes events as `format` says.
fn lines<S, W>(format: LogFormat, colours: bool, to: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(to).with_timer(UtcTime::rfc_3339());
    match format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

/// A panic says what it was about, like any other line; without a hook it goes to standard error as it is.
#[allow(clippy::print_stderr)] // what the filter keeps out of the log must still be seen
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    if !tracing::enabled!(tracing::Level::ERROR) {
        eprintln!("{}", souk_kernel::pan::scrub(&panic.to_string()));
        return;
    }
    let backtrace = std::backtrace::Backtrace::capture();
    let backtrace = (backtrace.status() == std::backtrace::BacktraceStatus::Captured).then_some(backtrace);
    let backtrace = backtrace.map(tracing::field::display);
    let at = panic.location().map(tracing::field::display);
    let message = panic.payload_as_str().unwrap_or("no text");
    tracing::error!(at, backtrace, "panicked: {message}");
}

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    examples: Examples,
}

impl Metrics {
    /// Starts collecting; a second call in one process is an error.
    pub fn install() -> Result<Self, String> {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full("souk_combined".into()), &COUNTS))
            .map_err(|error| error.to_string())?;
        let (inner, examples) = (builder.build_recorder(), Examples::default());
        let handle = inner.handle();
        let recorder = Recorder { inner, examples: examples.clone(), bounds: &SECONDS };
        metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
        Ok(Self { handle, examples })
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// The same as OpenMetrics, with a trace for each bucket of a latency that has one.
    pub fn render_open_metrics(&self) -> String {
        exemplars::open_metrics(&self.render(), &self.examples, &SECONDS)
    }
}
