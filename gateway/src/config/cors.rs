//! CORS settings, `[public.cors]`: other origins whose scripts may call the API.

use serde::{Deserialize, Serialize};

use super::Complaints;

/// Longest that browsers keep the answer of a preflight request anyway (Chromium: two hours).
const MAX_AGE_SECONDS: u32 = 86_400;

/// Cross-origin resource sharing for `/api/`. Cookies are never shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsConfig {
    /// `https://app.example`, or `*` for all. None: scripts of other origins cannot read anything.
    pub origins: Vec<String>,
    /// Request headers that these scripts may send.
    pub headers: Vec<String>,
    /// Seconds for which browsers keep the answer of a preflight request.
    pub max_age_seconds: u32,
}

impl Default for CorsConfig {
    fn default() -> Self {
        let headers =
            ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "souk-position"];
        Self { origins: Vec::new(), headers: headers.map(str::to_owned).to_vec(), max_age_seconds: 600 }
    }
}

impl CorsConfig {
    /// What cannot work, by key.
    pub fn complaints(&self) -> Complaints {
        let mut complaints = Complaints::new();
        for origin in self.origins.iter().filter(|origin| *origin != "*" && !is_origin(origin)) {
            let reason = format!("{origin:?} is no origin: https://app.example, without a path, or \"*\"");
            complaints.push(("cors.origins".into(), reason));
        }
        for name in self.headers.iter().filter(|name| http::HeaderName::try_from(name.as_str()).is_err()) {
            complaints.push(("cors.headers".into(), format!("{name:?} is no name of a header")));
        }
        if self.max_age_seconds > MAX_AGE_SECONDS {
            complaints.push(("cors.max_age_seconds".into(), format!("at most {MAX_AGE_SECONDS}")));
        }
        complaints
    }
}

/// Scheme, host and port, as browsers write them (RFC 6454, 6.2).
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    matches!(scheme, "http" | "https") && !authority.is_empty() && authority.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_origin_is_named() {
        let wrong =
            |origin: &str| CorsConfig { origins: vec![origin.into()], ..CorsConfig::default() }.complaints().len();
        for fine in ["*", "https://app.example", "http://localhost:3000", "http://[::1]:3000"] {
            assert_eq!(wrong(fine), 0, "{fine}");
        }
        for bad in ["app.example", "https://app.example/", "ftp://a", "https://", "https://a b", "https://u@a", "null"]
        {
            assert_eq!(wrong(bad), 1, "{bad}");
        }
        let header = CorsConfig { headers: vec!["x y".into()], ..CorsConfig::default() };
        assert_eq!(header.complaints()[0].0, "cors.headers");
    }
}
