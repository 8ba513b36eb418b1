//! Upstreams: which role answers a path, which version of it, and how a request gets there.

pub(crate) mod canary;
pub(crate) mod forward;
pub(crate) mod routing;
