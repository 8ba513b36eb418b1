//! Dispatcher, the receiving end of a contract, whatever brought the call: methods by path, requests decoded, results and
//! problems encoded. Knows no sockets and no router; `souk-rpc-http` serves it, [`crate::Channel::loopback`] calls it in
//! this process.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_kernel::{FieldError, Problem, pan};
use souk_trace::{Kind, Span, scope};

use crate::macros::{describe, name_of};
use crate::{Cx, header};

type Answering = Pin<Box<dyn Future<Output = Result<Bytes, Problem>> + Send>>;
type Handler = Arc<dyn Fn(Cx, Bytes) -> Answering + Send + Sync>;

/// The methods of one service, ready to be called.
#[derive(Clone, Default)]
pub struct Contract(Vec<Method>);

/// One method of a [`Contract`].
#[derive(Clone)]
pub struct Method {
    path: &'static str,
    handler: Handler,
}

impl Contract {
    /// Adds the method at `path`. `service!` does this for each it declares.
    pub fn with<Q, R, F>(mut self, path: &'static str, answer: impl Fn(Cx, Q) -> F + Send + Sync + 'static) -> Self
    where
        Q: DeserializeOwned,
        R: Serialize,
        F: Future<Output = Result<R, Problem>> + Send + 'static,
    {
        let handler = move |cx: Cx, body: Bytes| -> Answering {
            let answering = decode(&body).map(|request| answer(cx, request));
            Box::pin(async move { encode(&answering?.await?) })
        };
        self.0.push(Method { path, handler: Arc::new(handler) });
        self
    }

    /// All methods.
    pub fn methods(&self) -> &[Method] {
        &self.0
    }

    /// The method at `path`.
    pub fn method(&self, path: &str) -> Option<&Method> {
        self.0.iter().find(|method| method.path == path)
    }
}

impl Method {
    /// Where it is called: `/rpc/cart/v1/get`.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The result of a call as it travels: the reply, or the problem with its status; with the position of what was written.
    pub async fn answer(&self, mut cx: Cx, body: Bytes) -> Response<Bytes> {
        let mut span = Span::root(cx.trace.as_ref(), Kind::Server, name_of(self.path));
        describe(&mut span, self.path);
        cx.trace = span.trace().or(cx.trace);
        let response = scope(span.trace(), self.reply(cx, body)).await;
        if response.status().is_server_error() {
            span.fail(response.status().as_str().to_owned());
        }
        response
    }

    async fn reply(&self, cx: Cx, body: Bytes) -> Response<Bytes> {
        let written = cx.clone();
        // The gateway has looked at what buyers send; this is for what comes in by other ways: imports, tools, other roles.
        if let Some(pointer) = pan::find_in_json(&body) {
            let detail = "there is a payment card's number in the request: no part of the shop may get one";
            let fields = vec![FieldError { pointer, detail: "looks like a payment card's number".into() }];
            return problem_response(&Problem::invalid_fields("card_number_refused", detail, fields));
        }
        let mut response = match (self.handler)(cx, body).await {
            Ok(body) => {
                let mut response = Response::new(body);
                response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(problem) => problem_response(&problem),
        };
        if written.min_lsn() > 0 {
            response.headers_mut().insert(header::LSN, HeaderValue::from(written.min_lsn()));
        }
        response
    }
}

fn decode<Q: DeserializeOwned>(body: &[u8]) -> Result<Q, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::invalid("invalid_request", format!("cannot read the request: {error}")))
}

fn encode<R: Serialize>(reply: &R) -> Result<Bytes, Problem> {
    serde_json::to_vec(reply).map(Bytes::from).map_err(Problem::internal)
}

/// A problem as it travels between roles; faults are logged, as what they hide does not travel.
pub fn problem_response(problem: &Problem) -> Response<Bytes> {
    if problem.kind.is_fault() {
        tracing::error!(
            code = %problem.code,
            internal = problem.internal_detail().unwrap_or_default(),
            "internal call failed"
        );
    }
    let mut response = Response::new(Bytes::from(serde_json::to_vec(problem).unwrap_or_default()));
    *response.status_mut() = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}
