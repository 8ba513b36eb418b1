//! `/checkout`: address, delivery, payment. The cart knows what is decided, so each step is a page of its own that can be
//! left and come back to.

use axum::extract::State;
use http::{HeaderMap, StatusCode, Uri};
use souk_cart_api::{Cart, GetCart, UpdateCart};
use souk_identity_api::{Customer, MeRequest};
use souk_kernel::{FieldError, Kind, Problem};
use souk_order_api::{Checkout, MAX_KEY, PaymentMeans};
use souk_rpc::Cx;
use souk_shipping_api::Address;
use souk_web::WebCx;

use crate::app::App;
use crate::basket;
use crate::pages::cart;
use crate::reply::{Form, PageResult, private, see_other};
use crate::view::Notice;
use crate::view::account::email_field;
use crate::view::cart::{general_notices, summary};
use crate::view::checkout::{
    AddressPage, ConfirmPage, DeliveryPage, PaymentPage, SANDBOX, methods, recap, sandbox_tokens, steps,
};
use crate::view::form::{Field, address_fields, place_errors};
use crate::view::message::sentence;
use crate::view::money::show as show_money;

/// Pointer of the address in problems of the cart.
const ADDRESS: &str = "/shipping_address";

pub(crate) async fn show(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, uri: Uri) -> PageResult {
    let Some(cart) = basket::find(&app, &cx, &headers).await?.filter(|cart| !cart.lines.is_empty()) else {
        return Ok(see_other("/cart"));
    };
    let change = uri.query().unwrap_or_default();
    if change == "change=address" || cart.shipping_address.is_none() || cart.email.is_none() {
        return address_page(&app, &cx, &cart, None).await;
    }
    if change == "change=delivery" || cart.shipping_method.is_none() || cart.totals.shipping.is_none() {
        return delivery_page(&app, &cx, &cart, StatusCode::OK, general_notices(&cart).collect()).await;
    }
    payment_page(&app, &cx, &cart, StatusCode::OK, general_notices(&cart).collect(), &new_key(&app), "").await
}

/// Names one attempt to order; sent along by the form, so that a second click is the same attempt.
fn new_key(app: &App) -> String {
    app.ids.v4().simple().to_string()
}

/// What was typed into the address form and what is wrong with it.
struct Typed {
    email: String,
    address: Address,
    problem: Problem,
}

async fn customer(app: &App, cx: &Cx) -> Result<Option<Customer>, Problem> {
    match cx.actor.customer() {
        Some(_) => app.clients.identity.me(cx, MeRequest {}).await.map(Some),
        None => Ok(None),
    }
}

async fn address_page(app: &App, cx: &Cx, cart: &Cart, typed: Option<Typed>) -> PageResult {
    let (layout, terms, customer) = tokio::try_join!(app.layout(cx, "Address"), app.terms(cx), customer(app, cx))?;
    let known = customer.as_ref().and_then(|customer| customer.addresses.first()).map(|stored| stored.address.clone());
    let account = customer.as_ref().map(|customer| customer.email.clone());
    let (status, email, address, problem) = match typed {
        Some(typed) => (StatusCode::UNPROCESSABLE_ENTITY, typed.email, typed.address, Some(typed.problem)),
        None => {
            let email = cart.email.clone().or(account).unwrap_or_default();
            let first = Address { country: terms.country.clone(), ..Address::default() };
            (StatusCode::OK, email, cart.shipping_address.clone().or(known).unwrap_or(first), None)
        }
    };
    let hint = "Where we send the confirmation.";
    let mut fields: Vec<Field> = vec![email_field("ship").value(email).hint(hint)];
    fields.extend(address_fields("ship", &address));
    let mut notices: Vec<Notice> = general_notices(cart).collect();
    if let Some(problem) = &problem {
        notices = place_errors(&mut fields, problem).into_iter().map(Notice::bad).collect();
        if notices.is_empty() {
            notices.push(Notice::bad("Please have a look at the marked fields."));
        }
    }
    let page = AddressPage {
        layout: layout.plain(),
        steps: steps(0),
        notices,
        signed_in: customer.is_some(),
        saved: customer.iter().flat_map(|customer| &customer.addresses).map(Into::into).collect(),
        fields,
        summary: summary(&app.clients.shop.cdn, cart, terms.prices_include_tax),
    };
    private(status, &page)
}

