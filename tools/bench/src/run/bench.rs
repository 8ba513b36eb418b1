//! Context of a run: the shop, its processes, its database, its catalogue, and the bare handlers.

use std::sync::Arc;

use anyhow::Context;
use souk_postgres::Managed;

use crate::args::Args;
use crate::catalog::Catalog;
use crate::limits::{BareKind, BareServer};
use crate::meters::Meters;
use crate::process::{Who, busy_seconds, machine};
use crate::report::{Cpu, Machine, Report, Settings, Sizes};
use crate::scenario::Kind;
use crate::store::{Store, Writes};
use crate::target::{Target, local_database};

/// Everything at hand.
pub(super) struct Bench {
    pub(super) args: Args,
    pub(super) run: String,
    pub(super) target: Target,
    pub(super) operations: Option<Target>,
    pub(super) shop: Option<Who>,
    pub(super) postgres: Option<Who>,
    pub(super) database_url: Option<String>,
    pub(super) store: Option<Store>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) bare_page: Option<BareServer>,
    pub(super) bare_select: Option<BareServer>,
}

/// All counters at one moment.
#[derive(Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) cpu: Cpu,
    pub(super) meters: Option<Meters>,
    pub(super) writes: Option<Writes>,
}

impl Bench {
    /// Looks at what is there.
    pub(super) async fn prepare(args: &Args, started: &str) -> anyhow::Result<(Self, Report)> {
        let target = Target::parse(&args.url).await?;
        let operations = match &args.operations {
            Some(url) => Some(Target::parse(url).await.context("--operations")?),
            None => None,
        };
        let database_url = match (&args.database_url, &args.data_dir) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(dir)) => {
                let found = Managed::find_running(dir).await?;
                Some(found.with_context(|| format!("no private database runs in {}", dir.display()))?)
            }
            (None, None) => None,
        };
        let store = match &database_url {
            Some(url) => {
                local_database(url)?;
                Some(Store::connect(url).await?)
            }
            None => None,
        };
        let mut report = Report { started: started.to_owned(), url: args.url.clone(), ..Report::default() };
        let postgres = postgres(args, store.as_ref(), &mut report).await;
        let shop = args.shop_pid.map(Who::One);
        for who in [shop, postgres].into_iter().flatten() {
            who.cpu_seconds()?;
        }
        let mut catalog = Catalog::discover(&target).await.context("the shop's catalogue")?;
        // What is kept for the flash sale is not to be bought before.
        catalog.skus.retain(|sku| Some(sku) != args.flash_sku.as_ref());
        let run: String = started.chars().filter(char::is_ascii_digit).take(14).collect();
        let run = format!("bench-{run}-{}", std::process::id());
        describe(&mut report, args, &run, &catalog);
        if let Some(store) = &store {
            report.machine.postgresql = Some(store.server().await?);
        }
        let mut bench = Self {
            args: args.clone(),
            run,
            target,
            operations,
            shop,
            postgres,
            database_url,
            store,
            catalog: Arc::new(catalog),
            bare_page: None,
            bare_select: None,
        };
        bench.start_yardsticks(&mut report).await?;
        Ok((bench, report))
    }

    async fn start_yardsticks(&mut self, report: &mut Report) -> anyhow::Result<()> {
        if self.args.no_limits {
            report.left_out.push("what the machine can do at most: --no-limits".into());
            return Ok(());
        }
        if self.args.rate.is_some() {
            report.left_out.push("bare handlers: an open loop asks for a rate, not for all there is".into());
            return Ok(());
        }
        let wanted = |kind: Kind| self.args.scenario.is_empty() || self.args.scenario.contains(&kind);
        if [Kind::ProductPage, Kind::ProductJson, Kind::CategoryPage, Kind::CategoryJson].into_iter().any(wanted) {
            self.bare_page = Some(BareServer::start(BareKind::Page, None).await?);
        }
        if wanted(Kind::Availability) {
            match &self.database_url {
                Some(url) => self.bare_select = Some(BareServer::start(BareKind::Select, Some(url)).await?),
                None => report.left_out.push("the bare SELECT beside availability: no database was given".into()),
            }
        }
        Ok(())
    }

    /// All counters now.
    pub(super) async fn counters(&self) -> anyhow::Result<Counters> {
        let cpu = Cpu {
            shop: self.shop.map(Who::cpu_seconds).transpose()?,
            database: self.postgres.map(Who::cpu_seconds).transpose()?,
            generator: Some(Who::One(std::process::id()).cpu_seconds()?),
            machine: busy_seconds(),
        };
        let meters = match &self.operations {
            Some(operations) => Some(Meters::read(operations).await?),
            None => None,
        };
        let writes = match &self.store {
            Some(store) => Some(store.writes().await?),
            None => None,
        };
        Ok(Counters { cpu, meters, writes })
    }

    /// Stops the bare handlers.
    pub(super) async fn finish(self) -> anyhow::Result<()> {
        for server in [self.bare_page, self.bare_select].into_iter().flatten() {
            server.stop().await?;
        }
        Ok(())
    }
}

impl Counters {
    /// What was counted since `earlier`.
    pub(super) fn since(self, earlier: Self) -> Self {
        let less = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        Self {
            cpu: Cpu {
                shop: less(self.cpu.shop, earlier.cpu.shop),
                database: less(self.cpu.database, earlier.cpu.database),
                generator: less(self.cpu.generator, earlier.cpu.generator),
                machine: less(self.cpu.machine, earlier.cpu.machine),
            },
            meters: self.meters.zip(earlier.meters).map(|(now, then)| now.since(then)),
            writes: self.writes.zip(earlier.writes).map(|(now, then)| now.since(then)),
        }
    }
}

/// The postmaster: the one that was named, or the one the database names, when that is a process we can see.
async fn postgres(args: &Args, store: Option<&Store>, report: &mut Report) -> Option<Who> {
    if let Some(pid) = args.postgres_pid {
        return Some(Who::Tree(pid));
    }
    let pid = store?.postmaster().await;
    let seen = pid.map(Who::Tree).filter(|who| who.cpu_seconds().is_ok());
    if seen.is_none() {
        report
            .left_out
            .push("CPU and memory of the database: it does not tell its process; give --postgres-pid".into());
    }
    seen
}

fn describe(report: &mut Report, args: &Args, run: &str, catalog: &Catalog) {
    let (processor, cores, memory) = machine();
    report.run = run.to_owned();
    (report.import_seconds, report.start_seconds) = (args.import_seconds, args.start_seconds);
    report.throttle_profile = args.throttle_profile.clone();
    report.machine = Machine { processor, cores, memory, postgresql: None };
    report.settings = Settings {
        connections: usize::try_from(args.connections).unwrap_or(usize::MAX),
        seconds: args.seconds,
        warmup: args.warmup,
        rate: args.rate,
        think_ms: args.think_ms,
    };
    report.catalog =
        Sizes { products: catalog.products.len(), skus: catalog.skus.len(), categories: catalog.categories.len() };
    for (given, what) in [
        (args.operations.is_some(), "cache hits, commits and statements: no --operations was given"),
        (args.shop_pid.is_some(), "CPU and memory of the shop: no --shop-pid was given"),
        (args.database_url.is_some() || args.data_dir.is_some(), "rules of money and stock: no database was given"),
    ] {
        if !given {
            report.left_out.push(what.into());
        }
    }
}
