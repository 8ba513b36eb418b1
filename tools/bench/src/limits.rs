//! Baselines, what the same machine can do at most, measured in the same run: bare handlers in a process of their own, as
//! the shop is, and PostgreSQL with `pgbench`.

mod bare;
mod pgbench;

pub use bare::{BareKind, BareServer, PAGE_BYTES, page_router, select_router, serve_until_stdin_closes};
pub use pgbench::{Pgbench, pgbench};
