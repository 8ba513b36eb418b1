//! Contract of orders: the checkout that makes them, what an order is, and what can still happen to it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_cart_api::{CartId, CartMessage};
use souk_kernel::schema::{ONE_LINE, ONE_LINE_IN_WORDS};
use souk_kernel::{Event, Money};
use souk_payment_api::MAX_TOKEN;
use souk_shipping_api::{Address, Shipment};
use uuid::Uuid;

souk_kernel::ids! {
    /// An order: UUIDv7, so that its month is in it.
    OrderId,
}

/// Orders of one page.
pub const MAX_PAGE: u32 = 100;
/// Characters of why an order is cancelled.
pub const MAX_REASON: usize = 500;
/// Characters of a payment provider's name.
pub const MAX_PROVIDER: usize = 40;
/// Characters of an idempotency key, visible ASCII.
pub const MAX_KEY: usize = 255;

souk_rpc::service! {
    /// Orders.
    pub trait OrderApi at "/rpc/order/v1", client OrderClient, serve serve_order, fake OrderFake {
        /// Turns a cart into a paid order. The idempotency key in the context (required) makes it safe to repeat: a replay
        /// waits for the first outcome and gets the same reply; another request under the same key is refused with 422
        /// `idempotency_key_reused`. 402 `payment_declined`, 409 `out_of_stock` with the lines, `coupon_used_up`,
        /// `cart_changed`, `cart_incomplete`; `checkout_in_progress` and `cart_bought` with a [`CartOrder`] as data, so that
        /// the buyer can go on, give up or look at what was bought; `too_many_unpaid_orders`. When it outlives the budget:
        /// `pending`, and the checkout goes on.
        ///
        /// Callers of the release before this one use it; what they are charged is compared with nothing. See `buy`.
        fn checkout(Checkout) -> CheckoutReply;
        /// The same for what the buyer was shown: `cart_version` and `expected_total` are compared with the cart, each when
        /// given, and a difference is 409 `cart_changed` with [`CartChanged`] as data; nothing is charged and no order is
        /// made. A method of its own, since `checkout` of the release before this one refuses fields that it does not know.
        fn buy(Checkout) -> CheckoutReply;
        /// One order for who may see it: its customer, the holder of its token, staff. Else 404.
        fn get(GetOrder) -> Order [idempotent];
        /// The signed-in customer's orders, newest first.
        fn mine(ListOrders) -> OrderPage [idempotent];
        /// All orders, newest first. Permission: orders.
        fn list(ListOrders) -> OrderPage [idempotent];
        /// An order by number or id. Permission: orders.
        fn find(FindOrder) -> Order [idempotent];
        /// Cancels what is not shipped: gives stock and money back. A pending order that waits for its buyer is given up: it
        /// fails with `checkout_abandoned`, and its cart can be bought again. 409 `order_not_cancellable`. Permission: orders,
        /// its customer, or the holder of its token.
        fn cancel(CancelOrder) -> Order [idempotent];
        /// Whatever breaks I3, I4, I6 in the orders and their sagas. Permission: orders.
        fn audit(AuditRequest) -> Audit [idempotent];
    }
}

/// How the buyer pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentMeans {
    /// `sandbox`.
    #[schemars(length(min = 1, max = MAX_PROVIDER), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS, "examples" = ["sandbox"]))]
    pub provider: String,
    /// The provider's token for a means of payment.
    #[schemars(length(min = 1, max = MAX_TOKEN), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS, "examples" = ["tok_ok"]))]
    pub token: String,
}

/// A checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkout {
    /// The cart to buy.
    pub cart_id: CartId,
    /// How it is paid.
    pub payment: PaymentMeans,
    /// `version` of the cart as the buyer was shown it. Required, unless the shop still lets clients of before leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart_version: Option<i64>,
    /// `totals.total` of the cart as the buyer was shown it: nothing else is charged. Required as `cart_version` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Money>,
}

/// Data of 409 `cart_changed`: what the buyer was shown and what the cart is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CartChanged {
    /// As the checkout said.
    pub expected: CartState,
    /// As it is.
    pub actual: CartState,
    /// What changed since the buyer last looked, where the cart says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<CartMessage>,
}

/// Version and total of a cart; absent where the checkout did not name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CartState {
    /// `version` of the cart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// `totals.total` of the cart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckoutReply {
    /// The order; its status says whether it is confirmed or still `pending`.
    pub order: Order,
    /// The right to see the order without an account. Shown once, to who placed it.
    pub token: String,
    /// Where the buyer has to go before the payment can be completed; the order is `pending` until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
}

/// The order that a cart has become: data of `checkout_in_progress` (it is still pending) and of `cart_bought`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CartOrder {
    /// The order.
    pub order_id: OrderId,
    /// The right to see it, and to cancel it.
    pub token: String,
    /// Where the buyer can complete the payment, when the order waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
}

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Checkout is running.
    Pending,
    /// Stock and money are held: the sale is made.
    Confirmed,
    /// On its way.
    Shipped,
    /// Arrived.
    Delivered,
    /// Taken back before shipping.
    Cancelled,
    /// The checkout came to nothing; nothing was charged.
    Failed,
}

