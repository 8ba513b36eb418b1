//! Contract of notification: what was sent to whom, for support and for tests. Everything it sends it learns from events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

souk_rpc::service! {
    /// Deliveries.
    pub trait NotificationApi at "/rpc/notification/v1", client NotificationClient, serve serve_notification, fake NotificationFake {
        /// Messages about an order, oldest first. Permission: orders.
        fn by_order(ByOrder) -> Deliveries [idempotent];
        /// Messages that did not leave, the newest first: to be tried again, or given up. Permission: orders.
        fn unsent(ListUnsent) -> Unsent [idempotent];
        /// Puts messages that were given up into the queue again. Permission: orders.
        fn retry(RetryMails) -> Retried;
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

/// Asks what did not leave.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ListUnsent {
    /// At most so many; never more than 500.
    pub limit: u32,
}

/// A message that did not leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsentMail {
    /// Deterministic Message-ID.
    pub message_id: String,
    /// `order_confirmation`.
    pub template: String,
    /// To whom; unknown while the order is.
    pub email: Option<String>,
    /// Tries so far.
    pub attempts: i32,
    /// Why the last one failed.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it is tried again; none: given up.
    pub next_try_at: Option<Timestamp>,
}

/// Messages that did not leave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Unsent {
    /// The newest first.
    pub items: Vec<UnsentMail>,
}

/// Names what to try again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RetryMails {
    /// One message; none: all that were given up.
    pub message_id: Option<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    /// So many are in the queue again.
    pub queued: u64,
}
