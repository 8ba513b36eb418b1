//! Checkout requests: an idempotent request places an order at most once, starts its saga, and waits for the outcome within
//! its time. A replay is answered as the first request was.

use std::sync::Arc;
use std::time::Duration;

use souk_cart_api::{CartClient, GetCart};
use souk_flow::SagaEngine;
use souk_kernel::{Ids, Kind, Problem};
use souk_order_api::{CartOrder, Checkout, CheckoutReply, MAX_KEY, Order, OrderId, OrderStatus, PaymentMeans};
use souk_rpc::{Actor, Cx};
use souk_runtime::{Batch, Batcher, Tasks};
use tokio::sync::watch;
use uuid::Uuid;

use crate::domain::{Placement, as_shown, check, from_cart, receipt};
use crate::sagas::Shared;
use crate::sagas::state::CheckoutState;
use crate::store::{NewOrder, OrderRow, Placed};
use crate::waiters::Outcome;

/// How long a request waits for its checkout before it answers `pending`; below the gateway's limit of 10 s.
const CHECKOUT_BUDGET: Duration = Duration::from_secs(8);
/// How often is looked whether a checkout that runs in another process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a request to give up waits until the checkout is undone.
const GIVE_UP_BUDGET: Duration = Duration::from_secs(5);
/// Orders placed in one commit.
const MAX_BATCH: usize = 64;
/// How often in a row something was added to a cart while it was paid, and bought next, at most to be found again.
const MAX_RESTS: usize = 8;
/// Scope of guests' idempotency keys in the release before this one.
const GUESTS_BEFORE: &str = "anonymous POST /api/v1/checkout";

/// Places orders and starts their checkouts.
pub struct Checkouts {
    shared: Arc<Shared>,
    cart: CartClient,
    ids: Ids,
    placing: Batcher<NewOrder, Started>,
}

/// What became of an order to place.
enum Started {
    /// It is placed, and its checkout runs.
    New(Box<Order>, watch::Receiver<Option<Outcome>>),
    /// The key was used before.
    KeyTaken,
    /// Another checkout has the cart.
    CartTaken,
}

/// Starts the checkout of an order that was just placed. Part of placing it, which goes on when the request is gone: an order
/// without a running checkout would hold its cart until the lease has run out.
fn start(shared: &Shared, engine: &Arc<SagaEngine<CheckoutState>>, new: &NewOrder, placed: Placed) -> Started {
    let number = match placed {
        Placed::New(number) => number,
        Placed::KeyTaken => return Started::KeyTaken,
        Placed::CartTaken => return Started::CartTaken,
    };
    let order = Box::new(Order { number, ..new.order.clone() });
    let outcome = shared.waiters.expect(order.id);
    let state = CheckoutState { order: Some(order.clone()), ..new.state.clone() };
    engine.start(&new.cx, order.id.0, state);
    Started::New(order, outcome)
}

/// Why there is no order.
pub struct CheckoutError {
    /// Why.
    pub problem: Problem,
    /// The request that was told so first, when this one is a replay.
    pub request_id: Option<String>,
}

impl From<Problem> for CheckoutError {
    fn from(problem: Problem) -> Self {
        Self { problem, request_id: None }
    }
}

impl Checkouts {
    /// The sagas run in this process, on `engine`.
    pub fn new(
        tasks: &Tasks,
        shared: Arc<Shared>,
        engine: Arc<SagaEngine<CheckoutState>>,
        cart: CartClient,
        ids: Ids,
    ) -> Self {
        let placing = Batcher::new(tasks, "place orders", MAX_BATCH, {
            let shared = shared.clone();
            move |new: Batch<NewOrder>| {
                let (shared, engine) = (shared.clone(), engine.clone());
                async move {
                    let placed = shared.store.place(&new).await?;
                    Ok(new.iter().zip(placed).map(|(new, placed)| Ok(start(&shared, &engine, new, placed))).collect())
                }
            }
        });
        Self { shared, cart, ids, placing }
    }

