//! Change of an account's e-mail address: who may, what it ends, and that nothing tells who has an account.

use souk_identity_api::{
    ConfirmEmailChange, Customer, EmailChangeRequested, EmailChanged, RequestEmailChange, SignedIn, UpdateMe,
};
use souk_kernel::{Kind, Problem, Secret};

use crate::shop::{PASSWORD, Process, Shop, as_customer, guest, secret};

const ADA: &str = "ada@example.com";
const NEW: &str = "ada.lovelace@münchen.example";
const OTHER: &str = "another horse battery";

impl Process {
    async fn ask(&self, customer: &Customer, email: &str, password: &str) -> Result<(), Problem> {
        let request = RequestEmailChange { email: email.into(), current_password: secret(password) };
        self.client.request_email_change(&as_customer(customer), request).await
    }

    async fn take(&self, who: &SignedIn, token: &Secret<String>) -> Result<Customer, Problem> {
        let (token, session_token) = (token.clone(), Some(who.session_token.clone()));
        let request = ConfirmEmailChange { token, session_token, refresh_token: None };
        self.client.confirm_email_change(&as_customer(&who.customer), request).await
    }
}

impl Shop {
    async fn last_change(&self) -> EmailChangeRequested {
        self.events().await.pop().expect("a link was sent")
    }
}

#[tokio::test]
async fn an_account_gets_the_address_whose_mailbox_has_the_link() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register(ADA).await;
    let elsewhere = here.login(ADA, PASSWORD).await.unwrap();
    here.ask(&ada.customer, " Ada.Lovelace@MÜNCHEN.example", PASSWORD).await.unwrap();
    let link = shop.last_change().await;
    assert_eq!((link.email.reveal().as_str(), link.taken), ("ada.lovelace@xn--mnchen-3ya.example", false));
    assert_eq!(here.me(&ada.customer).await.email, ADA, "not before the link is used");

    let changed = here.take(&ada, &link.token).await.unwrap();
    assert_eq!((changed.id, changed.email.as_str()), (ada.customer.id, NEW));
    assert!(here.session(&ada.session_token).await.is_ok(), "the own session stays");
    assert!(here.session(&elsewhere.session_token).await.is_err(), "all others end");
    assert!(here.refresh(&elsewhere.refresh_token).await.is_err());
    assert!(here.login(ADA, PASSWORD).await.is_err());
    assert!(here.login("ADA.lovelace@xn--mnchen-3ya.example", PASSWORD).await.is_ok());
    let told = shop.events::<EmailChanged>().await;
    assert_eq!((told.len(), told[0].old_email.reveal().as_str()), (1, ADA), "the old address is told");
    assert!(here.take(&ada, &link.token).await.unwrap_err().is("link_invalid"), "of one use");
}

#[tokio::test]
async fn without_a_session_named_all_end() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register(ADA).await;
    here.ask(&ada.customer, NEW, PASSWORD).await.unwrap();
    let token = shop.last_change().await.token;
    let request = ConfirmEmailChange { token, session_token: None, refresh_token: None };
    here.client.confirm_email_change(&as_customer(&ada.customer), request).await.unwrap();
    assert!(here.session(&ada.session_token).await.is_err() && here.refresh(&ada.refresh_token).await.is_err());
}

#[tokio::test]
async fn only_the_customer_with_the_password_asks_and_only_the_customer_takes() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let (ada, eve) = (here.register(ADA).await, here.register("eve@example.com").await);
    let wrong = here.ask(&ada.customer, NEW, "wrong password").await.unwrap_err();
    assert_eq!(wrong.fields[0].pointer, "/current_password");
    let request = RequestEmailChange { email: NEW.into(), current_password: secret(PASSWORD) };
    let refused = here.client.request_email_change(&guest(), request).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Unauthenticated);
    for bad in ["nobody", "a\u{202e}b@example.com", "Ada@Example.com"] {
        assert_eq!(here.ask(&ada.customer, bad, PASSWORD).await.unwrap_err().fields[0].pointer, "/email", "{bad}");
    }
    assert!(shop.events::<EmailChangeRequested>().await.is_empty());

    here.ask(&ada.customer, NEW, PASSWORD).await.unwrap();
    let token = shop.last_change().await.token;
    // A stranger has the link, by a typing error: it opens nothing without being Ada.
    assert!(here.take(&eve, &token).await.unwrap_err().is("link_invalid"));
    assert!(here.confirm(&token, OTHER).await.unwrap_err().is("link_invalid"), "and chooses no password");
    let nobody = ConfirmEmailChange { token: token.clone(), session_token: None, refresh_token: None };
    assert_eq!(here.client.confirm_email_change(&guest(), nobody).await.unwrap_err().kind, Kind::Unauthenticated);
    // A link for a password changes no address.
    here.ask_for_link(ADA, "").await.unwrap();
    assert!(here.take(&ada, &shop.last_link().await.token).await.unwrap_err().is("link_invalid"));
    for token in ["", "x", &"A".repeat(43)] {
        assert!(here.take(&ada, &secret(token)).await.unwrap_err().is("link_invalid"));
    }
    assert!(here.take(&ada, &token).await.is_ok(), "the control: it was good all the time");
}

