//! The checkout saga: redeem coupons -> reserve stock -> authorise -> allocate -> confirm (pivot) -> capture -> complete.
//! Undo before the pivot, only forward after it. Steps between two commits of ours are repeated after a crash; each is
//! idempotent under the order's id.

mod authorise;
mod sale;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use souk_flow::{Failure, Progress, SagaEngine, SagaRun, Step};
use souk_inventory_api::{ByKey, Reserve};
use souk_kernel::Problem;
use souk_order_api::OrderId;
use souk_pricing_api::{Redeem, Unredeem};
use souk_rpc::Cx;

use self::authorise::AuthorisePayment;
use self::sale::{CapturePayment, Complete, Confirm};
use super::Shared;
use super::state::{CHECKOUT, CheckoutState, redemption_key};
use crate::OrderDeps;
use crate::waiters::Outcome;

/// How long stock is held for a checkout: longer than a buyer takes at the provider's page.
const HOLD_SECONDS: u32 = 15 * 60;

/// The engine for checkouts.
pub fn engine(deps: &OrderDeps, shared: &Arc<Shared>) -> Arc<SagaEngine<CheckoutState>> {
    let steps: Vec<Box<dyn Step<CheckoutState>>> = vec![
        Box::new(Open(shared.clone())),
        Box::new(RedeemCoupons(deps.pricing.clone())),
        Box::new(ReserveStock(deps.inventory.clone())),
        Box::new(AuthorisePayment { payment: deps.payment.clone(), shared: shared.clone() }),
        Box::new(AllocateStock(deps.inventory.clone())),
        Box::new(Confirm::new(&deps.tasks, shared)),
        Box::new(CapturePayment { payment: deps.payment.clone(), shared: shared.clone() }),
        Box::new(Complete::new(&deps.tasks, shared)),
    ];
    SagaEngine::new(&deps.db, &deps.tasks, &CHECKOUT, steps, |_, state, problem| {
        state.failure = Some(buyers_view(problem));
        // Taking an authorisation back does not need it.
        state.payment.token.clear();
    })
}

/// What the buyer is told: our troubles are not theirs to read.
fn buyers_view(problem: &Problem) -> Problem {
    if problem.kind.is_fault() {
        return Problem::unavailable("checkout_unavailable", problem).with_retry_after(Duration::from_secs(5));
    }
    problem.clone()
}

/// Stands for the order itself, which was placed with the saga: when everything else is undone, the order has failed.
struct Open(Arc<Shared>);

#[async_trait]
impl Step<CheckoutState> for Open {
    fn name(&self) -> &'static str {
        "open"
    }
    async fn run(&self, _: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<Progress, Failure> {
        if state.order.is_none() {
            // It comes from a rest or from another process: the buyer may have given it up meanwhile.
            let id = OrderId(saga.id);
            let row = self.0.store.by_id(id).await?.ok_or_else(|| missing(id))?;
            if row.given_up {
                return Err(Failure::Refused(given_up()));
            }
            state.order = Some(Box::new(row.order));
        }
        Ok(Progress::Done)
    }
    async fn undo(&self, _: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<(), Failure> {
        let problem =
            state.failure.clone().unwrap_or_else(|| Problem::internal("a checkout went back without a reason"));
        let problem = match state.left.is_empty() {
            true => problem,
            false => needs_attention(&problem, &state.left),
        };
        self.0.store.fail(OrderId(saga.id), &problem, self.0.clock.now()).await?;
        self.0.waiters.notify(OrderId(saga.id), Outcome::Failed(problem));
        Ok(())
    }
}

struct RedeemCoupons(souk_pricing_api::PricingClient);

#[async_trait]
impl Step<CheckoutState> for RedeemCoupons {
    fn name(&self) -> &'static str {
        "redeem"
    }
    fn left(&self, state: &mut CheckoutState, _: &Problem) {
        state.left.push(self.name().to_owned());
    }
    async fn run(&self, cx: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<Progress, Failure> {
        if !state.coupons.is_empty() {
            let redeem = Redeem { key: redemption_key(saga.id), order_id: saga.id, coupons: state.coupons.clone() };
            self.0.redeem(cx, redeem).await?;
        }
        Ok(Progress::Done)
    }
    async fn undo(&self, cx: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<(), Failure> {
        if !state.coupons.is_empty() {
            self.0.unredeem(cx, Unredeem { key: redemption_key(saga.id) }).await?;
        }
        Ok(())
    }
}

struct ReserveStock(souk_inventory_api::InventoryClient);

#[async_trait]
impl Step<CheckoutState> for ReserveStock {
    fn name(&self) -> &'static str {
        "reserve"
    }
    fn left(&self, state: &mut CheckoutState, _: &Problem) {
        state.left.push(self.name().to_owned());
    }
    async fn run(&self, cx: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<Progress, Failure> {
        let reserve = Reserve { key: saga.id, lines: state.lines.clone(), ttl_seconds: HOLD_SECONDS };
        self.0.reserve(cx, reserve).await?;
        Ok(Progress::Done)
    }
    async fn undo(&self, cx: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<(), Failure> {
        // Inventory said no, so it holds nothing: a sold-out sale does not pay for thousands of releases.
        if state.failure.as_ref().is_some_and(|problem| problem.is("out_of_stock")) {
            return Ok(());
        }
        self.0.release(cx, ByKey { key: saga.id }).await?;
        Ok(())
    }
}

/// A checkout that could not be taken back as a whole: the buyer is to know that the shop looks after the rest.
fn needs_attention(problem: &Problem, left: &[String]) -> Problem {
    let detail = format!("{}; not all of it could be taken back yet, and we are looking after that", problem.detail);
    Problem::conflict("checkout_needs_attention", detail)
        .with_data(serde_json::json!({ "reason": problem.code, "left": left }))
}

struct AllocateStock(souk_inventory_api::InventoryClient);

#[async_trait]
impl Step<CheckoutState> for AllocateStock {
    fn name(&self) -> &'static str {
        "allocate"
    }
    async fn run(&self, cx: &Cx, saga: SagaRun, _: &mut CheckoutState) -> Result<Progress, Failure> {
        self.0.allocate(cx, ByKey { key: saga.id }).await?;
        Ok(Progress::Done)
    }
    // Undone by the release of `ReserveStock`, which gives back allocated stock as well.
}

fn given_up() -> Problem {
    Problem::conflict("checkout_abandoned", "this checkout was given up before it was paid")
}

fn missing(id: OrderId) -> Problem {
    Problem::internal(format!("order {id} of a running checkout does not exist"))
}
