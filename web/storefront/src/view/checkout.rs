//! View models of the three pages of the checkout: address, delivery, payment.

use askama::Template;
use souk_cart_api::Cart;
use souk_identity_api::StoredAddress;
use souk_kernel::Money;
use souk_pricing_api::ShippingMethod;

use super::Notice;
use super::cart::Summary;
use super::form::Field;
use super::layout::Layout;
use super::money::show;

/// One step of the way through the checkout.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// Back to it, when it is done.
    pub href: Option<&'static str>,
    /// We are there.
    pub current: bool,
}

/// The way through the checkout, standing at step `current` of 0 to 2.
pub fn steps(current: usize) -> Vec<Step> {
    let all =
        [("Address", "/checkout?change=address"), ("Delivery", "/checkout?change=delivery"), ("Payment", "/checkout")];
    let step = |(i, (name, href)): (usize, (&'static str, &'static str))| Step {
        name,
        href: (i < current).then_some(href),
        current: i == current,
    };
    all.into_iter().enumerate().map(step).collect()
}

/// What was decided in an earlier step.
#[derive(Clone, Debug)]
pub struct RecapRow {
    /// What.
    pub label: &'static str,
    /// The decision.
    pub text: String,
    /// Where it is changed.
    pub href: &'static str,
}

/// What was decided so far.
pub fn recap(cart: &Cart) -> Vec<RecapRow> {
    let row = |label, text: String, href| RecapRow { label, text, href };
    let address = cart.shipping_address.as_ref().map(|address| address.lines().join(", "));
    let rows = [
        cart.email.clone().map(|email| row("E-mail", email, "/checkout?change=address")),
        address.map(|text| row("Address", text, "/checkout?change=address")),
        cart.totals.shipping_name.clone().map(|name| row("Delivery", name, "/checkout?change=delivery")),
    ];
    rows.into_iter().flatten().collect()
}

/// A stored address with its lines.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Names it in forms.
    pub id: String,
    /// The one that is used first.
    pub is_default: bool,
    /// Whose it is.
    pub name: String,
    /// Lines of a label.
    pub lines: Vec<String>,
}

impl From<&StoredAddress> for Saved {
    fn from(stored: &StoredAddress) -> Self {
        let (name, lines) = (stored.address.name.clone(), stored.address.lines());
        Self { id: stored.id.to_string(), is_default: stored.is_default, name, lines }
    }
}

/// Step 1.
#[derive(Template)]
#[template(path = "checkout_address.html")]
pub struct AddressPage {
    /// Frame.
    pub layout: Layout,
    /// Where we are.
    pub steps: Vec<Step>,
    /// Messages.
    pub notices: Vec<Notice>,
    /// The buyer is signed in.
    pub signed_in: bool,
    /// Their addresses.
    pub saved: Vec<Saved>,
    /// E-mail and address.
    pub fields: Vec<Field>,
    /// What is bought.
    pub summary: Summary,
}

/// A way to ship, to choose from.
#[derive(Clone, Debug)]
pub struct MethodView {
    /// Sent with the form.
    pub id: String,
    /// For people.
    pub name: String,
    /// For this cart.
    pub price: String,
    /// Chosen.
    pub checked: bool,
}

/// Ways to ship; the chosen one, else the first, is ticked.
pub fn methods(offered: &[ShippingMethod], chosen: Option<&str>) -> Vec<MethodView> {
    let known = offered.iter().any(|method| Some(method.id.as_str()) == chosen);
    let view = |(i, method): (usize, &ShippingMethod)| MethodView {
        id: method.id.clone(),
        name: method.name.clone(),
        price: if method.price.amount == 0 { "free".into() } else { show(method.price) },
        checked: if known { Some(method.id.as_str()) == chosen } else { i == 0 },
    };
    offered.iter().enumerate().map(view).collect()
}

/// Step 2.
#[derive(Template)]
#[template(path = "checkout_delivery.html")]
pub struct DeliveryPage {
    /// Frame.
    pub layout: Layout,
    /// Where we are.
    pub steps: Vec<Step>,
    /// Messages.
    pub notices: Vec<Notice>,
    /// Decided so far.
    pub recap: Vec<RecapRow>,
    /// Ways to ship.
    pub methods: Vec<MethodView>,
    /// What is bought.
    pub summary: Summary,
}

/// A way to pay at the sandbox.
#[derive(Clone, Debug)]
pub struct TokenView {
    /// The provider's token.
    pub token: &'static str,
    /// For people.
    pub name: &'static str,
    /// What will happen.
    pub text: &'static str,
    /// Ticked.
    pub checked: bool,
}

/// Name of the provider these tokens belong to.
pub const SANDBOX: &str = "sandbox";

/// The sandbox provider's tokens, in the order people try them.
pub fn sandbox_tokens(chosen: &str) -> Vec<TokenView> {
    const TOKENS: [(&str, &str, &str); 7] = [
        ("tok_ok", "Card that pays", "The payment goes through."),
        ("tok_declined", "Card that is declined", "The bank says no; nothing is charged."),
        ("tok_insufficient_funds", "Card without funds", "The bank says no, for lack of money."),
        ("tok_requires_action", "Card that asks for confirmation", "The bank wants to see you first."),
        ("tok_slow", "Slow bank", "It takes a while and then goes through."),
        ("tok_timeout_after_charge", "Silent bank", "It charges and does not answer; the shop finds out by itself."),
        ("tok_down", "Bank that is down", "Nobody answers; nothing is charged."),
    ];
    let known = TOKENS.iter().any(|(token, ..)| *token == chosen);
    let view = |(i, (token, name, text)): (usize, (&'static str, &'static str, &'static str))| TokenView {
        token,
        name,
        text,
        checked: if known { token == chosen } else { i == 0 },
    };
    TOKENS.into_iter().enumerate().map(view).collect()
}

/// The cart as a payment page shows it; sent along by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Version of the cart.
    pub version: i64,
    /// What is paid.
    pub total: Money,
}

/// Step 3.
#[derive(Template)]
#[template(path = "checkout_payment.html")]
pub struct PaymentPage {
    /// Frame.
    pub layout: Layout,
    /// Where we are.
    pub steps: Vec<Step>,
    /// Messages.
    pub notices: Vec<Notice>,
    /// Decided so far.
    pub recap: Vec<RecapRow>,
    /// Idempotency key: however often the form is sent, there is one order.
    pub key: String,
    /// What is shown here, and nothing else is charged.
    pub shown: Shown,
    /// Ways to pay; none when nothing is to be paid.
    pub tokens: Vec<TokenView>,
    /// What is paid.
    pub total: String,
    /// Entered coupons.
    pub coupons: Vec<String>,
    /// Where another one is entered.
    pub coupon: Field,
    /// What is bought.
    pub summary: Summary,
}

/// After step 3, when the bank wants to see the buyer.
#[derive(Template)]
#[template(path = "checkout_confirm.html")]
pub struct ConfirmPage {
    /// Frame.
    pub layout: Layout,
    /// Where we are.
    pub steps: Vec<Step>,
    /// Messages.
    pub notices: Vec<Notice>,
    /// The provider's page.
    pub bank: String,
    /// The order's page.
    pub order: String,
    /// What is to be confirmed.
    pub total: String,
}
