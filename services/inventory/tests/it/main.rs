//! Inventory against real PostgreSQL: the contract, the races with their controls, expiry, the ledger.

mod books;
mod contract;
mod expiry;
mod http;
mod races;
mod shop;
