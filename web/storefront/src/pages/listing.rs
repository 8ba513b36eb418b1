//! `GET /c/{path}` and `GET /search`

use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use http::Uri;
use souk_kernel::Problem;
use souk_web::{ApiPath, WebCx};

use crate::app::App;
use crate::reply::{PageResult, product_keys, public};
use crate::view::layout::category as category_href;
use crate::view::listing::{category_page, search_page};
use crate::wanted::Wanted;

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
    let wanted = Wanted { q: String::new(), category: None, ..Wanted::parse(uri.query().unwrap_or_default()) };
    let reply = app.clients.search.search(&cx, wanted.request(Some(path))).await?;
    if reply.items.is_empty() && wanted.page > 1 {
        return Ok(Redirect::temporary(&wanted.on_page(1).href(&category_href(path))).into_response());
    }
    layout.title = format!("{} – {}", node.name, layout.shop);
    layout.description = format!("{} at {}: compare, filter, find.", node.name, layout.shop);
    layout.category = path.to_owned();
    // Filtered and sorted pages are the same things again.
    let layout = match wanted.is_filtered() {
        true => layout,
        false => layout.listed_at(&Wanted { page: wanted.page, ..Wanted::parse("") }.href(&category_href(path))),
    };
    let mut keys = product_keys(reply.items.iter().map(|hit| &hit.id));
    keys.extend(["categories".to_owned(), format!("category/{}", node.id)]);
    let page = category_page(layout, path, &wanted, reply).ok_or_else(|| Problem::not_found("category"))?;
    public(&page, &keys)
}

pub(crate) async fn search(State(app): State<App>, WebCx(cx): WebCx, uri: Uri) -> PageResult {
    let wanted = Wanted::parse(uri.query().unwrap_or_default());
    let title = if wanted.q.is_empty() { "Everything".to_owned() } else { format!("“{}”", wanted.q) };
    let request = wanted.request(None);
    let (layout, reply) = tokio::try_join!(app.layout(&cx, &title), app.clients.search.search(&cx, request))?;
    let mut layout = layout;
    layout.query.clone_from(&wanted.q);
    let mut keys = product_keys(reply.items.iter().map(|hit| &hit.id));
    keys.extend(["categories".to_owned(), "search".to_owned()]);
    public(&search_page(layout, &wanted, reply), &keys)
}
