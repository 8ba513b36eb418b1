//! Health and metrics server for operators: alive, ready, metrics. On internal listeners only.

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use souk_runtime::Readiness;
use souk_telemetry::Metrics;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/livez`, `/readyz`, `/metrics`.
pub fn router(readiness: Readiness, metrics: Option<Metrics>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(move || std::future::ready(ready(&readiness))))
        .route("/metrics", get(move |asked: HeaderMap| std::future::ready(render(metrics.as_ref(), &asked))))
}

fn ready(readiness: &Readiness) -> Response {
    let waiting = readiness.waiting_for();
    if waiting.is_empty() {
        return "ready\n".into_response();
    }
    let lines: String = waiting.iter().map(|part| format!("waiting for {part}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

/// OpenMetrics for scrapers that ask for it, while there are traces to name in it; else the text format of every release.
fn render(metrics: Option<&Metrics>, asked: &HeaderMap) -> Response {
    let accept = asked.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let open = souk_trace::on() && accept.contains("application/openmetrics-text");
    match metrics {
        Some(metrics) if open => {
            ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.render_open_metrics()).into_response()
        }
        Some(metrics) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response(),
        None => (StatusCode::NOT_FOUND, "this process collects no metrics\n").into_response(),
    }
}
