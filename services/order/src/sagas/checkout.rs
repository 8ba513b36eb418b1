//! The checkout saga: redeem coupons -> reserve stock -> authorise -> allocate -> confirm (pivot) -> capture -> settle.
//! Undo before the pivot, only forward after it. Steps between two commits of ours are repeated after a crash; each is
//! idempotent under the order's id.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use souk_cart_api::CartId;
use souk_flow::{Failure, Progress, SagaEngine, SagaRun, Step};
use souk_inventory_api::{ByKey, Reserve, StockLine};
use souk_kernel::{Clock, Kind, Money, Problem};
use souk_order_api::{Order, OrderId, OrderPlaced, OrderStatus, PaymentMeans};
use souk_payment_api::{Authorise, ByOrder, ByPayment, PaymentId, PaymentStatus, Refund, VoidPayment};
use souk_pricing_api::{Redeem, Unredeem};
use souk_rpc::Cx;
use souk_runtime::{Batch, Batcher, Tasks};

use crate::seal::Seal;
use crate::store::{Confirmation, Confirmed, Store};
use crate::waiters::{Outcome, Waiters};
use crate::{OrderDeps, UnpaidLimits};

/// Kind of these sagas.
pub const KIND: &str = "checkout";
/// How long stock is held for a checkout: longer than a buyer takes at the provider's page.
const HOLD_SECONDS: u32 = 15 * 60;
/// How often a checkout that waits for its buyer looks by itself; the payment's event usually comes first.
const LOOK_AGAIN: Duration = Duration::from_secs(20);
/// Sales confirmed in one commit.
const MAX_BATCH: usize = 64;
/// How long a settlement waits for others to share its commit: the buyer has the answer already.
const SETTLE_LINGER: Duration = Duration::from_millis(25);
/// Number of the step after `Confirm`: what its commit records.
const AFTER_CONFIRM: i32 = 6;
/// Number of steps: what the last commit records.
const END: i32 = 8;

/// What the saga remembers. The order itself is only kept in memory: after a crash it is read from its row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckoutState {
    pub cart_id: CartId,
    /// Version of the cart that is bought.
    #[serde(default)]
    pub cart_version: Option<i64>,
    /// The token is sealed, and empty once it has done its work.
    pub payment: PaymentMeans,
    pub amount: Money,
    pub lines: Vec<StockLine>,
    pub coupons: Vec<String>,
    /// Why it goes back.
    pub failure: Option<Problem>,
    /// Steps that could not be taken back and are left to a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// The provider said no: there is nothing to void.
    #[serde(default)]
    pub declined: bool,
    #[serde(skip)]
    pub order: Option<Box<Order>>,
}

