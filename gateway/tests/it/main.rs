//! Integration tests of the gateway on a real socket, in front of a shop whose every answer the test decides.
#![allow(clippy::unwrap_used)] // helpers of tests may, as tests do

mod cache;
mod canary;
mod card_numbers;
mod client;
mod edge;
mod hardening;
mod instances;
mod load_shedding;
mod methods;
mod rate_limits;
mod read_your_writes;
mod remote;
mod shop;
mod tls;
