//! Card-number guard of a real process that logs everything: such numbers are refused wherever they stand, and found in
//! nothing that it says or keeps: its output, its data with mails and journals, its database's files and a dump of it.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use souk_testkit::{Guest, Reply, address, tokens};

use crate::orders::first_sku;
use crate::place::{Place, Running, run, said};
use crate::recovery::{cluster, postmaster};

/// A number that nothing else contains, as it would be kept and as people write it.
const DIGITS: &str = "4539578763621486";
const FORMS: [&str; 4] = [DIGITS, "4539 5787 6362 1486", "4539-5787-6362-1486", "4539+5787+6362+1486"];
const FORM: &str = "application/x-www-form-urlencoded";

/// Files below `place` in which one of `texts` stands.
fn files_with(texts: &[&str], places: &[&Path]) -> Vec<String> {
    let mut grep = Command::new("grep");
    grep.args(["-rlaF"]).args(texts.iter().flat_map(|text| ["-e", text])).arg("--").args(places);
    let output = run(&mut grep);
    // 1: nothing found. A file that went away meanwhile makes it 2; its neighbours were looked at.
    let gone = String::from_utf8(output.stderr).unwrap();
    assert!(gone.lines().all(|line| line.contains("No such file")), "{gone}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What `pg_dump` of the server's own installation says.
fn dump(place: &Place, database: &str) -> String {
    let server = std::fs::canonicalize(format!("/proc/{}/exe", postmaster(place))).unwrap();
    said(Command::new(server.with_file_name("pg_dump")).arg("--dbname").arg(database))
}

async fn refused(place: &Place, method: Method, path: &str, header: Option<(&str, &str)>, body: (&str, String)) {
    let mut headers = Vec::from_iter(header);
    if !body.1.is_empty() {
        headers.push(("content-type", body.0));
    }
    let at = format!("{method} {path} {headers:?} {}", body.1);
    let reply: Reply = place.shop().send(method, path, &headers, Bytes::from(body.1)).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, "card_number_refused"), "{at}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn card_numbers_are_neither_logged_nor_kept() {
    let place = Place::new();
    let provider = place.provider().await;
    let mut command = place.command(&["up", "--demo-products", "5"]);
    command.env("SOUK_LOG__FILTER", "debug").env("SOUK_LOG__JSON", "true");
    let shop = Running::start(command, place.log("shop"), "the shop is open").await;
    let mut guest = Guest::new(&place.shop());
    guest.fill(&first_sku(&place).await, 1).await;
    let cart = guest.cart_path().await;
    let bought = guest.checkout(tokens::OK).await.bought();
    let cancel = format!("/api/v1/orders/{}/cancel?token={}", bought.order.id, bought.token);

    let none = || ("", String::new());
    let json = |value: serde_json::Value| ("application/json", value.to_string());
    for written in FORMS {
        let escaped = written.replace(' ', "%20");
        let (get, post) = (Method::GET, Method::POST);
        refused(&place, get.clone(), &format!("/p/{escaped}"), None, none()).await;
        refused(&place, get.clone(), &format!("/api/v1/carts/{escaped}"), None, none()).await;
        refused(&place, get.clone(), &format!("/search?q={escaped}"), None, none()).await;
        refused(&place, get, &format!("/api/v1/products?{escaped}=x"), None, none()).await;
        for path in ["/cart/coupons", "/checkout/address", "/account/login"] {
            let form = format!("a=b&field={}", written.replace(' ', "+"));
            refused(&place, post.clone(), path, None, (FORM, form)).await;
        }
        // Elsewhere a plus is no blank.
        if written.contains('+') {
            continue;
        }
        for header in ["idempotency-key", "referer", "x-made-up", "if-match"] {
            refused(&place, post.clone(), "/api/v1/carts", Some((header, written)), json(json!({}))).await;
        }
        let mut home = address();
        home["line1"] = json!(format!("Main St {written}"));
        refused(&place, Method::PATCH, &cart, None, json(json!({ "shipping_address": home }))).await;
        let mut pay = guest.checkout_body(tokens::OK);
        pay["payment"]["token"] = json!(written);
        refused(&place, post.clone(), "/api/v1/checkout", Some(("idempotency-key", "k")), json(pay)).await;
        refused(&place, post.clone(), &cancel, None, json(json!({ "reason": written }))).await;
    }

    // What is looked through does hold what a buyer brought: the log the requests, the dump and the files the order.
    let log = shop.said();
    assert!(
        log.contains("\"level\":\"DEBUG\"") && log.contains("card_number_refused"),
        "{}",
        &log[..log.len().min(2_000)]
    );
    let dump = dump(&place, &place.database().await);
    assert!(dump.contains(&guest.email), "the control: the dump is one of this shop");
    let (data, cluster) = (place.data(), cluster(&place));
    let here = data.parent().unwrap();
    assert!(!files_with(&[&guest.email], &[here, &cluster]).is_empty(), "the control: kept in a file");

    assert!(!FORMS.iter().any(|written| dump.contains(written)), "in the dump");
    let bytes: String = DIGITS.bytes().map(|digit| format!("{digit:02x}")).collect();
    assert!(!dump.contains(&bytes), "in the dump, as bytes");
    assert_eq!(files_with(&FORMS, &[here, &cluster]), Vec::<String>::new());
    shop.stop().await;
    provider.stop().await;
    assert_eq!(files_with(&FORMS, &[here]), Vec::<String>::new(), "after the end");
}
