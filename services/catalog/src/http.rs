//! Public REST of the catalogue: products, lists, categories, pictures. A page asks pricing and inventory at the same time,
//! once for all its products.

mod media;
mod views;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, Uri};
use schemars::JsonSchema;
use serde::Deserialize;
use souk_catalog_api::{ListProducts, ListSort, MAX_PAGE, Product};
use souk_inventory_api::AvailabilityRequest;
use souk_kernel::Problem;
use souk_pricing_api::PricesRequest;
use souk_rpc::Cx;
use souk_web::{ApiError, ApiPath, ApiQuery, Cached, Cdn, Operations, Reply, Routes, WebCx, op, page_links};

use crate::CatalogService;
use crate::domain::limits;
use crate::service::SlugLookup;
use views::{CategoriesJson, Offer, Offers, ProductJson, ProductPageJson};

/// Products of a list when the client does not say how many: a page of 4 by 6.
const DEFAULT_LIMIT: u32 = 24;
/// Characters of a category's path: deeper than any tree.
const MAX_CATEGORY: usize = 1_000;
/// Characters of a cursor: the longest title, encoded.
const MAX_CURSOR: usize = 4_000;

/// Routes of the public API.
pub fn routes(service: Arc<CatalogService>) -> Routes {
    declared().with_state(service)
}

/// What they are, without a service: for the API's description in a process that runs none.
pub fn operations() -> Operations {
    declared().openapi().clone()
}

fn declared() -> Routes<Arc<CatalogService>> {
    Routes::new()
        .get(
            "/api/v1/products",
            list,
            op("listProducts")
                .summary("Published products, a page at a time")
                .tag("catalog")
                .reply(200)
                .reply_headers(&["ETag", "Link"])
                .codes(&["not_found"])
                .link(200, "getProduct", &[("slug", "$response.body#/items/0/slug")], None)
                .link(200, "getAvailability", &[("sku", "$response.body#/items/0/variants/0/sku")], None),
        )
        .get(
            "/api/v1/products/{slug}",
            product,
            op("getProduct")
                .summary("One product with its variants, prices and stock")
                .tag("catalog")
                .path("slug", "Its address.")
                .reply(200)
                .empty(301)
                .reply_headers(&["ETag"])
                .codes(&["not_found"]),
        )
        .get(
            "/api/v1/categories",
            categories,
            op("listCategories")
                .summary("The category tree, parents before children")
                .tag("catalog")
                .reply(200)
                .reply_headers(&["ETag"]),
        )
        .get(
            "/media/{file}",
            media::get,
            op("getMedia")
                .summary("A stored picture; its name is the hash of its content")
                .tag("catalog")
                .path("file", "Its name.")
                .reply_as(200, "image/*")
                .reply_headers(&["ETag"])
                .codes(&["not_found", "media_unavailable"]),
        )
}