pub(crate) async fn address(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let cart = match basket::require(&app, &cx, &headers).await {
        Ok(cart) => cart,
        Err(problem) => return cart::explain(&app, &cx, &headers, problem).await,
    };
    let (email, address) = match form.some("saved") {
        Some(id) => saved(&app, &cx, &cart, &id).await?,
        None => (form.get("email").to_owned(), typed_address(&form)),
    };
    let outcome = match check(&email, &address) {
        Ok(()) => {
            let (email, shipping_address) = (Some(email.clone()), Some(address.clone()));
            let update = UpdateCart {
                cart_id: cart.id,
                email,
                shipping_address,
                shipping_method: None,
                coupons: None,
                clear: Vec::new(),
            };
            app.clients.cart.update(&cx, update).await.map(drop)
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(()) => Ok(see_other("/checkout?change=delivery")),
        Err(problem) if problem.kind == Kind::Invalid => {
            address_page(&app, &cx, &cart, Some(Typed { email, address, problem })).await
        }
        Err(problem) => cart::explain(&app, &cx, &headers, problem).await,
    }
}

/// A stored address, and the account's e-mail unless another one was given before.
async fn saved(app: &App, cx: &Cx, cart: &Cart, id: &str) -> Result<(String, Address), Problem> {
    let customer = customer(app, cx).await?.ok_or_else(|| Problem::not_found("address"))?;
    let stored = customer.addresses.into_iter().find(|stored| stored.id.to_string() == id);
    let stored = stored.ok_or_else(|| Problem::not_found("address"))?;
    Ok((cart.email.clone().unwrap_or(customer.email), stored.address))
}

/// All that is wrong at once, so that nobody has to send the form three times.
fn check(email: &str, address: &Address) -> Result<(), Problem> {
    let mut fields = Vec::new();
    let plausible = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if !plausible {
        fields.push(FieldError { pointer: "/email".into(), detail: "this is no e-mail address".into() });
    }
    if let Err(problem) = address.check(ADDRESS) {
        fields.extend(problem.fields);
    }
    if fields.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid_fields("invalid_address", "the address is not complete", fields))
}

/// The address of a form.
pub(crate) fn typed_address(form: &Form) -> Address {
    let text = |name| form.get(name).to_owned();
    Address {
        name: text("name"),
        line1: text("line1"),
        line2: form.some("line2"),
        city: text("city"),
        region: form.some("region"),
        postal_code: text("postal_code"),
        country: form.get("country").to_uppercase(),
        phone: form.some("phone"),
    }
}

async fn delivery_page(app: &App, cx: &Cx, cart: &Cart, status: StatusCode, notices: Vec<Notice>) -> PageResult {
    let (layout, terms, offered) = tokio::try_join!(
        app.layout(cx, "Delivery"),
        app.terms(cx),
        app.clients.cart.shipping_methods(cx, GetCart { cart_id: cart.id }),
    )?;
    let page = DeliveryPage {
        layout: layout.plain(),
        steps: steps(1),
        notices,
        recap: recap(cart).into_iter().filter(|row| row.label != "Delivery").collect(),
        methods: methods(&offered.items, cart.shipping_method.as_deref()),
        summary: summary(&app.clients.shop.cdn, cart, terms.prices_include_tax),
    };
    private(status, &page)
}

pub(crate) async fn delivery(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let cart = match basket::require(&app, &cx, &headers).await {
        Ok(cart) => cart,
        Err(problem) => return cart::explain(&app, &cx, &headers, problem).await,
    };
    let (email, shipping_address, coupons) = (None, None, None);
    let shipping_method = Some(form.get("method").to_owned());
    let update = UpdateCart { cart_id: cart.id, email, shipping_address, shipping_method, coupons, clear: Vec::new() };
    match app.clients.cart.update(&cx, update).await {
        Ok(_) => Ok(see_other("/checkout")),
        Err(problem) if problem.kind == Kind::Invalid && cart.shipping_address.is_some() => {
            let notices = vec![Notice::bad(sentence(&problem.detail))];
            delivery_page(&app, &cx, &cart, StatusCode::UNPROCESSABLE_ENTITY, notices).await
        }
        Err(problem) => cart::explain(&app, &cx, &headers, problem).await,
    }
}

