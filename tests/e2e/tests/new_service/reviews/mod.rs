//! Reviews of products: an example of a service, complete and small.
//!
//! Owns schema `reviews`. Calls catalog (titles). Consumes `catalog.product_changed.v1`: which products there are.

mod api;
mod consumers;
mod http;
mod module;
mod service;
mod store;

pub use module::SPEC;
