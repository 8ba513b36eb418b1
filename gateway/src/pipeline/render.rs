//! Answers for everybody: made for nobody in particular, and kept in the page cache if their service says so.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt;
use souk_kernel::Problem;
use souk_rpc::{Actor, Cx};
use souk_web::ApiError;
use souk_web::compress::{GZIP, MAX_BYTES, inline_or_aside, is_gzip};

use crate::cache::{Entry, may_store, parts_of};
use crate::canary::{self, Side};
use crate::flight::{Boarded, Landed, Pilot};
use crate::gateway::Inner;
use crate::routing::Target;
use crate::shed::{Class, Place};

/// Bytes of the largest answer that is cached: what is larger streams through.
const MAX_BUFFERED: u64 = MAX_BYTES as u64;

/// Makes a new answer in the background; the old one is shown meanwhile.
pub(crate) fn refresh(gateway: &Arc<Inner>, key: &str) {
    let (_, path) = parts_of(key);
    let path = path.split('?').next().unwrap_or_default();
    let Target::Role(role, _) = gateway.upstreams.target(path) else { return };
    // Nobody waits for it: when there is too much to do, the old answer does.
    let Ok(place) = gateway.shed.take(role, Class::Explore) else { return };
    let Boarded::Pilot(pilot) = gateway.flights.board(key) else { return };
    let gateway_too = gateway.clone();
    gateway.tasks.spawn("gateway.refresh", async move {
        if let Rendered::Failed(error) = render(&gateway_too, pilot, place, "refresh").await {
            error.log("refresh");
        }
    });
}

/// What a render for everybody came to.
pub(crate) enum Rendered {
    Entry(Arc<Entry>),
    Private(Response<Body>),
    Failed(ApiError),
}

/// Renders `pilot`'s page for nobody in particular and stores it if everybody may have it. Nothing but the name goes
/// into the request: no cookie, no header of whoever happened to come first.
pub(crate) async fn render(gateway: &Arc<Inner>, pilot: Pilot, place: Place, request_id: &str) -> Rendered {
    let key: Box<str> = pilot.key().into();
    let outcome = try_render(gateway, &key, place, request_id).await;
    let landed = match &outcome {
        Ok(Rendered::Entry(entry)) => Landed::Entry(entry.clone()),
        _ => Landed::Alone,
    };
    match &outcome {
        Ok(Rendered::Entry(_)) => gateway.hints.learn(&key, true),
        Ok(Rendered::Private(response)) if response.status().is_success() => gateway.hints.learn(&key, false),
        _ => {}
    }
    pilot.land(landed);
    outcome.unwrap_or_else(Rendered::Failed)
}

async fn try_render(gateway: &Arc<Inner>, key: &str, mut place: Place, request_id: &str) -> Result<Rendered, ApiError> {
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
        canary::send(canary, upstream, &cx, None, request).await.inspect_err(|problem| place.failed(problem))?;
    place.answered(response.status());
    drop(place);
    let (parts, body) = response.into_parts();
    let size = http_body::Body::size_hint(&body).exact();
    let (Some(policy), Some(..=MAX_BUFFERED)) = (may_store(parts.status, &parts.headers), size) else {
        return Ok(Rendered::Private(Response::from_parts(parts, body)));
    };
    let policy = if side == Side::Canary { policy.for_some() } else { policy };
    let body = body.collect().await.map_err(|error| Problem::unavailable("upstream_unavailable", error))?.to_bytes();
    let sent = parts.headers.clone();
    let to_pack = if is_gzip(&parts.headers) { 0 } else { body.len() };
    let entry = inline_or_aside(to_pack, move || Entry::new(&parts, &body, policy)).await??;
    let now = gateway.clock.now().as_microsecond();
    let entry = gateway.cache.store(key, epoch, now, policy, entry, &sent);
    gateway.meters.cache(gateway.cache.stats());
    Ok(Rendered::Entry(entry))
}
