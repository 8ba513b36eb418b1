//! State of the sagas as their rows keep it, and the names of their steps.

use serde::{Deserialize, Serialize};
use souk_cart_api::CartId;
use souk_flow::SagaKind;
use souk_inventory_api::StockLine;
use souk_kernel::{Money, Problem};
use souk_order_api::{Order, OrderId, OrderPayment, PaymentMeans};
use uuid::Uuid;

/// The step that makes the sale: the pivot.
pub const CONFIRM: &str = "confirm";
/// The last step of a checkout: it notes that the money is taken.
pub const COMPLETE: &str = "complete";

/// Checkouts. `numbered` is how the release before names had them (which called the last one `settle`): it never changes.
pub static CHECKOUT: SagaKind = SagaKind {
    name: "checkout",
    steps: &["open", "redeem", "reserve", "authorise", "allocate", CONFIRM, "capture", COMPLETE],
    numbered: &["open", "redeem", "reserve", "authorise", "allocate", CONFIRM, "capture", COMPLETE],
};
/// Cancellations; `numbered` likewise.
pub static CANCELLATION: SagaKind = SagaKind {
    name: "cancellation",
    steps: &["give money back", "give stock back", "give coupons back", "note"],
    numbered: &["give money back", "give stock back", "note"],
};

/// What a checkout remembers. The order itself is only kept in memory: after a crash it is read from its row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckoutState {
    pub cart_id: CartId,
    /// Version of the cart that is bought.
    #[serde(default)]
    pub cart_version: Option<i64>,
    /// The token is sealed, and empty once it has done its work.
    pub payment: PaymentMeans,
    pub amount: Money,
    pub lines: Vec<StockLine>,
    pub coupons: Vec<String>,
    /// Why it goes back.
    pub failure: Option<Problem>,
    /// Steps that could not be taken back and are left to a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// The provider said no: there is nothing to void.
    #[serde(default)]
    pub declined: bool,
    #[serde(skip)]
    pub order: Option<Box<Order>>,
}

impl CheckoutState {
    /// Of an order that is about to be placed; the token of `payment` is sealed.
    pub fn new(cart_id: CartId, cart_version: Option<i64>, payment: PaymentMeans, order: &Order) -> Self {
        Self {
            cart_id,
            cart_version,
            payment,
            amount: order.total,
            lines: stock_lines(order),
            coupons: order.coupons.clone(),
            failure: None,
            left: Vec::new(),
            declined: false,
            order: None,
        }
    }
}

/// What a cancellation remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CancelState {
    pub saga_id: Uuid,
    pub order_id: OrderId,
    /// What became of the money, once it is known.
    pub payment: Option<OrderPayment>,
    /// False: there are no coupons to give back. What the release before wrote does not say.
    #[serde(default = "unknown_coupons")]
    pub coupons: bool,
}

fn unknown_coupons() -> bool {
    true
}

/// What the coupons of an order are redeemed and given back under.
pub fn redemption_key(order: Uuid) -> String {
    format!("{order}/redeem")
}

/// The lines of an order as inventory counts them: a SKU that stands twice is summed.
fn stock_lines(order: &Order) -> Vec<StockLine> {
    let mut lines: Vec<StockLine> = Vec::with_capacity(order.lines.len());
    for line in &order.lines {
        match lines.iter_mut().find(|known| known.sku == line.sku) {
            Some(known) => known.quantity += line.quantity,
            None => lines.push(StockLine { sku: line.sku.clone(), quantity: line.quantity }),
        }
    }
    lines
}
