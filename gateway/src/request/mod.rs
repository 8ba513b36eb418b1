//! Incoming requests: who sends one, what it is about, whether it is well-formed, and its body.

pub(crate) mod body;
pub(crate) mod card_numbers;
pub(crate) mod classify;
pub(crate) mod client_ip;
pub(crate) mod context;
pub(crate) mod form;
pub(crate) mod normalize;
pub(crate) mod path_pattern;
pub(crate) mod trace;
