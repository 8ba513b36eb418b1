//! Checkout request and its answer: the checks, whether the cart is what the buyer was shown, and the receipt.

use souk_cart_api::{CartMessage, Changed, CheckoutCart};
use souk_kernel::Problem;
use souk_order_api::{CartChanged, CartState, Checkout, MAX_PROVIDER, Order, OrderPayment, OrderStatus};
use souk_payment_api::MAX_TOKEN;

/// What a checkout answers, then and whenever it is repeated: the order as it was when the sale was made.
pub fn receipt(mut order: Order) -> Order {
    if order.status != OrderStatus::Pending {
        order.status = OrderStatus::Confirmed;
        order.payment_status = OrderPayment::Authorised;
        order.version = 2;
    }
    order.updated_at = order.placed_at;
    order.shipments = Vec::new();
    order
}

/// The cart, if it is what the buyer was shown; else what differs.
pub fn as_shown(req: &Checkout, cart: Result<CheckoutCart, Problem>) -> Result<CheckoutCart, Problem> {
    let changed = |actual: CartState, messages: Vec<CartMessage>| {
        let expected = CartState { version: req.cart_version, total: req.expected_total };
        let text = "the cart is not what it was when its total was shown; nothing was charged";
        Problem::conflict("cart_changed", text).with_data(CartChanged { expected, actual, messages })
    };
    match cart {
        Ok(cart) => {
            let actual = CartState { version: Some(cart.version), total: Some(cart.quote.total) };
            let other_version = req.cart_version.is_some_and(|version| version != cart.version);
            let other_total = req.expected_total.is_some_and(|total| total != cart.quote.total);
            if other_version || other_total { Err(changed(actual, Vec::new())) } else { Ok(cart) }
        }
        Err(problem) if problem.is("cart_changed") => {
            match problem.data.clone().and_then(|data| serde_json::from_value::<Changed>(*data).ok()) {
                Some(Changed { version, total, messages }) => {
                    Err(changed(CartState { version: Some(version), total: Some(total) }, messages))
                }
                // A cart of the release before: it names the messages alone.
                None => Err(problem),
            }
        }
        Err(problem) => Err(problem),
    }
}

/// Refuses what no provider would take.
pub fn check(req: &Checkout) -> Result<(), Problem> {
    let fits = |text: &str, most: usize| !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control);
    if !fits(&req.payment.provider, MAX_PROVIDER) {
        return Err(Problem::invalid_field("/payment/provider", "name a payment provider"));
    }
    if !fits(&req.payment.token, MAX_TOKEN) {
        return Err(Problem::invalid_field("/payment/token", "give the provider's token, at most 255 characters"));
    }
    Ok(())
}
