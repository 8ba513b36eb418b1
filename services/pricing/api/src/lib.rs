//! Contract of pricing: what a thing costs, what a whole cart costs, and who may use which coupon how often.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_kernel::{Currency, Event, Money};
use souk_shipping_api::Address;
use uuid::Uuid;

/// Prices of one batch.
pub const MAX_BATCH: usize = 2_000;
/// Lines of a quote.
pub const MAX_LINES: usize = 200;
/// Coupons of one cart.
pub const MAX_COUPONS: usize = 5;

/// Tax category of goods without tax: stamps, vouchers, deposits.
pub const EXEMPT: &str = "exempt";

/// Stands in rates for every place that is not named.
pub const ELSEWHERE: &str = "*";

souk_rpc::service! {
    /// Prices, coupons, taxes, shipping rates.
    pub trait PricingApi at "/rpc/pricing/v1", client PricingClient, serve serve_pricing, fake PricingFake {
        /// Prices of SKUs in the shop's currency; SKUs without one are left out. At most [`MAX_BATCH`].
        fn prices(PricesRequest) -> Prices [idempotent];
        /// Sets prices; equal ones change nothing, wrong ones are refused one by one. At most [`MAX_BATCH`]. Permission: pricing.
        fn set_prices(SetPrices) -> SetPricesReply [idempotent];
        /// What these lines cost with coupons, shipping and tax. Coupons that do not apply come back as messages.
        fn quote(QuoteRequest) -> Quote [idempotent];
        /// Shipping methods for an address and these lines, cheapest first.
        fn shipping_methods(ShippingMethodsRequest) -> ShippingMethods [idempotent];
        /// Uses up coupons for an order, all or none, under a key: repeating it changes nothing. 409 `coupon_used_up`,
        /// `coupon_expired`, `coupon_unknown`, and `redemption_gone` when it was given back before.
        fn redeem(Redeem) -> Redeemed [idempotent];
        /// Gives back what was redeemed under the key. An unknown key is fine: it is barred from being redeemed later,
        /// since giving back may overtake the redemption.
        fn unredeem(Unredeem) -> Redeemed [idempotent];
        /// Creates or changes a coupon. Permission: pricing.
        fn put_coupon(Coupon) -> Coupon [idempotent];
        /// The coupon as it stands. Permission: pricing.
        fn coupon(CouponByCode) -> CouponState [idempotent];
        /// A page of all coupons by their codes. Permission: pricing.
        fn coupons(ListCoupons) -> CouponPage [idempotent];
        /// Replaces tax rates and shipping zones with these. Permission: pricing.
        fn put_rates(Rates) -> Rates [idempotent];
        /// Tax rates and shipping zones.
        fn rates(RatesRequest) -> Rates [idempotent];
        /// The shop's currency and whether prices include tax.
        fn shop(ShopRequest) -> ShopTerms [idempotent];
    }
}

/// Asks for prices.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PricesRequest {
    /// At most [`MAX_BATCH`].
    pub skus: Vec<String>,
}

/// What one SKU costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The SKU.
    pub sku: String,
    /// Per unit.
    pub price: Money,
    /// What it is compared with; higher than `price`.
    pub compare_at: Option<Money>,
}

/// Prices found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Prices {
    /// In any order.
    pub items: Vec<Price>,
}

/// Prices to set. The product lets readers of the events know what to refresh.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetPrices {
    /// At most [`MAX_BATCH`].
    pub items: Vec<SetPrice>,
}

/// One price to set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetPrice {
    /// The product the SKU belongs to.
    pub product_id: Uuid,
    /// The price.
    #[serde(flatten)]
    pub price: Price,
}

/// What became of the prices.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SetPricesReply {
    /// New or different.
    pub changed: u64,
    /// Prices that were not taken; the others were.
    #[serde(default)]
    pub refused: Vec<RefusedPrice>,
}

