//! Integration tests of the storefront through its router: pages, forms, cookies, and what they refuse. The services behind
//! it are fakes of the contracts over the demo shop; the real ones are met end to end, in `tests/e2e`.

#![allow(clippy::unwrap_used)] // a test that cannot go on is to stop

mod browser;
mod buying;
mod cdn;
mod fake;
mod pages;
mod paying;
mod people;
mod pictures;
mod snapshots;
