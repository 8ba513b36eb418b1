//! Cache miss: a shared answer where there can be one (`render.rs`), else a private one for this visitor (`private.rs`).

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use hyper::body::Incoming;
use souk_kernel::Problem;
use souk_rpc::header::REQUEST_ID;
use souk_web::ApiError;

use super::options;
use super::private::{self, set_cohort_cookie};
use super::render::{Rendered, render};
use crate::cache::single_flight::{Joined, Outcome, outcome};
use crate::cache::{CachedResponse, Want, parts_of};
use crate::load_shedding::Priority;
use crate::metrics::Metrics;
use crate::rate_limit::response_headers;
use crate::request::card_numbers;
use crate::request::context::RequestContext;
use crate::request::form::check_form;
use crate::request::trace;
use crate::response::allow;
use crate::response::body::ResponseBody;
use crate::response::close::end_connection;
use crate::response::error::{log, refuse};
use crate::response::from_service::from_service;
use crate::state::GatewayState;
use crate::upstream::routing::Target;

/// Renders to join one after the other, when the page is purged again and again.
const MAX_JOINS: usize = 3;
/// Paths of programs, which are told how much they may still ask.
const API: &str = "/api/";

/// Answers a request that the page cache could not answer.
pub(crate) async fn answer(
    gateway: Arc<GatewayState>,
    request: Request<Incoming>,
    mut context: RequestContext,
) -> Response<ResponseBody> {
    let started = Instant::now();
    // Two lengths in one head: hyper obeys the chunks, as it must; a proxy before us may have obeyed the other. So nothing
    // that follows a chunked body on this connection is taken for a request (RFC 9112, 6.1).
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let (method, uri, asked) = (request.method().clone(), request.uri().clone(), kept_of(request.headers()));
    let version = request.version();
    let mut response = match handle(&gateway, request, &mut context).await {
        Ok(response) => response,
        Err(error) => refuse(&error, &context, &asked, &gateway.security),
    };
    let status = response.status().as_u16();
    let path = card_numbers::loggable(&uri, status);
    trace::end(&mut context.span, &uri, response.status());
    let request_id = context.id();
    if status >= 500 {
        gateway.metrics.faults.increment(1);
    }
    let seconds = started.elapsed().as_secs_f64();
    Metrics::answered(&method, response.status(), seconds);
    if gateway.config.access_log {
        tracing::info!(request_id, client = %context.client, %method, path, status, seconds, "request");
    } else {
        tracing::debug!(request_id, client = %context.client, %method, path, status, seconds, "request");
    }
    if path.starts_with(API) && !is_shared(&response) {
        response_headers::add(context.tightest.status(), response.headers_mut());
    }
    if let Some(cors) = &gateway.cors {
        cors.add(uri.path(), &asked, response.headers_mut());
    }
    end_connection(&gateway.tasks, version, &mut response);
    if chunked {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.headers_mut().insert(REQUEST_ID, context.id);
    response
}

/// True for what caches beyond us may show to other visitors.
fn is_shared(response: &Response<ResponseBody>) -> bool {
    let control = response.headers().get(header::CACHE_CONTROL);
    control.is_some_and(|value| value.as_bytes().starts_with(b"public"))
}

/// What decides the form of an answer, when its request is gone.
fn kept_of(headers: &HeaderMap) -> HeaderMap {
    let kept = [header::ACCEPT, header::ORIGIN].into_iter();
    kept.filter_map(|name| Some((name.clone(), headers.get(name)?.clone()))).collect()
}

async fn handle(
    gateway: &Arc<GatewayState>,
    request: Request<Incoming>,
    context: &mut RequestContext,
) -> Result<Response<ResponseBody>, ApiError> {
    card_numbers::check_head(request.uri(), request.headers())?;
    let (method, head) = (request.method().clone(), *request.method() == Method::HEAD);
    if let Some(cors) = &gateway.cors
        && let Some(answer) = cors.preflight(&method, request.uri().path(), request.headers())
    {
        return Ok(answer);
    }
    if method == Method::OPTIONS && request.uri().path() == "*" {
        return Ok(allow::of_server());
    }
    let (role, upstream) = match gateway.upstreams.target(request.uri().path()) {
        Target::Role(role, upstream) => (role, upstream),
        Target::Document if method == Method::GET || head => {
            return Ok(gateway.document.answer(Want::of(head, request.headers()), 0, &gateway.security));
        }
        Target::Document => return allow::read_only(&method),
        Target::None => return Err(Problem::not_found("resource").into()),
    };
    check_form(&request)?;
    if method == Method::OPTIONS || !allow::is_known(&method) {
        return options::answer(gateway, (role, upstream), &method, request.uri(), context).await;
    }
    if let Some(answer) = shared(gateway, role, &request, context).await? {
        return Ok(answer);
    }
    private::answer(gateway, role, upstream, request, context).await
}

/// The answer that may be shared, when there is one; none: this visitor needs one of their own.
async fn shared(
    gateway: &Arc<GatewayState>,
    role: &'static str,
    request: &Request<Incoming>,
    context: &RequestContext,
) -> Result<Option<Response<ResponseBody>>, ApiError> {
    let Some(key) = &context.key else { return Ok(None) };
    let recognised = request.headers().contains_key(header::COOKIE);
    match gateway.hints.is_public(key) {
        Some(false) => return Ok(None),
        None if recognised => return Ok(None),
        _ => {}
    }
    let want = Want::of(*request.method() == Method::HEAD, request.headers());
    let answered = |entry: &CachedResponse| {
        gateway.metrics.rendered.increment(1);
        entry.answer(want, gateway.clock.now().as_microsecond(), &gateway.security)
    };
    for _ in 0..MAX_JOINS {
        match gateway.renders.join(key) {
            Joined::Follower(follower) => match outcome(follower).await {
                Outcome::Shared(entry) if gateway.cache.valid(&entry) => return Ok(Some(answered(&entry))),
                // Purged while it was made: a request that came later gets what is true now.
                Outcome::Shared(_) => {}
                Outcome::NotShared => return Ok(None),
            },
            Joined::Leader(leader) => {
                let priority =
                    Priority::of(request.method(), request.uri().path(), request.headers(), gateway.auth.cookies);
                let permit = match gateway.shedder.try_acquire(role, priority) {
                    Ok(permit) => permit,
                    Err(problem) => return last_resort(context, problem.into()).map(|entry| Some(answered(&entry))),
                };
                let (gateway_too, id) = (gateway.clone(), context.id().to_owned());
                let render = async move { render(&gateway_too, leader, permit, &id).await };
                return match gateway.tasks.run("gateway.render", render).await {
                    Ok(Rendered::Shared(entry)) => Ok(Some(answered(&entry))),
                    Ok(Rendered::Private(response))
                        if response.status().is_server_error() && context.expired.is_some() =>
                    {
                        let broken = Problem::unavailable("upstream_failed", response.status());
                        last_resort(context, broken.into()).map(|entry| Some(answered(&entry)))
                    }
                    // Made without anything of a visitor, so it is right for one who brings nothing; but not where it may come
                    // from a replica, and this visitor may have written just now.
                    Ok(Rendered::Private(mut response))
                        if !recognised && gateway.positions.is_none() && is_all_of(key, request.uri()) =>
                    {
                        set_cohort_cookie(gateway, context, request.headers(), response.headers_mut());
                        Ok(Some(from_service(response, request.headers(), &gateway.security).await?))
                    }
                    Ok(Rendered::Private(_)) => Ok(None),
                    Ok(Rendered::Failed(error)) => last_resort(context, error).map(|entry| Some(answered(&entry))),
                    Err(_) => Err(Problem::internal("the render ended without an answer").into()),
                };
            }
        }
    }
    Ok(None)
}

/// True when a key leaves nothing out of what was asked. What is not shared may depend on any parameter: an order's page
/// on the token of the link in a mail.
fn is_all_of(key: &str, uri: &Uri) -> bool {
    uri.path_and_query().is_some_and(|asked| asked.as_str() == parts_of(key).1)
}

/// An answer that is too old is better than none; one that was purged is not.
fn last_resort(context: &RequestContext, error: ApiError) -> Result<Arc<CachedResponse>, ApiError> {
    match &context.expired {
        Some(entry) if error.problem().kind.is_fault() => {
            log(&error, context.id());
            Ok(entry.clone())
        }
        _ => Err(error),
    }
}