/// A price that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedPrice {
    /// The SKU.
    pub sku: String,
    /// `wrong_currency`, `negative_price`, `price_too_high`, `compare_at_not_higher`, `duplicate_sku`, `invalid_sku`.
    pub code: String,
    /// For people.
    pub reason: String,
}

/// One line to be priced.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuoteLine {
    /// The SKU.
    pub sku: String,
    /// 1 or more.
    pub quantity: u32,
    /// From the catalogue.
    pub category_id: Option<Uuid>,
    /// From the catalogue.
    pub tax_category: String,
    /// From the catalogue; per unit.
    pub weight_grams: u32,
}

/// Asks what a cart costs. Without an address tax is that of the shop's own country and shipping is not included.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuoteRequest {
    /// At most [`MAX_LINES`].
    pub lines: Vec<QuoteLine>,
    /// At most [`MAX_COUPONS`].
    #[serde(default)]
    pub coupons: Vec<String>,
    /// Where to.
    pub address: Option<Address>,
    /// A method from [`PricingApi::shipping_methods`].
    pub shipping_method: Option<String>,
}

/// What a cart costs. `total = subtotal - discount + shipping (+ tax, when prices exclude it)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// One per line that has a price, in the order asked.
    pub lines: Vec<QuotedLine>,
    /// SKUs that have no price (any more).
    pub unpriced: Vec<String>,
    /// Sum of the lines before discount.
    pub subtotal: Money,
    /// What coupons take off; zero or more.
    pub discount: Money,
    /// Shipping; none until address and method are known.
    pub shipping: Option<Money>,
    /// Name of the shipping method.
    pub shipping_name: Option<String>,
    /// Tax in the total (included in it or added to it, as the shop's terms say): that of the lines, and that of
    /// shipping at their rates. What is beyond the lines' own tax is shipping's.
    pub tax: Money,
    /// What the buyer pays.
    pub total: Money,
    /// Coupons that apply, as stored.
    pub coupons: Vec<String>,
    /// Coupons, address or method that do not apply, each with code and sentence.
    pub messages: Vec<QuoteMessage>,
}

/// One priced line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuotedLine {
    /// The SKU.
    pub sku: String,
    /// Units.
    pub quantity: u32,
    /// Per unit.
    pub unit_price: Money,
    /// All units, before discount.
    pub total: Money,
    /// Share of the cart's discount.
    pub discount: Money,
    /// Tax in (or on) this line after discount.
    pub tax: Money,
    /// Tax rate in basis points: 1900 is 19 %.
    pub tax_rate: i64,
}

/// Something that does not apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuoteMessage {
    /// `coupon_unknown`, `coupon_expired` (also: not valid yet, or stopped), `coupon_used_up`, `coupon_minimum`,
    /// `shipping_unavailable`.
    pub code: String,
    /// What it is about: the coupon's code or the method's id.
    pub subject: String,
    /// For people.
    pub detail: String,
}

/// Asks for shipping methods.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShippingMethodsRequest {
    /// What is shipped.
    pub lines: Vec<QuoteLine>,
    /// Where to.
    pub address: Address,
    /// The cart's coupons: what they take off counts where shipping is free from an amount on.
    #[serde(default)]
    pub coupons: Vec<String>,
}

/// A way to ship.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShippingMethod {
    /// Stable id, `standard`.
    pub id: String,
    /// For people.
    pub name: String,
    /// For this cart.
    pub price: Money,
}

/// Ways to ship, cheapest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ShippingMethods {
    /// None: nothing is shipped there.
    pub items: Vec<ShippingMethod>,
}

/// Uses up coupons.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Redeem {
    /// `{saga_id}/redeem`.
    pub key: String,
    /// The order it is for.
    pub order_id: Uuid,
    /// The codes; none is allowed and does nothing.
    pub coupons: Vec<String>,
}

/// Gives coupons back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unredeem {
    /// The key of the redemption.
    pub key: String,
}

