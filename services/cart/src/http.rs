//! Public REST of carts. Nothing here may be kept by a cache: who knows a cart's id may change it.

use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_cart_api::{
    AddLine, Cart, CartApi, CartId, CreateCart, GetCart, MAX_QUANTITY, RemoveLine, SetQuantity, UpdateCart,
};
use souk_kernel::Problem;
use souk_pricing_api::ShippingMethods;
use souk_shipping_api::Address;
use souk_web::{ApiError, ApiJson, ApiPath, Cdn, IfMatch, Operations, Routes, WebCx, no_store, op, versioned, written};
use uuid::Uuid;

use crate::CartService;

type Service = Arc<CartService>;

/// What the description says about the header of writes.
const IF_MATCH: &str = "The `ETag` of the cart as you know it: 412 `precondition_failed` when it was changed since";

/// Units to add.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewLine {
    /// What.
    #[schemars(length(min = 1, max = 200))]
    sku: String,
    /// Units.
    #[schemars(range(min = 1, max = MAX_QUANTITY))]
    quantity: u32,
}

/// Units to set.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Quantity {
    /// Units; 0 removes the line.
    #[schemars(range(max = MAX_QUANTITY))]
    quantity: u32,
}

/// What to set; absent fields stay as they are.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CartUpdate {
    /// Where the confirmation goes.
    email: Option<String>,
    /// Where the goods go.
    shipping_address: Option<Address>,
    /// One of the cart's shipping methods.
    shipping_method: Option<String>,
    /// All coupons of the cart, replacing those before; at most 5.
    coupons: Option<Vec<String>>,
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
                .body::<CreateCart>()
                .reply::<Cart>(201)
                .problems(&[422]),
        )
        .get(
            "/api/v1/carts/{id}",
            get,
            op("getCart")
                .tag("carts")
                .summary("The cart with today's prices and stock")
                .description("`messages` says what changed since the last look and what does not apply. `ETag` names what is shown.")
                .header("If-None-Match", false, "The `ETag` of an earlier answer: 304 while nothing that it showed has changed")
                .reply::<Cart>(200)
                .problems(&[404]),
        )
        .put(
            "/api/v1/carts/{id}",
            update,
            op("updateCart")
                .tag("carts")
                .summary("Set e-mail, address, shipping method, coupons")
                .body::<CartUpdate>()
                .reply::<Cart>(200)
                .header("If-Match", false, IF_MATCH)
                .problems(&[404, 409, 412, 422]),
        )
        .post(
            "/api/v1/carts/{id}/lines",
            add_line,
            op("addCartLine")
                .tag("carts")
                .summary("Add units of a SKU")
                .description("A SKU already in the cart gets more. 409 `out_of_stock` with `data: [{sku, wanted, available}]`.")
                .body::<NewLine>()
                .reply::<Cart>(200)
                .header("If-Match", false, IF_MATCH)
                .problems(&[404, 409, 412, 422]),
        )
        .patch(
            "/api/v1/carts/{id}/lines/{line}",
            set_quantity,
            op("setCartLine")
                .tag("carts")
                .summary("Set the units of a line")
                .body::<Quantity>()
                .reply::<Cart>(200)
                .header("If-Match", false, IF_MATCH)
                .problems(&[404, 409, 412, 422]),
        )
        .delete(
            "/api/v1/carts/{id}/lines/{line}",
            remove_line,
            op("removeCartLine")
                .tag("carts")
                .summary("Remove a line")
                .header("If-Match", false, IF_MATCH)
                .reply::<Cart>(200)
                .problems(&[404, 409, 412]),
        )
        .get(
            "/api/v1/carts/{id}/shipping-methods",
            shipping_methods,
            op("getCartShippingMethods")
                .tag("carts")
                .summary("Ways to ship this cart to its address, cheapest first")
                .description("409 `address_missing` before the cart has an address.")
                .reply::<ShippingMethods>(200)
                .problems(&[404, 409]),
        )
}

async fn create(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    request: Request,
) -> Result<Response, ApiError> {
    let cart = service.create(&cx, create_body(request).await?).await?;
    let location = HeaderValue::from_str(&format!("/api/v1/carts/{}", cart.id)).map_err(Problem::internal)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], answered(&cdn, cart)).into_response())
}

/// There is nothing to say about a new cart, so an empty body says it, whatever its media type.
async fn create_body(request: Request) -> Result<CreateCart, ApiError> {
    if request.body().is_end_stream() {
        return Ok(CreateCart {});
    }
    let ApiJson(body) = ApiJson::<CreateCart>::from_request(request, &()).await?;
    Ok(body)
}

async fn get(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(cart_id): ApiPath<CartId>,
) -> Result<Response, ApiError> {
    let cart = shown(&cdn, service.get(&cx, GetCart { cart_id }).await?);
    Ok(versioned(&cart, cart.version))
}

async fn update(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(cart_id): ApiPath<CartId>,
    IfMatch(if_version): IfMatch,
    ApiJson(body): ApiJson<CartUpdate>,
) -> Result<Response, ApiError> {
    let CartUpdate { email, shipping_address, shipping_method, coupons } = body;
    let update = UpdateCart { cart_id, email, shipping_address, shipping_method, coupons, if_version };
    Ok(answered(&cdn, service.update(&cx, update).await?))
}

async fn add_line(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath(cart_id): ApiPath<CartId>,
    IfMatch(if_version): IfMatch,
    ApiJson(NewLine { sku, quantity }): ApiJson<NewLine>,
) -> Result<Response, ApiError> {
    Ok(answered(&cdn, service.add_line(&cx, AddLine { cart_id, sku, quantity, if_version }).await?))
}

async fn set_quantity(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath((cart_id, line_id)): ApiPath<(CartId, Uuid)>,
    IfMatch(if_version): IfMatch,
    ApiJson(Quantity { quantity }): ApiJson<Quantity>,
) -> Result<Response, ApiError> {
    let set = SetQuantity { cart_id, line_id, quantity, if_version };
    Ok(answered(&cdn, service.set_quantity(&cx, set).await?))
}

async fn remove_line(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    cdn: Cdn,
    ApiPath((cart_id, line_id)): ApiPath<(CartId, Uuid)>,
    IfMatch(if_version): IfMatch,
) -> Result<Response, ApiError> {
    Ok(answered(&cdn, service.remove_line(&cx, RemoveLine { cart_id, line_id, if_version }).await?))
}

/// The answer to a write: with the tag of what was written, for the next one.
fn answered(cdn: &Cdn, cart: Cart) -> Response {
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
) -> Result<Response, ApiError> {
    Ok(no_store(&service.shipping_methods(&cx, GetCart { cart_id }).await?))
}
