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
/// Visitors at a time while it gets warm.
const LANES: usize = 4;
/// Of what the fleet can answer, how much it is asked at most: dozens of debug builds on two cores cannot answer every crowd,
/// and one that only grows says nothing of what is restarted or killed.
const SHARE: f64 = 0.5;
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

    /// Notes what became of a request; the answer, if it was a good one.
    fn sort(&self, what: &str, asked: anyhow::Result<Reply>) -> Option<Reply> {
        let failure = match asked {
            Ok(reply) if reply.status.is_success() => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                return Some(reply);
            }
            Ok(reply) => format!("{what}: {} {}", reply.status, reply.text()),
            Err(error) => format!("{what}: {error:#}"),
        };
        self.failures.lock().push(failure);
        None
    }
}

/// Visitors under way.
pub struct Load {
    outcome: Arc<Outcome>,
    stop: Arc<AtomicBool>,
    coming: tokio::task::JoinHandle<()>,
}

impl Load {
    /// Fills the shelves, waits until the fleet is warm, and opens the doors. `name` is in the addresses of the buyers.
    pub async fn start(fleet: &Fleet, name: &'static str, crowd: Crowd) -> Self {
        let shop = Shop::at(fleet.public());
        let goods = Goods::of(&shop).await;
        let offline = crate::offline(fleet).await;
        goods.fill(&offline).await;
        offline.close().await.unwrap();
        let outcome = Arc::new(Outcome::default());
        let visitors = Arc::new(Visitors { shop, goods, crowd, name, outcome: outcome.clone() });
        let pace = warm(&visitors).await;
        let share = (pace * SHARE / f64::from(crowd.requests)).min(1.0);
        println!("{name}: {pace:.0} requests/s at most, {:.0} come", share * f64::from(crowd.requests));
        let stop = Arc::new(AtomicBool::new(false));
        #[allow(clippy::disallowed_methods)] // `stop` waits for it
        let coming = tokio::spawn(come(visitors, share, stop.clone()));
        Self { outcome, stop, coming }
    }

