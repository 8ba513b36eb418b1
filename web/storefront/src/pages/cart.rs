//! `/cart`: what is in it, and the forms that change it.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use souk_cart_api::{AddLine, Cart, MAX_QUANTITY, RemoveLine, SetQuantity, UpdateCart};
use souk_catalog_api::BySlug;
use souk_kernel::{Kind, Problem};
use souk_pricing_api::MAX_COUPONS;
use souk_rpc::Cx;
use souk_web::{ApiError, ApiPath, WebCx, no_store};
use uuid::Uuid;

use crate::app::App;
use crate::basket;
use crate::reply::{Form, PageResult, private, see_other, wants_json, with_cookies};
use crate::view::Notice;
use crate::view::cart::cart_page;
use crate::view::message::sentence;

pub(crate) async fn show(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap) -> PageResult {
    let cart = basket::find(&app, &cx, &headers).await?;
    let page = page(&app, &cx, StatusCode::OK, cart.as_ref(), Vec::new()).await?;
    // A customer's cart that was found through the account is remembered on this browser from now on.
    let unknown = cart.filter(|cart| basket::cart_id(&app, &headers) != Some(cart.id));
    Ok(match unknown {
        Some(cart) => with_cookies(page, basket::remember(&app, &cart)),
        None => page,
    })
}

/// The cart's page with a status and something to say.
pub(crate) async fn page(
    app: &App,
    cx: &Cx,
    status: StatusCode,
    cart: Option<&Cart>,
    notices: Vec<Notice>,
) -> PageResult {
    let (layout, terms) = tokio::try_join!(app.layout(cx, "Your cart"), app.terms(cx))?;
    let cart = cart.filter(|cart| !cart.lines.is_empty());
    private(status, &cart_page(layout, cart, notices, terms.prices_include_tax))
}

/// A problem with the cart, told on the cart's page: what can be done about it stands there.
pub(crate) async fn explain(app: &App, cx: &Cx, headers: &HeaderMap, problem: Problem) -> PageResult {
    if !matches!(problem.kind, Kind::Conflict | Kind::Invalid | Kind::NotFound) || wants_json(headers) {
        return Err(problem.into());
    }
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::CONFLICT);
    let cart = basket::find(app, cx, headers).await?;
    page(app, cx, status, cart.as_ref(), vec![Notice::bad(sentence(&problem.detail))]).await
}

pub(crate) async fn add(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    match put(&app, &cx, &headers, &form).await {
        Ok(cart) if wants_json(&headers) => {
            Ok(with_cookies(no_store(&json!({ "units": cart.units })), basket::remember(&app, &cart)))
        }
        Ok(cart) => Ok(with_cookies(see_other("/cart"), basket::remember(&app, &cart))),
        Err(problem) => explain(&app, &cx, &headers, problem).await,
    }
}

async fn put(app: &App, cx: &Cx, headers: &HeaderMap, form: &Form) -> Result<Cart, Problem> {
    let quantity = match form.get("quantity") {
        "" => 1,
        text => quantity(text)?,
    };
    let sku = match form.some("sku") {
        Some(sku) => sku,
        None => chosen(app, cx, form).await?,
    };
    if let Some(cart_id) = basket::cart_id(app, headers) {
        match app.clients.cart.add_line(cx, AddLine { cart_id, sku: sku.clone(), quantity }).await {
            // The cart may be gone, or it may be the SKU: a new cart tells.
            Err(problem) if problem.kind == Kind::NotFound => {}
            outcome => return outcome,
        }
    }
    let cart = basket::make(app, cx).await?;
    app.clients.cart.add_line(cx, AddLine { cart_id: cart.id, sku, quantity }).await
}

/// The SKU of the options that were ticked.
async fn chosen(app: &App, cx: &Cx, form: &Form) -> Result<String, Problem> {
    let product = app.clients.catalog.product_by_slug(cx, BySlug { slug: form.get("slug").to_owned() }).await?;
    let wanted: Vec<&str> =
        (0..product.options.len()).map(|i| form.raw(&format!("option-{i}"))).map(|v| v as &str).collect();
    let variant = product.variants.iter().find(|variant| variant.option_values == wanted);
    let missing = || Problem::invalid("no_such_variant", "this combination is not made: please choose another one");
    variant.map(|variant| variant.sku.clone()).ok_or_else(missing)
}

