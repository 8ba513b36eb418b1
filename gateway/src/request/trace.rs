//! The gateway's span of a request, the root of all that it causes: goes on with the client's trace (W3C trace context) and decides
//! by itself what is kept.

use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use souk_kernel::pan;
use souk_rpc::header::{TRACEPARENT, TRACESTATE};
use souk_trace::{Span, Trace};

/// The span of `request`; none, at the cost of a look at a flag, where no traces are taken.
pub(crate) fn begin(request: &Request<Incoming>) -> Span {
    if !souk_trace::on() {
        return Span::none();
    }
    let method = known(request.method().as_str());
    let mut span = Span::edge(of_client(request.headers()).as_ref(), method);
    span.set("http.request.method", method);
    span
}

/// What came of it. `path` is fit for logs.
pub(crate) fn end(span: &mut Span, path: &str, status: StatusCode) {
    if span.is_none() {
        return;
    }
    span.set("url.path", path.to_owned());
    span.set("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
}

/// The place in a trace that a client says it is at. Several states are one list; what could hold a card's number is left out, as
/// it would be kept and handed on.
fn of_client(headers: &HeaderMap) -> Option<Trace> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() || pan::holds(parent) {
        return None;
    }
    let states: Vec<&str> = headers.get_all(TRACESTATE).iter().filter_map(|value| value.to_str().ok()).collect();
    let state = states.join(",");
    Trace::parse(parent, Some(state.as_str()).filter(|state| !pan::holds(state)))
}

/// Methods are any word a client likes; names of spans are few.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}
