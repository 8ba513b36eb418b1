//! Mail sender, the worker of the queue: reads a batch, sends it, marks it. One process at a time does, so that a message
//! costs one write in a shared commit; that is why this is not the job queue. A sender that dies between sending and
//! marking, or outlives its lease, makes a repetition under the same Message-ID.

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_kernel::{Ids, Problem};
use souk_notification_api::DeliveryStatus;
use souk_runtime::Tasks;
use souk_trace::{Kind, Span};

use crate::compose::Mail;
use crate::content::Content;
use crate::service::NotificationService;
use crate::smtp::NotSent;
use crate::store::{Due, Marked};

/// Notification channel on which the consumer wakes the sender.
pub const CHANNEL: &str = "souk_mail";
/// Tries before a message is given up: with the pauses below about a day.
const MAX_ATTEMPTS: i32 = 20;
/// Pause after the first failed try, in seconds; doubles.
const FIRST_PAUSE: f64 = 2.0;
/// Longest pause, in seconds.
const LONGEST_PAUSE: f64 = 7200.0;
/// Polling interval without notifications.
const IDLE: Duration = Duration::from_secs(5);
/// Pause after the database failed.
const TROUBLE: Duration = Duration::from_secs(1);
/// Characters kept of an error.
const MAX_ERROR: usize = 500;

/// How long another process waits before it takes over from a sender that died.
const LEASE: Duration = Duration::from_secs(120);
/// A lease with less left is renewed before the next batch; the rest is for one slow batch.
const RENEW_BELOW: Duration = Duration::from_secs(100);

/// Sends until the process stops. Several processes may run it: one sends, the others wait to take over.
pub fn run_sender(tasks: &Tasks, service: &Arc<NotificationService>) {
    let sender = Sender { service: service.clone(), holder: Ids::random().v4(), lease: None };
    let token = tasks.token().clone();
    tasks.spawn("mail sender", async move {
        let mut sender = sender;
        let mut woken = sender.service.db.listen(CHANNEL);
        while !token.is_cancelled() {
            let pause = match sender.round().await {
                Ok(None) => continue,
                Ok(Some(pause)) => pause,
                Err(problem) => {
                    let internal = problem.internal_detail().unwrap_or_default();
                    if let Some(unsaid) = souk_runtime::should_log("mail sender") {
                        tracing::warn!(code = %problem.code, internal, unsaid, "mails cannot be read or marked, will go on");
                    }
                    TROUBLE
                }
            };
            tokio::select! {
                () = token.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
                _ = woken.changed() => {}
            }
        }
        sender.hand_over().await;
    });
}

struct Sender {
    service: Arc<NotificationService>,
    holder: uuid::Uuid,
    lease: Option<Instant>,
}

impl Sender {
    /// One batch; how long to wait when there is nothing to do.
    async fn round(&mut self) -> Result<Option<Duration>, Problem> {
        let now = Instant::now();
        let left = self.lease.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        if left < RENEW_BELOW {
            let leads = self.service.store.lead(self.holder, LEASE.as_secs_f64()).await?;
            self.lease = leads.then_some(now + LEASE);
        }
        if self.lease.is_none() {
            return Ok(Some(IDLE));
        }
        match self.service.send_due().await? {
            0 => Ok(Some(self.service.idle().await)),
            _ => Ok(None),
        }
    }

    /// Lets another process send at once.
    async fn hand_over(&self) {
        if self.lease.is_some()
            && let Err(error) = self.service.store.lead(self.holder, 0.0).await
        {
            tracing::debug!(%error, "the sender's lease could not be handed over; it lapses");
        }
    }
}