/// Address of a product.
#[derive(Deserialize, JsonSchema)]
#[schemars(transparent, inline)]
struct Slug(#[schemars(length(min = 1, max = limits::SLUG), extend("pattern" = "^[a-z0-9-]+$"))] String);

/// Name of a picture.
#[derive(Deserialize, JsonSchema)]
#[schemars(transparent, inline)]
struct MediaName(#[schemars(extend("pattern" = "^[0-9a-f]{64}\\.[a-z]{2,5}$"))] String);

/// Query of a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Path of a category, `computers/notebooks`; its descendants are included.
    #[schemars(length(max = MAX_CATEGORY))]
    category: Option<String>,
    /// Order; by price only products that have one.
    #[serde(default)]
    sort: SortJson,
    /// Products of a page; 24 when absent.
    #[schemars(range(min = 1, max = MAX_PAGE))]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[schemars(length(min = 1, max = MAX_CURSOR), extend("pattern" = "^[A-Za-z0-9_-]+$", "x-in-words" = "is not a cursor of ours"))]
    cursor: Option<String>,
}

/// Order of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ProductSort")]
enum SortJson {
    /// Newest first.
    #[default]
    Newest,
    /// By title.
    Title,
    /// Cheapest first.
    PriceAsc,
    /// Dearest first.
    PriceDesc,
}

impl From<SortJson> for ListSort {
    fn from(sort: SortJson) -> Self {
        match sort {
            SortJson::Newest => ListSort::Newest,
            SortJson::Title => ListSort::Title,
            SortJson::PriceAsc => ListSort::PriceAsc,
            SortJson::PriceDesc => ListSort::PriceDesc,
        }
    }
}

async fn list(
    State(service): State<Arc<CatalogService>>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    uri: Uri,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Reply<ProductPageJson>, ApiError> {
    let request = ListProducts {
        category: query.category,
        sort: query.sort.into(),
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
        cursor: query.cursor,
    };
    let (items, next_cursor) = service.public_page(&cx, &request).await?;
    let offers = service.offers(&cx, &items).await?;
    let mut keys = vec!["catalog".to_owned()];
    keys.extend(items.iter().map(|product| format!("product/{}", product.id)));
    keys.extend(items.iter().flat_map(|product| &product.category_path).map(|id| format!("category/{id}")));
    keys.sort_unstable();
    keys.dedup();
    let items = items.iter().map(|product| views::summary(product, &offers, &cdn)).collect();
    let links = page_links(&uri, "cursor", next_cursor.as_deref());
    let page = Cached::public(&ProductPageJson { items, next_cursor }, &keys)?;
    Ok(Reply::from(page).with_header(http::header::LINK, links))
}

async fn product(
    State(service): State<Arc<CatalogService>>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(Slug(slug)): ApiPath<Slug>,
) -> Result<Reply<ProductJson>, ApiError> {
    let product = match service.look_up_slug(&cx, &slug).await? {
        SlugLookup::Product(product) => product,
        SlugLookup::Moved(to) => return Ok(Reply::without_body(moved(&to))),
        // What is unknown to every caller may be remembered for a moment.
        SlugLookup::NotFound => return Err(ApiError::from(Problem::not_found("product")).public_absence()),
    };
    let offers = service.offers(&cx, std::slice::from_ref(&product)).await?;
    let mut keys = vec![format!("product/{}", product.id)];
    keys.extend(product.category_path.iter().map(|id| format!("category/{id}")));
    Ok(Cached::public(&views::product(&product, &offers, &cdn), &keys)?.into())
}

/// An old address leads to the new one.
fn moved(to: &str) -> Response {
    let mut response = Redirect::permanent(&format!("/api/v1/products/{to}")).into_response();
    *response.status_mut() = http::StatusCode::MOVED_PERMANENTLY;
    let fresh = HeaderValue::from_static("public, max-age=60");
    response.headers_mut().insert(http::header::CACHE_CONTROL, fresh);
    response
}

async fn categories(
    State(service): State<Arc<CatalogService>>,
    WebCx(cx): WebCx,
) -> Result<Cached<CategoriesJson>, ApiError> {
    let tree = service.public_tree(&cx).await?;
    Cached::public(&CategoriesJson { items: tree.items.iter().map(views::category).collect() }, &["catalog"])
}

impl CatalogService {
    /// Prices and stock of all variants of these products.
    async fn offers(&self, cx: &Cx, products: &[Arc<Product>]) -> Result<Offers, Problem> {
        let skus: Vec<String> = products.iter().flat_map(|p| &p.variants).map(|v| v.sku.clone()).collect();
        let mut offers: HashMap<String, Offer> = HashMap::with_capacity(skus.len());
        // They are the same for every caller, and this role does not speak for users.
        let cx = &cx.for_anybody();
        for chunk in skus.chunks(souk_pricing_api::MAX_BATCH.min(souk_inventory_api::MAX_BATCH)) {
            let (prices, stock) = tokio::try_join!(
                self.pricing.prices(cx, PricesRequest { skus: chunk.to_vec() }),
                self.inventory.availability(cx, AvailabilityRequest { skus: chunk.to_vec() }),
            )?;
            for price in prices.items {
                let offer = Offer { price: price.price, compare_at: price.compare_at, available: 0 };
                offers.insert(price.sku, offer);
            }
            for one in stock.items {
                if let Some(offer) = offers.get_mut(&one.sku) {
                    offer.available = one.available;
                }
            }
        }
        Ok(Offers(offers))
    }
}
