//! Payment handlers: the form's attempt, the bank that wants to see the buyer, and the buyer who gives up or pays in another
//! way.
//!
//! The form names what its page showed (version and total of the cart), and nothing else is charged.

use axum::extract::State;
use http::{HeaderMap, HeaderValue, StatusCode};
use souk_cart_api::{CartId, GetCart};
use souk_kernel::{Kind, Money, Problem};
use souk_order_api::{
    CancelOrder, CartChanged, CartOrder, CartState, Checkout, CheckoutReply, GetOrder, MAX_KEY, OrderStatus,
    PaymentMeans,
};
use souk_rpc::{Cx, UNKNOWN_METHOD};
use souk_web::WebCx;

use crate::app::App;
use crate::cart_cookie;
use crate::flash::Flash;
use crate::last_order::LastOrder;
use crate::pages::checkout::{already_bought, explain};
use crate::reply::{Form, PageResult, private, see_other, with_cookies};
use crate::view::Notice;
use crate::view::checkout::{ConfirmPage, SANDBOX, steps};
use crate::view::message::sentence;
use crate::view::money::show;

/// Names the form in flash messages.
pub(crate) const FORM: &str = "pay";
/// Sent instead of a token when nothing is to be paid: no provider is asked then.
const NOTHING_TO_PAY: &str = "none";

pub(crate) async fn pay(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    // By the cookie's id, without looking first: a repeated form must reach the order even when the cart is empty by now.
    let cart_id = match cart_cookie::cart_id(&app, &headers) {
        Some(cart_id) => cart_id,
        None => match cart_cookie::require(&app, &cx, &headers).await {
            Ok(cart) => cart.id,
            Err(problem) => return explain(&app, &headers, problem),
        },
    };
    let Some(checkout) = attempt(cart_id, &form) else {
        let notice = Notice::bad("Please choose how to pay.");
        return Ok(Flash::of(FORM).notice(notice).redirect(&app, "/checkout"));
    };
    let version = checkout.cart_version;
    match buy(&app, &cx.clone().with_key(form.get("key")), checkout).await {
        Ok(CheckoutReply { order, token, action_url }) => {
            let last =
                LastOrder { id: order.id, token, cart: cart_id, version, bank: action_url.filter(|url| is_web(url)) };
            let to =
                if last.bank.is_some() { "/checkout/confirm".to_owned() } else { format!("{}&placed=1", last.href()) };
            Ok(with_cookies(see_other(&to), last.remember(&app)))
        }
        Err(problem) => refused(&app, &cx, &headers, &form, (cart_id, version), problem),
    }
}

/// What the form asks for; none when it was not ours, or nothing was chosen.
fn attempt(cart_id: CartId, form: &Form) -> Option<Checkout> {
    let (key, token) = (form.get("key"), form.get("token"));
    let version = form.get("cart_version").parse().ok()?;
    let total = Money { amount: form.get("total").parse().ok()?, currency: form.get("currency").parse().ok()? };
    let token = if total.amount == 0 { NOTHING_TO_PAY } else { token };
    if key.is_empty() || key.len() > MAX_KEY || token.is_empty() {
        return None;
    }
    let payment = PaymentMeans { provider: SANDBOX.into(), token: token.to_owned() };
    Some(Checkout { cart_id, payment, cart_version: Some(version), expected_total: Some(total) })
}

