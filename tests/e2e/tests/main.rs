//! Whole shops, used from outside. Every scenario runs twice: in a shop of one process and in a fleet of six; after each
//! the books are checked (`souk_testkit::books`).
#![allow(clippy::unwrap_used)] // a test may panic

/// Runs scenarios (`async fn(&World)`) in shops of both kinds.
macro_rules! in_both {
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
    };
}

mod buying;
mod caching;
mod controls;
mod hostile;
mod paying;
mod pricing;
mod redis;
mod repeating;
mod stock;
mod surface;

/// An ordinary shop.
fn ordinary() -> souk_testkit::Options {
    souk_testkit::Options::default()
}

/// One where everybody comes from one address and nobody is slowed down for it.
fn crowded() -> souk_testkit::Options {
    souk_testkit::Options { throttles: souk_gateway::Profile::Off, ..ordinary() }
}