fn quantity(text: &str) -> Result<u32, Problem> {
    let number = text.parse().ok().filter(|number| (1..=MAX_QUANTITY).contains(number));
    number.ok_or_else(|| {
        Problem::invalid_field("/quantity", format!("the quantity is a number from 1 to {MAX_QUANTITY}"))
    })
}

pub(crate) async fn set(
    State(app): State<App>,
    WebCx(cx): WebCx,
    headers: HeaderMap,
    ApiPath(line): ApiPath<String>,
    form: Form,
) -> PageResult {
    let outcome = async {
        let (cart, line_id) = (basket::require(&app, &cx, &headers).await?, line_id(&line)?);
        let quantity = quantity(form.get("quantity"))?;
        app.clients.cart.set_quantity(&cx, SetQuantity { cart_id: cart.id, line_id, quantity }).await
    };
    answer(&app, &cx, &headers, outcome.await, "/cart").await
}

pub(crate) async fn remove(
    State(app): State<App>,
    WebCx(cx): WebCx,
    headers: HeaderMap,
    ApiPath(line): ApiPath<String>,
) -> PageResult {
    let outcome = async {
        let (cart, line_id) = (basket::require(&app, &cx, &headers).await?, line_id(&line)?);
        app.clients.cart.remove_line(&cx, RemoveLine { cart_id: cart.id, line_id }).await
    };
    match outcome.await {
        // Gone already: that is what was wanted.
        Err(problem) if problem.kind == Kind::NotFound => Ok(see_other("/cart")),
        outcome => answer(&app, &cx, &headers, outcome, "/cart").await,
    }
}

fn line_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::not_found("line"))
}

pub(crate) async fn add_coupon(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let code = form.get("code").to_uppercase();
    let outcome = async {
        let cart = basket::require(&app, &cx, &headers).await?;
        let mut coupons = cart.coupons.clone();
        if !code.is_empty() && !coupons.contains(&code) {
            coupons.push(code);
        }
        if coupons.len() > MAX_COUPONS {
            return Err(Problem::invalid_field("/code", format!("a cart takes at most {MAX_COUPONS} coupons")));
        }
        update_coupons(&app, &cx, &cart, coupons).await
    };
    answer(&app, &cx, &headers, outcome.await, back(&form)).await
}

pub(crate) async fn remove_coupon(
    State(app): State<App>,
    WebCx(cx): WebCx,
    headers: HeaderMap,
    form: Form,
) -> PageResult {
    let outcome = async {
        let cart = basket::require(&app, &cx, &headers).await?;
        let coupons = cart.coupons.iter().filter(|code| *code != form.get("code")).cloned().collect();
        update_coupons(&app, &cx, &cart, coupons).await
    };
    answer(&app, &cx, &headers, outcome.await, back(&form)).await
}

async fn update_coupons(app: &App, cx: &Cx, cart: &Cart, coupons: Vec<String>) -> Result<Cart, Problem> {
    let (email, shipping_address, shipping_method) = (None, None, None);
    let update = UpdateCart {
        cart_id: cart.id,
        email,
        shipping_address,
        shipping_method,
        coupons: Some(coupons),
        clear: Vec::new(),
    };
    app.clients.cart.update(cx, update).await
}

/// Coupons are entered in the cart and at the checkout.
fn back(form: &Form) -> &'static str {
    if form.get("back") == "checkout" { "/checkout" } else { "/cart" }
}

async fn answer(
    app: &App,
    cx: &Cx,
    headers: &HeaderMap,
    outcome: Result<Cart, Problem>,
    to: &str,
) -> Result<Response, ApiError> {
    match outcome {
        Ok(_) => Ok(see_other(to)),
        Err(problem) => explain(app, cx, headers, problem).await,
    }
}
