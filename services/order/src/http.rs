//! Public REST of orders.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_kernel::{FieldError, Problem};
use souk_order_api::{
    CancelOrder, Checkout, CheckoutReply, GetOrder, ListOrders, MAX_PAGE, MAX_REASON, Order, OrderApi, OrderId,
    OrderPage, OrderStatus,
};
use souk_web::{
    ApiError, ApiJson, ApiPath, ApiQuery, Cdn, IfMatch, Operations, Reply, Routes, WebCx, no_store, op, page_links,
    written,
};

use crate::OrderService;

/// Orders of a page when the client does not say.
const DEFAULT_PAGE: u32 = 20;

type Service = Arc<OrderService>;

const THE_ORDER: &str = "The order.";
/// The order of a checkout's answer, with the right to see it.
const PLACED: &[(&str, &str)] = &[("id", "$response.body#/order/id"), ("token", "$response.body#/token")];

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
                .guest()
                .key_required()
                .reply(201)
                .reply(202)
                .reply_headers(&["Location"])
                .link(201, "getOrder", PLACED, None)
                .link(202, "getOrder", PLACED, None)
                .codes(&[
                    "idempotency_key_required",
                    "idempotency_key_reused",
                    "expected_total_required",
                    "too_many_unpaid_orders",
                    "cart_too_large",
                    "invalid_address",
                    "cart_bought",
                    "payment_declined",
                    "payment_not_completed",
                    "payment_token_unknown",
                    "unknown_payment_provider",
                    "card_number_refused",
                    "not_found",
                    "out_of_stock",
                    "coupon_used_up",
                    "cart_changed",
                    "cart_incomplete",
                    "checkout_in_progress",
                    "checkout_unavailable",
                    "try_again",
                ]),
        )
        .get(
            "/api/v1/orders/{id}",
            get,
            op("getOrder")
                .summary("One order")
                .description("For its customer, or with the token that its checkout returned.")
                .tag("orders")
                .guest()
                .path("id", THE_ORDER)
                .reply(200)
                .codes(&["not_found"]),
        )
        .get(
            "/api/v1/orders",
            mine,
            op("listOrders")
                .summary("The signed-in customer's orders, newest first")
                .tag("orders")
                .bearer()
                .reply(200)
                .reply_headers(&["Link"])
                .link(200, "cancelOrder", &[("id", "$response.body#/items/0/id")], None),
        )
        .post(
            "/api/v1/orders/{id}/cancel",
            cancel,
            op("cancelOrder")
                .summary("Cancel an order that is not shipped, or give up one that waits for its buyer")
                .description("For its customer, or with the token that its checkout returned.")
                .tag("orders")
                .guest()
                .path("id", THE_ORDER)
                .header("If-Match", false, "The `ETag` of the order as you know it: 412 `precondition_failed` when it changed since")
                .reply(200)
                .codes(&["not_found", "order_not_cancellable", "precondition_failed"]),
        )
}

/// A guest's proof.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OrderToken {
    /// From the checkout's reply.
    #[schemars(length(max = 200))]
    token: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Orders of a page; 20 by default.
    #[schemars(range(min = 1, max = MAX_PAGE))]
    limit: Option<u32>,
    /// From the page before.
    #[schemars(length(min = 1, max = 200))]
    cursor: Option<String>,
    /// Only these.
    status: Option<OrderStatus>,
}

/// Why.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cancel {
    /// For the record.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    reason: String,
}

async fn checkout(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiJson(body): ApiJson<Checkout>,
) -> Result<Reply<CheckoutReply>, ApiError> {
    if cx.idempotency_key.is_none() {
        let detail = "send an Idempotency-Key header, new for each purchase";
        return Err(ApiError::transport(StatusCode::BAD_REQUEST, "idempotency_key_required", detail));
    }
    if service.requires_expected_total() {
        require_shown(&body)?;
    }
    let answer = service.checkout_once(&cx, body).await;
    let mut reply = answer.map_err(|error| ApiError::from(error.problem).of_request(error.request_id))?;
    reply.order = shown(&cdn, reply.order);
    let (status, location) = match reply.order.status {
        OrderStatus::Pending => {
            (StatusCode::ACCEPTED, format!("/api/v1/orders/{}?token={}", reply.order.id, reply.token))
        }
        _ => (StatusCode::CREATED, format!("/api/v1/orders/{}", reply.order.id)),
    };
    let location = HeaderValue::from_str(&location).map_err(Problem::internal)?;
    Ok(no_store(&reply).with_status(status).with_header(header::LOCATION, location))
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
    ApiPath(id): ApiPath<OrderId>,
    ApiQuery(query): ApiQuery<OrderToken>,
) -> Result<Reply<Order>, ApiError> {
    let order = shown(&cdn, service.get(&cx, GetOrder { id, token: query.token }).await?);
    Ok(written(&order, order.version))
}

async fn mine(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    uri: Uri,
    ApiQuery(query): ApiQuery<Page>,
) -> Result<Reply<OrderPage>, ApiError> {
    let Page { limit, cursor, status } = query;
    let request = ListOrders { limit: limit.unwrap_or(DEFAULT_PAGE), cursor, status };
    let mut page = service.mine(&cx, request).await?;
    page.items = page.items.into_iter().map(|order| shown(&cdn, order)).collect();
    let links = page_links(&uri, "cursor", page.next_cursor.as_deref());
    Ok(no_store(&page).with_header(header::LINK, links))
}

async fn cancel(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(id): ApiPath<OrderId>,
    ApiQuery(query): ApiQuery<OrderToken>,
    IfMatch(if_version): IfMatch,
    ApiJson(body): ApiJson<Cancel>,
) -> Result<Reply<Order>, ApiError> {
    if query.token.is_none() {
        cx.actor.require_customer()?;
    }
    let request = CancelOrder { id, reason: body.reason, if_version, token: query.token };
    let order = shown(&cdn, service.cancel(&cx, request).await?);
    Ok(written(&order, order.version))
}

/// The order with pictures where browsers get them.
fn shown(cdn: &Cdn, mut order: Order) -> Order {
    order.lines.iter_mut().for_each(|line| cdn.place(&mut line.image));
    order
}