/// How far its payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderPayment {
    /// Nothing held yet.
    None,
    /// Held.
    Authorised,
    /// Taken.
    Captured,
    /// Given back before it was taken.
    Voided,
    /// Paid back.
    Refunded,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// The order.
    pub id: OrderId,
    /// What people call it: `S-1000042`.
    pub number: String,
    /// How far it is.
    pub status: OrderStatus,
    /// How far its payment is.
    pub payment_status: OrderPayment,
    /// Whose; none for a guest.
    pub customer_id: Option<Uuid>,
    /// Where mails about it go.
    pub email: String,
    /// Where the goods go.
    pub shipping_address: Address,
    /// `Standard`.
    pub shipping_name: String,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// Coupons used.
    pub coupons: Vec<String>,
    /// Lines before discount.
    pub subtotal: Money,
    /// Taken off by coupons.
    pub discount: Money,
    /// Shipping.
    pub shipping: Money,
    /// Tax in (or on) it.
    pub tax: Money,
    /// What is paid.
    pub total: Money,
    /// Why it failed, for `failed`: the code of the problem.
    pub failure: Option<String>,
    /// Parcels so far.
    pub shipments: Vec<Shipment>,
    /// Rises with every change.
    pub version: i64,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// What was bought, as it was then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// The product.
    pub product_id: Uuid,
    /// What.
    pub sku: String,
    /// Product title.
    pub title: String,
    /// `Silver / Large`.
    pub options: String,
    /// Picture: relative to the shop's root, in the public API absolute when the shop has a CDN.
    pub image: String,
    /// Product page below `/p/`.
    pub slug: String,
    /// Units.
    pub quantity: u32,
    /// Per unit.
    pub unit_price: Money,
    /// All units before discount.
    pub total: Money,
    /// Share of the discount.
    pub discount: Money,
    /// Tax in (or on) it.
    pub tax: Money,
    /// Basis points.
    pub tax_rate: i64,
}

/// Asks for one order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GetOrder {
    /// The order.
    pub id: OrderId,
    /// A guest's proof.
    pub token: Option<String>,
}

/// Asks for a page of orders.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListOrders {
    /// 1 to [`MAX_PAGE`].
    pub limit: u32,
    /// Where the page before this one ended; opaque.
    pub cursor: Option<String>,
    /// Only these.
    #[serde(default)]
    pub status: Option<OrderStatus>,
}

/// A page of orders.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct OrderPage {
    /// Newest first.
    pub items: Vec<Order>,
    /// For the next page.
    pub next_cursor: Option<String>,
}

/// Names an order by number or id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FindOrder {
    /// `S-1000042` or a UUID.
    pub reference: String,
}

/// An order to cancel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CancelOrder {
    /// The order.
    pub id: OrderId,
    /// Why, at most 500 characters. Not logged: people write what they like into it.
    pub reason: String,
    /// Only while the order's version is one of these: else 412 `precondition_failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<Vec<i64>>,
    /// A guest's proof.
    #[serde(default)]
    pub token: Option<String>,
}

/// Asks for the audit.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct AuditRequest {}

/// State of all orders; the lists are empty when all is well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Sagas that have not ended.
    pub unfinished_sagas: Vec<Uuid>,
    /// What a saga could not do and a person has to.
    #[serde(default)]
    pub tasks: Vec<SagaTask>,
    /// Orders whose money does not add up.
    pub wrong_totals: Vec<OrderId>,
    /// Orders confirmed or further.
    pub sold: u64,
    /// Units in them, by SKU.
    pub sold_units: Vec<SoldUnits>,
}

/// Something that was refused to a saga for good: a person has to see to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaTask {
    /// The saga.
    pub saga: Uuid,
    /// `checkout` or `cancellation`.
    pub kind: String,
    /// Its order.
    pub order: OrderId,
    /// Since when.
    pub since: Timestamp,
    /// What was refused, a line each: step, code and reason.
    pub what: String,
}

/// Units sold of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldUnits {
    /// The SKU.
    pub sku: String,
    /// Units in orders that are confirmed or further.
    pub units: i64,
}

/// A sale was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// The order, fat: mails and reports need no further question.
    pub order: Order,
    /// The cart it came from.
    pub cart_id: CartId,
    /// Version of the cart that was bought: at this version there is nothing else in it. None from the release before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart_version: Option<i64>,
    /// The guest's token, for the link in the mail.
    pub token: String,
}

impl Event for OrderPlaced {
    const TYPE: &'static str = "order.placed.v1";
    fn aggregate(&self) -> Uuid {
        self.order.id.0
    }
    fn version(&self) -> i64 {
        self.order.version
    }
}

/// An order's status or payment status changed after it was placed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderChanged {
    /// The order as it is now.
    pub order: Order,
    /// What it was before.
    pub previous: OrderStatus,
}

impl Event for OrderChanged {
    const TYPE: &'static str = "order.changed.v1";
    fn aggregate(&self) -> Uuid {
        self.order.id.0
    }
    fn version(&self) -> i64 {
        self.order.version
    }
}
