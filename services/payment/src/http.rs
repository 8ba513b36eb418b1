//! Public routes: where providers post their webhooks. No cookie and no token authenticates them, their signature does.

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use souk_web::{ApiError, ApiPath, Operations, Routes, op};

use crate::service::PaymentService;

/// Public routes of the service.
pub fn routes(service: Arc<PaymentService>) -> Routes {
    declared().with_state(service)
}

/// What they are, without a service: for the API's description in a process that runs none.
pub fn operations() -> Operations {
    declared().openapi().clone()
}

/// Name of a payment provider.
#[derive(Deserialize, JsonSchema)]
#[schemars(transparent, inline)]
struct Provider(
    #[schemars(length(min = 1, max = 40), extend("pattern" = "^[a-z0-9_-]+$", "examples" = ["sandbox"]))] String,
);

fn declared() -> Routes<Arc<PaymentService>> {
    Routes::new().post(
        "/webhooks/{provider}",
        webhook,
        op("receiveWebhook")
            .summary("Takes in an event of a payment provider")
            .description(
                "The signature over the raw body is checked, with its timestamp (five minutes either way). Events may \
                     come twice, late and in any order.",
            )
            .tag("payments")
            .header("Souk-Signature", false, "`t=<seconds>,v1=<hex HMAC-SHA256 of \"<t>.<body>\">`, for the sandbox")
            .unkeyed()
            .path("provider", "Which provider.")
            .empty(204)
            .codes(&[
                "body_unreadable",
                "body_too_large",
                "not_found",
                "webhook_not_signed",
                "webhook_stale",
                "webhook_unreadable",
            ]),
    )
}

async fn webhook(
    State(service): State<Arc<PaymentService>>,
    ApiPath(Provider(provider)): ApiPath<Provider>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    service.webhook(&provider, &headers, &body).await?;
    Ok(StatusCode::NO_CONTENT)
}
