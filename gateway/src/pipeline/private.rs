//! Private answer: authenticates one visitor, checks and forwards their request, and makes the service's answer one of ours.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use souk_rpc::header::IDEMPOTENCY_KEY;
use souk_rpc::{Actor, Cx};
use souk_web::compress::{GZIP, accepts_gzip};
use souk_web::{ApiError, csrf};

use crate::auth::read_your_writes;
use crate::cache::may_store;
use crate::load_shedding::Priority;
use crate::request::card_numbers;
use crate::request::classify;
use crate::request::context::RequestContext;
use crate::request::normalize::{as_http1, origin_form};
use crate::response::body::ResponseBody;
use crate::response::from_service::from_service;
use crate::response::headers::{strip_claims, strip_hop_by_hop};
use crate::state::GatewayState;
use crate::upstream::canary::{self, Cohort, Side};
use crate::upstream::routing::Upstream;

/// Characters of an idempotency key.
const IDEMPOTENCY_KEY_CHARS: std::ops::RangeInclusive<usize> = 1..=255;

/// Forwards a request as what it is: of this visitor, with their body.
pub(super) async fn answer(
    gateway: &Arc<GatewayState>,
    role: &'static str,
    upstream: &Upstream,
    request: Request<Incoming>,
    context: &mut RequestContext,
) -> Result<Response<ResponseBody>, ApiError> {
    gateway.metrics.uncached.increment(1);
    gateway.rate_limits(context).before_body(&request)?;
    let (mut parts, body) = request.into_parts();
    if parts.version == Version::HTTP_2 {
        as_http1(&mut parts)?;
    }
    let body = body_of(gateway, &parts, body).await?;
    card_numbers::check_body(&parts.headers, &body)?;
    // Only now: a permit is for what a role has to do, not for a client that is slow to send its body.
    let priority = Priority::of(&parts.method, parts.uri.path(), &parts.headers, gateway.auth.cookies);
    let mut permit = gateway.shedder.try_acquire(role, priority)?;
    let cx = caller(gateway, &parts, context).await.inspect_err(|error| permit.failed(error.problem()))?;
    let asked = cx.min_lsn();
    gateway.rate_limits(context).after_body(&parts, &body, &cx)?;
    let canary = gateway.canaries.of(role);
    if let (Some(canary), Some(customer)) = (canary, cx.actor.customer())
        && parts.headers.contains_key(header::AUTHORIZATION)
    {
        context.side = canary.side(&parts.headers, Cohort::of_customer(customer));
    }
    strip_hop_by_hop(&mut parts.headers);
    strip_claims(&mut parts.headers);
    parts.headers.remove(IDEMPOTENCY_KEY);
    parts.headers.remove(read_your_writes::HEADER);
    let seen = parts.headers.clone();
    // A service knows one form beside the plain one.
    match accepts_gzip(parts.headers.get(header::ACCEPT_ENCODING)) {
        true => drop(parts.headers.insert(header::ACCEPT_ENCODING, GZIP)),
        false => drop(parts.headers.remove(header::ACCEPT_ENCODING)),
    }
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let mut outgoing = Request::new(body);
    *outgoing.method_mut() = parts.method;
    *outgoing.uri_mut() = origin_form(parts.uri)?;
    *outgoing.headers_mut() = parts.headers;
    let canary = canary.map(|canary| (canary, context.side));
    let sent = canary::send(canary, upstream, &cx, Some(context.client), outgoing).await;
    let mut response = sent.inspect_err(|problem| {
        permit.failed(problem);
        tracing::debug!(request_id = context.id(), role, code = %problem.code, "forwarding failed");
    })?;
    permit.answered(response.status());
    drop(permit);
    if !method.is_safe() {
        gateway.auth.forget(&seen);
    }
    let matters = context.key.is_some() || gateway.positions.is_some() || !gateway.canaries.is_empty();
    let public = matters && may_store(response.status(), response.headers()).is_some();
    if context.key.is_some() && response.status().is_success() {
        gateway.hints.learn(uri.path(), public);
    }
    if public && context.side == Side::Canary {
        // For the canary's visitors: no cache beyond us may show it to the others.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    } else if !public {
        set_response_cookies(gateway, &cx, asked, context, &seen, response.headers_mut());
    }
    from_service(response, &seen, &gateway.security).await
}

async fn body_of(gateway: &GatewayState, parts: &Parts, body: Incoming) -> Result<Bytes, ApiError> {
    if hyper::body::Body::is_end_stream(&body) {
        return Ok(Bytes::new());
    }
    let limit = gateway.config.body_bytes(parts.uri.path());
    gateway.bodies.read(body, limit, Duration::from_millis(gateway.config.limits.body_ms)).await
}

/// Who asks, until when, and from where on they must see the database.
async fn caller(gateway: &GatewayState, parts: &Parts, context: &RequestContext) -> Result<Cx, ApiError> {
    let limits = &gateway.config.limits;
    let checkout = classify::is_checkout(&parts.method, parts.uri.path());
    let budget = Duration::from_millis(if checkout { limits.checkout_ms } else { limits.request_ms });
    let mut cx = Cx::new(context.id(), Actor::Anonymous).within(budget);
    if let Some(key) = parts.headers.get(IDEMPOTENCY_KEY) {
        cx = cx.with_key(idempotency_key(key)?);
    }
    let now = gateway.clock.now();
    let who = gateway.auth.who(&cx, &parts.headers, now, parts.method.is_safe()).await?;
    if who.by_cookie {
        csrf::check(&parts.method, &parts.uri, &parts.headers)?;
    }
    cx.actor = who.actor;
    cx.client = Some(context.client);
    if let Some(positions) = &gateway.positions {
        cx.wrote(positions.required(gateway.auth.cookies, &parts.method, &parts.headers, now.as_microsecond()));
    }
    Ok(cx)
}

/// Sets what a visitor is to bring back: the position of their writes, and their cohort.
fn set_response_cookies(
    gateway: &GatewayState,
    cx: &Cx,
    asked: u64,
    context: &RequestContext,
    seen: &HeaderMap,
    headers: &mut HeaderMap,
) {
    let cookies = gateway.auth.cookies;
    if let Some(positions) = &gateway.positions
        && cx.min_lsn() > asked
    {
        positions.set(cookies, headers, cx.min_lsn(), gateway.clock.now().as_microsecond());
    }
    set_cohort_cookie(gateway, context, seen, headers);
}

/// Gives a browser its cohort's cookie, where there is a canary. Browsers ask for pages; programs would not bring a cookie back.
pub(super) fn set_cohort_cookie(
    gateway: &GatewayState,
    context: &RequestContext,
    seen: &HeaderMap,
    headers: &mut HeaderMap,
) {
    let cookies = gateway.auth.cookies;
    let accept = seen.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let browser = accept.contains("text/html") && !seen.contains_key(header::AUTHORIZATION);
    if browser && !gateway.canaries.is_empty() && Cohort::from_cookie(cookies, seen).is_none() {
        headers.append(header::SET_COOKIE, Cohort::from_client(context.client, seen).set_cookie(cookies));
    }
}

fn idempotency_key(value: &HeaderValue) -> Result<Arc<str>, ApiError> {
    let text = value.to_str().unwrap_or_default();
    if IDEMPOTENCY_KEY_CHARS.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(text.into());
    }
    let detail = "an Idempotency-Key has 1 to 255 visible ASCII characters";
    Err(ApiError::transport(StatusCode::BAD_REQUEST, "invalid_idempotency_key", detail))
}
