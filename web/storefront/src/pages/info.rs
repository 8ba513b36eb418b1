//! Help page, and what robots and browsers ask for by themselves.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use http::{HeaderValue, StatusCode};
use souk_catalog_api::{ListProducts, MAX_PAGE};
use souk_kernel::Problem;
use souk_pricing_api::RatesRequest;
use souk_web::{ApiError, Cached, WebCx};

use crate::app::App;
use crate::assets;
use crate::reply::{PageResult, public};
use crate::view::card::product;
use crate::view::message::{HelpPage, RateRow};
use crate::view::money::show;

/// Products of the sitemap: the protocol's limit is 50,000 addresses and 50 MB (sitemaps.org); ours keeps it below 3 MB.
const MAX_SITEMAP: usize = 25_000;
/// Robots come by rarely, and the map is long to make.
const SITEMAP_AGE: HeaderValue = HeaderValue::from_static("public, max-age=3600, stale-while-revalidate=86400");

pub(crate) async fn help(State(app): State<App>, WebCx(cx): WebCx) -> PageResult {
    let (layout, rates) = tokio::try_join!(app.layout(&cx, "Help"), app.clients.pricing.rates(&cx, RatesRequest {}))?;
    let mut zones = Vec::new();
    for zone in rates.zones {
        for rate in zone.methods {
            let per_kg =
                if rate.per_kg.amount > 0 { format!(", and {} per kg", show(rate.per_kg)) } else { String::new() };
            let free = rate.free_from.map(|from| format!("; free from {}", show(from))).unwrap_or_default();
            let price = format!("{}{per_kg}{free}", show(rate.base));
            zones.push(RateRow { zone: zone.name.clone(), method: rate.name, price });
        }
    }
    public(&HelpPage { layout: layout.listed_at("/help"), zones }, &["categories".into(), "rates".into()])
}

pub(crate) async fn robots(State(app): State<App>) -> Cached {
    let personal = ["/cart", "/checkout", "/account", "/orders/", "/fragments/", "/search?", "/api/"];
    let mut text = String::from("User-agent: *\n");
    personal.iter().for_each(|path| text += &format!("Disallow: {path}\n"));
    text += &format!("Sitemap: {}/sitemap.xml\n", app.origin());
    Cached::bytes(HeaderValue::from_static("text/plain; charset=utf-8"), text, &["robots"])
}

pub(crate) async fn sitemap(State(app): State<App>, WebCx(cx): WebCx) -> Result<Cached, ApiError> {
    let mut xml = String::from(
        r#"<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">"#,
    );
    // Slugs and paths are of [a-z0-9/-], so nothing needs escaping.
    let mut put = |path: &str| xml += &format!("<url><loc>{}{path}</loc></url>", app.origin());
    put("/");
    for node in app.nav(&cx).await?.tree.items.iter().filter(|node| node.products > 0) {
        put(&crate::view::layout::category(&node.path));
    }
    let mut request = ListProducts { limit: MAX_PAGE, ..Default::default() };
    for _ in 0..MAX_SITEMAP.div_ceil(MAX_PAGE as usize) {
        let page = app.clients.catalog.list(&cx, request.clone()).await?;
        page.items.iter().for_each(|item| put(&product(&item.slug)));
        match page.next_cursor {
            Some(cursor) => request.cursor = Some(cursor),
            None => break,
        }
    }
    xml += "</urlset>";
    let content_type = HeaderValue::from_static("application/xml");
    Ok(Cached::bytes(content_type, xml, &["sitemap"]).with_cache_control(SITEMAP_AGE))
}

pub(crate) async fn favicon() -> impl IntoResponse {
    Redirect::permanent(assets::href("icon.svg"))
}

pub(crate) async fn not_found() -> ApiError {
    Problem::not_found("page").into()
}

pub(crate) async fn method_not_allowed() -> ApiError {
    let detail = "this page does not know that method";
    ApiError::transport(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
