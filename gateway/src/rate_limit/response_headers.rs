//! Tells clients what is left of their allowance: `RateLimit-Policy` and `RateLimit` of
//! draft-ietf-httpapi-ratelimit-headers-10, for the one of their allowances that has least left.
//!
//! Programs are told on every answer of the API that is theirs alone, everybody with a 429. What everybody may keep says nothing
//! about one client.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::throttle::Standing;

/// The burst, and the seconds after which an empty allowance is full again.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What remains, and the seconds until the allowance is full again; until the next request, when nothing remains.
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Adds both headers.
pub(crate) fn show(standing: Option<&Standing>, headers: &mut HeaderMap) {
    let Some(Standing { rule, rate, remaining, reset }) = standing else { return };
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
    use crate::Rate;
    use crate::throttle::Rule;

    #[test]
    fn as_the_draft_writes_them() {
        let rate = Rate { count: 200, per_seconds: 1, burst: 1000 };
        let mut headers = HeaderMap::new();
        show(Some(&Standing { rule: Rule::Address, rate, remaining: 999, reset: 1 }), &mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"address\";q=1000;w=5");
        assert_eq!(headers["ratelimit"], "\"address\";r=999;t=1");
        let mut headers = HeaderMap::new();
        show(None, &mut headers);
        assert!(headers.is_empty());
    }
}
