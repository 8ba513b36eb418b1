//! Performance targets: what the shop is to reach on two cores that it shares with database and generator, next to what it
//! reached. Ratios to bare handlers of the same run where machines differ, absolute figures where people wait.

use serde::Serialize;

use super::{Measured, Report};
use crate::record::Summary;

/// One promise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Of what.
    pub what: String,
    /// What came of it.
    pub measured: String,
    /// What the machine can do, when that is the yardstick.
    pub limit: Option<String>,
    /// The one by the other.
    pub ratio: Option<f64>,
    /// What was promised.
    pub target: String,
    /// Whether it was kept.
    pub met: bool,
}

/// Scenarios measured by a bare handler: name, least share of it, longest p99 in milliseconds.
const SHARES: &[(&str, f64, Option<f64>)] = &[
    ("product-page", 0.5, Some(20.0)),
    ("product-json", 0.5, Some(20.0)),
    ("category-page", 1.0 / 3.0, None),
    ("category-json", 1.0 / 3.0, None),
    ("availability", 0.6, None),
];
/// Searches a second, and the longest p95 in milliseconds.
const SEARCH: (f64, f64) = (1000.0, 50.0);
/// Orders a second, the longest p95 of a call in milliseconds, CPU milliseconds, commits and statements of an order.
const ORDERS: (f64, f64, f64, f64, f64) = (300.0, 150.0, 4.0, 8.0, 40.0);
/// MiB of the shop after all of it.
const MEMORY: f64 = 350.0;

/// Seconds of an import of 20,000 products, and of a start with them there.
const IMPORT: f64 = 30.0;
const START: f64 = 2.0;

/// Every promise that this run can judge.
pub fn rows(report: &Report) -> Vec<Row> {
    let mut rows = Vec::new();
    for scenario in &report.scenarios {
        if report.settings.rate.is_none() {
            shares(scenario, &mut rows);
            rates(scenario, &mut rows);
        }
        if scenario.name.starts_with("search") {
            rows.push(below(&format!("{}, p95 ms", scenario.name), scenario.whole.latency.p95, SEARCH.1));
        }
        orders(scenario, &mut rows);
        if let Some(sale) = &scenario.sale {
            rows.push(Row {
                what: "flash sale: units sold".into(),
                measured: format!("{} of {} to {} buyers", sale.sold, sale.units, sale.buyers),
                limit: None,
                ratio: None,
                target: "exactly the units".into(),
                met: sale.faults().is_empty(),
            });
        }
    }
    if let Some(seconds) = report.import_seconds {
        rows.push(below(&format!("import until search has {} products, s", report.catalog.products), seconds, IMPORT));
    }
    if let Some(seconds) = report.start_seconds {
        rows.push(below("start with data present, s", seconds, START));
    }
    if let Some(memory) = report.shop_memory {
        rows.push(at_most("memory of the shop after all of it, MiB", memory.rss, MEMORY));
    }
    rows
}

fn shares(scenario: &Measured, rows: &mut Vec<Row>) {
    let Some((name, share, p99)) = SHARES.iter().find(|(name, ..)| *name == scenario.name) else { return };
    if let Some(limit) = &scenario.limit {
        let ratio = scenario.whole.per_second / limit.whole.per_second.max(f64::EPSILON);
        rows.push(Row {
            what: format!("{name}, requests/s"),
            measured: format!("{:.0}", scenario.whole.per_second),
            limit: Some(format!("{:.0} ({})", limit.whole.per_second, limit.name)),
            ratio: Some(ratio),
            target: format!(">= {share:.2} of it"),
            met: ratio >= *share,
        });
    }
    if let Some(p99) = p99 {
        rows.push(below(&format!("{name}, p99 ms"), scenario.whole.latency.p99, *p99));
    }
}

fn rates(scenario: &Measured, rows: &mut Vec<Row>) {
    match scenario.name.as_str() {
        "search" => rows.push(at_least("search, requests/s", scenario.whole.per_second, SEARCH.0)),
        "checkout" => rows.push(at_least("checkout, orders/s", scenario.whole.per_second, ORDERS.0)),
        _ => {}
    }
}

fn orders(scenario: &Measured, rows: &mut Vec<Row>) {
    let Some(orders) = scenario.orders.as_ref().filter(|_| scenario.name.starts_with("checkout")) else { return };
    let of = |what: &str| format!("{}, {what}", scenario.name);
    let slowest = |a: &Summary, b: &Summary| a.latency.p95.total_cmp(&b.latency.p95);
    if let Some((name, part)) = scenario.parts.iter().max_by(|a, b| slowest(a.1, b.1)) {
        rows.push(below(&of(&format!("p95 ms of its slowest call ({name})")), part.latency.p95, ORDERS.1));
    }
    if let Some(cpu) = orders.cpu_ms {
        rows.push(below(&of("CPU ms of shop and database an order"), cpu, ORDERS.2));
    }
    if let Some(commits) = orders.commits {
        rows.push(at_most(&of("commits an order"), commits, ORDERS.3));
    }
    if let Some(statements) = orders.statements {
        rows.push(at_most(&of("statements an order"), statements, ORDERS.4));
    }
    if !orders.invariants.is_empty() {
        let faults = orders.faults().len();
        rows.push(at_most(&of("rules of money and stock broken"), faults as f64, 0.0));
    }
}

fn row(what: &str, measured: f64, sign: &str, target: f64, met: bool) -> Row {
    let digits = if measured < 100.0 && measured.fract() != 0.0 { 2 } else { 0 };
    Row {
        what: what.into(),
        measured: format!("{measured:.digits$}"),
        limit: None,
        ratio: None,
        target: format!("{sign} {target}"),
        met,
    }
}

fn at_least(what: &str, measured: f64, target: f64) -> Row {
    row(what, measured, ">=", target, measured >= target)
}

fn at_most(what: &str, measured: f64, target: f64) -> Row {
    row(what, measured, "<=", target, measured <= target)
}

fn below(what: &str, measured: f64, target: f64) -> Row {
    row(what, measured, "<", target, measured < target)
}
