//! `souk orders` beside a running shop.

use serde_json::Value;
use souk_testkit::{Guest, eventually, tokens};

use crate::place::{PATIENCE, Place, complaint, said};

fn listed(place: &Place, status: &str) -> Vec<Value> {
    serde_json::from_str(&said(&mut place.command(&["orders", "list", "--json", "--status", status]))).unwrap()
}

fn shown(place: &Place, number: &str) -> Value {
    serde_json::from_str(&said(&mut place.command(&["orders", "show", number, "--json"]))).unwrap()
}

async fn comes_to(place: &Place, number: &str, wanted: &str) -> Value {
    eventually(wanted, PATIENCE, || async {
        let order = shown(place, number);
        if order["status"] == wanted { Ok(order) } else { Err(order) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_looked_after() {
    let place = Place::new();
    let provider = place.provider().await;
    let shop = place.up(&["--demo-products", "5"]).await;
    let sku = first_sku(&place).await;
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let mut guest = Guest::new(&place.shop());
        guest.fill(&sku, 1).await;
        numbers.push(guest.checkout(tokens::OK).await.bought().order.number);
    }
    let (kept, returned) = (&numbers[0], &numbers[1]);
    assert_eq!(listed(&place, "confirmed").len(), 2);
    let text = said(&mut place.command(&["orders", "list"]));
    assert!(text.contains(kept) && text.contains("confirmed") && text.contains(" +00:00  "), "{text}");
    let placed: jiff::Timestamp = shown(&place, kept)["placed_at"].as_str().unwrap().parse().unwrap();
    let tokyo = souk_kernel::ShopTime::in_zone("Asia/Tokyo").unwrap();
    for command in [&["orders", "list"][..], &["orders", "show", kept]] {
        let text = said(place.command(command).env("SOUK_SHOP__TIME_ZONE", "Asia/Tokyo"));
        assert!(text.contains(&tokyo.in_list(placed)) && text.contains(" +09:00  "), "{text}");
        let told = complaint(place.command(command).env("SOUK_SHOP__TIME_ZONE", "Tokyo"));
        assert!(told.contains("SOUK_SHOP__TIME_ZONE") && told.contains("did you mean Asia/Tokyo?"), "{told}");
    }
    let utc = shown(&place, kept)["placed_at"].as_str().unwrap().ends_with('Z');
    assert!(utc, "for machines");

    said(place.command(&["orders", "cancel", returned]).args(["--reason", "changed their mind"]));
    eventually("the money is back", PATIENCE, || async {
        let order = shown(&place, returned);
        let back = matches!(order["payment_status"].as_str(), Some("refunded" | "voided"));
        if order["status"] == "cancelled" && back { Ok(()) } else { Err(order) }
    })
    .await;
    said(place.command(&["orders", "ship", kept]).args(["--carrier", "DHL", "--tracking", "0034"]));
    assert_eq!(comes_to(&place, kept, "shipped").await["shipments"][0]["tracking_number"], "0034");
    let told = complaint(&mut place.command(&["orders", "cancel", kept]));
    assert!(told.contains("souk:"), "{told}");
    said(&mut place.command(&["orders", "deliver", kept]));
    comes_to(&place, kept, "delivered").await;
    let told = complaint(&mut place.command(&["orders", "ship", returned]));
    assert!(told.contains("cannot be shipped"), "{told}");
    assert!(complaint(&mut place.command(&["orders", "show", "S-1"])).contains("order"));
    assert!(complaint(&mut place.command(&["orders", "list", "--status", "lost"])).contains("is no status"));

    eventually("all mails have left", PATIENCE, || async {
        let waiting = said(&mut place.command(&["mail", "list"]));
        if waiting.is_empty() { Ok(()) } else { Err(waiting) }
    })
    .await;
    assert!(said(&mut place.command(&["mail", "retry"])).contains("0 mails"));

    let inside = place.inside(&place.database().await).await;
    inside.check().await;
    inside.leave().await;
    shop.stop().await;
    provider.stop().await;
}

/// Without a shop: only settings and the mail server matter.
#[tokio::test]
async fn a_test_message_is_sent_or_the_step_that_failed_is_told() {
    let place = Place::new();
    let server = souk_engines::SmtpSink::start().await.unwrap();
    let test = |address: &str| {
        let mut command = place.command(&["mail", "test", address]);
        command.env("SOUK_MAIL__SMTP__HOST", "127.0.0.1").env("SOUK_MAIL__SMTP__PORT", server.port().to_string());
        command
    };
    let told = said(&mut test("ada@m\u{fc}nchen.example"));
    for part in ["connect    127.0.0.1:", "recipient  ada@xn--mnchen-3ya.example: 250", "mail       250", "on its way"]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(server.mails().unwrap().len(), 1);
    let refused = test("\u{7528}\u{6237}@example.org").output().unwrap();
    let told = String::from_utf8(refused.stdout).unwrap();
    assert!(!refused.status.success() && told.contains("does not offer SMTPUTF8"), "{told}");
    let wrong = complaint(test("ada@example.org").env("SOUK_MAIL__SMTP__TIMEOUT_SECONDS", "0"));
    assert!(wrong.contains("mail.smtp.timeout_seconds"), "{wrong}");
    let folder = said(&mut place.command(&["mail", "test", "ada@example.org"]));
    assert!(folder.contains("no mail server is configured"), "{folder}");
}

/// Something of the demo shop that can be bought.
pub async fn first_sku(place: &Place) -> String {
    let page: Value = place.shop().get("/api/v1/products?limit=1&sort=title").await.json();
    let slug = page["items"][0]["slug"].as_str().unwrap().to_owned();
    let product: Value = place.shop().get(&format!("/api/v1/products/{slug}")).await.json();
    product["variants"][0]["sku"].as_str().unwrap().to_owned()
}
