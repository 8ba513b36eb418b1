//! The way of a request that needs nobody else: limits, throttle, and the page cache. No await, no box, no log line.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use souk_kernel::{Kind, Problem, pan};
use souk_rpc::header::REQUEST_ID;
use souk_web::compress::accepts_gzip;
use souk_web::{ApiError, SESSION_COOKIE, is_request_id};

use crate::address::subscriber;
use crate::answer::{self, Answer};
use crate::cache::{Entry, Found, Want, cache_key, of_canary};
use crate::canary::{Canary, Lot, Side};
use crate::classify::{self, Asks};
use crate::gateway::Inner;
use crate::render;
use crate::throttle::{Bucket, Refused, Rule, Standing};
use crate::{By, allowance};

/// The other end of a connection.
pub(crate) struct Peer {
    address: IpAddr,
    /// Speaks for others: the address of each request is in its headers.
    proxy: bool,
    bucket: Option<Bucket>,
}

impl Peer {
    pub(crate) fn new(gateway: &Inner, address: IpAddr) -> Self {
        let proxy = gateway.proxies.trusts(address);
        let bucket = if proxy { None } else { gateway.throttle.bucket(Rule::Address, subscriber(address)) };
        Self { address, proxy, bucket }
    }
}

/// What was found out about a request that goes the long way.
pub(crate) struct Visit {
    pub(crate) id: HeaderValue,
    pub(crate) client: IpAddr,
    /// Microseconds since 1970.
    pub(crate) now: i64,
    /// Name of a read that everybody may share.
    pub(crate) key: Option<Box<str>>,
    /// An answer that is too old, for when there is no newer one.
    pub(crate) expired: Option<Arc<Entry>>,
    /// The allowance that has least left of those this request took from.
    pub(crate) standing: Option<Standing>,
    /// Where a canary is: which version this visitor gets.
    pub(crate) side: Side,
}

impl Visit {
    /// The request's id as text.
    pub(crate) fn id(&self) -> &str {
        self.id.to_str().unwrap_or("-")
    }

    /// Keeps in mind what is left of an allowance.
    pub(crate) fn stands(&mut self, standing: Option<Standing>) {
        let Some(new) = standing else { return };
        let left = |of: &Standing| f64::from(of.remaining) / f64::from(of.rate.burst.max(1));
        if self.standing.as_ref().is_none_or(|old| left(&new) < left(old)) {
            self.standing = Some(new);
        }
    }
}

pub(crate) enum Fast {
    Done(Response<Answer>),
    Slow(Visit),
}

/// Answers at once when that is possible.
pub(crate) fn answer(gateway: &Arc<Inner>, peer: &Peer, request: &Request<Incoming>) -> Fast {
    let headers = request.headers();
    let now = gateway.clock.now().as_microsecond();
    let client = if peer.proxy { gateway.proxies.client(peer.address, headers) } else { peer.address };
    let (id, side) = (request_id(gateway, headers), Side::Stable);
    let mut visit = Visit { id, client, now, key: None, expired: None, standing: None, side };
    if let Err(error) = admit(gateway, peer, request, &mut visit) {
        return Fast::Done(refuse(gateway, &error, &visit, headers));
    }
    let canary = gateway.canaries.at(&gateway.upstreams, request.uri().path());
    if let Some(canary) = canary {
        visit.side = side_of(gateway, canary, headers, client);
    }
    let head = *request.method() == Method::HEAD;
    let shared = (head || *request.method() == Method::GET)
        && !headers.contains_key(header::AUTHORIZATION)
        && !headers.contains_key(header::RANGE)
        && request.body().is_end_stream();
    let Some(mut key) = shared.then(|| cache_key(request.uri(), &gateway.parameters)).flatten() else {
        return Fast::Slow(visit);
    };
    if let (Some(canary), Side::Canary) = (canary, visit.side) {
        if canary.fit() {
            key = of_canary(&key).into();
        } else {
            canary.fell_back();
            visit.side = Side::Stable;
        }
    }
    let entry = match gateway.cache.find(&key, now) {
        Found::Fresh(entry) => {
            gateway.meters.hit.increment(1);
            entry
        }
        Found::Stale(entry, refresh) => {
            gateway.meters.stale.increment(1);
            if refresh {
                render::refresh(gateway, &key);
            }
            entry
        }
        Found::Expired(entry) => {
            (visit.key, visit.expired) = (Some(key.into()), Some(entry));
            return Fast::Slow(visit);
        }
        Found::Nothing => {
            visit.key = Some(key.into());
            return Fast::Slow(visit);
        }
    };
    let mut response = entry.answer(want(head, headers), now, &gateway.security);
    if gateway.config.access_log {
        let (path, status) = (request.uri().path(), response.status().as_u16());
        tracing::info!(request_id = visit.id(), %client, path, status, way = "cache", "request");
    }
    response.headers_mut().insert(REQUEST_ID, visit.id);
    Fast::Done(response)
}

/// What a client wants of a stored answer.
pub(crate) fn want(head: bool, headers: &HeaderMap) -> Want<'_> {
    let gzip = accepts_gzip(headers.get(header::ACCEPT_ENCODING));
    Want { head, gzip, if_none_match: headers.get(header::IF_NONE_MATCH) }
}

