use std::time::{Duration, Instant};

use souk_db::RowExt;
use tokio::time::timeout;

use crate::shop;

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn listeners_are_woken_across_services_and_told_to_look_at_the_start() {
    let (test, db) = shop().await;
    let other = test.db("other").await;
    let mut orders = other.listen("orders");
    let mut stock = other.listen("stock");
    timeout(SOON, orders.changed()).await.expect("told to look once LISTEN stands").unwrap();
    timeout(SOON, stock.changed()).await.unwrap().unwrap();
    db.notify_after_commit("orders");
    timeout(SOON, orders.changed()).await.expect("woken").unwrap();
    assert!(!stock.has_changed().unwrap(), "the other channel is not");
    // A channel that comes later, and a service that hears itself.
    let mut own = db.listen("it's \"odd\"");
    timeout(SOON, own.changed()).await.unwrap().unwrap();
    own.mark_unchanged();
    db.notify_after_commit("it's \"odd\"");
    timeout(SOON, own.changed()).await.expect("woken by itself").unwrap();
}

#[tokio::test]
async fn many_notifications_are_few() {
    let (test, db) = shop().await;
    let other = test.db("other").await;
    let mut orders = other.listen("orders");
    timeout(SOON, orders.changed()).await.unwrap().unwrap();
    db.notify_after_commit("orders");
    timeout(SOON, orders.changed()).await.unwrap().unwrap();
    let before = *orders.borrow_and_update();
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < Duration::from_millis(150) {
        db.notify_after_commit("orders");
        calls += 1;
        tokio::task::yield_now().await;
    }
    timeout(SOON, orders.changed()).await.unwrap().unwrap();
    let heard = *orders.borrow() - before;
    // One per 5 ms at most.
    let allowed = start.elapsed().as_millis() / 5 + 2;
    assert!(calls > 300, "only {calls} calls");
    assert!(heard >= 1 && u128::from(heard) <= allowed, "{calls} calls became {heard} notifications");
}

#[tokio::test]
async fn after_a_lost_connection_listeners_look_again_and_hear_again() {
    let (test, db) = shop().await;
    let other = test.db("other").await;
    let mut orders = other.listen("orders");
    timeout(SOON, orders.changed()).await.unwrap().unwrap();
    orders.mark_unchanged();
    let admin = test.superuser("shop").await;
    let kill = "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
                where datname = current_database() and application_name = 'other'";
    let killed: i64 = admin.write_returning(kill, &[]).await.unwrap()[0].get_col(0).unwrap();
    assert_eq!(killed, 1, "one connection for all of a service's channels");
    timeout(SOON, orders.changed()).await.expect("something may have been missed").unwrap();
    orders.mark_unchanged();
    db.notify_after_commit("orders");
    timeout(SOON, orders.changed()).await.expect("heard on the new connection").unwrap();
}

#[tokio::test]
async fn nothing_stays_behind_when_the_handle_is_dropped() {
    let (test, db) = shop().await;
    let mut own = db.listen("orders");
    timeout(SOON, own.changed()).await.unwrap().unwrap();
    db.ping().await.unwrap();
    drop(db);
    let admin = test.superuser("other").await;
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'shop'";
    let gone = async {
        while admin.primary().query_one(sql, &[]).await.unwrap().get_col::<i64>(0).unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, gone).await.expect("its connections close");
}
