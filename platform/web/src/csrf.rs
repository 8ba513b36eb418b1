//! Guard against cross-site request forgery (CSRF): an unsafe request that a cookie authenticates must come from our own
//! pages.
//!
//! Fetch metadata decides; browsers that do not send it send `Origin` with forms; who sends neither is refused
//! (PROMISES). No tokens, so pages stay the same for all visitors and can be cached.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, Uri, header};
use souk_kernel::{Kind, Problem};

use crate::ApiError;

/// Accepts safe methods and requests from our own origin; else 403 `cross_site`.
pub fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let same = match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        // "none": typed, bookmarked or reloaded by the user; no page caused it.
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = uri.authority().map(|a| a.as_str()).or_else(|| text(header::HOST.as_str()));
            let from = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            from.is_some() && from == host
        }
        (None, None) => false,
    };
    if same {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Forbidden,
        "cross_site",
        "this form was not sent from our own pages; please reload the page",
    ))
}

/// Middleware of [`check`] for a router whose requests are authenticated by cookies.
pub async fn guard(request: Request, next: Next) -> Response {
    match check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => ApiError::from(problem).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(headers: &[(&'static str, &str)]) -> Result<(), Problem> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        check(&Method::POST, &Uri::from_static("/cart"), &map)
    }

    #[test]
    fn only_our_own_pages_may_post() {
        let own = ("host", "shop.example:8443");
        assert!(post(&[own, ("sec-fetch-site", "same-origin")]).is_ok());
        assert!(post(&[own, ("origin", "https://shop.example:8443")]).is_ok());
        for refused in [
            vec![own],
            vec![own, ("sec-fetch-site", "cross-site")],
            vec![own, ("sec-fetch-site", "same-site")],
            vec![own, ("sec-fetch-site", "cross-site"), ("origin", "https://shop.example:8443")],
            vec![own, ("origin", "https://evil.example")],
            vec![own, ("origin", "https://shop.example:8443.evil.example")],
            vec![own, ("origin", "null")],
            vec![("origin", "https://shop.example:8443")],
        ] {
            assert!(post(&refused).is_err(), "{refused:?}");
        }
        assert!(check(&Method::GET, &Uri::from_static("/"), &HeaderMap::new()).is_ok());
    }
}
