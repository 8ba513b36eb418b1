//! Integration tests of the bench against a shop of a few lines, over real sockets.
#![allow(clippy::unwrap_used)] // helpers of tests may stop them

mod client;
mod fake;
mod loads;
mod report;
mod rules;
mod shop;
