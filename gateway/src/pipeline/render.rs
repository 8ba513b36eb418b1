//! Shared render: makes an answer without anything of a visitor, and keeps it in the page cache if its service says that it is public.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt;
use souk_kernel::Problem;
use souk_rpc::{Actor, Cx};
use souk_web::ApiError;
use souk_web::compress::{GZIP, MAX_BYTES, is_gzip, run_cpu_bound};

use crate::cache::single_flight::{Joined, Leader, Outcome};
use crate::cache::{CachedResponse, may_store, parts_of};
use crate::load_shedding::{Permit, Priority};
use crate::state::GatewayState;
use crate::upstream::canary::{self, Side};
use crate::upstream::routing::Target;

/// Bytes of the largest answer that is cached: what is larger streams through.
const MAX_BUFFERED: u64 = MAX_BYTES as u64;

/// Makes a new answer in the background; the old one is shown meanwhile.
pub(crate) fn refresh(gateway: &Arc<GatewayState>, key: &str) {
    let (_, path) = parts_of(key);
    let path = path.split('?').next().unwrap_or_default();
    let Target::Role(role, _) = gateway.upstreams.target(path) else { return };
    // No request waits for it: when there is too much to do, the old answer is good enough.
    let Ok(permit) = gateway.shedder.try_acquire(role, Priority::Explore) else { return };
    let Joined::Leader(leader) = gateway.renders.join(key) else { return };
    let gateway_too = gateway.clone();
    gateway.tasks.spawn("gateway.refresh", async move {
        if let Rendered::Failed(error) = render(&gateway_too, leader, permit, "refresh").await {
            error.log("refresh");
        }
    });
}

/// What a shared render comes to.
pub(crate) enum Rendered {
    /// Public, and stored.
    Shared(Arc<CachedResponse>),
    /// Its service does not say that it is public.
    Private(Response<Body>),
    Failed(ApiError),
}

/// Renders `leader`'s page and stores it if it is public. Nothing but the key goes into the request: no cookie and no header of the
/// visitor that happened to come first.
pub(crate) async fn render(gateway: &Arc<GatewayState>, leader: Leader, permit: Permit, request_id: &str) -> Rendered {
    let key: Box<str> = leader.key().into();
    let outcome = try_render(gateway, &key, permit, request_id).await;
    let shared = match &outcome {
        Ok(Rendered::Shared(entry)) => Outcome::Shared(entry.clone()),
        _ => Outcome::NotShared,
    };
    match &outcome {
        Ok(Rendered::Shared(_)) => gateway.hints.learn(&key, true),
        Ok(Rendered::Private(response)) if response.status().is_success() => gateway.hints.learn(&key, false),
        _ => {}
    }
    leader.finish(shared);
    outcome.unwrap_or_else(Rendered::Failed)
}

async fn try_render(
    gateway: &Arc<GatewayState>,
    key: &str,
    mut permit: Permit,
    request_id: &str,
) -> Result<Rendered, ApiError> {
    let (side, path) = parts_of(key);
    let uri: Uri = path.parse().map_err(Problem::internal)?;
    let Target::Role(role, upstream) = gateway.upstreams.target(uri.path()) else {
        return Err(Problem::not_found("resource").into());
    };
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    if let Some(host) = gateway.public_host.get() {
        request.headers_mut().insert(header::HOST, host.clone());
    }
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    request.headers_mut().insert(header::ACCEPT_ENCODING, GZIP);
    let cx = Cx::new(request_id, Actor::Anonymous).within(Duration::from_millis(gateway.config.limits.request_ms));
    let epoch = gateway.cache.begin();
    let canary = gateway.canaries.of(role).map(|canary| (canary, side));
    let response =
        canary::send(canary, upstream, &cx, None, request).await.inspect_err(|problem| permit.failed(problem))?;
    permit.answered(response.status());
    drop(permit);
    let (parts, body) = response.into_parts();
    let size = http_body::Body::size_hint(&body).exact();
    let (Some(policy), Some(..=MAX_BUFFERED)) = (may_store(parts.status, &parts.headers), size) else {
        return Ok(Rendered::Private(Response::from_parts(parts, body)));
    };
    let policy = if side == Side::Canary { policy.for_some_visitors() } else { policy };
    let body = body.collect().await.map_err(|error| Problem::unavailable("upstream_unavailable", error))?.to_bytes();
    let sent = parts.headers.clone();
    let to_pack = if is_gzip(&parts.headers) { 0 } else { body.len() };
    let entry = run_cpu_bound(to_pack, move || CachedResponse::new(&parts, &body, policy)).await??;
    let now = gateway.clock.now().as_microsecond();
    let entry = gateway.cache.store(key, epoch, now, policy, entry, &sent);
    gateway.metrics.cache(gateway.cache.stats());
    Ok(Rendered::Shared(entry))
}
