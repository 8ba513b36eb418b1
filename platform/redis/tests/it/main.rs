//! Integration tests against real servers: one that is hung, killed, emptied, and a cluster that loses a node.

#![allow(clippy::unwrap_used)] // a helper of a test may fail it as the test itself may

mod calls;
mod counters;
mod leases;
mod support;
mod tiers;
