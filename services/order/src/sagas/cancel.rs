//! The cancellation saga. The decision is one commit, and what follows only goes forward: money back, stock
//! back, and the uses of coupons.

use std::sync::Arc;

use async_trait::async_trait;
use souk_flow::{Failure, NewSaga, Progress, SagaEngine, SagaRun, Step, insert_sagas, wake_saga};
use souk_inventory_api::ByKey;
use souk_kernel::{Ids, Money, Problem};
use souk_order_api::{CancelOrder, Order, OrderChanged, OrderPayment, OrderStatus};
use souk_payment_api::{ByOrder, PaymentStatus, Refund, VoidPayment};
use souk_pricing_api::Unredeem;
use souk_rpc::Cx;

use super::Shared;
use super::state::{CANCELLATION, CancelState, redemption_key};
use crate::OrderDeps;
use crate::domain::{Cancelling, Transition, apply, cancelling};

/// What was decided about an order to cancel.
pub enum Begun {
    /// From here on it is cancelled: money and stock are given back by the saga with this state.
    Cancelled(Order, CancelState),
    /// From here on its checkout can only go back; it has been woken.
    GivenUp,
    /// It was cancelled or given up before.
    Already(Order),
}

/// Decides, in one commit.
pub async fn begin(shared: &Shared, request: &CancelOrder) -> Result<Begun, Problem> {
    let (store, id) = (&shared.store, request.id);
    let tx = store.db().begin().await?;
    // The saga's row before the order's, as the commit that confirms a sale has them: two who lock in one order do not
    // wait for each other in a circle.
    wake_saga(&tx, id.0).await?;
    let row = store.lock(&tx, id).await?.ok_or_else(|| Problem::not_found("order"))?;
    let mut order = row.order;
    Problem::check_version(order.version, request.if_version.as_deref())?;
    let previous = order.status;
    match cancelling(previous, row.action_url.is_some(), row.given_up)? {
        Cancelling::Already => return Ok(Begun::Already(order)),
        Cancelling::GiveUp => {
            store.give_up(&tx, id, shared.clock.now()).await?;
            tx.commit().await?;
            tracing::info!(order = %id, "checkout given up by its buyer");
            return Ok(Begun::GivenUp);
        }
        Cancelling::TakeBack => drop(apply(&mut order, Transition::Cancel, shared.clock.now())?),
    }
    store.save(&tx, &order).await?;
    let coupons = !order.coupons.is_empty();
    let state = CancelState { saga_id: Ids::random().v4(), order_id: id, payment: None, coupons };
    insert_sagas(&tx, &CANCELLATION, &[NewSaga { id: state.saga_id, state: &state, trace: souk_trace::current() }])
        .await?;
    store.outbox().push(&tx, &OrderChanged { order: order.clone(), previous }).await?;
    store.outbox().commit(tx).await?;
    tracing::info!(order = %id, "order cancelled");
    Ok(Begun::Cancelled(order, state))
}

/// The engine for cancellations: no pivot, so it only goes forward.
pub fn engine(deps: &OrderDeps, shared: &Arc<Shared>) -> Arc<SagaEngine<CancelState>> {
    let steps: Vec<Box<dyn Step<CancelState>>> = vec![
        Box::new(GiveMoneyBack(deps.payment.clone())),
        Box::new(GiveStockBack(deps.inventory.clone())),
        Box::new(GiveCouponsBack(deps.pricing.clone())),
        Box::new(Note(shared.clone())),
    ];
    SagaEngine::new(&deps.db, &deps.tasks, &CANCELLATION, steps, |_, _, _| {})
}

struct GiveMoneyBack(souk_payment_api::PaymentClient);

#[async_trait]
impl Step<CancelState> for GiveMoneyBack {
    fn name(&self) -> &'static str {
        "give money back"
    }
    fn may_be_left(&self) -> bool {
        true
    }
    async fn run(&self, cx: &Cx, saga: SagaRun, state: &mut CancelState) -> Result<Progress, Failure> {
        let payments = self.0.by_order(cx, ByOrder { order_id: state.order_id.0 }).await?;
        for payment in payments.items {
            let result = match payment.status {
                PaymentStatus::Captured => {
                    let amount =
                        Money { amount: payment.captured.amount - payment.refunded.amount, ..payment.captured };
                    let refund = Refund { payment_id: payment.id, key: format!("{}/refund", saga.id), amount };
                    self.0.refund(cx, refund).await
                }
                PaymentStatus::Authorised | PaymentStatus::RequiresAction => {
                    let void = VoidPayment {
                        payment_id: payment.id,
                        order_id: payment.order_id,
                        provider: payment.provider,
                        amount: payment.authorised,
                    };
                    self.0.void(cx, void).await
                }
                PaymentStatus::Declined => continue,
                PaymentStatus::Voided | PaymentStatus::Refunded => Ok(payment),
            };
            // The capture may have come between: look again, and refund what was taken.
            let after = result.map_err(Failure::Again)?;
            state.payment = match after.status {
                PaymentStatus::Voided => Some(OrderPayment::Voided),
                PaymentStatus::Refunded => Some(OrderPayment::Refunded),
                other => {
                    let text = format!("payment {} is {other:?} after it was given back", after.id);
                    return Err(Failure::Again(Problem::internal(text)));
                }
            };
        }
        Ok(Progress::Done)
    }
}

struct GiveStockBack(souk_inventory_api::InventoryClient);

#[async_trait]
impl Step<CancelState> for GiveStockBack {
    fn name(&self) -> &'static str {
        "give stock back"
    }
    fn may_be_left(&self) -> bool {
        true
    }
    async fn run(&self, cx: &Cx, _: SagaRun, state: &mut CancelState) -> Result<Progress, Failure> {
        self.0.release(cx, ByKey { key: state.order_id.0 }).await?;
        Ok(Progress::Done)
    }
}

struct GiveCouponsBack(souk_pricing_api::PricingClient);

#[async_trait]
impl Step<CancelState> for GiveCouponsBack {
    fn name(&self) -> &'static str {
        "give coupons back"
    }
    fn may_be_left(&self) -> bool {
        true
    }
    async fn run(&self, cx: &Cx, _: SagaRun, state: &mut CancelState) -> Result<Progress, Failure> {
        if state.coupons {
            self.0.unredeem(cx, Unredeem { key: redemption_key(state.order_id.0) }).await?;
        }
        Ok(Progress::Done)
    }
}

struct Note(Arc<Shared>);

#[async_trait]
impl Step<CancelState> for Note {
    fn name(&self) -> &'static str {
        "note"
    }
    async fn run(&self, _: &Cx, _: SagaRun, state: &mut CancelState) -> Result<Progress, Failure> {
        let Some(payment) = state.payment else { return Ok(Progress::Done) };
        let store = &self.0.store;
        let tx = store.db().begin().await?;
        let row = store.lock(&tx, state.order_id).await?;
        let mut order = row.ok_or_else(|| Problem::internal("a cancelled order has no row"))?.order;
        let changed = apply(&mut order, Transition::GiveBack(payment), self.0.clock.now()).map_err(Problem::from)?;
        if changed {
            store.save(&tx, &order).await?;
            store.outbox().push(&tx, &OrderChanged { order, previous: OrderStatus::Cancelled }).await?;
        }
        store.outbox().commit(tx).await?;
        Ok(Progress::Done)
    }
}
