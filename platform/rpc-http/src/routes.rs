//! HTTP transport, server side: contracts as routes of a role's internal listener, behind the caller's proven context.

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use souk_kernel::{Kind, Problem};
use souk_rpc::{ActorKey, Contract, Cx, header, problem_response};

use crate::Admission;

/// Bytes of the largest request between roles: a batch of 500 imported products with all their attributes.
pub const MAX_RPC_BODY: usize = 32 * 1024 * 1024;

/// The routes of `contract`; put [`admit`] in front of them.
pub fn routes(contract: &Contract) -> Router {
    contract.methods().iter().fold(Router::new(), |router, method| {
        let method = method.clone();
        router.route(
            method.path(),
            post(move |call: Call| async move { method.answer(call.cx, call.body).await.map(Body::from) }),
        )
    })
}

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
        Err(problem) => refusal(&problem),
    }
}

/// One call as it arrived, not yet decoded.
struct Call {
    cx: Cx,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Call {
    type Rejection = Response;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Response> {
        let cx = request
            .extensions_mut()
            .remove::<Cx>()
            .ok_or_else(|| refusal(&Problem::internal("an internal route was mounted without souk_rpc_http::admit")))?;
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            let kind = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { Kind::TooLarge } else { Kind::Invalid };
            refusal(&Problem::new(kind, "invalid_request", rejection.body_text()))
        })?;
        Ok(Self { cx, body })
    }
}

fn refusal(problem: &Problem) -> Response {
    problem_response(problem).map(Body::from)
}
