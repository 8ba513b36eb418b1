//! Shared state of the handlers: the clients, who the shop is, and the category tree that stands in every page's header.

use std::sync::Arc;
use std::time::Duration;

use souk_address::Country;
use souk_cache::{Cache, Loaded, Settings};
use souk_cart_api::CartClient;
use souk_catalog_api::{AllCategories, CatalogClient};
use souk_identity_api::IdentityClient;
use souk_inventory_api::InventoryClient;
use souk_kernel::{Ids, Kind, Problem, Secret, ShopTime};
use souk_objects::Objects;
use souk_order_api::OrderClient;
use souk_pricing_api::{PricingClient, RatesRequest, ShopRequest, ShopTerms};
use souk_rpc::Cx;
use souk_runtime::Tasks;
use souk_search_api::{Hit, SearchClient, SearchReply, SearchRequest};
use souk_web::{Cdn, Cookies};

use crate::batched_reads::BatchedReads;
use crate::sealed::Seals;
use crate::view::address::offered;
use crate::view::layout::{Layout, Nav};
use crate::view::product::RELATED;

/// Age of the menu: it is in every page, and pages are kept for a minute anyway.
const NAV_TTL: Duration = Duration::from_secs(5);
/// Age of the shop's terms, which change with its configuration only.
const TERMS_TTL: Duration = Duration::from_secs(300);
/// Age of the countries, which change with the shop's zones.
const COUNTRIES_TTL: Duration = Duration::from_secs(5);
/// Bytes either may take; a tree of a thousand categories has a quarter of that.
const MAX_BYTES: u64 = 1024 * 1024;
/// Age of a product's related products: the index may be a second or two behind the catalogue anyway, and one search then
/// serves all pages of a category that are made meanwhile.
const RELATED_TTL: Duration = Duration::from_secs(5);
/// Bytes of that; a thousand categories take two thirds.
const RELATED_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of a card, about.
const HIT_BYTES: usize = 512;

/// The services a storefront calls, and who the shop is.
#[derive(Clone)]
pub struct Clients {
    /// Products and categories.
    pub catalog: CatalogClient,
    /// Lists.
    pub search: SearchClient,
    /// Prices.
    pub pricing: PricingClient,
    /// Stock.
    pub inventory: InventoryClient,
    /// Carts.
    pub cart: CartClient,
    /// Orders.
    pub order: OrderClient,
    /// Accounts.
    pub identity: IdentityClient,
    /// Seals what browsers keep for the next page; the same for all instances.
    pub cookie_key: Secret<[u8; 32]>,
    /// Name and address of the shop.
    pub shop: Shop,
    /// Where `souk assets publish` puts the assets of releases, so that pages of another release find theirs.
    pub published: Option<Objects>,
}

/// Who the shop is.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Name over the door.
    pub name: String,
    /// Address buyers reach it under, `https://shop.example`. With https, cookies are bound to the host.
    pub public_url: String,
    /// Where browsers get pictures and assets.
    pub cdn: Cdn,
    /// Whose days and hours pages name.
    pub time: ShopTime,
}

