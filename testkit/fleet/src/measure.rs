//! `souk-fleet measure`: what splitting costs, how long a mail takes over Kafka, and what an idle role holds; each by
//! `souk bench` and by the database's own clock. Figures of one run are compared with each other and with nothing else.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;
use souk_fleet::{Binary, Choice, Fleet, Plan};

/// Products: more than a process keeps of any one thing by accident.
const PRODUCTS: usize = 2_000;
/// Purchases a second of the comparison.
const RATE: &str = "100";
/// Purchases a second while mails are timed: the question is how long one takes, not how many there can be.
const MAIL_RATE: &str = "10";
/// How long everything rests before its memory is read.
const REST: Duration = Duration::from_secs(10);
/// Mails that are handed over after the last order.
const MAIL_END: Duration = Duration::from_secs(5);

/// What is read of a report.
#[derive(Deserialize)]
struct Report {
    scenarios: Vec<Scenario>,
    faults: Vec<String>,
}

#[derive(Deserialize)]
struct Scenario {
    whole: Summary,
    #[serde(default)]
    parts: std::collections::BTreeMap<String, Summary>,
}

#[derive(Deserialize)]
struct Summary {
    per_second: f64,
    bad: u64,
    latency: Latency,
}

#[derive(Deserialize)]
struct Latency {
    p50: f64,
    p95: f64,
}

/// One shop's figures.
struct Figures {
    pages: f64,
    pay_p50: f64,
    pay_p95: f64,
}

/// Measures `rounds` times in turn and prints each round; the median of the ratios is what counts.
pub async fn measure(binary: Binary, seconds: u32, rounds: u32) -> anyhow::Result<()> {
    let plan = Plan { instances: 1, engines: Choice::NONE, cache_mib: 0, products: PRODUCTS, ..Plan::new(binary) };
    let (mut pages, mut pay) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let together = shop(Plan { together: true, ..plan.clone() }, seconds).await.context("in one process")?;
        let split = shop(plan.clone(), seconds).await.context("split")?;
        print("together", round, &together);
        print("split", round, &split);
        pages.push(split.pages / together.pages);
        pay.push(split.pay_p95 / together.pay_p95);
    }
    println!("product pages, split to together: {:.2} (at least 0.60)", median(&mut pages));
    println!("p95 of paying at {RATE} orders/s, split to together: {:.2} (at most 2)", median(&mut pay));
    whole(Plan { instances: 2, engines: Choice::ALL, cache_mib: 64, ..plan }, seconds).await.context("the whole fleet")
}

fn print(name: &str, round: u32, figures: &Figures) {
    println!(
        "{name} (round {round}): {:.0} product pages/s without page cache; paying p50 {:.1} ms, p95 {:.1} ms",
        figures.pages, figures.pay_p50, figures.pay_p95
    );
}

fn median(ratios: &mut [f64]) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// Pages and purchases of a shop of its own.
async fn shop(plan: Plan, seconds: u32) -> anyhow::Result<Figures> {
    let fleet = Fleet::start(plan).await?;
    let pages = bench(&fleet, seconds, &["--scenario", "product-page"])?;
    let checkout = bench(&fleet, seconds, &["--scenario", "checkout", "--rate", RATE])?;
    fleet.stop().await?;
    let pay = checkout.parts.get("pay").unwrap_or(&checkout.whole);
    Ok(Figures { pages: pages.whole.per_second, pay_p50: pay.latency.p50, pay_p95: pay.latency.p95 })
}

/// Mails over Kafka, and memory at rest.
async fn whole(plan: Plan, seconds: u32) -> anyhow::Result<()> {
    let fleet = Fleet::start(plan).await?;
    tokio::time::sleep(REST).await;
    let memory = |role: &souk_fleet::Role| Some((role.memory()? as f64 / 1048576.0, role.name().to_owned()));
    let mut held: Vec<_> = fleet.roles.iter().filter_map(memory).collect();
    held.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (most, who) = held.first().context("no roles")?;
    let average = held.iter().map(|(mib, _)| mib).sum::<f64>() / held.len() as f64;
    println!("memory of an idle role (Pss): {average:.1} MiB on average, {most:.1} at most ({who}; at most 40)");
    for (mib, role) in &held {
        println!("  {role:<22} {mib:.1}");
    }
    let checkout = bench(&fleet, seconds, &["--scenario", "checkout", "--rate", MAIL_RATE])?;
    tokio::time::sleep(MAIL_END).await;
    let sql =
        "select count(*) || ' mails: p50 ' || coalesce(round(percentile_cont(0.5) within group (order by took)), -1)
        || ' ms, p95 ' || coalesce(round(percentile_cont(0.95) within group (order by took)), -1)
        || ' ms, at most ' || coalesce(round(max(took)), -1) || ' ms; not sent: ' || count(*) filter (where not sent)
        from (select extract(epoch from d.updated_at - o.time) * 1000 as took, d.status = 'sent' as sent
              from notification.delivery d join \"order\".outbox o on o.aggregate = d.order_id
              where o.type = 'order.placed.v1') as mails";
    let mails = fleet.engines.postgres.sql(0, sql).await;
    println!("order placed to mail handed over, through Kafka, at {MAIL_RATE} orders/s: {mails} (p95 at most 500)");
    println!("paying on the whole fleet: p95 {:.1} ms", checkout.whole.latency.p95);
    fleet.stop().await
}

fn bench(fleet: &Fleet, seconds: u32, words: &[&str]) -> anyhow::Result<Scenario> {
    let (url, seconds) = (format!("http://{}", fleet.public()), seconds.to_string());
    let (database, out) = (fleet.engines.postgres.url(&[0]), fleet.dir().join("reports"));
    let mut all = vec!["bench", "--json", "--no-limits", "--throttle-profile", "off", "--url", &url];
    all.extend(["--database-url", &database, "--seconds", &seconds, "--out"]);
    let out = out.to_string_lossy();
    all.push(&out);
    all.extend(words);
    let report: Report = serde_json::from_str(&fleet.tool(&all)?).context("the report of souk bench")?;
    ensure!(report.faults.is_empty(), "{:?}", report.faults);
    // With a rate there are two: at most, and at that rate.
    let scenario = report.scenarios.into_iter().last().context("nothing was measured")?;
    ensure!(scenario.whole.bad == 0, "{} turns failed", scenario.whole.bad);
    Ok(scenario)
}
