//! Library of the binary: command line, configuration, THE list of modules, and the life of a process that runs some of
//! them. No business logic. A library so that the end-to-end tests start the very same processes.

mod allocator;
pub mod cli;
mod clients;
pub mod config;
mod database;
mod events;
mod file_limit;
mod gateway;
mod health_server;
mod identities;
pub mod keys;
mod listen;
pub mod modules;
mod offline_shop;
mod process;
mod registry;
mod routers;
mod sandbox;
mod stores;
mod wait_for_dependencies;

pub use clients::Clients;
pub use offline_shop::OfflineShop;
pub use process::{Process, Start, all_roles};
pub use stores::{all_migrations, migrate};
