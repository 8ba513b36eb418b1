//! Setting prices: only differences count, and each product tells once.

use std::time::Instant;

use souk_kernel::Kind;
use souk_kernel::{Currency, Event};
use souk_pricing::store::STATEMENTS;
use souk_pricing_api::{Price, PriceChanged, PricesRequest, PricingClient, RefusedPrice, SetPrices, serve_pricing};
use souk_rpc::{Actor, Channel, Cx};

use crate::shop::{Process, Shop, cx, eur, id, price};

#[tokio::test]
async fn every_statement_prepares_against_the_migrated_schema() {
    let shop = Shop::open().await;
    souk_db::assert_all_prepare(&shop.test_db.db("pricing").await, STATEMENTS).await;
}

async fn told(shop: &Shop) -> Vec<PriceChanged> {
    let db = shop.test_db.superuser("pricing").await;
    let sql = "select data::text from outbox where type = $1 order by xid, seq";
    let rows = db.primary().query(sql, &[&PriceChanged::TYPE]).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect()
}

async fn prices(here: &Process, skus: &[&str]) -> Vec<Price> {
    let skus = skus.iter().map(|sku| (*sku).to_owned()).collect();
    let mut items = here.client.prices(&cx(), PricesRequest { skus }).await.unwrap().items;
    items.sort_by(|a, b| a.sku.cmp(&b.sku));
    items
}

#[tokio::test]
async fn a_product_tells_once_per_change_and_a_repetition_tells_nothing() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let all = vec![price(1, "a-s", 500), price(1, "a-l", 700), price(2, "b", 900)];
    assert_eq!(here.set(all.clone()).await.changed, 3);
    let before = here.db.counters();
    assert_eq!(here.set(all).await.changed, 0);
    let cost = here.db.counters() - before;
    assert_eq!((cost.statements, cost.commits), (1, 0), "a repeated import only reads");
    assert_eq!(here.set(vec![price(1, "a-l", 400), price(2, "b", 900)]).await.changed, 1);
    let told = told(&shop).await;
    let of = |n| told.iter().filter(|t| t.product_id == id(n)).map(|t| (t.version, t.lowest)).collect::<Vec<_>>();
    assert_eq!(of(1), [(1, eur(500)), (2, eur(400))]);
    assert_eq!(of(2), [(1, eur(900))]);
    assert!(told.iter().all(|t| t.product_id != id(1) || t.skus == ["a-l", "a-s"]));
}

#[tokio::test]
async fn wrong_prices_are_refused_one_by_one() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let mut dollars = price(1, "usd", 500);
    dollars.price.price = Currency::USD.of(500);
    let mut cheaper = price(1, "cheap", 500);
    cheaper.price.compare_at = Some(eur(500));
    let mut fine = price(1, "fine", 500);
    fine.price.compare_at = Some(eur(501));
    let reply = here.set(vec![dollars, cheaper, fine.clone()]).await;
    assert_eq!(reply.changed, 1);
    let codes: Vec<(&str, &str)> =
        reply.refused.iter().map(|RefusedPrice { sku, code, .. }| (&**sku, &**code)).collect();
    assert_eq!(codes, [("usd", "wrong_currency"), ("cheap", "compare_at_not_higher")]);
    assert_eq!(prices(&here, &["usd", "cheap", "fine", "unknown"]).await, [fine.price]);
}

#[tokio::test]
async fn an_import_of_two_thousand_prices_is_one_commit() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let items: Vec<_> = (0..2_000u128).map(|n| price(n / 2, &format!("sku-{n}"), 1_000)).collect();
    let (before, started) = (here.db.counters(), Instant::now());
    assert_eq!(here.set(items).await.changed, 2_000);
    println!("2,000 prices in {:?}", started.elapsed());
    let cost = here.db.counters() - before;
    assert!(cost.commits == 1 && cost.statements <= 5, "{cost:?}");
    assert_eq!(told(&shop).await.len(), 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_imports_at_once_lose_nothing() {
    let shop = Shop::open().await;
    let (here, there) = (shop.process().await, shop.process().await);
    for round in 1..=10i64 {
        let items = |offset: u128| (0..50u128).map(move |n| price(n, &format!("s{}", n * 2 + offset), round * 100));
        // In opposite orders: locks are taken in one.
        let (a, b) = (items(0).collect(), items(1).rev().collect());
        let (a, b) = futures_util::join!(here.set(a), there.set(b));
        assert_eq!(a.changed + b.changed, 100);
    }
    let told = told(&shop).await;
    let mut versions: Vec<i64> = told.iter().filter(|t| t.product_id == id(7)).map(|t| t.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=20).collect::<Vec<_>>());
    let last = told.iter().filter(|t| t.product_id == id(7)).max_by_key(|t| t.version).unwrap();
    assert_eq!((last.skus.len(), last.lowest), (2, eur(1_000)), "the last one to tell knows both prices");
}

#[tokio::test]
async fn the_same_story_encoded_and_who_may_tell_it() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let contract = serve_pricing(here.service.clone());
    let encoded = PricingClient::Remote(Channel::loopback(contract));
    let items = vec![price(1, "a", 500)];
    assert_eq!(encoded.set_prices(&cx(), SetPrices { items: items.clone() }).await.unwrap().changed, 1);
    let found = encoded.prices(&cx(), PricesRequest { skus: vec!["a".into()] }).await.unwrap().items;
    assert_eq!(found[0].price, eur(500));
    assert_eq!(encoded.shop(&cx(), Default::default()).await.unwrap().currency, Currency::EUR);
    let stranger = Cx::new("test", Actor::Customer(id(1)));
    assert_eq!(encoded.set_prices(&stranger, SetPrices { items }).await.unwrap_err().kind, Kind::Forbidden);
    let rates = encoded.rates(&cx(), Default::default()).await.unwrap();
    assert_eq!(encoded.put_rates(&stranger, rates.clone()).await.unwrap_err().kind, Kind::Forbidden);
    let mut without = rates.clone();
    without.zones.remove(0);
    encoded.put_rates(&cx(), without.clone()).await.unwrap();
    assert_eq!(here.client.rates(&cx(), Default::default()).await.unwrap(), without, "at once in the same process");
    assert!(!here.service.seed_defaults().await.unwrap(), "a merchant's rates are not overwritten");
    let nul = PricesRequest { skus: vec!["a\0".into()] };
    assert_eq!(encoded.prices(&cx(), nul).await.unwrap_err().kind, Kind::Invalid);
}
