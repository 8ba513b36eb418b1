//! Integration tests from events to mails: a real PostgreSQL, real files, a real SMTP conversation.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod events;
mod protected;
mod smtp;
mod support;
