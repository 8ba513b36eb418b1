//! Benchmark of a shop: drives a running one over public HTTP as its visitors would, measures what the machine could do at
//! most in the same run, checks the shop's money and stock afterwards, and writes a report. Used by `souk bench` and `make
//! bench`; knows nothing of the shop but what any client does (and its tables, to check them). See `docs/bench.md`.

pub mod args;
pub mod catalog;
pub mod client;
pub mod limits;
pub mod load;
pub mod meters;
pub mod process;
pub mod record;
pub mod report;
mod run;
pub mod scenario;
pub mod store;
pub mod target;

pub use args::Args;
pub use run::{main, run};