impl NotificationService {
    /// Sends one batch of what is due; how many were tried.
    pub async fn send_due(&self) -> Result<usize, Problem> {
        let due = self.store.due().await?;
        if due.is_empty() {
            return Ok(0);
        }
        let tried = due.len();
        let (mut marked, mut mails, mut attempts) = (Vec::with_capacity(tried), Vec::new(), Vec::new());
        let mut spans = Vec::new();
        for message in due {
            match self.compose(&message) {
                Ok(mail) => {
                    let mut span = Span::root(message.trace.as_ref(), Kind::Client, "send mail");
                    span.set("souk.mail.message_id", message.message_id.clone());
                    spans.push(span);
                    attempts.push((message.message_id, message.attempt));
                    mails.push(mail);
                }
                Err(not_sent) => marked.push(outcome(message.message_id, message.attempt, Err(not_sent))),
            }
        }
        let results = self.carrier.send(mails).await;
        for (mut span, result) in spans.into_iter().zip(&results) {
            if result.is_err() {
                span.fail("not_sent");
            }
        }
        let sent = attempts.into_iter().zip(results);
        marked.extend(sent.map(|((message_id, attempt), result)| outcome(message_id, attempt, result)));
        self.store.mark(&marked).await?;
        Ok(tried)
    }

    fn compose(&self, message: &Due) -> Result<Mail, NotSent> {
        let content = message.content.as_ref().map_err(|error| NotSent::Later(format!("unreadable: {error}")))?;
        let (id, date) = (&message.message_id, message.created_at);
        let contact =
            || message.contact.as_ref().ok_or_else(|| NotSent::Later("the order is not known yet".to_owned()));
        // The mail library panics on some input it does not expect; that must not end the sender for all mails.
        let compose = || match content {
            Content::Account(mail) => self.shop.compose_account(id, date, mail).map_err(NotSent::Never),
            _ => self.shop.compose(id, date, contact()?, content).map_err(NotSent::Never),
        };
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(compose)) {
            Ok(mail) => mail,
            Err(_) => Err(NotSent::Never("the mail library panicked".to_owned())),
        }
    }

    /// Until the next message is due, at most [`IDLE`].
    async fn idle(&self) -> Duration {
        match self.store.next().await {
            Ok(Some(seconds)) => Duration::try_from_secs_f64(seconds.max(0.01)).map_or(IDLE, |due| due.min(IDLE)),
            _ => IDLE,
        }
    }
}

fn outcome(message_id: String, attempt: i32, result: Result<(), NotSent>) -> Marked {
    let (status, error) = match result {
        Ok(()) => (DeliveryStatus::Sent, None),
        Err(NotSent::Never(error)) => (DeliveryStatus::Failed, Some(error)),
        Err(NotSent::Later(error)) if attempt >= MAX_ATTEMPTS => (DeliveryStatus::Failed, Some(error)),
        Err(NotSent::Later(error)) => (DeliveryStatus::Queued, Some(error)),
    };
    let name = match status {
        DeliveryStatus::Sent => "sent",
        DeliveryStatus::Failed => "failed",
        DeliveryStatus::Queued => "again",
    };
    metrics::counter!("souk_mails_total", "outcome" => name).increment(1);
    let error = error.map(|error| error.chars().take(MAX_ERROR).collect::<String>());
    match (status, &error) {
        (DeliveryStatus::Failed, Some(error)) => tracing::error!(message_id, attempt, error, "mail given up"),
        (DeliveryStatus::Queued, Some(error)) => {
            tracing::warn!(message_id, attempt, error, "mail not sent, will try again")
        }
        _ => {}
    }
    let pause = (FIRST_PAUSE * 2f64.powi((attempt - 1).clamp(0, 16))).min(LONGEST_PAUSE);
    Marked { message_id, status, error, pause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(attempt: i32) -> Marked {
        outcome("m".into(), attempt, Err(NotSent::Later("x".repeat(1000))))
    }

    #[test]
    fn tries_grow_apart_and_end() {
        assert_eq!((later(1).pause, later(2).pause, later(5).pause), (2.0, 4.0, 32.0));
        assert_eq!(later(19).pause, LONGEST_PAUSE);
        assert_eq!(later(19).status, DeliveryStatus::Queued);
        assert_eq!(later(20).status, DeliveryStatus::Failed);
        assert_eq!(later(1).error.unwrap().len(), MAX_ERROR);
        let total: f64 = (1..MAX_ATTEMPTS).map(|attempt| later(attempt).pause).sum();
        assert!((12.0 * 3600.0..48.0 * 3600.0).contains(&total), "{total} s");
        let never = outcome("m".into(), 1, Err(NotSent::Never("no such mailbox".into())));
        assert_eq!(never.status, DeliveryStatus::Failed);
    }
}
