//! Admission and page-cache look-up: rate limits, validation, canary, and the response if the page cache has it. It neither awaits
//! nor boxes, and writes a log line only for the access log.

use std::sync::Arc;

use http::{Method, Request, Response, header};
use http_body::Body as _;
use hyper::body::Incoming;
use souk_rpc::header::REQUEST_ID;
use souk_web::ApiError;

use super::render;
use crate::cache::{Found, Want, cache_key, of_canary};
use crate::request::context::{Peer, RequestContext, request_id};
use crate::request::{form, trace};
use crate::response::body::ResponseBody;
use crate::response::close::end_connection;
use crate::response::error::refuse;
use crate::state::GatewayState;
use crate::upstream::canary::{Cohort, Side};

/// What the first stage of the pipeline comes to.
pub(crate) enum Admission {
    /// The request is answered.
    Answered(Response<ResponseBody>),
    /// It goes on, with what was found out about it.
    Uncached(RequestContext),
}

/// Answers at once when that is possible.
pub(crate) fn answer(gateway: &Arc<GatewayState>, peer: &Peer, request: &Request<Incoming>) -> Admission {
    let mut span = trace::begin(request, gateway.config.https);
    let _here = souk_trace::enter(span.trace());
    let mut admission = admit_and_look_up(gateway, peer, request);
    if let Admission::Answered(response) = &mut admission {
        trace::end(&mut span, request.uri(), response.status());
        end_connection(&gateway.tasks, request.version(), response);
        if let Some(cors) = &gateway.cors {
            cors.add(request.uri().path(), request.headers(), response.headers_mut());
        }
    }
    if let Admission::Uncached(context) = &mut admission {
        context.span = span;
    }
    admission
}

fn admit_and_look_up(gateway: &Arc<GatewayState>, peer: &Peer, request: &Request<Incoming>) -> Admission {
    let headers = request.headers();
    let now = gateway.clock.now().as_microsecond();
    let client = peer.client(&gateway.proxies, headers);
    let mut context = RequestContext::new(request_id(&gateway.ids, headers), client, now);
    if let Err(error) = admit(gateway, peer, request, &mut context) {
        return Admission::Answered(refuse(&error, &context, headers, &gateway.security));
    }
    let canary = gateway.canaries.at(&gateway.upstreams, request.uri().path());
    if let Some(canary) = canary {
        let cohort = Cohort::from_cookie(gateway.auth.cookies, headers);
        context.side = canary.side(headers, cohort.unwrap_or_else(|| Cohort::from_client(client, headers)));
    }
    let head = *request.method() == Method::HEAD;
    let shared = (head || *request.method() == Method::GET)
        && !headers.contains_key(header::AUTHORIZATION)
        && !headers.contains_key(header::RANGE)
        && request.body().is_end_stream();
    let Some(mut key) = shared.then(|| cache_key(request.uri(), &gateway.parameters)).flatten() else {
        return Admission::Uncached(context);
    };
    if let (Some(canary), Side::Canary) = (canary, context.side) {
        if canary.fit() {
            key = of_canary(&key).into();
        } else {
            canary.fell_back();
            context.side = Side::Stable;
        }
    }
    let entry = match gateway.cache.find(&key, now) {
        Found::Fresh(entry) => {
            gateway.metrics.hit.increment(1);
            entry
        }
        Found::Stale(entry, refresh) => {
            gateway.metrics.stale.increment(1);
            if refresh {
                render::refresh(gateway, &key);
            }
            entry
        }
        Found::Expired(entry) => {
            (context.key, context.expired) = (Some(key.into()), Some(entry));
            return Admission::Uncached(context);
        }
        Found::Nothing => {
            context.key = Some(key.into());
            return Admission::Uncached(context);
        }
    };
    let mut response = entry.answer(Want::of(head, headers), now, &gateway.security);
    if gateway.config.access_log {
        let (path, status) = (request.uri().path(), response.status().as_u16());
        tracing::info!(request_id = context.id(), %client, path, status, way = "cache", "request");
    }
    response.headers_mut().insert(REQUEST_ID, context.id);
    Admission::Answered(response)
}

fn admit(
    gateway: &GatewayState,
    peer: &Peer,
    request: &Request<Incoming>,
    context: &mut RequestContext,
) -> Result<(), ApiError> {
    let mut limits = gateway.rate_limits(context);
    limits.address(peer.bucket.as_ref(), peer.is_proxy)?;
    form::check_target(request, gateway.config.limits.uri_bytes)?;
    limits.before_cache(request.method(), request.uri().path(), request.headers())
}
