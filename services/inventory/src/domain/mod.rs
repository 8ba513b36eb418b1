//! Domain rules of stock, without database or clock: who gets what, and what a correction does.

mod input;
mod policies;
mod reservation;
mod stocktake;

pub use input::{check_adjust, check_policies, check_reserve, check_skus};
pub use policies::plan_policies;
pub use reservation::{Balance, Changes, Command, Hold, Lines, ReservationError, StockTransaction};
pub use stocktake::{Plan, plan};
