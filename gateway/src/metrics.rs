//! Metrics of the gateway, taken out of the registry once: counting is then one addition.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::cache::CacheStats;
use crate::rate_limit::rule::Rule;

pub(crate) struct Metrics {
    pub(crate) hit: Counter,
    pub(crate) stale: Counter,
    pub(crate) rendered: Counter,
    pub(crate) uncached: Counter,
    pub(crate) throttled: Counter,
    pub(crate) faults: Counter,
    pub(crate) connections: Gauge,
    pub(crate) slow_seconds: Histogram,
    cache_bytes: Gauge,
    cache_entries: Gauge,
    cache_hit_ratio: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let requests = |way: &'static str| counter!("souk_gateway_requests_total", "way" => way);
        Self {
            hit: requests("hit"),
            stale: requests("stale"),
            rendered: requests("rendered"),
            uncached: requests("uncached"),
            throttled: requests("throttled"),
            faults: counter!("souk_gateway_faults_total"),
            connections: gauge!("souk_gateway_connections"),
            slow_seconds: histogram!("souk_gateway_seconds"),
            cache_bytes: gauge!("souk_gateway_cache_bytes"),
            cache_entries: gauge!("souk_gateway_cache_entries"),
            cache_hit_ratio: gauge!("souk_gateway_cache_hit_ratio"),
        }
    }

    /// One request more than `rule` allows. Only refusals come here: a look-up in the registry does not matter.
    pub(crate) fn refused(&self, rule: Rule) {
        counter!("souk_gateway_throttled_total", "rule" => rule.name()).increment(1);
    }

    /// After a render, which is when the cache changes.
    pub(crate) fn cache(&self, stats: CacheStats) {
        self.cache_bytes.set(stats.bytes as f64);
        self.cache_entries.set(stats.entries as f64);
        self.cache_hit_ratio.set(stats.hit_ratio());
    }
}
