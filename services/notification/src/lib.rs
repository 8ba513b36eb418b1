//! Notification: tells buyers about their orders and accounts.
//!
//! Owns: contacts (a projection of orders), deliveries, the mails' templates. Calls: a mail server, or writes to a folder.
//! Emits: nothing. Consumes: `order.placed.v1`, `order.changed.v1`, `shipping.shipped.v1`, `identity.link_requested.v1`,
//! `identity.login_attempts.v1`. Called by: the command line.
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
mod store;

use std::path::PathBuf;
use std::sync::Arc;

use souk_db::{Db, Migrations};
use souk_flow::Consumer;

pub use module::SPEC;
pub use sender::run_sender;
pub use service::NotificationService;
pub use store::STATEMENTS;

/// Tables of this service.
pub const MIGRATIONS: Migrations = Migrations {
    schema: "notification",
    files: &[
        souk_flow::TABLES,
        ("0001_init", include_str!("../migrations/0001_init.sql")),
        souk_flow::TRACE_CONTEXT,
        ("0007_trace_context", include_str!("../migrations/0007_trace_context.sql")),
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

/// Who writes, as buyers see it.
#[derive(Clone, Debug)]
pub struct ShopConfig {
    /// Name of the shop.
    pub name: String,
    /// `https://shop.example.org`: links begin with it, and its host is in every Message-ID.
    pub public_url: String,
    /// Sender's address.
    pub from: String,
}

/// How mails leave.
#[derive(Clone, Debug)]
pub enum MailTransport {
    /// One `.eml` file for each message, to look at: the default on a laptop. Made when missing.
    Folder(PathBuf),
    /// A mail server.
    Smtp(SmtpConfig),
}

/// A mail server nearby that passes mails on. Without encryption or password: those are the relay's business.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct SmtpConfig {
    /// Host name or address.
    pub host: String,
    /// 25, 587 or 1025.
    pub port: u16,
}

/// What the worker role reads.
pub fn consumers(service: &Arc<NotificationService>) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(consumers::Facts(service.clone()))]
}