/// The same statements, commits, hashes and answer, whether somebody has the address or not.
#[tokio::test]
async fn asking_tells_nobody_who_has_an_account() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let (ada, bob) = (here.register(ADA).await, here.register("bob@example.com").await);
    here.register("carol@example.com").await;
    let mut stories = Vec::new();
    for (who, email) in [(&ada, "carol@example.com"), (&bob, "nobody@example.com")] {
        let before = (here.db.counters(), here.service.hashes());
        here.ask(&who.customer, email, PASSWORD).await.unwrap();
        let work = here.db.counters() - before.0;
        stories.push((work.statements, work.commits, here.service.hashes() - before.1));
    }
    assert_eq!(stories[0], stories[1]);
    let sent = shop.events::<EmailChangeRequested>().await;
    assert_eq!(sent.iter().map(|link| link.taken).collect::<Vec<_>>(), [true, false], "the mail tells");
    assert!(here.take(&ada, &sent[0].token).await.unwrap_err().is("link_invalid"), "it is Carol's");
    // Registered meanwhile.
    here.register("nobody@example.com").await;
    assert!(here.take(&bob, &sent[1].token).await.unwrap_err().is("link_invalid"));
    assert_eq!(here.me(&bob.customer).await.email, "bob@example.com");
}

#[tokio::test]
async fn links_are_few_and_run_out_after_half_an_hour() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let (ada, eve) = (here.register(ADA).await, here.register("eve@example.com").await);
    here.ask(&ada.customer, NEW, PASSWORD).await.unwrap();
    let link = shop.last_change().await;
    here.ask(&ada.customer, "other@example.com", PASSWORD).await.unwrap();
    here.ask(&eve.customer, NEW, PASSWORD).await.unwrap();
    assert_eq!(shop.events::<EmailChangeRequested>().await.len(), 1, "one a minute of a customer, and to an address");
    shop.wait(30.0 * 60.0 + 1.0).await;
    assert!(here.take(&ada, &link.token).await.unwrap_err().is("link_invalid"));
    for n in 0..10 {
        here.ask(&ada.customer, &format!("ada{n}@example.com"), PASSWORD).await.unwrap();
        shop.wait(61.0).await;
    }
    assert_eq!(shop.events::<EmailChangeRequested>().await.len(), 5, "five a day");
}

/// Whoever asked may have been a thief: the way back for the owner ends what the thief began.
#[tokio::test]
async fn a_new_password_ends_what_was_asked_for_before() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register(ADA).await;
    here.ask(&ada.customer, NEW, PASSWORD).await.unwrap();
    let first = shop.last_change().await.token;
    here.ask_for_link(ADA, "").await.unwrap();
    let back = here.confirm(&shop.last_link().await.token, OTHER).await.unwrap();
    assert!(here.take(&back, &first).await.unwrap_err().is("link_invalid"), "by mail");

    shop.wait(61.0).await;
    here.ask(&back.customer, NEW, OTHER).await.unwrap();
    let second = shop.last_change().await.token;
    let (current_password, new_password) = (Some(secret(OTHER)), Some(secret(PASSWORD)));
    let session_token = Some(back.session_token.clone());
    let update = UpdateMe { current_password, new_password, session_token, ..UpdateMe::default() };
    here.client.update_me(&as_customer(&back.customer), update).await.unwrap();
    assert!(here.take(&back, &second).await.unwrap_err().is("link_invalid"), "or by oneself");

    // And a link to choose a password that lies in the old mailbox is worth nothing once the account has left it.
    shop.wait(24.0 * 3600.0).await;
    here.ask_for_link(ADA, "").await.unwrap();
    let old = shop.last_link().await.token;
    here.ask(&back.customer, NEW, PASSWORD).await.unwrap();
    here.take(&back, &shop.last_change().await.token).await.unwrap();
    assert!(here.confirm(&old, OTHER).await.unwrap_err().is("link_invalid"));
}
