//! Product page: `GET /p/{slug}`.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};
use souk_catalog_api::{Product, Status, moved_to};
use souk_kernel::Problem;
use souk_rpc::Cx;
use souk_search_api::Hit;
use souk_web::{ApiPath, WebCx};

use crate::app::App;
use crate::reply::{PageResult, product_keys, public};
use crate::view::card::product as product_href;
use crate::view::product::{Facts, RELATED, product_page};

/// Variants of one page, prices and stock of which are asked for at once (a product may have 1,000).
const MAX_SKUS: usize = 1_000;
/// How long browsers may remember where a product moved to.
const MOVED: HeaderValue = HeaderValue::from_static("public, max-age=60");

pub(crate) async fn show(State(app): State<App>, WebCx(cx): WebCx, ApiPath(slug): ApiPath<String>) -> PageResult {
    let product = match app.reads.product(&cx, slug).await {
        Ok(product) => product,
        Err(problem) => return moved(problem),
    };
    let skus: Vec<String> = product.variants.iter().take(MAX_SKUS).map(|variant| variant.sku.clone()).collect();
    let (layout, prices, stock, terms, related) = tokio::try_join!(
        app.layout(&cx, &product.title),
        app.reads.prices(&cx, skus.clone()),
        app.reads.stock(&cx, skus),
        app.terms(&cx),
        async { Ok(related_products(&app, &cx, &product).await) },
    )?;
    let layout = match product.status {
        Status::Published => layout.listed_at(&product_href(&product.slug)),
        Status::Unlisted | Status::Draft => layout,
    };
    let shown = std::iter::once(&product.id.0).chain(related.iter().map(|hit| &hit.id));
    let mut keys = product_keys(shown);
    keys.push("categories".into());
    keys.extend(product.category_path.iter().map(|id| format!("category/{id}")));
    let facts = Facts { product, prices, stock, related, terms };
    let page = product_page(layout, facts).ok_or_else(|| Problem::not_found("product"))?;
    public(&page, &keys)
}

/// The related products of its page. Nice to have: a search that is down does not take product pages with it.
async fn related_products(app: &App, cx: &Cx, product: &Product) -> Vec<Hit> {
    let Ok(nav) = app.nav(cx).await else { return Vec::new() };
    let node = product.category_id.and_then(|id| nav.tree.items.iter().find(|node| node.id == id));
    let Some(node) = node else { return Vec::new() };
    match app.related_products(cx, &node.path).await {
        Ok(hits) => hits.iter().filter(|hit| hit.id != product.id.0).take(RELATED as usize).cloned().collect(),
        Err(problem) => {
            tracing::warn!(request_id = %cx.request_id, code = %problem.code, "no related products");
            Vec::new()
        }
    }
}

/// An old address leads to the new one.
fn moved(problem: Problem) -> PageResult {
    let Some(slug) = moved_to(&problem) else { return Err(problem.into()) };
    let mut response: Response = Redirect::permanent(&product_href(slug)).into_response();
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert(header::CACHE_CONTROL, MOVED);
    Ok(response)
}
