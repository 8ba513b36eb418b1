//! Public REST of pricing: none yet. Buyers see prices through product pages and carts; a quote without a cart would need
//! the catalogue, which pricing does not call.

use std::sync::Arc;

use souk_web::{Operations, Routes};

use crate::PricingService;

/// The public routes.
pub fn routes(service: Arc<PricingService>) -> Routes {
    declared().with_state(service)
}

/// What they are, without a service: for the API's description in a process that runs none.
pub fn operations() -> Operations {
    declared().openapi().clone()
}

fn declared() -> Routes<Arc<PricingService>> {
    Routes::new()
}
