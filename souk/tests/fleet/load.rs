//! Open-loop load: visitors who come at a fixed rate, whatever happens to the fleet. Readers and buyers alike count each
//! request that is not answered as it should be; a buyer who insists on a checkout asks again under the same key, as a good
//! client does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};
use souk::OfflineShop;
use souk_fleet::Fleet;
use souk_inventory_api::{Adjust, AdjustLine, Change};
use souk_order_api::CheckoutReply;
use souk_rpc::Cx;
use souk_testkit::{Reply, Shop, address, eventually, tokens};
use tokio::task::JoinSet;
use uuid::Uuid;

/// PROMISES: every checkout reaches an end within 60 s.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Requests of a purchase: a cart, a line, the address, the ways to ship, one of them, payment.
const PURCHASE: u32 = 6;
/// Of each SKU.
const UNITS: i64 = 10_000;
/// How long nothing fails in a fleet that is warm.
const CALM: Duration = Duration::from_secs(6);
/// How long who insists waits before asking again.
const PAUSE: Duration = Duration::from_millis(250);

/// How many come, and what they put up with.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Requests a second of all together.
    pub requests: u32,
    /// Purchases a second.
    pub purchases: u32,
    /// Whether buyers ask again when a request fails.
    pub insist: bool,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Requests that were answered as they should.
    pub answered: AtomicU64,
    /// What was wrong with the others.
    pub failures: Mutex<Vec<String>>,
    /// Who was told that their order stands.
    pub bought: Mutex<BTreeMap<String, CheckoutReply>>,
}

impl Outcome {
    /// What failed so far.
    pub fn failed(&self) -> Vec<String> {
        self.failures.lock().clone()
    }

    /// Orders acknowledged so far.
    pub fn orders(&self) -> usize {
        self.bought.lock().len()
    }

    fn fail(&self, what: String) {
        self.failures.lock().push(what);
    }
}

/// Visitors under way.
pub struct Load {
    outcome: Arc<Outcome>,
    stop: Arc<AtomicBool>,
    coming: tokio::task::JoinHandle<()>,
}

impl Load {
    /// Fills the shelves and opens the doors.
    pub async fn start(fleet: &Fleet, crowd: Crowd) -> Self {
        let shop = Shop::at(fleet.public());
        let goods = Arc::new(Goods::of(&shop).await);
        let offline = crate::offline(fleet).await;
        goods.fill(&offline).await;
        offline.close().await.unwrap();
        let (outcome, stop) = (Arc::new(Outcome::default()), Arc::new(AtomicBool::new(false)));
        #[allow(clippy::disallowed_methods)] // `stop` waits for it
        let coming = tokio::spawn(come(shop, goods, crowd, outcome.clone(), stop.clone()));
        Self { outcome, stop, coming }
    }

    /// What became of them so far.
    pub fn so_far(&self) -> &Outcome {
        &self.outcome
    }

    /// Waits until no visitor has had to complain for a while, and forgets what was before: virtual machines that were
    /// started a moment ago are slow, and caches empty.
    pub async fn warm(&self) {
        let started = Instant::now();
        let (mut failed, mut since) = (0, Instant::now());
        while since.elapsed() < CALM {
            tokio::time::sleep(PAUSE).await;
            let now = self.outcome.failed();
            if now.len() > failed {
                (failed, since) = (now.len(), Instant::now());
            }
            assert!(started.elapsed() < 2 * PATIENCE, "the fleet does not calm down: {:?}", now.last());
        }
        self.outcome.failures.lock().clear();
    }

    /// Waits until so many more orders are acknowledged.
    pub async fn more_orders(&self, count: usize) {
        let before = self.outcome.orders();
        eventually("buyers buy", PATIENCE, || async {
            let now = self.outcome.orders();
            if now >= before + count { Ok(()) } else { Err((now - before, self.outcome.failed())) }
        })
        .await;
    }

    /// Closes the doors and waits for who is inside.
    pub async fn stop(self) -> Arc<Outcome> {
        self.stop.store(true, Ordering::Relaxed);
        self.coming.await.unwrap();
        self.outcome
    }
}

/// What is sold.
struct Goods {
    slugs: Vec<String>,
    skus: Vec<String>,
    /// Whose they are.
    products: Vec<Uuid>,
}

impl Goods {
    async fn of(shop: &Shop) -> Self {
        let page: Value = eventually("search has the catalogue", PATIENCE, || async {
            let reply = shop.get("/api/v1/search?limit=24").await;
            let page: Value = serde_json::from_slice(&reply.body).map_err(|_| reply.text())?;
            if page["items"].as_array().is_some_and(|items| items.len() == 24) { Ok(page) } else { Err(reply.text()) }
        })
        .await;
        let slug = |item: &Value| item["slug"].as_str().unwrap().to_owned();
        let slugs: Vec<String> = page["items"].as_array().unwrap().iter().map(slug).collect();
        let (mut skus, mut products) = (Vec::new(), Vec::new());
        for slug in &slugs {
            let product: Value = shop.get(&format!("/api/v1/products/{slug}")).await.json();
            for variant in product["variants"].as_array().unwrap() {
                skus.push(variant["sku"].as_str().unwrap().to_owned());
                products.push(product["id"].as_str().unwrap().parse().unwrap());
            }
        }
        assert!(!skus.is_empty(), "nothing can be bought");
        Self { slugs, skus, products }
    }

