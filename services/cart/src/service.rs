//! Implementation of the contract, with optimistic concurrency: every change reads the cart, asks for prices and stock at
//! the same time, and saves if no other request changed it meanwhile; else it begins again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use souk_cart_api::{
    AddLine, Cart, CartApi, CartId, CartUnits, CheckoutCart, ClaimCart, CreateCart, GetCart, RemoveLine, SetQuantity,
    UpdateCart,
};
use souk_catalog_api::CatalogClient;
use souk_db::{Db, DbError, WalPosition};
use souk_inventory_api::{AvailabilityRequest, InventoryClient, Shortage};
use souk_kernel::{Clock, Ids, Money, Problem};
use souk_pricing_api::{
    PricingClient, Quote, QuoteRequest, ShippingMethods, ShippingMethodsRequest, ShopRequest, ShopTerms,
};
use souk_rpc::Cx;
use souk_runtime::{Batch, Batcher, Tasks};
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use crate::domain::{self, Body, CartError, Facts, Stored};
use crate::product_info::ProductInfo;
use crate::saving::{self, MAX_COMBINED, Saved};
use crate::store::{self, ForClaim, Write};

/// Tries of a change that others got ahead of. From the second on, changes of one cart take turns within this process.
/// Another process may win as often as it has changes waiting, since paced commits keep step: more than anybody has.
const MAX_TRIES: usize = 64;
/// Turns: more than requests under way, so that different carts rarely share one.
const TURNS: usize = 256;

/// What carts need.
pub struct CartDeps {
    /// Their own schema.
    pub db: Db,
    /// For the batcher.
    pub tasks: Tasks,
    /// Not asked yet: what expires here is judged by the database.
    pub clock: Clock,
    /// Cart ids are secrets: random.
    pub ids: Ids,
    /// Titles, pictures, weights.
    pub catalog: CatalogClient,
    /// Prices.
    pub pricing: PricingClient,
    /// Stock.
    pub inventory: InventoryClient,
}

/// Carts. Made once per process by [`crate::SPEC`].
pub struct CartService {
    db: Db,
    ids: Ids,
    products: ProductInfo,
    pricing: PricingClient,
    inventory: InventoryClient,
    terms: OnceCell<ShopTerms>,
    writes: Batcher<Write, Saved>,
    turns: Vec<Mutex<()>>,
}

/// What a change makes of the body: the SKU of which more are wanted than before, or why it is refused.
type Changed = Result<Option<String>, Problem>;

impl CartService {
    /// Starts the batcher.
    pub fn new(deps: CartDeps) -> Arc<Self> {
        let db = deps.db.clone();
        let writes = Batcher::new(&deps.tasks, "cart.writes", MAX_COMBINED, move |batch: Batch<Write>| {
            let db = db.clone();
            async move { saving::save(&db, &batch).await }
        });
        Arc::new(Self {
            db: deps.db,
            ids: deps.ids,
            products: ProductInfo::new(deps.catalog),
            pricing: deps.pricing,
            inventory: deps.inventory,
            terms: OnceCell::new(),
            writes,
            turns: std::iter::repeat_with(Mutex::default).take(TURNS).collect(),
        })
    }

    /// The service's database, for its schedule.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    /// The cart, for who may see it.
    async fn open(&self, cx: &Cx, id: CartId) -> Result<Stored, Problem> {
        let found = store::read(self.db.primary(), id).await?;
        found.filter(|cart| cart.is_open_to(&cx.actor)).ok_or_else(|| Problem::not_found("cart"))
    }

    /// The same for showing it: from a replica that has what this visitor wrote. One that is not there may not have come
    /// there yet.
    async fn open_to_show(&self, cx: &Cx, id: CartId) -> Result<Stored, Problem> {
        let found = store::read(self.db.read(WalPosition::from_raw(cx.min_lsn())), id).await?;
        match found.filter(|cart| cart.is_open_to(&cx.actor)) {
            Some(cart) => Ok(cart),
            None => self.open(cx, id).await,
        }
    }

    /// Their later reads see what was written just now.
    async fn wrote(&self, cx: &Cx) {
        cx.wrote(self.db.position().await.raw());
    }

