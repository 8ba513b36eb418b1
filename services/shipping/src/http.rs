//! Public route: following a parcel. A visitor who has its id may see where it is, and nothing about the order or its buyer.

use std::sync::Arc;

use axum::extract::State;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use souk_shipping_api::{ShipmentId, ShipmentStatus};
use souk_web::{ApiError, ApiPath, Operations, Reply, Routes, no_store, op};
use uuid::Uuid;

use crate::service::ShippingService;

/// Where a parcel is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Tracking")]
pub struct TrackingJson {
    /// The parcel.
    pub id: Uuid,
    /// `shipped` or `delivered`.
    pub status: &'static str,
    /// Who carries it.
    pub carrier: Option<String>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// When it left.
    pub shipped_at: Timestamp,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
}

/// Public routes of the service.
pub fn routes(service: Arc<ShippingService>) -> Routes {
    declared().with_state(service)
}

/// What they are, without a service: for the API's description in a process that runs none.
pub fn operations() -> Operations {
    declared().openapi().clone()
}

fn declared() -> Routes<Arc<ShippingService>> {
    Routes::new().get(
        "/api/v1/tracking/{shipment_id}",
        tracking,
        op("getTracking")
            .summary("Where a parcel is")
            .tag("orders")
            .path("shipment_id", "The parcel.")
            .reply(200)
            .codes(&["not_found"]),
    )
}

async fn tracking(
    State(service): State<Arc<ShippingService>>,
    ApiPath(id): ApiPath<ShipmentId>,
) -> Result<Reply<TrackingJson>, ApiError> {
    let shipment = service.track(id).await?;
    let status = match shipment.status {
        ShipmentStatus::Shipped => "shipped",
        ShipmentStatus::Delivered => "delivered",
    };
    Ok(no_store(&TrackingJson {
        id: shipment.id.0,
        status,
        carrier: shipment.carrier,
        tracking_number: shipment.tracking_number,
        shipped_at: shipment.shipped_at,
        delivered_at: shipment.delivered_at,
    }))
}
