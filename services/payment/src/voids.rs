//! Voids: giving back what is held, or closing a payment of which nothing was heard, so that it never holds anything.

use std::sync::Arc;
use std::time::Duration;

use souk_kernel::Problem;
use souk_payment_api::{PaymentStatus, VoidPayment};
use souk_rpc::Cx;

use crate::domain::PaymentState;
use crate::provider::{Provider, ProviderError, key};
use crate::question::{About, Call, Question};
use crate::record_outcome::{LOOKUP_TIMEOUT, Recorder, stored_payment};
use crate::store::{Change, StoredPayment};

/// Voids a payment whether our books know it or not.
pub async fn void(recorder: &Recorder, cx: &Cx, request: &VoidPayment) -> Result<StoredPayment, Problem> {
    match recorder.store.get(request.payment_id).await? {
        Some(stored) => void_known(recorder, cx, stored).await,
        None => void_unknown(recorder, cx, request, recorder.providers.requested(&request.provider)?).await,
    }
}

async fn void_known(recorder: &Recorder, cx: &Cx, stored: StoredPayment) -> Result<StoredPayment, Problem> {
    match stored.state.status() {
        Some(PaymentStatus::Declined) => return Ok(stored),
        Some(PaymentStatus::Voided) if !stored.state.is_tombstone() => return Ok(stored),
        Some(PaymentStatus::Captured | PaymentStatus::Refunded) => return Err(captured()),
        _ => {}
    }
    let provider = recorder.provider_of(&stored)?;
    let question = Question::of(&stored, Call::Void);
    let answer = provider.void(stored.id, recorder.within(cx)).await;
    let report = match recorder.answer(provider, answer, &key::void(stored.id), &question).await {
        // Captured behind our back: take that in before anything is said.
        Err(problem) if problem.is("payment_refused_by_provider") => {
            recorder.look_up_authorisation(provider, &stored).await?
        }
        // It is closed here, and the job goes on telling the provider.
        Err(problem) if stored.state.is_tombstone() && problem.kind.is_fault() => return Ok(stored),
        report => report?,
    };
    let recorded = recorder.record_outcome(Some(stored.clone()), &About::of(&stored), report, true).await?;
    if recorded.state.captured > 0 { Err(captured()) } else { Ok(recorded) }
}

async fn void_unknown(
    recorder: &Recorder,
    cx: &Cx,
    request: &VoidPayment,
    provider: &Arc<dyn Provider>,
) -> Result<StoredPayment, Problem> {
    let about =
        About { id: request.payment_id, order_id: request.order_id, provider: provider.name(), amount: request.amount };
    let report = match provider.void(request.payment_id, recorder.within(cx)).await {
        Ok(report) => report,
        Err(ProviderError::Refused { code, detail }) => {
            let found = provider.lookup_by_key(&key::authorise(request.payment_id), LOOKUP_TIMEOUT).await;
            let refused = || Problem::internal(format!("provider refused a void with {code}: {detail}"));
            found.ok().flatten().ok_or_else(refused)?
        }
        // It is closed here and now; the provider is told until it has heard.
        Err(ProviderError::NotSent(why) | ProviderError::Unknown(why)) => {
            tracing::warn!(payment = %request.payment_id, why, "void not confirmed, will be repeated");
            return close(recorder, &about).await;
        }
    };
    let recorded = recorder.record_outcome(None, &about, report, true).await?;
    if recorded.state.captured > 0 { Err(captured()) } else { Ok(recorded) }
}

/// Leaves a tombstone, and a job that closes the key at the provider.
async fn close(recorder: &Recorder, about: &About<'_>) -> Result<StoredPayment, Problem> {
    let change = PaymentState::tombstone(about.amount.amount);
    let stored = stored_payment(about, change.after, recorder.clock.now());
    let change = Change { stored: stored.clone(), lines: change.lines };
    let tx = recorder.store.begin().await?;
    let opened = recorder.store.open(&tx, &[change]).await?;
    recorder.enqueue(&tx, &Question::of(&stored, Call::Void), Duration::ZERO).await?;
    tx.commit().await?;
    recorder.wake_jobs();
    if opened.is_empty() {
        // An authorisation got in first; the job voids it, and the caller may ask again.
        return Err(Problem::unavailable("payment_changed_meanwhile", about.id));
    }
    Ok(stored)
}

fn captured() -> Problem {
    Problem::conflict("payment_captured", "the money was taken already: it is refunded, not voided")
}
