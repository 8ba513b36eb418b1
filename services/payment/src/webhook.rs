//! What providers tell us unasked. The same facts as in answers, through the same state machine, so duplicates, late
//! replays and any order come to the same state; the event is noted once, after its effect.

use http::HeaderMap;
use souk_kernel::Problem;

use crate::provider::{Provider, Reported, WebhookEvent};
use crate::service::PaymentService;
use crate::settle::About;

impl PaymentService {
    /// Takes a webhook of `provider` in. 404 for a provider we do not have, 401 for one that is not proven to be fresh and the
    /// provider's own, 422 for one that is not understood.
    pub async fn webhook(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
        let provider = self.provider(provider).ok_or_else(|| Problem::not_found("payment provider"))?;
        let event = provider.verify_webhook(headers, body, self.clock.now()).map_err(|refused| {
            metrics::counter!("souk_webhooks_total", "provider" => provider.name(), "outcome" => "refused")
                .increment(1);
            Problem::from(refused)
        })?;
        let WebhookEvent { id, event_type, reported } = event;
        let outcome = match self.learn_reported(provider.as_ref(), &reported).await {
            Ok(true) => "applied",
            Ok(false) => "ignored",
            // Repeating it would not help: it is logged as an error, and the audit shows the difference.
            Err(problem) if problem.is("payment_contradiction") => "contradiction",
            Err(problem) => return Err(problem),
        };
        self.store.seen(provider.name(), &id, &event_type, reported.payment, outcome).await?;
        metrics::counter!("souk_webhooks_total", "provider" => provider.name(), "outcome" => outcome).increment(1);
        Ok(())
    }

    /// False when it is about nothing of ours.
    async fn learn_reported(&self, provider: &dyn Provider, reported: &Reported) -> Result<bool, Problem> {
        let Some(id) = reported.payment else { return Ok(false) };
        let known = self.store.get(id).await?;
        if let Some(stored) = &known {
            let same = stored.provider == provider.name() && reported.amount.is_none_or(|a| a == stored.amount());
            if !same {
                tracing::error!(payment = %id, provider = provider.name(), "a webhook about another amount or provider");
                return Err(crate::domain::Contradiction::OtherPayment.into());
            }
            let about = About::of(stored);
            self.settle(known.clone(), &about, reported.fact.clone(), true).await?;
            return Ok(true);
        }
        let (Some(order_id), Some(amount)) = (reported.order, reported.amount) else { return Ok(false) };
        let about = About { id, order_id, provider: provider.name(), amount };
        self.settle(None, &about, reported.fact.clone(), true).await?;
        Ok(true)
    }
}
