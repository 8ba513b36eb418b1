//! Measurement of one scenario: its yardstick right before it, warm-up, the measured phase between two readings of all
//! counters, and for orders the wait for their last effects and the rules.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::bench::{Bench, Counters};
use crate::limits::BareServer;
use crate::load::{Crowd, Pace, Scenario, Until};
use crate::process::{Who, open_files};
use crate::report::{Limit, Measured, Orders};
use crate::scenario::{
    Availability, Checkout, FlashSale, Journey, Kind, Pages, Searches, names_total, shipping_method, units_of,
};
use crate::target::Target;

/// Searches a second that there must be enough different ones for.
const SEARCHES_PER_SECOND: u64 = 6_000;
/// And at most so many: 100 bytes each.
const MAX_SEARCHES: u64 = 400_000;
/// The promised rates of searches and orders.
const SEARCH_RATE: f64 = 1000.0;
const ORDER_RATE: f64 = 300.0;
/// Buyers of a flash sale for each unit, and at most, when the command line does not say.
const BUYERS_PER_UNIT: usize = 5;
const MAX_BUYERS: usize = 5_000;
/// Files kept for everything that is no buyer's connection.
const OTHER_FILES: usize = 128;
/// Wait for checkouts to come to an end.
const SETTLE: Duration = Duration::from_secs(30);
const SETTLE_PAUSE: Duration = Duration::from_millis(250);
/// Transactions within one pause that are housekeeping and not a buyer's order.
const QUIET: i64 = 5;

impl Bench {
    /// Measures; a scenario with a promised rate also in an open loop at that rate, because a closed loop on so many
    /// connections waits as long as it must, however fast the shop.
    pub(super) async fn measure(&self, kind: Kind) -> anyhow::Result<Vec<Measured>> {
        let measured = match kind {
            Kind::Search => return self.search().await,
            Kind::Checkout => return self.checkouts().await,
            Kind::FlashSale => self.flash_sale().await,
            _ => self.plain(kind).await,
        };
        Ok(vec![measured?])
    }

    async fn plain(&self, kind: Kind) -> anyhow::Result<Measured> {
        let page = self.bare_page.as_ref();
        match kind {
            Kind::ProductPage | Kind::ProductJson | Kind::CategoryPage | Kind::CategoryJson => {
                let pages = match kind {
                    Kind::ProductPage => Pages::products_html(&self.catalog),
                    Kind::ProductJson => Pages::products_json(&self.catalog),
                    Kind::CategoryPage => Pages::categories_html(&self.catalog),
                    _ => Pages::categories_json(&self.catalog),
                };
                anyhow::ensure!(pages.pages() > 0, "{}: the catalogue has nothing to visit", pages.name());
                let every = pages.pages();
                self.compared(Arc::new(pages), every, page.map(|bare| (bare, "bare handler, 20 KB"))).await
            }
            Kind::Availability => {
                let bare = self.bare_select.as_ref().map(|bare| (bare, "bare handler, one SELECT"));
                self.compared(Arc::new(Availability::new(&self.catalog)), 0, bare).await
            }
            _ => {
                let checkout = self.checkout("journey").await?;
                let journey = Arc::new(Journey::new(&self.catalog, checkout.clone()));
                let mut measured = self.drive(&journey, 0, true).await?;
                // Most of it is browsing: what an order costs is measured where there is nothing else.
                if let Some(orders) = &mut measured.orders {
                    (orders.cpu_ms, orders.commits, orders.statements, orders.writes) = (None, None, None, None);
                }
                self.with_orders(measured, &checkout, "journey").await
            }
        }
    }

    async fn search(&self) -> anyhow::Result<Vec<Measured>> {
        let time = 2 * (self.args.seconds + self.args.warmup);
        let searches = Searches::new(&self.catalog, usize::try_from((time * SEARCHES_PER_SECOND).min(MAX_SEARCHES))?);
        let (searches, mut crowd) = (Arc::new(searches), self.crowd(&self.target));
        let mut all = vec![self.phases(&mut crowd, &searches, self.pace(), false).await?];
        if self.pace() == Pace::Closed {
            let mut paced = self.phases(&mut crowd, &searches, Pace::Open(SEARCH_RATE), false).await?;
            paced.name = format!("search at {SEARCH_RATE} a second");
            all.push(paced);
        }
        if crowd.next_turn() > searches.different() {
            eprintln!("search: {} searches, of which only {} different", crowd.next_turn(), searches.different());
        }
        Ok(all)
    }

