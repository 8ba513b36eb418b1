//! Flash-sale scenario: one SKU, fewer units than buyers, all buyers pay at the same moment. Exactly the units may be sold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;

use super::{Checkout, Shown};
use crate::catalog::escape;
use crate::client::{Accept, Client};
use crate::load::User;
use crate::record::{Outcome, Recorder, Summary};
use crate::target::Target;

/// Carts filled at once before the sale: preparation is not what is measured.
const PREPARE: usize = 64;
/// How long a buyer keeps asking when told to come back later (429, 503), that it is under way (202) or that the outcome is
/// unknown (504).
const PERSISTENCE: Duration = Duration::from_secs(60);
/// Pause before the second try, unless the shop names one; doubled each time up to the longest. A crowd that asks more
/// often is a crowd that keeps the shop from answering.
const RETRY: Duration = Duration::from_millis(250);
const LONGEST_RETRY: Duration = Duration::from_secs(4);

/// The sale that is to be.
#[derive(Clone, Debug)]
pub struct FlashSale {
    /// What is sold.
    pub sku: String,
    /// Buyers at once.
    pub buyers: usize,
    /// Part of the buyers' e-mail addresses.
    pub run: String,
    /// How it is shipped.
    pub method: String,
    /// The shop's checkout takes what the buyer was shown.
    pub names_total: bool,
}

/// What became of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sale {
    /// What was sold.
    pub sku: String,
    /// Units that could be bought before.
    pub units: i64,
    /// Units that can be bought after.
    pub left: i64,
    /// Buyers who paid at once.
    pub buyers: u64,
    /// Answered 201.
    pub sold: u64,
    /// Answered 409 `out_of_stock`.
    pub told_so: u64,
    /// Answered anything else in the end, by kind.
    pub others: BTreeMap<String, u64>,
    /// Answers "later" (202, 429, 503, 504) on the way, which buyers followed with the same key.
    pub retried: u64,
    /// Seconds from the first payment to the last answer.
    pub seconds: f64,
    /// The buyers' waits, from the start to the final answer.
    pub wait: Summary,
}

impl Sale {
    /// What is wrong; empty when exactly what was there was sold and every other buyer was told so.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let units = u64::try_from(self.units).unwrap_or_default();
        // Buyers without a final answer may have bought or not; each is a fault of its own below.
        let unsure: u64 = self.others.values().sum();
        if self.sold > units {
            faults.push(format!("oversold: {} sold of {units} units", self.sold));
        }
        if self.sold + unsure < units.min(self.buyers) {
            faults.push(format!("undersold: {} sold of {units} units to {} buyers", self.sold, self.buyers));
        }
        let taken = u64::try_from(self.units - self.left).unwrap_or_default();
        if taken < self.sold.min(units) || taken > self.sold + unsure {
            faults.push(format!("{taken} units are gone where {} were sold", self.sold));
        }
        for (kind, count) in &self.others {
            faults.push(format!("{count} buyers were answered {kind}"));
        }
        faults
    }
}

/// Units of `sku` that can be bought now.
///
/// # Errors
/// The shop does not answer, or does not know it.
pub async fn units_of(target: &Target, sku: &str) -> anyhow::Result<i64> {
    #[derive(Deserialize)]
    struct Reply {
        items: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        available: i64,
    }
    let mut client = Client::new(target.clone());
    let answer = client.get(&format!("/api/v1/availability?sku={}", escape(sku)), Accept::Data).await?;
    ensure!(answer.status == 200, "availability of {sku}: {}", answer.status);
    let reply: Reply = client.json(answer)?;
    Ok(reply.items.first().with_context(|| format!("the shop does not know the SKU {sku}"))?.available)
}

/// How one buyer fared.
enum End {
    Sold,
    OutOfStock,
    Other(String),
}

