//! Registration and recovery by mail: nothing but the mailbox tells who has an account.

use souk_identity_api::{CustomerRegistered, LinkRequested, Register, RequestLink};
use souk_kernel::Kind;

use crate::shop::{PASSWORD, Shop, guest, secret};

const ADA: &str = "ada@example.com";
const OTHER: &str = "another horse battery";

#[tokio::test]
async fn a_new_account_is_made_by_the_link_and_not_before() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.ask_for_link(" Ada@Example.com", "Ada").await.unwrap();
    assert_eq!(shop.number("select count(*) from customer").await, 0);
    let link = shop.last_link().await;
    assert_eq!((link.email.reveal().as_str(), link.has_account), (ADA, false));
    let stored = "select count(*) from account_link where token_hash <> ''::bytea and octet_length(token_hash) = 32";
    assert_eq!(shop.number(stored).await, 1);
    let common = here.confirm(&link.token, "password1").await.unwrap_err();
    assert_eq!((common.kind, &*common.fields[0].pointer), (Kind::Invalid, "/password"), "and the link stays good");
    let ada = here.confirm(&link.token, PASSWORD).await.unwrap();
    assert_eq!((&*ada.customer.email, &*ada.customer.name), (ADA, "Ada"));
    assert!(here.session(&ada.session_token).await.is_ok());
    assert!(here.confirm(&link.token, PASSWORD).await.unwrap_err().is("link_invalid"), "of one use");
    assert!(here.login(ADA, PASSWORD).await.is_ok());
    let registered = shop.events::<CustomerRegistered>().await;
    assert_eq!((registered.len(), registered[0].customer_id), (1, ada.customer.id));
}

/// The same statements, commits, hashes and answer, whether there is an account or not. The control is the call of the
/// previous release, which tells.
#[tokio::test]
async fn asking_tells_nobody_who_has_an_account() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register(ADA).await;
    let mut stories = Vec::new();
    for email in [ADA, "nobody@example.com"] {
        let before = (here.db.counters(), here.service.hashes());
        let answers = [here.ask_for_link(email, "X").await.is_ok(), here.ask_for_link(email, "").await.is_ok()];
        let work = here.db.counters() - before.0;
        stories.push((answers, work.statements, work.commits, here.service.hashes() - before.1));
    }
    assert_eq!(stories[0], stories[1]);
    assert_eq!(stories[0].3, 0, "no hash is worth a flood of registrations");
    let sent = shop.events::<LinkRequested>().await;
    let told: Vec<_> = sent.iter().map(|link| (link.email.reveal().as_str(), link.has_account)).collect();
    assert_eq!(told, [(ADA, true), ("nobody@example.com", false)], "the mail tells, and a form sent twice is one mail");

    let control = |email: &str| Register { email: email.into(), password: secret(PASSWORD), name: String::new() };
    assert!(here.client.register(&guest(), control(ADA)).await.unwrap_err().is("email_taken"));
    assert!(here.client.register(&guest(), control("new@example.com")).await.is_ok());
}

#[tokio::test]
async fn the_owner_of_an_account_chooses_a_new_password_and_all_else_ends() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let before = here.register(ADA).await;
    let device = here.sign_in("192.0.2.1", ADA, PASSWORD, None).await.unwrap().device_token.unwrap();
    here.ask_for_link(ADA, "Mallory was here").await.unwrap();
    let link = shop.last_link().await;
    let ada = here.confirm(&link.token, OTHER).await.unwrap();
    assert_eq!((ada.customer.id, &*ada.customer.name), (before.customer.id, "Ada"), "the account that there was");
    assert!(here.session(&before.session_token).await.is_err() && here.refresh(&before.refresh_token).await.is_err());
    assert!(here.login(ADA, PASSWORD).await.is_err());
    assert_eq!(shop.events::<CustomerRegistered>().await.len(), 1);
    assert_eq!(shop.number("select count(*) from device").await, 1, "and the devices");
    assert_ne!(ada.device_token.unwrap().reveal(), device.reveal());
}

/// Wrong tries from everywhere: the way by mail is open, and leads to a device that is known.
#[tokio::test]
async fn the_way_by_mail_is_open_while_others_guess() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register(ADA).await;
    for n in 0..20 {
        here.sign_in(&format!("10.0.0.{n}"), ADA, "wrong password", None).await.unwrap_err();
    }
    here.ask_for_link(ADA, "").await.unwrap();
    let known = here.confirm(&shop.last_link().await.token, OTHER).await.unwrap().device_token.unwrap();
    for n in 0..20 {
        here.sign_in(&format!("10.0.1.{n}"), ADA, "wrong password", None).await.unwrap_err();
    }
    here.sign_in("192.0.2.1", ADA, OTHER, Some(&known)).await.unwrap();
}

