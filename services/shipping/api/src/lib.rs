//! Contract of shipping: parcels, their tracking, and the postal address that everything about an order refers to.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_kernel::Event;
use uuid::Uuid;

pub use souk_address::Address;

souk_kernel::ids! {
    /// A parcel.
    ShipmentId,
}

souk_rpc::service! {
    /// Shipments.
    pub trait ShippingApi at "/rpc/shipping/v1", client ShippingClient, serve serve_shipping, fake ShippingFake {
        /// Notes that an order left the warehouse; repeating it with the same tracking number changes nothing. Permission: orders.
        fn ship(Ship) -> Shipment [idempotent];
        /// Notes that an order's parcel arrived. Permission: orders.
        fn deliver(Deliver) -> Shipment [idempotent];
        /// Shipments of an order; none is an empty list.
        fn by_order(ByOrder) -> Shipments [idempotent];
    }
}

/// An order that leaves the warehouse.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ship {
    /// The order.
    pub order_id: Uuid,
    /// `DHL`.
    pub carrier: Option<String>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
}

/// An order that arrived.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deliver {
    /// The order.
    pub order_id: Uuid,
}

/// Asks for an order's shipments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ByOrder {
    /// The order.
    pub order_id: Uuid,
}

/// How far a parcel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentStatus {
    /// On its way.
    Shipped,
    /// Handed over.
    Delivered,
}

/// A parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shipment {
    /// The parcel.
    pub id: ShipmentId,
    /// Its order.
    pub order_id: Uuid,
    /// How far it is.
    pub status: ShipmentStatus,
    /// `DHL`.
    pub carrier: Option<String>,
    /// The carrier's number.
    pub tracking_number: Option<String>,
    /// When it left.
    pub shipped_at: Timestamp,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
}

/// Parcels, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Shipments {
    /// The parcels.
    pub items: Vec<Shipment>,
}

/// An order left the warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentShipped {
    /// The parcel.
    pub shipment: Shipment,
    /// Version of the shipment.
    pub version: i64,
}

impl Event for ShipmentShipped {
    const TYPE: &'static str = "shipping.shipped.v1";
    fn aggregate(&self) -> Uuid {
        self.shipment.order_id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// An order's parcel arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentDelivered {
    /// The parcel.
    pub shipment: Shipment,
    /// Version of the shipment.
    pub version: i64,
}

impl Event for ShipmentDelivered {
    const TYPE: &'static str = "shipping.delivered.v1";
    fn aggregate(&self) -> Uuid {
        self.shipment.order_id
    }
    fn version(&self) -> i64 {
        self.version
    }
}
