//! The sandbox from outside: over a socket, as a shop and as a buyer see it.

mod crash;
mod payments;
mod support;
mod webhooks;
