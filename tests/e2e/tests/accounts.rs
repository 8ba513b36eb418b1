//! Accounts while strangers guess, and what registration tells.

use http::Method;
use serde_json::{Value, json};
use souk_testkit::World;

everywhere! { crate::crowded(); strangers_lock_nobody_out, registration_tells_nothing }

/// The same browser signs in whatever is tried elsewhere; the control is another one, at the guesser's own address.
async fn strangers_lock_nobody_out(world: &World) {
    let mut ada = world.browser();
    let account = ada.register("ada@example.org", "Ada").await;
    ada.submit(&account, &account.form("/account/logout")).await;
    let guess = json!({ "email": "ada@example.org", "password": "wrong password" });
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(world.shop.json(Method::POST, "/api/v1/auth/login", &guess).await.status.as_u16());
    }
    assert_eq!(answers, [401, 401, 401, 401, 401, 429]);
    let right = json!({ "email": "ada@example.org", "password": souk_testkit::PASSWORD });
    let control = world.shop.json(Method::POST, "/api/v1/auth/login", &right).await;
    assert_eq!((control.status.as_u16(), control.code().as_str()), (429, "too_many_tries"));

    let page = ada.visit("/account").await;
    let form = page.form("/account/login").set("email", "ada@example.org").set("password", souk_testkit::PASSWORD);
    let account = ada.submit(&page, &form).await;
    assert!(account.path == "/account" && account.text().contains("Hello Ada"), "{}", account.text());
}

async fn registration_tells_nothing(world: &World) {
    let mut ada = world.guest();
    ada.register().await;
    let mut answers = Vec::new();
    for email in [ada.email.as_str(), "nobody@example.org"] {
        for path in ["/api/v1/auth/register", "/api/v1/auth/recover"] {
            let reply = world.shop.json(Method::POST, path, &json!({ "email": email })).await;
            answers.push((reply.status.as_u16(), reply.json::<Value>()));
        }
    }
    assert!(answers.iter().all(|answer| *answer == (202, json!({ "status": "check_mail" }))), "{answers:?}");

    // The mail tells; and with its link a forgotten password is chosen anew.
    let fresh = world.shop.mailed_link("nobody@example.org", "/account/confirm?token=").await;
    assert!(fresh.len() > "/account/confirm?token=".len());
    let mut elsewhere = world.browser();
    let email = "forgetful@example.org";
    elsewhere.register(email, "Fay").await;
    let page = elsewhere.visit("/account").await;
    elsewhere.submit(&page, &page.form("/account/logout")).await;
    let first = world.shop.mailed_link(email, "/account/confirm?token=").await;
    let page = elsewhere.visit("/account/recover").await;
    let told = elsewhere.submit(&page, &page.form("/account/recover").set("email", email)).await;
    assert!(told.text().contains("look into your mailbox"), "{}", told.text());
    let used = elsewhere.visit(&first).await;
    let form = used.form("/account/confirm").set("password", "another horse battery");
    let next = souk_testkit::eventually("a second link", std::time::Duration::from_secs(20), || async {
        let link = world.shop.mailed_link(email, "/account/confirm?token=").await;
        if link == first { Err(link) } else { Ok(link) }
    })
    .await;
    let refused = elsewhere.submit(&used, &form).await;
    assert!(refused.text().contains("used or is too old"), "{}", refused.text());
    let page = elsewhere.visit(&next).await;
    let form = page.form("/account/confirm").set("password", "another horse battery");
    let account = elsewhere.submit(&page, &form).await;
    assert!(account.text().contains("Hello Fay"), "{}", account.text());
}
