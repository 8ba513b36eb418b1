//! Contract of payment: taking money through a provider, and the double-entry books about it. No card data, ever:
//! a provider's token stands for the means of payment.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use souk_kernel::{Event, Money};
use uuid::Uuid;

pub use souk_kernel::pan::{holds as looks_like_card, scrub};

souk_kernel::ids! {
    /// A payment of one order through one provider.
    PaymentId,
}

/// The most that one payment takes, in minor units: beyond what anybody buys, and far from what arithmetic can hold.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000;
/// Characters of a provider's token.
pub const MAX_TOKEN: usize = 255;

souk_rpc::service! {
    /// Payments.
    pub trait PaymentApi at "/rpc/payment/v1", client PaymentClient, serve serve_payment, fake PaymentFake {
        /// Asks the provider to hold the amount, under a key that is also the provider's: repeating it never charges again
        /// and returns the first outcome. A refusal is a payment with status `declined`, not an error. `unavailable` and
        /// `timeout` mean "ask again under the same key".
        fn authorise(Authorise) -> Payment [idempotent];
        /// Takes what was authorised.
        fn capture(ByPayment) -> Payment [idempotent];
        /// Gives an authorisation back; of an unknown key it makes sure that nothing can be authorised under it later.
        fn void(VoidPayment) -> Payment [idempotent];
        /// Pays a captured amount back, in full or in part, under a key.
        fn refund(Refund) -> Payment [idempotent];
        /// The payments of an order, oldest first. Permission: orders.
        fn by_order(ByOrder) -> Payments [idempotent];
        /// Checks the books against themselves and the provider's own ledger (I1).
        fn audit(AuditRequest) -> Audit [idempotent];
    }
}

/// Asks for a hold on money.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Authorise {
    /// The payment, chosen by the caller: repeating it is the same payment. Also the key sent to the provider.
    pub payment_id: PaymentId,
    /// What it is for.
    pub order_id: Uuid,
    /// How much; more than zero.
    pub amount: Money,
    /// `sandbox`.
    pub provider: String,
    /// The provider's token for a means of payment.
    pub token: String,
}

/// Names a payment.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ByPayment {
    /// The payment.
    pub payment_id: PaymentId,
}

/// A payment to void.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VoidPayment {
    /// The payment.
    pub payment_id: PaymentId,
    /// Its order.
    pub order_id: Uuid,
    /// Its provider, in case the authorisation never reached our books.
    pub provider: String,
    /// What was to be authorised.
    pub amount: Money,
}

/// Money to pay back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refund {
    /// The payment.
    pub payment_id: PaymentId,
    /// Repeating the same key refunds once.
    pub key: String,
    /// How much; at most what is captured and not yet refunded.
    pub amount: Money,
}

/// Names an order.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ByOrder {
    /// The order.
    pub order_id: Uuid,
}

/// State of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Held.
    Authorised,
    /// Refused by the provider.
    Declined,
    /// The buyer has to do something at the provider first.
    RequiresAction,
    /// Taken.
    Captured,
    /// The hold was given back.
    Voided,
    /// Paid back in full.
    Refunded,
}

/// A payment. `authorised >= captured >= refunded >= 0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The payment.
    pub id: PaymentId,
    /// What it is for.
    pub order_id: Uuid,
    /// `sandbox`.
    pub provider: String,
    /// The provider's own id.
    pub provider_ref: Option<String>,
    /// State.
    pub status: PaymentStatus,
    /// Held in all.
    pub authorised: Money,
    /// Taken.
    pub captured: Money,
    /// Paid back.
    pub refunded: Money,
    /// Why it was declined: `declined`, `insufficient_funds`.
    pub decline_code: Option<String>,
    /// Where the buyer has to go, for `requires_action`.
    pub action_url: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Payments.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Payments {
    /// Oldest first.
    pub items: Vec<Payment>,
}

/// Asks for the audit.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct AuditRequest {}

/// Whatever breaks I1; all empty when the books are right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Journal entries whose debits are not their credits.
    pub unbalanced: Vec<String>,
    /// Payments whose amounts are out of order or not those of the journal.
    pub wrong_amounts: Vec<PaymentId>,
    /// Payments that the provider knows differently, or that only one side knows.
    pub differs_from_provider: Vec<String>,
    /// Sum captured minus refunded, by currency code.
    pub net_captured: Vec<Money>,
}

/// A payment moved on: captured, voided, refunded, or an authorisation that was completed later by the buyer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentChanged {
    /// The payment as it is now.
    pub payment: Payment,
    /// Version of the payment.
    pub version: i64,
}

impl Event for PaymentChanged {
    const TYPE: &'static str = "payment.changed.v1";
    fn aggregate(&self) -> Uuid {
        self.payment.id.0
    }
    fn version(&self) -> i64 {
        self.version
    }
}
