//! Reverse proxy: hands a request to the role that answers it, and takes its answer.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use souk_kernel::Problem;
use souk_rpc::{Cx, header};
use souk_trace::{Kind, Span, scope};
use souk_web::known_method;
use tower::ServiceExt;

use super::routing::Upstream;
use crate::request::trace;

/// Sends `request` to `upstream` and waits for the head of its answer, at most until the context's deadline.
pub(crate) async fn forward(
    upstream: &Upstream,
    cx: &Cx,
    client: Option<IpAddr>,
    mut request: Request<Bytes>,
) -> Result<Response<Body>, Problem> {
    if let Some(client) = client.and_then(|ip| HeaderValue::try_from(ip.to_string()).ok()) {
        request.headers_mut().insert(header::CLIENT_IP, client);
    }
    match upstream {
        Upstream::Local(router) => {
            let mut request = request.map(Body::from);
            request.extensions_mut().insert(cx.clone());
            guarded(cx, router.clone().oneshot(request)).await
        }
        Upstream::Remote(transport) => {
            // What only reads may be asked again when an instance died before it answered.
            let repeatable = request.method().is_safe();
            let method = known_method(request.method());
            let mut span = Span::under(cx.place().as_ref(), Kind::Client, method);
            span.set("http.request.method", method);
            let sent = scope(span.trace(), transport.send(cx, request.map(Full::new), repeatable)).await;
            let response = sent.inspect_err(|problem| span.fail(problem.code.clone()))?;
            trace::note(&mut span, response.status());
            Ok(marked(cx, response.map(Body::new)))
        }
    }
}

/// Takes the position of what was written from an answer's headers; in this process the context has it already.
fn marked(cx: &Cx, response: Response<Body>) -> Response<Body> {
    let position = response.headers().get(header::LSN).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(position) = position {
        cx.wrote(position);
    }
    response
}

/// A panic of a handler is its own, and so is its time.
async fn guarded(
    cx: &Cx,
    call: impl Future<Output = Result<axum::response::Response, std::convert::Infallible>>,
) -> Result<Response<Body>, Problem> {
    let call = AssertUnwindSafe(call).catch_unwind();
    let result = match cx.deadline {
        Some(at) => tokio::time::timeout_at(at.into(), call).await.map_err(|_| Problem::timeout("request"))?,
        None => call.await,
    };
    match result {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(never)) => match never {},
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(Problem::internal(format!("a handler panicked: {text}")))
        }
    }
}
