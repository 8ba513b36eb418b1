//! One contract, three ways to call it: in process, loopback (encoded, no socket), HTTP.
//!
//! A service is declared once with [`service!`] in its api crate. Callers hold the concrete client the macro makes;
//! whether the other end is in this process is decided by the binary's role table and nobody else.

mod actor;
mod admission;
mod balance;
mod channel;
mod cx;
mod ending;
mod endpoint;
mod gate;
mod macros;
mod remote;
mod reply;
mod serve;
mod server;

pub use actor::{Actor, ActorKey, Permission};
pub use admission::{Admission, Caller, Callers};
pub use channel::{Channel, UNKNOWN_METHOD};
pub use cx::{Cx, header, subscriber};
pub use ending::{Asked, queued, to_the_end};
pub use gate::{Gate, Refused};
pub use remote::{HttpChannel, Remote};
pub use reply::ReplyBody;
pub use serve::{Listener, serve};
pub use server::{MAX_RPC_BODY, accept, admit};

#[doc(hidden)]
pub mod hidden {
    pub use crate::macros::observe;
    pub use crate::server::{RpcCall, reply};
    pub use async_trait::async_trait;
    pub use axum;
    pub use souk_kernel::Problem;
}
