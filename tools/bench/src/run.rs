//! Benchmark run, from beginning to end: what is there, each scenario with its yardstick, the rules, the report.

mod bench;
mod measure;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use souk_kernel::Clock;

use crate::args::Args;
use crate::limits::{pgbench, serve_until_stdin_closes};
use crate::report::{Report, render, rows};
use crate::scenario::Kind;
use bench::Bench;

/// Seconds of each half of pgbench at most: it is a yardstick, not the subject.
const PGBENCH_SECONDS: u64 = 5;
/// How long the shop rests before its memory is read: what it keeps counts, not what was under way; the report says
/// beside it how much it was at most.
const REST: Duration = Duration::from_secs(5);

/// `souk bench`: measures, writes the report, and fails when something happened that must never happen. A missed target
/// is in the report and is no failure.
///
/// # Errors
/// The shop cannot be measured: not on this machine, not running, empty.
pub async fn main(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(kind) = args.serve_bare {
        serve_until_stdin_closes(kind).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = Clock::system().now();
    let report = run(&args, &now.to_string()).await?;
    let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let path = report.write(&args.out, &stamp)?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => println!("{}", render(&report)),
    }
    eprintln!("report: {}", path.display());
    report.faults.iter().for_each(|fault| eprintln!("fault: {fault}"));
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures.
///
/// # Errors
/// As [`main`].
pub async fn run(args: &Args, started: &str) -> anyhow::Result<Report> {
    let (bench, mut report) = Bench::prepare(args, started).await?;
    for kind in chosen(args) {
        let name = clap::ValueEnum::to_possible_value(&kind).map(|value| value.get_name().to_owned());
        let name = name.unwrap_or_default();
        eprintln!("{name} ...");
        for measured in bench.measure(kind).await.with_context(|| format!("scenario {name}"))? {
            let (at, rate, bad) = (measured.whole.latency, measured.whole.per_second, measured.whole.bad);
            eprintln!("{}: {rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {bad} failed", measured.name, at.p50, at.p99);
            report.add(measured);
        }
    }
    tokio::time::sleep(REST).await;
    report.shop_memory = bench.shop.map(|who| who.memory()).transpose()?;
    report.database_memory = bench.postgres.map(|who| who.memory()).transpose()?;
    if !args.no_limits {
        match &bench.database_url {
            Some(url) => {
                eprintln!("pgbench ...");
                match pgbench(url, args.seconds.min(PGBENCH_SECONDS)).await? {
                    Ok(figures) => report.pgbench = Some(figures),
                    Err(reason) => report.left_out.push(reason),
                }
            }
            None => report.left_out.push("pgbench: no database was given".into()),
        }
    }
    bench.finish().await?;
    report.targets = rows(&report);
    Ok(report)
}

/// In the order of [`Kind::ALL`], each once.
fn chosen(args: &Args) -> Vec<Kind> {
    Kind::ALL.iter().copied().filter(|kind| args.scenario.is_empty() || args.scenario.contains(kind)).collect()
}
