//! Requests of one visitor: who asks, may they, which role answers, and what becomes of its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use hyper::body::Incoming;
use souk_kernel::Problem;
use souk_rpc::header::IDEMPOTENCY_KEY;
use souk_rpc::{Actor, Cx};
use souk_web::compress::{GZIP, accepts_gzip, suit};
use souk_web::{ApiError, csrf};

use crate::Upstream;
use crate::answer::Answer;
use crate::cache::may_store;
use crate::canary::{self, Lot, Side};
use crate::cards;
use crate::fast::Visit;
use crate::gateway::Inner;
use crate::headers::{strip_claims, strip_hop_by_hop, strip_internal};
use crate::limits;
use crate::methods;
use crate::position;
use crate::shed::Class;

/// Characters of an idempotency key.
const IDEMPOTENCY_KEY_CHARS: std::ops::RangeInclusive<usize> = 1..=255;

/// Forwards a request as what it is: of this visitor, with their body.
pub(crate) async fn personal(
    gateway: &Arc<Inner>,
    role: &'static str,
    upstream: &Upstream,
    request: Request<Incoming>,
    visit: &mut Visit,
) -> Result<Response<Answer>, ApiError> {
    gateway.meters.uncached.increment(1);
    limits::before_body(gateway, &request, visit)?;
    let (mut parts, body) = request.into_parts();
    if parts.version == Version::HTTP_2 {
        as_http1(&mut parts)?;
    }
    let body = body_of(gateway, &parts, body).await?;
    cards::check_body(&parts.headers, &body)?;
    // Only now: a place is for what a role has to do, not for who is slow to say what it is.
    let class = Class::of(&parts.method, parts.uri.path(), &parts.headers, gateway.auth.cookies);
    let mut place = gateway.shed.take(role, class)?;
    let cx = context(gateway, &parts, visit).await.inspect_err(|error| place.failed(error.problem()))?;
    let asked = cx.min_lsn();
    limits::after_body(gateway, &parts, &body, &cx, visit)?;
    let canary = gateway.canaries.of(role);
    if let (Some(canary), Some(customer)) = (canary, cx.actor.customer())
        && parts.headers.contains_key(header::AUTHORIZATION)
    {
        visit.side = canary.side(&parts.headers, Lot::of_customer(customer));
    }
    strip_hop_by_hop(&mut parts.headers);
    strip_claims(&mut parts.headers);
    parts.headers.remove(IDEMPOTENCY_KEY);
    parts.headers.remove(position::HEADER);
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
    let canary = canary.map(|canary| (canary, visit.side));
    let sent = canary::send(canary, upstream, &cx, Some(visit.client), outgoing).await;
    let mut response = sent.inspect_err(|problem| {
        place.failed(problem);
        tracing::debug!(request_id = visit.id(), role, code = %problem.code, "forwarding failed");
    })?;
    place.answered(response.status());
    drop(place);
    if !method.is_safe() {
        gateway.auth.forget(&seen);
    }
    let matters = visit.key.is_some() || gateway.positions.is_some() || !gateway.canaries.is_empty();
    let public = matters && may_store(response.status(), response.headers()).is_some();
    if visit.key.is_some() && response.status().is_success() {
        gateway.hints.learn(uri.path(), public);
    }
    if public && visit.side == Side::Canary {
        // For some visitors: no cache beyond us may show it to the others.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    } else if !public {
        tell(gateway, &cx, asked, visit, &seen, response.headers_mut());
    }
    finish(gateway, response, &seen).await
}

async fn body_of(gateway: &Inner, parts: &Parts, body: Incoming) -> Result<Bytes, ApiError> {
    if hyper::body::Body::is_end_stream(&body) {
        return Ok(Bytes::new());
    }
    let limit = limits::body_bytes(&gateway.config, parts.uri.path());
    gateway.bodies.read(body, limit, Duration::from_millis(gateway.config.limits.body_ms)).await
}

