//! Exemplars: for each bucket of a latency histogram the last request in a kept trace, so that a slow bucket leads to a trace that
//! was slow. The Prometheus exporter knows none, so they are kept beside it and added to its text, as OpenMetrics.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};
use metrics_exporter_prometheus::PrometheusRecorder;
use parking_lot::Mutex;

/// The last example of each bucket.
type Buckets = Arc<Mutex<Vec<Option<Example>>>>;

#[derive(Clone, Copy)]
struct Example {
    trace_id: u128,
    value: f64,
    /// Seconds since 1970.
    at: f64,
}

/// Examples of all latency histograms, by how a line of theirs begins: `name_bucket{label="value",`.
#[derive(Clone, Default)]
pub(crate) struct Examples(Arc<Mutex<HashMap<String, Buckets>>>);

impl Examples {
    fn of(&self, key: &Key, bounds: usize) -> Buckets {
        let mut start = format!("{}_bucket{{", key.name());
        for label in key.labels() {
            let _infallible = write!(start, "{}=\"{}\",", label.key(), label.value());
        }
        let mut all = self.0.lock();
        all.entry(start).or_insert_with(|| Arc::new(Mutex::new(vec![None; bounds + 1]))).clone()
    }

    /// What belongs behind a line of a bucket, if there is an example.
    fn after(&self, line: &str, bounds: &[f64]) -> Option<String> {
        let (start, rest) = line.split_at(line.rfind("le=\"")?);
        let le = rest.strip_prefix("le=\"")?.split('"').next()?;
        let buckets = self.0.lock().get(start)?.clone();
        let at = match le {
            "+Inf" => bounds.len(),
            bound => {
                let bound: f64 = bound.parse().ok()?;
                bounds.iter().position(|known| (known - bound).abs() < f64::EPSILON)?
            }
        };
        let Example { trace_id, value, at } = (*buckets.lock().get(at)?)?;
        Some(format!(" # {{trace_id=\"{trace_id:032x}\"}} {value} {at:.3}"))
    }
}

/// Hands everything to the Prometheus recorder, and keeps examples of latencies while traces are taken.
pub(crate) struct Recorder {
    pub(crate) inner: PrometheusRecorder,
    pub(crate) examples: Examples,
    pub(crate) bounds: &'static [f64],
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_counter(key, unit, description);
    }
    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_gauge(key, unit, description);
    }
    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_histogram(key, unit, description);
    }
    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.inner.register_counter(key, metadata)
    }
    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.inner.register_gauge(key, metadata)
    }
    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        let inner = self.inner.register_histogram(key, metadata);
        if !souk_trace::on() || !key.name().ends_with("_seconds") {
            return inner;
        }
        let buckets = self.examples.of(key, self.bounds.len());
        Histogram::from_arc(Arc::new(Exemplified { inner, buckets, bounds: self.bounds }))
    }
}

struct Exemplified {
    inner: Histogram,
    buckets: Buckets,
    bounds: &'static [f64],
}

impl HistogramFn for Exemplified {
    fn record(&self, value: f64) {
        self.inner.record(value);
        let Some(trace) = souk_trace::current().filter(souk_trace::Trace::sampled) else { return };
        #[allow(clippy::disallowed_methods)] // an exemplar is of the time that Prometheus scrapes by
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let bucket = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        let mut buckets = self.buckets.lock();
        if let Some(slot) = buckets.get_mut(bucket) {
            *slot = Some(Example { trace_id: trace.trace_id(), value, at });
        }
    }
}

/// Prometheus' text as OpenMetrics 1.0, with examples. Names stay: a counter that is not called `_total`, which OpenMetrics asks
/// for, is of unknown type there.
pub(crate) fn open_metrics(text: &str, examples: &Examples, bounds: &[f64]) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let _infallible = match words[..] {
            ["#", "TYPE", name, "counter"] => match name.strip_suffix("_total") {
                Some(family) => writeln!(out, "# TYPE {family} counter"),
                None => writeln!(out, "# TYPE {name} unknown"),
            },
            ["#", "HELP", name, help] => writeln!(out, "# HELP {} {help}", name.strip_suffix("_total").unwrap_or(name)),
            _ if line.starts_with('#') => writeln!(out, "{line}"),
            _ => writeln!(out, "{line}{}", examples.after(line, bounds).unwrap_or_default()),
        };
    }
    out.push_str("# EOF\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_stands_behind_its_bucket_and_names_stay() {
        let examples = Examples::default();
        let labels = vec![metrics::Label::new("method", "/rpc/a"), metrics::Label::new("outcome", "ok")];
        let buckets = examples.of(&Key::from_parts("souk_rpc_seconds", labels), 2);
        buckets.lock()[1] = Some(Example { trace_id: 0xab, value: 0.4, at: 12.5 });
        let text = "# TYPE souk_hits_total counter\nsouk_hits_total 3\n\n# TYPE souk_odd counter\nsouk_odd 1\n\n\
            # TYPE souk_rpc_seconds histogram\n\
            souk_rpc_seconds_bucket{method=\"/rpc/a\",outcome=\"ok\",le=\"0.1\"} 0\n\
            souk_rpc_seconds_bucket{method=\"/rpc/a\",outcome=\"ok\",le=\"0.5\"} 1\n\
            souk_rpc_seconds_bucket{method=\"/rpc/b\",outcome=\"ok\",le=\"0.5\"} 1\n\
            souk_rpc_seconds_bucket{method=\"/rpc/a\",outcome=\"ok\",le=\"+Inf\"} 1\n\
            souk_rpc_seconds_sum{method=\"/rpc/a\",outcome=\"ok\"} 0.4\n";
        let shown = open_metrics(text, &examples, &[0.1, 0.5]);
        let trace = format!("{:032x}", 0xab);
        let example = format!("le=\"0.5\"}} 1 # {{trace_id=\"{trace}\"}} 0.4 12.500\n");
        assert_eq!(shown.matches(" # {").count(), 1, "{shown}");
        assert!(shown.contains(&format!("method=\"/rpc/a\",outcome=\"ok\",{example}")), "{shown}");
        assert!(shown.contains("# TYPE souk_hits counter\nsouk_hits_total 3\n# TYPE souk_odd unknown\nsouk_odd 1\n"));
        assert!(shown.ends_with("# EOF\n"));
    }
}
