//! Public REST of carts. Nothing here may be kept by a cache: who knows a cart's id may change it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use souk_cart_api::{
    AddLine, Cart, CartApi, CartField, CartId, CreateCart, GetCart, MAX_CODE, MAX_EMAIL, MAX_METHOD, MAX_QUANTITY,
    MAX_SKU, RemoveLine, SetQuantity, UpdateCart,
};
use souk_kernel::Problem;
use souk_kernel::schema::{FILLED_LINE, FILLED_LINE_IN_WORDS, ONE_LINE, ONE_LINE_IN_WORDS};
use souk_pricing_api::{MAX_COUPONS, ShippingMethods};
use souk_shipping_api::Address;
use souk_web::{
    ApiError, ApiJson, ApiPath, Cdn, IfMatch, Op, Operations, Reply, Routes, WebCx, no_store, op, versioned, written,
};
use uuid::Uuid;

use crate::CartService;

type Service = Arc<CartService>;

/// What the description says about the header of writes.
const IF_MATCH: &str = "The `ETag` of the cart as you know it: 412 `precondition_failed` when it was changed since";
const THE_CART: &str = "The cart; a secret.";
const THE_LINE: &str = "One of its lines.";
/// Where the answers that show a cart have its id.
const CART_ID: &str = "$response.body#/id";
const FIRST_LINE: &str = "$response.body#/lines/0/id";

/// Units to add.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewLine {
    /// What.
    #[schemars(length(min = 1, max = MAX_SKU), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS))]
    sku: String,
    /// Units.
    #[schemars(range(min = 1, max = MAX_QUANTITY), extend("examples" = [1]))]
    quantity: u32,
}

/// Units to set.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Quantity {
    /// Units; 0 removes the line.
    #[schemars(range(min = 0, max = MAX_QUANTITY), extend("examples" = [2]))]
    quantity: u32,
}

/// What to change (RFC 7396): absent fields stay as they are, null takes away what was set. An address is given as a whole.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CartPatch {
    /// Where the confirmation goes.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>", length(min = 1, max = MAX_EMAIL), extend("format" = "idn-email", "examples" = ["ada@example.org"]))]
    email: Option<Option<String>>,
    /// Where the goods go.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Address>")]
    shipping_address: Option<Option<Address>>,
    /// One of the cart's shipping methods.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>", length(min = 1, max = MAX_METHOD), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS, "examples" = ["standard"]))]
    shipping_method: Option<Option<String>>,
    /// All coupons of the cart, replacing those before.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Vec<Coupon>>", length(max = MAX_COUPONS), extend("examples" = [["WELCOME10"]]))]
    coupons: Option<Option<Vec<String>>>,
}

/// A coupon as entered.
#[derive(JsonSchema)]
#[schemars(transparent, inline)]
struct Coupon(
    #[schemars(length(min = 1, max = MAX_CODE), extend("pattern" = FILLED_LINE, "x-in-words" = FILLED_LINE_IN_WORDS))]
    #[allow(dead_code)] // says what a coupon is; what came is a text
    String,
);

/// Tells null from absent: what is given is `Some`, null within it.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl CartPatch {
    fn into_update(self, cart_id: CartId) -> UpdateCart {
        let CartPatch { email, shipping_address, shipping_method, coupons } = self;
        let nulls = [
            (matches!(email, Some(None)), CartField::Email),
            (matches!(shipping_address, Some(None)), CartField::ShippingAddress),
            (matches!(shipping_method, Some(None)), CartField::ShippingMethod),
            (matches!(coupons, Some(None)), CartField::Coupons),
        ];
        UpdateCart {
            email: email.flatten(),
            shipping_address: shipping_address.flatten(),
            shipping_method: shipping_method.flatten(),
            coupons: coupons.flatten(),
            clear: nulls.into_iter().filter(|(null, _)| *null).map(|(_, field)| field).collect(),
            ..UpdateCart::of(cart_id)
        }
    }
}

