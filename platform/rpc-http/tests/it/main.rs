//! Integration tests of calls between roles, over real sockets.
#![allow(clippy::unwrap_used)] // helpers of tests may, as tests do

mod admission;
mod contract;
mod draining;
mod echo;
mod instances;
mod pki;
mod raw;
mod renewal;
mod trust;
