//! `/orders/{id}`: for its customer, or for who holds its token.

use axum::extract::{Path, State};
use http::{HeaderValue, StatusCode, Uri, header};
use serde::Deserialize;
use souk_kernel::{Kind, Problem};
use souk_order_api::{CancelOrder, GetOrder, Order, OrderId, OrderStatus};
use souk_rpc::Cx;
use souk_web::WebCx;

use crate::app::App;
use crate::reply::{PageResult, private, see_other};
use crate::view::Notice;
use crate::view::message::sentence;
use crate::view::order::order_page;

/// Seconds after which a browser looks again at an order that is still being made.
const LOOK_AGAIN: HeaderValue = HeaderValue::from_static("3");

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Query {
    /// A guest's right to see it.
    token: Option<String>,
    /// `1` right after it was placed.
    placed: Option<String>,
}

impl Query {
    fn of(uri: &Uri) -> Self {
        serde_html_form::from_str(uri.query().unwrap_or_default()).unwrap_or_default()
    }
}

async fn find(app: &App, cx: &Cx, id: &str, token: Option<String>) -> Result<Order, Problem> {
    let id: OrderId = id.parse().map_err(|_| Problem::not_found("order"))?;
    app.clients.order.get(cx, GetOrder { id, token }).await
}

pub(crate) async fn show(State(app): State<App>, WebCx(cx): WebCx, Path(id): Path<String>, uri: Uri) -> PageResult {
    let query = Query::of(&uri);
    let order = find(&app, &cx, &id, query.token.clone()).await?;
    let fresh = query.placed.as_deref() == Some("1");
    let notices = match order.status {
        OrderStatus::Pending => vec![Notice::warn("Your payment is being confirmed. This page looks again by itself.")],
        OrderStatus::Failed => {
            vec![Notice::bad("This order did not go through, and nothing was charged. Your cart is still there.")]
        }
        _ if fresh => vec![Notice::good(format!("We have sent a confirmation to {}.", order.email))],
        _ => Vec::new(),
    };
    let mut page = page(&app, &cx, StatusCode::OK, &order, query, notices).await?;
    if order.status == OrderStatus::Pending {
        page.headers_mut().insert(header::REFRESH, LOOK_AGAIN);
    }
    Ok(page)
}

async fn page(app: &App, cx: &Cx, status: StatusCode, order: &Order, query: Query, notices: Vec<Notice>) -> PageResult {
    let title = format!("Order {}", order.number);
    let (layout, terms) = tokio::try_join!(app.layout(cx, &title), app.terms(cx))?;
    let fresh = query.placed.is_some() && !matches!(order.status, OrderStatus::Failed | OrderStatus::Cancelled);
    // A guest's token shows an order; changing it takes the account (the contract's rule).
    let own = order.customer_id.is_some() && order.customer_id == cx.actor.customer();
    private(status, &order_page(layout, order, own, fresh, notices, terms.prices_include_tax))
}

pub(crate) async fn cancel(State(app): State<App>, WebCx(cx): WebCx, Path(id): Path<String>) -> PageResult {
    let order = find(&app, &cx, &id, None).await?;
    let request = CancelOrder { id: order.id, reason: "cancelled by the buyer".into(), if_version: None, token: None };
    match app.clients.order.cancel(&cx, request).await {
        Ok(order) => Ok(see_other(&format!("/orders/{}", order.id))),
        Err(problem) if problem.kind == Kind::Conflict => {
            let notices = vec![Notice::bad(sentence(&problem.detail))];
            page(&app, &cx, StatusCode::CONFLICT, &order, Query::default(), notices).await
        }
        Err(problem) => Err(problem.into()),
    }
}
