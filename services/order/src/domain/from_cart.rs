//! Order creation: from a priced cart to an order.

use jiff::Timestamp;
use souk_cart_api::CheckoutCart;
use souk_kernel::{Money, Problem};
use souk_order_api::{Order, OrderId, OrderLine, OrderPayment, OrderStatus};
use souk_payment_api::MAX_AMOUNT;

/// What the cart does not say.
pub struct Placement {
    /// The new order.
    pub id: OrderId,
    /// When.
    pub at: Timestamp,
}

// The cart refuses what payments do not take: the same number, in contracts that do not know each other.
const _: () = assert!(souk_cart_api::MAX_TOTAL == MAX_AMOUNT);

/// A pending order of what is in `cart`, at the prices it was quoted. Its number is given by the database.
pub fn from_cart(cart: CheckoutCart, placement: Placement) -> Result<Order, Problem> {
    let quote = cart.quote;
    let incomplete = |detail: &str| Problem::conflict("cart_incomplete", detail.to_owned());
    if cart.lines.is_empty() {
        return Err(incomplete("the cart is empty"));
    }
    if quote.lines.len() != cart.lines.len() {
        return Err(Problem::conflict("cart_changed", "something in the cart is no longer sold"));
    }
    if quote.total.amount > MAX_AMOUNT {
        return Err(Problem::conflict("cart_too_large", "this is more than one payment can take: buy it in parts"));
    }
    // A cart may be older than the rules for addresses.
    cart.shipping_address.check("/shipping_address")?;
    let shipping = quote.shipping.ok_or_else(|| incomplete("choose a shipping method"))?;
    let mut lines = Vec::with_capacity(cart.lines.len());
    for (line, quoted) in cart.lines.into_iter().zip(quote.lines) {
        if line.sku != quoted.sku || line.quantity != quoted.quantity {
            return Err(Problem::internal(format!("quote of {} does not belong to line {}", quoted.sku, line.sku)));
        }
        lines.push(OrderLine {
            product_id: line.product_id,
            sku: line.sku,
            title: line.title,
            options: line.options,
            image: line.image,
            slug: line.slug,
            quantity: line.quantity,
            unit_price: quoted.unit_price,
            total: quoted.total,
            discount: quoted.discount,
            tax: quoted.tax,
            tax_rate: quoted.tax_rate,
        });
    }
    check_sum("subtotal", quote.subtotal, lines.iter().map(|line| line.total))?;
    check_sum("discount", quote.discount, lines.iter().map(|line| line.discount))?;
    Ok(Order {
        id: placement.id,
        number: String::new(),
        status: OrderStatus::Pending,
        payment_status: OrderPayment::None,
        customer_id: cart.customer_id,
        email: cart.email,
        shipping_address: cart.shipping_address,
        shipping_name: quote.shipping_name.unwrap_or(cart.shipping_method),
        lines,
        coupons: quote.coupons,
        subtotal: quote.subtotal,
        discount: quote.discount,
        shipping,
        tax: quote.tax,
        total: quote.total,
        failure: None,
        shipments: Vec::new(),
        version: 1,
        placed_at: placement.at,
        updated_at: placement.at,
    })
}

/// A quote that does not add up is our bug, and is not charged.
fn check_sum(what: &str, said: Money, parts: impl Iterator<Item = Money>) -> Result<(), Problem> {
    let sum = Money::sum(said.currency, parts)?;
    if sum == said {
        return Ok(());
    }
    Err(Problem::internal(format!("{what} of the quote is {said}, its lines make {sum}")))
}
