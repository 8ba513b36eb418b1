//! Cart page, `/cart`: what is in it, and the forms that change it.

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use souk_cart_api::{AddLine, Cart, MAX_QUANTITY, RemoveLine, SetQuantity, UpdateCart};
use souk_catalog_api::BySlug;
use souk_kernel::{Kind, Problem};
use souk_pricing_api::MAX_COUPONS;
use souk_rpc::Cx;
use souk_web::{ApiPath, WebCx, no_store};
use uuid::Uuid;

use crate::app::App;
use crate::cart_cookie;
use crate::flash::Flash;
use crate::reply::{Form, PageResult, private, see_other, wants_json, with_cookies};
use crate::view::Notice;
use crate::view::cart::cart_page;
use crate::view::form::Field;
use crate::view::message::sentence;

/// Names the coupon's form in flash messages.
const COUPON_FORM: &str = "coupon";
/// Characters of a coupon's code.
const MAX_CODE: usize = 40;

pub(crate) async fn show(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, flash: Flash) -> PageResult {
    let cart = cart_cookie::find(&app, &cx, &headers).await?;
    let (layout, terms) = tokio::try_join!(app.layout(&cx, "Your cart"), app.terms(&cx))?;
    let filled = cart.as_ref().filter(|cart| !cart.lines.is_empty());
    let page = cart_page(layout, filled, flash.notices(), coupon_field(&flash), terms.prices_include_tax);
    let page = private(StatusCode::OK, &page)?;
    // A customer's cart that was found through the account is remembered on this browser from now on.
    let unknown = cart.filter(|cart| cart_cookie::cart_id(&app, &headers) != Some(cart.id));
    Ok(match unknown {
        Some(cart) => with_cookies(page, cart_cookie::remember(&app, &cart)),
        None => page,
    })
}

/// The field for a coupon, with what was typed and what is wrong with it.
pub(crate) fn coupon_field(flash: &Flash) -> Field {
    let mut field = Field { max: MAX_CODE, ..Field::text("coupon", "code", "Coupon", "off") };
    if let Some(flash) = flash.about(COUPON_FORM) {
        flash.text("code").clone_into(&mut field.value);
        field.error = flash.refusal().map(|problem| sentence(&problem.detail));
    }
    field
}

/// A problem with the cart, told on the cart's page: what can be done about it stands there.
pub(crate) fn explain(app: &App, headers: &HeaderMap, problem: Problem) -> PageResult {
    if !matches!(problem.kind, Kind::Conflict | Kind::Invalid | Kind::NotFound) || wants_json(headers) {
        return Err(problem.into());
    }
    Ok(Flash::default().notice(Notice::bad(sentence(&problem.detail))).redirect(app, "/cart"))
}

pub(crate) async fn add(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    match put(&app, &cx, &headers, &form).await {
        Ok(cart) if wants_json(&headers) => Ok(with_cookies(
            no_store(&json!({ "units": cart.units })).into_response(),
            cart_cookie::remember(&app, &cart),
        )),
        Ok(cart) => Ok(with_cookies(see_other("/cart"), cart_cookie::remember(&app, &cart))),
        Err(problem) => explain(&app, &headers, problem),
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
    if let Some(cart_id) = cart_cookie::cart_id(app, headers) {
        match app.clients.cart.add_line(cx, AddLine { cart_id, sku: sku.clone(), quantity, if_version: None }).await {
            // The cart may be gone, or it may be the SKU: a new cart tells.
            Err(problem) if problem.kind == Kind::NotFound => {}
            outcome => return outcome,
        }
    }
    let cart = cart_cookie::make(app, cx).await?;
    app.clients.cart.add_line(cx, AddLine { cart_id: cart.id, sku, quantity, if_version: None }).await
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
        let (cart, line_id) = (cart_cookie::require(&app, &cx, &headers).await?, line_id(&line)?);
        let quantity = quantity(form.get("quantity"))?;
        app.clients.cart.set_quantity(&cx, SetQuantity { cart_id: cart.id, line_id, quantity, if_version: None }).await
    };
    answer(&app, &headers, outcome.await)
}

pub(crate) async fn remove(
    State(app): State<App>,
    WebCx(cx): WebCx,
    headers: HeaderMap,
    ApiPath(line): ApiPath<String>,
) -> PageResult {
    let outcome = async {
        let (cart, line_id) = (cart_cookie::require(&app, &cx, &headers).await?, line_id(&line)?);
        app.clients.cart.remove_line(&cx, RemoveLine { cart_id: cart.id, line_id, if_version: None }).await
    };
    match outcome.await {
        // Gone already: that is what was wanted.
        Err(problem) if problem.kind == Kind::NotFound => Ok(see_other("/cart")),
        outcome => answer(&app, &headers, outcome),
    }
}

fn line_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::not_found("line"))
}

pub(crate) async fn add_coupon(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let code = form.get("code").to_uppercase();
    let outcome = async {
        let cart = cart_cookie::require(&app, &cx, &headers).await?;
        if cart.coupons.contains(&code) {
            return Ok(cart);
        }
        // One that stopped applying makes room for another; its message was on every page until now.
        let stays = |coupon: &&String| cart.totals.coupons.contains(coupon) || cart.coupons.len() < MAX_COUPONS;
        let mut coupons: Vec<String> = cart.coupons.iter().filter(stays).cloned().collect();
        if coupons.len() >= MAX_COUPONS {
            return Err(Problem::invalid_field("/code", format!("a cart takes at most {MAX_COUPONS} coupons")));
        }
        coupons.extend((!code.is_empty()).then(|| code.clone()));
        update_coupons(&app, &cx, &cart, coupons).await
    };
    match outcome.await {
        Ok(_) => Ok(see_other(back(&form))),
        // About the code, not the cart: said at the field, which keeps what was typed.
        Err(problem) if problem.kind == Kind::Invalid => {
            Ok(Flash::of(COUPON_FORM).typed(&form, &["code"]).problem(problem).redirect(&app, back(&form)))
        }
        Err(problem) => explain(&app, &headers, problem),
    }
}

pub(crate) async fn remove_coupon(
    State(app): State<App>,
    WebCx(cx): WebCx,
    headers: HeaderMap,
    form: Form,
) -> PageResult {
    let outcome = async {
        let cart = cart_cookie::require(&app, &cx, &headers).await?;
        let coupons = cart.coupons.iter().filter(|code| *code != form.get("code")).cloned().collect();
        update_coupons(&app, &cx, &cart, coupons).await
    };
    match outcome.await {
        Ok(_) => Ok(see_other(back(&form))),
        Err(problem) => explain(&app, &headers, problem),
    }
}

async fn update_coupons(app: &App, cx: &Cx, cart: &Cart, coupons: Vec<String>) -> Result<Cart, Problem> {
    let update = UpdateCart { coupons: Some(coupons), ..UpdateCart::of(cart.id) };
    app.clients.cart.update(cx, update).await
}

/// Coupons are entered in the cart and at the checkout.
fn back(form: &Form) -> &'static str {
    if form.get("back") == "checkout" { "/checkout" } else { "/cart" }
}

fn answer(app: &App, headers: &HeaderMap, outcome: Result<Cart, Problem>) -> PageResult {
    match outcome {
        Ok(_) => Ok(see_other("/cart")),
        Err(problem) => explain(app, headers, problem),
    }
}