/// The public routes.
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
            "/api/v1/carts",
            create,
            op("createCart")
                .tag("carts")
                .summary("A new, empty cart")
                .description("Its id is a secret: who knows it may change the cart. A signed-in customer's is theirs alone. Kept for 7 days after the last look.")
                .guest()
                .reply(201)
                .reply_headers(&["Location"])
                .link(201, "getCart", &[("id", CART_ID)], None)
                .link(201, "addCartLine", &[("id", CART_ID)], None)
                .link(201, "patchCart", &[("id", CART_ID)], None)
                .link(201, "getCartShippingMethods", &[("id", CART_ID)], None)
                .link(201, "checkout", &[], Some(as_shown())),
        )
        .get(
            "/api/v1/carts/{id}",
            get,
            op("getCart")
                .tag("carts")
                .summary("The cart with today's prices and stock")
                .description("`messages` says what changed since the last look and what does not apply. `ETag` names what is shown.")
                .header("If-None-Match", false, "The `ETag` of an earlier answer: 304 while nothing that it showed has changed")
                .guest()
                .path("id", THE_CART)
                .reply(200)
                .empty(304)
                .codes(&["not_found"])
                .link(200, "addCartLine", &[("id", CART_ID)], None)
                .link(200, "checkout", &[], Some(as_shown())),
        )
        .patch("/api/v1/carts/{id}", patch, change("patchCart"))
        .put(
            "/api/v1/carts/{id}",
            put,
            change("updateCart")
                .description("Use PATCH. This one does the same, but null leaves a field as it is.")
                .deprecated("@1795910400", "Mon, 31 May 2027 00:00:00 GMT"),
        )
        .post(
            "/api/v1/carts/{id}/lines",
            add_line,
            op("addCartLine")
                .tag("carts")
                .summary("Add units of a SKU")
                .description("A SKU already in the cart gets more. 409 `out_of_stock` with `data: [{sku, wanted, available}]`.")
                .guest()
                .path("id", THE_CART)
                .reply(200)
                .header("If-Match", false, IF_MATCH)
                .codes(&["not_found", "out_of_stock", "cart_full", "cart_busy", "cart_too_large", "precondition_failed"])
                .link(200, "setCartLine", &[("id", CART_ID), ("line", FIRST_LINE)], None)
                .link(200, "removeCartLine", &[("id", CART_ID), ("line", FIRST_LINE)], None)
                .link(200, "patchCart", &[("id", CART_ID)], None)
                .link(200, "checkout", &[], Some(as_shown())),
        )
        .patch(
            "/api/v1/carts/{id}/lines/{line}",
            set_quantity,
            op("setCartLine")
                .tag("carts")
                .summary("Set the units of a line")
                .guest()
                .path("id", THE_CART)
                .path("line", THE_LINE)
                .reply(200)
                .header("If-Match", false, IF_MATCH)
                .codes(&["not_found", "out_of_stock", "cart_busy", "cart_too_large", "precondition_failed"]),
        )
        .delete(
            "/api/v1/carts/{id}/lines/{line}",
            remove_line,
            op("removeCartLine")
                .tag("carts")
                .summary("Remove a line")
                .header("If-Match", false, IF_MATCH)
                .guest()
                .path("id", THE_CART)
                .path("line", THE_LINE)
                .reply(200)
                .codes(&["not_found", "cart_busy", "precondition_failed"]),
        )
        .get(
            "/api/v1/carts/{id}/shipping-methods",
            shipping_methods,
            op("getCartShippingMethods")
                .tag("carts")
                .summary("Ways to ship this cart to its address, cheapest first")
                .description("409 `address_missing` before the cart has an address.")
                .guest()
                .path("id", THE_CART)
                .reply(200)
                .codes(&["not_found", "address_missing"]),
        )
}

/// The body of a checkout of the cart in an answer, as it is shown there.
fn as_shown() -> Value {
    json!({
        "cart_id": CART_ID,
        "cart_version": "$response.body#/version",
        "expected_total": "$response.body#/totals/total",
    })
}

