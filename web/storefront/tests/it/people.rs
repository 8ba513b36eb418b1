//! Accounts: signing in and out, orders, addresses, profile.

use http::StatusCode;

use crate::browser::{Browser, ORIGIN};

const ANA: [(&str, &str); 3] = [("name", "Ana Example"), ("email", "ana@example.com"), ("password", "correct horse")];
const HOME: [(&str, &str); 5] =
    [("name", "Ana"), ("line1", "Marktplatz 1"), ("postal_code", "04109"), ("city", "Leipzig"), ("country", "de")];

#[tokio::test]
async fn a_guest_becomes_a_customer_and_keeps_the_cart() {
    let mut browser = Browser::new(100);
    let (sku, _) = browser.sku(0);
    browser.submit("/cart/lines", &[("sku", &sku)]).await;
    let guest_cart = browser.cookies["souk_cart"].clone();
    assert_eq!(browser.register(&ANA).await.location(), "/account");
    browser.get("/cart").await.shows("1 item");
    assert_ne!(browser.cookies["souk_cart"], guest_cart, "the customer's own cart took over");
    browser.get("/account").await.shows("Hello Ana Example").shows("Nothing yet");
    assert_eq!(browser.get("/fragments/header").await.body, r#"{"name":"Ana Example","units":1}"#);

    let out = browser.post("/account/logout", &[]).await;
    assert_eq!(out.location(), "/");
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["souk_device"], "the browser stays known, and that is all");
    browser.get("/cart").await.shows("Your cart is empty");

    let mut elsewhere = Browser::of(&browser.shop, ORIGIN);
    elsewhere.submit("/account/login", &ANA[1..]).await.shows("Hello Ana");
    elsewhere.get("/cart").await.shows("1 item");
    assert!(browser.shop.state().devices.is_empty(), "elsewhere is a device that nobody knows");
    browser.post("/account/login", &ANA[1..]).await;
    assert_eq!(browser.shop.state().devices, ["device"]);
}

#[tokio::test]
async fn wrong_credentials_are_told_without_saying_which() {
    let mut browser = Browser::new(10);
    browser.register(&ANA).await;
    browser.post("/account/logout", &[]).await;
    for (email, password) in [("ana@example.com", "not my horse"), ("nobody@example.com", "correct horse")] {
        let page = browser.submit("/account/login", &[("email", email), ("password", password)]).await;
        page.shows("Address or password is wrong.").shows(email).hides(password);
        assert!(!browser.cookies.contains_key("souk_session"));
    }
}

/// The same answer for an address with an account and for one without, in registration and recovery; the control is what
/// an identity of the previous release makes of it.
#[tokio::test]
async fn registration_tells_nobody_who_has_an_account() {
    let mut browser = Browser::new(10);
    browser.register(&ANA).await;
    browser.post("/account/logout", &[]).await;
    let answers = |reply: &crate::browser::Reply| (reply.status, reply.headers.clone(), reply.body.clone());
    for path in ["/account/register", "/account/recover"] {
        let known = browser.post(path, &[("email", "ana@example.com")]).await;
        let unknown = browser.post(path, &[("email", "nobody@example.com")]).await;
        assert_eq!(answers(&known), answers(&unknown), "{path}");
        let page = browser.get(known.location()).await;
        page.shows("Please look into your mailbox").hides("ana@example.com");
        let wrong = browser.submit(path, &[("email", "nobody")]).await;
        wrong.shows("Must be an e-mail address").shows("value=\"nobody\"");
    }
    browser.get("/account").await.shows("href=\"/account/recover\"");
    browser.get("/account/recover").await.shows("Send the link");
    assert_eq!(browser.get("/account/register").await.location(), "/account");

    browser.shop.state().previous_identity = true;
    let asked = browser.submit("/account/register", &[("email", "b@example.com")]).await;
    asked.shows("name=\"password\" type=\"password\" value=\"\" autocomplete=\"new-password\"");
    let taken = browser.submit("/account/register", &ANA).await;
    taken.shows("There is an account with this address already");
    let made = browser.post("/account/register", &[("email", "b@example.com"), ("password", "correct horse")]).await;
    assert_eq!(made.location(), "/account");
    browser.post("/account/logout", &[]).await;
    browser
        .submit("/account/login", &[("email", "b@example.com"), ("password", "correct horse")])
        .await
        .shows("Your account");
}

#[tokio::test]
async fn a_link_is_of_one_use_and_looking_at_it_is_none() {
    let mut browser = Browser::new(10);
    browser.post("/account/register", &ANA[..2]).await;
    for _ in 0..3 {
        browser.get("/account/confirm?token=link-0").await.shows("Choose your password");
    }
    let short = browser.submit("/account/confirm", &[("token", "link-0"), ("password", "short")]).await;
    short.shows("A password has 8 to 128 characters.").hides("value=\"short\"");
    let token = short.hidden("token");
    let form = [("token", token.as_str()), ("password", "correct horse")];
    browser.submit("/account/confirm", &form).await.shows("Hello Ana Example");
    let again = browser.submit("/account/confirm", &form).await;
    again.shows("This link was used or is too old.").shows("action=\"/account/recover\"");
    assert_eq!(browser.get("/account/confirm").await.location(), "/account");
    let injected = browser.get("/account/confirm?token=%22%3E%3Cscript%3E").await;
    injected.hides("<script>");
}

