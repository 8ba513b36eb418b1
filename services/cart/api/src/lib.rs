//! Contract of the cart: what a buyer is about to buy, re-checked against price and stock every time it is looked at.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_kernel::Money;
use souk_pricing_api::{Quote, ShippingMethods};
use souk_shipping_api::Address;
use uuid::Uuid;

/// Lines of one cart.
pub const MAX_LINES: usize = 100;
/// Characters of a SKU.
pub const MAX_SKU: usize = 200;
/// Characters of an e-mail address.
pub const MAX_EMAIL: usize = souk_kernel::MAX_MAIL_ADDRESS;
/// Characters of a shipping method's id.
pub const MAX_METHOD: usize = 100;
/// Characters of a coupon as entered.
pub const MAX_CODE: usize = 60;
/// Units of one line: beyond it a merchant wants to be asked.
pub const MAX_QUANTITY: u32 = 999;
/// Minor units of a cart's total: what payments take at most, so that no checkout begins that must fail.
pub const MAX_TOTAL: i64 = 1_000_000_000_000;
/// Days an untouched cart is kept.
pub const KEPT_DAYS: i32 = 7;

souk_kernel::ids! {
    /// A cart. Random: who knows it may change it, so it is treated as a secret.
    CartId,
}

souk_rpc::service! {
    /// Carts.
    pub trait CartApi at "/rpc/cart/v1", client CartClient, serve serve_cart, fake CartFake {
        /// A new, empty cart. A signed-in customer's actor makes it theirs: from now on it is the one `claim` finds.
        fn create(CreateCart) -> Cart;
        /// The cart with today's prices and stock, and messages about what changed. 404 when gone, or another customer's.
        fn get(GetCart) -> Cart [idempotent];
        /// How many units are in it, for a number beside the cart on every page: neither prices nor stock are asked for. 404
        /// as for `get`.
        fn units(GetCart) -> CartUnits [idempotent];
        /// Adds units of a SKU; a SKU already there gets more. 404 `not_found` for unknown SKUs, 409 `out_of_stock`.
        fn add_line(AddLine) -> Cart;
        /// Sets the units of a line; 0 removes it. 404 for a line that is not there, 409 `out_of_stock` when more are
        /// wanted than before and than there are.
        fn set_quantity(SetQuantity) -> Cart [idempotent];
        /// Removes a line; a line that is not there is 404.
        fn remove_line(RemoveLine) -> Cart;
        /// Sets e-mail, address, shipping method, coupons: each only when given; takes
        /// away what is to be cleared. A coupon that does not apply is refused
        /// with 422 and its word (`coupon_unknown`, `coupon_expired`, `coupon_used_up`, `coupon_minimum`); one that was in
        /// the cart before and stopped applying stays, with a message. A shipping method that does not exist for the
        /// address is refused.
        fn update(UpdateCart) -> Cart [idempotent];
        /// Shipping methods for the cart's address; 409 `address_missing` without one.
        fn shipping_methods(GetCart) -> ShippingMethods [idempotent];
        /// The signed-in customer's cart after login: their own, with the guest cart's lines added, which is then gone.
        fn claim(ClaimCart) -> Cart [idempotent];
        /// What a checkout needs, complete and priced, or 409 `cart_incomplete` (`data`: what is missing) or `cart_changed`
        /// (`data`: [`Changed`]): something is no longer sold, or it costs more than the buyer was last shown; once the
        /// cart has been looked at again it goes through. Stock is not looked at: reserving it decides.
        fn for_checkout(GetCart) -> CheckoutCart [idempotent];
    }
}

/// Makes a cart.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCart {}

/// Names a cart.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct GetCart {
    /// The cart.
    pub cart_id: CartId,
}

/// Units to add.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddLine {
    /// The cart.
    pub cart_id: CartId,
    /// What.
    pub sku: String,
    /// 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
    /// Only while the cart's version is one of these: else 412 `precondition_failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<Vec<i64>>,
}

/// Units to set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetQuantity {
    /// The cart.
    pub cart_id: CartId,
    /// The line.
    pub line_id: Uuid,
    /// 0 to [`MAX_QUANTITY`].
    pub quantity: u32,
    /// Only while the cart's version is one of these: else 412 `precondition_failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<Vec<i64>>,
}

