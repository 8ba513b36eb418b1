//! The rules of stock, without database or clock: who gets what, and what a correction does.

mod book;
mod input;
mod stocktake;

pub use book::{Balance, Book, Changes, Command, Hold, Lines, Refusal};
pub use input::{check_adjust, check_reserve, check_skus};
pub use stocktake::{Plan, plan};