    async fn checkouts(&self) -> anyhow::Result<Vec<Measured>> {
        let checkout = self.checkout("checkout").await?;
        let measured = self.drive(&checkout, 0, true).await?;
        let mut all = vec![self.with_orders(measured, &checkout, "checkout").await?];
        if self.pace() == Pace::Closed {
            let checkout = self.checkout("paced").await?;
            let mut crowd = self.crowd(&self.target);
            let mut paced = self.phases(&mut crowd, &checkout, Pace::Open(ORDER_RATE), true).await?;
            paced.name = format!("checkout at {ORDER_RATE} a second");
            all.push(self.with_orders(paced, &checkout, "paced").await?);
        }
        Ok(all)
    }

    fn pace(&self) -> Pace {
        self.args.rate.map_or(Pace::Closed, Pace::Open)
    }

    async fn checkout(&self, name: &str) -> anyhow::Result<Arc<Checkout>> {
        let method = shipping_method(&self.target, &self.catalog).await?;
        let names_total = names_total(&self.target).await?;
        Ok(Arc::new(Checkout::new(&format!("{}-{name}", self.run), &self.catalog, method, names_total)?))
    }

    /// The scenario with the bare handler right before it: machines are noisy, and neighbours in time are least so.
    async fn compared<S: Scenario>(
        &self,
        scenario: Arc<S>,
        every: u64,
        bare: Option<(&BareServer, &str)>,
    ) -> anyhow::Result<Measured> {
        let limit = match bare {
            Some((bare, name)) => Some(self.limit(&scenario, bare, name).await?),
            None => None,
        };
        let mut measured = self.drive(&scenario, every, false).await?;
        measured.limit = limit;
        Ok(measured)
    }

    async fn limit<S: Scenario>(&self, scenario: &Arc<S>, bare: &BareServer, name: &str) -> anyhow::Result<Limit> {
        let mut crowd = self.crowd(&bare.target);
        let process = Who::One(bare.pid);
        crowd.run(scenario, Pace::Closed, Until::Time(Duration::from_secs(self.args.warmup.min(1)))).await?;
        let before = process.cpu_seconds()?;
        let time = Until::Time(Duration::from_secs(self.args.seconds));
        let (recorder, elapsed) = crowd.run(scenario, Pace::Closed, time).await?;
        let cpu = Some(process.cpu_seconds()? - before);
        let whole = recorder.summaries(elapsed).remove(scenario.name()).unwrap_or_default();
        Ok(Limit { name: name.to_owned(), whole, cpu, seconds: elapsed.as_secs_f64() })
    }

    fn crowd(&self, target: &Target) -> Crowd {
        let think = (self.args.think_ms > 0).then(|| Duration::from_millis(self.args.think_ms));
        Crowd::new(target, usize::try_from(self.args.connections).unwrap_or(usize::MAX), think)
    }

    /// A crowd of its own, which has seen each of `every` pages once, at the pace of the run.
    async fn drive<S: Scenario>(&self, scenario: &Arc<S>, every: u64, effects: bool) -> anyhow::Result<Measured> {
        let mut crowd = self.crowd(&self.target);
        if every > 0 {
            crowd.run(scenario, Pace::Closed, Until::Turns(every)).await?;
        }
        self.phases(&mut crowd, scenario, self.pace(), effects).await
    }

