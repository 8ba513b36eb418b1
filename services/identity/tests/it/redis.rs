//! Session cache in Redis: what it saves, and that no ended session is believed.

use souk_engines::Redis as Server;
use souk_eventually::eventually;
use souk_identity_api::{Logout, UpdateMe};
use souk_kernel::Secret;
use souk_redis::CALL;

use crate::shop::{PASSWORD, Process, Shop, as_customer, guest, secret};

async fn log_out(here: &Process, token: &Secret<String>) {
    let logout = Logout { refresh_token: None, session_token: Some(token.clone()), everywhere: false };
    here.client.logout(&guest(), logout).await.unwrap();
}

#[tokio::test]
async fn a_live_session_is_looked_up_without_postgresql() {
    let (shop, server) = (Shop::open().await, Server::start().await.unwrap());
    let (one, other) = (shop.process_on(&server).await, shop.process_on(&server).await);
    let ada = one.register("ada@example.com").await;
    one.session(&ada.session_token).await.unwrap();
    let before = other.db.counters();
    for _ in 0..10 {
        assert_eq!(other.session(&ada.session_token).await.unwrap().name, "Ada");
    }
    assert_eq!((other.db.counters() - before).statements, 0);
    // The control: a process without Redis asks every time.
    let without = shop.process().await;
    let before = without.db.counters();
    without.session(&ada.session_token).await.unwrap();
    assert_eq!((without.db.counters() - before).statements, 1);
}

#[tokio::test]
async fn whatever_ends_a_session_ends_it_in_the_other_process_too() {
    let (shop, server) = (Shop::open().await, Server::start().await.unwrap());
    let (one, other) = (shop.process_on(&server).await, shop.process_on(&server).await);
    let phone = one.register("ada@example.com").await;
    let laptop = one.login("ada@example.com", PASSWORD).await.unwrap();
    let tablet = one.login("ada@example.com", PASSWORD).await.unwrap();
    let watch = one.login("ada@example.com", PASSWORD).await.unwrap();
    for known in [&phone, &laptop, &tablet, &watch] {
        other.session(&known.session_token).await.unwrap();
    }
    log_out(&one, &phone.session_token).await;
    assert!(other.session(&phone.session_token).await.unwrap_err().is("session_ended"), "logout");

    one.refresh(&tablet.refresh_token).await.unwrap();
    assert!(other.session(&tablet.session_token).await.unwrap_err().is("session_ended"), "its tokens were renewed");

    let me = as_customer(&laptop.customer);
    let renamed = UpdateMe { name: Some("Countess".into()), ..UpdateMe::default() };
    one.client.update_me(&me, renamed).await.unwrap();
    assert_eq!(other.session(&laptop.session_token).await.unwrap().name, "Countess");

    let change = UpdateMe {
        current_password: Some(secret(PASSWORD)),
        new_password: Some(secret("another horse battery")),
        session_token: Some(laptop.session_token.clone()),
        ..UpdateMe::default()
    };
    one.client.update_me(&me, change).await.unwrap();
    assert!(other.session(&watch.session_token).await.unwrap_err().is("session_ended"), "a new password");
    assert!(other.session(&laptop.session_token).await.is_ok());
    let everywhere = Logout { refresh_token: None, session_token: None, everywhere: true };
    one.client.logout(&me, everywhere).await.unwrap();
    assert!(other.session(&laptop.session_token).await.unwrap_err().is("session_ended"), "everywhere");
}

#[tokio::test]
async fn a_logout_while_redis_hangs_or_is_dead_ends_the_session() {
    let (shop, server) = (Shop::open().await, Server::start().await.unwrap());
    let (one, other) = (shop.process_waiting(&server, CALL).await, shop.process_waiting(&server, CALL).await);
    let phone = one.register("ada@example.com").await;
    let laptop = one.login("ada@example.com", PASSWORD).await.unwrap();
    other.session(&phone.session_token).await.unwrap();
    other.session(&laptop.session_token).await.unwrap();

    server.pause().unwrap();
    log_out(&one, &phone.session_token).await;
    assert!(other.session(&phone.session_token).await.is_err(), "postgresql is asked while redis hangs");
    assert!(other.session(&laptop.session_token).await.is_ok());
    server.resume().unwrap();
    // What was sent while it hung is carried out first; and the recall is repeated until it is confirmed.
    ended(&other, &phone.session_token).await;

    server.kill();
    log_out(&one, &laptop.session_token).await;
    assert!(other.session(&laptop.session_token).await.is_err(), "postgresql is asked while redis is dead");
    // It comes back with the session still in its file.
    server.restart().await.unwrap();
    ended(&other, &laptop.session_token).await;
}

/// The session ends in this process, long before its lease does, and stays ended.
async fn ended(here: &Process, token: &Secret<String>) {
    eventually("the session ends", std::time::Duration::from_secs(10), async || here.session(token).await.is_err())
        .await;
    for _ in 0..20 {
        assert!(here.session(token).await.unwrap_err().is("session_ended"));
    }
}
