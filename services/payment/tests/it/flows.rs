//! Payment flows without failures: what each call does when all parties answer.

use souk_db::assert_all_prepare;
use souk_kernel::Kind;
use souk_payment_api::PaymentStatus;

use crate::support::{World, cx, eur, request};

#[tokio::test]
async fn all_statements_prepare() {
    let world = World::new().await;
    assert_all_prepare(&world.db, souk_payment::STATEMENTS).await;
}

#[tokio::test]
async fn each_token_comes_to_its_outcome() {
    let world = World::new().await;
    for (token, status, code) in [
        ("tok_ok", PaymentStatus::Authorised, None),
        ("tok_slow", PaymentStatus::Authorised, None),
        ("tok_timeout_after_charge", PaymentStatus::Authorised, None),
        ("tok_declined", PaymentStatus::Declined, Some("declined")),
        ("tok_insufficient_funds", PaymentStatus::Declined, Some("insufficient_funds")),
        ("tok_requires_action", PaymentStatus::RequiresAction, None),
    ] {
        let id = world.new_payment();
        let payment = world.authorise(id, 1000, token).await.unwrap();
        assert_eq!((payment.status, payment.decline_code.as_deref()), (status, code), "{token}");
        let held = if status == PaymentStatus::Authorised { 1000 } else { 0 };
        assert_eq!((payment.authorised, payment.captured), (eur(held), eur(0)), "{token}");
        assert_eq!(payment.action_url.is_some(), token == "tok_requires_action");
        assert_eq!(world.payment(id).await, Some(payment), "{token}: what was answered is what is kept");
        assert!(world.events(id).await.is_empty(), "{token}: the caller has its answer, so nobody else is told");
    }
    let id = world.new_payment();
    let down = world.authorise(id, 1000, "tok_down").await.unwrap_err();
    assert_eq!((down.kind, world.payment(id).await), (Kind::Unavailable, None));
    let unknown = world.authorise(world.new_payment(), 1000, "tok_nonsense").await.unwrap_err();
    assert_eq!((unknown.kind, &*unknown.code), (Kind::Invalid, "payment_token_unknown"));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_payment_goes_its_way_and_every_step_is_told_once() {
    let world = World::new().await;
    let id = world.authorised(1000).await;
    for _ in 0..3 {
        let payment = world.capture(id).await.unwrap();
        assert_eq!((payment.status, payment.captured), (PaymentStatus::Captured, eur(1000)));
    }
    assert!(world.void(id, 1000).await.unwrap_err().is("payment_captured"));
    for _ in 0..2 {
        let payment = world.refund(id, "r1", 300).await.unwrap();
        assert_eq!((payment.status, payment.refunded), (PaymentStatus::Captured, eur(300)));
    }
    assert!(world.refund(id, "r1", 301).await.unwrap_err().is("refund_key_reused"));
    assert!(world.refund(id, "r2", 701).await.unwrap_err().is("refund_too_much"));
    let payment = world.refund(id, "r2", 700).await.unwrap();
    assert_eq!((payment.status, payment.refunded), (PaymentStatus::Refunded, eur(1000)));
    let told = [("captured", 1000, 0), ("captured", 1000, 300), ("refunded", 1000, 1000)];
    assert_eq!(world.events(id).await, told.map(|(status, c, r)| (status.to_owned(), c, r)));
    assert_eq!(world.sandbox.says(id).await, Some(("refunded".into(), 1000, 1000, 1000)));

    let id = world.authorised(50).await;
    for _ in 0..2 {
        let payment = world.void(id, 50).await.unwrap();
        assert_eq!((payment.status, payment.authorised), (PaymentStatus::Voided, eur(50)));
    }
    assert!(world.capture(id).await.unwrap_err().is("payment_not_capturable"));
    assert!(world.refund(id, "r", 1).await.unwrap_err().is("refund_too_much"));
    assert_eq!(world.events(id).await, [("voided".to_owned(), 0, 0)]);
    assert_eq!(world.sandbox.says(id).await, Some(("voided".into(), 50, 0, 0)));
    world.assert_sound().await;
    let found = world.client.audit(&cx(), Default::default()).await.unwrap();
    assert_eq!(found.net_captured, [eur(0)]);
}

#[tokio::test]
async fn repeating_an_authorisation_gives_the_first_outcome_and_charges_once() {
    let world = World::new().await;
    let id = world.new_payment();
    let first = world.authorise(id, 1000, "tok_ok").await.unwrap();
    assert_eq!(world.authorise(id, 1000, "tok_ok").await.unwrap(), first);
    world.capture(id).await.unwrap();
    assert_eq!(world.authorise(id, 1000, "tok_ok").await.unwrap().status, PaymentStatus::Captured);
    assert!(world.authorise(id, 999, "tok_ok").await.unwrap_err().is("payment_mismatch"));
    let mut other = request(id, 1000, "tok_ok");
    other.order_id = world.new_payment().0;
    assert!(world.client.authorise(&cx(), other).await.unwrap_err().is("payment_mismatch"));

    let declined = world.new_payment();
    world.authorise(declined, 1000, "tok_declined").await.unwrap();
    assert!(
        world.authorise(declined, 1000, "tok_ok").await.unwrap_err().is("payment_mismatch"),
        "a new try is a new payment"
    );
    assert_eq!(world.void(declined, 1000).await.unwrap().status, PaymentStatus::Declined, "nothing to give back");
    world.assert_sound().await;
}

#[tokio::test]
async fn an_authorisation_costs_one_statement_in_one_commit_and_a_capture_three_in_one() {
    let world = World::new().await;
    world.captured(1).await;
    let before = world.db.counters();
    let id = world.authorised(1000).await;
    let cost = world.db.counters() - before;
    assert_eq!((cost.statements, cost.commits), (1, 1));
    let before = world.db.counters();
    world.capture(id).await.unwrap();
    let cost = world.db.counters() - before;
    assert_eq!((cost.statements, cost.commits), (3, 1));
}

#[tokio::test]
async fn nonsense_is_refused_before_anybody_is_asked() {
    let world = World::new().await;
    let id = world.new_payment();
    for (cents, token, code) in [
        (0, "tok_ok", "payment_amount"),
        (-5, "tok_ok", "payment_amount"),
        (i64::MAX, "tok_ok", "payment_amount"),
        (5, "", "invalid_request"),
        (5, "4111 1111 1111 1111", "card_number_refused"),
        (5, "tok_5500005555555559", "card_number_refused"),
    ] {
        let problem = world.authorise(id, cents, token).await.unwrap_err();
        assert_eq!((&*problem.code, problem.kind), (code, Kind::Invalid));
        assert!(!format!("{problem:?}").contains("1111"), "not even in the log");
    }
    let mut stranger = request(id, 5, "tok_ok");
    stranger.provider = "4111111111111111<script>".into();
    let problem = world.client.authorise(&cx(), stranger).await.unwrap_err();
    assert!(problem.is("unknown_payment_provider") && problem.detail.contains("sandbox"));
    assert_eq!(world.sandbox.says(id).await, None);
    assert!(world.capture(id).await.unwrap_err().is("not_found"));
    for key in ["", "with space", "ü", "4111111111111111", &"x".repeat(256)] {
        assert!(world.refund(id, key, 5).await.unwrap_err().is("invalid_request"), "{key}");
    }
    let guest = souk_rpc::Cx::new("test", souk_rpc::Actor::Anonymous);
    assert_eq!(world.client.audit(&guest, Default::default()).await.unwrap_err().kind, Kind::Unauthenticated);
}