async fn payment_page(
    app: &App,
    cx: &Cx,
    cart: &Cart,
    status: StatusCode,
    notices: Vec<Notice>,
    key: &str,
    token: &str,
) -> PageResult {
    let (layout, terms) = tokio::try_join!(app.layout(cx, "Payment"), app.terms(cx))?;
    let page = PaymentPage {
        layout: layout.plain(),
        steps: steps(2),
        notices,
        recap: recap(cart),
        key: key.to_owned(),
        tokens: sandbox_tokens(token),
        total: show_money(cart.totals.total),
        coupons: cart.coupons.clone(),
        summary: summary(&app.clients.shop.cdn, cart, terms.prices_include_tax),
    };
    private(status, &page)
}

pub(crate) async fn pay(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    // By the cookie's id, without looking first: a repeated form must reach the order even when the cart is empty by now.
    let cart_id = match basket::cart_id(&app, &headers) {
        Some(cart_id) => cart_id,
        None => match basket::require(&app, &cx, &headers).await {
            Ok(cart) => cart.id,
            Err(problem) => return cart::explain(&app, &cx, &headers, problem).await,
        },
    };
    let (key, token) = (form.get("key"), form.get("token"));
    if key.is_empty() || key.len() > MAX_KEY || token.is_empty() {
        return Err(Problem::invalid("invalid_checkout", "please choose how to pay").into());
    }
    let payment = PaymentMeans { provider: SANDBOX.into(), token: token.to_owned() };
    match app.clients.order.checkout(&cx.clone().with_key(key), Checkout { cart_id, payment }).await {
        Ok(placed) => {
            let order = format!("/orders/{}?token={}&placed=1", placed.order.id, placed.token);
            match placed.action_url.filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
                Some(bank) => confirm_page(&app, &cx, bank, order).await,
                None => Ok(see_other(&order)),
            }
        }
        Err(problem) => refused(&app, &cx, &headers, &form, problem).await,
    }
}

/// The bank wants to see the buyer. A page with a link and not a redirect: `form-action` of the Content-Security-Policy
/// covers where a form's answer leads, and providers come and go. Sent again, the form gets the same page.
async fn confirm_page(app: &App, cx: &Cx, bank: String, order: String) -> PageResult {
    let layout = app.layout(cx, "Confirm your payment").await?.plain();
    private(StatusCode::OK, &ConfirmPage { layout, steps: steps(2), bank, order })
}

/// A provider's reason (`insufficient_funds`) in words.
fn declined(detail: &str) -> String {
    sentence(detail.strip_suffix(": declined").unwrap_or(detail)).replace('_', " ")
}

/// Why there is no order, told where something can be done about it.
async fn refused(app: &App, cx: &Cx, headers: &HeaderMap, form: &Form, problem: Problem) -> PageResult {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (key, notice) = match problem.kind {
        // Another attempt is another key: this one has had its answer.
        Kind::Declined => (new_key(app), Notice::bad(format!("{} Nothing was charged.", declined(&problem.detail)))),
        // Perhaps it did happen: the same key makes sure that it happens once.
        Kind::Timeout | Kind::Unavailable => {
            let text = "This is taking long. Press the button again: you will not be charged twice.";
            (form.get("key").to_owned(), Notice::warn(text))
        }
        _ if problem.is("idempotency_key_reused") => {
            (new_key(app), Notice::warn("Please check everything once more and pay."))
        }
        _ => return cart::explain(app, cx, headers, problem).await,
    };
    if problem.kind.is_fault() {
        tracing::error!(request_id = %cx.request_id, code = %problem.code, internal = problem.internal_detail(), "checkout failed");
    }
    let cart = basket::find(app, cx, headers).await?.filter(|cart| !cart.lines.is_empty());
    match cart {
        Some(cart) => payment_page(app, cx, &cart, status, vec![notice], &key, form.get("token")).await,
        None => Err(problem.into()),
    }
}
