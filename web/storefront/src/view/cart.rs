//! View models of the cart, and of the sum of it that the checkout shows too.

use askama::Template;
use souk_cart_api::{Cart, MAX_QUANTITY};
use souk_catalog_api::Look;
use souk_kernel::Money;
use souk_pricing_api::Quote;
use souk_web::Cdn;

use super::card::product;
use super::form::Field;
use super::layout::Layout;
use super::message::sentence;
use super::money::show;
use super::picture::{LINE, Picture, SMALL_LINE, Slot};
use super::{Notice, count};

/// Messages after which a line cannot be bought as it is.
const BLOCKING: [&str; 3] = ["out_of_stock", "less_in_stock", "no_longer_sold"];

/// One line.
#[derive(Clone, Debug)]
pub struct LineView {
    /// Names the line in forms.
    pub id: String,
    /// Page of the product.
    pub href: String,
    /// Picture.
    pub picture: Picture,
    /// Product.
    pub title: String,
    /// `Silver / Large`.
    pub options: String,
    /// Price of one.
    pub unit: String,
    /// Price of all.
    pub total: String,
    /// Units.
    pub quantity: u32,
    /// Most units.
    pub max: i64,
    /// What changed about it.
    pub notes: Vec<Notice>,
}

/// One row of the sum.
#[derive(Clone, Debug)]
pub struct TotalRow {
    /// What.
    pub label: String,
    /// How much.
    pub amount: String,
    /// Class of the stylesheet.
    pub class: &'static str,
}

/// Lines and sum, for the column beside a form.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What is bought.
    pub lines: Vec<LineView>,
    /// What it costs.
    pub totals: Vec<TotalRow>,
}

/// The cart.
#[derive(Template)]
#[template(path = "cart.html")]
pub struct CartPage {
    /// Frame.
    pub layout: Layout,
    /// What is in it.
    pub lines: Vec<LineView>,
    /// `3 items`.
    pub units_text: String,
    /// What the buyer should know.
    pub notices: Vec<Notice>,
    /// Entered coupons.
    pub coupons: Vec<String>,
    /// Where another one is entered.
    pub coupon: Field,
    /// What it costs.
    pub totals: Vec<TotalRow>,
    /// Everything in it can be bought as it is.
    pub can_checkout: bool,
}

/// The page of a cart, or of none.
pub fn cart_page(
    layout: Layout,
    cart: Option<&Cart>,
    mut notices: Vec<Notice>,
    coupon: Field,
    prices_include_tax: bool,
) -> CartPage {
    let Some(cart) = cart else {
        let (lines, coupons, totals, units_text) = (Vec::new(), Vec::new(), Vec::new(), String::new());
        return CartPage { layout, lines, units_text, notices, coupons, coupon, totals, can_checkout: false };
    };
    notices.extend(general_notices(cart));
    CartPage {
        lines: lines(&layout.cdn, cart, &LINE),
        units_text: count(cart.units, "item", "items"),
        notices,
        coupons: cart.coupons.clone(),
        coupon,
        totals: totals(&cart.totals, prices_include_tax),
        can_checkout: !cart.messages.iter().any(|message| BLOCKING.contains(&message.code.as_str())),
        layout,
    }
}

/// Messages that belong to no line.
pub fn general_notices(cart: &Cart) -> impl Iterator<Item = Notice> {
    let general =
        cart.messages.iter().filter(|message| !cart.lines.iter().any(|line| Some(line.id) == message.line_id));
    general.map(|message| Notice::warn(sentence(&message.detail)))
}

/// The column beside a form.
pub fn summary(cdn: &Cdn, cart: &Cart, prices_include_tax: bool) -> Summary {
    Summary { lines: lines(cdn, cart, &SMALL_LINE), totals: totals(&cart.totals, prices_include_tax) }
}

fn lines(cdn: &Cdn, cart: &Cart, slot: &Slot) -> Vec<LineView> {
    let line = |line: &souk_cart_api::CartLine| {
        let about = cart.messages.iter().filter(|message| message.line_id == Some(line.id));
        let note = |message: &souk_cart_api::CartMessage| {
            let text = sentence(&message.detail);
            if BLOCKING.contains(&message.code.as_str()) { Notice::bad(text) } else { Notice::warn(text) }
        };
        LineView {
            id: line.id.to_string(),
            href: product(&line.slug),
            picture: slot.picture(cdn, &line.image, Look::default()),
            title: line.title.clone(),
            options: line.options.clone(),
            unit: show(line.unit_price),
            total: show(line.total),
            quantity: line.quantity,
            max: line.available.max(i64::from(line.quantity)).clamp(1, i64::from(MAX_QUANTITY)),
            notes: about.map(note).collect(),
        }
    };
    cart.lines.iter().map(line).collect()
}

/// Rows of a quote. Tax is named either way: inside the total, or added to it.
pub fn totals(quote: &Quote, prices_include_tax: bool) -> Vec<TotalRow> {
    let shipping = quote.shipping.map(|price| (price, quote.shipping_name.clone()));
    rows(quote.subtotal, quote.discount, shipping, quote.tax, quote.total, prices_include_tax)
}

/// Rows of a sum.
pub fn rows(
    subtotal: Money,
    discount: Money,
    shipping: Option<(Money, Option<String>)>,
    tax: Money,
    total: Money,
    prices_include_tax: bool,
) -> Vec<TotalRow> {
    let row = |label: &str, amount: String| TotalRow { label: label.into(), amount, class: "" };
    let mut rows = vec![row("Goods", show(subtotal))];
    if discount.amount > 0 {
        rows.push(row("Discount", show(discount.currency.of(-discount.amount))));
    }
    match shipping {
        Some((price, name)) => {
            let label = name.map_or_else(|| "Shipping".to_owned(), |name| format!("Shipping, {name}"));
            rows.push(row(&label, if price.amount == 0 { "free".into() } else { show(price) }));
        }
        None => rows.push(row("Shipping", "in the next step".into())),
    }
    if !prices_include_tax {
        rows.push(row("Tax", show(tax)));
    }
    rows.push(TotalRow { class: "sum", ..row("Total", show(total)) });
    if prices_include_tax {
        rows.push(TotalRow { class: "tax", ..row("including VAT of", show(tax)) });
    }
    rows
}
