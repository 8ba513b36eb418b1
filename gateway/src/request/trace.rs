//! The gateway's span of a request, the root of all that it causes: goes on with the client's trace (W3C trace context) and decides
//! by itself what is kept.

use http::{HeaderMap, Request, StatusCode, Uri};
use hyper::body::Incoming;
use souk_kernel::pan;
use souk_rpc::header::{TRACEPARENT, TRACESTATE};
use souk_trace::{Span, Trace};
use souk_web::known_method;

use super::card_numbers;

/// What stands before the id of a cart in a path.
const CARTS: &str = "/carts/";

/// The span of `request`; none, at the cost of a look at a flag, where no traces are taken.
pub(crate) fn begin(request: &Request<Incoming>, https: bool) -> Span {
    if !souk_trace::on() {
        return Span::none();
    }
    let name = known_method(request.method());
    let mut span = Span::edge(of_client(request.headers()).as_ref(), name);
    span.set("http.request.method", name);
    span.set("url.scheme", if https { "https" } else { "http" });
    span
}

/// What came of it.
pub(crate) fn end(span: &mut Span, uri: &Uri, status: StatusCode) {
    if span.is_none() {
        return;
    }
    span.set("url.path", shown(card_numbers::loggable(uri, status.as_u16())));
    note(span, status);
}

/// What was answered; a fault keeps the trace.
pub(crate) fn note(span: &mut Span, status: StatusCode) {
    span.set("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
}

/// A path as a collector may see it, which can be another company's: without the id of a cart, which opens a guest's.
fn shown(path: &str) -> String {
    let Some((before, after)) = path.split_once(CARTS) else { return path.to_owned() };
    let rest = after.find('/').map_or("", |end| &after[end..]);
    format!("{before}{CARTS}{{id}}{rest}")
}

/// The place in a trace that a client says it is at.
fn of_client(headers: &HeaderMap) -> Option<Trace> {
    let (parent, state) = claimed(headers)?;
    Trace::parse(parent, state.as_deref())
}

/// `traceparent` and `tracestate`, of which several are one list. What could hold a card's number is left out, as it would be kept
/// and handed on.
fn claimed(headers: &HeaderMap) -> Option<(&str, Option<String>)> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() || pan::holds(parent) {
        return None;
    }
    let states: Vec<&str> = headers.get_all(TRACESTATE).iter().filter_map(|value| value.to_str().ok()).collect();
    let state = Some(states.join(",")).filter(|state| !state.is_empty() && !pan::holds(state));
    Some((parent, state))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_path_opens_nothing() {
        assert_eq!(shown("/api/v1/carts/0af76519-16cd-43dd-8448-eb211c80319c"), "/api/v1/carts/{id}");
        assert_eq!(
            shown("/api/v1/carts/0af76519-16cd-43dd-8448-eb211c80319c/lines/LMP-1"),
            "/api/v1/carts/{id}/lines/LMP-1"
        );
        assert_eq!(
            shown("/api/v1/orders/0af76519-16cd-43dd-8448-eb211c80319c"),
            "/api/v1/orders/0af76519-16cd-43dd-8448-eb211c80319c"
        );
    }

    #[test]
    fn a_client_has_one_place_and_no_card_number_in_it() {
        const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let said = headers(&[("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")]);
        assert_eq!(claimed(&said), Some((PARENT, Some("a=1,b=2".to_owned()))));
        assert_eq!(claimed(&headers(&[("traceparent", PARENT)])), Some((PARENT, None)));
        let leaks = headers(&[("traceparent", PARENT), ("tracestate", "a=4111111111111111")]);
        assert_eq!(claimed(&leaks), Some((PARENT, None)));
        let number = "00-0af7651916cd43dd8448eb211c80319c-4111111111111111-01";
        let twice = [("traceparent", PARENT), ("traceparent", PARENT)];
        for none in [&[("tracestate", "a=1")][..], &twice, &[("traceparent", number)]] {
            assert_eq!(claimed(&headers(none)), None);
        }
    }
}
