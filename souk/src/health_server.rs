//! Health and metrics server for operators: alive, ready, metrics. On internal listeners only.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use souk_runtime::Readiness;
use souk_telemetry::Metrics;

/// `/livez`, `/readyz`, `/metrics`.
pub fn router(readiness: Readiness, metrics: Option<Metrics>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(move || std::future::ready(ready(&readiness))))
        .route("/metrics", get(move || std::future::ready(render(metrics.as_ref()))))
}

fn ready(readiness: &Readiness) -> Response {
    let waiting = readiness.waiting_for();
    if waiting.is_empty() {
        return "ready\n".into_response();
    }
    let lines: String = waiting.iter().map(|part| format!("waiting for {part}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

fn render(metrics: Option<&Metrics>) -> Response {
    match metrics {
        Some(metrics) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response(),
        None => (StatusCode::NOT_FOUND, "this process collects no metrics\n").into_response(),
    }
}