/// An error as an answer, with everything every answer has.
pub(crate) fn refuse(gateway: &Inner, error: &ApiError, visit: &Visit, headers: &HeaderMap) -> Response<Answer> {
    let mut response = answer::problem(error, visit.id(), headers);
    gateway.security.add(response.headers_mut());
    if matches!(error.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
        // The rest of the body is not read: whatever follows on this connection is not a request.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if error.status() == StatusCode::TOO_MANY_REQUESTS {
        allowance::show(visit.standing.as_ref(), response.headers_mut());
    }
    response.headers_mut().insert(REQUEST_ID, visit.id.clone());
    response
}

/// Takes from an allowance what was found out about it, or makes the 429 that says when to come back.
pub(crate) fn settle(
    gateway: &Inner,
    visit: &mut Visit,
    taken: Result<Option<Standing>, Refused>,
) -> Result<(), ApiError> {
    match taken {
        Ok(standing) => {
            visit.stands(standing);
            Ok(())
        }
        Err(Refused(standing)) => {
            visit.standing = Some(standing);
            gateway.meters.throttled.increment(1);
            gateway.meters.refused(standing.rule);
            let problem = Problem::new(Kind::RateLimited, "too_many_requests", "too many requests, please slow down");
            Err(problem.with_retry_after(std::time::Duration::from_secs(standing.reset)).into())
        }
    }
}

fn side_of(gateway: &Inner, canary: &Canary, headers: &HeaderMap, client: IpAddr) -> Side {
    let lot = Lot::told(gateway.auth.cookies, headers).unwrap_or_else(|| Lot::drawn(client, headers));
    canary.side(headers, lot)
}

fn request_id(gateway: &Inner, headers: &HeaderMap) -> HeaderValue {
    if let Some(given) = headers.get(REQUEST_ID)
        && given.to_str().is_ok_and(|id| is_request_id(id) && !pan::holds(id))
    {
        return given.clone();
    }
    HeaderValue::from_bytes(&gateway.ids.next()).expect("hexadecimal digits are a header value")
}

/// HTTP/1.1 names the host in a header, HTTP/2 in the address; two that differ are an attack (RFC 9113, 8.3.1).
fn names_one_host(request: &Request<Incoming>) -> bool {
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let mut named = request.headers().get_all(header::HOST).iter().map(HeaderValue::as_bytes).chain(authority);
    if !named.all(is_host) {
        return false;
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (request.version(), hosts.next()) {
        (Version::HTTP_2, None) => request.uri().authority().is_some(),
        (Version::HTTP_2, Some(host)) => {
            let named = request.uri().authority().map(|authority| authority.as_str().as_bytes());
            hosts.next().is_none() && named.is_none_or(|named| named == host.as_bytes())
        }
        (version, None) => version < Version::HTTP_11,
        (_, Some(_)) => hosts.next().is_none(),
    }
}

/// A name or an address, with or without a port (RFC 9110, 7.2): no user, no blank, nothing that only some parsers read.
fn is_host(host: &[u8]) -> bool {
    let (name, port) = match host.iter().rposition(|byte| *byte == b':') {
        Some(at) if !host[at..].contains(&b']') => (&host[..at], &host[at + 1..]),
        _ => (host, &b""[..]),
    };
    let literal = name.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let fits = match literal {
        Some(address) => address.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte)),
        None => name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte)),
    };
    fits && !name.is_empty() && port.iter().all(u8::is_ascii_digit)
}

fn admit(gateway: &Inner, peer: &Peer, request: &Request<Incoming>, visit: &mut Visit) -> Result<(), ApiError> {
    let taken = match &peer.bucket {
        Some(bucket) => gateway.throttle.take(Rule::Address, bucket, visit.now),
        None if peer.proxy => gateway.throttle.check(Rule::Address, subscriber(visit.client), visit.now),
        None => Ok(None),
    };
    settle(gateway, visit, taken)?;
    let (uri, headers) = (request.uri(), request.headers());
    if uri.path().len() + uri.query().map_or(0, str::len) > gateway.config.limits.uri_bytes {
        return Err(ApiError::transport(StatusCode::URI_TOO_LONG, "uri_too_long", "the address is too long"));
    }
    if !names_one_host(request) {
        return Err(ApiError::transport(StatusCode::BAD_REQUEST, "bad_host", "a request names one host"));
    }
    let path = classify::decoded(uri.path());
    if Asks::of(request.method(), &path) == Asks::Search {
        search(gateway, headers, visit)?;
    }
    for route in gateway.throttle.routes.of(request.method(), &path) {
        let taken = match route.by {
            By::Address => {
                gateway.throttle.check(Rule::Route(route.at), (route.id, subscriber(visit.client)), visit.now)
            }
            By::All => gateway.throttle.check(Rule::Route(route.at), (route.id, "all"), visit.now),
            // Who it is shows later.
            By::User | By::Token | By::Owner => continue,
        };
        settle(gateway, visit, taken)?;
    }
    Ok(())
}

/// Searches take from the allowance of the address whatever they bring, since sessions and tokens can be made up; and from that
/// of the session or token that they bring.
fn search(gateway: &Inner, headers: &HeaderMap, visit: &mut Visit) -> Result<(), ApiError> {
    let taken = gateway.throttle.check(Rule::SearchAddress, subscriber(visit.client), visit.now);
    settle(gateway, visit, taken)?;
    let token = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let session = || gateway.auth.cookies.read(headers, SESSION_COOKIE).map(str::as_bytes);
    let Some(subject) = token.or_else(session) else { return Ok(()) };
    let taken = gateway.throttle.check(Rule::Search, subject, visit.now);
    settle(gateway, visit, taken)
}
