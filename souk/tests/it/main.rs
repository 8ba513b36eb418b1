//! Integration tests of the real binary as processes: starting, stopping, tools beside a running shop, and `kill -9` in the
//! middle of work.
#![allow(clippy::unwrap_used)] // a test may panic

mod buyers;
mod cards;
mod compose;
mod crash;
mod dependencies;
mod disk;
mod documents;
mod engines;
mod fleet;
mod gateways;
mod installation;
mod logins;
mod orders;
mod outage;
mod pictures;
mod place;
mod products;
mod recovery;
mod replicas;
mod roles;
mod settings;
mod starting;
mod statics;
mod traces;
mod upgrade;