#[tokio::test]
async fn links_to_new_addresses_are_few_and_run_out() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    for _ in 0..20 {
        here.ask_for_link(ADA, "").await.unwrap();
        shop.wait(61.0).await;
    }
    let sent = shop.events::<LinkRequested>().await;
    assert_eq!(sent.len(), 5, "five a day, and the answer is the same");
    shop.wait(12.0 * 3600.0).await;
    here.confirm(&sent[0].token, PASSWORD).await.unwrap();
    assert!(here.confirm(&sent[4].token, PASSWORD).await.unwrap_err().is("link_invalid"), "one use ends them all");

    here.ask_for_link("new@example.com", "").await.unwrap();
    let link = shop.last_link().await;
    shop.wait(24.0 * 3600.0 + 1.0).await;
    assert!(here.confirm(&link.token, PASSWORD).await.unwrap_err().is("link_invalid"));
    let store = souk_identity::store::Store::new(here.db.clone());
    assert_eq!(store.purge().await.unwrap(), 1);
    assert_eq!(shop.number("select count(*) from account_link").await, 0);
    for token in ["", "x", &"A".repeat(43)] {
        let problem = here.confirm(&secret(token), PASSWORD).await.unwrap_err();
        assert_eq!((problem.kind, &*problem.code), (Kind::NotFound, "link_invalid"));
    }
}

/// Half an hour. And whoever asks for somebody else's links until none is sent has put a good one into that mailbox.
#[tokio::test]
async fn a_link_to_an_account_is_good_for_half_an_hour_and_there_is_always_a_good_one() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register(ADA).await;
    here.ask_for_link(ADA, "").await.unwrap();
    let link = shop.last_link().await;
    let minutes = "select extract(epoch from max(expires_at - created_at))::bigint / 60 from account_link";
    assert_eq!(shop.number(minutes).await, 30);
    assert!(link.expires_at.is_some(), "the mail says until when");
    shop.wait(29.0 * 60.0).await;
    assert!(here.confirm(&link.token, "short").await.unwrap_err().kind == Kind::Invalid, "the control: it is good");
    shop.wait(61.0).await;
    assert!(here.confirm(&link.token, OTHER).await.unwrap_err().is("link_invalid"));
    let store = souk_identity::store::Store::new(here.db.clone());
    assert_eq!(store.purge().await.unwrap(), 0, "it is counted for a day");

    // Every minute of a day, by a stranger.
    let good = "select count(*) from account_link where expires_at > now()";
    for _ in 0..24 * 60 {
        here.ask_for_link(ADA, "").await.unwrap();
        assert!(shop.number(good).await > 0, "the owner has a good link");
        shop.wait(60.5).await;
    }
    let sent = shop.events::<LinkRequested>().await.len();
    assert!((45..60).contains(&sent), "{sent} mails a day are the price of it");
    shop.wait(48.0 * 3600.0).await;
    assert!(store.purge().await.unwrap() > 40);
}

#[tokio::test]
async fn two_at_once_ask_once_and_use_once() {
    let shop = Shop::open().await;
    let (one, two) = (shop.process().await, shop.process().await);
    let asked = futures_util::future::join_all((0..10).map(|n| {
        let here = if n % 2 == 0 { &one } else { &two };
        async move { here.ask_for_link(ADA, "").await }
    }));
    assert!(asked.await.iter().all(Result::is_ok));
    assert_eq!(shop.events::<LinkRequested>().await.len(), 1);
    let token = shop.last_link().await.token;
    let (first, second) = tokio::join!(one.confirm(&token, PASSWORD), two.confirm(&token, OTHER));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    assert_eq!(shop.number("select count(*) from session").await, 1);
}

#[tokio::test]
async fn what_is_wrong_is_told_before_a_mail_is_sent() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let request = RequestLink { email: "nobody".into(), name: "a\nb".into(), password: Some(secret("short")) };
    let problem = here.client.request_link(&guest(), request).await.unwrap_err();
    let pointers: Vec<_> = problem.fields.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!(pointers, ["/email", "/password", "/name"]);
    assert_eq!(shop.events::<LinkRequested>().await.len(), 0);
}