/// What both ways to change a cart have in common.
fn change(id: &'static str) -> Op {
    op(id)
        .tag("carts")
        .summary("Set or clear e-mail, address, shipping method, coupons")
        .guest()
        .path("id", THE_CART)
        .reply(200)
        .header("If-Match", false, IF_MATCH)
        .codes(&[
            "not_found",
            "cart_busy",
            "cart_too_large",
            "precondition_failed",
            "invalid_address",
            "coupon_unknown",
            "coupon_expired",
            "coupon_used_up",
            "coupon_minimum",
        ])
        .link(200, "getCartShippingMethods", &[("id", CART_ID)], None)
        .link(200, "checkout", &[], Some(as_shown()))
}

async fn create(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    // There is nothing to say about a new cart, so an empty body says it, whatever its media type.
    body: Option<ApiJson<CreateCart>>,
) -> Result<Reply<Cart>, ApiError> {
    let cart = service.create(&cx, body.map_or(CreateCart {}, |ApiJson(body)| body)).await?;
    let location = HeaderValue::from_str(&format!("/api/v1/carts/{}", cart.id)).map_err(Problem::internal)?;
    Ok(answered(&cdn, cart).with_status(StatusCode::CREATED).with_header(header::LOCATION, location))
}

async fn get(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(cart_id): ApiPath<CartId>,
) -> Result<Reply<Cart>, ApiError> {
    let cart = shown(&cdn, service.get(&cx, GetCart { cart_id }).await?);
    Ok(versioned(&cart, cart.version))
}

async fn patch(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(cart_id): ApiPath<CartId>,
    IfMatch(if_version): IfMatch,
    ApiJson(body): ApiJson<CartPatch>,
) -> Result<Reply<Cart>, ApiError> {
    let update = UpdateCart { if_version, ..body.into_update(cart_id) };
    Ok(answered(&cdn, service.update(&cx, update).await?))
}

async fn put(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(cart_id): ApiPath<CartId>,
    IfMatch(if_version): IfMatch,
    ApiJson(body): ApiJson<CartPatch>,
) -> Result<Reply<Cart>, ApiError> {
    let update = UpdateCart { if_version, clear: Vec::new(), ..body.into_update(cart_id) };
    Ok(answered(&cdn, service.update(&cx, update).await?))
}

async fn add_line(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(cart_id): ApiPath<CartId>,
    IfMatch(if_version): IfMatch,
    ApiJson(NewLine { sku, quantity }): ApiJson<NewLine>,
) -> Result<Reply<Cart>, ApiError> {
    Ok(answered(&cdn, service.add_line(&cx, AddLine { cart_id, sku, quantity, if_version }).await?))
}

async fn set_quantity(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath((cart_id, line_id)): ApiPath<(CartId, Uuid)>,
    IfMatch(if_version): IfMatch,
    ApiJson(Quantity { quantity }): ApiJson<Quantity>,
) -> Result<Reply<Cart>, ApiError> {
    let set = SetQuantity { cart_id, line_id, quantity, if_version };
    Ok(answered(&cdn, service.set_quantity(&cx, set).await?))
}

async fn remove_line(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath((cart_id, line_id)): ApiPath<(CartId, Uuid)>,
    IfMatch(if_version): IfMatch,
) -> Result<Reply<Cart>, ApiError> {
    Ok(answered(&cdn, service.remove_line(&cx, RemoveLine { cart_id, line_id, if_version }).await?))
}

/// The answer to a write: with the tag of what was written, for the next one.
fn answered(cdn: &Cdn, cart: Cart) -> Reply<Cart> {
    let cart = shown(cdn, cart);
    written(&cart, cart.version)
}

/// The cart with pictures where browsers get them.
fn shown(cdn: &Cdn, mut cart: Cart) -> Cart {
    cart.lines.iter_mut().for_each(|line| cdn.place(&mut line.image));
    cart
}

async fn shipping_methods(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiPath(cart_id): ApiPath<CartId>,
) -> Result<Reply<ShippingMethods>, ApiError> {
    Ok(no_store(&service.shipping_methods(&cx, GetCart { cart_id }).await?))
}
