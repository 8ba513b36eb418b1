//! How prices are made, without database or clock: quotes, coupons, rates, and what may be set.

mod defaults;
mod input;
mod quote;
mod rates;
mod till;

pub use defaults::{default_rates, default_terms};
pub use input::{check_code, check_codes, check_coupon, check_quote, check_rates, check_skus, sort_prices};
pub use quote::{Basis, CouponFacts, Prices, Standing, methods, quote};
pub use rates::RateBook;
pub use till::{Command, Redemption, Refusal, Till, TillChanges, Uses};
