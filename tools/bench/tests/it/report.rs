//! Report: what was promised is judged by what was measured.

use souk_bench::record::{Latency, Summary};
use souk_bench::report::{Limit, Measured, Orders, Report, render, rows};
use souk_bench::store::Invariant;

fn summary(per_second: f64, p95: f64, p99: f64) -> Summary {
    let latency = Latency { p50: 1.0, p95, p99, max: p99 };
    Summary { good: 1000, per_second, latency, bytes_each: 4321, ..Summary::default() }
}

fn page(per_second: f64, p99: f64) -> Measured {
    Measured {
        name: "product-page".into(),
        whole: summary(per_second, 1.0, p99),
        hit_ratio: Some(0.998),
        limit: Some(Limit {
            name: "bare handler, 20 KB".into(),
            whole: summary(50_000.0, 1.0, 2.0),
            ..Limit::default()
        }),
        ..Measured::default()
    }
}

fn checkout(broken: i64, confirmed: i64) -> Measured {
    let invariants = vec![Invariant { rule: "the journal balances".into(), broken }];
    let orders = Orders {
        placed: 3000,
        cpu_ms: Some(3.9),
        commits: Some(8.0),
        statements: Some(41.0),
        acknowledged: 3500,
        confirmed: Some(confirmed),
        unfinished: Some(0),
        invariants,
        ..Orders::default()
    };
    let parts = [("pay".to_owned(), summary(320.0, 149.0, 200.0)), ("cart".to_owned(), summary(320.0, 3.0, 5.0))];
    let whole = summary(320.0, 170.0, 250.0);
    Measured { name: "checkout".into(), whole, parts: parts.into(), orders: Some(orders), ..Measured::default() }
}

fn report(scenarios: Vec<Measured>) -> Report {
    let mut report =
        Report { started: "2026-01-02T03:04:05Z".into(), throttle_profile: "bench".into(), ..Report::default() };
    scenarios.into_iter().for_each(|scenario| report.add(scenario));
    report.targets = rows(&report);
    report
}

#[test]
fn promises_are_judged_by_ratio_and_by_wait() {
    let report = report(vec![page(25_000.0, 19.9), checkout(0, 3500)]);
    let judged: Vec<_> = report.targets.iter().map(|row| (row.what.as_str(), row.met)).collect();
    assert_eq!(
        judged,
        [
            ("product-page, requests/s", true),
            ("product-page, p99 ms", true),
            ("checkout, orders/s", true),
            ("checkout, p95 ms of its slowest call (pay)", true),
            ("checkout, CPU ms of shop and database an order", true),
            ("checkout, commits an order", true),
            ("checkout, statements an order", false),
            ("checkout, rules of money and stock broken", true),
        ]
    );
    assert_eq!(report.targets[0].ratio, Some(0.5));
    assert!(report.faults.is_empty());
    let missed = rows(&self::report(vec![page(24_999.0, 20.0)]));
    assert!(missed.iter().all(|row| !row.met), "{missed:?}");
}

#[test]
fn an_open_loop_is_not_held_against_what_a_closed_one_reaches() {
    let mut report = report(vec![page(100.0, 5.0)]);
    report.settings.rate = Some(100.0);
    assert!(rows(&report).is_empty());
}

#[test]
fn broken_rules_and_lost_orders_are_faults() {
    assert!(report(vec![checkout(2, 3500)]).faults[0].contains("2 rows break: the journal balances"));
    assert!(report(vec![checkout(0, 3499)]).faults[0].contains("3500 orders were acknowledged, 3499 are there"));
    assert!(report(vec![checkout(0, 3501)]).faults[0].contains("at most 3500 were bought"));
    let mut failing = page(25_000.0, 5.0);
    failing.whole.bad = 20;
    failing.whole.errors.insert("503 unavailable".into(), 20);
    let report = report(vec![failing]);
    assert!(report.faults[0].contains("20 of 1020 turns failed: 20 x 503 unavailable"), "{:?}", report.faults);
}

#[test]
fn people_and_machines_read_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let report = report(vec![page(24_000.0, 25.0), checkout(1, 3500)]);
    let path = report.write(&dir.path().join("reports"), "stamp").unwrap();
    let people = std::fs::read_to_string(path).unwrap();
    assert_eq!(people, render(&report));
    for part in [
        "Throttle profile: bench",
        "| product-page, requests/s | 24000 | 50000 (bare handler, 20 KB) | 0.48 | >= 0.50 of it | **no** |",
        "| product-page | 24000 | 1.00 | 1.00 | 25.00 | 25.0 | 0 | 4321 | 99.8 % |",
        "1 rows break: the journal balances",
        "| acknowledged 3500 = confirmed 3500 (I5) | |",
    ] {
        assert!(people.contains(part), "{part}\n{people}");
    }
    let machines = std::fs::read(dir.path().join("reports/stamp.json")).unwrap();
    let machines: serde_json::Value = serde_json::from_slice(&machines).unwrap();
    assert_eq!(machines["scenarios"][1]["orders"]["invariants"][0]["broken"], 1);
    assert_eq!(machines["targets"][0]["met"], false);
}
