//! Authorisation step of the checkout saga: holds the money; it waits for a buyer whom the provider asks for more.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use souk_flow::{Failure, Progress, SagaRun, Step};
use souk_kernel::{Kind, Money, Problem};
use souk_order_api::OrderId;
use souk_payment_api::{Authorise, ByOrder, PaymentClient, PaymentId, PaymentStatus, Refund, VoidPayment};
use souk_rpc::Cx;

use super::super::Shared;
use super::super::state::CheckoutState;
use super::{HOLD_SECONDS, given_up, missing};
use crate::waiters::Outcome;

/// How often a checkout that waits for its buyer looks by itself; the payment's event usually comes first.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// Holds the money.
pub(super) struct AuthorisePayment {
    pub(super) payment: PaymentClient,
    pub(super) shared: Arc<Shared>,
}

#[async_trait]
impl Step<CheckoutState> for AuthorisePayment {
    fn name(&self) -> &'static str {
        "authorise"
    }
    fn left(&self, state: &mut CheckoutState, _: &Problem) {
        state.left.push(self.name().to_owned());
    }
    async fn run(&self, cx: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<Progress, Failure> {
        if state.amount.amount == 0 {
            return Ok(Progress::Done);
        }
        let authorise = Authorise {
            payment_id: PaymentId(saga.id),
            order_id: saga.id,
            amount: state.amount,
            provider: state.payment.provider.clone(),
            token: self.shared.seal.open(saga.id, &state.payment.token)?,
        };
        let payment = match self.payment.authorise(cx, authorise).await {
            // No provider was asked, so there is nothing to take back.
            Err(problem) if problem.is("unknown_payment_provider") || problem.is("payment_amount") => {
                state.declined = true;
                return Err(Failure::Refused(problem));
            }
            answer => answer?,
        };
        match payment.status {
            PaymentStatus::Authorised | PaymentStatus::Captured => Ok(Progress::Done),
            PaymentStatus::RequiresAction => self.wait_for_buyer(saga, payment.action_url).await,
            PaymentStatus::Declined => {
                state.declined = true;
                let reason = payment.decline_code.unwrap_or_else(|| "declined".into());
                Err(Failure::Refused(
                    Problem::new(Kind::Declined, "payment_declined", format!("the payment was declined: {reason}"))
                        .with_data(serde_json::json!({ "reason": reason })),
                ))
            }
            PaymentStatus::Voided | PaymentStatus::Refunded => Err(Failure::Refused(Problem::new(
                Kind::Declined,
                "payment_declined",
                "the payment was given back before it was completed",
            ))),
        }
    }
    async fn undo(&self, cx: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<(), Failure> {
        if state.amount.amount == 0 || state.declined {
            return Ok(());
        }
        let void = VoidPayment {
            payment_id: PaymentId(saga.id),
            order_id: saga.id,
            provider: state.payment.provider.clone(),
            amount: state.amount,
        };
        match self.payment.void(cx, void).await {
            Err(problem) if problem.is("payment_captured") => self.refund(cx, saga).await,
            answer => Ok(answer.map(drop)?),
        }
    }
}

impl AuthorisePayment {
    /// The provider took the money before it heard that the order was given up.
    async fn refund(&self, cx: &Cx, saga: SagaRun) -> Result<(), Failure> {
        for payment in self.payment.by_order(cx, ByOrder { order_id: saga.id }).await?.items {
            let amount = Money { amount: payment.captured.amount - payment.refunded.amount, ..payment.captured };
            if amount.amount > 0 {
                let refund = Refund { payment_id: payment.id, key: format!("{}/undo", saga.id), amount };
                self.payment.refund(cx, refund).await?;
            }
        }
        Ok(())
    }

    /// The buyer has as long as the stock is held.
    async fn wait_for_buyer(&self, saga: SagaRun, url: Option<String>) -> Result<Progress, Failure> {
        let id = OrderId(saga.id);
        let row = self.shared.store.by_id(id).await?.ok_or_else(|| missing(id))?;
        if row.given_up {
            return Err(Failure::Refused(given_up()));
        }
        let waited = self.shared.clock.now().duration_since(row.order.placed_at);
        if waited.as_secs() >= i64::from(HOLD_SECONDS) {
            let detail = "the payment was not completed in time";
            return Err(Failure::Refused(Problem::new(Kind::Declined, "payment_not_completed", detail)));
        }
        let url = url.unwrap_or_default();
        if row.action_url.is_none() && !self.shared.store.action_required(&row, &url, self.shared.unpaid).await? {
            return Err(Failure::Refused(too_many_unpaid()));
        }
        self.shared.waiters.notify(id, Outcome::ActionRequired(url));
        Err(Failure::Wait(LOOK_AGAIN))
    }
}

fn too_many_unpaid() -> Problem {
    let detail = "too many orders wait for their payment already: complete or cancel one of them first";
    Problem::conflict("too_many_unpaid_orders", detail)
}
