//! Answers that got lost are asked for until they are known: jobs, so that it goes on after a crash.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use souk_flow::{Job, JobHandler};
use souk_kernel::{Money, Problem};
use souk_payment_api::PaymentId;
use souk_rpc::Cx;
use uuid::Uuid;

use crate::provider::{Provider, key};
use crate::service::PaymentService;
use crate::settle::{About, LOOKUP_TIMEOUT};
use crate::store::Stored;

/// Kind of these jobs.
pub const KIND: &str = "payment.ask";
/// The caller is expected to ask again itself; this is for when it does not.
pub const FIRST_DELAY: Duration = Duration::from_secs(15);
/// Tries after which "not done" is believed: about a minute later than the request can still be under way.
const BELIEVED_AFTER: i32 = 7;

/// What got lost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    payment_id: PaymentId,
    order_id: Uuid,
    provider: String,
    amount: Money,
    call: Call,
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
    pub fn about(stored: &Stored, call: Call) -> Self {
        Self::new(&About::of(stored), call)
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

/// Asks.
pub struct Ask(pub Arc<PaymentService>);

#[async_trait]
impl JobHandler for Ask {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> Result<(), Problem> {
        let question: Question = job.payload()?;
        let service = &self.0;
        let provider = service.provider(&question.provider);
        let provider = provider.ok_or_else(|| Problem::unavailable("provider_not_configured", &question.provider))?;
        let known = service.store.get(question.payment_id).await?;
        match &question.call {
            Call::Void => self.void(provider, &question, known).await,
            Call::Refund { key, amount } => match known {
                // The intent is on disk, so it is carried out, not only asked for.
                Some(stored) => {
                    let cx = Cx::system(format!("job-{}", job.id));
                    service.refund_intended(&cx, stored, key, *amount).await.map(drop)
                }
                None => Err(Problem::internal("a refund of a payment that is not there")),
            },
            Call::Authorise | Call::Capture => self.ask(provider, &question, known, job.attempt).await,
        }
    }
}

impl Ask {
    /// Whether it happened. Repeating it is the caller's business: its saga may have turned back meanwhile.
    async fn ask(
        &self,
        provider: &Arc<dyn Provider>,
        question: &Question,
        known: Option<Stored>,
        attempt: i32,
    ) -> Result<(), Problem> {
        let found = provider.lookup_by_key(&question.key(), LOOKUP_TIMEOUT).await;
        let found = found.map_err(|error| Problem::unavailable("payment_provider_unavailable", error))?;
        let decided =
            known.as_ref().is_some_and(|stored| question.call == Call::Authorise || stored.standing.captured > 0);
        match found {
            Some(fact) => self.0.settle(known, &question.about_it(), fact, true).await.map(drop),
            None if decided => Ok(()),
            None if attempt >= BELIEVED_AFTER => {
                tracing::info!(payment = %question.payment_id, call = ?question.call, "it never happened at the provider");
                Ok(())
            }
            None => Err(Problem::unavailable("payment_not_known_yet", question.key())),
        }
    }

    /// Tells the provider until it has heard: nothing may stay held under a closed payment.
    async fn void(
        &self,
        provider: &Arc<dyn Provider>,
        question: &Question,
        known: Option<Stored>,
    ) -> Result<(), Problem> {
        let open = known.as_ref().is_some_and(|stored| {
            let standing = &stored.standing;
            standing.is_tombstone() || (standing.given_back() == 0 && standing.captured == 0 && standing.authorised > 0)
        });
        if known.is_some() && !open {
            return Ok(());
        }
        let fact = provider.void(question.payment_id, LOOKUP_TIMEOUT).await;
        let fact = fact.map_err(|error| Problem::unavailable("payment_provider_unavailable", error))?;
        self.0.settle(known, &question.about_it(), fact, true).await.map(drop)
    }
}

impl Question {
    fn about_it(&self) -> About<'_> {
        About { id: self.payment_id, order_id: self.order_id, provider: &self.provider, amount: self.amount }
    }
}
