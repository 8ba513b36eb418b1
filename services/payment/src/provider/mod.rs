//! Interface of a payment provider: what the service needs of it. The sandbox implements it; others will, beside it.
//!
//! Every call that moves money goes out under a key derived from the payment, so repeating it never moves money twice, and
//! an answer that got lost can be asked for with [`Provider::lookup_by_key`].

mod registry;
mod sandbox;
mod signature;

use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use jiff::Timestamp;
use souk_kernel::{Currency, Money};
use souk_payment_api::PaymentId;
use uuid::Uuid;

use crate::domain::ProviderReport;

pub(crate) use registry::Providers;
pub use sandbox::{SandboxProvider, SandboxSettings};
pub use signature::WebhookError;

/// The provider's keys of one payment.
pub mod key {
    use souk_payment_api::PaymentId;

    /// Of the authorisation: the payment itself.
    pub fn authorise(payment: PaymentId) -> String {
        payment.to_string()
    }

    /// Of the capture.
    pub fn capture(payment: PaymentId) -> String {
        format!("{payment}/capture")
    }

    /// Of the void.
    pub fn void(payment: PaymentId) -> String {
        format!("{payment}/void")
    }

    /// Of one refund.
    pub fn refund(payment: PaymentId, refund: &str) -> String {
        format!("{payment}/refund/{refund}")
    }
}

/// What came of a call instead of an answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProviderError {
    /// It was never sent: the provider is out of reach, or we are holding back. Nothing happened.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It was sent and no answer came, or one that says nothing. It may have happened: ask by key.
    #[error("no answer: {0}")]
    Unknown(String),
    /// The provider will not do it; nothing happened.
    #[error("refused with {code}: {detail}")]
    Refused {
        /// The provider's code.
        code: String,
        /// The provider's words, scrubbed.
        detail: String,
    },
}

/// An authorisation to ask for.
#[derive(Clone, Copy, Debug)]
pub struct AskAuthorisation<'a> {
    /// The payment, and the key.
    pub payment: PaymentId,
    /// Sent along, so that the provider's events can be understood even if we never heard of the payment.
    pub order: Uuid,
    /// How much.
    pub amount: Money,
    /// For a means of payment.
    pub token: &'a str,
}

/// A payment as a provider's event or ledger shows it.
#[derive(Clone, Debug)]
pub struct ReportedPayment {
    /// Our payment; none when it is not one of ours.
    pub payment: Option<PaymentId>,
    /// The key as the provider has it, scrubbed.
    pub key: String,
    /// Our order, if the provider sends it.
    pub order: Option<Uuid>,
    /// What was asked for; none for a key that was closed before.
    pub amount: Option<Money>,
    /// What the provider says of it.
    pub report: ProviderReport,
}

/// A webhook that was proven to be the provider's.
#[derive(Clone, Debug)]
pub struct WebhookEvent {
    /// The provider's id of the event: the same for every repetition.
    pub id: String,
    /// The provider's word for it.
    pub event_type: String,
    /// What it is about.
    pub reported: ReportedPayment,
}

/// Some of the provider's ledger.
#[derive(Debug)]
pub struct LedgerPage {
    /// Oldest first.
    pub items: Vec<ReportedPayment>,
    /// Where to go on.
    pub next: Option<u64>,
}

/// A payment provider. `within` is how long the caller waits; after it the answer is [`ProviderError::Unknown`].
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// `sandbox`.
    fn name(&self) -> &'static str;
    /// Holds money under [`key::authorise`]. A refusal of the buyer's means is a report, not an error.
    async fn authorise(&self, ask: AskAuthorisation<'_>, within: Duration) -> Result<ProviderReport, ProviderError>;
    /// Takes what is held, under [`key::capture`].
    async fn capture(
        &self,
        payment: PaymentId,
        amount: Money,
        within: Duration,
    ) -> Result<ProviderReport, ProviderError>;
    /// Gives back what is held, under [`key::void`]. Of a payment it does not know, it closes the key, so that an
    /// authorisation still on its way finds it voided.
    async fn void(&self, payment: PaymentId, within: Duration) -> Result<ProviderReport, ProviderError>;
    /// Pays back, under [`key::refund`].
    async fn refund(
        &self,
        payment: PaymentId,
        refund: &str,
        amount: Money,
        within: Duration,
    ) -> Result<ProviderReport, ProviderError>;
    /// The payment as it is now, if anything was done under `key`.
    async fn lookup_by_key(&self, key: &str, within: Duration) -> Result<Option<ProviderReport>, ProviderError>;
    /// The event in a webhook, if it is the provider's own and recent.
    fn verify_webhook(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<WebhookEvent, WebhookError>;
    /// The provider's books from `after` on.
    async fn ledger(&self, after: Option<u64>) -> Result<LedgerPage, ProviderError>;
}

/// The amount, when the provider names a currency we know.
pub(crate) fn money(amount: i64, currency: Option<Currency>) -> Option<Money> {
    currency.map(|currency| currency.of(amount))
}
