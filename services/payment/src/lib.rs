//! Payments: taking money.
//!
//! Owns: payments, their double-entry books, refunds under way, webhooks seen. Calls: payment providers, over HTTP. Emits:
//! `payment.changed.v1`. Consumes: nothing. Called by: order (its saga and its cancellations), the command line.
//!
//! The caller's saga is the durable intent: it chooses the payment's id, which is also the provider's key, before anything
//! is sent. So nothing is written before the provider has answered, one shared commit after it, and a crash in between
//! is healed by asking again under the same key. An answer that stayed unknown is asked for by a job as well.

mod audit;
mod change_batch;
mod domain;
mod errors;
mod http;
mod module;
pub mod provider;
mod question;
mod reconcile;
mod record_outcome;
mod refunds;
mod service;
mod store;
mod voids;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use souk_db::{Db, Migrations};
use souk_flow::{Consumer, JobHandler, Schedule};
use souk_kernel::Clock;
use souk_runtime::Tasks;

pub use http::{operations, routes};
pub use module::{SANDBOX_API_KEY, SANDBOX_WEBHOOKS, SPEC, sandbox_secret};
pub use provider::{Provider, SandboxProvider, SandboxSettings};
pub use service::PaymentService;
pub use store::STATEMENTS;

/// Tables of this service.
pub const MIGRATIONS: Migrations = Migrations {
    schema: "payment",
    files: &[souk_flow::TABLES, ("0001_init", include_str!("../migrations/0001_init.sql")), souk_flow::TRACE_CONTEXT],
};

/// How long a provider may take by default, before it is asked by key what became of it: a buyer still waits for the
/// answer then (a checkout request waits 8 s).
pub const DEFAULT_PROVIDER_TIMEOUT: Duration = Duration::from_secs(4);

/// What the service needs.
pub struct PaymentDeps {
    /// Its schema.
    pub db: Db,
    /// Where its background work runs.
    pub tasks: Tasks,
    /// When payments are made, and how old webhooks are.
    pub clock: Clock,
    /// Who moves the money.
    pub providers: Vec<Arc<dyn Provider>>,
    /// How long a provider may take; see [`DEFAULT_PROVIDER_TIMEOUT`].
    pub provider_timeout: Duration,
}

/// What the worker role reads: nothing.
pub fn consumers(_service: &Arc<PaymentService>) -> Vec<Arc<dyn Consumer>> {
    Vec::new()
}

/// What the worker role does later: asking for answers that got lost.
pub fn jobs(service: &Arc<PaymentService>) -> Vec<Arc<dyn JobHandler>> {
    vec![Arc::new(reconcile::Ask(service.recorder().clone()))]
}

/// What the worker role does regularly.
pub fn schedules(service: &Arc<PaymentService>) -> Vec<Schedule> {
    vec![audit::schedule(service.recorder())]
}
