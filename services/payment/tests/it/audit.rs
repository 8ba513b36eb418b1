//! Audit: it finds what is wrong, and nothing else.

use serde_json::json;
use souk_payment_api::Audit;

use crate::support::{World, cx, eur};

async fn audit(world: &World) -> Audit {
    world.client.audit(&cx(), Default::default()).await.unwrap()
}

#[tokio::test]
async fn sound_books_are_quiet_and_sum_up() {
    let world = World::new().await;
    let id = world.captured(1000).await;
    world.refund(id, "r", 250).await.unwrap();
    world.authorised(99).await;
    world.authorise(world.new_payment(), 5, "tok_declined").await.unwrap();
    assert_eq!(audit(&world).await, Audit { net_captured: vec![eur(750)], ..Audit::default() });
}

#[tokio::test]
async fn broken_entries_are_found() {
    let world = World::new().await;
    let (broken, lost, deleted) = (world.captured(1000).await, world.captured(1000).await, world.captured(1000).await);
    world.captured(1000).await;
    world.tamper("update journal set amount = amount + 1 where payment_id = $1 and credit = 'sales'", broken).await;
    world.tamper("delete from journal where payment_id = $1 and entry = 'authorise'", lost).await;
    world.tamper("delete from payment where payment_id = $1", deleted).await;
    let found = audit(&world).await;
    assert_eq!(found.unbalanced, [format!("{broken}/2")]);
    assert_eq!(found.wrong_amounts, [broken, lost, deleted]);
    assert_eq!(found.differs_from_provider.len(), 1, "{found:?}");
    assert!(found.differs_from_provider[0].starts_with(&deleted.to_string()));
}

#[tokio::test]
async fn differences_from_the_provider_are_found() {
    let world = World::new().await;
    let (behind, unknown) = (world.authorised(1000).await, world.new_payment());
    world.captured(1000).await;
    world.sandbox.post("/v1/captures", "clerk", json!({"authorisation_key": behind, "amount": 400})).await;
    let body = json!({"amount": 70, "currency": "EUR", "token": "tok_ok"});
    world.sandbox.post("/v1/authorisations", &unknown.to_string(), body.clone()).await;
    world.sandbox.post("/v1/authorisations", "somebody else's", body).await;
    let mut found = audit(&world).await;
    found.differs_from_provider.sort();
    let text = found.differs_from_provider.join("\n");
    assert_eq!(found.differs_from_provider.len(), 3, "{text}");
    for expected in [behind.to_string(), unknown.to_string(), "somebody else's".to_owned()] {
        assert!(text.contains(&expected), "{expected} in {text}");
    }
    assert!(found.unbalanced.is_empty() && found.wrong_amounts.is_empty());

    let ours = world.authorised(5).await;
    let moved = "update payment set payment_id = gen_random_uuid() where payment_id = $1";
    world.tamper("delete from journal where payment_id = $1", ours).await;
    world.tamper(moved, ours).await;
    let text = audit(&world).await.differs_from_provider.join("\n");
    assert!(text.contains("the provider does not know it"), "{text}");
}

#[tokio::test]
async fn the_tables_themselves_refuse_what_cannot_be() {
    let world = World::new().await;
    let id = world.captured(1000).await;
    for sql in [
        "update payment set captured = 1001 where payment_id = $1",
        "update payment set refunded = 1001 where payment_id = $1",
        "update payment set refunded = -1 where payment_id = $1",
        "update payment set hold = 'voided' where payment_id = $1",
        "update journal set amount = 0 where payment_id = $1",
        "update journal set debit = credit where payment_id = $1",
        "update journal set debit = 'pocket' where payment_id = $1",
    ] {
        let refused = world.db.write_one(sql, &[&id.0]).await;
        assert!(refused.is_err_and(|error| error.constraint().is_some()), "{sql}");
    }
}
