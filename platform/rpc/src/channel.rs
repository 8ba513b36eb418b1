//! How encoded calls leave this process.

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_kernel::Problem;
use souk_tls::Identity;
use tower::ServiceExt;

use crate::{ActorKey, Cx, HttpChannel, Remote, header};

/// Code of the problem that a call of a method meets which the callee does not have yet, while a release is rolled out: who
/// calls a new method does without it or asks in the old way then.
pub const UNKNOWN_METHOD: &str = "unknown_method";

/// The way to another role: over the network, or encoded without a socket (contract tests).
#[derive(Clone)]
pub enum Channel {
    /// Over the network.
    Http(Arc<HttpChannel>),
    /// Encoded and decoded, but in this process.
    Loopback(Router, ActorKey),
}

impl Channel {
    /// A channel to the instances of `remote` without TLS: on loopback, where nobody listens in.
    pub fn http(remote: Remote, key: ActorKey) -> Self {
        Self::Http(Arc::new(HttpChannel::new(remote, key, None)))
    }

    /// A channel over TLS on which `caller` shows its certificate, and the other end must show that of `remote`'s role.
    pub fn https(remote: Remote, key: ActorKey, caller: Identity) -> Self {
        Self::Http(Arc::new(HttpChannel::new(remote, key, Some(caller))))
    }

    /// Calls `path` with `request`. `repeatable`: the method may be repeated when no answer came.
    pub async fn call<Q: Serialize + Sync, R: DeserializeOwned>(
        &self,
        path: &'static str,
        repeatable: bool,
        cx: &Cx,
        request: &Q,
    ) -> Result<R, Problem> {
        let body = Bytes::from(serde_json::to_vec(request).map_err(Problem::internal)?);
        let response = match self {
            Channel::Http(http) => http.call(path, repeatable || cx.idempotency_key.is_some(), cx, body).await?,
            Channel::Loopback(router, key) => loopback(router, key, path, cx, body).await?,
        };
        decode(path, cx, response)
    }
}

async fn loopback(
    router: &Router,
    key: &ActorKey,
    path: &'static str,
    cx: &Cx,
    body: Bytes,
) -> Result<Response<Bytes>, Problem> {
    let mut request = Request::post(path).body(axum::body::Body::from(body)).map_err(Problem::internal)?;
    cx.write_headers(request.headers_mut(), key);
    let response = router.clone().oneshot(request).await.map_err(Problem::internal)?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Problem::internal)?.to_bytes();
    Ok(Response::from_parts(parts, body))
}

fn decode<R: DeserializeOwned>(path: &str, cx: &Cx, response: Response<Bytes>) -> Result<R, Problem> {
    let lsn = response.headers().get(header::LSN).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    if let Some(lsn) = lsn {
        cx.wrote(lsn);
    }
    let bytes = response.body();
    if response.status() == StatusCode::OK {
        return serde_json::from_slice(bytes).map_err(|error| Problem::internal(format!("{path} replied: {error}")));
    }
    Err(serde_json::from_slice(bytes).unwrap_or_else(|_| {
        let replied = format!("{path} replied {}", response.status());
        match response.status() {
            // No route and no problem: the callee is of an earlier release, which does not have the method yet.
            StatusCode::NOT_FOUND => Problem::unavailable("unknown_method", replied),
            _ => Problem::unavailable("bad_gateway", replied),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, accept};

    #[tokio::test]
    async fn a_method_that_the_callee_does_not_have_yet_is_told_from_what_it_does_not_find() {
        let key = ActorKey::new([1; 32]);
        let missing = || async { (StatusCode::NOT_FOUND, axum::Json(Problem::not_found("cart"))) };
        let router = Router::new().route("/rpc/cart/v1/get", axum::routing::post(missing));
        let channel = Channel::Loopback(accept(router, key.clone()), key);
        let cx = Cx::new("test", Actor::Anonymous);
        let old = channel.call::<_, ()>("/rpc/cart/v1/units", true, &cx, &()).await.unwrap_err();
        assert!(old.is(UNKNOWN_METHOD), "{old:?}");
        let none = channel.call::<_, ()>("/rpc/cart/v1/get", true, &cx, &()).await.unwrap_err();
        assert!(!none.is(UNKNOWN_METHOD), "{none:?}");
    }
}
