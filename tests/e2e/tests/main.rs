//! Whole shops, used from outside. Every scenario runs in a shop of one process, in a fleet of six whose roles have
//! certificates and, in `make test-engines`, in that fleet on the engines of production; after each the invariants are
//! checked (`souk_testkit::invariants`).
#![allow(clippy::unwrap_used)] // a test may panic

/// Runs scenarios (`async fn(&World)`) in shops of every kind.
macro_rules! everywhere {
    ($options:expr; $($name:ident),+ $(,)?) => {
        mod all_in_one {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let world = souk_testkit::World::start_with(souk_testkit::Topology::AllInOne, $options).await;
                super::$name(&world).await;
                world.stop().await;
            })+
        }
        mod split {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let world = souk_testkit::World::start_with(souk_testkit::Topology::Split, $options).await;
                super::$name(&world).await;
                world.stop().await;
            })+
        }
        mod fleet {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let world = souk_testkit::World::start_with(souk_testkit::Topology::Fleet, $options).await;
                super::$name(&world).await;
                world.stop().await;
            })+
        }
    };
}

mod accounts;
mod buying;
mod caching;
mod cards;
mod controls;
mod hostile;
mod media;
mod paying;
mod pricing;
mod redis;
mod repeating;
mod stock;
mod surface;

use std::future::Future;

use futures_util::StreamExt;

/// An ordinary shop.
fn ordinary() -> souk_testkit::Options {
    souk_testkit::Options::default()
}

/// Buyers of a crowd that get ready at once. What a test is about is what they do then, together.
const READY_AT_ONCE: usize = 8;

/// What `crowd` comes to, a few at a time.
async fn get_ready<F: Future>(crowd: impl Iterator<Item = F>) -> Vec<F::Output> {
    futures_util::stream::iter(crowd).buffer_unordered(READY_AT_ONCE).collect().await
}

/// One for many buyers at once.
fn crowded() -> souk_testkit::Options {
    souk_testkit::Options { crowd: true, ..ordinary() }
}
