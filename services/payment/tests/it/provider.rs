//! Client of the sandbox provider, against a server that asks to be left alone.

use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::routing::get;
use serde_json::json;
use souk_kernel::Secret;
use souk_payment::provider::ProviderError;
use souk_payment::{Provider, SandboxProvider, SandboxSettings};

/// The audit reads the ledger, page after page; the provider may find that too often.
#[tokio::test]
async fn a_ledger_that_is_read_too_often_stops_no_payment() {
    let unknown = || async { (StatusCode::NOT_FOUND, Json(json!({"code": "unknown_key", "detail": "no such key"}))) };
    let too_often = || async { (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "60")]) };
    let routes = axum::Router::new().route("/v1/operations", get(unknown)).route("/v1/ledger", get(too_often));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    #[allow(clippy::disallowed_methods)] // ends with the test's runtime
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let settings = SandboxSettings { base_url, api_key: Secret::new("key".to_owned()), webhook_secrets: Vec::new() };
    let provider = SandboxProvider::new(settings).unwrap();

    let refused = provider.ledger(None).await.unwrap_err();
    assert!(matches!(&refused, ProviderError::Refused { code, .. } if code == "429"), "{refused:?}");
    let held_back = provider.ledger(None).await.unwrap_err();
    assert!(matches!(held_back, ProviderError::NotSent(_)), "it is left alone: {held_back:?}");
    assert!(provider.lookup_by_key("k", Duration::from_secs(5)).await.unwrap().is_none());
}