async fn buy(app: &App, cx: &Cx, checkout: Checkout) -> Result<CheckoutReply, Problem> {
    match app.clients.order.buy(cx, checkout.clone()).await {
        Err(problem) if problem.is(UNKNOWN_METHOD) => {}
        outcome => return outcome,
    }
    // An order of the release before, still there while this one is rolled out, compares nothing: this does, just before.
    let expected = CartState { version: checkout.cart_version, total: checkout.expected_total };
    match app.clients.cart.get(cx, GetCart { cart_id: checkout.cart_id }).await {
        Ok(cart) => {
            let actual = CartState { version: Some(cart.version), total: Some(cart.totals.total) };
            if actual != expected {
                let changed = CartChanged { expected, actual, messages: cart.messages };
                return Err(Problem::conflict("cart_changed", "the cart was changed").with_data(changed));
            }
        }
        // A repeated form finds its cart gone; the key knows what became of it.
        Err(problem) if problem.kind == Kind::NotFound => {}
        Err(problem) => return Err(problem),
    }
    app.clients.order.checkout(cx, Checkout { cart_version: None, expected_total: None, ..checkout }).await
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// A provider's reason (`insufficient_funds`) in words.
fn declined(detail: &str) -> String {
    sentence(detail.strip_suffix(": declined").unwrap_or(detail)).replace('_', " ")
}

/// Why there is no order, told where something can be done about it.
fn refused(
    app: &App,
    cx: &Cx,
    headers: &HeaderMap,
    form: &Form,
    (cart, version): (CartId, Option<i64>),
    problem: Problem,
) -> PageResult {
    if problem.kind.is_fault() {
        tracing::error!(request_id = %cx.request_id, code = %problem.code, internal = problem.internal_detail(), "checkout failed");
    }
    if let Some(last) = order_of(app, headers, cart, version, &problem) {
        let pending = problem.is("checkout_in_progress");
        let response = if pending { see_other("/checkout/confirm") } else { already_bought(app, &last) };
        return Ok(with_cookies(response, last.remember(app)));
    }
    let flash = Flash::of(FORM).typed(form, &["token"]);
    let flash = match problem.kind {
        // Another attempt is another key: this one has had its answer.
        Kind::Declined => flash.notice(Notice::bad(format!("{} Nothing was charged.", declined(&problem.detail)))),
        // Perhaps it did happen: the same key makes sure that it happens once.
        Kind::Timeout | Kind::Unavailable => {
            let text = "This is taking long. Press the button again: you will not be charged twice.";
            flash.typed(form, &["key"]).notice(Notice::warn(text))
        }
        _ if problem.is("cart_changed") => flash.notice(Notice::warn(changed(&problem))),
        _ if problem.is("idempotency_key_reused") => {
            flash.notice(Notice::warn("Please check everything once more and pay."))
        }
        _ => return explain(app, headers, problem),
    };
    Ok(flash.redirect(app, "/checkout"))
}

/// The order that this cart is, or is becoming: the order service says so, or this browser remembers that it made one of
/// exactly what this form would buy.
fn order_of(
    app: &App,
    headers: &HeaderMap,
    cart: CartId,
    version: Option<i64>,
    problem: &Problem,
) -> Option<LastOrder> {
    if problem.is("checkout_in_progress") || problem.is("cart_bought") {
        let told = problem.data.as_deref().and_then(|data| serde_json::from_value::<CartOrder>(data.clone()).ok());
        if let Some(CartOrder { order_id: id, token, action_url }) = told {
            return Some(LastOrder { id, token, cart, version, bank: action_url.filter(|url| is_web(url)) });
        }
    }
    let last = LastOrder::read(app, headers).filter(|last| last.cart == cart)?;
    let same = version.is_some() && last.version == version;
    let gone = problem.kind == Kind::NotFound;
    let taken = problem.is("checkout_in_progress") || problem.is("cart_bought");
    (taken || gone || same && problem.kind == Kind::Conflict).then_some(last)
}

/// What differs, with both sums.
fn changed(problem: &Problem) -> String {
    let known = problem.data.as_deref().and_then(|data| serde_json::from_value::<CartChanged>(data.clone()).ok());
    let totals = known.and_then(|CartChanged { expected, actual, .. }| Some((expected.total?, actual.total?)));
    match totals {
        Some((before, now)) if before != now => format!(
            "Your cart has changed since this page was shown: it was {} and is {} now. Nothing was charged. Please check it \
             and pay again.",
            show(before),
            show(now),
        ),
        _ => "Your cart has changed since this page was shown. Nothing was charged. Please check it and pay again."
            .into(),
    }
}

/// The bank wants to see the buyer. A page with a link and not a redirect: `form-action` of the Content-Security-Policy
/// covers where a form's answer leads, and providers come and go. From here the buyer can also give up, or pay otherwise.
pub(crate) async fn confirm(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, flash: Flash) -> PageResult {
    let Some(last) = LastOrder::read(&app, &headers) else { return Ok(see_other("/checkout")) };
    let request = GetOrder { id: last.id, token: Some(last.token.clone()) };
    let order = match app.clients.order.get(&cx, request).await {
        Ok(order) => order,
        Err(problem) if problem.kind == Kind::NotFound => {
            return Ok(with_cookies(see_other("/checkout"), [LastOrder::forget(&app)]));
        }
        Err(problem) => return Err(problem.into()),
    };
    let Some(bank) = last.bank.clone().filter(|_| order.status == OrderStatus::Pending) else {
        return Ok(see_other(&last.href()));
    };
    let layout = app.layout(&cx, "Confirm your payment").await?.plain();
    let (order, total) = (last.href(), show(order.total));
    private(StatusCode::OK, &ConfirmPage { layout, steps: steps(2), notices: flash.notices(), bank, order, total })
}

/// Takes back an order that waits for its buyer; its cart is there still.
pub(crate) async fn give_up(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let Some(last) = LastOrder::read(&app, &headers) else { return Ok(see_other("/checkout")) };
    let reason = "given up by the buyer".to_owned();
    let request = CancelOrder { id: last.id, reason, if_version: None, token: Some(last.token.clone()) };
    match app.clients.order.cancel(&cx, request).await {
        Ok(order) if order.status == OrderStatus::Pending => {
            let notice = Notice::warn("The payment is being taken back. Please try again in a moment.");
            Ok(Flash::default().notice(notice).redirect(&app, "/checkout/confirm"))
        }
        Ok(_) => {
            let (text, to) = match form.get("then") {
                "pay" => (
                    "That payment is given up, and nothing was charged. How would you like to pay instead?",
                    "/checkout",
                ),
                _ => ("The payment is given up, and nothing was charged. Everything is still in your cart.", "/cart"),
            };
            let forget: HeaderValue = LastOrder::forget(&app);
            Ok(with_cookies(Flash::default().notice(Notice::good(text)).redirect(&app, to), [forget]))
        }
        // Paid meanwhile, or ended: its page tells.
        Err(problem) if problem.kind == Kind::Conflict => {
            let notice = Notice::warn("This order does not wait for you any more.");
            Ok(Flash::default().notice(notice).redirect(&app, &last.href()))
        }
        Err(problem) if problem.kind == Kind::NotFound => {
            Ok(with_cookies(see_other("/checkout"), [LastOrder::forget(&app)]))
        }
        Err(problem) => Err(problem.into()),
    }
}
