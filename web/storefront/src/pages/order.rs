//! Order page, `/orders/{id}`: for its customer, or for who holds its token.

use axum::extract::State;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::Deserialize;
use souk_kernel::{Kind, Problem};
use souk_order_api::{CancelOrder, GetOrder, Order, OrderId, OrderStatus};
use souk_rpc::Cx;
use souk_web::{ApiPath, WebCx};

use crate::app::App;
use crate::flash::Flash;
use crate::last_order::LastOrder;
use crate::reply::{PageResult, private, see_other};
use crate::view::Notice;
use crate::view::message::sentence;
use crate::view::order::{cancel_page, order_page};

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

pub(crate) async fn show(
    State(app): State<App>,
    WebCx(cx): WebCx,
    ApiPath(id): ApiPath<String>,
    uri: Uri,
    headers: HeaderMap,
    flash: Flash,
) -> PageResult {
    let query = Query::of(&uri);
    let order = find(&app, &cx, &id, query.token.clone()).await?;
    let pending = order.status == OrderStatus::Pending;
    let fresh =
        query.placed.as_deref() == Some("1") && !matches!(order.status, OrderStatus::Failed | OrderStatus::Cancelled);
    let mut notices = flash.notices();
    notices.extend(match order.status {
        OrderStatus::Pending => Some(Notice::warn("Your payment is being confirmed. This page looks again by itself.")),
        OrderStatus::Failed => {
            Some(Notice::bad("This order did not go through, and nothing was charged. Your cart is still there."))
        }
        _ if fresh => Some(Notice::good(format!("We have sent a confirmation to {}.", order.email))),
        _ => None,
    });
    let title = format!("Order {}", order.number);
    let (layout, terms) = tokio::try_join!(app.layout(&cx, &title), app.terms(&cx))?;
    // A guest's token shows an order; taking a sale back takes the account (the contract's rule).
    let own = order.customer_id.is_some() && order.customer_id == cx.actor.customer();
    let last = LastOrder::read(&app, &headers).filter(|last| last.id == order.id && last.bank.is_some());
    let mut page = order_page(layout, &order, own, fresh, notices, terms.prices_include_tax, app.time());
    page.confirm = last.is_some() && pending;
    let mut page = private(StatusCode::OK, &page)?;
    if pending {
        page.headers_mut().insert(header::REFRESH, LOOK_AGAIN);
    }
    Ok(page)
}

/// Asks before an order is taken back.
pub(crate) async fn ask_to_cancel(
    State(app): State<App>,
    WebCx(cx): WebCx,
    ApiPath(id): ApiPath<String>,
) -> PageResult {
    let order = find(&app, &cx, &id, None).await?;
    let href = format!("/orders/{}", order.id);
    if order.status != OrderStatus::Confirmed {
        return Ok(see_other(&href));
    }
    let layout = app.layout(&cx, &format!("Cancel order {}", order.number)).await?;
    private(StatusCode::OK, &cancel_page(layout, &order, href, app.time()))
}

pub(crate) async fn cancel(State(app): State<App>, WebCx(cx): WebCx, ApiPath(id): ApiPath<String>) -> PageResult {
    let order = find(&app, &cx, &id, None).await?;
    let request = CancelOrder { id: order.id, reason: "cancelled by the buyer".into(), if_version: None, token: None };
    let href = format!("/orders/{}", order.id);
    match app.clients.order.cancel(&cx, request).await {
        Ok(_) => Ok(see_other(&href)),
        Err(problem) if problem.kind == Kind::Conflict => {
            Ok(Flash::default().notice(Notice::bad(sentence(&problem.detail))).redirect(&app, &href))
        }
        Err(problem) => Err(problem.into()),
    }
}
