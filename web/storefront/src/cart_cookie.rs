//! Cart cookie, and which cart a visitor has: the one their cookie names, else their account's. Carts are made when
//! something goes in.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use souk_cart_api::{Cart, CartId, ClaimCart, CreateCart, GetCart, KEPT_DAYS};
use souk_kernel::{Kind, Problem};
use souk_rpc::Cx;
use souk_web::CART_COOKIE;

use crate::app::App;

/// Tells `souk.mjs` that asking for name and cart count is worth a request. Not HttpOnly: it says nothing but "known".
const KNOWN: &str = "souk_known";
/// How long browsers keep the cart's cookie: as long as the cart.
const CART_AGE: Duration = Duration::from_secs(KEPT_DAYS as u64 * 24 * 3600);

/// The cart the cookie names, whether it exists or not.
pub(crate) fn cart_id(app: &App, headers: &HeaderMap) -> Option<CartId> {
    app.cookies.read(headers, CART_COOKIE)?.parse().ok()
}

/// The visitor's cart, if they have one.
pub(crate) async fn find(app: &App, cx: &Cx, headers: &HeaderMap) -> Result<Option<Cart>, Problem> {
    if let Some(cart_id) = cart_id(app, headers) {
        match app.clients.cart.get(cx, GetCart { cart_id }).await {
            Ok(cart) => return Ok(Some(cart)),
            Err(problem) if problem.kind == Kind::NotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    match cx.actor.customer() {
        Some(_) => app.clients.cart.claim(cx, ClaimCart { guest_cart_id: None }).await.map(Some),
        None => Ok(None),
    }
}

/// The visitor's cart; else 409, which the cart's page explains.
pub(crate) async fn require(app: &App, cx: &Cx, headers: &HeaderMap) -> Result<Cart, Problem> {
    let cart = find(app, cx, headers).await?;
    cart.ok_or_else(|| Problem::conflict("cart_gone", "your cart is empty: carts are kept for seven days"))
}

/// A cart to put something into.
pub(crate) async fn make(app: &App, cx: &Cx) -> Result<Cart, Problem> {
    match cx.actor.customer() {
        Some(_) => app.clients.cart.claim(cx, ClaimCart { guest_cart_id: None }).await,
        None => app.clients.cart.create(cx, CreateCart {}).await,
    }
}

/// Cookies that remember a cart.
pub(crate) fn remember(app: &App, cart: &Cart) -> [HeaderValue; 2] {
    [app.cookies.set(CART_COOKIE, &cart.id.to_string(), Some(CART_AGE)), known(app, CART_AGE)]
}

/// Cookies that forget it.
pub(crate) fn forget(app: &App) -> [HeaderValue; 2] {
    [app.cookies.clear(CART_COOKIE), known(app, Duration::ZERO)]
}

/// The cookie that modules may read.
pub(crate) fn known(app: &App, age: Duration) -> HeaderValue {
    let secure = if app.cookies.https { "; Secure" } else { "" };
    let text = format!("{}=1; SameSite=Lax{secure}; Path=/; Max-Age={}", app.cookies.name(KNOWN), age.as_secs());
    HeaderValue::try_from(text).expect("printable ASCII is a header value")
}
