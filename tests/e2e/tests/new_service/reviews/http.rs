//! Public routes.

use std::sync::Arc;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use souk_web::{ApiError, ApiJson, ApiPath, Operations, Reply, Routes, WebCx, no_store, op};
use uuid::Uuid;

use super::api::{NewReview, OfProduct, ReviewsApi, Summary};
use super::service::ReviewsService;

/// A buyer's opinion.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Review {
    /// From one on.
    stars: i32,
}

/// The routes of `service`.
pub fn routes(service: Arc<ReviewsService>) -> Routes {
    declared().with_state(service)
}

/// What they are, without a service.
pub fn operations() -> Operations {
    declared().openapi().clone()
}

fn declared() -> Routes<Arc<ReviewsService>> {
    const PATH: &str = "/api/v1/reviews/{product_id}";
    let product = |name| op(name).tag("catalog").path("product_id", "The product.");
    let read = product("getReviews").summary("What reviews say of a product").reply(200);
    let add = product("addReview").summary("Reviews a product").reply(200).unkeyed();
    Routes::new().get(PATH, show, read.codes(&["not_found"])).post(PATH, write, add.codes(&["not_found"]))
}

async fn show(
    WebCx(cx): WebCx,
    State(service): State<Arc<ReviewsService>>,
    ApiPath(product_id): ApiPath<Uuid>,
) -> Result<Reply<Summary>, ApiError> {
    Ok(no_store(&service.summary(&cx, OfProduct { product_id }).await?))
}

async fn write(
    WebCx(cx): WebCx,
    State(service): State<Arc<ReviewsService>>,
    ApiPath(product_id): ApiPath<Uuid>,
    ApiJson(review): ApiJson<Review>,
) -> Result<Reply<Summary>, ApiError> {
    service.add(&cx, NewReview { product_id, stars: review.stars }).await?;
    Ok(no_store(&service.summary(&cx, OfProduct { product_id }).await?))
}
