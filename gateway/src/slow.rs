//! The long way: who asks, may they, which role answers, and what becomes of its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use souk_kernel::{Kind, Problem};
use souk_rpc::header::{IDEMPOTENCY_KEY, REQUEST_ID};
use souk_rpc::{Actor, Cx};
use souk_web::{ApiError, csrf};

use crate::Upstream;
use crate::answer::Answer;
use crate::cache::{Entry, may_store};
use crate::compress;
use crate::fast::{Visit, refuse, want};
use crate::flight::{Boarded, Landed, Pilot, landing};
use crate::forward::{forward, read_body};
use crate::gateway::Inner;
use crate::headers::{strip_claims, strip_hop_by_hop, strip_internal};
use crate::limits;
use crate::position;
use crate::routing::Target;
use crate::server::end_connection;

/// Bytes of the largest answer that is cached or compressed: what is larger streams through.
const MAX_BUFFERED: u64 = 1024 * 1024;
/// Bytes above which compressing would hold up the other requests of this thread for a millisecond.
const MAX_INLINE_GZIP: usize = 64 * 1024;
/// Tries to board a flight whose page is purged again and again.
const MAX_FLIGHTS: usize = 3;
/// Characters of an idempotency key.
const IDEMPOTENCY_KEY_CHARS: std::ops::RangeInclusive<usize> = 1..=255;

