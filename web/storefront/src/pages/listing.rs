//! Category and search pages: `GET /c/{path}` and `GET /search`.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use http::Uri;
use souk_kernel::Problem;
use souk_web::{ApiPath, WebCx};

use crate::app::App;
use crate::listing_query::ListingQuery;
use crate::reply::{PageResult, product_keys, public};
use crate::view::layout::category as category_href;
use crate::view::listing::{category_page, search_page};

pub(crate) async fn category(
    State(app): State<App>,
    WebCx(cx): WebCx,
    ApiPath(path): ApiPath<String>,
    uri: Uri,
) -> PageResult {
    let path = path.trim_matches('/');
    let mut layout = app.layout(&cx, "").await?;
    let node = layout.nav.tree.items.iter().find(|node| node.path == path);
    let node = node.cloned().ok_or_else(|| Problem::not_found("category"))?;
    let query =
        ListingQuery { q: String::new(), category: None, ..ListingQuery::parse(uri.query().unwrap_or_default()) };
    let reply = app.search(&cx, query.request(Some(path))).await?;
    if reply.items.is_empty() && query.page > 1 {
        return Ok(Redirect::temporary(&query.on_page(1).href(&category_href(path))).into_response());
    }
    layout.title = format!("{} – {}", node.name, layout.shop);
    layout.description = format!("{} at {}: compare, filter, find.", node.name, layout.shop);
    layout.category = path.to_owned();
    // Filtered and sorted pages are the same things again.
    let layout = match query.is_filtered() {
        true => layout,
        false => {
            layout.listed_at(&ListingQuery { page: query.page, ..ListingQuery::parse("") }.href(&category_href(path)))
        }
    };
    let mut keys = product_keys(reply.items.iter().map(|hit| &hit.id));
    keys.extend(["categories".to_owned(), format!("category/{}", node.id)]);
    let page = category_page(layout, path, &query, reply).ok_or_else(|| Problem::not_found("category"))?;
    public(&page, &keys)
}

pub(crate) async fn search(State(app): State<App>, WebCx(cx): WebCx, uri: Uri) -> PageResult {
    let query = ListingQuery::parse(uri.query().unwrap_or_default());
    let title = if query.q.is_empty() { "Everything".to_owned() } else { format!("“{}”", query.q) };
    let request = query.request(None);
    let (layout, reply) = tokio::try_join!(app.layout(&cx, &title), app.search(&cx, request))?;
    let mut layout = layout;
    layout.query.clone_from(&query.q);
    let mut keys = product_keys(reply.items.iter().map(|hit| &hit.id));
    keys.extend(["categories".to_owned(), "search".to_owned()]);
    public(&search_page(layout, &query, reply), &keys)
}
