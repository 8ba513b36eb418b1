//! Payments: tokens, keys, amounts.

use std::time::Duration;

use http::Request;
use serde_json::{Value, json};

use crate::support::{API_KEY, Sandbox, config};

fn sums(operation: &Value) -> (&str, i64, i64, i64) {
    let a = &operation["authorisation"];
    let n = |field: &str| a[field].as_i64().unwrap();
    (a["status"].as_str().unwrap(), n("authorised"), n("captured"), n("refunded"))
}

#[tokio::test]
async fn each_token_does_what_its_name_says() {
    let directory = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(config(directory.path())).await;
    let m = &sandbox.merchant;

    let (status, ok) = m.authorise("ok", 1000, "tok_ok").await;
    assert_eq!((status, sums(&ok)), (201, ("authorised", 1000, 0, 0)));
    for (token, code) in [("tok_declined", "declined"), ("tok_insufficient_funds", "insufficient_funds")] {
        let (status, refused) = m.authorise(token, 1000, token).await;
        assert_eq!((status, sums(&refused)), (201, ("declined", 0, 0, 0)));
        assert_eq!(refused["authorisation"]["decline_code"], code);
    }
    let (status, slow) = m.authorise("slow", 5, "tok_slow").await;
    assert_eq!((status, sums(&slow)), (201, ("authorised", 5, 0, 0)));

    let (status, down) = m.authorise("down", 5, "tok_down").await;
    assert_eq!((status, &down["code"]), (503, &json!("provider_down")));
    assert_eq!(m.get("/v1/operations?key=down").await.0, 404, "nothing happened");

    let (status, unknown) = m.authorise("unknown", 5, "tok_nonsense").await;
    assert_eq!((status, &unknown["code"]), (422, &json!("unknown_token")));
    assert!(unknown["detail"].as_str().unwrap().contains("tok_requires_action"), "says which ones there are");

    let silence = tokio::time::timeout(Duration::from_millis(300), m.authorise("lost", 70, "tok_timeout_after_charge"));
    assert!(silence.await.is_err(), "no answer comes");
    let (status, found) = m.get("/v1/operations?key=lost").await;
    assert_eq!((status, sums(&found)), (200, ("authorised", 70, 0, 0)), "but it was charged, and can be asked for");
    let (status, again) = m.authorise("lost", 70, "tok_timeout_after_charge").await;
    assert_eq!((status, sums(&again)), (200, ("authorised", 70, 0, 0)));
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_key_does_one_thing_once() {
    let directory = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(config(directory.path())).await;
    let m = &sandbox.merchant;
    let (_, first) = m.authorise("k", 1000, "tok_ok").await;
    let (status, again) = m.authorise("k", 1000, "tok_ok").await;
    assert_eq!((status, again), (200, first));
    for (amount, token) in [(1001, "tok_ok"), (1000, "tok_slow")] {
        let (status, body) = m.authorise("k", amount, token).await;
        assert_eq!((status, &body["code"]), (409, &json!("idempotency_key_reused")));
    }
    let capture = json!({"authorisation_key": "k", "amount": 400});
    let calls = (0..20).map(|_| m.post("/v1/captures", "k/1", capture.clone()));
    let mut created = 0;
    for (status, body) in futures(calls).await {
        created += usize::from(status == 201);
        assert_eq!(sums(&body), ("captured", 1000, 400, 0));
    }
    assert_eq!(created, 1, "twenty at once capture once");
    let (status, _) = m.post("/v1/refunds", "k/1", json!({"authorisation_key": "k", "amount": 400})).await;
    assert_eq!(status, 409, "a capture's key is no refund's");
    assert_eq!(m.ledger().await.len(), 1);
}

/// Runs calls at the same time.
async fn futures<F: Future<Output = (u16, Value)>>(calls: impl Iterator<Item = F>) -> Vec<(u16, Value)> {
    let mut calls: Vec<_> = calls.map(|call| (Box::pin(call), None)).collect();
    std::future::poll_fn(|cx| {
        for (call, done) in calls.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(result) = call.as_mut().poll(cx) {
                *done = Some(result);
            }
        }
        if calls.iter().all(|(_, done)| done.is_some()) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    calls.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test]
async fn money_is_taken_and_paid_back_only_as_far_as_it_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(config(directory.path())).await;
    let m = &sandbox.merchant;
    let (_, made) = m.authorise("a", 1000, "tok_ok").await;
    let id = made["authorisation"]["id"].clone();
    let by_id = |amount: Option<i64>| json!({"authorisation": id, "amount": amount});

    let (status, body) = m.post("/v1/captures", "c0", by_id(Some(1001))).await;
    assert_eq!((status, &body["code"]), (409, &json!("not_capturable")));
    let (status, body) = m.post("/v1/captures", "c1", by_id(None)).await;
    assert_eq!((status, sums(&body)), (201, ("captured", 1000, 1000, 0)));
    assert_eq!(m.post("/v1/captures", "c2", by_id(None)).await.0, 409, "there is nothing left");
    assert_eq!(m.post("/v1/voids", "v", json!({"authorisation": id})).await.1["code"], "not_voidable");
    assert_eq!(m.post("/v1/refunds", "r1", by_id(Some(300))).await.0, 201);
    assert_eq!(m.post("/v1/refunds", "r2", by_id(Some(701))).await.1["code"], "not_refundable");
    let (_, body) = m.post("/v1/refunds", "r3", by_id(None)).await;
    assert_eq!(sums(&body), ("refunded", 1000, 1000, 1000));

    m.authorise("b", 50, "tok_ok").await;
    let (status, body) = m.post("/v1/voids", "b/void", json!({"authorisation_key": "b"})).await;
    assert_eq!((status, sums(&body)), (201, ("voided", 50, 0, 0)));
    assert_eq!(m.post("/v1/captures", "b/c", json!({"authorisation_key": "b"})).await.1["code"], "not_capturable");

    let (status, body) = m.post("/v1/voids", "late/void", json!({"authorisation_key": "late"})).await;
    assert_eq!((status, sums(&body)), (201, ("voided", 0, 0, 0)));
    let (status, body) = m.authorise("late", 99, "tok_ok").await;
    assert_eq!((status, sums(&body)), (200, ("voided", 0, 0, 0)), "a closed key never holds money");
    assert_eq!(m.post("/v1/captures", "x", json!({"authorisation": "auth_99"})).await.0, 404);
}

#[tokio::test]
async fn what_looks_like_a_card_is_refused_and_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(config(directory.path())).await;
    let m = &sandbox.merchant;
    let card = "4111 1111 1111 1111";
    let (status, body) = m.authorise("k", 1000, card).await;
    assert_eq!((status, &body["code"]), (422, &json!("card_number_refused")));
    let reference = json!({"amount": 1, "currency": "EUR", "token": "tok_ok", "reference": "5500005555555559"});
    assert_eq!(m.post("/v1/authorisations", "k", reference).await.1["code"], "card_number_refused");
    assert_eq!(m.authorise("4111111111111111", 1, "tok_ok").await.1["code"], "card_number_refused");
    let request = Request::post(m.url("/v1/authorisations"))
        .header("authorization", format!("Bearer {API_KEY}"))
        .header("idempotency-key", "k");
    let hidden = r#"{"amount":1,"currency":"EUR","token":"tok_ok","reference":"\u0034111111111111111"}"#;
    assert_eq!(m.raw(request, hidden).await.unwrap().0, 422);
    let journal = std::fs::read_to_string(directory.path().join("journal.ndjson")).unwrap();
    assert!(journal.starts_with("{\"born\"") && journal.lines().count() == 1, "{journal}");
}

