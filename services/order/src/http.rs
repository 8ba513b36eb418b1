//! Public REST of orders.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_kernel::{FieldError, Problem};
use souk_order_api::{
    CancelOrder, Checkout, CheckoutReply, GetOrder, ListOrders, Order, OrderApi, OrderId, OrderPage, OrderStatus,
};
use souk_web::{ApiError, ApiJson, ApiPath, ApiQuery, Cdn, IfMatch, Operations, Routes, WebCx, no_store, op, written};

use crate::OrderService;

/// Orders of a page when the client does not say.
const DEFAULT_PAGE: u32 = 20;

type Service = Arc<OrderService>;

/// The routes.
pub fn routes(service: Service) -> Routes {
    declared().with_state(service)
}

/// What they are, without a service: for the API's description in a process that runs none.
pub fn operations() -> Operations {
    declared().openapi().clone()
}

fn declared() -> Routes<Service> {
    Routes::new()
        .post(
            "/api/v1/checkout",
            checkout,
            op("checkout")
                .summary("Buy a cart")
                .description(
                    "Safe to repeat under the same Idempotency-Key: the reply is the first one's. 202 with a Location to \
                     poll when it takes long or the buyer has to act at the provider (`action_url`). 402 declined, 409 \
                     `out_of_stock` with the lines. `cart_version` and `expected_total` are what the buyer was shown: when \
                     the cart is another by now, 409 `cart_changed` with `data: {expected, actual}`, and nothing is charged.",
                )
                .tag("orders")
                .header("Idempotency-Key", true, "1 to 255 visible ASCII characters, new for each purchase")
                .body::<Checkout>()
                .reply::<CheckoutReply>(201)
                .reply::<CheckoutReply>(202)
                .problems(&[400, 402, 404, 409, 422, 429, 503]),
        )
        .get(
            "/api/v1/orders/{id}",
            get,
            op("getOrder")
                .summary("One order")
                .description("For its customer, or with the token that its checkout returned.")
                .tag("orders")
                .query::<OrderToken>()
                .reply::<Order>(200)
                .problems(&[404]),
        )
        .get(
            "/api/v1/orders",
            mine,
            op("listOrders")
                .summary("The signed-in customer's orders, newest first")
                .tag("orders")
                .bearer()
                .query::<Page>()
                .reply::<OrderPage>(200)
                .problems(&[401, 422]),
        )
        .post(
            "/api/v1/orders/{id}/cancel",
            cancel,
            op("cancelOrder")
                .summary("Cancel an order that is not shipped, or give up one that waits for its buyer")
                .description("For its customer, or with the token that its checkout returned.")
                .tag("orders")
                .query::<OrderToken>()
                .header("If-Match", false, "The `ETag` of the order as you know it: 412 `precondition_failed` when it changed since")
                .body::<Cancel>()
                .reply::<Order>(200)
                .problems(&[401, 404, 409, 412, 422]),
        )
}

/// A guest's proof.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OrderToken {
    /// From the checkout's reply.
    token: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Page {
    /// 1 to 100; 20 by default.
    limit: Option<u32>,
    /// From the page before.
    cursor: Option<String>,
    /// Only these.
    status: Option<OrderStatus>,
}

/// Why.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cancel {
    /// At most 500 characters.
    #[serde(default)]
    reason: String,
}

async fn checkout(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiJson(body): ApiJson<Checkout>,
) -> Result<Response, ApiError> {
    if cx.idempotency_key.is_none() {
        let detail = "send an Idempotency-Key header, new for each purchase";
        return Err(ApiError::transport(StatusCode::BAD_REQUEST, "idempotency_key_required", detail));
    }
    if service.requires_expected_total() {
        require_shown(&body)?;
    }
    let answer = service.checkout_once(&cx, body).await;
    let mut reply = answer.map_err(|refused| ApiError::from(refused.problem).of_request(refused.request_id))?;
    reply.order = shown(&cdn, reply.order);
    let (status, location) = match reply.order.status {
        OrderStatus::Pending => {
            (StatusCode::ACCEPTED, format!("/api/v1/orders/{}?token={}", reply.order.id, reply.token))
        }
        _ => (StatusCode::CREATED, format!("/api/v1/orders/{}", reply.order.id)),
    };
    let mut response = (status, no_store(&reply)).into_response();
    let location = HeaderValue::from_str(&location).map_err(Problem::internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Ok when the body says what its buyer was shown.
fn require_shown(body: &Checkout) -> Result<(), Problem> {
    let missing = [
        (body.cart_version.is_none(), "/cart_version", "send the `version` of the cart that the buyer was shown"),
        (body.expected_total.is_none(), "/expected_total", "send the `totals.total` that the buyer was shown"),
    ];
    let field =
        |(_, pointer, detail): (bool, &str, &str)| FieldError { pointer: pointer.into(), detail: detail.into() };
    let fields: Vec<FieldError> = missing.into_iter().filter(|(missing, ..)| *missing).map(field).collect();
    if fields.is_empty() {
        return Ok(());
    }
    let detail = "a checkout names what its buyer was shown, so that nothing else is charged";
    Err(Problem::invalid_fields("expected_total_required", detail, fields))
}

async fn get(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<OrderToken>,
) -> Result<Response, ApiError> {
    let order = shown(&cdn, service.get(&cx, GetOrder { id: order_id(&id)?, token: query.token }).await?);
    Ok(written(&order, order.version))
}

async fn mine(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiQuery(query): ApiQuery<Page>,
) -> Result<Response, ApiError> {
    if query.status.is_some() {
        return Err(Problem::invalid_field("/status", "your own orders cannot be filtered by status").into());
    }
    let request = ListOrders { limit: query.limit.unwrap_or(DEFAULT_PAGE), cursor: query.cursor, status: None };
    let mut page = service.mine(&cx, request).await?;
    page.items = page.items.into_iter().map(|order| shown(&cdn, order)).collect();
    Ok(no_store(&page))
}

async fn cancel(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(id): ApiPath<String>,
    ApiQuery(query): ApiQuery<OrderToken>,
    IfMatch(if_version): IfMatch,
    ApiJson(body): ApiJson<Cancel>,
) -> Result<Response, ApiError> {
    if query.token.is_none() {
        cx.actor.require_customer()?;
    }
    let request = CancelOrder { id: order_id(&id)?, reason: body.reason, if_version, token: query.token };
    let order = shown(&cdn, service.cancel(&cx, request).await?);
    Ok(written(&order, order.version))
}

/// The order with pictures where browsers get them.
fn shown(cdn: &Cdn, mut order: Order) -> Order {
    order.lines.iter_mut().for_each(|line| cdn.place(&mut line.image));
    order
}

/// An id that is none names no order.
fn order_id(text: &str) -> Result<OrderId, ApiError> {
    Ok(text.parse::<OrderId>().map_err(|_| Problem::not_found("order"))?)
}
