//! Webhooks: real ones over sockets, and every wrong kind through the router.

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use souk_eventually::eventually;
use souk_kernel::Secret;
use souk_payment_api::{PaymentId, PaymentStatus};
use souk_psp_sandbox::{WebhookConfig, WebhookEvents, sign};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::support::{WEBHOOK_SECRET, World, order_of};

async fn deliver(world: &World, body: &str, signature: Option<String>) -> StatusCode {
    let mut request = Request::post("/webhooks/sandbox");
    if let Some(signature) = signature {
        request = request.header("souk-signature", signature);
    }
    let router = souk_payment::routes(world.service.clone()).router();
    router.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap().status()
}

async fn signed(world: &World, body: &str) -> StatusCode {
    let signature = sign(WEBHOOK_SECRET.as_bytes(), world.clock.now().as_second(), body.as_bytes());
    deliver(world, body, Some(signature)).await
}

/// An event as the sandbox writes it.
fn event(number: u32, id: PaymentId, status: &str, amounts: (i64, i64, i64)) -> String {
    let body: Value = json!({
        "id": format!("evt_{number}"), "type": format!("authorisation.{status}"), "created": 1,
        "authorisation": {
            "id": format!("auth_{id}"), "key": id, "reference": order_of(id), "status": status, "currency": "EUR",
            "amount": 1000, "authorised": amounts.0, "captured": amounts.1, "refunded": amounts.2,
            "decline_code": null, "action_url": null, "version": number,
        },
    });
    body.to_string()
}

#[tokio::test]
async fn a_buyers_approval_arrives_over_the_wire_and_is_told_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/sandbox", listener.local_addr().unwrap());
    let mut webhook = WebhookConfig::new(url, Secret::new(WEBHOOK_SECRET.to_owned()));
    webhook.events = WebhookEvents::All;
    webhook.first_pause = Duration::from_millis(10);
    let world = World::with_webhooks(Some(webhook)).await;
    let router = souk_payment::routes(world.service.clone()).router();
    world.tasks.spawn("shop", async move { axum::serve(listener, router).await.unwrap() });

    for (decision, expected) in [("approve", PaymentStatus::Authorised), ("deny", PaymentStatus::Declined)] {
        let id = world.new_payment();
        let waiting = world.authorise(id, 1000, "tok_requires_action").await.unwrap();
        world.sandbox.decide(waiting.action_url.as_deref().unwrap(), decision).await;
        let arrived = async || world.payment(id).await.unwrap().status == expected;
        eventually("the webhook arrives", Duration::from_secs(20), arrived).await;
        let payment = world.payment(id).await.unwrap();
        assert_eq!((payment.action_url, world.events(id).await.len()), (None, 1));
        if expected == PaymentStatus::Authorised {
            world.capture(id).await.unwrap();
        }
    }
    world.assert_sound().await;
}

#[tokio::test]
async fn duplicated_reordered_and_late_events_come_to_the_same_state() {
    let world = World::new().await;
    let history = |id| {
        [
            event(1, id, "requires_action", (0, 0, 0)),
            event(2, id, "authorised", (1000, 0, 0)),
            event(3, id, "captured", (1000, 1000, 0)),
            event(4, id, "captured", (1000, 1000, 200)),
            event(5, id, "captured", (1000, 1000, 500)),
        ]
    };
    for order in [vec![0, 1, 2, 3, 4], vec![4, 3, 2, 1, 0], vec![2, 2, 0, 4, 1, 3, 4, 0], vec![4]] {
        let id = world.new_payment();
        let events = history(id);
        for at in order {
            assert_eq!(signed(&world, &events[at]).await, StatusCode::NO_CONTENT);
        }
        let payment = world.payment(id).await.unwrap();
        assert_eq!(payment.status, PaymentStatus::Captured);
        assert_eq!((payment.captured.amount, payment.refunded.amount), (1000, 500));
    }
    let found = world.client.audit(&crate::support::cx(), Default::default()).await.unwrap();
    assert!(found.unbalanced.is_empty() && found.wrong_amounts.is_empty(), "{found:?}");
    assert_eq!(world.count("select count(*) from webhook_event").await, 5, "each event is kept once");
}