    /// What the other services know about the cart's lines; prices and stock are asked for at the same time.
    async fn facts(&self, cx: &Cx, body: &Body, with_stock: bool) -> Result<Facts, Problem> {
        // Product information, prices and stock are the same for every caller, and this role does not speak for users.
        let cx = &cx.for_anybody();
        let products = self.products.of(cx, body.lines.iter().map(|line| line.sku.as_str())).await?;
        let lines = domain::quote_lines(body, &products);
        let skus: Vec<String> = lines.iter().map(|line| line.sku.clone()).collect();
        let quote = async {
            if lines.is_empty() && body.coupons.is_empty() {
                return self.empty_quote(cx).await;
            }
            // Nothing to ship costs nothing to ship.
            let shipping_method = body.shipping_method.clone().filter(|_| !lines.is_empty());
            let (coupons, address) = (body.coupons.clone(), body.shipping_address.clone());
            self.pricing.quote(cx, QuoteRequest { lines, coupons, address, shipping_method }).await
        };
        let available = async {
            if skus.is_empty() || !with_stock {
                return Ok(HashMap::new());
            }
            let found = self.inventory.availability(cx, AvailabilityRequest { skus }).await?;
            Ok(found.items.into_iter().map(|item| (item.sku, item.available)).collect())
        };
        let (quote, available) = tokio::try_join!(quote, available)?;
        Ok(Facts { products, quote, available })
    }

    async fn empty_quote(&self, cx: &Cx) -> Result<Quote, Problem> {
        let terms = self.terms.get_or_try_init(|| self.pricing.shop(cx, ShopRequest {})).await?;
        let zero = Money::zero(terms.currency);
        Ok(Quote {
            lines: Vec::new(),
            unpriced: Vec::new(),
            subtotal: zero,
            discount: zero,
            shipping: None,
            shipping_name: None,
            tax: zero,
            total: zero,
            coupons: Vec::new(),
            messages: Vec::new(),
        })
    }

    /// Changes a cart: all or nothing, and never over another request's change. Also a caller who is refused for what is in
    /// the cart sees that when they look next.
    async fn change(
        &self,
        cx: &Cx,
        id: CartId,
        if_version: Option<Vec<i64>>,
        update: Option<&UpdateCart>,
        change: impl Fn(&mut Body) -> Changed + Send + Sync,
    ) -> Result<Cart, Problem> {
        let changed = async {
            // A request that has lost a race holds the turn; late comers do not race them again.
            let mut turn = match self.turn_of(id).try_lock() {
                Ok(_free) => None,
                Err(_) => Some(self.turn_of(id).lock().await),
            };
            for _ in 0..MAX_TRIES {
                let mut cart = self.open(cx, id).await?;
                Problem::check_version(cart.version, if_version.as_deref())?;
                let coupons = cart.body.coupons.clone();
                let wanted = change(&mut cart.body)?;
                let facts = self.facts(cx, &cart.body, true).await?;
                if let Some(sku) = &wanted {
                    in_stock(&cart.body, &facts, sku)?;
                }
                // What may make it dearer than payments take is refused here, where it can be bought in parts.
                let given = update.is_some_and(|it| it.shipping_address.is_some() || it.shipping_method.is_some());
                if wanted.is_some() || given {
                    domain::check_total(facts.quote.total)?;
                }
                domain::check_entered(&coupons, &cart.body.coupons, &facts.quote)?;
                let method_given = update.is_some_and(|it| it.shipping_method.is_some());
                if method_given && facts.quote.messages.iter().any(|message| message.code == "shipping_unavailable") {
                    let detail = "this way of shipping is not available for the address";
                    return Err(Problem::invalid_field("/shipping_method", detail));
                }
                let mut shown = domain::view(&cart, &facts);
                domain::see(&mut cart.body, &facts.quote);
                let write = Write::Save(id, cart.version, Box::new(cart.body));
                if let Some(written) = self.writes.submit(write).await? {
                    (shown.version, shown.expires_at) = (written.version, written.expires_at);
                    return Ok(shown);
                }
                if turn.is_none() {
                    turn = Some(self.turn_of(id).lock().await);
                }
            }
            Err(Problem::conflict("cart_busy", "the cart is being changed by many at once, please try again"))
        }
        .await;
        if changed.as_ref().map_or_else(|problem: &Problem| problem.kind.is_about_state(), |_| true) {
            self.wrote(cx).await;
        }
        changed
    }

