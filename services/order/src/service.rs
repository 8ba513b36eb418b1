//! Implementation of `OrderApi`: who may see which order, and what is done with it.

use std::sync::Arc;

use async_trait::async_trait;
use souk_db::WalPosition;
use souk_flow::SagaEngine;
use souk_kernel::{Clock, Kind, Problem};
use souk_order_api::{
    Audit, AuditRequest, CancelOrder, Checkout, CheckoutReply, FindOrder, GetOrder, ListOrders, MAX_PAGE, MAX_REASON,
    Order, OrderApi, OrderId, OrderPage,
};
use souk_rpc::{Actor, Cx, Permission};
use souk_runtime::Tasks;
use uuid::Uuid;

use crate::OrderDeps;
use crate::checkouts::{CheckoutError, Checkouts};
use crate::sagas::cancel::{self, Begun};
use crate::sagas::state::{CancelState, CheckoutState};
use crate::sagas::{Shared, checkout};
use crate::seal::Seal;
use crate::store::{OrderRow, Store};
use crate::token::Tokens;
use crate::waiters::Waiters;

/// The order service.
pub struct OrderService {
    shared: Arc<Shared>,
    tasks: Tasks,
    checkouts: Checkouts,
    checkout_sagas: Arc<SagaEngine<CheckoutState>>,
    cancellation_sagas: Arc<SagaEngine<CancelState>>,
    require_expected_total: bool,
}

impl OrderService {
    /// The service; its sagas run in this process, and those of dead processes are taken over by
    /// [`OrderService::sweep`].
    pub fn new(deps: OrderDeps) -> Arc<Self> {
        let shared = Arc::new(Shared {
            store: Store::new(deps.db.clone()),
            waiters: Arc::new(Waiters::default()),
            clock: deps.clock.clone(),
            tokens: Tokens::new(deps.token_key.clone()),
            unpaid: deps.unpaid,
            seal: Seal::new(deps.seal_key.clone()),
        });
        let checkout_sagas = checkout::engine(&deps, &shared);
        let cancellation_sagas = cancel::engine(&deps, &shared);
        let (tasks, require_expected_total) = (deps.tasks, deps.require_expected_total);
        let checkouts = Checkouts::new(&tasks, shared.clone(), checkout_sagas.clone(), deps.cart, deps.ids);
        Arc::new(Self { shared, tasks, checkouts, checkout_sagas, cancellation_sagas, require_expected_total })
    }

    /// The public API's clients must say what their buyer was shown.
    pub(crate) fn requires_expected_total(&self) -> bool {
        self.require_expected_total
    }

    /// Takes over the sagas of processes that died, until this one stops. What the worker role does.
    pub fn sweep(&self) {
        self.checkout_sagas.sweep();
        self.cancellation_sagas.sweep();
    }

    /// Runs the checkout of an order that was woken here, when it runs nowhere.
    #[doc(hidden)]
    pub async fn wake(&self, id: OrderId) -> Result<(), Problem> {
        self.checkout_sagas.resume(id.0).await
    }

    /// The checkout as the public API answers it: a replay of what failed is refused in the name of the first request.
    pub(crate) async fn checkout_once(&self, cx: &Cx, req: Checkout) -> Result<CheckoutReply, CheckoutError> {
        self.checkouts.checkout(cx, req).await
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
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

#[async_trait]
impl OrderApi for OrderService {
    async fn checkout(&self, cx: &Cx, req: Checkout) -> Result<CheckoutReply, Problem> {
        self.checkout_once(cx, req).await.map_err(|error| error.problem)
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
                (self.shared.clone(), self.checkout_sagas.clone(), self.cancellation_sagas.clone());
            let (cx, req) = (cx.clone(), req.clone());
            async move {
                let begun = cancel::begin(&shared, &req).await?;
                match &begun {
                    Begun::Already(_) => {}
                    Begun::Cancelled(_, state) => cancellations.start(&cx, state.saga_id, state.clone()),
                    Begun::GivenUp => checkouts.resume(req.id.0).await?,
                }
                Ok::<_, Problem>(begun)
            }
        });
        let begun = begun.await.map_err(|_| Problem::timeout("cancel an order"))?;
        let cancelled = match begun {
            Ok(Begun::Already(order) | Begun::Cancelled(order, _)) => Ok(order),
            Ok(Begun::GivenUp) => self.checkouts.undone(cx, req.id).await,
            Err(refused) => Err(refused),
        };
        if cancelled.as_ref().map_or_else(|problem| problem.kind.is_about_state(), |_| true) {
            self.shared.advance_reads(cx).await;
        }
        cancelled
    }

    async fn audit(&self, cx: &Cx, _: AuditRequest) -> Result<Audit, Problem> {
        cx.actor.require(Permission::Orders)?;
        self.shared.store.audit().await
    }
}
