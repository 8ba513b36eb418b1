//! Reconciliation of single calls: answers that got lost are asked for until they are known, by jobs, so that it goes on
//! after a crash.

use std::sync::Arc;

use async_trait::async_trait;
use souk_flow::{Job, JobHandler};
use souk_kernel::Problem;
use souk_rpc::Cx;

use crate::provider::Provider;
use crate::question::{Call, Question};
use crate::record_outcome::{ASK, LOOKUP_TIMEOUT, Recorder};
use crate::refunds;
use crate::store::StoredPayment;

/// Tries after which "not done" is believed: about a minute later than the request can still be under way.
const BELIEVED_AFTER: i32 = 7;

/// Asks.
pub struct Ask(pub Arc<Recorder>);

#[async_trait]
impl JobHandler for Ask {
    fn kind(&self) -> &'static str {
        ASK
    }

    async fn run(&self, job: &Job) -> Result<(), Problem> {
        let question: Question = job.payload()?;
        let recorder = &self.0;
        let provider = recorder.providers.get(&question.provider);
        let provider = provider.ok_or_else(|| Problem::unavailable("provider_not_configured", &question.provider))?;
        let known = recorder.store.get(question.payment_id).await?;
        match &question.call {
            Call::Void => self.void(provider, &question, known).await,
            Call::Refund { key, amount } => match known {
                // The intent is on disk, so it is carried out, not only asked for.
                Some(stored) => {
                    let cx = Cx::system(format!("job-{}", job.id));
                    refunds::carry_out(recorder, &cx, stored, key, *amount).await.map(drop)
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
        known: Option<StoredPayment>,
        attempt: i32,
    ) -> Result<(), Problem> {
        let found = provider.lookup_by_key(&question.key(), LOOKUP_TIMEOUT).await;
        let found = found.map_err(|error| Problem::unavailable("payment_provider_unavailable", error))?;
        let decided =
            known.as_ref().is_some_and(|stored| question.call == Call::Authorise || stored.state.captured > 0);
        match found {
            Some(report) => self.0.record_outcome(known, &question.about(), report, true).await.map(drop),
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
        known: Option<StoredPayment>,
    ) -> Result<(), Problem> {
        let open = known.as_ref().is_some_and(|stored| {
            let state = &stored.state;
            state.is_tombstone() || (state.given_back() == 0 && state.captured == 0 && state.authorised > 0)
        });
        if known.is_some() && !open {
            return Ok(());
        }
        let report = provider.void(question.payment_id, LOOKUP_TIMEOUT).await;
        let report = report.map_err(|error| Problem::unavailable("payment_provider_unavailable", error))?;
        self.0.record_outcome(known, &question.about(), report, true).await.map(drop)
    }
}