    /// Warm-up, then the measured phase. When turns have `effects` behind them, those are waited for and belong to the
    /// measured cost.
    async fn phases<S: Scenario>(
        &self,
        crowd: &mut Crowd,
        scenario: &Arc<S>,
        pace: Pace,
        effects: bool,
    ) -> anyhow::Result<Measured> {
        crowd.run(scenario, pace, Until::Time(Duration::from_secs(self.args.warmup))).await?;
        if effects {
            self.settle().await?;
        }
        let before = self.counters().await?;
        let time = Until::Time(Duration::from_secs(self.args.seconds));
        let (recorder, elapsed) = crowd.run(scenario, pace, time).await?;
        if effects {
            self.settle().await?;
        }
        let Counters { cpu, meters, writes } = self.counters().await?.since(before);
        let mut parts = recorder.summaries(elapsed);
        let whole = parts.remove(scenario.name()).unwrap_or_default();
        let hits = meters.and_then(|meters| meters.hit_ratio());
        let mut measured = Measured {
            name: scenario.name().to_owned(),
            seconds: elapsed.as_secs_f64(),
            whole,
            parts,
            cpu,
            hit_ratio: hits.map(|(all, _)| all),
            stale_ratio: hits.map(|(_, stale)| stale),
            throttled: meters.map(|meters| meters.throttled),
            ..Measured::default()
        };
        if effects {
            let placed = measured.parts.get("pay").map_or(0, |pay| pay.good);
            let each = |total: f64| (placed > 0).then(|| total / placed as f64);
            measured.orders = Some(Orders {
                placed,
                cpu_ms: cpu.shop.zip(cpu.database).and_then(|(shop, database)| each((shop + database) * 1000.0)),
                commits: meters.and_then(|meters| each(meters.commits)),
                statements: meters.and_then(|meters| each(meters.statements)),
                writes,
                ..Orders::default()
            });
        }
        Ok(measured)
    }

    /// Waits until no checkout is under way and no process writes any more, or until patience ends.
    async fn settle(&self) -> anyhow::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let (started, mut last) = (Instant::now(), store.writes().await?.transactions);
        while started.elapsed() < SETTLE {
            tokio::time::sleep(SETTLE_PAUSE).await;
            let now = store.writes().await?.transactions;
            if now - last <= QUIET && store.unfinished().await? == 0 {
                break;
            }
            last = now;
        }
        Ok(())
    }

    /// What the orders of `name` came to.
    async fn with_orders(&self, mut measured: Measured, checkout: &Checkout, name: &str) -> anyhow::Result<Measured> {
        let orders = measured.orders.get_or_insert_default();
        (orders.acknowledged, orders.unsure) = (checkout.placed(), checkout.unsure());
        self.audit(orders, &format!("{}-{name}-", self.run)).await?;
        Ok(measured)
    }

    async fn audit(&self, orders: &mut Orders, prefix: &str) -> anyhow::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        orders.unfinished = Some(store.unfinished().await?);
        orders.confirmed = Some(store.confirmed(prefix).await?);
        orders.invariants = store.invariants().await?;
        Ok(())
    }

    async fn flash_sale(&self) -> anyhow::Result<Measured> {
        let method = shipping_method(&self.target, &self.catalog).await?;
        let sku = match &self.args.flash_sku {
            Some(sku) => sku.clone(),
            None => self.catalog.skus.last().context("nothing in this catalogue can be bought")?.clone(),
        };
        let units = usize::try_from(units_of(&self.target, &sku).await?).unwrap_or_default();
        let wanted = self.args.flash_buyers.unwrap_or((units * BUYERS_PER_UNIT).min(MAX_BUYERS)).max(1);
        let buyers = wanted.min(open_files().saturating_sub(OTHER_FILES));
        if buyers < wanted {
            eprintln!("flash-sale: {buyers} buyers, not {wanted}: this process may open no more files (ulimit -n)");
        }
        let run = format!("{}-flash", self.run);
        let names_total = names_total(&self.target).await?;
        let sale = FlashSale { sku, buyers, run: run.clone(), method, names_total };
        let before = self.counters().await?;
        let sale = sale.run(&self.target).await?;
        self.settle().await?;
        let Counters { cpu, writes, .. } = self.counters().await?.since(before);
        let unsure = sale.others.values().sum();
        let mut orders = Orders { placed: sale.sold, writes, acknowledged: sale.sold, unsure, ..Orders::default() };
        self.audit(&mut orders, &format!("{run}-")).await?;
        Ok(Measured {
            name: "flash-sale".into(),
            seconds: sale.seconds,
            whole: sale.wait.clone(),
            cpu,
            orders: Some(orders),
            sale: Some(sale),
            ..Measured::default()
        })
    }
}
