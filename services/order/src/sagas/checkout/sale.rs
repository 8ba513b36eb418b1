//! Confirm, capture and complete steps of the checkout saga, which make it a sale: the commit that confirms it, taking the
//! money, and the commit that notes that.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use souk_flow::{Failure, Progress, SagaRun, Step};
use souk_kernel::Problem;
use souk_order_api::{OrderId, OrderPlaced, OrderStatus};
use souk_payment_api::{ByPayment, PaymentClient, PaymentId};
use souk_rpc::Cx;
use souk_runtime::{Batch, Batcher, Tasks};

use super::super::Shared;
use super::super::state::{COMPLETE, CONFIRM, CheckoutState};
use super::{given_up, missing};
use crate::domain::{Transition, apply};
use crate::store::{Confirmation, Confirmed};
use crate::waiters::Outcome;

/// Sales confirmed in one commit.
const MAX_BATCH: usize = 64;
/// How long the completion of a checkout waits for others to share its commit: the buyer has the answer already.
const COMPLETE_DELAY: Duration = Duration::from_millis(25);

/// The pivot: from here on the sale is made.
pub(super) struct Confirm {
    shared: Arc<Shared>,
    batcher: Batcher<Confirmation, ()>,
}

impl Confirm {
    pub(super) fn new(tasks: &Tasks, shared: &Arc<Shared>) -> Self {
        let work = shared.clone();
        let batcher = Batcher::new(tasks, "confirm orders", MAX_BATCH, move |sales: Batch<Confirmation>| {
            let shared = work.clone();
            async move {
                let outcomes = shared.store.confirm(&sales, shared.clock.now()).await?;
                Ok(outcomes.into_iter().map(confirmed).collect())
            }
        });
        Self { shared: shared.clone(), batcher }
    }
}

fn confirmed(outcome: Confirmed) -> Result<(), Problem> {
    match outcome {
        Confirmed::Yes => Ok(()),
        Confirmed::Fenced => Err(fenced()),
        Confirmed::GivenUp => Err(given_up()),
    }
}

fn fenced() -> Problem {
    Problem::conflict("saga_fenced", "another process runs this checkout now")
}

fn unless_fenced(problem: Problem) -> Failure {
    if problem.is("saga_fenced") { Failure::Fenced } else { problem.into() }
}

#[async_trait]
impl Step<CheckoutState> for Confirm {
    fn name(&self) -> &'static str {
        CONFIRM
    }
    fn is_pivot(&self) -> bool {
        true
    }
    async fn run(&self, _: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<Progress, Failure> {
        let id = OrderId(saga.id);
        let mut order = match state.order.take() {
            Some(order) => *order,
            None => self.shared.store.by_id(id).await?.ok_or_else(|| missing(id))?.order,
        };
        if order.status == OrderStatus::Pending {
            apply(&mut order, Transition::Confirm, self.shared.clock.now()).map_err(Problem::from)?;
        }
        let token = self.shared.tokens.token(id);
        let event = OrderPlaced { order, cart_id: state.cart_id, cart_version: state.cart_version, token };
        let order = Arc::new(event.order.clone());
        let sale = Confirmation { saga, event, token: state.payment.token.clone(), trace: souk_trace::current() };
        self.batcher.submit(sale).await.map_err(unless_fenced)?;
        self.shared.waiters.notify(id, Outcome::Confirmed(order));
        Ok(Progress::Recorded)
    }
}

/// Takes the money.
pub(super) struct CapturePayment {
    pub(super) payment: PaymentClient,
    pub(super) shared: Arc<Shared>,
}

#[async_trait]
impl Step<CheckoutState> for CapturePayment {
    fn name(&self) -> &'static str {
        "capture"
    }
    async fn run(&self, cx: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<Progress, Failure> {
        if state.amount.amount == 0 {
            return Ok(Progress::Done);
        }
        let refused = match self.payment.capture(cx, ByPayment { payment_id: PaymentId(saga.id) }).await {
            Ok(_) => return Ok(Progress::Done),
            Err(problem) if problem.kind.is_fault() => return Err(problem.into()),
            Err(problem) => problem,
        };
        // A cancellation may have given the money back before it was taken; then there is nothing to take.
        let row = self.shared.store.by_id(OrderId(saga.id)).await?;
        match row.map(|row| row.order.status) {
            Some(OrderStatus::Cancelled) => Ok(Progress::Done),
            _ => Err(Failure::Again(refused)),
        }
    }
}

/// Notes the money as taken, and the checkout as done.
pub(super) struct Complete(Batcher<SagaRun, ()>);

impl Complete {
    pub(super) fn new(tasks: &Tasks, shared: &Arc<Shared>) -> Self {
        let shared = shared.clone();
        Self(Batcher::with_delay(tasks, "complete orders", MAX_BATCH, COMPLETE_DELAY, move |sagas: Batch<SagaRun>| {
            let shared = shared.clone();
            async move {
                let ours = shared.store.complete(&sagas, shared.clock.now()).await?;
                Ok(ours.into_iter().map(|ours| if ours { Ok(()) } else { Err(fenced()) }).collect())
            }
        }))
    }
}

#[async_trait]
impl Step<CheckoutState> for Complete {
    fn name(&self) -> &'static str {
        COMPLETE
    }
    async fn run(&self, _: &Cx, saga: SagaRun, _: &mut CheckoutState) -> Result<Progress, Failure> {
        self.0.submit(saga).await.map_err(unless_fenced)?;
        Ok(Progress::Recorded)
    }
}
