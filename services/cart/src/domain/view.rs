//! Cart view, a stored cart with today's prices and stock: lines, totals, and what the buyer should know.

use std::collections::HashMap;
use std::sync::Arc;

use souk_cart_api::{Cart, CartLine, CartMessage, Changed, CheckoutCart, CheckoutLine};
use souk_catalog_api::VariantCard;
use souk_kernel::{Money, Problem};
use souk_pricing_api::{Quote, QuoteLine, QuotedLine};

use super::{Body, Stored};

/// What other services know about a cart's SKUs now.
pub struct Facts {
    /// What is sold, by SKU.
    pub products: HashMap<String, Arc<VariantCard>>,
    /// What it costs.
    pub quote: Quote,
    /// Units that can be bought, by SKU.
    pub available: HashMap<String, i64>,
}

/// What to ask a price for: lines that are still sold.
pub fn quote_lines(body: &Body, products: &HashMap<String, Arc<VariantCard>>) -> Vec<QuoteLine> {
    let ask = |line: &super::Line| {
        let product = products.get(&line.sku)?;
        Some(QuoteLine {
            sku: line.sku.clone(),
            quantity: line.quantity,
            category_id: product.category_id.map(|id| id.0),
            tax_category: product.tax_category.clone(),
            weight_grams: product.weight_grams,
        })
    };
    body.lines.iter().filter_map(ask).collect()
}

/// The cart as its owner sees it. Messages compare with what was last shown.
pub fn view(cart: &Stored, facts: &Facts) -> Cart {
    let zero = Money::zero(facts.quote.subtotal.currency);
    let (mut lines, mut messages) = (Vec::with_capacity(cart.body.lines.len()), Vec::new());
    for line in &cart.body.lines {
        let product = facts.products.get(&line.sku);
        let price = priced(&facts.quote, &line.sku);
        let available = facts.available.get(&line.sku).copied().unwrap_or(0);
        let about = |code: &str, detail: String| CartMessage { code: code.into(), line_id: Some(line.id), detail };
        match (product, price) {
            (Some(_), Some(price)) => {
                if available < 1 {
                    messages.push(about("out_of_stock", format!("{} is out of stock.", line.title)));
                } else if available < i64::from(line.quantity) {
                    messages.push(about("less_in_stock", format!("Only {available} of {} are left.", line.title)));
                }
                if let Some(seen) = line.seen
                    && seen != price.unit_price.amount
                {
                    let before = price.unit_price.currency.of(seen);
                    let detail = format!("The price of {} changed from {before} to {}.", line.title, price.unit_price);
                    messages.push(about("price_changed", detail));
                }
            }
            _ => messages.push(about("no_longer_sold", format!("{} is no longer sold.", line.title))),
        }
        lines.push(CartLine {
            id: line.id,
            sku: line.sku.clone(),
            title: product.map_or_else(|| line.title.clone(), |product| product.title.clone()),
            options: product.map(|product| product.options.clone()).unwrap_or_default(),
            slug: product.map(|product| product.slug.clone()).unwrap_or_default(),
            image: product.map(|product| product.image.clone()).unwrap_or_default(),
            quantity: line.quantity,
            unit_price: price.map_or(zero, |price| price.unit_price),
            total: price.map_or(zero, |price| price.total),
            available: if product.is_some() && price.is_some() { available } else { 0 },
        });
    }
    let of_quote = |m: &souk_pricing_api::QuoteMessage| CartMessage {
        code: m.code.clone(),
        line_id: None,
        detail: format!("{}: {}", m.subject, m.detail),
    };
    messages.extend(facts.quote.messages.iter().map(of_quote));
    // Prices that rose, or two carts that became one at a login, may bring it there.
    if let Err(problem) = super::check_total(facts.quote.total) {
        messages.push(CartMessage { code: problem.code.to_string(), line_id: None, detail: problem.detail });
    }
    Cart {
        id: cart.id,
        version: cart.version,
        units: cart.body.units(),
        lines,
        email: cart.body.email.clone(),
        shipping_address: cart.body.shipping_address.clone(),
        shipping_method: cart.body.shipping_method.clone(),
        coupons: cart.body.coupons.clone(),
        totals: facts.quote.clone(),
        messages,
        expires_at: cart.expires_at,
    }
}

/// Notes what the buyer is being shown; true when that is news.
pub fn see(body: &mut Body, quote: &Quote) -> bool {
    let mut news = false;
    for line in &mut body.lines {
        let Some(price) = priced(quote, &line.sku) else { continue };
        let shown = Some(price.unit_price.amount);
        news |= line.seen != shown;
        line.seen = shown;
    }
    let total = Some(quote.total.amount);
    news |= body.seen_total != total && !body.lines.is_empty();
    body.seen_total = total;
    news
}

/// The complete cart, or what is missing, or what changed to the buyer's disadvantage since they last looked.
pub fn checkout(cart: &Stored, facts: &Facts) -> Result<CheckoutCart, Problem> {
    let body = &cart.body;
    let mut missing: Vec<&str> = Vec::new();
    if body.lines.is_empty() {
        missing.push("lines");
    }
    if body.email.is_none() {
        missing.push("email");
    }
    if body.shipping_address.is_none() {
        missing.push("shipping_address");
    }
    if body.shipping_method.is_none() {
        missing.push("shipping_method");
    }
    let (Some(email), Some(address), Some(method), true) =
        (&body.email, &body.shipping_address, &body.shipping_method, missing.is_empty())
    else {
        let text = format!("the cart is not complete: {}", missing.join(", "));
        return Err(Problem::conflict("cart_incomplete", text).with_data(missing));
    };
    let mut lines = Vec::with_capacity(body.lines.len());
    for line in &body.lines {
        let (Some(product), Some(_)) = (facts.products.get(&line.sku), priced(&facts.quote, &line.sku)) else {
            continue;
        };
        lines.push(CheckoutLine {
            product_id: product.product_id.0,
            sku: line.sku.clone(),
            title: product.title.clone(),
            options: product.options.clone(),
            image: product.image.clone(),
            slug: product.slug.clone(),
            quantity: line.quantity,
        });
    }
    let dearer = body.seen_total.is_none_or(|seen| facts.quote.total.amount > seen);
    if lines.len() < body.lines.len() || dearer || facts.quote.shipping.is_none() {
        let stock_aside = |m: &CartMessage| m.code != "out_of_stock" && m.code != "less_in_stock";
        let messages: Vec<CartMessage> = view(cart, facts).messages.into_iter().filter(stock_aside).collect();
        let text = "something in the cart changed since it was last looked at; please look again";
        let changed = Changed { version: cart.version, total: facts.quote.total, messages };
        return Err(Problem::conflict("cart_changed", text).with_data(changed));
    }
    super::check_total(facts.quote.total)?;
    Ok(CheckoutCart {
        id: cart.id,
        version: cart.version,
        customer_id: cart.customer_id,
        purchase: Some(body.bought.unwrap_or(cart.id.uuid())),
        lines,
        email: email.clone(),
        shipping_address: address.clone(),
        shipping_method: method.clone(),
        quote: facts.quote.clone(),
    })
}

fn priced<'a>(quote: &'a Quote, sku: &str) -> Option<&'a QuotedLine> {
    quote.lines.iter().find(|line| line.sku == sku)
}