impl FlashSale {
    /// Prepares all carts, opens all connections, and lets all buyers pay at once.
    ///
    /// # Errors
    /// A cart could not be filled, so that there is no sale to measure.
    pub async fn run(&self, target: &Target) -> anyhow::Result<Sale> {
        let units = units_of(target, &self.sku).await?;
        let buyers = self.prepare(target).await?;
        let count = buyers.len();
        let (start, recorder) = (Arc::new(Barrier::new(count + 1)), Arc::new(Recorder::default()));
        let mut crowd = JoinSet::new();
        for (number, (mut user, cart)) in buyers.into_iter().enumerate() {
            let (start, recorder) = (start.clone(), recorder.clone());
            let (body, key) = (cart.body(self.names_total), format!("{}-f{number}", self.run));
            crowd.spawn(async move {
                start.wait().await;
                let started = Instant::now();
                let (end, retried) = pay(&mut user, &body, &key).await;
                let outcome = match &end {
                    End::Other(error) => Outcome::Bad(error.clone()),
                    _ => Outcome::Good(0),
                };
                recorder.add("flash-sale", started.elapsed(), outcome);
                (end, retried)
            });
        }
        start.wait().await;
        let started = Instant::now();
        let mut sale = Sale { sku: self.sku.clone(), units, buyers: count as u64, ..Sale::default() };
        while let Some(buyer) = crowd.join_next().await {
            let (end, retried) = buyer.context("a buyer broke down")?;
            sale.retried += u64::from(retried);
            match end {
                End::Sold => sale.sold += 1,
                End::OutOfStock => sale.told_so += 1,
                End::Other(kind) => *sale.others.entry(kind).or_default() += 1,
            }
        }
        sale.seconds = started.elapsed().as_secs_f64();
        sale.wait = recorder.summaries(started.elapsed()).remove("flash-sale").unwrap_or_default();
        sale.left = units_of(target, &self.sku).await?;
        Ok(sale)
    }

    /// A user with a filled cart and a warm connection for each buyer.
    async fn prepare(&self, target: &Target) -> anyhow::Result<Vec<(User, Shown)>> {
        let gate = Arc::new(Semaphore::new(PREPARE));
        let mut preparing = JoinSet::new();
        for number in 0..self.buyers {
            let (gate, sale, target) = (gate.clone(), self.clone(), target.clone());
            preparing.spawn(async move {
                let _turn = gate.acquire_owned().await?;
                let mut user = User::new(&target, number as u64);
                let email = format!("{}-f{number}@example.com", sale.run);
                let cart = Checkout::fill(&mut user, &email, &[&sale.sku], &sale.method).await;
                let cart = cart.map_err(anyhow::Error::msg).context("a cart for the flash sale")?;
                user.client.connect().await?;
                anyhow::Ok((user, cart))
            });
        }
        let mut ready = Vec::with_capacity(self.buyers);
        while let Some(buyer) = preparing.join_next().await {
            ready.push(buyer.context("a buyer broke down")??);
        }
        Ok(ready)
    }
}

/// Pays until the answer is final; repeats are safe under the same key.
async fn pay(user: &mut User, body: &str, key: &str) -> (End, u32) {
    let (started, mut retried) = (Instant::now(), 0u32);
    loop {
        let answer = user.client.send("POST", "/api/v1/checkout", body, Some(key)).await;
        let later = match &answer {
            Ok(answer) => matches!(answer.status, 202 | 429 | 503 | 504),
            Err(error) => error.kind() != std::io::ErrorKind::InvalidData,
        };
        if later && started.elapsed() < PERSISTENCE {
            let asked =
                answer.ok().and_then(|answer| answer.retry_after).map(|after| Duration::from_secs(after.into()));
            let pause = asked.unwrap_or(RETRY * 2u32.pow(retried.min(8))).min(LONGEST_RETRY);
            retried += 1;
            // Not all at once again.
            tokio::time::sleep(pause.mul_f64(0.5 + user.roll(1000) as f64 / 1000.0)).await;
            continue;
        }
        let end = match user.sort(answer, &[201]).await {
            Ok(_) => End::Sold,
            Err(error) if error == "409 out_of_stock" => End::OutOfStock,
            Err(error) => End::Other(error),
        };
        return (end, retried);
    }
}