/// What all steps share.
pub struct Shared {
    pub store: Store,
    pub waiters: Arc<Waiters>,
    pub clock: Clock,
    pub tokens: crate::service::Tokens,
    pub unpaid: UnpaidLimits,
    pub seal: Seal,
}

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
        Box::new(Settle::new(&deps.tasks, shared)),
    ];
    debug_assert_eq!(steps.len(), END as usize);
    SagaEngine::new(&deps.db, &deps.tasks, KIND, steps, |_, state, problem| {
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

fn payment_id(saga: SagaRun) -> PaymentId {
    PaymentId(saga.id)
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
        self.0.waiters.tell(OrderId(saga.id), Outcome::Failed(problem));
        Ok(())
    }
}

struct RedeemCoupons(souk_pricing_api::PricingClient);

impl RedeemCoupons {
    fn key(saga: SagaRun) -> String {
        format!("{}/redeem", saga.id)
    }
}

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
            let redeem = Redeem { key: Self::key(saga), order_id: saga.id, coupons: state.coupons.clone() };
            self.0.redeem(cx, redeem).await?;
        }
        Ok(Progress::Done)
    }
    async fn undo(&self, cx: &Cx, saga: SagaRun, state: &mut CheckoutState) -> Result<(), Failure> {
        if !state.coupons.is_empty() {
            self.0.unredeem(cx, Unredeem { key: Self::key(saga) }).await?;
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

struct AuthorisePayment {
    payment: souk_payment_api::PaymentClient,
    shared: Arc<Shared>,
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
            payment_id: payment_id(saga),
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
            payment_id: payment_id(saga),
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
        self.shared.waiters.tell(id, Outcome::ActionRequired(url));
        Err(Failure::Wait(LOOK_AGAIN))
    }
}

/// A checkout that could not be taken back as a whole: the buyer is to know that somebody looks after the rest.
fn needs_attention(problem: &Problem, left: &[String]) -> Problem {
    let detail = format!("{}; not all of it could be taken back yet, and we are looking after that", problem.detail);
    Problem::conflict("checkout_needs_attention", detail)
        .with_data(serde_json::json!({ "reason": problem.code, "left": left }))
}

fn given_up() -> Problem {
    Problem::conflict("checkout_abandoned", "this checkout was given up before it was paid")
}

fn too_many_unpaid() -> Problem {
    let detail = "too many orders wait for their payment already: complete or cancel one of them first";
    Problem::conflict("too_many_unpaid_orders", detail)
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

/// The pivot: from here on the sale is made.
struct Confirm {
    shared: Arc<Shared>,
    batcher: Batcher<Confirmation, ()>,
}

impl Confirm {
    fn new(tasks: &Tasks, shared: &Arc<Shared>) -> Self {
        let work = shared.clone();
        let batcher = Batcher::new(tasks, "confirm orders", MAX_BATCH, move |sales: Batch<Confirmation>| {
            let shared = work.clone();
            async move {
                let outcomes = shared.store.confirm(&sales, AFTER_CONFIRM, shared.clock.now()).await?;
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
        "confirm"
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
            crate::domain::apply(&mut order, crate::domain::Transition::Confirm, self.shared.clock.now())
                .map_err(Problem::from)?;
        }
        let token = self.shared.tokens.token(id);
        let event = OrderPlaced { order, cart_id: state.cart_id, cart_version: state.cart_version, token };
        let order = Arc::new(event.order.clone());
        let sale = Confirmation { saga, event, token: state.payment.token.clone() };
        self.batcher.submit(sale).await.map_err(unless_fenced)?;
        self.shared.waiters.tell(id, Outcome::Confirmed(order));
        Ok(Progress::Recorded)
    }
}

fn missing(id: OrderId) -> Problem {
    Problem::internal(format!("order {id} of a running checkout does not exist"))
}

struct CapturePayment {
    payment: souk_payment_api::PaymentClient,
    shared: Arc<Shared>,
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
        let refused = match self.payment.capture(cx, ByPayment { payment_id: payment_id(saga) }).await {
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

struct Settle(Batcher<SagaRun, ()>);

impl Settle {
    fn new(tasks: &Tasks, shared: &Arc<Shared>) -> Self {
        let shared = shared.clone();
        Self(Batcher::with_delay(tasks, "settle orders", MAX_BATCH, SETTLE_LINGER, move |sagas: Batch<SagaRun>| {
            let shared = shared.clone();
            async move {
                let ours = shared.store.settle(&sagas, END, shared.clock.now()).await?;
                Ok(ours.into_iter().map(|ours| if ours { Ok(()) } else { Err(fenced()) }).collect())
            }
        }))
    }
}

#[async_trait]
impl Step<CheckoutState> for Settle {
    fn name(&self) -> &'static str {
        "settle"
    }
    async fn run(&self, _: &Cx, saga: SagaRun, _: &mut CheckoutState) -> Result<Progress, Failure> {
        self.0.submit(saga).await.map_err(unless_fenced)?;
        Ok(Progress::Recorded)
    }
}

/// The lines of an order as inventory counts them: a SKU that stands twice is summed.
pub fn stock_lines(order: &Order) -> Vec<StockLine> {
    let mut lines: Vec<StockLine> = Vec::with_capacity(order.lines.len());
    for line in &order.lines {
        match lines.iter_mut().find(|known| known.sku == line.sku) {
            Some(known) => known.quantity += line.quantity,
            None => lines.push(StockLine { sku: line.sku.clone(), quantity: line.quantity }),
        }
    }
    lines
}
