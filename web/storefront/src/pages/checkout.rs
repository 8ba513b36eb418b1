//! Checkout pages, `/checkout`: address, delivery, payment. The cart knows what is decided, so each step is a page of its
//! own that can be left and come back to.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use souk_address::{Address, Country};
use souk_cart_api::{Cart, GetCart, UpdateCart};
use souk_identity_api::{Customer, MeRequest};
use souk_kernel::{FieldError, Kind, MailAddress, Problem};
use souk_rpc::Cx;
use souk_web::WebCx;

use crate::app::App;
use crate::cart_cookie;
use crate::flash::Flash;
use crate::last_order::LastOrder;
use crate::pages::{cart, pay};
use crate::reply::{Form, PageResult, private, see_other};
use crate::view::Notice;
use crate::view::account::email_field;
use crate::view::address::{FIELDS, address_fields};
use crate::view::cart::{general_notices, summary};
use crate::view::checkout::{AddressPage, DeliveryPage, PaymentPage, Shown, methods, recap, sandbox_tokens, steps};
use crate::view::form::{Field, place_errors};
use crate::view::message::sentence;
use crate::view::money::show as show_money;

/// Pointer of the address in problems of the cart.
const ADDRESS: &str = "/shipping_address";
/// Names the address form in flash messages.
const ADDRESS_FORM: &str = "address";
/// Its fields.
pub(crate) const ADDRESS_FIELDS: [&str; 9] =
    ["email", "name", "line1", "line2", "city", "region", "postal_code", "country", "phone"];

pub(crate) async fn show(
    State(app): State<App>,
    WebCx(cx): WebCx,
    headers: HeaderMap,
    uri: Uri,
    flash: Flash,
) -> PageResult {
    let Some(cart) = cart_cookie::find(&app, &cx, &headers).await?.filter(|cart| !cart.lines.is_empty()) else {
        return Ok(see_other("/cart"));
    };
    let change = uri.query().unwrap_or_default();
    if change == "change=address" || cart.shipping_address.is_none() || cart.email.is_none() {
        return address_page(&app, &cx, &cart, &flash).await;
    }
    if change == "change=delivery" || cart.shipping_method.is_none() || cart.totals.shipping.is_none() {
        return delivery_page(&app, &cx, &cart, &flash).await;
    }
    payment_page(&app, &cx, &cart, &flash).await
}

/// What a form said, and what the cart has to say.
fn notices(flash: &Flash, cart: &Cart) -> Vec<Notice> {
    flash.notices().into_iter().chain(general_notices(cart)).collect()
}

/// Why the cart cannot be bought: a cart that was bought in another tab leads to the order it became.
pub(crate) fn explain(app: &App, headers: &HeaderMap, problem: Problem) -> PageResult {
    // A cart may be older than what is asked of an address today.
    if problem.is("invalid_address") {
        return Ok(Flash::of(ADDRESS_FORM).problem(problem).redirect(app, "/checkout?change=address"));
    }
    let last = LastOrder::read(app, headers).filter(|last| Some(last.cart) == cart_cookie::cart_id(app, headers));
    match last {
        Some(last) if problem.is("cart_gone") || problem.kind == Kind::NotFound => Ok(already_bought(app, &last)),
        _ => cart::explain(app, headers, problem),
    }
}

/// To the order that a cart has become.
pub(crate) fn already_bought(app: &App, last: &LastOrder) -> Response {
    let text = "You have ordered this already, and it is charged once. This is your order.";
    Flash::default().notice(Notice::warn(text)).redirect(app, &last.href())
}

async fn customer(app: &App, cx: &Cx) -> Result<Option<Customer>, Problem> {
    match cx.actor.customer() {
        Some(_) => app.clients.identity.me(cx, MeRequest {}).await.map(Some),
        None => Ok(None),
    }
}

