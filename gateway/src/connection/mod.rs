//! Connections: the accept loop, TLS, HTTP/1.1 and HTTP/2, and the timeouts of a client that is slow to send or to read.

mod http1;
mod http2;
mod idle_timeout;
pub(crate) mod server;
mod service;
mod tls;
mod write_timeout;
