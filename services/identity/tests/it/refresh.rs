//! Refresh tokens: each is good once, and a client that brings one back ends its family; also when two come at once.

use futures_util::future::join_all;
use souk_db::RowExt;

use crate::shop::{PASSWORD, Shop};

#[tokio::test]
async fn each_is_good_once_and_reuse_ends_the_family() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let first = here.register("ada@example.com").await;
    let other = here.login("ada@example.com", PASSWORD).await.unwrap();
    let second = here.refresh(&first.refresh_token).await.unwrap();
    let third = here.refresh(&second.refresh_token).await.unwrap();
    assert!(here.session(&third.session_token).await.is_ok());
    assert!(here.refresh(&first.refresh_token).await.unwrap_err().is("refresh_token_invalid"), "two generations old");
    assert!(here.refresh(&third.refresh_token).await.unwrap_err().is("refresh_token_invalid"), "the family is ended");
    assert!(here.session(&third.session_token).await.unwrap_err().is("session_ended"));
    assert!(here.refresh(&other.refresh_token).await.is_ok(), "another sign-in is another family");
}

/// Twenty at once: one may win, and the family is ended, so that in the end no client holds anything.
#[tokio::test]
async fn one_token_in_many_hands_at_once_gives_one_pair_and_ends_the_family() {
    let shop = Shop::open().await;
    let (one, two) = (shop.process().await, shop.process().await);
    for round in 0..5 {
        let start = one.register(&format!("ada{round}@example.com")).await;
        let tries = (0..20).map(|n| if n % 2 == 0 { &one } else { &two }.refresh(&start.refresh_token));
        let results = join_all(tries).await;
        let won: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        assert_eq!(won.len(), 1, "the swap lets exactly one through");
        for problem in results.iter().filter_map(|result| result.as_ref().err()) {
            assert!(problem.is("refresh_token_invalid"), "{problem:?}");
        }
        assert!(one.refresh(&won[0].refresh_token).await.is_err(), "nobody knows whether the thief won");
        assert!(one.session(&won[0].session_token).await.is_err());
    }
}

/// Control: reading first and writing then, as one would without thinking, gives two pairs for one token.
#[tokio::test]
async fn control_read_then_write_lets_both_through() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register("ada@example.com").await;
    let db = shop.test_db.superuser("identity").await;
    let (one, two) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    let look = "select id, refresh_hash from session";
    let (seen_by_one, seen_by_two) = (one.query_one(look, &[]).await.unwrap(), two.query_one(look, &[]).await.unwrap());
    let good = |row: &souk_db::Row| row.get_col::<Vec<u8>>("refresh_hash").unwrap();
    assert_eq!(good(&seen_by_one), good(&seen_by_two), "both find the token good");
    let swap = "update session set refresh_hash = sha256(refresh_hash || $2) where id = $1";
    for (tx, row, new) in [(one, seen_by_one, "one"), (two, seen_by_two, "two")] {
        let id: uuid::Uuid = row.get_col("id").unwrap();
        assert_eq!(tx.execute(swap, &[&id, &new.as_bytes()]).await.unwrap(), 1, "{new} gets a pair");
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn only_digests_are_stored() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await;
    let again = here.refresh(&ada.refresh_token).await.unwrap();
    let db = shop.test_db.superuser("identity").await;
    let mut dump = String::new();
    for table in [
        "select to_jsonb(t)::text from session t",
        "select to_jsonb(t)::text from customer t",
        "select to_jsonb(t)::text from outbox t",
    ] {
        for row in db.primary().query(table, &[]).await.unwrap() {
            dump.push_str(row.get_col(0).unwrap());
        }
    }
    assert!(dump.contains("ada@example.com"), "the dump shows what is stored");
    let hex = |token: &str| {
        use base64::Engine;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).unwrap();
        // The last 32 bytes are the secret; a refresh token's first 16 are the session's id.
        bytes[bytes.len() - 32..].iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    for pair in [&ada, &again] {
        for token in [&pair.session_token, &pair.refresh_token] {
            assert!(!dump.contains(token.reveal().as_str()) && !dump.contains(&hex(token.reveal())));
        }
    }
    assert!(!dump.contains(PASSWORD));
}
