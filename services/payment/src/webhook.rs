//! Webhooks: what providers report unasked. The same reports as in answers, through the same state machine, so duplicates, late
//! replays and any order come to the same state; the event is noted once, after its effect.

use http::HeaderMap;
use souk_kernel::Problem;

use crate::domain::Mismatch;
use crate::provider::{Provider, ReportedPayment, WebhookEvent};
use crate::question::About;
use crate::record_outcome::Recorder;

/// Takes a webhook of `provider` in. 404 for a provider we do not have, 401 for one that is not proven to be fresh and the
/// provider's own, 422 for one that is not understood.
pub async fn receive(recorder: &Recorder, provider: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    let provider = recorder.providers.get(provider).ok_or_else(|| Problem::not_found("payment provider"))?;
    let event = provider.verify_webhook(headers, body, recorder.clock.now()).map_err(|error| {
        metrics::counter!("souk_webhooks_total", "provider" => provider.name(), "outcome" => "refused").increment(1);
        Problem::from(error)
    })?;
    let WebhookEvent { id, event_type, reported } = event;
    let outcome = match apply_reported(recorder, provider.as_ref(), &reported).await {
        Ok(true) => "applied",
        Ok(false) => "ignored",
        // Repeating it would not help: it is logged as an error, and the audit shows the difference.
        Err(problem) if problem.is("payment_contradiction") => "contradiction",
        Err(problem) => return Err(problem),
    };
    recorder.store.seen(provider.name(), &id, &event_type, reported.payment, outcome).await?;
    metrics::counter!("souk_webhooks_total", "provider" => provider.name(), "outcome" => outcome).increment(1);
    Ok(())
}

/// False when it is about nothing of ours.
async fn apply_reported(
    recorder: &Recorder,
    provider: &dyn Provider,
    reported: &ReportedPayment,
) -> Result<bool, Problem> {
    let Some(id) = reported.payment else { return Ok(false) };
    let known = recorder.store.get(id).await?;
    if let Some(stored) = &known {
        let same = stored.provider == provider.name() && reported.amount.is_none_or(|a| a == stored.amount());
        if !same {
            tracing::error!(payment = %id, provider = provider.name(), "a webhook about another amount or provider");
            return Err(Mismatch::OtherPayment.into());
        }
        let about = About::of(stored);
        recorder.record_outcome(known.clone(), &about, reported.report.clone(), true).await?;
        return Ok(true);
    }
    let (Some(order_id), Some(amount)) = (reported.order, reported.amount) else { return Ok(false) };
    let about = About { id, order_id, provider: provider.name(), amount };
    recorder.record_outcome(None, &about, reported.report.clone(), true).await?;
    Ok(true)
}
