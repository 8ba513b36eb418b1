//! Integration tests of inventory against real PostgreSQL: the contract, the races with their controls, expiry, the ledger.

#![allow(clippy::unwrap_used)] // a helper of a test may fail it as the test itself may

mod books;
mod contract;
mod expiry;
mod http;
mod policies;
mod races;
mod shop;
