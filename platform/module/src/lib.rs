//! Module manifest: what a service says about itself in one place ([`ModuleSpec`], a `const`), what a process gives it
//! ([`BuildContext`]), and what it gives back ([`Module`]).
//!
//! The binary's list of specs (`souk/src/modules.rs`) is the system: start order, addresses, call rights, rights on outboxes,
//! migrations, public routes and background work are read from it, and no other file names a service. This crate stands
//! above `web`, `db` and `flow`, whose types a module is made of, and so cannot be part of `souk-runtime`, which they use.

mod context;
mod module;
mod role;
mod spec;

pub use context::{BuildContext, BuildError, Environment, Host, LocalClients, Shop};
pub use module::{Announce, Module, Prepare};
pub use role::{OrderError, Role, start_order};
pub use spec::{Build, CheckSettings, Invalidation, ModuleSpec, PageParameters, check_settings, owner_of};
