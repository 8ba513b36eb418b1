//! Domain rules of prices, without database or clock: quotes, coupons, rates, and what may be set.

mod coupon_redemption;
mod default_taxes;
mod defaults;
mod input;
mod price_levels;
mod quote;
mod rates;

pub use coupon_redemption::{Command, Redemption, RedemptionChanges, RedemptionError, Redemptions, Uses};
pub use defaults::{Defaults, default_rates, default_terms};
pub use input::{check_code, check_codes, check_coupon, check_quote, check_rates, check_skus, sort_prices};
pub use quote::{Basis, CouponFacts, CouponStatus, Prices, methods, quote};
pub use rates::RateBook;
