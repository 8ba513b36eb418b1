//! The long way: an answer for everybody where there can be one (`render.rs`), else one for this visitor (`personal.rs`).

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use souk_kernel::Problem;
use souk_rpc::header::REQUEST_ID;
use souk_web::ApiError;

use crate::allowance;
use crate::answer::{Answer, log};
use crate::cache::{Entry, parts_of};
use crate::cards;
use crate::fast::{Visit, refuse, want};
use crate::flight::{Boarded, Landed, landing};
use crate::gateway::Inner;
use crate::methods;
use crate::personal::{finish, personal, tell_lot};
use crate::render::{Rendered, render};
use crate::routing::Target;
use crate::server::end_connection;
use crate::shed::Class;

/// Tries to board a flight whose page is purged again and again.
const MAX_FLIGHTS: usize = 3;
/// Paths of programs, who are told how much they may still ask.
const API: &str = "/api/";

/// Answers a request the long way.
pub(crate) async fn answer(gateway: Arc<Inner>, request: Request<Incoming>, mut visit: Visit) -> Response<Answer> {
    let started = Instant::now();
    // Two lengths in one head: hyper obeys the chunks, as it must; a proxy before us may have obeyed the other. So nothing
    // that follows a chunked body on this connection is taken for a request (RFC 9112, 6.1).
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let (method, uri, asked) = (request.method().clone(), request.uri().clone(), kept_of(request.headers()));
    let version = request.version();
    let mut response = match handle(&gateway, request, &mut visit).await {
        Ok(response) => response,
        Err(error) => refuse(&gateway, &error, &visit, &asked),
    };
    let (status, request_id) = (response.status().as_u16(), visit.id());
    let path = cards::loggable(&uri, status);
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
    if path.starts_with(API) && !is_for_everybody(&response) {
        allowance::show(visit.standing.as_ref(), response.headers_mut());
    }
    if let Some(cors) = &gateway.cors {
        cors.add(uri.path(), &asked, response.headers_mut());
    }
    end_connection(&gateway, version, &mut response);
    if chunked {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.headers_mut().insert(REQUEST_ID, visit.id);
    response
}

/// True for what caches beyond us may show to others.
fn is_for_everybody(response: &Response<Answer>) -> bool {
    let control = response.headers().get(header::CACHE_CONTROL);
    control.is_some_and(|value| value.as_bytes().starts_with(b"public"))
}

/// What decides the form of an answer, when its request is gone.
fn kept_of(headers: &HeaderMap) -> HeaderMap {
    let kept = [header::ACCEPT, header::ORIGIN].into_iter();
    kept.filter_map(|name| Some((name.clone(), headers.get(name)?.clone()))).collect()
}

async fn handle(
    gateway: &Arc<Inner>,
    request: Request<Incoming>,
    visit: &mut Visit,
) -> Result<Response<Answer>, ApiError> {
    cards::check_head(request.uri(), request.headers())?;
    let (method, head) = (request.method().clone(), *request.method() == Method::HEAD);
    if let Some(cors) = &gateway.cors
        && let Some(answer) = cors.preflight(&method, request.uri().path(), request.headers())
    {
        return Ok(answer);
    }
    if method == Method::OPTIONS && request.uri().path() == "*" {
        return Ok(methods::of_server());
    }
    let (role, upstream) = match gateway.upstreams.target(request.uri().path()) {
        Target::Role(role, upstream) => (role, upstream),
        Target::Document if method == Method::GET || head => {
            return Ok(gateway.document.answer(want(head, request.headers()), 0, &gateway.security));
        }
        Target::Document => return methods::read_only(&method),
        Target::Nobody => return Err(Problem::not_found("resource").into()),
    };
    check_form(&request)?;
    if method == Method::OPTIONS || !methods::is_known(&method) {
        return methods::answer(gateway, (role, upstream), &method, request.uri(), visit).await;
    }
    if let Some(answer) = shared(gateway, role, &request, visit).await? {
        return Ok(answer);
    }
    personal(gateway, role, upstream, request, visit).await
}

fn check_form(request: &Request<Incoming>) -> Result<(), ApiError> {
    let path = request.uri().path().to_ascii_lowercase();
    let tricky = |part: &str| matches!(part.replace("%2e", ".").as_str(), "." | "..");
    if !path.starts_with('/') || path.contains("%00") || path.contains('\\') || path.split('/').any(tricky) {
        return Err(ApiError::transport(StatusCode::BAD_REQUEST, "bad_path", "this is no path"));
    }
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let error =
            ApiError::transport(status, "unsupported_content_encoding", "send the body as it is, not compressed");
        return Err(error.with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    Ok(())
}

/// The answer that everybody gets, when there is one; none sends the visitor on by themselves.
async fn shared(
    gateway: &Arc<Inner>,
    role: &'static str,
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
                let class = Class::of(request.method(), request.uri().path(), request.headers(), gateway.auth.cookies);
                let place = match gateway.shed.take(role, class) {
                    Ok(place) => place,
                    Err(problem) => return last_resort(visit, problem.into()).map(|entry| Some(answered(&entry))),
                };
                let (gateway_too, id) = (gateway.clone(), visit.id().to_owned());
                let render = async move { render(&gateway_too, pilot, place, &id).await };
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
                    Ok(Rendered::Private(mut response))
                        if !recognised && gateway.positions.is_none() && is_all_of(key, request.uri()) =>
                    {
                        tell_lot(gateway, visit, request.headers(), response.headers_mut());
                        Ok(Some(finish(gateway, response, request.headers()).await?))
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

/// True when a name leaves nothing out of what was asked. What is not for everybody may depend on any parameter: an order's page
/// on the token of the link in a mail.
fn is_all_of(key: &str, uri: &Uri) -> bool {
    uri.path_and_query().is_some_and(|asked| asked.as_str() == parts_of(key).1)
}

/// An answer that is too old is better than none; one that was purged is not.
fn last_resort(visit: &Visit, error: ApiError) -> Result<Arc<Entry>, ApiError> {
    match &visit.expired {
        Some(entry) if error.problem().kind.is_fault() => {
            log(&error, visit.id());
            Ok(entry.clone())
        }
        _ => Err(error),
    }
}
