//! Report of a run: as data (JSON) and for people (Markdown).

mod markdown;
mod targets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::limits::Pgbench;
use crate::process::Memory;
use crate::record::Summary;
use crate::scenario::Sale;
use crate::store::{Invariant, Writes};

pub use markdown::render;
pub use targets::{Row, rows};

/// A run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Of the run; begins the buyers' e-mail addresses.
    pub run: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// The shop.
    pub url: String,
    /// Which throttles the shop ran under, as the caller says.
    pub throttle_profile: String,
    /// On what it ran.
    pub machine: Machine,
    /// How it was run.
    pub settings: Settings,
    /// What the shop sells.
    pub catalog: Sizes,
    /// What PostgreSQL alone can do.
    pub pgbench: Option<Pgbench>,
    /// What was measured, in order.
    pub scenarios: Vec<Measured>,
    /// Seconds an import took until search had all of it, when that was measured.
    pub import_seconds: Option<f64>,
    /// Seconds the shop took to start with its data there, when that was measured.
    pub start_seconds: Option<f64>,
    /// Memory of the shop after all of it.
    pub shop_memory: Option<Memory>,
    /// Memory of the database after all of it.
    pub database_memory: Option<Memory>,
    /// What was promised and what came of it.
    pub targets: Vec<Row>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// What must never be: broken invariants, oversold units, too many errors. None is what we want.
    pub faults: Vec<String>,
}

/// On what it ran.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Machine {
    /// Processor.
    pub processor: String,
    /// How many cores generator, shop and database share.
    pub cores: usize,
    /// MiB.
    pub memory: f64,
    /// Version and `fsync` of PostgreSQL.
    pub postgresql: Option<String>,
}

/// How it was run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Settings {
    /// Connections, each a virtual user.
    pub connections: usize,
    /// Seconds each scenario was measured.
    pub seconds: u64,
    /// Seconds each was warmed up before.
    pub warmup: u64,
    /// Turns a second in an open loop; a closed loop when absent.
    pub rate: Option<f64>,
    /// Mean pause between two pages of a journey, milliseconds.
    pub think_ms: u64,
}

/// What the shop sells.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Sizes {
    /// Products.
    pub products: usize,
    /// SKUs that could be bought at the start.
    pub skus: usize,
    /// Categories that lists were taken from.
    pub categories: usize,
}

/// One scenario.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// Seconds it was measured.
    pub seconds: f64,
    /// Whole turns.
    pub whole: Summary,
    /// The calls they are made of, where there are several.
    pub parts: BTreeMap<String, Summary>,
    /// CPU.
    pub cpu: Cpu,
    /// Share of cacheable requests that the gateway's cache answered.
    pub hit_ratio: Option<f64>,
    /// Share that it answered with what was due for a refresh, included above.
    pub stale_ratio: Option<f64>,
    /// Requests that throttles refused.
    pub throttled: Option<f64>,
    /// The bare handler, driven the same way right before.
    pub limit: Option<Limit>,
    /// What orders cost and whether they are right.
    pub orders: Option<Orders>,
    /// What became of a flash sale.
    pub sale: Option<Sale>,
}

/// CPU seconds while a scenario was measured; absent when no pid was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cpu {
    /// Of the shop's process.
    pub shop: Option<f64>,
    /// Of PostgreSQL's processes.
    pub database: Option<f64>,
    /// Of the load generator.
    pub generator: Option<f64>,
    /// Of everything on the machine, all of the above and strangers: how quiet it was.
    pub machine: Option<f64>,
}

/// A bare handler's figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Limit {
    /// Which.
    pub name: String,
    /// Driven by the same users the same way.
    pub whole: Summary,
    /// CPU seconds of the handler's process.
    pub cpu: Option<f64>,
    /// Seconds it was measured.
    pub seconds: f64,
}

/// What orders cost and whether they are right.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Orders {
    /// Checkouts answered 201 while it was measured.
    pub placed: u64,
    /// CPU milliseconds of shop and database an order, until its last effect; where orders are all that was done.
    pub cpu_ms: Option<f64>,
    /// Commits an order, as the shop's `/metrics` counts them: transactions with a statement, and single writes.
    pub commits: Option<f64>,
    /// Statements an order, as the shop's `/metrics` counts them.
    pub statements: Option<f64>,
    /// What the database server counted meanwhile.
    pub writes: Option<Writes>,
    /// The rules, checked afterwards.
    pub invariants: Vec<Invariant>,
    /// 201s of the run, its warm-up included.
    pub acknowledged: u64,
    /// Answers of the run that leave open whether the order stands.
    pub unsure: u64,
    /// Confirmed orders of the run in the database.
    pub confirmed: Option<i64>,
    /// Checkouts that had not come to an end half a minute later.
    pub unfinished: Option<i64>,
}

impl Orders {
    /// What is wrong with them.
    pub fn faults(&self) -> Vec<String> {
        let broken = self.invariants.iter().filter(|invariant| invariant.broken != 0);
        let mut faults: Vec<String> =
            broken.map(|invariant| format!("{} rows break: {}", invariant.broken, invariant.rule)).collect();
        if let Some(confirmed) = self.confirmed {
            let confirmed = u64::try_from(confirmed).unwrap_or_default();
            if confirmed < self.acknowledged {
                faults.push(format!("{} orders were acknowledged, {confirmed} are there (I5)", self.acknowledged));
            }
            if confirmed > self.acknowledged + self.unsure {
                let most = self.acknowledged + self.unsure;
                faults.push(format!("{confirmed} orders are there, at most {most} were bought"));
            }
        }
        if let Some(unfinished) = self.unfinished.filter(|unfinished| *unfinished > 0) {
            faults.push(format!("{unfinished} checkouts came to no end (I6)"));
        }
        faults
    }
}

impl Measured {
    /// What must not be.
    pub fn faults(&self) -> Vec<String> {
        /// One in a hundred: more is a shop that does not work, not a busy one.
        const TOLERATED: f64 = 0.01;
        let mut faults = Vec::new();
        let turns = self.whole.good + self.whole.bad;
        if self.sale.is_none() && self.whole.bad as f64 > TOLERATED * turns as f64 {
            let kinds: Vec<_> = self.whole.errors.iter().map(|(kind, count)| format!("{count} x {kind}")).collect();
            faults.push(format!("{} of {turns} turns failed: {}", self.whole.bad, kinds.join(", ")));
        }
        faults.extend(self.orders.iter().flat_map(Orders::faults));
        faults.extend(self.sale.iter().flat_map(Sale::faults));
        faults.into_iter().map(|fault| format!("{}: {fault}", self.name)).collect()
    }
}

impl Report {
    /// Adds a scenario with its faults.
    pub fn add(&mut self, measured: Measured) {
        self.faults.extend(measured.faults());
        self.scenarios.push(measured);
    }

    /// Writes `<stamp>.md` and `<stamp>.json` into `dir`; the former's path.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn write(&self, dir: &Path, stamp: &str) -> anyhow::Result<PathBuf> {
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let (people, machines) = (dir.join(format!("{stamp}.md")), dir.join(format!("{stamp}.json")));
        std::fs::write(&machines, serde_json::to_vec_pretty(self)?).with_context(|| machines.display().to_string())?;
        std::fs::write(&people, render(self)).with_context(|| people.display().to_string())?;
        Ok(people)
    }
}
