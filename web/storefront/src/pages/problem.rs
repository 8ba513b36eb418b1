//! Pages of problem types (RFC 9457, 3.1.1): what `type` of a problem leads to says what to do about it. As JSON for
//! programs that ask for that.

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use souk_kernel::Problem;
use souk_web::{ApiPath, WebCx, no_store, problem_type};

use crate::app::App;
use crate::reply::{PageResult, private, wants_json};
use crate::view::message::ProblemPage;

pub(crate) async fn show(
    State(app): State<App>,
    WebCx(cx): WebCx,
    headers: HeaderMap,
    ApiPath(code): ApiPath<String>,
) -> PageResult {
    let known = problem_type(&code).ok_or_else(|| Problem::not_found("page"))?;
    if wants_json(&headers) {
        let (code, statuses, advice) = (known.code, &known.statuses, known.advice);
        return Ok(no_store(&json!({ "code": code, "statuses": statuses, "what_to_do": advice })).into_response());
    }
    let layout = app.layout(&cx, "What an error means").await?;
    // One address has two forms, and the cache of pages knows one: so neither is kept.
    private(StatusCode::OK, &ProblemPage { layout, known })
}
