//! The gateway on a real socket, in front of a shop whose every answer the test decides.
#![allow(clippy::unwrap_used)] // helpers of tests may, as tests do

mod cache;
mod canary;
mod client;
mod edge;
mod hardening;
mod instances;
mod methods;
mod positions;
mod remote;
mod secure;
mod shedding;
mod shop;
mod throttles;