#[tokio::test]
async fn nonsense_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(config(directory.path())).await;
    let m = &sandbox.merchant;
    let ok = json!({"amount": 1, "currency": "EUR", "token": "tok_ok"});
    for (field, value) in [
        ("amount", json!(0)),
        ("amount", json!(-5)),
        ("amount", json!(1.5)),
        ("amount", json!(i64::MAX)),
        ("currency", json!("XXX")),
        ("reference", json!("x".repeat(300))),
        ("status", json!("captured")),
    ] {
        let mut body = ok.clone();
        body[field] = value;
        assert_eq!(m.post("/v1/authorisations", "k", body).await.0, 422, "{field}");
    }
    assert_eq!(m.post("/v1/authorisations", &"k".repeat(256), ok.clone()).await.0, 400);
    let anonymous = Request::post(m.url("/v1/authorisations")).header("idempotency-key", "k");
    assert_eq!(m.raw(anonymous, ok.to_string()).await.unwrap().0, 401);
    assert!(m.ledger().await.is_empty());
}

#[tokio::test]
async fn a_buyer_approves_or_denies_on_a_page_nobody_can_guess() {
    let directory = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(config(directory.path())).await;
    let m = &sandbox.merchant;
    for (key, decision, after) in [("yes", "approve", "authorised"), ("no", "deny", "declined")] {
        let (_, waiting) = m.authorise(key, 1234, "tok_requires_action").await;
        assert_eq!(sums(&waiting), ("requires_action", 0, 0, 0));
        assert_eq!(m.post("/v1/captures", "early", json!({"authorisation_key": key})).await.0, 409);
        let url = waiting["authorisation"]["action_url"].as_str().unwrap();
        let (status, page) = m.raw(Request::get(url), "").await.unwrap();
        assert_eq!(status, 200);
        assert!(String::from_utf8_lossy(&page).contains("12.34 EUR"));

        let guessed = format!("{}0", &url[..url.len() - 1]);
        let guessed = if guessed == url { format!("{}1", &url[..url.len() - 1]) } else { guessed };
        let form = |url: &str| Request::post(url).header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(m.raw(form(&guessed), "decision=approve").await.unwrap().0, 404);
        assert_eq!(m.raw(form(url), format!("decision={decision}")).await.unwrap().0, 200);
        let (_, found) = m.get(&format!("/v1/operations?key={key}")).await;
        assert_eq!(found["authorisation"]["status"], after);
        assert_eq!(found["authorisation"]["action_url"], Value::Null);
        let other = if decision == "approve" { "deny" } else { "approve" };
        m.raw(form(url), format!("decision={other}")).await.unwrap();
        let (_, found) = m.get(&format!("/v1/operations?key={key}")).await;
        assert_eq!(found["authorisation"]["status"], after, "the first decision stands");
    }
}
