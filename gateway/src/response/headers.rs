//! Header filtering and security headers: what comes in and must not go further, and what every response carries.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::config::{ConfigError, GatewayConfig};

/// Of one connection only (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes what belongs to the connection, with the headers that `Connection` names.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Removes what only we may say: `x-souk-*` and every claim about where a request comes from.
pub(crate) fn strip_claims(headers: &mut HeaderMap) {
    let ours = |name: &str| {
        name.starts_with("x-souk-")
            || name.starts_with("souk-canary")
            || name.starts_with("x-forwarded-")
            || matches!(name, "forwarded" | "x-real-ip" | "x-request-id" | "traceparent" | "tracestate" | "expect")
    };
    let claimed: Vec<HeaderName> = headers.keys().filter(|name| ours(name.as_str())).cloned().collect();
    for name in claimed {
        headers.remove(name);
    }
}

/// Removes from a response what only caches and roles need.
pub(crate) fn strip_internal(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    headers.remove(souk_web::SURROGATE_KEY);
    headers.remove(souk_rpc::header::LSN);
    headers.remove(header::DATE);
}

/// The security headers of PROMISES, made once.
#[derive(Clone, Debug)]
pub(crate) struct SecurityHeaders {
    hsts: Option<HeaderValue>,
    page_policy: HeaderValue,
}

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const REFERRER: HeaderValue = HeaderValue::from_static("strict-origin-when-cross-origin");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
/// Two years (PROMISES).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");
/// Responses that are no pages load nothing when a browser shows them; pictures with scripts inside run none.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");
/// Drawings may carry styles of their own.
const DRAWING: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

impl SecurityHeaders {
    pub(crate) fn new(config: &GatewayConfig) -> Result<Self, ConfigError> {
        let list = |hosts: &[String]| -> Result<String, ConfigError> {
            let host = |h: &String| {
                let fine = !h.is_empty() && h.bytes().all(|b| b.is_ascii_alphanumeric() || b":/.*-[]_".contains(&b));
                if fine { Ok(format!(" {h}")) } else { Err(ConfigError::NotAHost(h.clone())) }
            };
            hosts.iter().map(host).collect()
        };
        let assets = list(&config.asset_hosts)?;
        // `data:` is for the blurred miniatures that pages show until a picture is there; pictures run no scripts.
        let policy = format!(
            "default-src 'self'; script-src 'self'{assets}; style-src 'self'{assets}; img-src 'self' data:{}; object-src 'none'; \
             base-uri 'none'; frame-ancestors 'none'; form-action 'self'{}",
            list(&config.media_hosts)?,
            list(&config.form_hosts)?
        );
        let page_policy = HeaderValue::try_from(&policy).map_err(|_| ConfigError::NotAHost(policy))?;
        Ok(Self { hsts: config.https.then_some(HSTS), page_policy })
    }

    /// Adds the one that is about the connection and not about what is shown.
    pub(crate) fn add_hsts(&self, headers: &mut HeaderMap) {
        if let Some(hsts) = &self.hsts {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
    }

    /// Adds them to a response. A policy that a service set stays: the checkout page names its payment provider.
    pub(crate) fn add(&self, headers: &mut HeaderMap) {
        let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let (page, drawing) = (content_type.starts_with(b"text/html"), content_type.starts_with(b"image/svg"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        self.add_hsts(headers);
        if page {
            headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| self.page_policy.clone());
            headers.insert(header::REFERRER_POLICY, REFERRER);
            headers.insert(header::X_FRAME_OPTIONS, DENY);
            headers.insert(HeaderName::from_static("cross-origin-opener-policy"), SAME_ORIGIN);
        } else {
            let policy = if drawing { DRAWING } else { NOTHING };
            headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn what_belongs_to_a_connection_or_is_claimed_goes_no_further() {
        let mut headers = map(&[
            ("connection", "keep-alive, x-secret"),
            ("x-secret", "1"),
            ("transfer-encoding", "chunked"),
            ("x-souk-actor", "forged"),
            ("x-souk-anything", "1"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-request-id", "x"),
            ("accept", "text/html"),
        ]);
        strip_hop_by_hop(&mut headers);
        strip_claims(&mut headers);
        assert_eq!(headers, map(&[("accept", "text/html")]));
    }

    #[test]
    fn styles_and_scripts_may_come_from_the_cdn_and_from_nowhere_else() {
        let assets = vec!["https://cdn.example/assets/".to_owned()];
        let config = GatewayConfig { asset_hosts: assets, ..GatewayConfig::default() };
        let mut page = map(&[("content-type", "text/html")]);
        SecurityHeaders::new(&config).unwrap().add(&mut page);
        let policy = page["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'self';",
            "script-src 'self' https://cdn.example/assets/;",
            "style-src 'self' https://cdn.example/assets/;",
            "img-src 'self' data:;",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
    }

    #[test]
    fn pages_get_the_policy_and_hsts_only_with_https() {
        let mut config = GatewayConfig { media_hosts: vec!["cdn.example".into()], ..GatewayConfig::default() };
        let mut page = map(&[("content-type", "text/html; charset=utf-8")]);
        SecurityHeaders::new(&config).unwrap().add(&mut page);
        let policy = page["content-security-policy"].to_str().unwrap();
        for part in [
            "script-src 'self';",
            "style-src 'self';",
            "img-src 'self' data: cdn.example;",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!page.contains_key("strict-transport-security"));
        config.https = true;
        SecurityHeaders::new(&config).unwrap().add(&mut page);
        assert_eq!(page["strict-transport-security"], "max-age=63072000");
        let mut own = map(&[("content-type", "text/html"), ("content-security-policy", "own")]);
        SecurityHeaders::new(&config).unwrap().add(&mut own);
        assert_eq!(own["content-security-policy"], "own");
        config.form_hosts = vec!["evil; script-src *".into()];
        assert!(SecurityHeaders::new(&config).is_err());
    }
}
