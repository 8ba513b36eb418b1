//! Metrics of the gateway, taken out of the registry once: counting is then one addition.

use http::{Method, StatusCode};
use metrics::{Counter, Gauge, counter, gauge, histogram};
use souk_web::known_method;

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
            cache_bytes: gauge!("souk_gateway_cache_bytes"),
            cache_entries: gauge!("souk_gateway_cache_entries"),
            cache_hit_ratio: gauge!("souk_gateway_cache_hit_ratio"),
        }
    }

    /// One request more than `rule` allows. Only refusals come here: a look-up in the registry does not matter.
    pub(crate) fn refused(&self, rule: Rule) {
        counter!("souk_gateway_throttled_total", "rule" => rule.name()).increment(1);
    }

    /// How long a request took that the page cache could not answer: by then, a look-up in the registry does not matter.
    pub(crate) fn answered(method: &Method, status: StatusCode, seconds: f64) {
        histogram!(
            "http_server_request_duration_seconds",
            "http_request_method" => known_method(method), "http_response_status_code" => status.as_str().to_owned()
        )
        .record(seconds);
    }

    /// After a render, which is when the cache changes.
    pub(crate) fn cache(&self, stats: CacheStats) {
        self.cache_bytes.set(stats.bytes as f64);
        self.cache_entries.set(stats.entries as f64);
        self.cache_hit_ratio.set(stats.hit_ratio());
    }
}