/// Who asks, until when, and from where on they must see the database.
async fn context(gateway: &Inner, parts: &Parts, visit: &Visit) -> Result<Cx, ApiError> {
    let limits = &gateway.config.limits;
    let checkout = limits::is_checkout(&parts.method, parts.uri.path());
    let budget = Duration::from_millis(if checkout { limits.checkout_ms } else { limits.request_ms });
    let mut cx = Cx::new(visit.id(), Actor::Anonymous).within(budget);
    if let Some(key) = parts.headers.get(IDEMPOTENCY_KEY) {
        cx = cx.with_key(idempotency_key(key)?);
    }
    let now = gateway.clock.now();
    let who = gateway.auth.who(&cx, &parts.headers, now, parts.method.is_safe()).await?;
    if who.by_cookie {
        csrf::check(&parts.method, &parts.uri, &parts.headers)?;
    }
    cx.actor = who.actor;
    cx.client = Some(visit.client);
    if let Some(positions) = &gateway.positions {
        cx.wrote(positions.asked(gateway.auth.cookies, &parts.method, &parts.headers, now.as_microsecond()));
    }
    Ok(cx)
}

/// What a visitor is to bring back: where their writes are, and their lot.
fn tell(gateway: &Inner, cx: &Cx, asked: u64, visit: &Visit, seen: &HeaderMap, headers: &mut HeaderMap) {
    let cookies = gateway.auth.cookies;
    if let Some(positions) = &gateway.positions
        && cx.min_lsn() > asked
    {
        positions.tell(cookies, headers, cx.min_lsn(), gateway.clock.now().as_microsecond());
    }
    tell_lot(gateway, visit, seen, headers);
}

/// Tells a browser its lot, when there is something to draw lots for. Browsers ask for pages; programs would not bring a
/// cookie back.
pub(crate) fn tell_lot(gateway: &Inner, visit: &Visit, seen: &HeaderMap, headers: &mut HeaderMap) {
    let cookies = gateway.auth.cookies;
    let accept = seen.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let browser = accept.contains("text/html") && !seen.contains_key(header::AUTHORIZATION);
    if browser && !gateway.canaries.is_empty() && Lot::told(cookies, seen).is_none() {
        headers.append(header::SET_COOKIE, Lot::drawn(visit.client, seen).tell(cookies));
    }
}

/// Gives a request the form that services know: the host in a header, all cookies in one (RFC 9113, 8.2.3 and 8.3.1).
fn as_http1(parts: &mut Parts) -> Result<(), ApiError> {
    if let Some(authority) = parts.uri.authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(Problem::internal)?;
        parts.headers.insert(header::HOST, host);
    }
    if parts.headers.get_all(header::COOKIE).iter().count() > 1 {
        let all: Vec<&[u8]> = parts.headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
        let joined = HeaderValue::from_bytes(&all.join(&b"; "[..])).map_err(Problem::internal)?;
        parts.headers.insert(header::COOKIE, joined);
    }
    Ok(())
}

/// Path and query alone: services never see under which name they were called.
fn origin_form(uri: Uri) -> Result<Uri, ApiError> {
    if uri.authority().is_none() {
        return Ok(uri);
    }
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    Ok(path.parse().map_err(Problem::internal)?)
}

fn idempotency_key(value: &HeaderValue) -> Result<Arc<str>, ApiError> {
    let text = value.to_str().unwrap_or_default();
    if IDEMPOTENCY_KEY_CHARS.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(text.into());
    }
    let detail = "an Idempotency-Key has 1 to 255 visible ASCII characters";
    Err(ApiError::transport(StatusCode::BAD_REQUEST, "invalid_idempotency_key", detail))
}

/// Makes a service's answer one of ours: in the form that was asked for, guarded, without what is internal.
pub(crate) async fn finish(
    gateway: &Inner,
    mut response: Response<Body>,
    asked: &HeaderMap,
) -> Result<Response<Answer>, ApiError> {
    strip_internal(response.headers_mut());
    methods::complete(response.headers_mut());
    if response.headers().contains_key(header::SET_COOKIE) {
        // A cookie is for one visitor, whatever the service says about the rest.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    gateway.security.add(response.headers_mut());
    let response = suit(response, accepts_gzip(asked.get(header::ACCEPT_ENCODING))).await?;
    Ok(response.map(Answer::Stream))
}
