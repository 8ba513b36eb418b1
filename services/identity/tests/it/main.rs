//! Integration tests of identity against real PostgreSQL: the contract, the races with their controls, what is stored, what
//! runs out.

#![allow(clippy::unwrap_used)] // a helper of a test may fail it as the test itself may

mod abandoned;
mod addresses;
mod contract;
mod email_change;
mod http;
mod keys;
mod links;
mod lockout;
mod passwords;
mod redis;
mod refresh;
mod sessions;
mod shop;