/// Codes that are (or were) redeemed under the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeemed {
    /// The codes.
    pub coupons: Vec<String>,
}

/// What a coupon takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discount {
    /// Basis points of the subtotal: 1000 is 10 %.
    Percent(u32),
    /// An amount, at most the subtotal.
    Fixed(Money),
}

/// A coupon's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// 3 to 40 characters of `[A-Z0-9-]`; entered in any case.
    pub code: String,
    /// What it takes off.
    pub discount: Discount,
    /// Uses in all; none for no limit.
    pub max_uses: Option<u32>,
    /// Subtotal from which on it applies.
    pub minimum: Option<Money>,
    /// From when on.
    pub starts_at: Option<jiff::Timestamp>,
    /// Until when.
    pub ends_at: Option<jiff::Timestamp>,
    /// False stops it at once.
    pub active: bool,
}

/// Asks for a coupon.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CouponByCode {
    /// Its code.
    pub code: String,
}

/// Asks for coupons.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListCoupons {
    /// The last code of the page before.
    pub after: Option<String>,
}

/// Coupons in the order of their codes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CouponPage {
    /// At most [`MAX_BATCH`]; none after the last.
    pub items: Vec<CouponState>,
}

/// A coupon with its use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponState {
    /// Terms.
    pub coupon: Coupon,
    /// Uses so far; never more than `max_uses`.
    pub used: u32,
}

/// Tax rates and shipping zones of the shop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// By country and tax category.
    pub taxes: Vec<TaxRate>,
    /// The first zone that names the place is used, closest first: the territory, the country, `*`.
    pub zones: Vec<ShippingZone>,
}

impl Rates {
    /// The zone of a place with these codes, the closest first: the first that names it, else the first for all others.
    pub fn zone(&self, codes: &[&str]) -> Option<&ShippingZone> {
        let holds = |wanted: &str| self.zones.iter().find(|zone| zone.countries.iter().any(|one| one == wanted));
        codes.iter().copied().chain([ELSEWHERE]).find_map(holds)
    }
}

/// A tax rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// ISO 3166-1 alpha-2, or a territory with taxes of its own (`PT-20`); `*` for every place without a rate of its own.
    pub country: String,
    /// `standard`, `reduced`; of [`EXEMPT`] a rate is needed only where it is not zero.
    pub tax_category: String,
    /// Basis points: 1900 is 19 %.
    pub basis_points: i64,
}

/// Countries that share shipping rates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingZone {
    /// For people.
    pub name: String,
    /// ISO 3166-1 alpha-2, or a territory (`ES-CN`); `*` for all others.
    pub countries: Vec<String>,
    /// The methods there.
    pub methods: Vec<ShippingRate>,
}

/// What a method costs in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingRate {
    /// Stable id.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whatever the weight.
    pub base: Money,
    /// On top per started kilogram.
    pub per_kg: Money,
    /// Subtotal after discount from which on it is free.
    pub free_from: Option<Money>,
}

/// Asks for the rates.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct RatesRequest {}

/// Asks for the terms.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct ShopRequest {}

/// Terms of the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopTerms {
    /// The one currency of this shop.
    pub currency: Currency,
    /// True: prices include tax, as consumers in the EU see them; false: tax is added.
    pub prices_include_tax: bool,
    /// Where the shop is, ISO 3166-1 alpha-2.
    pub country: String,
}

/// Prices of a product's SKUs changed. Thin: readers ask for the newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceChanged {
    /// The product.
    pub product_id: Uuid,
    /// The SKUs.
    pub skus: Vec<String>,
    /// Cheapest price of the product now.
    pub lowest: Money,
    /// Rises with every change of the product's prices.
    pub version: i64,
}

impl Event for PriceChanged {
    const TYPE: &'static str = "pricing.price_changed.v1";
    fn aggregate(&self) -> Uuid {
        self.product_id
    }
    fn version(&self) -> i64 {
        self.version
    }
}
