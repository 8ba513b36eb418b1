//! Redis client for a shared cache tier: one handle for a server or a cluster, which never fails its callers and hardly ever
//! makes them wait. Whatever is kept here is also in PostgreSQL; without Redis things are slower and nothing is broken.
//!
//! [`Redis`] bounds every call and stops calling what does not answer. On it stand [`RedisTier`] (values with positions,
//! behind `souk_cache`), [`Leases`] (what may be believed for a minute and can be taken back: sessions, carts) and
//! [`Counters`] (rates that several processes share).

mod breaker;
mod client;
mod codec;
mod counters;
mod leases;
mod link;
mod reconnector;
mod tier;

pub use client::{CALL, Redis, RedisError, RedisSettings};
pub use counters::{Counters, Spent};
pub use leases::{Deadline, LEASE, Lease, Leases};
pub use tier::RedisTier;
