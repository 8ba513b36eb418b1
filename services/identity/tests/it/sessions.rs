//! Sessions: how long they last, by whose clock, and what ends them.

use jiff::SignedDuration;
use souk_identity_api::{Logout, UpdateMe};

use crate::shop::{PASSWORD, Shop, as_customer, guest, secret};

const IDLE: &str = "update session set seen_at = seen_at - interval '24 hours'";
const NEARLY_IDLE: &str = "update session set seen_at = seen_at - interval '23 hours 59 minutes'";
const OLD: &str = "update session set expires_at = expires_at - interval '30 days'";
const NEARLY_OLD: &str = "update session set expires_at = expires_at - interval '29 days 23 hours'";

#[tokio::test]
async fn a_session_ends_after_a_day_without_use_by_the_databases_clock() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await;
    shop.clock.advance(SignedDuration::from_hours(24 * 365));
    assert!(here.session(&ada.session_token).await.is_ok(), "our own clock decides nothing");
    shop.sql(NEARLY_IDLE).await;
    assert!(here.session(&ada.session_token).await.is_ok());
    shop.tasks.drain(std::time::Duration::from_secs(5)).await.unwrap();
    shop.sql(IDLE).await;
    assert!(here.session(&ada.session_token).await.unwrap_err().is("session_ended"));
    assert!(here.refresh(&ada.refresh_token).await.is_ok(), "an API client may be away for longer");
}

#[tokio::test]
async fn everything_ends_after_thirty_days() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await;
    shop.sql(NEARLY_OLD).await;
    let ada = here.refresh(&ada.refresh_token).await.unwrap();
    assert!(here.session(&ada.session_token).await.is_ok());
    shop.sql("update session set expires_at = now()").await;
    assert!(here.session(&ada.session_token).await.unwrap_err().is("session_ended"), "use does not prolong this");
    assert!(here.refresh(&ada.refresh_token).await.unwrap_err().is("refresh_token_invalid"));
    assert_eq!(shop.number("select count(*) from session").await, 0);
}

#[tokio::test]
async fn use_is_noted_once_a_minute() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await;
    let before = here.db.counters();
    for _ in 0..10 {
        here.session(&ada.session_token).await.unwrap();
    }
    shop.tasks.drain(std::time::Duration::from_secs(5)).await.unwrap();
    let cost = here.db.counters() - before;
    assert_eq!((cost.commits, cost.statements), (0, 10), "{cost:?}");

    shop.sql("update session set seen_at = now() - interval '2 minutes'").await;
    let version = shop.number("select xmin::text::bigint from session").await;
    for _ in 0..3 {
        here.session(&ada.session_token).await.unwrap();
        shop.tasks.drain(std::time::Duration::from_secs(5)).await.unwrap();
    }
    let noted = shop.number("select xmin::text::bigint from session").await;
    assert_ne!(version, noted);
    assert_eq!(shop.number("select count(*) from session where seen_at > now() - interval '1 minute'").await, 1);
    let cost = here.db.counters() - before;
    assert_eq!(cost.commits, 1, "{cost:?}");
}

#[tokio::test]
async fn logout_ends_one_session_or_all_of_the_account_and_nobody_elses() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let bob = here.register("bob@example.com").await;
    let phone = here.register("ada@example.com").await;
    let laptop = here.login("ada@example.com", PASSWORD).await.unwrap();
    let tablet = here.login("ada@example.com", PASSWORD).await.unwrap();
    let logout = |refresh: Option<&str>, everywhere| Logout {
        refresh_token: refresh.map(secret),
        session_token: None,
        everywhere,
    };
    here.client.logout(&guest(), logout(Some(phone.refresh_token.reveal()), false)).await.unwrap();
    assert!(here.session(&phone.session_token).await.is_err() && here.refresh(&phone.refresh_token).await.is_err());
    assert!(here.session(&laptop.session_token).await.is_ok());
    here.client.logout(&guest(), logout(None, true)).await.unwrap();
    here.client.logout(&guest(), logout(Some("made up"), true)).await.unwrap();
    assert!(here.session(&laptop.session_token).await.is_ok(), "without proof nothing ends");
    here.client.logout(&guest(), logout(Some(laptop.refresh_token.reveal()), true)).await.unwrap();
    assert!(here.session(&laptop.session_token).await.is_err() && here.refresh(&tablet.refresh_token).await.is_err());
    assert!(here.session(&bob.session_token).await.is_ok());
    here.client.logout(&as_customer(&bob.customer), logout(None, true)).await.unwrap();
    assert!(here.session(&bob.session_token).await.is_err());
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let phone = here.register("ada@example.com").await;
    let laptop = here.login("ada@example.com", PASSWORD).await.unwrap();
    let tablet = here.login("ada@example.com", PASSWORD).await.unwrap();
    let bob = here.register("bob@example.com").await;
    let me = as_customer(&phone.customer);
    let change = |current: &str, new: &str| UpdateMe {
        current_password: Some(secret(current)),
        new_password: Some(secret(new)),
        ..UpdateMe::default()
    };
    let wrong = here.client.update_me(&me, change("not my password", "another horse battery")).await.unwrap_err();
    assert_eq!((wrong.status(), &*wrong.fields[0].pointer), (422, "/current_password"));
    let without = UpdateMe { new_password: Some(secret("another horse battery")), ..UpdateMe::default() };
    assert_eq!(here.client.update_me(&me, without).await.unwrap_err().fields[0].pointer, "/current_password");
    let common = here.client.update_me(&me, change(PASSWORD, "password1")).await.unwrap_err();
    assert_eq!(common.fields[0].pointer, "/new_password");
    assert!(here.session(&laptop.session_token).await.is_ok(), "nothing happened yet");

    let kept =
        UpdateMe { session_token: Some(laptop.session_token.clone()), ..change(PASSWORD, "another horse battery") };
    here.client.update_me(&me, kept).await.unwrap();
    assert!(here.session(&laptop.session_token).await.is_ok());
    for ended in [&phone, &tablet] {
        assert!(here.session(&ended.session_token).await.is_err());
        assert!(here.refresh(&ended.refresh_token).await.is_err());
    }
    assert!(here.session(&bob.session_token).await.is_ok());
    assert!(here.login("ada@example.com", PASSWORD).await.is_err());
    assert!(here.login("ada@example.com", "another horse battery").await.is_ok());

    let by_refresh =
        UpdateMe { refresh_token: Some(laptop.refresh_token.clone()), ..change("another horse battery", PASSWORD) };
    here.client.update_me(&me, by_refresh).await.unwrap();
    assert!(here.refresh(&laptop.refresh_token).await.is_ok());
    let foreign =
        UpdateMe { session_token: Some(bob.session_token.clone()), ..change(PASSWORD, "another horse battery") };
    here.client.update_me(&me, foreign).await.unwrap();
    assert!(here.session(&bob.session_token).await.is_ok(), "somebody else's is not touched");
    assert_eq!(shop.number("select count(*) from session").await, 1, "and spares none of mine");
}

