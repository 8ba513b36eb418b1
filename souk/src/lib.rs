//! The binary's parts: command line, configuration, THE role table, and the wiring of roles into a process. No business
//! logic. A library so that the end-to-end tests start the very same processes.

pub mod cli;
pub mod config;
mod database;
mod events;
mod files;
mod identities;
pub mod keys;
mod listen;
mod memory;
pub mod modules;
mod operations;
mod process;
mod sandbox;
mod stores;
mod surface;
mod toolbox;
mod waiting;
mod wire;

pub use process::{Process, Start, all_roles};
pub use stores::{all_migrations, migrate};
pub use toolbox::Toolbox;
pub use wire::Clients;
