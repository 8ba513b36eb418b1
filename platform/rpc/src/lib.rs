//! Remote procedure calls by contract, which can be called in three ways: in process, loopback (encoded, no socket), over a
//! transport.
//!
//! A service is declared once with [`service!`] in its api crate. Callers hold the concrete client the macro makes;
//! whether the other end is in this process is decided by the binary's list of modules and nothing else. HTTP and TLS are
//! `souk-rpc-http`'s, so that a contract builds neither.

mod actor;
mod channel;
mod client;
mod contract;
mod cx;
pub mod fake;
mod macros;

pub use actor::{Actor, ActorKey, Permission};
pub use channel::{Channel, Transport, UNKNOWN_METHOD};
pub use client::Client;
pub use contract::{Contract, Method, problem_response};
pub use cx::{Cx, header, subscriber};

#[doc(hidden)]
pub mod hidden {
    pub use crate::client::role_of;
    pub use crate::macros::observe;
    pub use async_trait::async_trait;
    pub use souk_kernel::Problem;
}
