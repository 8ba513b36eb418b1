//! Contract of notification: what was sent to whom, for support and for tests. Everything it sends it learns from events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

souk_rpc::service! {
    /// Deliveries.
    pub trait NotificationApi at "/rpc/notification/v1", client NotificationClient, serve serve_notification, fake NotificationFake {
        /// Messages about an order, oldest first. Permission: orders.
        fn by_order(ByOrder) -> Deliveries [idempotent];
    }
}

/// Names an order.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ByOrder {
    /// The order.
    pub order_id: Uuid,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// To be handed over.
    Queued,
    /// Handed over to the mail server.
    Sent,
    /// Given up after the last try.
    Failed,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Deterministic Message-ID: the same event never makes two messages.
    pub message_id: String,
    /// `order_confirmation`.
    pub template: String,
    /// How far it is.
    pub status: DeliveryStatus,
    /// Last change.
    pub updated_at: Timestamp,
}

/// Messages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Deliveries {
    /// Oldest first.
    pub items: Vec<Delivery>,
}
