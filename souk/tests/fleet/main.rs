//! Fault-injection tests of a whole fleet of processes on the engines of production (`souk_fleet`), while buyers come: every
//! part is restarted, hung and killed. Runs in `make test-engines`.
#![allow(clippy::unwrap_used)] // a test may panic

mod engines;
mod killing;
mod load;
mod rolling;

use souk::OfflineShop;
use souk::config::Config;
use souk_fleet::{Binary, Fleet, Plan};
use souk_testkit::invariants;

/// One fleet for all of it: starting one takes longer than most of what is done to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buyers_are_served_whatever_is_restarted_hung_or_killed() {
    let mut fleet = fleet().await;
    rolling::every_role_is_restarted_and_no_request_fails(&fleet).await;
    killing::every_role_is_killed_while_buyers_insist(&fleet).await;
    engines::buyers_do_not_notice_that_redis_kafka_opensearch_and_storage_are_sick(&mut fleet).await;
    // Last, since one database server is left after it.
    engines::the_primary_dies_and_no_acknowledged_order_is_lost(&mut fleet).await;
    fleet.stop().await.unwrap();
}

/// Dozens of debug builds on two cores are late with everything: that alone is no reason to turn anybody away.
const SETTINGS: &str = "\n[public.shedding]\nadaptive = false\n";

/// Roles whose processes are restarted or killed at a time.
const AT_ONCE: usize = 4;

/// Two of each role on all engines. `SOUK_TEST_FLEET_BINARY` names another build of this tree, with the feature `kafka`.
async fn fleet() -> Fleet {
    let built = std::env::var("SOUK_TEST_FLEET_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_souk").into());
    let plan = Plan { settings: SETTINGS.into(), ..Plan::new(Binary::new(built)) };
    Fleet::start(plan).await.unwrap_or_else(|error| panic!("{error:#}"))
}

/// The merchant's tools on the fleet's shop.
async fn offline(fleet: &Fleet) -> OfflineShop {
    OfflineShop::open(&Config::load(Some(&fleet.config())).unwrap()).await.unwrap()
}

/// Waits until everything has come to an end and checks the invariants.
async fn check(fleet: &Fleet, offline: &OfflineShop) {
    invariants::check(&fleet.database_url(), &offline.clients, invariants::Index::Shared).await;
}

/// A setting of the tests.
fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is no number")))
}
