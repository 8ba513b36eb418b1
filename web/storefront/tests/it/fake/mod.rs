//! Fake shop in memory behind the contracts: the demo catalogue, carts, orders, accounts. As simple as it can be and still
//! say yes and no where the real services do.

mod catalog;
mod order;
mod people;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use souk_cart_api::{Cart, CartFake, CartId};
use souk_catalog_api::{CatalogFake, Category, Product, Variant};
use souk_identity_api::{Customer, IdentityFake};
use souk_import::{Offer, ProductDraft};
use souk_inventory_api::{InventoryFake, StockPolicy};
use souk_kernel::{Currency, Ids, Problem, Secret, ShopTime};
use souk_order_api::{Order, OrderFake};
use souk_pricing_api::PricingFake;
use souk_rpc::fake::answer_later;
use souk_rpc::fake_of;
use souk_search_api::SearchFake;
use souk_storefront::{Clients, Shop};
use souk_web::Cdn;

/// A moment the fake stands still at.
pub const NOW: i64 = 1_795_000_000;
/// Currency of the fake shop.
pub const EUR: Currency = Currency::EUR;

/// The shop.
pub struct FakeShop {
    pub drafts: Vec<ProductDraft>,
    pub products: Vec<Product>,
    pub categories: Vec<Category>,
    pub by_sku: HashMap<String, (usize, usize)>,
    ids: Ids,
    state: Mutex<State>,
}

/// What changes.
#[derive(Default)]
pub struct State {
    pub carts: HashMap<CartId, Cart>,
    pub cart_of: HashMap<uuid::Uuid, CartId>,
    pub orders: Vec<(Order, String)>,
    pub replies: HashMap<String, Result<usize, Problem>>,
    pub customers: Vec<(Customer, String)>,
    pub sessions: HashMap<String, uuid::Uuid>,
    /// Addresses and names that links were sent to; empty when used. The token is `link-` and the number.
    pub links: Vec<(String, String)>,
    /// Who asked for another address, and which; empty when used. The token is `change-` and the number.
    pub changes: Vec<(uuid::Uuid, String)>,
    /// Device tokens that sign-ins brought along.
    pub devices: Vec<String>,
    /// Identity is of the previous release.
    pub previous_identity: bool,
    /// Prices that a test changed.
    pub prices: HashMap<String, i64>,
    /// Stock that a test changed.
    pub stock: HashMap<String, i64>,
    /// Stock policies that a test set.
    pub policies: HashMap<String, StockPolicy>,
    /// Carts that became an order, by its place among them.
    pub taken: HashMap<CartId, usize>,
    /// The order service is that of the release before.
    pub old_orders: bool,
    /// Path of a category that the search index has not heard of yet.
    pub not_indexed: Option<&'static str>,
    /// A service that is down answers 503: its name.
    pub down: Option<&'static str>,
}

impl FakeShop {
    /// A shop with the first `count` demo products.
    pub fn new(count: usize) -> Arc<Self> {
        let drafts: Vec<ProductDraft> = souk_demo::generate(souk_demo::DEFAULT_SEED, count).collect();
        let (categories, products) = catalog::stock_up(&drafts);
        let mut by_sku = HashMap::new();
        for (p, draft) in drafts.iter().enumerate() {
            for (v, variant) in draft.product.variants.iter().enumerate() {
                by_sku.insert(variant.sku.clone(), (p, v));
            }
        }
        Arc::new(Self { drafts, products, categories, by_sku, ids: Ids::seeded(7), state: Mutex::default() })
    }

    /// Its clients, as the storefront takes them.
    pub fn clients(self: &Arc<Self>, public_url: &str) -> Clients {
        Clients {
            catalog: fake_of!(self, CatalogFake { product_by_slug, products_by_slug, categories, list }).into(),
            search: fake_of!(self, SearchFake { search }).into(),
            pricing: fake_of!(self, PricingFake { prices, shop, rates }).into(),
            inventory: fake_of!(self, InventoryFake { availability }).into(),
            cart: self.carts().into(),
            order: self.orders().into(),
            identity: fake_of!(
                self,
                IdentityFake {
                    register,
                    request_link,
                    confirm,
                    sign_in,
                    login,
                    logout,
                    me,
                    update_me,
                    request_email_change,
                    confirm_email_change,
                    put_address,
                    remove_address
                }
            )
            .into(),
            cookie_key: Secret::new([7; 32]),
            shop: Shop {
                name: "Souk".into(),
                public_url: public_url.into(),
                cdn: Cdn::default(),
                // There it is tomorrow already.
                time: ShopTime::in_zone("Pacific/Kiritimati").unwrap(),
            },
            published: None,
        }
    }

    fn carts(self: &Arc<Self>) -> CartFake {
        let shop = self.clone();
        let get = answer_later(move |cx, req| {
            let shop = shop.clone();
            async move { shop.cart(&cx, req).await }
        });
        let others = fake_of!(
            self,
            CartFake { create, units, add_line, set_quantity, remove_line, update, shipping_methods, claim }
        );
        CartFake { get, ..others }
    }

    fn orders(self: &Arc<Self>) -> OrderFake {
        let shop = self.clone();
        let get = answer_later(move |cx, req| {
            let shop = shop.clone();
            async move { shop.order(&cx, req).await }
        });
        OrderFake { get, ..fake_of!(self, OrderFake { checkout, buy, mine, cancel }) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn variant(&self, sku: &str) -> Option<(&Product, &Variant)> {
        let (p, v) = *self.by_sku.get(sku)?;
        Some((&self.products[p], &self.products[p].variants[v]))
    }

    pub fn offer(&self, sku: &str) -> Option<&Offer> {
        let (p, v) = *self.by_sku.get(sku)?;
        Some(&self.drafts[p].offers[v])
    }

    pub fn price(&self, state: &State, sku: &str) -> i64 {
        let printed = || self.offer(sku).map_or(0, |offer| offer.price.amount);
        state.prices.get(sku).copied().unwrap_or_else(printed)
    }

    pub fn available(&self, state: &State, sku: &str) -> i64 {
        let initial = || self.offer(sku).map_or(0, |offer| offer.initial_stock());
        state.stock.get(sku).copied().unwrap_or_else(initial)
    }

    /// 503 when `service` is down.
    pub fn up(&self, service: &'static str) -> Result<(), Problem> {
        match self.state().down {
            Some(down) if down == service => Err(Problem::unavailable("down", "the fake was told to be down")),
            _ => Ok(()),
        }
    }

    pub fn media(address: &str) -> String {
        let file = address.rsplit('/').take(2).collect::<Vec<_>>();
        format!("/media/{}-{}", file[1], file[0])
    }
}
