//! Notification: tells buyers about their orders and accounts.
//!
//! Owns: contacts (a projection of orders), deliveries, the mails' templates. Calls: a mail server, or writes to a folder.
//! Emits: nothing. Consumes: `order.placed.v1`, `order.changed.v1`, `shipping.shipped.v1`, `identity.link_requested.v1`,
//! `identity.login_attempts.v1`, `identity.email_change_requested.v1`, `identity.email_changed.v1`. Called by: the command line.
//!
//! A delivery is inserted with the inbox row of the event that asks for it, so there is one for each fact however often
//! the event comes. It is sent at least once, always under the same Message-ID, by which mail servers and readers know a
//! repetition.

mod carrier;
mod compose;
mod consumers;
mod content;
mod module;
mod sender;
mod service;
mod settings;
mod smtp;
mod store;
mod test_message;

use std::sync::Arc;

use souk_db::{Db, Migrations};
use souk_flow::Consumer;

pub use module::SPEC;
pub use sender::run_sender;
pub use service::NotificationService;
pub use settings::{MailTransport, ShopConfig, SmtpConfig, SmtpTls, check_sender};
pub use store::STATEMENTS;
pub use test_message::send_test_message;

/// Tables of this service.
pub const MIGRATIONS: Migrations = Migrations {
    schema: "notification",
    files: &[
        souk_flow::TABLES,
        ("0001_init", include_str!("../migrations/0001_init.sql")),
        souk_flow::TRACE_CONTEXT,
        ("0007_trace_context", include_str!("../migrations/0007_trace_context.sql")),
        ("0008_unsent", include_str!("../migrations/0008_unsent.sql")),
    ],
};

/// What the service needs.
pub struct NotificationDeps {
    /// Its schema.
    pub db: Db,
    /// Who writes.
    pub shop: ShopConfig,
    /// How mails leave.
    pub transport: MailTransport,
}

/// What the worker role reads.
pub fn consumers(service: &Arc<NotificationService>) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(consumers::Facts(service.clone()))]
}
