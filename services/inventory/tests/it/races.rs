//! Race conditions: many buyers, few units. The naive way runs in the same harness and oversells: the control.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use souk_inventory_api::ReservationStatus;
use souk_runtime::Tasks;
use tokio::sync::Barrier;

use crate::shop::Shop;

/// Starts all buyers behind one barrier, as tasks of a real thread pool; how many got something.
async fn rush<F: Future<Output = bool> + Send + 'static>(
    tasks: &Tasks,
    buyers: u128,
    buy: impl Fn(u128) -> F,
) -> usize {
    let gate = Arc::new(Barrier::new(usize::try_from(buyers).unwrap()));
    let started = (1..=buyers).map(|n| {
        let (gate, buying) = (gate.clone(), buy(n));
        tasks.run("buyer", async move {
            gate.wait().await;
            buying.await
        })
    });
    let started: Vec<_> = started.collect();
    join_all(started).await.into_iter().filter(|sold| *sold.as_ref().unwrap()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_units_and_five_thousand_buyers() {
    let shop = Shop::open().await;
    let here = Arc::new(shop.process().await);
    here.stock(&[("hot", 1_000)]).await;
    let (before, started) = (here.db.counters(), Instant::now());
    let sold = rush(&shop.tasks, 5_000, |n| {
        let here = here.clone();
        async move {
            match here.reserve(n, &[("hot", 1)]).await {
                Ok(reservation) => reservation.status == ReservationStatus::Held,
                Err(problem) => {
                    assert_eq!(problem.code, "out_of_stock");
                    false
                }
            }
        }
    })
    .await;
    println!("5,000 decisions in {:?}, {:?}", started.elapsed(), here.db.counters() - before);
    assert_eq!(sold, 1_000);
    assert_eq!(here.available("hot").await, 0);
    assert_eq!(here.books_are_right().await.reserved, 1_000);
    let commits = (here.db.counters() - before).commits;
    assert!(commits < 500, "buyers share commits: {commits}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_naive_way_oversells() {
    let shop = Shop::open().await;
    shop.sql("create table naive as select 1000::bigint as left_over").await;
    let db = shop.test_db.superuser("inventory").await;
    let sold = rush(&shop.tasks, 5_000, |_| {
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
    assert!(sold > 1_000, "the control is broken: it sold {sold}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_last_units_of_two_products() {
    let shop = Shop::open().await;
    let processes = [Arc::new(shop.process().await), Arc::new(shop.process().await)];
    processes[0].stock(&[("a", 100), ("b", 60)]).await;
    let sold = rush(&shop.tasks, 400, |n| {
        let here = processes[usize::try_from(n % 2).unwrap()].clone();
        async move {
            // Named in both orders: locks are taken in one.
            let lines = if n % 4 < 2 { [("a", 1), ("b", 1)] } else { [("b", 1), ("a", 1)] };
            here.reserve(n, &lines).await.is_ok()
        }
    })
    .await;
    assert_eq!(sold, 60);
    assert_eq!((processes[0].available("a").await, processes[0].available("b").await), (40, 0));
    processes[0].books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_fifty_times_from_two_processes_is_one_reservation() {
    let shop = Shop::open().await;
    let processes = [Arc::new(shop.process().await), Arc::new(shop.process().await)];
    processes[0].stock(&[("a", 100)]).await;
    for round in 1..=5 {
        let granted = rush(&shop.tasks, 50, |n| {
            let here = processes[usize::try_from(n % 2).unwrap()].clone();
            async move { here.reserve(round, &[("a", 3)]).await.is_ok() }
        })
        .await;
        assert_eq!(granted, 50, "all get the same answer");
    }
    assert_eq!(processes[0].available("a").await, 85);
    processes[0].books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_from_two_processes_keeps_the_books() {
    let shop = Shop::open().await;
    let processes = [Arc::new(shop.process().await), Arc::new(shop.process().await)];
    processes[0].stock(&[("a", 300), ("b", 300), ("c", 20)]).await;
    rush(&shop.tasks, 600, |n| {
        let (here, there) = (processes[usize::try_from(n % 2).unwrap()].clone(), processes[0].clone());
        async move {
            let order = n % 200 + 1;
            let lines: &[(&str, u32)] = if order % 3 == 0 { &[("c", 1), ("a", 2)] } else { &[("b", 1), ("a", 1)] };
            match n / 200 {
                0 => here.reserve(order, lines).await.is_ok(),
                1 if order % 5 == 0 => here.release(order).await.is_ok(),
                1 => here.allocate(order).await.is_ok(),
                _ => there.ship(order).await.is_ok(),
            }
        }
    })
    .await;
    processes[1].books_are_right().await;
}

#[tokio::test]
async fn a_command_that_cannot_be_written_fails_alone() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("a", 100)]).await;
    shop.sql(
        "create function refuse() returns trigger language plpgsql as $$ begin
            if new.key = '00000000-0000-0000-0000-000000000007' then raise exception 'broken row'; end if;
            return new; end $$",
    )
    .await;
    shop.sql("create trigger refuse before insert on reservation for each row execute function refuse()").await;
    let results = join_all((1..=20).map(|n| {
        let here = &here;
        async move { here.reserve(n, &[("a", 1)]).await }
    }))
    .await;
    for (n, result) in (1..=20).zip(results) {
        assert_eq!(result.is_ok(), n != 7, "{n}");
    }
    assert_eq!(here.available("a").await, 81);
    here.books_are_right().await;
}

/// One of 64 that share a commit cannot be written: it is refused, and its neighbours are not.
#[tokio::test]
async fn one_bad_command_fails_alone() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("lamp", 1_000)]).await;
    shop.sql("alter table reservation add constraint bad check (key <> '00000000-0000-0000-0000-00000000000d')").await;
    let results = join_all((0..64).map(|n| here.reserve(n, &[("lamp", 1)]))).await;
    let failed: Vec<usize> = (0..64).filter(|n| results[*n].is_err()).collect();
    assert_eq!(failed, [13]);
    assert_eq!(here.books_are_right().await.reserved, 63);
}

/// Requests that are dropped at every await point leave the books right.
#[tokio::test]
async fn abandoned_requests_leave_the_books_right() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.stock(&[("lamp", 10_000)]).await;
    let soon = || tokio::time::sleep(std::time::Duration::from_millis(5));
    let reserve = |n: usize| here.reserve(n as u128, &[("lamp", 1)]);
    souk_runtime::abandon_everywhere(reserve, async |_, _| {
        soon().await;
        here.books_are_right().await;
    })
    .await;
    let key = souk_inventory_api::ByKey { key: crate::shop::order(9_999) };
    here.reserve(9_999, &[("lamp", 1)]).await.unwrap();
    let system = crate::shop::cx();
    for method in ["allocate", "ship", "release"] {
        let call = |_| {
            let (client, cx) = (here.client.clone(), system.clone());
            async move {
                match method {
                    "allocate" => client.allocate(&cx, key).await,
                    "ship" => client.ship(&cx, key).await,
                    _ => client.release(&cx, key).await,
                }
            }
        };
        souk_runtime::abandon_everywhere(call, async |_, _| {
            soon().await;
            here.books_are_right().await;
        })
        .await;
    }
}
