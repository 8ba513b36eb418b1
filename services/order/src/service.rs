//! `OrderApi`: who may see which order, and the door into the checkout saga.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use souk_cart_api::{CartClient, CartMessage, Changed, CheckoutCart, GetCart};
use souk_db::WalPosition;
use souk_flow::SagaEngine;
use souk_kernel::{Clock, Ids, Kind, Problem, Secret};
use souk_order_api::{
    Audit, AuditRequest, CancelOrder, CartChanged, CartOrder, CartState, Checkout, CheckoutReply, FindOrder, GetOrder,
    ListOrders, MAX_KEY, MAX_PAGE, MAX_PROVIDER, MAX_REASON, Order, OrderApi, OrderId, OrderPage, OrderPayment,
    OrderStatus, PaymentMeans,
};
use souk_payment_api::MAX_TOKEN;
use souk_rpc::{Actor, Cx, Permission, subscriber};
use souk_runtime::{Batch, Batcher, Tasks};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use uuid::Uuid;

use crate::OrderDeps;
use crate::cancel::{self, CancelState};
use crate::checkout::{self, CheckoutState, Shared, stock_lines};
use crate::domain::{Placement, place};
use crate::seal::Seal;
use crate::store::{NewOrder, OrderRow, Placed, Store};
use crate::waiters::{Outcome, Waiters};

/// How long a request waits for its checkout before it answers `pending`; below the gateway's limit of 10 s.
const CHECKOUT_BUDGET: Duration = Duration::from_secs(8);
/// How often a replay looks when the checkout runs in another process.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Orders placed in one commit.
const MAX_BATCH: usize = 64;
/// Bytes of a guest's order token, of the 32 that HMAC-SHA256 gives: 192 bits are not guessed.
const TOKEN_BYTES: usize = 24;

/// How often in a row something was added to a cart while it was paid, and bought next, at most to be found again.
const MAX_RESTS: usize = 8;
/// Bytes of a client address's keyed hash: enough that no two addresses share one.
const CLIENT_BYTES: usize = 16;
/// How long a request to give up waits until the checkout is undone.
const GIVE_UP_BUDGET: Duration = Duration::from_secs(5);

/// Scope of guests' idempotency keys in the release before this one.
const GUESTS_BEFORE: &str = "anonymous POST /api/v1/checkout";

/// Guests' order tokens: derived, not stored, so a replay gives the same and a leaked table gives none.
#[derive(Clone)]
pub struct Tokens(Secret<[u8; 32]>);

