//! Recorder of a load: latencies per kind of call in HDR histograms, errors by status and problem code, bytes. One recorder
//! per measured phase, shared by its users, so that nothing of the warm-up can leak in.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use serde::Serialize;

/// Significant digits of a latency.
const DIGITS: u8 = 3;
/// Longest latency told apart, microseconds: ten minutes.
const MAX_MICROS: u64 = 600_000_000;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As the scenario wants it; bytes of the body.
    Good(u64),
    /// Not so: `503 unavailable`, `timed out`.
    Bad(String),
}

/// Collects.
#[derive(Default)]
pub struct Recorder(Mutex<BTreeMap<&'static str, Series>>);

struct Series {
    latencies: Histogram<u64>,
    good: u64,
    bytes: u64,
    errors: BTreeMap<String, u64>,
}

impl Series {
    fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, MAX_MICROS, DIGITS).expect("the bounds are constants that fit");
        Self { latencies, good: 0, bytes: 0, errors: BTreeMap::new() }
    }
}

/// One kind of call, summed up.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Calls that ended as wanted.
    pub good: u64,
    /// Calls that did not.
    pub bad: u64,
    /// Good ones a second.
    pub per_second: f64,
    /// Milliseconds, of good and bad ones alike.
    pub latency: Latency,
    /// Bytes of an answer's body on the wire, on average.
    pub bytes_each: u64,
    /// How bad ones ended, and how often.
    pub errors: BTreeMap<String, u64>,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half are faster.
    pub p50: f64,
    /// 95 % are faster.
    pub p95: f64,
    /// 99 % are faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Recorder {
    /// Counts one call of kind `name`.
    pub fn add(&self, name: &'static str, took: Duration, outcome: Outcome) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let mut all = self.0.lock();
        let series = all.entry(name).or_insert_with(Series::new);
        series.latencies.saturating_record(micros);
        match outcome {
            Outcome::Good(bytes) => {
                series.good += 1;
                series.bytes += bytes;
            }
            Outcome::Bad(error) => *series.errors.entry(error).or_default() += 1,
        }
    }

    /// Sums up what happened in `elapsed`.
    pub fn summaries(&self, elapsed: Duration) -> BTreeMap<String, Summary> {
        let all = self.0.lock();
        all.iter().map(|(name, series)| ((*name).to_owned(), series.summary(elapsed))).collect()
    }
}

impl Series {
    fn summary(&self, elapsed: Duration) -> Summary {
        let at = |quantile: f64| self.latencies.value_at_quantile(quantile) as f64 / 1000.0;
        Summary {
            good: self.good,
            bad: self.errors.values().sum(),
            per_second: self.good as f64 / elapsed.as_secs_f64().max(f64::EPSILON),
            latency: Latency { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: self.latencies.max() as f64 / 1000.0 },
            bytes_each: self.bytes / self.good.max(1),
            errors: self.errors.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_ones_count_as_latency_but_not_as_throughput() {
        let recorder = Recorder::default();
        for _ in 0..9 {
            recorder.add("a", Duration::from_millis(10), Outcome::Good(100));
        }
        recorder.add("a", Duration::from_secs(30), Outcome::Bad("timed out".into()));
        let summary = &recorder.summaries(Duration::from_secs(3))["a"];
        assert_eq!((summary.good, summary.bad, summary.bytes_each), (9, 1, 100));
        assert_eq!(summary.per_second, 3.0);
        assert_eq!(summary.errors["timed out"], 1);
        assert!((9.9..=10.1).contains(&summary.latency.p50), "{summary:?}");
        assert!((29_900.0..=30_100.0).contains(&summary.latency.p99), "{summary:?}");
    }
}
