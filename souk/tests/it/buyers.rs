//! Load by buyers who go on through an upgrade or an outage, as browsers behind a balancer do: who finds a gateway closed
//! asks the other one.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use souk_testkit::{Reply, Shop, address, before, eventually, tokens};
use uuid::Uuid;

use crate::place::PATIENCE;

/// What they buy: the lamp of [`crate::crash::stock_the_shop`].
pub const SKU: &str = "LMP-1";
/// At once.
const BUYERS: usize = 3;
/// Before a buyer asks again.
const PAUSE: Duration = Duration::from_millis(50);

/// All of them. Clones are the same.
#[derive(Clone)]
pub struct Buyers {
    gateways: Arc<Vec<Shop>>,
    enough: Arc<AtomicBool>,
    told: Arc<Mutex<Told>>,
}

/// What they were told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Their orders.
    pub orders: usize,
    /// No connection, or an end of one without an answer: asked again elsewhere.
    pub elsewhere: usize,
    /// Answers that should not be.
    pub refused: Vec<String>,
}

impl Buyers {
    /// Of a shop with these gateways.
    pub fn new(gateways: &[SocketAddr]) -> Self {
        let gateways = Arc::new(gateways.iter().map(|at| Shop::at(*at)).collect());
        Self { gateways, enough: Arc::default(), told: Arc::default() }
    }

    /// All buy, one order after the other, until it is enough.
    pub async fn buy(&self) {
        let one = async |number: usize| {
            while !self.enough.load(Ordering::Relaxed) {
                let done = self.buy_once(number).await;
                let mut told = self.told.lock().unwrap();
                match done {
                    Ok(()) => told.orders += 1,
                    Err(why) => told.refused.push(why),
                }
            }
        };
        futures_util::future::join_all((0..BUYERS).map(one)).await;
    }

    /// They finish what they are at, and no more.
    pub fn enough(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    /// So far.
    pub fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }

    /// Waits until there are so many more orders than now.
    pub async fn bought_more(&self, count: usize) {
        let before = self.told().orders;
        eventually("buyers buy", 2 * PATIENCE, || async {
            let told = self.told();
            if told.orders >= before + count { Ok(()) } else { Err(told) }
        })
        .await;
    }

    async fn buy_once(&self, number: usize) -> Result<(), String> {
        for page in ["/", "/p/lamp"] {
            self.ask(number, Method::GET, page, "", Value::Null).await?;
        }
        let cart = self.ask(number, Method::POST, "/api/v1/carts", "", json!({})).await?;
        let cart = cart.json::<Value>()["id"].as_str().unwrap_or_default().to_owned();
        let path = format!("/api/v1/carts/{cart}");
        // Setting a quantity twice is setting it once.
        self.ask(number, Method::POST, &format!("{path}/lines"), "", json!({ "sku": SKU, "quantity": 1 })).await?;
        let email = format!("buyer-{}@example.org", Uuid::new_v4().simple());
        let update = json!({ "email": email, "shipping_address": address(), "shipping_method": "standard" });
        let shown: Value = self.ask(number, Method::PUT, &path, "", update).await?.json();
        let body = json!({
            "cart_id": cart, "payment": { "provider": "sandbox", "token": tokens::OK },
            "cart_version": shown["version"], "expected_total": shown["totals"]["total"],
        });
        let key = Uuid::new_v4().to_string();
        self.ask(number, Method::POST, "/api/v1/checkout", &key, body).await?;
        Ok(())
    }

    /// Asks until there is an answer; a bad one is an error.
    async fn ask(&self, number: usize, method: Method, path: &str, key: &str, body: Value) -> Result<Reply, String> {
        let mut headers = vec![("content-type", "application/json")];
        if !key.is_empty() {
            headers.push(("idempotency-key", key));
        }
        let bytes = |body: &Value| if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let (newest, mut body) = (body.clone(), bytes(&body));
        let mut last = String::new();
        for turn in 0..200 {
            let gateway = &self.gateways[(number + turn) % self.gateways.len()];
            match gateway.try_send(method.clone(), path, &headers, body.clone()).await {
                Ok(reply) if reply.status.is_success() && reply.status != 202 => return Ok(reply),
                // Under way: the same request again says what became of it.
                Ok(reply) if reply.status == 202 => last = "still under way".into(),
                // The role of this release took over from one of the release before, which it was asked as.
                Ok(reply) if reply.code() == "expected_total_required" => body = bytes(&newest),
                // An order role of the release before, which does not know what a buyer is shown.
                Ok(reply) => match before(&reply, &newest) {
                    Some(known) => body = bytes(&known),
                    None => return Err(format!("{method} {path}: {} {}", reply.status, reply.text())),
                },
                Err(error) => {
                    last = error.to_string();
                    self.told.lock().unwrap().elsewhere += 1;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(format!("{method} {path}: no answer: {last}"))
    }
}