async fn address_page(app: &App, cx: &Cx, cart: &Cart, flash: &Flash) -> PageResult {
    let (layout, terms, countries, customer) =
        tokio::try_join!(app.layout(cx, "Address"), app.terms(cx), app.countries(cx), customer(app, cx))?;
    let known = customer.as_ref().and_then(|customer| customer.addresses.first()).map(|stored| stored.address.clone());
    let account = customer.as_ref().map(|customer| customer.email.clone());
    let said = flash.about(ADDRESS_FORM);
    let typed = said.map(Flash::form);
    let (email, address) = match &typed {
        // More than a flash message holds was typed: what the cart knows is what is left.
        Some(form) if !form.is_empty() => (form.get("email").to_owned(), typed_address(form)),
        _ => {
            let email = cart.email.clone().or(account).unwrap_or_default();
            let first = first_address(&terms.country, &countries);
            (email, cart.shipping_address.clone().or(known).unwrap_or(first))
        }
    };
    let hint = "Where we send the confirmation.";
    let mut fields: Vec<Field> = vec![email_field("ship").value(email).hint(hint)];
    fields.extend(address_fields("ship", &address, &countries));
    let mut notices = notices(flash, cart);
    if let Some(problem) = said.and_then(Flash::refusal) {
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
    private(StatusCode::OK, &page)
}

pub(crate) async fn address(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let cart = match cart_cookie::require(&app, &cx, &headers).await {
        Ok(cart) => cart,
        Err(problem) => return explain(&app, &headers, problem),
    };
    if form.get(FIELDS.0) == FIELDS.1 {
        let typed = Flash::of(ADDRESS_FORM).typed(&form, &ADDRESS_FIELDS);
        return Ok(typed.redirect(&app, "/checkout?change=address#ship-country"));
    }
    let (email, address) = match form.some("saved") {
        Some(id) => saved(&app, &cx, &cart, &id).await?,
        None => (form.get("email").to_owned(), typed_address(&form)),
    };
    let outcome = match check(&email, &address) {
        Ok(()) => {
            let (email, shipping_address) = (Some(email.clone()), Some(address.clone()));
            let update = UpdateCart { email, shipping_address, ..UpdateCart::of(cart.id) };
            app.clients.cart.update(&cx, update).await.map(drop)
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(()) => Ok(see_other("/checkout?change=delivery")),
        Err(problem) if problem.kind == Kind::Invalid => {
            // Also a stored address may be older than what is asked of one today.
            let flash = Flash::of(ADDRESS_FORM).typed(&as_typed(email, address), &ADDRESS_FIELDS).problem(problem);
            Ok(flash.redirect(&app, "/checkout?change=address"))
        }
        Err(problem) => explain(&app, &headers, problem),
    }
}

/// A stored address, and the account's e-mail unless another one was given before.
async fn saved(app: &App, cx: &Cx, cart: &Cart, id: &str) -> Result<(String, Address), Problem> {
    let customer = customer(app, cx).await?.ok_or_else(|| Problem::not_found("address"))?;
    let stored = customer.addresses.into_iter().find(|stored| stored.id.to_string() == id);
    let stored = stored.ok_or_else(|| Problem::not_found("address"))?;
    Ok((cart.email.clone().unwrap_or(customer.email), stored.address))
}

/// All that is wrong at once, so that no buyer has to send the form three times.
fn check(email: &str, address: &Address) -> Result<(), Problem> {
    let mut fields = Vec::new();
    if let Err(error) = MailAddress::parse(email) {
        fields.push(FieldError { pointer: "/email".into(), detail: error.to_string() });
    }
    if let Err(problem) = address.check(ADDRESS) {
        fields.extend(problem.fields);
    }
    if fields.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid_fields("invalid_address", "the address is not complete", fields))
}

/// What a form begins with: the shop's own country, or the first that it ships to.
pub(crate) fn first_address(home: &str, countries: &[&'static Country]) -> Address {
    let first = countries.iter().find(|country| country.code == home).or_else(|| countries.first());
    Address { country: first.map_or(home, |country| country.code).to_owned(), ..Address::default() }
}

/// The form that would say this.
fn as_typed(email: String, address: Address) -> Form {
    let Address { name, line1, line2, city, region, postal_code, country, phone } = address;
    let optional = |value: Option<String>| value.unwrap_or_default();
    let (line2, region, phone) = (optional(line2), optional(region), optional(phone));
    // In the order of their names.
    let values = [email, name, line1, line2, city, region, postal_code, country, phone];
    Form::of(ADDRESS_FIELDS.iter().map(|field| (*field).to_owned()).zip(values).collect())
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

async fn delivery_page(app: &App, cx: &Cx, cart: &Cart, flash: &Flash) -> PageResult {
    let (layout, terms, offered) = tokio::try_join!(
        app.layout(cx, "Delivery"),
        app.terms(cx),
        app.clients.cart.shipping_methods(cx, GetCart { cart_id: cart.id }),
    )?;
    let page = DeliveryPage {
        layout: layout.plain(),
        steps: steps(1),
        notices: notices(flash, cart),
        recap: recap(cart).into_iter().filter(|row| row.label != "Delivery").collect(),
        methods: methods(&offered.items, cart.shipping_method.as_deref()),
        summary: summary(&app.clients.shop.cdn, cart, terms.prices_include_tax),
    };
    private(StatusCode::OK, &page)
}

pub(crate) async fn delivery(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let cart = match cart_cookie::require(&app, &cx, &headers).await {
        Ok(cart) => cart,
        Err(problem) => return explain(&app, &headers, problem),
    };
    let update = UpdateCart { shipping_method: Some(form.get("method").to_owned()), ..UpdateCart::of(cart.id) };
    match app.clients.cart.update(&cx, update).await {
        Ok(_) => Ok(see_other("/checkout")),
        Err(problem) if problem.kind == Kind::Invalid && cart.shipping_address.is_some() => {
            let notice = Notice::bad(sentence(&problem.detail));
            Ok(Flash::default().notice(notice).redirect(&app, "/checkout?change=delivery"))
        }
        Err(problem) => explain(&app, &headers, problem),
    }
}

async fn payment_page(app: &App, cx: &Cx, cart: &Cart, flash: &Flash) -> PageResult {
    let (layout, terms) = tokio::try_join!(app.layout(cx, "Payment"), app.terms(cx))?;
    let paid = flash.about(pay::FORM);
    let total = cart.totals.total;
    let page = PaymentPage {
        layout: layout.plain(),
        steps: steps(2),
        notices: notices(flash, cart),
        recap: recap(cart),
        key: paid
            .map(|paid| paid.text("key"))
            .filter(|key| !key.is_empty())
            .map_or_else(|| new_key(app), str::to_owned),
        shown: Shown { version: cart.version, total },
        tokens: if total.amount == 0 { Vec::new() } else { sandbox_tokens(paid.map_or("", |paid| paid.text("token"))) },
        total: show_money(total),
        coupons: cart.coupons.clone(),
        coupon: cart::coupon_field(flash),
        summary: summary(&app.clients.shop.cdn, cart, terms.prices_include_tax),
    };
    private(StatusCode::OK, &page)
}

/// Names one attempt to order; sent along by the form, so that a second click is the same attempt.
fn new_key(app: &App) -> String {
    app.ids.v4().simple().to_string()
}
