//! Rate-limit response headers: `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10, for that limit of a
//! client which has the smallest share left.
//!
//! They are on every response of the API that is one client's own, and on every 429. A response that caches may show to others says
//! nothing about one client.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::status::RateLimitStatus;

/// The burst, and the seconds after which an empty bucket is full again.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What remains, and the seconds until the bucket is full again; until the next request, when nothing remains.
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Adds both headers, if there is a limit at all.
pub(crate) fn add(status: Option<&RateLimitStatus>, headers: &mut HeaderMap) {
    let Some(RateLimitStatus { rule, rate, remaining, reset }) = status else { return };
    let name = rule.name();
    let window = (u64::from(rate.burst) * u64::from(rate.per_seconds)).div_ceil(u64::from(rate.count.max(1))).max(1);
    let mut put = |header: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(header, value);
        }
    };
    put(POLICY, format!("\"{name}\";q={};w={window}", rate.burst));
    put(LEFT, format!("\"{name}\";r={remaining};t={reset}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rate;
    use crate::rate_limit::rule::Rule;

    #[test]
    fn as_the_draft_writes_them() {
        let rate = Rate { count: 200, per_seconds: 1, burst: 1000 };
        let mut headers = HeaderMap::new();
        add(Some(&RateLimitStatus { rule: Rule::Address, rate, remaining: 999, reset: 1 }), &mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"address\";q=1000;w=5");
        assert_eq!(headers["ratelimit"], "\"address\";r=999;t=1");
        let mut headers = HeaderMap::new();
        add(None, &mut headers);
        assert!(headers.is_empty());
    }
}
