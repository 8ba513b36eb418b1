//! Contract of shipping: parcels, their tracking, and the postal address that everything about an order refers to.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_kernel::schema::{FILLED_LINE, FILLED_LINE_IN_WORDS, ONE_LINE, ONE_LINE_IN_WORDS};
use souk_kernel::{Event, FieldError, Problem};
use uuid::Uuid;

/// Characters of each line of an address.
pub const MAX_LINE: usize = 200;
/// `pattern` of a country (ISO 3166-1 alpha-2).
pub const COUNTRY: &str = "^[A-Z]{2}$";
/// What [`COUNTRY`] asks for, for people.
pub const COUNTRY_IN_WORDS: &str = "must be a two-letter country code in capitals, such as DE";

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

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who it is for.
    #[schemars(length(min = 1, max = MAX_LINE), extend("pattern" = FILLED_LINE, "x-in-words" = FILLED_LINE_IN_WORDS, "examples" = ["Ada Lovelace"]))]
    pub name: String,
    /// Street and number.
    #[schemars(length(min = 1, max = MAX_LINE), extend("pattern" = FILLED_LINE, "x-in-words" = FILLED_LINE_IN_WORDS, "examples" = ["Main Street 1"]))]
    pub line1: String,
    /// Floor, company, care of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS, "examples" = ["2nd floor"]))]
    pub line2: Option<String>,
    /// Town.
    #[schemars(length(min = 1, max = MAX_LINE), extend("pattern" = FILLED_LINE, "x-in-words" = FILLED_LINE_IN_WORDS, "examples" = ["Berlin"]))]
    pub city: String,
    /// State or province where the country uses them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS, "examples" = ["Berlin"]))]
    pub region: Option<String>,
    /// Postal code; may be empty in the few countries without.
    #[schemars(length(max = MAX_LINE), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS, "examples" = ["10115"]))]
    pub postal_code: String,
    /// ISO 3166-1 alpha-2, capital letters.
    #[schemars(extend("pattern" = COUNTRY, "x-in-words" = COUNTRY_IN_WORDS, "examples" = ["DE"]))]
    pub country: String,
    /// For the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS, "examples" = ["+49 30 901820"]))]
    pub phone: Option<String>,
}

impl Address {
    /// Every wrong field, with pointers below `base` (`/shipping_address`).
    pub fn check(&self, base: &str) -> Result<(), Problem> {
        let mut fields = Vec::new();
        let mut wrong = |field: &str, detail: &str| {
            fields.push(FieldError { pointer: format!("{base}/{field}"), detail: detail.to_owned() });
        };
        for (field, value) in [("name", &self.name), ("line1", &self.line1), ("city", &self.city)] {
            if value.trim().is_empty() {
                wrong(field, "must not be empty");
            }
        }
        let optional = [("line2", &self.line2), ("region", &self.region), ("phone", &self.phone)];
        let required =
            [("name", &self.name), ("line1", &self.line1), ("city", &self.city), ("postal_code", &self.postal_code)];
        let all =
            required.into_iter().chain(optional.iter().filter_map(|(field, value)| Some((*field, value.as_ref()?))));
        for (field, value) in all {
            if value.chars().count() > MAX_LINE {
                wrong(field, "is too long: at most 200 characters");
            }
            if value.chars().any(char::is_control) {
                wrong(field, "must be one line without control characters");
            }
        }
        if self.country.len() != 2 || !self.country.bytes().all(|b| b.is_ascii_uppercase()) {
            wrong("country", COUNTRY_IN_WORDS);
        }
        if fields.is_empty() {
            return Ok(());
        }
        Err(Problem::invalid_fields("invalid_address", "the address is not complete", fields))
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
