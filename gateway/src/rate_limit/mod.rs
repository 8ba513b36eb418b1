//! Rate limiting: token buckets (GCRA) per address, customer, token, cart or route, shared by the gateways of an installation.

pub(crate) mod business_rules;
mod hash;
pub(crate) mod limiter;
pub(crate) mod response_headers;
mod route_rules;
pub(crate) mod rule;
pub(crate) mod shared;
pub(crate) mod status;
