//! Domain model: what a cart is and how it changes, without database or clock.

mod cart;
mod input;
mod view;

pub use cart::{Body, CartError, Line, Stored};
pub use input::{check_entered, check_quantity, check_sku, check_total, check_update};
pub use view::{Facts, checkout, quote_lines, see, view};
