//! Reconciliation: answers that get lost, providers that die: nothing is charged twice, nothing stays held under a closed
//! payment.

use souk_kernel::Kind;
use souk_payment_api::PaymentStatus;

use crate::support::{World, eur};

#[tokio::test]
async fn a_provider_that_is_away_is_a_safe_try_again() {
    let mut world = World::new().await;
    let known = world.authorised(10).await;
    let id = world.new_payment();
    world.sandbox.kill().await;
    let problem = world.authorise(id, 1000, "tok_ok").await.unwrap_err();
    assert!(problem.kind == Kind::Unavailable && problem.is("payment_provider_unavailable"));
    assert_eq!(world.capture(known).await.unwrap_err().kind, Kind::Unavailable);
    let repeated = world.authorise(known, 10, "tok_ok").await.unwrap();
    assert_eq!(repeated.status, PaymentStatus::Authorised, "what is known needs no provider");
    world.sandbox.restart().await;
    assert_eq!(world.authorise(id, 1000, "tok_ok").await.unwrap().status, PaymentStatus::Authorised);
    assert_eq!(world.capture(known).await.unwrap().status, PaymentStatus::Captured);
    world.assert_sound().await;
}

#[tokio::test]
async fn charged_and_never_answered_is_found_by_its_key_after_the_provider_is_back() {
    let mut world = World::new().await;
    let id = world.new_payment();
    // It charges, keeps silent, and is dead by the time it is asked by key.
    let charge = world.authorise(id, 1000, "tok_timeout_after_charge");
    let mut charge = Box::pin(charge);
    loop {
        tokio::select! {
            biased;
            result = &mut charge => panic!("it answered: {result:?}"),
            said = world.sandbox.says(id) => if said.is_some() { break },
        }
    }
    drop(charge);
    assert_eq!(world.payment(id).await, None, "as after a crash: charged, and our books do not know");
    world.sandbox.kill().await;
    assert_eq!(world.authorise(id, 1000, "tok_timeout_after_charge").await.unwrap_err().kind, Kind::Unavailable);
    world.sandbox.restart().await;
    let payment = world.authorise(id, 1000, "tok_timeout_after_charge").await.unwrap();
    assert_eq!((payment.status, payment.authorised), (PaymentStatus::Authorised, eur(1000)));
    world.assert_sound().await;
}

#[tokio::test]
async fn an_answer_that_stays_unknown_is_a_timeout_and_a_job_finds_it() {
    let mut world = World::new().await;
    let id = world.new_payment();
    let address = world.sandbox.address;
    // A second sandbox in the first one's place that swallows everything: sent, and nothing comes back.
    world.sandbox.kill().await;
    let hole = tokio::net::TcpListener::bind(address).await.unwrap();
    let problem = world.authorise(id, 1000, "tok_ok").await.unwrap_err();
    assert_eq!(problem.kind, Kind::Timeout, "it may have happened: {problem}");
    assert_eq!(world.count("select count(*) from job").await, 1);
    drop(hole);
    world.sandbox.restart().await;
    // It did reach the provider, as it turns out, and the caller is gone.
    let body = serde_json::json!({
        "amount": 1000, "currency": "EUR", "token": "tok_ok", "reference": crate::support::order_of(id),
    });
    assert_eq!(world.sandbox.post("/v1/authorisations", &id.to_string(), body).await.0, 201);
    world.run_jobs().await;
    assert_eq!(world.payment(id).await.unwrap().status, PaymentStatus::Authorised);
    assert_eq!(world.events(id).await, [("authorised".to_owned(), 0, 0)], "late, so others are told");
    world.assert_sound().await;
}

#[tokio::test]
async fn what_was_voided_before_it_came_is_never_held() {
    let world = World::new().await;
    let id = world.new_payment();
    for _ in 0..2 {
        let payment = world.void(id, 1000).await.unwrap();
        assert_eq!((payment.status, payment.authorised), (PaymentStatus::Voided, eur(0)));
    }
    let late = world.authorise(id, 1000, "tok_ok").await.unwrap();
    assert_eq!((late.status, late.authorised), (PaymentStatus::Voided, eur(0)));
    assert_eq!(world.sandbox.says(id).await, Some(("voided".into(), 0, 0, 0)));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_void_while_the_provider_is_away_holds_all_the_same() {
    let mut world = World::new().await;
    let (late, silent) = (world.new_payment(), world.new_payment());
    world.sandbox.kill().await;
    for id in [late, silent] {
        assert_eq!(world.void(id, 1000).await.unwrap().status, PaymentStatus::Voided);
    }
    assert_eq!(world.count("select count(*) from job").await, 2, "the provider will be told");
    world.sandbox.restart().await;
    // The provider has not heard of the void yet, so it authorises. Our books know better.
    let payment = world.authorise(late, 1000, "tok_ok").await.unwrap();
    assert_eq!(payment.status, PaymentStatus::Voided);
    assert_eq!(world.sandbox.says(late).await, Some(("voided".into(), 1000, 0, 0)), "given back at once");
    assert_eq!(world.sandbox.says(silent).await, None);
    world.run_jobs().await;
    assert_eq!(world.sandbox.says(silent).await, Some(("voided".into(), 0, 0, 0)), "closed at the provider as well");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_refund_whose_answer_got_lost_is_made_once() {
    let mut world = World::new().await;
    let id = world.captured(1000).await;
    world.sandbox.kill().await;
    let hole = tokio::net::TcpListener::bind(world.sandbox.address).await.unwrap();
    assert_eq!(world.refund(id, "r", 400).await.unwrap_err().kind, Kind::Timeout);
    drop(hole);
    world.sandbox.restart().await;
    assert!(world.refund(id, "other", 700).await.unwrap_err().is("refund_too_much"), "400 are promised");
    world.run_jobs().await;
    assert_eq!(world.payment(id).await.unwrap().refunded, eur(400), "the intent was on disk");
    assert_eq!(world.refund(id, "r", 400).await.unwrap().refunded, eur(400));
    assert_eq!(world.sandbox.says(id).await, Some(("captured".into(), 1000, 1000, 400)));
    world.assert_sound().await;
}

#[tokio::test]
async fn what_happened_at_the_provider_behind_our_back_is_learnt() {
    let world = World::new().await;
    let (voided, captured) = (world.authorised(1000).await, world.authorised(1000).await);
    let target = |id| serde_json::json!({"authorisation_key": id});
    world.sandbox.post("/v1/voids", "clerk-1", target(voided)).await;
    world.sandbox.post("/v1/captures", "clerk-2", target(captured)).await;
    assert!(world.capture(voided).await.unwrap_err().is("payment_not_capturable"));
    assert_eq!(world.payment(voided).await.unwrap().status, PaymentStatus::Voided);
    assert!(world.void(captured, 1000).await.unwrap_err().is("payment_captured"));
    assert_eq!(world.payment(captured).await.unwrap().status, PaymentStatus::Captured);
    world.assert_sound().await;
}