/// A login that has checked the old password while it is being changed must not leave a session behind.
#[tokio::test]
async fn no_session_of_the_old_password_survives_its_change() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    for round in 0..4 {
        let email = format!("ada{round}@example.com");
        let ada = here.register(&email).await;
        let change = UpdateMe {
            current_password: Some(secret(PASSWORD)),
            new_password: Some(secret("another horse battery")),
            ..UpdateMe::default()
        };
        let me = as_customer(&ada.customer);
        let logins = futures_util::future::join_all((0..3).map(|_| here.login(&email, PASSWORD)));
        let (changed, logins) = tokio::join!(here.client.update_me(&me, change), logins);
        changed.unwrap();
        for login in logins.into_iter().flatten() {
            assert!(here.session(&login.session_token).await.is_err(), "a session of the old password is live");
        }
    }
}

/// The same, made certain: the change is under way, and holds its row, when the login wants to write its session.
#[tokio::test]
async fn a_sign_in_waits_for_a_change_of_the_password_and_then_fails() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register("ada@example.com").await;
    let db = shop.test_db.superuser("identity").await;
    let tx = db.begin().await.unwrap();
    tx.execute("update customer set password_hash = 'changed'", &[]).await.unwrap();
    tx.execute("delete from session", &[]).await.unwrap();
    let waiting = async {
        let blocked =
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%for share%'";
        while shop.number(blocked).await == 0 {
            tokio::task::yield_now().await;
        }
        tx.commit().await.unwrap();
    };
    let both = async { tokio::join!(here.login("ada@example.com", PASSWORD), waiting) };
    let (login, ()) = tokio::time::timeout(std::time::Duration::from_secs(20), both).await.expect("the login waits");
    assert!(login.unwrap_err().is("wrong_credentials"));
    assert_eq!(shop.number("select count(*) from session").await, 0);
}

#[tokio::test]
async fn the_oldest_sessions_make_room() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await;
    shop.sql(
        "insert into session (id, customer_id, session_hash, refresh_hash, created_at, expires_at)
         select gen_random_uuid(), c.id, sha256(n::text::bytea), sha256(n::text::bytea), now() + n * interval '1 second',
                now() + interval '1 day' from customer c, generate_series(1, 60) n",
    )
    .await;
    here.login("ada@example.com", PASSWORD).await.unwrap();
    assert_eq!(shop.number("select count(*) from session").await, 50);
    assert!(here.session(&ada.session_token).await.is_err(), "the oldest went");
}

#[tokio::test]
async fn what_is_over_is_forgotten_and_what_is_not_stays() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await;
    here.login("nobody@example.com", "x").await.unwrap_err();
    let store = souk_identity::store::Store::new(here.db.clone());
    assert_eq!(store.purge().await.unwrap(), 0);
    shop.sql(
        "insert into session (id, customer_id, session_hash, refresh_hash, expires_at)
         select gen_random_uuid(), c.id, sha256(n::text::bytea), sha256(n::text::bytea), now() from customer c, generate_series(1, 2500) n",
    )
    .await;
    shop.sql("update login_attempt set at = now() - interval '25 hours'").await;
    assert_eq!(store.purge().await.unwrap(), 2_502, "the tries under the address and under the account, too");
    assert!(here.session(&ada.session_token).await.is_ok());
    shop.sql(OLD).await;
    assert_eq!(store.purge().await.unwrap(), 1);
}
