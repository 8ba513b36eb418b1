//! Integration tests of carts against real PostgreSQL, real pricing and real inventory on one database; only the catalogue
//! is a small stand-in.

#![allow(clippy::unwrap_used)] // a helper of a test may fail it as the test itself may

mod abandoned;
mod changes;
mod checkout;
mod http;
mod lifetime;
mod owners;
mod shop;
