//! Integration tests of the sandbox from outside: over a socket, as a shop and as a buyer see it.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod crash;
mod payments;
mod support;
mod webhooks;
