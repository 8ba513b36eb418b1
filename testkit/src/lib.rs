//! What end-to-end tests are made of: a shop on a database of its own ([`World`]), in one process or in several, and the
//! people who use it ([`Guest`], [`Browser`], [`Staff`]). Actors go through real sockets; at the end of a test the invariants are
//! checked ([`invariants::check`]), whatever the test was about.
#![allow(clippy::unwrap_used)] // a test may panic

mod browser;
mod buyer;
mod catalog;
mod collector;
mod engines;
mod fleet;
mod form;
mod http;
pub mod invariants;
mod mailbox;
mod staff;
mod world;

pub use browser::{Browser, Page};
pub use buyer::{Guest, Outcome, PASSWORD, RefusedRequest, address, before, tokens};
pub use catalog::Item;
pub use collector::{Collected, Collector, Trace};
pub use fleet::{Pki, pki, role_groups};
pub use form::{Form, forms, text_of};
pub use http::{Protocol, Reply, Shop};
pub use souk_engines::free_port;
pub use souk_eventually::eventually;
pub use staff::Staff;
pub use world::{Options, Topology, World};
