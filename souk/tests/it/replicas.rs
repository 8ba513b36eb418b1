//! Replica lag, a whole shop that reads from a replica which stands still: who wrote sees it, and who says that they did not
//! may see what was before.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::http::Method;
use bytes::Bytes;
use serde_json::{Value, json};
use souk_testkit::{Browser, Reply, Shop, eventually};

use crate::place::{PATIENCE, Place, Running};

/// First column of the first row, from the server at `url`.
async fn sql(url: &str, sql: &str) -> anyhow::Result<String> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let ask = async {
        let rows = client.simple_query(sql).await?;
        let first = rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        Ok(first.unwrap_or_default())
    };
    tokio::select! {
        answer = ask => answer,
        ended = connection => Err(anyhow::anyhow!("closed: {ended:?}")),
    }
}

/// How to connect to the server whose cluster is in `pgdata`.
fn url_of(pgdata: &Path) -> String {
    let lock = std::fs::read_to_string(pgdata.join("postmaster.pid")).unwrap();
    format!("postgresql://souk@{}/souk", lock.lines().nth(4).unwrap().trim().replace('/', "%2F"))
}

async fn cart(shop: &Shop, method: Method, path: &str, position: Option<&str>, body: Option<Value>) -> Reply {
    let mut headers: Vec<(&str, &str)> = position.map(|token| ("souk-position", token)).into_iter().collect();
    if body.is_some() {
        headers.push(("content-type", "application/json"));
    }
    let body = body.map_or(Bytes::new(), |body| body.to_string().into());
    let reply = shop.send(method, path, &headers, body).await;
    assert!(reply.status.is_success(), "{path}: {} {}", reply.status, reply.text());
    reply
}

fn units(reply: &Reply) -> u64 {
    let cart: Value = reply.json();
    cart["lines"].as_array().unwrap().iter().map(|line| line["quantity"].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buyers_see_what_they_did_while_the_replica_stands_still() {
    let place = Place::new();
    let mut command = place.command(&["up", "--demo-products", "5", "--replicas", "1"]);
    // The machine may be slow, and the replica must not be left out for what the test does to it.
    command.env("SOUK_DATABASE__REPLICA_MAX_LAG_SECONDS", "50");
    let running = Running::start(command, place.log("shop"), "the shop is open").await;
    let primary = place.database().await;
    let base = PathBuf::from(sql(&primary, "show data_directory").await.unwrap());
    let base = base.parent().unwrap().display().to_string();
    let replica = url_of(Path::new(&format!("{base}-replica-1/pgdata")));
    let shop = place.shop();

    let page: Value = shop.get("/api/v1/products?limit=1").await.json();
    let (sku, slug) = (&page["items"][0]["variants"][0]["sku"], page["items"][0]["slug"].as_str().unwrap());
    let created = cart(&shop, Method::POST, "/api/v1/carts", None, Some(json!({}))).await;
    let id = created.json::<Value>()["id"].as_str().unwrap().to_owned();
    let (path, lines) = (format!("/api/v1/carts/{id}"), format!("/api/v1/carts/{id}/lines"));
    let line = json!({ "sku": sku, "quantity": 1 });
    cart(&shop, Method::POST, &lines, None, Some(line.clone())).await;
    // Who knows of positions and has none reads from the replica once that is watched and has come here.
    eventually("the replica has the cart and is read from", PATIENCE, || async {
        let told = units(&cart(&shop, Method::GET, &path, Some(""), None).await);
        let sessions = "select count(*) from pg_stat_activity where usename = 'souk_cart'";
        let read = sql(&replica, sessions).await.unwrap();
        // What it lacks altogether the primary answers: ask it.
        let version = format!("select version from cart.cart where id = '{id}'");
        let (has, wanted) = (sql(&replica, &version).await.unwrap(), sql(&primary, &version).await.unwrap());
        if told == 1 && read != "0" && has == wanted { Ok(()) } else { Err((told, read, has, wanted)) }
    })
    .await;

    sql(&replica, "select pg_wal_replay_pause()").await.unwrap();
    eventually("it stands still", PATIENCE, || async {
        let state = sql(&replica, "select pg_get_wal_replay_pause_state()").await.unwrap();
        if state == "paused" { Ok(()) } else { Err(state) }
    })
    .await;
    let more = cart(&shop, Method::POST, &lines, None, Some(line)).await;
    let token = more.header("souk-position").to_owned();
    assert!(!token.is_empty() && more.header("set-cookie").starts_with("souk_pos="), "{:?}", more.headers);
    for _ in 0..20 {
        assert_eq!(units(&cart(&shop, Method::GET, &path, Some(&token), None).await), 2, "the writer");
    }
    // The control. On a busy machine the replica may be left out for a moment.
    eventually("the replica shows what was before", PATIENCE, || async {
        match units(&cart(&shop, Method::GET, &path, Some(""), None).await) {
            1 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    assert_eq!(units(&cart(&shop, Method::GET, &path, None, None).await), 2, "a program that knows of no positions");

    // A refusal was decided on the primary, so the next read of the one who was refused shows what refused them.
    let stale = [("if-match", "\"1\""), ("souk-position", ""), ("content-type", "application/json")];
    let refused =
        shop.send(Method::POST, &lines, &stale, json!({ "sku": sku, "quantity": 1 }).to_string().into()).await;
    assert_eq!(refused.status, 412, "{}", refused.text());
    assert_eq!(units(&cart(&shop, Method::GET, &path, Some(refused.header("souk-position")), None).await), 2);
    let delivery = json!({ "email": "still@example.org", "shipping_address": souk_testkit::address() });
    cart(&shop, Method::PATCH, &path, None, Some(delivery)).await;
    let methods: Value = shop.get(&format!("{path}/shipping-methods")).await.json();
    let method = json!({ "shipping_method": methods["items"][0]["id"] });
    let ready = cart(&shop, Method::PATCH, &path, None, Some(method)).await.json::<Value>();
    let pay = json!({
        "cart_id": id, "cart_version": 1, "expected_total": ready["totals"]["total"],
        "payment": { "provider": "sandbox", "token": souk_testkit::tokens::OK }
    });
    let headers = [("idempotency-key", "stale"), ("souk-position", ""), ("content-type", "application/json")];
    let refused = shop.send(Method::POST, "/api/v1/checkout", &headers, pay.to_string().into()).await;
    assert_eq!((refused.status.as_u16(), refused.json::<Value>()["code"].as_str()), (409, Some("cart_changed")));
    let looked = cart(&shop, Method::GET, &path, Some(refused.header("souk-position")), None).await.json::<Value>();
    assert_eq!(looked["version"], ready["version"]);

    // A browser, from page to page: cart, account, order.
    let mut browser = Browser::new(&shop);
    let page = browser.visit(&format!("/p/{slug}")).await;
    let form = page.form("/cart/lines");
    let shown = browser.submit(&page, &form).await;
    assert!(browser.cookie("souk_pos").is_some());
    assert!(shown.text().contains("1") && !shown.text().contains("empty"), "{}", shown.text());
    let account = browser.register("still@example.org", "Stella").await;
    assert!(account.text().contains("Stella"), "{}", account.text());

    sql(&replica, "select pg_wal_replay_resume()").await.unwrap();
    eventually("the replica has caught up", Duration::from_secs(30), || async {
        match units(&cart(&shop, Method::GET, &path, Some(""), None).await) {
            2 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    running.stop().await;
    assert!(sql(&replica, "select 1").await.is_err(), "the replica is stopped with the shop");
}
