//! Handler of OPTIONS, and of methods that no resource knows: asks the role that owns the path what it knows of it.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, Uri, header};
use souk_kernel::Problem;
use souk_rpc::{Actor, Cx};
use souk_web::ApiError;

use crate::load_shedding::Priority;
use crate::request::context::RequestContext;
use crate::response::allow;
use crate::response::body::ResponseBody;
use crate::state::GatewayState;
use crate::upstream::canary;
use crate::upstream::routing::Upstream;

/// The response to OPTIONS, or the 405 for a method that no resource knows; with what `upstream` knows of the path.
pub(super) async fn answer(
    gateway: &GatewayState,
    (role, upstream): (&'static str, &Upstream),
    method: &Method,
    uri: &Uri,
    context: &RequestContext,
) -> Result<Response<ResponseBody>, ApiError> {
    let mut permit = gateway.shedder.try_acquire(role, Priority::Explore)?;
    let cx = Cx::new(context.id(), Actor::Anonymous).within(Duration::from_millis(gateway.config.limits.request_ms));
    let mut question = Request::new(Bytes::new());
    *question.method_mut() = Method::OPTIONS;
    *question.uri_mut() = uri.path().parse().map_err(Problem::internal)?;
    let canary = gateway.canaries.of(role).map(|canary| (canary, context.side));
    let sent = canary::send(canary, upstream, &cx, Some(context.client), question).await;
    let mut response = sent.inspect_err(|problem| permit.failed(problem))?;
    permit.answered(response.status());
    if response.status().is_success() && !response.headers().contains_key(header::ALLOW) {
        // Its handler takes every method.
        response.headers_mut().insert(header::ALLOW, allow::all());
    }
    allow::complete(response.headers_mut());
    match response.headers().get(header::ALLOW) {
        Some(allowed) => allow::respond(method, allowed.clone()),
        None if response.status().is_server_error() => {
            Err(Problem::unavailable("upstream_failed", response.status()).into())
        }
        None => Err(Problem::not_found("resource").into()),
    }
}