#[tokio::test]
async fn forged_stale_unsigned_and_senseless_webhooks_change_nothing() {
    let world = World::new().await;
    let id = world.authorised(1000).await;
    let body = event(1, id, "captured", (1000, 1000, 0));
    let now = world.clock.now();
    let at = |seconds: i64| (now + SignedDuration::from_secs(seconds)).as_second();
    let refused = StatusCode::UNAUTHORIZED;
    assert_eq!(deliver(&world, &body, None).await, refused);
    assert_eq!(deliver(&world, &body, Some("nonsense".into())).await, refused);
    assert_eq!(deliver(&world, &body, Some(sign(b"guess", at(0), body.as_bytes()))).await, refused);
    let secret = WEBHOOK_SECRET.as_bytes();
    for seconds in [-330, 330] {
        assert_eq!(deliver(&world, &body, Some(sign(secret, at(seconds), body.as_bytes()))).await, refused, "stale");
    }
    let other = body.replace("\"captured\":1000", "\"captured\":999");
    assert_ne!(other, body);
    assert_eq!(deliver(&world, &other, Some(sign(secret, at(0), body.as_bytes()))).await, refused, "altered");
    assert_eq!(signed(&world, "{}").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(signed(&world, &"x".repeat(200_000)).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.payment(id).await.unwrap().status, PaymentStatus::Authorised);
    assert_eq!(world.count("select count(*) from webhook_event").await, 0);
    let router = souk_payment::routes(world.service.clone()).router();
    let stranger = Request::post("/webhooks/stranger").body(Body::empty()).unwrap();
    assert_eq!(router.oneshot(stranger).await.unwrap().status(), StatusCode::NOT_FOUND);
}

/// A provider that hangs up at any await point delivers again: the fact is learnt once and the event noted once.
#[tokio::test]
async fn deliveries_that_are_cut_off_and_repeated_come_to_the_same_state() {
    let world = &World::new().await;
    for polls in 1.. {
        let id = world.authorised(1000).await;
        let provider_ref = world.payment(id).await.unwrap().provider_ref.unwrap();
        let number = u32::try_from(polls).unwrap();
        let body = event(number, id, "captured", (1000, 1000, 0)).replace(&format!("auth_{id}"), &provider_ref);
        // Really taken, so that both books say the same.
        let taken = json!({ "authorisation": provider_ref });
        assert_eq!(world.sandbox.post("/v1/captures", &format!("{id}/c"), taken).await.0, 201);
        let ended = souk_runtime::abandoned_after(polls, signed(world, &body)).await;
        assert_eq!(signed(world, &body).await, StatusCode::NO_CONTENT, "again after {polls} polls");
        let payment = world.payment(id).await.unwrap();
        assert_eq!((payment.status, payment.captured.amount), (PaymentStatus::Captured, 1000), "after {polls} polls");
        assert_eq!(world.events(id).await, [("captured".to_owned(), 1000, 0)], "told once, after {polls} polls");
        if ended.is_some() {
            println!("a webhook: {polls} polls");
            break;
        }
    }
    let noted = world.count("select count(*) from webhook_event").await;
    assert_eq!(noted, world.count("select count(*) from payment").await, "each is noted once");
    world.assert_sound().await;
}

#[tokio::test]
async fn an_event_that_contradicts_the_books_is_kept_and_changes_nothing() {
    let world = World::new().await;
    let id = world.captured(1000).await;
    let provider_ref = world.payment(id).await.unwrap().provider_ref.unwrap();
    let ours = |body: String| body.replace(&format!("auth_{id}"), &provider_ref);
    for (number, status, amounts) in
        [(1, "voided", (1000, 0, 0)), (2, "declined", (0, 0, 0)), (3, "captured", (1000, 2000, 0))]
    {
        assert_eq!(signed(&world, &ours(event(number, id, status, amounts))).await, StatusCode::NO_CONTENT, "{status}");
    }
    assert_eq!(signed(&world, &event(4, id, "captured", (1000, 1000, 0))).await, StatusCode::NO_CONTENT, "another id");
    let stranger =
        event(5, id, "captured", (1000, 1000, 0)).replace(&format!("\"key\":\"{id}\""), "\"key\":\"not ours\"");
    assert_eq!(signed(&world, &stranger).await, StatusCode::NO_CONTENT);
    let kept = world.count("select count(*) from webhook_event where outcome = 'contradiction'").await;
    assert_eq!((kept, world.count("select count(*) from webhook_event where outcome = 'ignored'").await), (4, 1));
    assert_eq!(world.payment(id).await.unwrap().status, PaymentStatus::Captured);
    world.assert_sound().await;
}

/// Events about payments and orders that we never heard of: another shop at the same provider, a test sent by hand, a lost row.
#[tokio::test]
async fn signed_events_of_unknown_payments_are_noted_and_never_a_fault() {
    let world = World::new().await;
    let mut number = 0;
    let mut outcomes = std::collections::BTreeMap::new();
    let all: [(i64, i64, i64); 7] =
        [(0, 0, 0), (1000, 0, 0), (1000, 1000, 0), (1000, 1000, 1000), (-1, 0, 0), (1000, 2000, 0), (i64::MAX, 0, 0)];
    for status in ["requires_action", "authorised", "declined", "voided", "captured", "refunded", "closed"] {
        for (at, amounts) in all.into_iter().enumerate() {
            for asked in [1000, 0, -5, i64::MAX] {
                let id = world.new_payment();
                number += 1;
                let mut body: Value = serde_json::from_str(&event(number, id, status, amounts)).unwrap();
                let authorisation = &mut body["authorisation"];
                authorisation["amount"] = json!(asked);
                match at {
                    // The provider's id of another payment; words that PostgreSQL cannot keep; none.
                    1 => authorisation["id"] = json!("auth_of_another"),
                    2 => authorisation["id"] = json!("zero \u{0} byte"),
                    3 => authorisation["id"] = json!("x".repeat(10_000)),
                    4 => authorisation["reference"] = json!("no order of ours"),
                    _ => {}
                }
                let answer = signed(&world, &body.to_string()).await;
                assert!(!answer.is_server_error(), "{status} {amounts:?} of {asked}: {answer}");
                *outcomes.entry(answer.as_u16()).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(outcomes.keys().copied().collect::<Vec<_>>(), [204, 422], "{outcomes:?}");
    let found = world.client.audit(&crate::support::cx(), Default::default()).await.unwrap();
    assert!(found.unbalanced.is_empty() && found.wrong_amounts.is_empty(), "{found:?}");
    // The name of the event is what it is noted under.
    let nameless = event(0, world.new_payment(), "declined", (0, 0, 0)).replace("evt_", "evt\\u0000_");
    assert_eq!(signed(&world, &nameless).await, StatusCode::UNPROCESSABLE_ENTITY, "500 before");
}