    /// Enough for all buyers.
    async fn fill(&self, offline: &OfflineShop) {
        let line = |(sku, product_id): (&String, &Uuid)| AdjustLine {
            product_id: *product_id,
            sku: sku.clone(),
            change: Change::Count(UNITS),
        };
        let adjust = Adjust { lines: self.skus.iter().zip(&self.products).map(line).collect(), note: "test".into() };
        offline.clients.inventory.adjust(&Cx::system("test"), adjust).await.unwrap();
    }
}

async fn come(shop: Shop, goods: Arc<Goods>, crowd: Crowd, outcome: Arc<Outcome>, stop: Arc<AtomicBool>) {
    let reads = crowd.requests.saturating_sub(crowd.purchases * PURCHASE);
    let mut visitors = JoinSet::new();
    let started = Instant::now();
    let (mut read, mut bought) = (0u64, 0u64);
    while !stop.load(Ordering::Relaxed) {
        // As many as should have come by now: an open loop, that does not wait for who is slow.
        let seconds = started.elapsed().as_secs_f64();
        while (read as f64) < seconds * f64::from(reads) {
            visitors.spawn(reader(shop.clone(), goods.clone(), outcome.clone(), read));
            read += 1;
        }
        while (bought as f64) < seconds * f64::from(crowd.purchases) {
            visitors.spawn(buyer(shop.clone(), goods.clone(), outcome.clone(), bought, crowd.insist));
            bought += 1;
        }
        while visitors.try_join_next().is_some() {}
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while let Some(visitor) = visitors.join_next().await {
        visitor.unwrap();
    }
}

/// Pages and API reads; every other one has not been asked for before and passes the page cache.
async fn reader(shop: Shop, goods: Arc<Goods>, outcome: Arc<Outcome>, at: u64) {
    let pick = |from: &[String]| from[usize::try_from(at).unwrap() / 6 % from.len()].clone();
    let path = match at % 6 {
        0 => format!("/p/{}", pick(&goods.slugs)),
        1 => format!("/api/v1/products/{}", pick(&goods.slugs)),
        2 => format!("/api/v1/search?q=lamp&offset={}", at % 1000),
        3 => format!("/api/v1/availability?sku={}", pick(&goods.skus)),
        4 => format!("/search?q=bag&page={}", 1 + at % 50),
        _ => "/".to_owned(),
    };
    let asked = shop.try_send(Method::GET, &path, &[], Bytes::new()).await;
    sort(&outcome, &format!("GET {path}"), asked);
}

/// Notes what became of a request; the answer, if it was a good one.
fn sort(outcome: &Outcome, what: &str, asked: anyhow::Result<Reply>) -> Option<Reply> {
    match asked {
        Ok(reply) if reply.status.is_success() => {
            outcome.answered.fetch_add(1, Ordering::Relaxed);
            return Some(reply);
        }
        Ok(reply) => outcome.fail(format!("{what}: {} {}", reply.status, reply.text())),
        Err(error) => outcome.fail(format!("{what}: {error:#}")),
    }
    None
}

/// One purchase.
async fn buyer(shop: Shop, goods: Arc<Goods>, outcome: Arc<Outcome>, at: u64, insist: bool) {
    let email = format!("buyer-{at}@example.org");
    let sku = &goods.skus[usize::try_from(at).unwrap() % goods.skus.len()];
    let buyer = Buyer { shop, outcome: outcome.clone(), insist, key: Uuid::new_v4().to_string() };
    let Some(cart) = buyer.send(Method::POST, "/api/v1/carts", &json!({})).await else { return };
    let cart_id = cart.json::<Value>()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/carts/{cart_id}");
    let line = json!({ "sku": sku, "quantity": 1 });
    if buyer.send(Method::POST, &format!("{path}/lines"), &line).await.is_none() {
        return;
    }
    let update = json!({ "email": email, "shipping_address": address() });
    if buyer.send(Method::PUT, &path, &update).await.is_none() {
        return;
    }
    let Some(methods) = buyer.send(Method::GET, &format!("{path}/shipping-methods"), &Value::Null).await else {
        return;
    };
    let method = json!({ "shipping_method": methods.json::<Value>()["items"][0]["id"] });
    let Some(shown) = buyer.send(Method::PUT, &path, &method).await else { return };
    let shown: Value = shown.json();
    let pay = json!({
        "cart_id": cart_id, "payment": { "provider": "sandbox", "token": tokens::OK },
        "cart_version": shown["version"], "expected_total": shown["totals"]["total"],
    });
    if let Some(reply) = buyer.send(Method::POST, "/api/v1/checkout", &pay).await {
        let told = reply.json();
        outcome.bought.lock().insert(email, told);
    }
}

struct Buyer {
    shop: Shop,
    outcome: Arc<Outcome>,
    insist: bool,
    key: String,
}

impl Buyer {
    /// The answer; none when there was no good one and the buyer leaves.
    async fn send(&self, method: Method, path: &str, body: &Value) -> Option<Reply> {
        let headers = [("content-type", "application/json"), ("idempotency-key", self.key.as_str())];
        let headers = if path == "/api/v1/checkout" { &headers[..] } else { &headers[..1] };
        let (bytes, what) = (serde_json::to_vec(body).unwrap(), format!("{method} {path}"));
        let started = Instant::now();
        loop {
            let bytes = if body.is_null() { Bytes::new() } else { bytes.clone().into() };
            let asked = self.shop.try_send(method.clone(), path, headers, bytes).await;
            // 202: the checkout goes on without us.
            let later = matches!(&asked, Ok(reply) if reply.status == 202);
            let again = later || self.insist && asked.as_ref().map_or(true, |reply| reply.status.is_server_error());
            if !again || started.elapsed() > PATIENCE {
                return sort(&self.outcome, &what, asked);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