/// Answers a request the long way.
pub(crate) async fn answer(gateway: Arc<Inner>, request: Request<Incoming>, visit: Visit) -> Response<Answer> {
    let started = Instant::now();
    // Two lengths in one head: hyper obeys the chunks, as it must; a proxy before us may have obeyed the other. So nothing
    // that follows a chunked body on this connection is taken for a request (RFC 9112, 6.1).
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let (method, uri, accept) = (request.method().clone(), request.uri().clone(), accept_of(request.headers()));
    let version = request.version();
    let mut response = match handle(&gateway, request, &visit).await {
        Ok(response) => response,
        Err(error) => refuse(&gateway, &error, &visit, &accept),
    };
    let (status, path, request_id) = (response.status().as_u16(), uri.path(), visit.id());
    if status >= 500 {
        gateway.meters.faults.increment(1);
    }
    let seconds = started.elapsed().as_secs_f64();
    gateway.meters.slow_seconds.record(seconds);
    if gateway.config.access_log {
        tracing::info!(request_id, client = %visit.client, %method, path, status, seconds, "request");
    } else {
        tracing::debug!(request_id, client = %visit.client, %method, path, status, seconds, "request");
    }
    end_connection(&gateway, version, &mut response);
    if chunked {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.headers_mut().insert(REQUEST_ID, visit.id);
    response
}

/// Makes a new answer in the background; the old one is shown meanwhile.
pub(crate) fn refresh(gateway: &Arc<Inner>, key: &str) {
    let Boarded::Pilot(pilot) = gateway.flights.board(key) else { return };
    let gateway_too = gateway.clone();
    gateway.tasks.spawn("gateway.refresh", async move {
        if let Rendered::Failed(error) = render(&gateway_too, pilot, "refresh").await {
            error.log("refresh");
        }
    });
}

/// Only what decides the form of an error survives the request.
fn accept_of(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    if let Some(accept) = headers.get(header::ACCEPT) {
        kept.insert(header::ACCEPT, accept.clone());
    }
    kept
}

async fn handle(gateway: &Arc<Inner>, request: Request<Incoming>, visit: &Visit) -> Result<Response<Answer>, ApiError> {
    let _place = Place::take(gateway)?;
    let head = *request.method() == Method::HEAD;
    let (role, upstream) = match gateway.upstreams.target(request.uri().path()) {
        Target::Role(role, upstream) => (role, upstream),
        Target::Document if *request.method() == Method::GET || head => {
            return Ok(gateway.document.answer(want(head, request.headers()), 0, &gateway.security));
        }
        Target::Document => {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            return Err(ApiError::transport(status, "method_not_allowed", "this resource is read only"));
        }
        Target::Nobody => return Err(Problem::not_found("resource").into()),
    };
    check_form(&request)?;
    if let Some(answer) = shared(gateway, &request, visit).await? {
        return Ok(answer);
    }
    personal(gateway, role, upstream, request, visit).await
}

fn check_form(request: &Request<Incoming>) -> Result<(), ApiError> {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if !known.contains(request.method()) {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Err(ApiError::transport(status, "method_not_allowed", "no resource knows that method"));
    }
    let path = request.uri().path().to_ascii_lowercase();
    let tricky = |part: &str| matches!(part.replace("%2e", ".").as_str(), "." | "..");
    if !path.starts_with('/') || path.contains("%00") || path.contains('\\') || path.split('/').any(tricky) {
        return Err(ApiError::transport(StatusCode::BAD_REQUEST, "bad_path", "this is no path"));
    }
    Ok(())
}

/// The answer that everybody gets, when there is one; none sends the visitor on by themselves.
async fn shared(
    gateway: &Arc<Inner>,
    request: &Request<Incoming>,
    visit: &Visit,
) -> Result<Option<Response<Answer>>, ApiError> {
    let Some(key) = &visit.key else { return Ok(None) };
    let recognised = request.headers().contains_key(header::COOKIE);
    match gateway.hints.is_public(key) {
        Some(false) => return Ok(None),
        None if recognised => return Ok(None),
        _ => {}
    }
    let want = want(*request.method() == Method::HEAD, request.headers());
    let answered = |entry: &Entry| {
        gateway.meters.rendered.increment(1);
        entry.answer(want, gateway.clock.now().as_microsecond(), &gateway.security)
    };
    for _ in 0..MAX_FLIGHTS {
        match gateway.flights.board(key) {
            Boarded::Passenger(waiting) => match landing(waiting).await {
                Landed::Entry(entry) if gateway.cache.valid(&entry) => return Ok(Some(answered(&entry))),
                // Purged while it was made: who came later gets what is true now.
                Landed::Entry(_) => {}
                Landed::Alone => return Ok(None),
            },
            Boarded::Pilot(pilot) => {
                let (gateway_too, id) = (gateway.clone(), visit.id().to_owned());
                let render = async move { render(&gateway_too, pilot, &id).await };
                return match gateway.tasks.run("gateway.render", render).await {
                    Ok(Rendered::Entry(entry)) => Ok(Some(answered(&entry))),
                    Ok(Rendered::Private(response))
                        if response.status().is_server_error() && visit.expired.is_some() =>
                    {
                        let broken = Problem::unavailable("upstream_failed", response.status());
                        last_resort(visit, broken.into()).map(|entry| Some(answered(&entry)))
                    }
                    // Made for nobody in particular, so it is right for a visitor we know nothing of; but not where a
                    // replica may have made it, and they may have written just now.
                    Ok(Rendered::Private(response)) if !recognised && gateway.positions.is_none() => {
                        Ok(Some(finish(gateway, response, request.method(), request.headers()).await?))
                    }
                    Ok(Rendered::Private(_)) => Ok(None),
                    Ok(Rendered::Failed(error)) => last_resort(visit, error).map(|entry| Some(answered(&entry))),
                    Err(_) => Err(Problem::internal("the render ended without an answer").into()),
                };
            }
        }
    }
    Ok(None)
}

/// An answer that is too old is better than none; one that was purged is not.
fn last_resort(visit: &Visit, error: ApiError) -> Result<Arc<Entry>, ApiError> {
    match &visit.expired {
        Some(entry) if error.problem().kind.is_fault() => {
            error.log(visit.id());
            Ok(entry.clone())
        }
        _ => Err(error),
    }
}

/// What a render for everybody came to.
enum Rendered {
    Entry(Arc<Entry>),
    Private(Response<Body>),
    Failed(ApiError),
}

/// Renders `pilot`'s page for nobody in particular and stores it if everybody may have it. Nothing but the name goes
/// into the request: no cookie, no header of whoever happened to come first.
async fn render(gateway: &Arc<Inner>, pilot: Pilot, request_id: &str) -> Rendered {
    let key: Box<str> = pilot.key().into();
    let outcome = try_render(gateway, &key, request_id).await;
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

async fn try_render(gateway: &Arc<Inner>, key: &str, request_id: &str) -> Result<Rendered, ApiError> {
    let uri: Uri = key.parse().map_err(Problem::internal)?;
    let Target::Role(_, upstream) = gateway.upstreams.target(uri.path()) else {
        return Err(Problem::not_found("resource").into());
    };
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    if let Some(host) = gateway.public_host.get() {
        request.headers_mut().insert(header::HOST, host.clone());
    }
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    let cx = Cx::new(request_id, Actor::Anonymous).within(Duration::from_millis(gateway.config.limits.request_ms));
    let epoch = gateway.cache.begin();
    let response = forward(upstream, &cx, None, request).await?;
    let (parts, body) = response.into_parts();
    let size = http_body::Body::size_hint(&body).exact();
    let (Some(policy), Some(..=MAX_BUFFERED)) = (may_store(&parts), size) else {
        return Ok(Rendered::Private(Response::from_parts(parts, body)));
    };
    let plain = body.collect().await.map_err(|error| Problem::unavailable("upstream_unavailable", error))?.to_bytes();
    let sent = parts.headers.clone();
    let entry = inline_or_aside(plain.len(), move || Entry::new(&parts, plain, policy)).await?;
    let now = gateway.clock.now().as_microsecond();
    let entry = gateway.cache.store(key, epoch, now, policy, entry, &sent);
    gateway.meters.cache(gateway.cache.stats());
    Ok(Rendered::Entry(entry))
}

/// Runs what takes CPU in proportion to `bytes` here or, when that is too long, on a thread for it.
async fn inline_or_aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    if bytes <= MAX_INLINE_GZIP {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
}

/// Forwards a request as what it is: of this visitor, with their body.
async fn personal(
    gateway: &Arc<Inner>,
    role: &'static str,
    upstream: &Upstream,
    request: Request<Incoming>,
    visit: &Visit,
) -> Result<Response<Answer>, ApiError> {
    gateway.meters.uncached.increment(1);
    limits::before_body(gateway, &request, visit)?;
    let (mut parts, body) = request.into_parts();
    if parts.version == Version::HTTP_2 {
        as_http1(&mut parts)?;
    }
    let limits = &gateway.config.limits;
    let checkout = limits::is_checkout(&parts.method, parts.uri.path());
    let budget = Duration::from_millis(if checkout { limits.checkout_ms } else { limits.request_ms });
    let body = match hyper::body::Body::is_end_stream(&body) {
        true => Bytes::new(),
        false => {
            let limit = limits::body_bytes(&gateway.config, parts.uri.path());
            read_body(body, limit, Duration::from_millis(limits.body_ms)).await?
        }
    };
    let mut cx = Cx::new(visit.id(), Actor::Anonymous).within(budget);
    if let Some(key) = parts.headers.get(IDEMPOTENCY_KEY) {
        cx = cx.with_key(idempotency_key(key)?);
    }
    let who = gateway.auth.who(&cx, &parts.headers, gateway.clock.now(), parts.method.is_safe()).await?;
    if who.by_cookie {
        csrf::check(&parts.method, &parts.uri, &parts.headers)?;
    }
    cx.actor = who.actor;
    let now = gateway.clock.now().as_microsecond();
    if let Some(positions) = &gateway.positions {
        cx.wrote(positions.asked(gateway.auth.cookies, &parts.method, &parts.headers, now));
    }
    let asked = cx.min_lsn();
    limits::after_body(gateway, &parts, &body, &cx, visit)?;
    strip_hop_by_hop(&mut parts.headers);
    strip_claims(&mut parts.headers);
    parts.headers.remove(IDEMPOTENCY_KEY);
    parts.headers.remove(position::HEADER);
    let seen = parts.headers.clone();
    // Compressing is our business: what a service sends must be fit for everybody's cache.
    parts.headers.remove(header::ACCEPT_ENCODING);
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let mut outgoing = Request::new(body);
    *outgoing.method_mut() = parts.method;
    *outgoing.uri_mut() = origin_form(parts.uri)?;
    *outgoing.headers_mut() = parts.headers;
    let mut response = forward(upstream, &cx, Some(visit.client), outgoing).await.inspect_err(|problem| {
        tracing::debug!(request_id = visit.id(), role, code = %problem.code, "forwarding failed");
    })?;
    if !method.is_safe() {
        gateway.auth.forget(&seen);
    }
    if visit.key.is_some() && response.status().is_success() {
        gateway.hints.learn(uri.path(), may_store_head(&response));
    }
    if let Some(positions) = &gateway.positions
        && cx.min_lsn() > asked
        && !may_store_head(&response)
    {
        positions.tell(gateway.auth.cookies, response.headers_mut(), cx.min_lsn(), now);
    }
    finish(gateway, response, &method, &seen).await
}

fn may_store_head(response: &Response<Body>) -> bool {
    let mut head = Response::new(());
    *head.status_mut() = response.status();
    *head.headers_mut() = response.headers().clone();
    may_store(&head.into_parts().0).is_some()
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

/// Makes a service's answer one of ours: compressed, guarded, without what is internal.
async fn finish(
    gateway: &Inner,
    response: Response<Body>,
    method: &Method,
    asked: &HeaderMap,
) -> Result<Response<Answer>, ApiError> {
    let (mut parts, mut body) = response.into_parts();
    strip_internal(&mut parts.headers);
    if parts.headers.contains_key(header::SET_COOKIE) {
        // A cookie is for one visitor, whatever the service says about the rest.
        parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    gateway.security.add(&mut parts.headers);
    let size = http_body::Body::size_hint(&body).exact().unwrap_or(u64::MAX);
    let text = compress::is_text(parts.headers.get(header::CONTENT_TYPE));
    let plain = !parts.headers.contains_key(header::CONTENT_ENCODING) && parts.status != StatusCode::PARTIAL_CONTENT;
    if text && plain {
        parts.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    let worth = (compress::MIN_BYTES as u64..=MAX_BUFFERED).contains(&size) && *method != Method::HEAD;
    if text && plain && worth && compress::accepts_gzip(asked.get(header::ACCEPT_ENCODING)) {
        let bytes =
            body.collect().await.map_err(|error| Problem::unavailable("upstream_unavailable", error))?.to_bytes();
        let packed = inline_or_aside(bytes.len(), move || compress::gzip(&bytes)).await?;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        body = Body::from(packed);
    }
    Ok(Response::from_parts(parts, Answer::Stream(body)))
}

/// A place among the requests under way.
struct Place<'g>(&'g AtomicUsize);

impl<'g> Place<'g> {
    fn take(gateway: &'g Inner) -> Result<Self, ApiError> {
        let before = gateway.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Self(&gateway.in_flight);
        if before < gateway.config.limits.in_flight {
            return Ok(place);
        }
        let problem = Problem::new(Kind::Unavailable, "overloaded", "too busy right now, please try again");
        Err(problem.with_retry_after(Duration::from_secs(1)).into())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
