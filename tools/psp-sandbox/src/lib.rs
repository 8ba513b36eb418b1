//! Sandbox payment provider to develop, test and measure against: an HTTP server of its own with its own ledger, which the
//! payment service calls over a real socket as it would any other provider.
//!
//! | call | does |
//! |---|---|
//! | `POST /v1/authorisations {amount, currency, token, reference?}` | holds money; 201, or 200 when repeated |
//! | `POST /v1/captures {authorisation \| authorisation_key, amount?}` | takes it |
//! | `POST /v1/voids {authorisation \| authorisation_key}` | gives it back; closes a key that was never seen |
//! | `POST /v1/refunds {authorisation \| authorisation_key, amount?}` | pays it back |
//! | `GET /v1/operations?key=` | what was done under an idempotency key: how an unknown answer is asked for |
//! | `GET /v1/ledger?after=&limit=` | every authorisation with its amounts: to compare books with |
//! | `GET`, `POST /pay/{id}/{proof}` | the page on which a buyer approves or denies |
//!
//! Every `POST` needs an `Idempotency-Key`; amounts are minor units. Signed webhooks go to a configured URL. Whatever looks
//! like a card number is refused, and neither stored nor logged. Nothing here knows the shop; no real money moves.

mod core;
mod http;
mod journal;
mod ledger;
mod page;
mod token;
mod view;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use souk_kernel::{Clock, Secret};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use journal::JournalError;
pub use token::Token;
pub use webhook::sign;

/// How a sandbox behaves.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Where its journal lies.
    pub data_dir: PathBuf,
    /// What a merchant proves itself with: `Authorization: Bearer <key>`.
    pub api_key: Secret<String>,
    /// Where events are posted; without it, none are.
    pub webhook: Option<WebhookConfig>,
    /// How buyers reach it, for action pages: `https://pay.example.org`. Default: the address it listens on.
    pub public_url: Option<String>,
    /// Where an action page leads back to.
    pub shop_url: Option<String>,
    /// How long `tok_slow` takes.
    pub slow: Duration,
    /// How long `tok_timeout_after_charge` keeps a connection before it is cut.
    pub hang: Duration,
    /// Where timestamps come from.
    pub clock: Clock,
}

impl SandboxConfig {
    /// The usual behaviour, without webhooks.
    pub fn new(data_dir: PathBuf, api_key: Secret<String>) -> Self {
        Self {
            data_dir,
            api_key,
            webhook: None,
            public_url: None,
            shop_url: None,
            slow: Duration::from_secs(3),
            hang: Duration::from_secs(60),
            clock: Clock::system(),
        }
    }
}

/// Where webhooks go.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// `http://` only: the sandbox stands beside the shop.
    pub url: String,
    /// What they are signed with.
    pub secret: Secret<String>,
    /// Which.
    pub events: WebhookEvents,
    /// Pause after the first failed try; doubles up to a minute.
    pub first_pause: Duration,
    /// Tries before an event is given up.
    pub tries: u32,
}

impl WebhookConfig {
    /// The events that no answer told of, tried for about an hour.
    pub fn new(url: String, secret: Secret<String>) -> Self {
        let first_pause = Duration::from_millis(500);
        Self { url, secret, events: WebhookEvents::Unanswered, first_pause, tries: 70 }
    }
}

/// What a merchant subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEvents {
    /// What it cannot know from an answer: a buyer's decision, a charge whose answer never went out.
    Unanswered,
    /// Every change.
    All,
}

/// Why a sandbox does not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Its ledger cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The webhook's URL is not an `http://` one.
    #[error("the sandbox's webhook url must be an http:// url")]
    WebhookUrl,
    /// Its socket failed.
    #[error("the sandbox's listener: {0}")]
    Io(#[from] std::io::Error),
}

/// Serves until `shutdown` is cancelled; requests under way are answered.
///
/// The ledger is read first; connections wait meanwhile. A second server on the same directory is refused.
pub async fn serve(
    listener: TcpListener,
    config: SandboxConfig,
    shutdown: CancellationToken,
) -> Result<(), SandboxError> {
    let address = listener.local_addr()?;
    let sender = config.webhook.clone().map(webhook::Sender::new).transpose()?;
    let opened = tokio::task::spawn_blocking(move || core::Core::open(config, address, shutdown));
    let core = Arc::new(opened.await.map_err(std::io::Error::other)??);
    let shutdown = core.shutdown.clone();
    tracing::info!(%address, "payment sandbox listens");
    let listener = listener.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    });
    let server = axum::serve(listener, http::router(core.clone())).with_graceful_shutdown(shutdown.cancelled_owned());
    let webhooks = async {
        if let Some(sender) = sender {
            sender.run(&core).await;
        }
    };
    let (served, ()) = tokio::join!(server.into_future(), webhooks);
    Ok(served?)
}