#[tokio::test]
async fn cookies_are_guarded_and_bound_to_the_host_on_https() {
    let mut browser = Browser::new(10);
    let reply = browser.register(&ANA).await;
    let cookies: Vec<&str> = reply.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("souk_session=")).unwrap();
    assert!(
        session.contains("HttpOnly") && session.contains("SameSite=Lax") && !session.contains("Secure"),
        "{session}"
    );

    let mut secure = Browser::of(&browser.shop, "https://shop.test");
    let form = [("email", "b@example.com"), ("password", "correct horse")];
    let reply = secure.register(&form).await;
    for cookie in reply.headers.get_all("set-cookie") {
        let text = cookie.to_str().unwrap();
        assert!(text.starts_with("__Host-souk_") && text.contains("Secure") && text.contains("Path=/"), "{text}");
    }
}

#[tokio::test]
async fn a_customer_orders_with_a_stored_address_and_cancels() {
    let mut browser = Browser::new(100);
    let (sku, _) = browser.sku(0);
    browser.register(&ANA).await;
    browser.submit("/account/addresses/new", &HOME).await.shows("Saved.").shows("04109 Leipzig");
    browser.submit("/cart/lines", &[("sku", &sku)]).await;
    let page = browser.get("/checkout").await;
    page.shows("Use this address").hides("as a guest");
    browser.submit("/checkout/address", &[("saved", &page.hidden("saved"))]).await.shows("How should it travel?");
    let till = browser.submit("/checkout/delivery", &[("method", "standard")]).await;
    let order = browser.paid(&till, "tok_ok").await;
    order.shows("ana@example.com").shows("Cancel this order");
    let id = order.after("href=\"/orders/");
    browser.get("/account").await.shows("S-1000001").shows(&id);

    let mut stranger = Browser::of(&browser.shop, ORIGIN);
    stranger.register(&[("email", "eve@example.com"), ("password", "correct horse")]).await;
    assert_eq!(stranger.get(&format!("/orders/{id}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.get(&format!("/orders/{id}/cancel")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.submit(&format!("/orders/{id}/cancel"), &[]).await.status, StatusCode::NOT_FOUND);

    let asked = browser.get(&format!("/orders/{id}/cancel")).await;
    asked.shows("Cancel order S-1000001?").shows("go back to where they came from").shows("No, keep it");
    browser.get(&format!("/orders/{id}")).await.shows("Confirmed").shows("Paid.");

    browser
        .submit(&format!("/orders/{id}/cancel"), &[])
        .await
        .shows("Cancelled")
        .shows("were paid back to where they came from")
        .hides("Paid.")
        .hides("Cancel this order");
    browser.submit(&format!("/orders/{id}/cancel"), &[]).await.shows("This order is on its way.");
    assert_eq!(browser.get(&format!("/orders/{id}/cancel")).await.location(), format!("/orders/{id}"));
}

#[tokio::test]
async fn addresses_and_profile_are_kept() {
    let mut browser = Browser::new(10);
    browser.register(&ANA).await;
    let wrong = browser.submit("/account/addresses/new", &[("name", "Ana Bee")]).await;
    wrong.shows("Must not be empty.").shows("value=\"Ana Bee\"");
    let account = browser.submit("/account/addresses/new", &HOME).await;
    let id = account.after("href=\"/account/addresses/");
    browser.get(&format!("/account/addresses/{id}")).await.shows("value=\"Marktplatz 1\"");
    let mut changed = HOME.to_vec();
    changed[1] = ("line1", "Hauptstr. 5");
    browser.submit(&format!("/account/addresses/{id}"), &changed).await.shows("Hauptstr. 5").hides("Marktplatz");
    browser.submit(&format!("/account/addresses/{id}/remove"), &[]).await.hides("Hauptstr. 5");
    assert_eq!(browser.get("/account/addresses/nonsense").await.status, StatusCode::NOT_FOUND);

    browser.submit("/account/profile", &[("name", "Ana B")]).await.shows("Hello Ana B");
    let wrong =
        browser.submit("/account/password", &[("current_password", "no"), ("new_password", "another horse")]).await;
    wrong.shows("This is not your password.");
    let form = [("current_password", "correct horse"), ("new_password", "another horse")];
    browser.submit("/account/password", &form).await.shows("Your password is changed");
}

#[tokio::test]
async fn another_address_is_asked_for_with_the_password_and_taken_with_the_link() {
    let mut browser = Browser::new(10);
    browser.register(&ANA).await;
    let mut elsewhere = Browser::of(&browser.shop, ORIGIN);
    elsewhere.submit("/account/login", &ANA[1..]).await.shows("Hello Ana");
    browser.get("/account").await.shows("name, password or e-mail address");
    browser.get("/account/profile").await.shows("action=\"/account/email\"");
    let new = ("email", "ana@m\u{fc}nchen.example");
    let wrong = browser.submit("/account/email", &[new, ("current_password", "not my horse")]).await;
    wrong.shows("This is not your password.").shows(&format!("value=\"{}\"", new.1)).hides("not my horse");
    let wrong = browser.submit("/account/email", &[("email", "nobody"), ("current_password", "correct horse")]).await;
    wrong.shows("Must be an e-mail address, such as ada@example.com.");
    let asked = browser.submit("/account/email", &[new, ("current_password", "correct horse")]).await;
    asked.shows("mailbox of the new address").shows("ana@example.com");

    // Whoever has the link and is not signed in is asked to be, and comes back to it.
    let mut guest = Browser::of(&browser.shop, ORIGIN);
    let away = guest.get("/account/email?token=change-0").await.location().to_owned();
    assert_eq!(away, "/account?next=%2Faccount%2Femail%3Ftoken%3Dchange%2D0");
    let next = guest.get(&away).await.hidden("next");
    let mut form = ANA[1..].to_vec();
    form.push(("next", &next));
    assert_eq!(guest.post("/account/login", &form).await.location(), "/account/email?token=change-0");

    for _ in 0..3 {
        browser.get("/account/email?token=change-0").await.shows("Yes, use this address");
    }
    let token = browser.get("/account/email?token=change-0").await.hidden("token");
    let done = browser.submit("/account/email/confirm", &[("token", &token)]).await;
    done.shows("Your e-mail address is changed").shows(new.1).hides("ana@example.com");
    elsewhere.get("/account").await.shows("New here?");
    let again = browser.submit("/account/email/confirm", &[("token", &token)]).await;
    again.shows("This link was used, is too old, or is for another account.");
    assert_eq!(browser.get("/account/email").await.location(), "/account/profile");
    let injected = browser.get("/account/email?token=%22%3E%3Cscript%3E").await;
    injected.hides("<script>");

    let mut eve = Browser::of(&browser.shop, ORIGIN);
    eve.register(&[("email", "eve@example.com"), ("password", "correct horse")]).await;
    browser.submit("/account/email", &[("email", "b@example.com"), ("current_password", "correct horse")]).await;
    let stolen = eve.submit("/account/email/confirm", &[("token", "change-1")]).await;
    stolen.shows("is for another account");
    assert_eq!(eve.post("/account/logout", &[]).await.location(), "/");
    let nobody = eve.submit("/account/email/confirm", &[("token", "change-1")]).await;
    nobody.hides("is changed");
}

/// Letters of every script before the `@` pass the browser: its own type for addresses refuses them.
#[tokio::test]
async fn fields_for_addresses_take_every_script_and_bring_the_right_keyboard() {
    let mut browser = Browser::new(10);
    for page in ["/account", "/account/recover"] {
        let page = browser.get(page).await;
        page.hides("type=\"email\"").shows("autocomplete=\"email\" inputmode=\"email\" autocapitalize=\"none\"");
    }
}

/// The fake stands still late in the morning of 18 November, UTC.
#[tokio::test]
async fn days_are_those_of_the_shop() {
    let mut browser = Browser::new(100);
    let (sku, _) = browser.sku(0);
    browser.register(&ANA).await;
    browser.submit("/cart/lines", &[("sku", &sku)]).await;
    browser.get("/checkout").await;
    browser.submit("/checkout/address", &crate::buying::ADDRESS).await;
    let till = browser.submit("/checkout/delivery", &[("method", "standard")]).await;
    browser.paid(&till, "tok_ok").await.shows("Placed on 19 November 2026");
    browser.get("/account").await.shows("19 November 2026").hides("18 November 2026");
}

#[tokio::test]
async fn personal_pages_ask_guests_to_sign_in() {
    let mut browser = Browser::new(10);
    browser.get("/account").await.shows("Sign in").shows("New here?");
    assert_eq!(browser.get("/account/profile").await.location(), "/account?next=/account/profile");
    assert_eq!(browser.get("/account/addresses/new").await.location(), "/account");
    assert_eq!(browser.get("/checkout").await.location(), "/cart", "nothing to check out");
    let evil = browser.get("/account?next=https://evil.example").await;
    evil.hides("evil.example");
}

#[tokio::test]
async fn an_account_keeps_addresses_with_the_fields_of_their_country() {
    let mut browser = Browser::new(10);
    browser.register(&ANA).await;
    let choose = [("fields", "country"), ("name", "Ana"), ("make_default", "true"), ("country", "US")];
    let answer = browser.post("/account/addresses/new", &choose).await;
    assert_eq!(answer.location(), "/account/addresses/new#address-country");
    let form = browser.get("/account/addresses/new").await;
    form.shows("ZIP code")
        .shows("<option value=\"CA\">California")
        .shows("value=\"Ana\"")
        .shows("value=\"true\" checked");
    let refused =
        browser.submit("/account/addresses/new", &[("name", "Ana"), ("line1", "1 Main St"), ("country", "UK")]).await;
    refused.shows("Must be a country code of ISO 3166-1: write GB instead of UK.").shows("Please choose");
}
