//! `Retry-After` (RFC 9110, 10.2.3), in seconds, as APIs send it.

use std::time::Duration;

use http::{HeaderMap, header};

/// Longest pause that is heeded: a wrong header must not cut the shop off for a day.
const LONGEST: Duration = Duration::from_secs(60);

/// How long the other side wants to be left alone, one minute at most. The form with a date is passed over: it is rare, and right
/// only where clocks agree.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST)).filter(|pause| !pause.is_zero())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn seconds_are_heeded_within_reason() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(text));
            retry_after(&headers)
        };
        assert_eq!(of("2"), Some(Duration::from_secs(2)));
        assert_eq!(of("86400"), Some(LONGEST));
        for none in ["0", "-1", "soon", "Sun, 29 Nov 2026 07:00:00 GMT"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
