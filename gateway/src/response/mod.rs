//! Outgoing responses: bodies, errors, and the headers that every response has.

pub(crate) mod allow;
pub(crate) mod body;
pub(crate) mod close;
pub(crate) mod cors;
pub(crate) mod error;
pub(crate) mod from_service;
pub(crate) mod headers;