/// A line to remove.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RemoveLine {
    /// The cart.
    pub cart_id: CartId,
    /// The line.
    pub line_id: Uuid,
    /// Only while the cart's version is one of these: else 412 `precondition_failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<Vec<i64>>,
}

/// What to set; absent fields stay as they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdateCart {
    /// The cart.
    pub cart_id: CartId,
    /// Where the confirmation goes.
    pub email: Option<String>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// From `shipping_methods`.
    pub shipping_method: Option<String>,
    /// All coupons of the cart, replacing those before.
    pub coupons: Option<Vec<String>>,
    /// Only while the cart's version is one of these: else 412 `precondition_failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<Vec<i64>>,
    /// What to take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<CartField>,
}

impl UpdateCart {
    /// One that changes nothing yet.
    pub fn of(cart_id: CartId) -> Self {
        Self {
            cart_id,
            email: None,
            shipping_address: None,
            shipping_method: None,
            coupons: None,
            if_version: None,
            clear: Vec::new(),
        }
    }
}

/// What a buyer sets in a cart beside its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CartField {
    /// Where the confirmation goes.
    Email,
    /// Where the goods go.
    ShippingAddress,
    /// The chosen shipping method.
    ShippingMethod,
    /// All coupons.
    Coupons,
}

/// A guest's cart to take over; none just finds (or makes) the customer's own.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ClaimCart {
    /// The guest cart.
    pub guest_cart_id: Option<CartId>,
}

/// A cart as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cart {
    /// The cart.
    pub id: CartId,
    /// Rises with every change that a caller makes to the cart; looking at it changes nothing, and neither does a price.
    pub version: i64,
    /// In the order they were added.
    pub lines: Vec<CartLine>,
    /// Units in all.
    pub units: u64,
    /// Where the confirmation goes.
    pub email: Option<String>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Chosen method.
    pub shipping_method: Option<String>,
    /// Entered coupons, whether they apply or not.
    pub coupons: Vec<String>,
    /// What it costs now.
    pub totals: Quote,
    /// What changed since the buyer last looked, or does not apply.
    pub messages: Vec<CartMessage>,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// How much is in a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartUnits {
    /// Units in all, whether they can still be bought or not.
    pub units: u64,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CartLine {
    /// The line.
    pub id: Uuid,
    /// What.
    pub sku: String,
    /// Product title.
    pub title: String,
    /// `Silver / Large`.
    pub options: String,
    /// Product page below `/p/`.
    pub slug: String,
    /// Picture: relative to the shop's root, in the public API absolute when the shop has a CDN.
    pub image: String,
    /// Units.
    pub quantity: u32,
    /// Per unit, now.
    pub unit_price: Money,
    /// All units, before discount.
    pub total: Money,
    /// Units that could be bought now.
    pub available: i64,
}

/// Something the buyer should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CartMessage {
    /// `price_changed`, `out_of_stock`, `less_in_stock`, `no_longer_sold`, `cart_too_large`, or a code of a quote's message.
    pub code: String,
    /// The line it is about.
    pub line_id: Option<Uuid>,
    /// For people.
    pub detail: String,
}

/// Data of `for_checkout`'s 409 `cart_changed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Version now.
    pub version: i64,
    /// What it costs now.
    pub total: Money,
    /// What changed since the buyer last looked.
    pub messages: Vec<CartMessage>,
}

/// A complete cart for a checkout.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckoutCart {
    /// The cart.
    pub id: CartId,
    /// Version it was priced at.
    pub version: i64,
    /// The customer it belongs to.
    pub customer_id: Option<Uuid>,
    /// Names this content as what can be bought once: another one after what was bought was taken out of the cart. None
    /// from a cart of the release before this one: then it is the cart's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase: Option<Uuid>,
    /// Lines with what an order keeps of them.
    pub lines: Vec<CheckoutLine>,
    /// Where the confirmation goes.
    pub email: String,
    /// Where the goods go.
    pub shipping_address: Address,
    /// Chosen method.
    pub shipping_method: String,
    /// What it costs.
    pub quote: Quote,
}

/// A line for a checkout.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckoutLine {
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
    /// Product page.
    pub slug: String,
    /// Units.
    pub quantity: u32,
}