    fn turn_of(&self, id: CartId) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % TURNS as u64).unwrap_or(0);
        &self.turns[at]
    }

    /// Shows a cart. What it shows counts as seen, and a cart that is looked at is kept; should noting that fail, the
    /// buyer still gets the cart.
    async fn look(&self, cx: &Cx, mut cart: Stored) -> Result<Cart, Problem> {
        let facts = self.facts(cx, &cart.body, true).await?;
        let mut shown = domain::view(&cart, &facts);
        let news = domain::see(&mut cart.body, &facts.quote);
        if !news && !cart.touch_due {
            return Ok(shown);
        }
        match self.writes.submit(Write::Note(cart.id, cart.version, Box::new(cart.body))).await {
            Ok(Some(written)) => (shown.version, shown.expires_at) = (written.version, written.expires_at),
            Ok(None) => {}
            Err(problem) => {
                let internal = problem.internal_detail().unwrap_or_default();
                tracing::warn!(code = %problem.code, internal, "could not note that a cart was looked at");
            }
        }
        Ok(shown)
    }

    async fn create_own(&self, id: CartId, customer: Uuid) -> Result<Stored, DbError> {
        let tx = self.db.begin_relaxed().await?;
        store::disown(&tx, customer).await?;
        let cart = store::add_own(&tx, id, customer).await?;
        tx.commit().await?;
        Ok(cart)
    }

    async fn claim_once(&self, customer: Uuid, guest: Option<CartId>) -> Result<Stored, DbError> {
        let tx = self.db.begin_relaxed().await?;
        let ForClaim { own, guest, expired } = store::lock_for_claim(&tx, customer, guest).await?;
        if let Some(expired) = expired {
            store::delete(&tx, &[expired.uuid()]).await?;
        }
        let cart = match (own, guest) {
            (Some(own), None) => own,
            (None, Some(guest)) => store::take_over(&tx, guest.id, customer).await?,
            (None, None) => store::add_own(&tx, CartId(self.ids.v4()), customer).await?,
            (Some(own), Some(guest)) => {
                let mut body = own.body;
                body.absorb(guest.body);
                store::delete(&tx, &[guest.id.uuid()]).await?;
                store::merge(&tx, own.id, &body).await?
            }
        };
        tx.commit().await?;
        Ok(cart)
    }
}

/// Ok when all units of `sku` in the cart can be had.
fn in_stock(body: &Body, facts: &Facts, sku: &str) -> Result<(), Problem> {
    if !facts.products.contains_key(sku) || facts.quote.unpriced.iter().any(|unpriced| unpriced == sku) {
        return Err(Problem::not_found("product"));
    }
    let (wanted, available) = (body.units_of(sku), facts.available.get(sku).copied().unwrap_or(0));
    if i64::from(wanted) <= available {
        return Ok(());
    }
    let text = match available {
        0 => "this product is out of stock".to_owned(),
        left => format!("only {left} are left"),
    };
    Err(Problem::conflict("out_of_stock", text).with_data([Shortage { sku: sku.to_owned(), wanted, available }]))
}

#[async_trait]
impl CartApi for CartService {
    async fn create(&self, cx: &Cx, _request: CreateCart) -> Result<Cart, Problem> {
        let id = CartId(self.ids.v4());
        if let Some(customer) = cx.actor.customer() {
            let cart = again_after_a_race(|| self.create_own(id, customer)).await?;
            self.wrote(cx).await;
            return self.look(cx, cart).await;
        }
        let quote = self.empty_quote(cx).await?;
        let written = self.writes.submit(Write::Add(id)).await?;
        let written = written.ok_or_else(|| Problem::internal("a new cart was not written"))?;
        self.wrote(cx).await;
        let cart = Stored {
            id,
            customer_id: None,
            version: written.version,
            body: Body::default(),
            expires_at: written.expires_at,
            touch_due: false,
        };
        Ok(domain::view(&cart, &Facts { products: HashMap::new(), quote, available: HashMap::new() }))
    }

