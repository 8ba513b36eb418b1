//! A fleet on one machine: PostgreSQL with two streaming replicas, a Redis cluster, Kafka, OpenSearch, S3, a mail sink, and
//! every role of Souk as a process of its own, several of each. Used by `make fleet` and by the tests that kill and upgrade
//! parts of it. Everything is throw-away and ends with the process that started it.
//!
//! It knows Souk as an operator does: by its binary, what that says (`souk roles --json`), and its configuration file.

mod binary;
mod engines;
mod fleet;
mod role;
mod settings;

pub use binary::{Binary, RoleRow};
pub use engines::{Choice, Engines};
pub use fleet::{Fleet, Plan};
pub use role::{Role, RoleProcess};
