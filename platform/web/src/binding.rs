//! Binding of operations to handlers: what a handler takes and answers with, read off its signature, is what the API's
//! description says. So no type is written twice, and the two cannot differ.

use std::future::Future;

use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use schemars::JsonSchema;

use crate::{ApiError, ApiJson, ApiPath, ApiQuery, Cached, Cdn, IfMatch, Op, Reply, WebCx};

/// A handler whose parameters and answer the description knows.
#[diagnostic::on_unimplemented(
    message = "the description does not know what this handler takes or answers with",
    note = "its parameters are `Input`s, and it returns an `Output` or a `Result` of one and `ApiError`"
)]
pub trait ApiHandler<T, S>: Handler<T, S> {
    /// Says in `op` what the handler takes and answers with.
    fn describe(op: &mut Op);
}

/// A parameter of a handler. Most are not for the client to send, and say nothing.
pub trait Input {
    /// Says in `op` what it is made of.
    fn describe(_op: &mut Op) {}
}

/// What a handler answers with when all goes well. [`Op::reply`] says under which status.
pub trait Output {
    /// Says in `op` what it is.
    fn describe(_op: &mut Op) {}
}

macro_rules! handlers {
    ($(($($T:ident),*))*) => { $(
        impl<F, Answer, R, S, M, $($T),*> ApiHandler<(M, $($T,)*), S> for F
        where
            F: Handler<(M, $($T,)*), S> + FnOnce($($T),*) -> Answer,
            Answer: Future<Output = R>,
            R: Output,
            $($T: Input,)*
        {
            fn describe(op: &mut Op) {
                $($T::describe(op);)*
                R::describe(op);
            }
        }
    )* };
}

handlers! {
    () (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, G) (A, B, C, D, E, G, H) (A, B, C, D, E, G, H, I)
}

impl<S> Input for State<S> {}
impl Input for WebCx {}
impl Input for Cdn {}
impl Input for Uri {}
impl Input for HeaderMap {}
impl Input for IfMatch {}
// Read by the handler itself, which says of what with `Op::body` and `Op::query`.
impl Input for Bytes {}
impl Input for Request {}

impl<T: JsonSchema + 'static> Input for ApiJson<T> {
    fn describe(op: &mut Op) {
        op.takes_body::<T>(true);
    }
}

impl<T: JsonSchema + 'static> Input for Option<ApiJson<T>> {
    fn describe(op: &mut Op) {
        op.takes_body::<T>(false);
    }
}

impl<T: JsonSchema + 'static> Input for ApiQuery<T> {
    fn describe(op: &mut Op) {
        op.takes_query::<T>();
    }
}

impl<T: JsonSchema> Input for ApiPath<T> {
    fn describe(op: &mut Op) {
        op.takes_path::<T>();
    }
}

impl<T: JsonSchema> Output for Reply<T> {
    fn describe(op: &mut Op) {
        op.answers_with::<T>();
    }
}

impl<T: JsonSchema> Output for Cached<T> {
    fn describe(op: &mut Op) {
        op.answers_with::<T>();
    }
}

// No JSON: a picture, or nothing at all.
impl Output for Response {}
impl Output for StatusCode {}

impl<R: Output> Output for Result<R, ApiError> {
    fn describe(op: &mut Op) {
        R::describe(op);
    }
}
