//! The binary's parts: command line, configuration, THE role table, and the wiring of roles into a process. No business
//! logic. A library so that the end-to-end tests start the very same processes.

pub mod cli;
pub mod config;
mod database;
mod events;
mod file_limit;
mod identities;
pub mod keys;
mod listen;
mod load;
mod allocator;
pub mod modules;
mod health_server;
mod process;
mod sandbox;
pub mod seed;
mod stores;
mod routers;
mod offline_shop;
mod wait_for_dependencies;
mod registry;

pub use process::{Process, Start, all_roles};
pub use stores::{all_migrations, migrate};
pub use offline_shop::OfflineShop;
pub use registry::Clients;
