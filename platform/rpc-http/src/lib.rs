//! HTTP transport of `souk-rpc` between processes, with TLS, load balancing, retries, caller authorization and connection
//! draining. A crate of its own, so that a contract builds none of it.

mod authorize_caller;
mod balancer;
mod client;
mod drain;
mod endpoint;
mod response_body;
mod routes;
mod server;

pub use authorize_caller::{Admission, Caller, Callers};
pub use client::{HttpTransport, Remote};
pub use drain::{FirstRequest, accept_backlog, serve_until_drained};
pub use response_body::ResponseBody;
pub use routes::{MAX_RPC_BODY, accept, admit, routes};
pub use server::{Listener, serve};