    async fn get(&self, cx: &Cx, request: GetCart) -> Result<Cart, Problem> {
        let cart = self.open_to_show(cx, request.cart_id).await?;
        self.look(cx, cart).await
    }

    async fn units(&self, cx: &Cx, request: GetCart) -> Result<CartUnits, Problem> {
        let cart = self.open_to_show(cx, request.cart_id).await?;
        let units = cart.body.units();
        if cart.touch_due {
            // Who sees the number every day keeps the cart.
            self.look(cx, cart).await?;
        }
        Ok(CartUnits { units })
    }

    async fn add_line(&self, cx: &Cx, request: AddLine) -> Result<Cart, Problem> {
        domain::check_sku(&request.sku)?;
        domain::check_quantity(request.quantity, 1)?;
        let sku = request.sku.as_str();
        let products = self.products.of(cx, std::iter::once(sku)).await?;
        let product = products.get(sku).ok_or_else(|| Problem::not_found("product"))?;
        let line = self.ids.v4();
        self.change(cx, request.cart_id, request.if_version, None, |body| {
            body.add(line, sku, &product.title, request.quantity)?;
            Ok(Some(sku.to_owned()))
        })
        .await
    }

    async fn set_quantity(&self, cx: &Cx, request: SetQuantity) -> Result<Cart, Problem> {
        domain::check_quantity(request.quantity, 0)?;
        let set = |body: &mut Body| Ok(body.set_quantity(request.line_id, request.quantity)?);
        self.change(cx, request.cart_id, request.if_version, None, set).await
    }

    async fn remove_line(&self, cx: &Cx, request: RemoveLine) -> Result<Cart, Problem> {
        let remove = |body: &mut Body| Ok(body.remove(request.line_id).map(|()| None)?);
        self.change(cx, request.cart_id, request.if_version, None, remove).await
    }

    async fn update(&self, cx: &Cx, request: UpdateCart) -> Result<Cart, Problem> {
        let mut update = domain::check_update(request)?;
        let if_version = update.if_version.take();
        self.change(cx, update.cart_id, if_version, Some(&update), |body| {
            body.update(update.clone());
            Ok(None)
        })
        .await
    }

    async fn shipping_methods(&self, cx: &Cx, request: GetCart) -> Result<ShippingMethods, Problem> {
        let cart = self.open(cx, request.cart_id).await?;
        let Some(address) = cart.body.shipping_address.clone() else {
            return Err(Problem::conflict("address_missing", "the cart has no shipping address yet"));
        };
        let cx = &cx.for_anybody();
        let products = self.products.of(cx, cart.body.lines.iter().map(|line| line.sku.as_str())).await?;
        let lines = domain::quote_lines(&cart.body, &products);
        self.pricing.shipping_methods(cx, ShippingMethodsRequest { lines, address, coupons: cart.body.coupons }).await
    }

    async fn claim(&self, cx: &Cx, request: ClaimCart) -> Result<Cart, Problem> {
        let customer = cx.actor.require_customer()?;
        let cart = again_after_a_race(|| self.claim_once(customer, request.guest_cart_id)).await?;
        self.wrote(cx).await;
        self.look(cx, cart).await
    }

    async fn for_checkout(&self, cx: &Cx, request: GetCart) -> Result<CheckoutCart, Problem> {
        let cart = self.open(cx, request.cart_id).await?;
        let facts = self.facts(cx, &cart.body, false).await?;
        domain::checkout(&cart, &facts)
    }
}

/// Two logins of one customer at once: the second finds what the first made.
async fn again_after_a_race<T, F: Future<Output = Result<T, DbError>>>(once: impl Fn() -> F) -> Result<T, Problem> {
    let mut tries = 0;
    loop {
        match once().await {
            Err(error) if tries < MAX_TRIES && (error.is_unique("cart_own") || error.is_retryable()) => tries += 1,
            done => return Ok(done?),
        }
    }
}

impl From<CartError> for Problem {
    fn from(error: CartError) -> Problem {
        match error {
            CartError::Full => Problem::conflict("cart_full", error.to_string()),
            CartError::TooMany => Problem::invalid_field("/quantity", error.to_string()),
            CartError::NoLine => Problem::not_found("line"),
        }
    }
}
