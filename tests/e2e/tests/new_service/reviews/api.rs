//! The contract. In a real service this is the crate `services/reviews/api`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

souk_rpc::service! {
    /// Reviews.
    pub trait ReviewsApi at "/rpc/reviews/v1", client ReviewsClient, serve serve_reviews, fake ReviewsFake {
        /// Adds a review. 404 for an unknown product; 422 for more stars than there are.
        fn add(NewReview) -> ();
        /// What reviews say of a product. 404 for an unknown product.
        fn summary(OfProduct) -> Summary [idempotent];
    }
}

/// A review.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewReview {
    /// Of this product.
    pub product_id: Uuid,
    /// From one on.
    pub stars: i32,
}

/// Asks for one product.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfProduct {
    /// The product.
    pub product_id: Uuid,
}

/// All reviews of a product together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Summary {
    /// What the product is called.
    pub title: String,
    /// How many there are.
    pub count: i64,
    /// Mean; none without reviews.
    pub stars: Option<f64>,
}
