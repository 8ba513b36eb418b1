//! What end-to-end tests are made of: a shop on a database of its own ([`World`]), in one process or in several, and the
//! people who use it ([`Guest`], [`Browser`], [`Staff`]). Actors go through real sockets; at the end of a test the books are
//! checked ([`books::check`]), whatever the test was about.
#![allow(clippy::unwrap_used)] // a test may panic

pub mod books;
mod browser;
mod buyer;
#[cfg(feature = "engines")]
mod engines;
mod fleet;
mod form;
mod http;
mod mailbox;
mod shelf;
mod staff;
mod wait;
mod world;

pub use browser::{Browser, Page};
pub use buyer::{Guest, Outcome, PASSWORD, Refusal, address, before, tokens};
pub use fleet::{Pki, pki, role_groups};
pub use form::{Form, forms, text_of};
pub use http::{Protocol, Reply, Shop};
pub use shelf::Item;
pub use souk_engines::free_port;
pub use staff::Staff;
pub use wait::{eventually, eventually_ok};
pub use world::{Options, Topology, World};