impl Tokens {
    /// The token of an order.
    pub fn token(&self, id: OrderId) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.reveal()).expect("HMAC takes keys of any length");
        mac.update(b"order token ");
        mac.update(id.0.as_bytes());
        URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..TOKEN_BYTES])
    }

    /// A client's address as it is counted: of IPv6 the network that one subscriber has.
    fn client(&self, address: IpAddr) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.reveal()).expect("HMAC takes keys of any length");
        mac.update(b"client address ");
        mac.update(subscriber(address).to_string().as_bytes());
        mac.finalize().into_bytes()[..CLIENT_BYTES].to_vec()
    }

    fn opens(&self, id: OrderId, token: &str) -> bool {
        self.token(id).as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// The order service.
pub struct OrderService {
    shared: Arc<Shared>,
    tasks: Tasks,
    cart: CartClient,
    ids: Ids,
    checkouts: Arc<SagaEngine<CheckoutState>>,
    cancellations: Arc<SagaEngine<CancelState>>,
    placing: Batcher<NewOrder, Begun>,
    require_expected_total: bool,
}

/// What became of an order to place.
enum Begun {
    /// It is placed, and its checkout runs.
    New(Box<Order>, watch::Receiver<Option<Outcome>>),
    /// The key was used before.
    KeyTaken,
    /// Another checkout has the cart.
    CartTaken,
}

/// Starts the checkout of an order that was just placed. Part of placing it, which goes on when the request is gone: an order
/// without a running checkout would hold its cart until the lease has run out.
fn begin(shared: &Shared, checkouts: &Arc<SagaEngine<CheckoutState>>, new: &NewOrder, placed: Placed) -> Begun {
    let number = match placed {
        Placed::New(number) => number,
        Placed::KeyTaken => return Begun::KeyTaken,
        Placed::CartTaken => return Begun::CartTaken,
    };
    let order = Box::new(Order { number, ..new.order.clone() });
    let outcome = shared.waiters.expect(order.id);
    let state = CheckoutState { order: Some(order.clone()), ..new.state.clone() };
    checkouts.start(&new.cx, order.id.0, state);
    Begun::New(order, outcome)
}

impl OrderService {
    /// The service; its sagas run in this process, and those of dead processes are taken over by
    /// [`OrderService::sweep`].
    pub fn new(deps: OrderDeps) -> Arc<Self> {
        let shared = Arc::new(Shared {
            store: Store::new(deps.db.clone()),
            waiters: Arc::new(Waiters::default()),
            clock: deps.clock.clone(),
            tokens: Tokens(deps.token_key.clone()),
            unpaid: deps.unpaid,
            seal: Seal::new(deps.seal_key.clone()),
        });
        let checkouts = checkout::engine(&deps, &shared);
        let cancellations = cancel::engine(&deps, &shared);
        let placing = Batcher::new(&deps.tasks, "place orders", MAX_BATCH, {
            let (shared, checkouts) = (shared.clone(), checkouts.clone());
            move |new: Batch<NewOrder>| {
                let (shared, checkouts) = (shared.clone(), checkouts.clone());
                async move {
                    let placed = shared.store.place(&new).await?;
                    Ok(new
                        .iter()
                        .zip(placed)
                        .map(|(new, placed)| Ok(begin(&shared, &checkouts, new, placed)))
                        .collect())
                }
            }
        });
        let (cart, ids, require_expected_total) = (deps.cart, deps.ids, deps.require_expected_total);
        let tasks = deps.tasks;
        Arc::new(Self { shared, tasks, cart, ids, checkouts, cancellations, placing, require_expected_total })
    }

    /// The public API's clients must say what their buyer was shown.
    pub(crate) fn requires_expected_total(&self) -> bool {
        self.require_expected_total
    }

    /// Takes over the sagas of processes that died, until this one stops. What the worker role does.
    pub fn sweep(&self) {
        self.checkouts.sweep();
        self.cancellations.sweep();
    }

    /// Runs the checkout of an order that was woken here, when it runs nowhere.
    #[doc(hidden)]
    pub async fn wake(&self, id: OrderId) -> Result<(), Problem> {
        self.checkouts.resume(id.0).await
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    async fn start(
        &self,
        cx: &Cx,
        req: Checkout,
        scope: String,
        key: &str,
        hash: Vec<u8>,
    ) -> Result<CheckoutReply, Refused> {
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
                return match purchase {
                    Some(purchase) => Err(self.bought(cx, purchase, problem).await?.into()),
                    None => Err(problem.into()),
                };
            }
        };
        let purchase = cart.purchase.unwrap_or(req.cart_id.uuid());
        let cart_version = Some(cart.version);
        let order = place(cart, Placement { id, at: self.shared.clock.now() })?;
        let state = CheckoutState {
            cart_id: req.cart_id,
            cart_version,
            payment: PaymentMeans {
                token: self.shared.seal.seal(id.0, &req.payment.token)?,
                provider: req.payment.provider,
            },
            amount: order.total,
            lines: stock_lines(&order),
            coupons: order.coupons.clone(),
            failure: None,
            left: Vec::new(),
            declined: false,
            order: None,
        };
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
            Begun::New(order, outcome) => Ok(self.answer(cx, id, Some(outcome), Some(*order)).await?),
            Begun::KeyTaken => {
                let gone = || Problem::unavailable("try_again", "an idempotency key vanished while it was looked at");
                Ok(self.replay(cx, &scope, key, &hash).await?.ok_or_else(gone)?)
            }
            Begun::CartTaken => {
                if let Some(reply) = self.replay(cx, &scope, key, &hash).await? {
                    return Ok(reply);
                }
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
    async fn undone(&self, cx: &Cx, id: OrderId) -> Result<Order, Problem> {
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
    async fn replay(&self, cx: &Cx, scope: &str, key: &str, hash: &[u8]) -> Result<Option<CheckoutReply>, Refused> {
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
            Err(problem) => Err(Refused { problem, request_id: self.row(id).await?.request_id }),
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
        // Whatever was written until now, by whichever process: their next look at the order shows it.
        cx.wrote(self.shared.store.db().position().await.raw());
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

    /// The order as a replica has it that shows what this caller wrote; one that is not there may not have come there yet.
    async fn seen(&self, cx: &Cx, id: OrderId) -> Result<Option<OrderRow>, Problem> {
        match self.shared.store.shown(WalPosition::from_raw(cx.min_lsn()), id).await? {
            Some(row) => Ok(Some(row)),
            None => self.shared.store.by_id(id).await,
        }
    }

    /// The order, if it is the caller's to see; else it does not exist.
    async fn visible(&self, cx: &Cx, id: OrderId, token: Option<&str>) -> Result<OrderRow, Problem> {
        let row = self.seen(cx, id).await?.ok_or_else(|| Problem::not_found("order"))?;
        let own = match &cx.actor {
            Actor::Customer(customer) => row.order.customer_id == Some(*customer),
            actor => actor.require(Permission::Orders).is_ok(),
        };
        if own || token.is_some_and(|token| self.shared.tokens.opens(id, token)) {
            return Ok(row);
        }
        Err(Problem::not_found("order"))
    }
}

/// What a checkout answers, then and whenever it is repeated: the order as it was when the sale was made.
fn receipt(mut order: Order) -> Order {
    if order.status != OrderStatus::Pending {
        order.status = OrderStatus::Confirmed;
        order.payment_status = OrderPayment::Authorised;
        order.version = 2;
    }
    order.updated_at = order.placed_at;
    order.shipments = Vec::new();
    order
}

/// The cart, if it is what the buyer was shown; else what differs.
fn as_shown(req: &Checkout, cart: Result<CheckoutCart, Problem>) -> Result<CheckoutCart, Problem> {
    let changed = |actual: CartState, messages: Vec<CartMessage>| {
        let expected = CartState { version: req.cart_version, total: req.expected_total };
        let text = "the cart is not what it was when its total was shown; nothing was charged";
        Problem::conflict("cart_changed", text).with_data(CartChanged { expected, actual, messages })
    };
    match cart {
        Ok(cart) => {
            let actual = CartState { version: Some(cart.version), total: Some(cart.quote.total) };
            let other_version = req.cart_version.is_some_and(|version| version != cart.version);
            let other_total = req.expected_total.is_some_and(|total| total != cart.quote.total);
            if other_version || other_total { Err(changed(actual, Vec::new())) } else { Ok(cart) }
        }
        Err(problem) if problem.is("cart_changed") => {
            match problem.data.clone().and_then(|data| serde_json::from_value::<Changed>(*data).ok()) {
                Some(Changed { version, total, messages }) => {
                    Err(changed(CartState { version: Some(version), total: Some(total) }, messages))
                }
                // A cart of the release before: it names the messages alone.
                None => Err(problem),
            }
        }
        Err(problem) => Err(problem),
    }
}

fn check(req: &Checkout) -> Result<(), Problem> {
    let fits = |text: &str, most: usize| !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control);
    if !fits(&req.payment.provider, MAX_PROVIDER) {
        return Err(Problem::invalid_field("/payment/provider", "name a payment provider"));
    }
    if !fits(&req.payment.token, MAX_TOKEN) {
        return Err(Problem::invalid_field("/payment/token", "give the provider's token, at most 255 characters"));
    }
    Ok(())
}

fn page(mut items: Vec<Order>, limit: u32) -> OrderPage {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = if more { items.last().map(|order| order.id.to_string()) } else { None };
    OrderPage { items, next_cursor }
}

/// The highest id below which a page begins, and how many to read (one more tells whether there is a next page).
fn page_bounds(req: &ListOrders) -> Result<(Uuid, i64), Problem> {
    if !(1..=MAX_PAGE).contains(&req.limit) {
        return Err(Problem::invalid_field("/limit", format!("must be 1 to {MAX_PAGE}")));
    }
    let before = match &req.cursor {
        Some(cursor) => {
            cursor.parse::<OrderId>().map_err(|_| Problem::invalid_field("/cursor", "not a cursor of ours"))?.0
        }
        None => Uuid::max(),
    };
    Ok((before, i64::from(req.limit) + 1))
}

/// Why there is no order.
pub(crate) struct Refused {
    /// Why.
    pub problem: Problem,
    /// The request that was told so first, when this one is a replay.
    pub request_id: Option<String>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, request_id: None }
    }
}

impl OrderService {
    /// The checkout as the public API answers it: a replay of what failed is refused in the name of the first request.
    pub(crate) async fn checkout_once(&self, cx: &Cx, req: Checkout) -> Result<CheckoutReply, Refused> {
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
}

#[async_trait]
impl OrderApi for OrderService {
    async fn checkout(&self, cx: &Cx, req: Checkout) -> Result<CheckoutReply, Problem> {
        self.checkout_once(cx, req).await.map_err(|refused| refused.problem)
    }

    async fn buy(&self, cx: &Cx, req: Checkout) -> Result<CheckoutReply, Problem> {
        self.checkout(cx, req).await
    }

    async fn get(&self, cx: &Cx, req: GetOrder) -> Result<Order, Problem> {
        Ok(self.visible(cx, req.id, req.token.as_deref()).await?.order)
    }

    async fn mine(&self, cx: &Cx, req: ListOrders) -> Result<OrderPage, Problem> {
        let customer = cx.actor.require_customer()?;
        let (before, read) = page_bounds(&req)?;
        let at_least = WalPosition::from_raw(cx.min_lsn());
        Ok(page(self.shared.store.of_customer(at_least, customer, before, req.status, read).await?, req.limit))
    }

    async fn list(&self, cx: &Cx, req: ListOrders) -> Result<OrderPage, Problem> {
        cx.actor.require(Permission::Orders)?;
        let (before, read) = page_bounds(&req)?;
        let at_least = WalPosition::from_raw(cx.min_lsn());
        Ok(page(self.shared.store.list(at_least, before, req.status, read).await?, req.limit))
    }

    async fn find(&self, cx: &Cx, req: FindOrder) -> Result<Order, Problem> {
        cx.actor.require(Permission::Orders)?;
        let row = match req.reference.parse::<OrderId>() {
            Ok(id) => self.seen(cx, id).await?,
            Err(_) => self.shared.store.by_number(&req.reference).await?,
        };
        Ok(row.ok_or_else(|| Problem::not_found("order"))?.order)
    }

    async fn cancel(&self, cx: &Cx, req: CancelOrder) -> Result<Order, Problem> {
        if req.reason.chars().count() > MAX_REASON {
            return Err(Problem::new(Kind::Invalid, "reason_too_long", "a reason has at most 500 characters"));
        }
        self.visible(cx, req.id, req.token.as_deref()).await?;
        // Deciding and starting what follows are one task: they go on when the request is gone.
        let begun = self.tasks.run("cancel an order", {
            let (shared, checkouts, cancellations) =
                (self.shared.clone(), self.checkouts.clone(), self.cancellations.clone());
            let (cx, req) = (cx.clone(), req.clone());
            async move {
                let begun = cancel::begin(&shared, &req).await?;
                match &begun {
                    cancel::Begun::Already(_) => {}
                    cancel::Begun::Cancelled(_, state) => cancellations.start(&cx, state.saga_id, state.clone()),
                    cancel::Begun::GivenUp => checkouts.resume(req.id.0).await?,
                }
                Ok::<_, Problem>(begun)
            }
        });
        let order = match begun.await.map_err(|_| Problem::timeout("cancel an order"))?? {
            cancel::Begun::Already(order) | cancel::Begun::Cancelled(order, _) => order,
            cancel::Begun::GivenUp => self.undone(cx, req.id).await?,
        };
        cx.wrote(self.shared.store.db().position().await.raw());
        Ok(order)
    }

    async fn audit(&self, cx: &Cx, _: AuditRequest) -> Result<Audit, Problem> {
        cx.actor.require(Permission::Orders)?;
        self.shared.store.audit().await
    }
}
