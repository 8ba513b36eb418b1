//! Payload of a reconciliation job: a call of a provider whose answer was lost; the job asks what became of it.

use serde::{Deserialize, Serialize};
use souk_kernel::Money;
use souk_payment_api::PaymentId;
use uuid::Uuid;

use crate::provider::key;
use crate::store::StoredPayment;

/// What a payment is about, for one that our books may not know.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The payment.
    pub id: PaymentId,
    /// Its order.
    pub order_id: Uuid,
    /// Its provider.
    pub provider: &'a str,
    /// What was asked for.
    pub amount: Money,
}

impl<'a> About<'a> {
    /// A payment that we know.
    pub fn of(stored: &'a StoredPayment) -> Self {
        Self { id: stored.id, order_id: stored.order_id, provider: &stored.provider, amount: stored.amount() }
    }
}

/// What got lost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// The payment.
    pub payment_id: PaymentId,
    /// Its order.
    pub order_id: Uuid,
    /// Who was called.
    pub provider: String,
    /// What was asked for.
    pub amount: Money,
    /// What was called.
    pub call: Call,
}

/// The call whose answer got lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // each is its own word
pub enum Call {
    Authorise,
    Capture,
    Void,
    Refund { key: String, amount: i64 },
}

impl Question {
    /// About a payment our books may not know.
    pub fn new(about: &About<'_>, call: Call) -> Self {
        let provider = about.provider.to_owned();
        Self { payment_id: about.id, order_id: about.order_id, provider, amount: about.amount, call }
    }

    /// About a payment we know.
    pub fn of(stored: &StoredPayment, call: Call) -> Self {
        Self::new(&About::of(stored), call)
    }

    /// The payment it is about.
    pub fn about(&self) -> About<'_> {
        About { id: self.payment_id, order_id: self.order_id, provider: &self.provider, amount: self.amount }
    }

    /// The provider's key of the call; one job for each.
    pub fn key(&self) -> String {
        match &self.call {
            Call::Authorise => key::authorise(self.payment_id),
            Call::Capture => key::capture(self.payment_id),
            Call::Void => key::void(self.payment_id),
            Call::Refund { key: refund, .. } => key::refund(self.payment_id, refund),
        }
    }
}
