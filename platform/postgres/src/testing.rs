//! Test fixtures: a database per test on one throw-away server, and clusters with replicas that can be killed.

mod cluster;
mod database;
mod server;
mod shared;
mod throw_away;

pub use cluster::TestCluster;
pub use database::TestDb;
pub use server::TestServer;
pub use shared::SharedServer;
