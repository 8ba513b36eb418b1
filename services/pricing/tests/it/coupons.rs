//! Coupon limits, raced for; the naive way in the same harness is the control.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::join_all;
use souk_pricing_api::Discount;
use souk_runtime::Tasks;
use tokio::sync::Barrier;

use crate::shop::{Shop, coupon, cx, eur};

/// Starts all buyers behind one barrier, as tasks of a real thread pool; how many got it.
async fn rush<F: Future<Output = bool> + Send + 'static>(
    tasks: &Tasks,
    buyers: usize,
    buy: impl Fn(usize) -> F,
) -> usize {
    let gate = Arc::new(Barrier::new(buyers));
    let started: Vec<_> = (0..buyers)
        .map(|n| {
            let (gate, buying) = (gate.clone(), buy(n));
            tasks.run("buyer", async move {
                gate.wait().await;
                buying.await
            })
        })
        .collect();
    join_all(started).await.into_iter().filter(|got| *got.as_ref().unwrap()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_uses_and_a_thousand_buyers() {
    let shop = Shop::open().await;
    let processes = [Arc::new(shop.process().await), Arc::new(shop.process().await)];
    processes[0].put(coupon("HUNDRED", Discount::Fixed(eur(500)), Some(100))).await;
    processes[0].put(coupon("FREE", Discount::Percent(500), None)).await;
    let got = rush(&shop.tasks, 1_000, |n| {
        let here = processes[n % 2].clone();
        async move {
            // Two coupons, in both orders: all or none.
            let codes = if n % 4 < 2 { ["HUNDRED", "FREE"] } else { ["FREE", "HUNDRED"] };
            match here.redeem(&format!("saga-{n}/redeem"), &codes).await {
                Ok(redeemed) => redeemed.coupons.len() == 2,
                Err(problem) => {
                    assert_eq!(problem.code, "coupon_used_up");
                    false
                }
            }
        }
    })
    .await;
    assert_eq!(got, 100);
    assert_eq!((processes[0].used("HUNDRED").await, processes[0].used("FREE").await), (100, 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_naive_way_hands_out_too_many() {
    let shop = Shop::open().await;
    shop.sql("create table naive as select 100::bigint as left_over").await;
    let db = shop.test_db.superuser("pricing").await;
    let got = rush(&shop.tasks, 1_000, |_| {
        let db = db.clone();
        async move {
            let row = db.primary().query_one("select left_over from naive", &[]).await.unwrap();
            if row.get::<_, i64>(0) < 1 {
                return false;
            }
            db.write_one("update naive set left_over = left_over - 1", &[]).await.unwrap() == 1
        }
    })
    .await;
    assert!(got > 100, "the control is broken: it handed out {got}");
}

#[tokio::test]
async fn a_key_redeems_once_and_gives_back_once() {
    let shop = Shop::open().await;
    let (here, there) = (shop.process().await, shop.process().await);
    here.put(coupon("TWICE", Discount::Percent(1_000), Some(2))).await;
    let same =
        join_all((0..20).map(|n| if n % 2 == 0 { &here } else { &there }).map(|p| p.redeem("k", &["twice"]))).await;
    assert!(same.iter().all(|r| r.as_ref().unwrap().coupons == ["TWICE"]));
    assert_eq!(here.used("TWICE").await, 1);
    assert_eq!(here.redeem("k", &["OTHER"]).await.unwrap_err().code, "redemption_differs");
    for _ in 0..2 {
        assert_eq!(there.unredeem("k").await.unwrap().coupons, ["TWICE"]);
        assert_eq!(here.used("TWICE").await, 0);
    }
    assert_eq!(here.redeem("k", &["TWICE"]).await.unwrap_err().code, "redemption_gone");
    assert_eq!(here.unredeem("overtaking").await.unwrap().coupons, [""; 0]);
    assert_eq!(here.redeem("overtaking", &["TWICE"]).await.unwrap_err().code, "redemption_gone");
    let before = here.db.counters();
    assert_eq!(here.redeem("none", &[]).await.unwrap().coupons, [""; 0]);
    assert_eq!((here.db.counters() - before).statements, 0, "no coupons cost nothing");
    let before = here.db.counters();
    here.redeem("cost", &["TWICE"]).await.unwrap();
    let cost = here.db.counters() - before;
    assert_eq!((cost.statements, cost.commits), (3, 1));
}

#[tokio::test]
async fn time_is_the_databases() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.put(coupon("NOW", Discount::Percent(1_000), None)).await;
    here.redeem("1", &["NOW"]).await.unwrap();
    shop.sql("update coupon set ends_at = now()").await;
    assert_eq!(here.redeem("2", &["NOW"]).await.unwrap_err().code, "coupon_expired");
    shop.sql("update coupon set ends_at = null, starts_at = now() + interval '1 minute'").await;
    assert_eq!(here.redeem("2", &["NOW"]).await.unwrap_err().code, "coupon_expired");
    shop.sql("update coupon set starts_at = now()").await;
    here.redeem("2", &["NOW"]).await.unwrap();
    assert_eq!(here.redeem("3", &["NOW", "NEVER"]).await.unwrap_err().code, "coupon_unknown");
    assert_eq!(here.used("NOW").await, 2, "all or none");
}

#[tokio::test]
async fn terms_are_checked_and_a_limit_cannot_fall_below_its_use() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.put(coupon("limit", Discount::Percent(1_000), Some(5))).await;
    for n in 0..3 {
        here.redeem(&n.to_string(), &["LIMIT"]).await.unwrap();
    }
    let lower = coupon("LIMIT", Discount::Percent(1_000), Some(2));
    assert_eq!(here.client.put_coupon(&cx(), lower).await.unwrap_err().code, "coupon_below_use");
    here.put(coupon("LIMIT", Discount::Percent(500), Some(3))).await;
    assert_eq!(here.used("LIMIT").await, 3, "new terms keep the count");
    assert_eq!(here.redeem("4", &["LIMIT"]).await.unwrap_err().code, "coupon_used_up");
    for wrong in [
        coupon("x", Discount::Percent(1), None),
        coupon("ZERO", Discount::Percent(0), None),
        coupon("MORE", Discount::Percent(10_001), None),
        coupon("NEGATIVE", Discount::Fixed(eur(-1)), None),
        coupon("YEN", Discount::Fixed("JPY".parse::<souk_kernel::Currency>().unwrap().of(1)), None),
    ] {
        assert!(here.client.put_coupon(&cx(), wrong.clone()).await.is_err(), "{wrong:?}");
    }
}

#[tokio::test]
async fn the_database_itself_refuses_one_use_too_many() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.put(coupon("ONE", Discount::Percent(1_000), Some(1))).await;
    let db = shop.test_db.superuser("pricing").await;
    let error = db.write_one("update coupon set used = 2", &[]).await.unwrap_err();
    assert_eq!(error.constraint(), Some("coupon_not_overused"));
}

/// One of 64 that share a commit cannot be written: it is refused, and its neighbours are not.
#[tokio::test]
async fn one_bad_redemption_fails_alone() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.put(coupon("HUNDRED", Discount::Fixed(eur(500)), Some(100))).await;
    shop.sql("alter table redemption add constraint bad check (key <> 'saga-13/redeem')").await;
    let redeem = |n: usize| {
        let here = &here;
        async move { here.redeem(&format!("saga-{n}/redeem"), &["HUNDRED"]).await }
    };
    let results = join_all((0..64).map(redeem)).await;
    let failed: Vec<usize> = (0..64).filter(|n| results[*n].is_err()).collect();
    assert_eq!(failed, [13]);
    assert_eq!(here.used("HUNDRED").await, 63);
}

/// Requests that are dropped at every await point are done as a whole or not at all.
#[tokio::test]
async fn abandoned_redemptions_are_counted_once() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.put(coupon("TEN", Discount::Percent(1000), Some(1_000))).await;
    let here = &here;
    let redeem = |n: usize| async move { here.redeem(&format!("saga-{n}/redeem"), &["TEN"]).await };
    souk_runtime::abandon_everywhere(redeem, async |n, _| {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        here.redeem(&format!("saga-{n}/redeem"), &["TEN"]).await.expect("again is the same");
        assert_eq!(here.used("TEN").await, u32::try_from(n).unwrap());
    })
    .await;
}
