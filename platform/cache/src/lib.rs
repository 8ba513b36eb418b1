//! First cache tier: values of this process, within a byte budget, loaded once at a time and never overtaken by older ones.
//! Services hold one [`Cache`] per kind of value and invalidate it from their own events.
//!
//! Every value has a *position*: a number that rises with the truth it was read from (a row's version, a sequence of
//! one's own). An invalidation carries the position it became true at; what is older than that is neither kept nor
//! loaded again, however late it arrives.

mod cache;
mod single_flight;
mod tier;

pub use cache::{Cache, Settings};
pub use tier::{Loaded, SecondTier};
