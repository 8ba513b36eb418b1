//! Payment tokens: sealed while a checkout runs, gone when it has ended, read in the old shape too.

use souk_db::RowExt;
use souk_order_api::OrderStatus;

use crate::{Shop, buy, guest};

/// Everything that the order service has stored, as text.
async fn stored(shop: &Shop) -> String {
    let all = "select coalesce(string_agg(t, ' '), '') as all from (
        select saga::text as t from saga union all select orders::text from orders union all
        select outbox::text from outbox union all select job::text from job union all
        select idempotency_key::text from idempotency_key) everything";
    shop.test.db("order").await.primary().query_one(all, &[]).await.unwrap().get_col("all").unwrap()
}

#[tokio::test]
async fn tokens_are_never_stored_in_plain_text_and_dropped_at_the_end() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 100;
    for (n, token) in (1..).zip(["tok_requires_action", "tok_secret_4711", "tok_declined"]) {
        let answer = shop.client.checkout(&guest(&format!("k{n}")), buy(n, token)).await;
        let stored = stored(&shop).await;
        assert!(!stored.contains(token), "{token} in {stored}");
        assert_eq!(stored.matches("sealed:v1:").count(), 1, "of the one that waits for its buyer only: {answer:?}");
    }
}

/// A checkout that the release before this one began, with its token in plain text, is finished.
#[tokio::test]
async fn a_checkout_in_the_old_shape_is_finished() {
    let shop = Shop::open().await;
    *shop.neighbours.stock.lock().unwrap() = 100;
    let waits = shop.client.checkout(&guest("k"), buy(1, "tok_requires_action")).await.unwrap();
    shop.neighbours.complete();
    // Without the spaces of PostgreSQL, as that release wrote it.
    let old = "update saga set resting = false, lease_until = now(), state = replace(
        jsonb_set(state::jsonb - 'left', '{payment,token}', '\"tok_requires_action\"')::text, '\": ', '\":')::json";
    shop.test.db("order").await.write_one(old, &[]).await.unwrap();
    shop.service.sweep();
    shop.all_ended().await;
    let get = souk_order_api::GetOrder { id: waits.order.id, token: Some(waits.token) };
    assert_eq!(shop.client.get(&guest(""), get).await.unwrap().status, OrderStatus::Confirmed);
    assert!(!stored(&shop).await.contains("tok_requires_action"), "dropped with the sale");
}
