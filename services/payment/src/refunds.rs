//! Refunds. The intent is written first, since refunds are rare and two at once must not promise the same money.

use souk_kernel::Problem;
use souk_payment_api::{Refund, looks_like_card};
use souk_rpc::Cx;

use crate::domain::{RefundState, decide_refund};
use crate::provider::key;
use crate::question::{About, Call, Question};
use crate::record_outcome::Recorder;
use crate::store::StoredPayment;

/// Characters of a refund's key.
const MAX_KEY: usize = 255;

/// Refunds once under its key.
pub async fn refund(recorder: &Recorder, cx: &Cx, request: Refund) -> Result<StoredPayment, Problem> {
    let fits = (1..=MAX_KEY).contains(&request.key.len()) && request.key.bytes().all(|b| b.is_ascii_graphic());
    if !fits || looks_like_card(&request.key) {
        return Err(Problem::invalid_field("/key", format!("must be 1 to {MAX_KEY} visible ASCII characters")));
    }
    let amount = request.amount.amount;
    let tx = recorder.store.begin().await?;
    let stored = recorder.store.lock(&tx, request.payment_id).await?.ok_or_else(|| Problem::not_found("payment"))?;
    if stored.currency != request.amount.currency {
        return Err(Problem::conflict("currency_mismatch", "a refund is in the payment's currency"));
    }
    let known = recorder.store.refunds(&tx, stored.id).await?;
    match decide_refund(&stored.state, &known, &request.key, amount)? {
        Some(RefundState::Done) => return Ok(stored),
        Some(_) => drop(tx),
        None => {
            recorder.store.intend_refund(&tx, stored.id, &request.key, amount).await?;
            tx.commit().await?;
        }
    }
    carry_out(recorder, cx, stored, &request.key, amount).await
}

/// Makes a refund that was written down; also called by the job that finds it unfinished.
pub async fn carry_out(
    recorder: &Recorder,
    cx: &Cx,
    stored: StoredPayment,
    refund: &str,
    amount: i64,
) -> Result<StoredPayment, Problem> {
    let provider = recorder.provider_of(&stored)?;
    let question = Question::of(&stored, Call::Refund { key: refund.to_owned(), amount });
    let answer = provider.refund(stored.id, refund, stored.currency.of(amount), recorder.within(cx)).await;
    let report = match recorder.answer(provider, answer, &key::refund(stored.id, refund), &question).await {
        Ok(report) => report,
        Err(problem) if problem.kind.is_fault() => return Err(problem),
        Err(problem) => {
            recorder.store.end_refund(stored.id, refund, RefundState::Refused).await?;
            return Err(problem);
        }
    };
    let about = About::of(&stored);
    let recorded = recorder.record_outcome(Some(stored.clone()), &about, report, true).await?;
    recorder.store.end_refund(recorded.id, refund, RefundState::Done).await?;
    Ok(recorded)
}
