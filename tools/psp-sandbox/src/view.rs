//! JSON views of what leaves the sandbox: authorisations, operations, events.

use bytes::Bytes;
use serde::Serialize;
use souk_kernel::Currency;

use crate::core::Done;
use crate::ledger::{Action, Authorisation, Name, OperationKind, Status};

/// An authorisation as merchants see it.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// `auth_1f2e3d4c_17`.
    pub id: String,
    /// The idempotency key it was asked for with.
    pub key: Name,
    /// The merchant's word for it.
    pub reference: Option<Name>,
    /// Its state.
    pub status: Status,
    /// None for a key that was closed before anything was asked for.
    pub currency: Option<Currency>,
    /// Minor units asked for.
    pub amount: i64,
    /// Minor units held at any time.
    pub authorised: i64,
    /// Minor units taken.
    pub captured: i64,
    /// Minor units paid back.
    pub refunded: i64,
    /// `declined`, `insufficient_funds`.
    pub decline_code: Option<&'static str>,
    /// Where the buyer decides.
    pub action_url: Option<String>,
    /// Number of changes: what is newer has more.
    pub version: u32,
}

impl View {
    /// The view of the authorisation called `id`; `action_url` is asked only while a buyer has to decide.
    pub fn new(id: String, entry: &Authorisation, action_url: impl FnOnce() -> String) -> Self {
        let status = entry.status();
        Self {
            id,
            key: entry.key.clone(),
            reference: entry.reference.clone(),
            status,
            currency: entry.currency,
            amount: entry.amount,
            authorised: entry.authorised,
            captured: entry.captured,
            refunded: entry.refunded,
            decline_code: entry.decline_code(),
            action_url: (status == Status::RequiresAction).then(action_url),
            version: entry.version,
        }
    }
}

/// What was done under a key.
#[derive(Debug, Serialize)]
pub struct OperationView {
    kind: OperationKind,
    amount: i64,
    authorisation: View,
}

impl From<Done> for OperationView {
    fn from(done: Done) -> Self {
        Self { kind: done.operation.kind, amount: done.operation.amount, authorisation: done.view }
    }
}

/// A page of the ledger.
#[derive(Debug, Serialize)]
pub struct LedgerView {
    /// In the order they were made.
    pub items: Vec<View>,
    /// For `after=`; none on the last page.
    pub next: Option<u64>,
}

/// A webhook's body.
#[derive(Debug, Serialize)]
pub struct Event {
    id: String,
    r#type: &'static str,
    /// Milliseconds since 1970.
    created: i64,
    authorisation: View,
}

impl Event {
    /// The event called `id`.
    pub fn new(id: String, at: i64, action: &Action, authorisation: View) -> Self {
        let r#type = match action {
            Action::Capture { .. } => "authorisation.captured",
            Action::Refund { .. } => "authorisation.refunded",
            Action::Void { .. } | Action::Burn { .. } => "authorisation.voided",
            Action::Authorise { .. } | Action::Decide { .. } => match authorisation.status {
                Status::Declined => "authorisation.declined",
                Status::RequiresAction => "authorisation.requires_action",
                _ => "authorisation.authorised",
            },
        };
        Self { id, r#type, created: at, authorisation }
    }

    /// Its bytes; they are what is signed.
    pub fn encode(&self) -> Bytes {
        Bytes::from(serde_json::to_vec(self).expect("an event always encodes"))
    }
}
