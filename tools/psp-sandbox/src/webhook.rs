//! Webhook delivery: events are posted to the merchant signed, repeated with growing pauses, in no particular order.

use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sha2::Sha256;
use souk_kernel::Clock;
use tokio::task::JoinSet;

use crate::core::{Core, Due};
use crate::{SandboxError, WebhookConfig};

/// Longest pause between two tries of one event.
pub const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Longest wait for the merchant's answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Events under way at once.
const MAX_IN_FLIGHT: usize = 64;

/// Value of the `Souk-Signature` header: `t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.
pub fn sign(secret: &[u8], seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    format!("t={seconds},v1={}", hex(&mac.finalize().into_bytes()))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

/// Posts what is due.
pub struct Sender {
    config: WebhookConfig,
    url: Uri,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Sender {
    /// A sender to the configured URL.
    pub fn new(config: WebhookConfig) -> Result<Self, SandboxError> {
        let url: Uri = config.url.parse().map_err(|_| SandboxError::WebhookUrl)?;
        if url.scheme_str() != Some("http") || url.host().is_none() {
            return Err(SandboxError::WebhookUrl);
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(TIMEOUT));
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self { config, url, client })
    }

    /// Runs until shutdown; what is not delivered by then is due again after the next start.
    pub async fn run(self, core: &Core) {
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < MAX_IN_FLIGHT
                && let Some(due) = core.next_due()
            {
                let attempt = Delivery {
                    config: self.config.clone(),
                    url: self.url.clone(),
                    client: self.client.clone(),
                    clock: core.config.clock.clone(),
                };
                under_way.spawn(async move { attempt.deliver(due).await });
            }
            tokio::select! {
                () = core.shutdown.cancelled() => return,
                () = core.due.notified(), if under_way.len() < MAX_IN_FLIGHT => {}
                Some(Ok(seq)) = under_way.join_next(), if !under_way.is_empty() => core.told(seq),
            }
        }
    }
}

struct Delivery {
    config: WebhookConfig,
    url: Uri,
    client: Client<HttpConnector, Full<Bytes>>,
    clock: Clock,
}

impl Delivery {
    /// Tries until it is accepted or given up; gives the event's number.
    async fn deliver(self, due: Due) -> u64 {
        let mut pause = self.config.first_pause;
        for attempt in 1..=self.config.tries {
            match tokio::time::timeout(TIMEOUT, self.post(&due.body)).await {
                Ok(Ok(status)) if status.is_success() => return due.seq,
                Ok(Ok(status)) => tracing::debug!(event = due.seq, attempt, %status, "webhook refused"),
                Ok(Err(error)) => tracing::debug!(event = due.seq, attempt, %error, "webhook failed"),
                Err(_) => tracing::debug!(event = due.seq, attempt, "webhook not answered in time"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
        tracing::warn!(event = due.seq, tries = self.config.tries, "webhook given up");
        due.seq
    }

    async fn post(&self, body: &Bytes) -> Result<http::StatusCode, Box<dyn std::error::Error + Send + Sync>> {
        let signature = sign(self.config.secret.reveal().as_bytes(), self.clock.now().as_second(), body);
        let request = Request::post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("souk-signature", signature)
            .body(Full::new(body.clone()))?;
        Ok(self.client.request(request).await?.status())
    }
}
