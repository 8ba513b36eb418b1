//! Paying back: the intent is written first, since refunds are rare and two at once must not promise the same money.

use souk_kernel::Problem;
use souk_payment_api::{Refund, looks_like_card};
use souk_rpc::Cx;

use crate::domain::{RefundState, decide_refund};
use crate::provider::key;
use crate::reconcile::{Call, Question};
use crate::service::PaymentService;
use crate::settle::About;
use crate::store::Stored;

/// Characters of a refund's key.
const MAX_KEY: usize = 255;

impl PaymentService {
    pub(crate) async fn refund_once(&self, cx: &Cx, request: Refund) -> Result<Stored, Problem> {
        let fits = (1..=MAX_KEY).contains(&request.key.len()) && request.key.bytes().all(|b| b.is_ascii_graphic());
        if !fits || looks_like_card(&request.key) {
            return Err(Problem::invalid_field("/key", format!("must be 1 to {MAX_KEY} visible ASCII characters")));
        }
        let amount = request.amount.amount;
        let tx = self.store.begin().await?;
        let stored = self.store.lock(&tx, request.payment_id).await?.ok_or_else(|| Problem::not_found("payment"))?;
        if stored.currency != request.amount.currency {
            return Err(Problem::conflict("currency_mismatch", "a refund is in the payment's currency"));
        }
        let known = self.store.refunds(&tx, stored.id).await?;
        match decide_refund(&stored.standing, &known, &request.key, amount)? {
            Some(RefundState::Done) => return Ok(stored),
            Some(_) => drop(tx),
            None => {
                self.store.intend_refund(&tx, stored.id, &request.key, amount).await?;
                tx.commit().await?;
            }
        }
        self.refund_intended(cx, stored, &request.key, amount).await
    }

    /// Makes a refund that was written down; also called by the job that finds it unfinished.
    pub(crate) async fn refund_intended(
        &self,
        cx: &Cx,
        stored: Stored,
        refund: &str,
        amount: i64,
    ) -> Result<Stored, Problem> {
        let provider = self.provider_of(&stored)?;
        let question = Question::about(&stored, Call::Refund { key: refund.to_owned(), amount });
        let answer = provider.refund(stored.id, refund, stored.currency.of(amount), self.within(cx)).await;
        let fact = match self.answer(provider, answer, &key::refund(stored.id, refund), &question).await {
            Ok(fact) => fact,
            Err(problem) if problem.kind.is_fault() => return Err(problem),
            Err(problem) => {
                self.store.end_refund(stored.id, refund, RefundState::Refused).await?;
                return Err(problem);
            }
        };
        let about = About::of(&stored);
        let settled = self.settle(Some(stored.clone()), &about, fact, true).await?;
        self.store.end_refund(settled.id, refund, RefundState::Done).await?;
        Ok(settled)
    }
}
