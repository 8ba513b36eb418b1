//! Concurrency: a payment is captured once, refunded no more than taken, and commits are shared.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;
use souk_payment_api::{PaymentId, PaymentStatus};
use tokio::sync::Barrier;

use crate::support::{World, eur};

/// What a careless service does: looks, then takes, under a key of its own each time.
async fn naive_capture(world: &World, id: PaymentId, cents: i64, caller: usize, start: &Barrier) {
    let status = world.payment(id).await.unwrap().status;
    start.wait().await;
    if status == PaymentStatus::Authorised {
        let body = json!({"authorisation_key": id, "amount": cents});
        world.sandbox.post("/v1/captures", &format!("{id}/naive/{caller}"), body).await;
    }
}

#[tokio::test]
async fn one_payment_captured_by_fifty_at_once_is_captured_once() {
    let world = World::new().await;
    let id = world.authorised(1000).await;
    let results = join_all((0..50).map(|_| world.capture(id))).await;
    for payment in results {
        assert_eq!(payment.unwrap().captured, eur(1000));
    }
    assert_eq!(world.sandbox.says(id).await, Some(("captured".into(), 1000, 1000, 0)));
    assert_eq!(world.events(id).await, [("captured".to_owned(), 1000, 0)], "told once");
    assert_eq!(world.count("select count(*) from journal where entry = 'capture' and credit = 'sales'").await, 1);
    world.assert_sound().await;

    // The control: the same race, done carelessly, takes twice what the order costs.
    let id = world.authorised(1000).await;
    let start = Arc::new(Barrier::new(2));
    join_all((0..2).map(|caller| naive_capture(&world, id, 500, caller, &start))).await;
    assert_eq!(world.sandbox.says(id).await, Some(("captured".into(), 1000, 1000, 0)), "500 were wanted");
}

#[tokio::test]
async fn capture_and_void_at_once_leave_one_winner_and_both_books_agreed() {
    let world = World::new().await;
    for _ in 0..20 {
        let id = world.authorised(1000).await;
        let (captured, voided) = tokio::join!(world.capture(id), world.void(id, 1000));
        assert!(captured.is_ok() != voided.is_ok(), "{captured:?} {voided:?}");
        let status = world.payment(id).await.unwrap().status;
        assert_eq!(status == PaymentStatus::Captured, captured.is_ok());
    }
    world.assert_sound().await;
}

#[tokio::test]
async fn an_authorisation_and_its_void_at_once_never_leave_money_held() {
    let world = World::new().await;
    for _ in 0..20 {
        let id = world.new_payment();
        let (authorised, voided) = tokio::join!(world.authorise(id, 1000, "tok_ok"), world.void(id, 1000));
        authorised.unwrap();
        assert_eq!(voided.unwrap().status, PaymentStatus::Voided);
        let (status, _, captured, _) = world.sandbox.says(id).await.unwrap();
        assert_eq!((status.as_str(), captured), ("voided", 0));
        assert_eq!(world.payment(id).await.unwrap().status, PaymentStatus::Voided);
    }
    world.assert_sound().await;
}

#[tokio::test]
async fn refunds_at_once_pay_back_no_more_than_was_taken() {
    let world = World::new().await;
    let id = world.captured(1000).await;
    let keys: Vec<String> = (0..12).map(|n| format!("r{}", n / 2)).collect();
    let results = join_all(keys.iter().map(|key| world.refund(id, key, 300))).await;
    let (made, refused): (Vec<_>, Vec<_>) = keys.iter().zip(results).partition(|(_, result)| result.is_ok());
    let made: std::collections::BTreeSet<_> = made.into_iter().map(|(key, _)| key).collect();
    assert_eq!(made.len(), 3, "three times 300 fit into 1000: {made:?}");
    assert!(refused.into_iter().all(|(_, result)| result.unwrap_err().is("refund_too_much")));
    assert_eq!(world.sandbox.says(id).await, Some(("captured".into(), 1000, 1000, 900)));
    assert_eq!(world.payment(id).await.unwrap().refunded, eur(900));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_at_once_share_commits() {
    let world = World::new().await;
    let ids: Vec<PaymentId> = (0..200).map(|_| world.new_payment()).collect();
    let before = world.db.counters();
    let results = join_all(ids.iter().map(|id| world.authorise(*id, 1000, "tok_ok"))).await;
    assert!(results.iter().all(Result::is_ok));
    let commits = (world.db.counters() - before).commits;
    assert!(commits <= 100, "{commits} commits for 200 payments");
    world.assert_sound().await;
}

#[tokio::test]
async fn one_row_that_cannot_be_written_fails_alone() {
    let world = World::new().await;
    let ids: Vec<PaymentId> = (0..40).map(|_| world.new_payment()).collect();
    // Stands for whatever may be wrong with a single row.
    world.alter("alter table payment add constraint unlucky check (amount <> 666)").await;
    let results = join_all(ids.iter().enumerate().map(|(n, id)| {
        let cents = if n == 20 { 666 } else { 1000 };
        world.authorise(*id, cents, "tok_ok")
    }))
    .await;
    for (n, result) in results.into_iter().enumerate() {
        assert_eq!(result.is_err(), n == 20, "{n}");
    }
}

/// One of 64 that share a commit cannot be written: it fails, and its neighbours do not.
#[tokio::test]
async fn one_bad_payment_fails_alone() {
    let world = World::new().await;
    let bad = "alter table payment add constraint bad check (payment_id <> '00000000-0000-0000-0000-00000000000d')";
    world.alter(bad).await;
    let id = |n: u128| PaymentId(uuid::Uuid::from_u128(n));
    let results = join_all((0..64).map(|n| world.authorise(id(n), 1000, "tok_ok"))).await;
    let failed: Vec<usize> = (0..64).filter(|n| results[*n].is_err()).collect();
    assert_eq!(failed, [13]);
}

/// Requests that are dropped at every await point leave books that agree with the provider's, once what they left to do is
/// done: by repeating them, as sagas do, or by a job.
#[tokio::test]
async fn abandoned_requests_leave_books_that_agree() {
    let world = World::new().await;
    let world = &world;
    for method in ["authorise", "capture", "void", "refund"] {
        for polls in 1.. {
            let id = match method {
                "authorise" => world.new_payment(),
                "refund" => world.captured(1000).await,
                _ => world.authorised(1000).await,
            };
            let call = async || match method {
                "authorise" => world.authorise(id, 1000, "tok_ok").await,
                "capture" => world.capture(id).await,
                "void" => world.void(id, 1000).await,
                _ => world.refund(id, "r", 300).await,
            };
            let ended = souk_runtime::abandoned_after(polls, call()).await.is_some();
            call().await.expect("again is the same");
            if ended {
                println!("{method}: {polls} polls");
                break;
            }
        }
        world.run_jobs().await;
        world.assert_sound().await;
    }
}
