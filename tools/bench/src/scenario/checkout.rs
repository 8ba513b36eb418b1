//! Checkout scenario, whole purchases as an app makes them: cart, two lines, e-mail with address and shipping, payment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::catalog::{Catalog, Spread};
use crate::client::{Accept, Client};
use crate::load::{Scenario, User};
use crate::record::Outcome;
use crate::target::Target;

/// Where everything goes.
pub const SHIP_TO: &str =
    r#"{"name":"Bench Buyer","line1":"1 Load Street","city":"Berlin","postal_code":"10115","country":"DE"}"#;
const PAYMENT: &str = r#""payment":{"provider":"sandbox","token":"tok_ok"}"#;

/// Buys.
pub struct Checkout {
    /// Part of the buyers' e-mail addresses, by which the run's orders are found in the database.
    run: String,
    catalog: Arc<Catalog>,
    spread: Spread,
    method: String,
    names_total: bool,
    placed: AtomicU64,
    unsure: AtomicU64,
}

#[derive(Deserialize)]
struct WithId {
    id: String,
}

/// A cart as the shop showed it last.
#[derive(Debug, Deserialize)]
pub struct Shown {
    id: String,
    version: i64,
    totals: Totals,
}

#[derive(Debug, Deserialize)]
struct Totals {
    total: Box<serde_json::value::RawValue>,
}

impl Shown {
    /// What is sent to buy it; `names_total`: with what was shown, as the shop's API asks ([`names_total`]).
    pub fn body(&self, names_total: bool) -> String {
        let Self { id, version, totals } = self;
        match names_total {
            true => {
                format!(r#"{{"cart_id":"{id}","cart_version":{version},"expected_total":{},{PAYMENT}}}"#, totals.total)
            }
            false => format!(r#"{{"cart_id":"{id}",{PAYMENT}}}"#),
        }
    }
}

#[derive(Deserialize)]
struct Methods {
    items: Vec<WithId>,
}

impl Checkout {
    /// Buys with e-mail addresses `{run}-{n}@example.com`, shipped by `method`, naming the total when the shop asks for it.
    ///
    /// # Errors
    /// Fewer than two SKUs can be bought.
    pub fn new(run: &str, catalog: &Arc<Catalog>, method: String, names_total: bool) -> anyhow::Result<Self> {
        ensure!(catalog.skus.len() >= 2, "a checkout takes two SKUs, and fewer can be bought here");
        Ok(Self {
            run: run.to_owned(),
            spread: Spread::over(catalog.skus.len()),
            catalog: catalog.clone(),
            method,
            names_total,
            placed: AtomicU64::new(0),
            unsure: AtomicU64::new(0),
        })
    }

    /// Checkouts answered 201, those of the warm-up included.
    pub fn placed(&self) -> u64 {
        self.placed.load(Ordering::Relaxed)
    }

    /// Checkouts that may have become an order or not: answered 202, 5xx, or not at all.
    pub fn unsure(&self) -> u64 {
        self.unsure.load(Ordering::Relaxed)
    }

    /// A cart with these SKUs, ready to be paid.
    ///
    /// # Errors
    /// What to report.
    pub async fn fill(user: &mut User, email: &str, skus: &[&str], method: &str) -> Result<Shown, String> {
        let started = Instant::now();
        let answer = user.client.send("POST", "/api/v1/carts", "{}", None).await;
        let answer = user.part("cart", started, answer, &[201]).await?;
        let WithId { id } = user.client.json(answer).map_err(|error| crate::load::broken(&error))?;
        let lines = format!("/api/v1/carts/{id}/lines");
        for sku in skus {
            let body = format!(r#"{{"sku":{},"quantity":1}}"#, serde_json::Value::from(*sku));
            let started = Instant::now();
            let answer = user.client.send("POST", &lines, &body, None).await;
            user.part("line", started, answer, &[200, 201]).await?;
        }
        let body = format!(r#"{{"email":"{email}","shipping_address":{SHIP_TO},"shipping_method":"{method}"}}"#);
        let started = Instant::now();
        let answer = user.client.send("PUT", &format!("/api/v1/carts/{id}"), &body, None).await;
        let answer = user.part("address", started, answer, &[200]).await?;
        user.client.json(answer).map_err(|error| crate::load::broken(&error))
    }

    async fn buy(&self, user: &mut User, n: u64) -> Result<u64, String> {
        let sku = |n: u64| self.catalog.skus[self.spread.at(n)].as_str();
        let email = format!("{}-{n}@example.com", self.run);
        let cart = Self::fill(user, &email, &[sku(2 * n), sku(2 * n + 1)], &self.method).await?;
        let key = format!("{}-{n}", self.run);
        let started = Instant::now();
        let answer = user.client.send("POST", "/api/v1/checkout", &cart.body(self.names_total), Some(&key)).await;
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        let counter = if status == 201 { &self.placed } else { &self.unsure };
        // A refusal (4xx) is sure: no order.
        if !(400..500).contains(&status) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let answer = user.part("pay", started, answer, &[201]).await?;
        Ok(answer.bytes)
    }
}

impl Scenario for Checkout {
    fn name(&self) -> &'static str {
        "checkout"
    }

    async fn once(&self, user: &mut User, n: u64) -> Outcome {
        match self.buy(user, n).await {
            Ok(bytes) => Outcome::Good(bytes),
            Err(error) => Outcome::Bad(error),
        }
    }
}

/// True when the shop's checkout takes what the buyer was shown; a release before that refuses it.
///
/// # Errors
/// The shop does not describe its API.
pub async fn names_total(target: &Target) -> anyhow::Result<bool> {
    let mut client = Client::new(target.clone());
    let answer = client.get("/api/v1/openapi.json", Accept::Data).await?;
    ensure!(answer.status == 200, "the API's description: {}", answer.status);
    let description: serde_json::Value = client.json(answer)?;
    Ok(!description["components"]["schemas"]["Checkout"]["properties"]["expected_total"].is_null())
}

/// The cheapest way to ship, asked for once with a cart of one line.
///
/// # Errors
/// The shop ships nothing to the address, or does not answer.
pub async fn shipping_method(target: &Target, catalog: &Catalog) -> anyhow::Result<String> {
    let sku = catalog.skus.first().context("nothing in this catalogue can be bought")?;
    let mut client = Client::new(target.clone());
    let cart = client.send("POST", "/api/v1/carts", "{}", None).await?;
    ensure!(cart.status == 201, "POST /api/v1/carts: {}", cart.status);
    let WithId { id } = client.json(cart)?;
    let line = format!(r#"{{"sku":{},"quantity":1}}"#, serde_json::Value::from(sku.as_str()));
    let line = client.send("POST", &format!("/api/v1/carts/{id}/lines"), &line, None).await?;
    ensure!(matches!(line.status, 200 | 201), "a line with {sku}: {}: {}", line.status, client.text(line)?);
    let to = format!(r#"{{"shipping_address":{SHIP_TO}}}"#);
    let to = client.send("PUT", &format!("/api/v1/carts/{id}"), &to, None).await?;
    ensure!(to.status == 200, "an address in the cart: {}: {}", to.status, client.text(to)?);
    let answer = client.get(&format!("/api/v1/carts/{id}/shipping-methods"), Accept::Data).await?;
    ensure!(answer.status == 200, "shipping methods: {}: {}", answer.status, client.text(answer)?);
    let methods: Methods = client.json(answer)?;
    Ok(methods.items.into_iter().next().context("the shop ships nothing to Germany")?.id)
}