    /// The checkout as the public API answers it: a replay of what failed is refused in the name of the first request.
    pub async fn checkout(&self, cx: &Cx, req: Checkout) -> Result<CheckoutReply, CheckoutError> {
        let key = cx.idempotency_key.clone().unwrap_or_default();
        if !(1..=MAX_KEY).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let detail = format!("send an Idempotency-Key header of 1 to {MAX_KEY} visible ASCII characters");
            return Err(Problem::invalid("idempotency_key_required", detail).into());
        }
        check(&req)?;
        // What the buyer was shown is a condition, as a header would be, and no part of what is asked for. So a caller that
        // leaves it out for an order of the release before repeats its own request.
        let asked = Checkout { cart_version: None, expected_total: None, ..req.clone() };
        let body = serde_json::to_vec(&asked).map_err(Problem::internal)?;
        let hash = blake3::hash(&body).as_bytes().to_vec();
        // A guest is who holds the cart: two of them may choose the same key.
        let scope = match &cx.actor {
            Actor::Anonymous => format!("cart {} POST /api/v1/checkout", req.cart_id),
            actor => format!("{} POST /api/v1/checkout", actor.scope()),
        };
        self.start(cx, req, scope, &key, hash).await
    }

    async fn start(
        &self,
        cx: &Cx,
        req: Checkout,
        scope: String,
        key: &str,
        hash: Vec<u8>,
    ) -> Result<CheckoutReply, CheckoutError> {
        let id = OrderId(self.ids.v7(self.shared.clock.now()));
        let cart = self.cart.for_checkout(cx, GetCart { cart_id: req.cart_id }).await;
        let purchase = match &cart {
            Ok(cart) => Some(cart.purchase.unwrap_or(req.cart_id.uuid())),
            // Bought, perhaps, with nothing left in it.
            Err(problem) if problem.kind == Kind::NotFound => Some(req.cart_id.uuid()),
            Err(_) => None,
        };
        let cart = match as_shown(&req, cart) {
            Ok(cart) => cart,
            // A replay finds its cart gone, or with what was added since: the key knows what became of it.
            Err(problem) => {
                if let Some(reply) = self.replay(cx, &scope, key, &hash).await? {
                    return Ok(reply);
                }
                if problem.kind.is_about_state() {
                    self.shared.advance_reads(cx).await;
                }
                return match purchase {
                    Some(purchase) => Err(self.bought(cx, purchase, problem).await?.into()),
                    None => Err(problem.into()),
                };
            }
        };
        let purchase = cart.purchase.unwrap_or(req.cart_id.uuid());
        let cart_version = Some(cart.version);
        let order = from_cart(cart, Placement { id, at: self.shared.clock.now() })?;
        let payment =
            PaymentMeans { token: self.shared.seal.seal(id.0, &req.payment.token)?, provider: req.payment.provider };
        let state = CheckoutState::new(req.cart_id, cart_version, payment, &order);
        let new = NewOrder {
            order,
            cart_id: req.cart_id,
            purchase,
            scope: scope.clone(),
            key: key.to_owned(),
            body_hash: hash.clone(),
            state,
            client: cx.client.map(|address| self.shared.tokens.client(address)),
            cx: cx.clone(),
        };
        match self.placing.submit(new).await? {
            Started::New(order, outcome) => Ok(self.answer(cx, id, Some(outcome), Some(*order)).await?),
            Started::KeyTaken => {
                let gone = || Problem::unavailable("try_again", "an idempotency key vanished while it was looked at");
                Ok(self.replay(cx, &scope, key, &hash).await?.ok_or_else(gone)?)
            }
            Started::CartTaken => {
                if let Some(reply) = self.replay(cx, &scope, key, &hash).await? {
                    return Ok(reply);
                }
                self.shared.advance_reads(cx).await;
                let in_progress = Problem::conflict("checkout_in_progress", "this cart is being bought already");
                Err(self.bought(cx, purchase, in_progress).await?.into())
            }
        }
    }

    /// Why a cart cannot be bought: `otherwise`, with the order that has the cart when it is this caller's to see. The cart's
    /// id is a secret, and what belongs to a customer is not shown to others who know it. `purchase` is as the cart says,
    /// or its id; what was bought of the rest it had then was bought later, and is what the caller means.
    async fn bought(&self, cx: &Cx, purchase: Uuid, otherwise: Problem) -> Result<Problem, Problem> {
        let mut found = self.shared.store.of_purchase(purchase).await?;
        for _ in 0..MAX_RESTS {
            let Some(row) = &found else { break };
            let Some(later) = self.shared.store.of_purchase(row.order.id.0).await? else { break };
            found = Some(later);
        }
        let Some(row) = found else { return Ok(otherwise) };
        let (order, url) = (row.order, row.action_url);
        if order.customer_id.is_some() && order.customer_id != cx.actor.customer() {
            return Ok(otherwise);
        }
        let problem = match order.status {
            OrderStatus::Pending => Problem::conflict("checkout_in_progress", "this cart is being bought already"),
            _ => Problem::conflict("cart_bought", "this cart has been bought"),
        };
        let token = self.shared.tokens.token(order.id);
        Ok(problem.with_data(CartOrder { order_id: order.id, token, action_url: url }))
    }

    /// The order once its given-up checkout is undone, or as it is when that takes long: then it goes on by itself.
    pub async fn undone(&self, cx: &Cx, id: OrderId) -> Result<Order, Problem> {
        let budget = cx.time_left().map_or(GIVE_UP_BUDGET, |left| left.mul_f32(0.8).min(GIVE_UP_BUDGET));
        let until = tokio::time::Instant::now() + budget;
        loop {
            let row = self.row(id).await?;
            if row.order.status != OrderStatus::Pending || tokio::time::Instant::now() >= until {
                return Ok(row.order);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The reply of the checkout that first used the key; none if there was none.
    async fn replay(
        &self,
        cx: &Cx,
        scope: &str,
        key: &str,
        hash: &[u8],
    ) -> Result<Option<CheckoutReply>, CheckoutError> {
        let id = match self.shared.store.key(scope, key).await? {
            Some((id, first)) if first == hash => id,
            Some(_) => {
                let detail = "this idempotency key was used for another request";
                return Err(Problem::invalid("idempotency_key_reused", detail).into());
            }
            // The release before this one had one scope for all guests.
            None if cx.actor == Actor::Anonymous => match self.shared.store.key(GUESTS_BEFORE, key).await? {
                Some((id, first)) if first == hash => id,
                _ => return Ok(None),
            },
            None => return Ok(None),
        };
        let outcome = self.shared.waiters.join(id);
        match self.answer(cx, id, outcome, None).await {
            Ok(reply) => Ok(Some(reply)),
            Err(problem) => Err(CheckoutError { problem, request_id: self.row(id).await?.request_id }),
        }
    }

    /// Waits for the outcome within the budget.
    async fn answer(
        &self,
        cx: &Cx,
        id: OrderId,
        outcome: Option<watch::Receiver<Option<Outcome>>>,
        pending: Option<Order>,
    ) -> Result<CheckoutReply, Problem> {
        let budget = cx.time_left().map_or(CHECKOUT_BUDGET, |left| left.mul_f32(0.8).min(CHECKOUT_BUDGET));
        let waiting = async {
            match outcome {
                Some(mut outcome) => outcome.wait_for(Option::is_some).await.ok().and_then(|told| told.clone()),
                None => self.poll(id).await,
            }
        };
        let outcome = tokio::time::timeout(budget, waiting).await;
        self.shared.advance_reads(cx).await;
        match outcome {
            Ok(Some(Outcome::Confirmed(order))) => Ok(self.reply(Order::clone(&order), None)),
            Ok(Some(Outcome::Failed(problem))) => Err(problem),
            Ok(Some(Outcome::ActionRequired(url))) => {
                let order = match pending {
                    Some(order) => order,
                    None => self.row(id).await?.order,
                };
                Ok(self.reply(order, Some(url)))
            }
            // The process that runs it stopped, or it takes its time: the order's page will tell.
            Ok(None) | Err(_) => {
                let row = self.row(id).await?;
                match row.failure {
                    Some(problem) => Err(problem),
                    None => Ok(self.reply(row.order, row.action_url)),
                }
            }
        }
    }

    async fn poll(&self, id: OrderId) -> Option<Outcome> {
        loop {
            match self.row(id).await {
                Ok(OrderRow { failure: Some(problem), .. }) => return Some(Outcome::Failed(problem)),
                Ok(OrderRow { action_url: Some(url), .. }) => return Some(Outcome::ActionRequired(url)),
                Ok(row) if row.order.status != OrderStatus::Pending => {
                    return Some(Outcome::Confirmed(Arc::new(row.order)));
                }
                Ok(_) => {}
                Err(problem) => tracing::warn!(order = %id, code = %problem.code, "cannot look at a running checkout"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn reply(&self, order: Order, action_url: Option<String>) -> CheckoutReply {
        CheckoutReply { token: self.shared.tokens.token(order.id), order: receipt(order), action_url }
    }

    async fn row(&self, id: OrderId) -> Result<OrderRow, Problem> {
        let row = self.shared.store.by_id(id).await?;
        row.ok_or_else(|| Problem::internal(format!("order {id} has a key but no row")))
    }
}