    /// What became of them so far.
    pub fn so_far(&self) -> &Outcome {
        &self.outcome
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
        let page = eventually("search has the catalogue", PATIENCE, || async {
            let page = shop.search("").await;
            if page["items"].as_array().is_some_and(|items| items.len() == 24) { Ok(page) } else { Err(page) }
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

/// What all visitors have in common.
struct Visitors {
    shop: Shop,
    goods: Goods,
    crowd: Crowd,
    name: &'static str,
    outcome: Arc<Outcome>,
}

/// Sends a few visitors at a time, each when the one before has left, until for a while none has had to complain: virtual
/// machines that were started a moment ago are slow, and caches empty. Says how many requests a second were answered then, and
/// forgets the others.
async fn warm(visitors: &Arc<Visitors>) -> f64 {
    let (outcome, next, stop) = (&visitors.outcome, Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let (visitors, next, stop) = (visitors.clone(), next.clone(), stop.clone());
        lanes.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let purchases = u64::from(visitors.crowd.purchases);
                if at % (visitors.reads() + purchases) < purchases {
                    visitors.buy(format!("early-{at}"), at).await;
                } else {
                    visitors.read(at).await;
                }
            }
        });
    }
    let answered = || outcome.answered.load(Ordering::Relaxed);
    let started = Instant::now();
    let (mut failed, mut since, mut before) = (0, started, 0);
    while since.elapsed() < CALM {
        tokio::time::sleep(PAUSE).await;
        let now = outcome.failed();
        if now.len() > failed {
            (failed, since, before) = (now.len(), Instant::now(), answered());
        }
        assert!(started.elapsed() < 2 * PATIENCE, "the fleet does not calm down: {:?}", now.last());
    }
    let pace = (answered() - before) as f64 / since.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    while let Some(lane) = lanes.join_next().await {
        lane.unwrap();
    }
    outcome.failures.lock().clear();
    outcome.answered.store(0, Ordering::Relaxed);
    pace
}

/// Lets visitors in at a `share` of the crowd's rate.
async fn come(visitors: Arc<Visitors>, share: f64, stop: Arc<AtomicBool>) {
    let reads = share * visitors.reads() as f64;
    let purchases = share * f64::from(visitors.crowd.purchases);
    let mut inside = JoinSet::new();
    let started = Instant::now();
    let (mut read, mut bought) = (0u64, 0u64);
    while !stop.load(Ordering::Relaxed) {
        // As many as should have come by now: an open loop, that does not wait for who is slow.
        let seconds = started.elapsed().as_secs_f64();
        while (read as f64) < seconds * reads {
            let (visitors, at) = (visitors.clone(), read);
            inside.spawn(async move { visitors.read(at).await });
            read += 1;
        }
        while (bought as f64) < seconds * purchases {
            let (visitors, at) = (visitors.clone(), bought);
            inside.spawn(async move { visitors.buy(at.to_string(), at).await });
            bought += 1;
        }
        while inside.try_join_next().is_some() {}
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while let Some(visitor) = inside.join_next().await {
        visitor.unwrap();
    }
}

impl Visitors {
    /// Requests a second that are no part of a purchase.
    fn reads(&self) -> u64 {
        u64::from(self.crowd.requests.saturating_sub(self.crowd.purchases * PURCHASE))
    }

    /// A page or a read of the API; every other one has not been asked for before and passes the page cache.
    async fn read(&self, at: u64) {
        let pick = |from: &[String]| from[usize::try_from(at).unwrap() / 6 % from.len()].clone();
        let path = match at % 6 {
            0 => format!("/p/{}", pick(&self.goods.slugs)),
            1 => format!("/api/v1/products/{}", pick(&self.goods.slugs)),
            2 => format!("/api/v1/search?q=lamp&offset={}", at % 1000),
            3 => format!("/api/v1/availability?sku={}", pick(&self.goods.skus)),
            4 => format!("/search?q=bag&page={}", 1 + at % 50),
            _ => "/".to_owned(),
        };
        let asked = self.shop.try_send(Method::GET, &path, &[], Bytes::new()).await;
        self.outcome.sort(&format!("GET {path}"), asked);
    }

    /// A purchase. `who` is in the e-mail address, and each buyer of this crowd has another.
    async fn buy(&self, who: String, at: u64) {
        let email = format!("{}-{who}@example.org", self.name);
        let sku = &self.goods.skus[usize::try_from(at).unwrap() % self.goods.skus.len()];
        let key = Uuid::new_v4().to_string();
        let Some(cart) = self.send(&key, Method::POST, "/api/v1/carts", &json!({})).await else { return };
        let cart_id = cart.json::<Value>()["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/carts/{cart_id}");
        let line = json!({ "sku": sku, "quantity": 1 });
        if self.send(&key, Method::POST, &format!("{path}/lines"), &line).await.is_none() {
            return;
        }
        let update = json!({ "email": email, "shipping_address": address() });
        if self.send(&key, Method::PUT, &path, &update).await.is_none() {
            return;
        }
        let methods = format!("{path}/shipping-methods");
        let Some(methods) = self.send(&key, Method::GET, &methods, &Value::Null).await else { return };
        let method = json!({ "shipping_method": methods.json::<Value>()["items"][0]["id"] });
        let Some(shown) = self.send(&key, Method::PUT, &path, &method).await else { return };
        let shown: Value = shown.json();
        let pay = json!({
            "cart_id": cart_id, "payment": { "provider": "sandbox", "token": tokens::OK },
            "cart_version": shown["version"], "expected_total": shown["totals"]["total"],
        });
        if let Some(reply) = self.send(&key, Method::POST, "/api/v1/checkout", &pay).await {
            let told = reply.json();
            self.outcome.bought.lock().insert(email, told);
        }
    }

    /// The answer to a buyer with this key; none when there was no good one and the buyer leaves.
    async fn send(&self, key: &str, method: Method, path: &str, body: &Value) -> Option<Reply> {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let headers = if path == "/api/v1/checkout" { &headers[..] } else { &headers[..1] };
        let (bytes, what) = (serde_json::to_vec(body).unwrap(), format!("{method} {path}"));
        let started = Instant::now();
        loop {
            let bytes = if body.is_null() { Bytes::new() } else { bytes.clone().into() };
            let asked = self.shop.try_send(method.clone(), path, headers, bytes).await;
            // 202: the checkout goes on without us.
            let later = matches!(&asked, Ok(reply) if reply.status == 202);
            let refused = asked.as_ref().map_or(true, |reply| reply.status.is_server_error());
            let again = later || self.crowd.insist && refused;
            if !again || started.elapsed() > PATIENCE {
                return self.outcome.sort(&what, asked);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
