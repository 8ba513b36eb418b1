//! Integration tests of payments against a real PostgreSQL and a real sandbox on a socket.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod audit;
mod concurrency;
mod contract;
mod flows;
mod lost;
mod provider;
mod support;
mod webhooks;
