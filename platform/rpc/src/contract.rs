//! The receiving end: context out of headers, requests out of bodies, problems into replies.

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_kernel::{FieldError, Kind, Problem, pan};

use crate::{ActorKey, Admission, Cx, header};

/// Bytes of the largest request between roles: a batch of 500 imported products with all their attributes.
pub const MAX_RPC_BODY: usize = 32 * 1024 * 1024;

/// Puts in front of a role's internal router what every call needs: the caller's context, with the actor proven.
pub fn admit(router: Router, admission: Admission) -> Router {
    router.layer(DefaultBodyLimit::max(MAX_RPC_BODY)).layer(middleware::from_fn(move |request: Request, next: Next| {
        let admission = admission.clone();
        async move { with_cx(request, next, &admission).await }
    }))
}

/// The same where callers have no certificates.
pub fn accept(router: Router, key: ActorKey) -> Router {
    admit(router, Admission::by_signature(key))
}

async fn with_cx(mut request: Request, next: Next, admission: &Admission) -> Response {
    match admission.context(request.headers(), request.extensions()) {
        Ok(cx) => {
            let before = cx.min_lsn();
            request.extensions_mut().insert(cx.clone());
            let mut response = next.run(request).await;
            // Not only a contract's replies: public routes write, too, and the gateway tells the browser.
            if cx.min_lsn() > before {
                response.headers_mut().insert(header::LSN, HeaderValue::from(cx.min_lsn()));
            }
            response
        }
        Err(problem) => problem_response(&problem),
    }
}

/// One call as it arrived, not yet decoded.
pub struct RpcCall {
    cx: Cx,
    body: Bytes,
}

impl RpcCall {
    /// The context and the typed request, or what is wrong with it.
    pub fn decode<Q: DeserializeOwned>(self) -> Result<(Cx, Q), Problem> {
        let request = serde_json::from_slice(&self.body)
            .map_err(|error| Problem::invalid("invalid_request", format!("cannot read the request: {error}")))?;
        Ok((self.cx, request))
    }
}

impl<S: Send + Sync> FromRequest<S> for RpcCall {
    type Rejection = Response;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Response> {
        let cx = request.extensions_mut().remove::<Cx>().ok_or_else(|| {
            problem_response(&Problem::internal("an internal route was mounted without souk_rpc::accept"))
        })?;
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            let kind = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { Kind::TooLarge } else { Kind::Invalid };
            problem_response(&Problem::new(kind, "invalid_request", rejection.body_text()))
        })?;
        // The gateway has looked at what buyers send; this is for what comes in by other ways: imports, tools, other roles.
        if let Some(pointer) = pan::find_in_json(&body) {
            let detail = "there is a payment card's number in the request: no part of the shop may get one";
            let fields = vec![FieldError { pointer, detail: "looks like a payment card's number".into() }];
            return Err(problem_response(&Problem::invalid_fields("card_number_refused", detail, fields)));
        }
        Ok(Self { cx, body })
    }
}

/// The reply of a call: the result, or the problem with its status, and the position of what was written.
pub fn reply<R: Serialize>(result: Result<(Cx, R), Problem>) -> Response {
    let (cx, value) = match result {
        Ok(done) => done,
        Err(problem) => return problem_response(&problem),
    };
    let body = match serde_json::to_vec(&value) {
        Ok(body) => body,
        Err(error) => return problem_response(&Problem::internal(error)),
    };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if cx.min_lsn() > 0
        && let Ok(lsn) = HeaderValue::from_str(&cx.min_lsn().to_string())
    {
        response.headers_mut().insert(header::LSN, lsn);
    }
    response
}

fn problem_response(problem: &Problem) -> Response {
    if problem.kind.is_fault() {
        tracing::error!(
            code = %problem.code,
            internal = problem.internal_detail().unwrap_or_default(),
            "internal call failed"
        );
    }
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    (status, [(http::header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}
