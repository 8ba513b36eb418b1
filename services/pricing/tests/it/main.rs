//! Integration tests of pricing against real PostgreSQL: prices and their events, quotes and what they cost, coupons raced
//! for, rates.

#![allow(clippy::unwrap_used)] // a helper of a test may fail it as the test itself may

mod coupons;
mod prices;
mod quotes;
mod shop;