/// State of the handlers.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub clients: Clients,
    pub reads: BatchedReads,
    pub cookies: Cookies,
    pub seals: Seals,
    pub ids: Ids,
    name: Arc<str>,
    origin: Arc<str>,
    nav: Cache<(), Arc<Nav>>,
    terms: Cache<(), ShopTerms>,
    countries: Cache<(), Arc<[&'static Country]>>,
    related: Cache<String, Arc<[Hit]>>,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    pub fn new(clients: Clients, tasks: &Tasks) -> Self {
        let origin: Arc<str> = clients.shop.public_url.trim_end_matches('/').into();
        let settings = |name, ttl| Settings { name, max_bytes: MAX_BYTES, ttl };
        // The cache's name in metrics stays what dashboards have.
        let related = Settings { name: "storefront_beside", max_bytes: RELATED_BYTES, ttl: RELATED_TTL };
        Self(Arc::new(Inner {
            cookies: Cookies { https: origin.starts_with("https://") },
            seals: Seals::new(clients.cookie_key.clone()),
            ids: Ids::random(),
            name: clients.shop.name.as_str().into(),
            origin,
            nav: Cache::new(settings("storefront_nav", NAV_TTL), |_, nav: &Arc<Nav>| 512 + nav.tree.items.len() * 512),
            terms: Cache::new(settings("storefront_terms", TERMS_TTL), |_, _| 64),
            countries: Cache::new(settings("storefront_countries", COUNTRIES_TTL), |_, list: &Arc<[_]>| {
                64 + list.len() * 8
            }),
            related: Cache::new(related, |path: &String, hits: &Arc<[Hit]>| path.len() + (1 + hits.len()) * HIT_BYTES),
            reads: BatchedReads::new(
                tasks,
                clients.catalog.clone(),
                clients.pricing.clone(),
                clients.inventory.clone(),
            ),
            clients,
        }))
    }

    /// The menu.
    pub async fn nav(&self, cx: &Cx) -> Result<Arc<Nav>, Problem> {
        let load = |_| {
            let (catalog, cx) = (self.clients.catalog.clone(), cx.clone());
            async move { Ok(Loaded::at(0, Arc::new(Nav::of(catalog.categories(&cx, AllCategories {}).await?)))) }
        };
        self.nav.get_or_load(&(), load).await
    }

    /// Countries that the shop ships to.
    pub async fn countries(&self, cx: &Cx) -> Result<Arc<[&'static Country]>, Problem> {
        let load = |_| {
            let (pricing, cx) = (self.clients.pricing.clone(), cx.clone());
            async move { Ok(Loaded::at(0, offered(&pricing.rates(&cx, RatesRequest {}).await?).into())) }
        };
        self.countries.get_or_load(&(), load).await
    }

    /// Currency and whether prices include tax.
    pub async fn terms(&self, cx: &Cx) -> Result<ShopTerms, Problem> {
        let load = |_| {
            let (pricing, cx) = (self.clients.pricing.clone(), cx.clone());
            async move { Ok(Loaded::at(0, pricing.shop(&cx, ShopRequest {}).await?)) }
        };
        self.terms.get_or_load(&(), load).await
    }

    /// A search. The catalogue says which categories there are; the index learns of a new one a moment later, and until then
    /// that one is empty.
    pub async fn search(&self, cx: &Cx, request: SearchRequest) -> Result<SearchReply, Problem> {
        let category = request.category.clone();
        match (self.clients.search.search(cx, request).await, category) {
            (Err(problem), Some(path)) if problem.kind == Kind::NotFound => {
                let known = self.nav(cx).await?.tree.items.iter().any(|node| node.path == path);
                if known { Ok(SearchReply::default()) } else { Err(problem) }
            }
            (answer, _) => answer,
        }
    }

    /// The first products of a category, shown as related to each of them.
    pub async fn related_products(&self, cx: &Cx, path: &str) -> Result<Arc<[Hit]>, Problem> {
        let load = |_| {
            let (app, cx) = (self.clone(), cx.clone());
            // One more than is shown: the product whose page it is may be among them.
            let request = SearchRequest { category: Some(path.into()), limit: RELATED + 1, ..Default::default() };
            async move { Ok(Loaded::at(0, app.search(&cx, request).await?.items.into())) }
        };
        self.related.get_or_load(&path.to_owned(), load).await
    }

    /// The frame of a page.
    pub async fn layout(&self, cx: &Cx, title: &str) -> Result<Layout, Problem> {
        Ok(self.frame(self.nav(cx).await?, title))
    }

    /// The frame of an error page: without a menu when even that cannot be had.
    pub async fn layout_anyway(&self, cx: &Cx, title: &str) -> Layout {
        self.frame(self.nav(cx).await.unwrap_or_default(), title)
    }

    fn frame(&self, nav: Arc<Nav>, title: &str) -> Layout {
        Layout::new(self.name.clone(), self.origin.clone(), self.clients.shop.cdn.clone(), nav, title)
    }

    /// Whose days and hours pages name.
    pub fn time(&self) -> &ShopTime {
        &self.clients.shop.time
    }

    /// Address of the shop without a slash at its end.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}
