//! Markdown report, for people: what was promised first, then what was measured, then on what.

use std::fmt::Write as _;

use super::{Measured, Orders, Report};
use crate::record::Summary;
use crate::scenario::Sale;

/// The whole report.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write_all(&mut text, report);
    text
}

fn write_all(out: &mut String, report: &Report) -> std::fmt::Result {
    let (machine, settings) = (&report.machine, &report.settings);
    writeln!(out, "# Bench of {}\n", report.started)?;
    let pace = match settings.rate {
        Some(rate) => format!("open loop, {rate} a second"),
        None => "closed loop".into(),
    };
    writeln!(
        out,
        "{} connections, {pace}, {} s each after {} s of warm-up. Throttle profile: {}. {} products, {} SKUs, {} categories.",
        settings.connections,
        settings.seconds,
        settings.warmup,
        report.throttle_profile,
        report.catalog.products,
        report.catalog.skus,
        report.catalog.categories,
    )?;
    writeln!(
        out,
        "\n{}, {} cores shared by generator, shop and database, {:.0} MiB. PostgreSQL {}.\n",
        machine.processor,
        machine.cores,
        machine.memory,
        machine.postgresql.as_deref().unwrap_or("unknown: no database was given"),
    )?;
    if report.faults.is_empty() {
        writeln!(out, "No faults.\n")?;
    } else {
        writeln!(out, "## Faults\n")?;
        report.faults.iter().try_for_each(|fault| writeln!(out, "- **{fault}**"))?;
        writeln!(out)?;
    }
    targets(out, report)?;
    writeln!(out, "## Measured\n")?;
    writeln!(out, "| | per second | p50 ms | p95 ms | p99 ms | max ms | failed | bytes each | cache hits |")?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    for scenario in &report.scenarios {
        let mut hits = scenario.hit_ratio.map_or_else(|| "-".into(), |ratio| format!("{:.1} %", ratio * 100.0));
        if let Some(stale) = scenario.stale_ratio.filter(|stale| *stale > 0.001) {
            hits.push_str(&format!(" ({:.1} % stale)", stale * 100.0));
        }
        line(out, &scenario.name, &scenario.whole, &hits)?;
        for (name, part) in &scenario.parts {
            line(out, &format!("- {name}"), part, "")?;
        }
        if let Some(limit) = &scenario.limit {
            line(out, &format!("*limit: {}*", limit.name), &limit.whole, "")?;
        }
    }
    writeln!(out)?;
    errors(out, report)?;
    cpu(out, report)?;
    for scenario in &report.scenarios {
        if let Some(orders) = &scenario.orders {
            self::orders(out, &scenario.name, orders)?;
        }
        if let Some(sale) = &scenario.sale {
            self::sale(out, sale)?;
        }
    }
    limits(out, report)
}

fn targets(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.targets.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "## Targets\n\n| | measured | limit of this machine | ratio | target | met |\n|---|---:|---:|---:|---:|---|"
    )?;
    for row in &report.targets {
        let ratio = row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let (limit, met) = (row.limit.as_deref().unwrap_or_default(), if row.met { "yes" } else { "**no**" });
        writeln!(out, "| {} | {} | {limit} | {ratio} | {} | {met} |", row.what, row.measured, row.target)?;
    }
    writeln!(out)
}

fn line(out: &mut String, name: &str, summary: &Summary, hits: &str) -> std::fmt::Result {
    let at = summary.latency;
    writeln!(
        out,
        "| {name} | {:.0} | {:.2} | {:.2} | {:.2} | {:.1} | {} | {} | {hits} |",
        summary.per_second, at.p50, at.p95, at.p99, at.max, summary.bad, summary.bytes_each,
    )
}

fn errors(out: &mut String, report: &Report) -> std::fmt::Result {
    let failed = report.scenarios.iter().filter(|scenario| !scenario.whole.errors.is_empty());
    for scenario in failed {
        let kinds = scenario.whole.errors.iter().map(|(kind, count)| format!("{count} x {kind}"));
        writeln!(out, "Failed in {}: {}.\n", scenario.name, kinds.collect::<Vec<_>>().join(", "))?;
    }
    for scenario in report.scenarios.iter().filter(|scenario| scenario.throttled.is_some_and(|count| count > 0.0)) {
        let count = scenario.throttled.unwrap_or_default();
        writeln!(out, "Throttled in {}: {count:.0} requests.\n", scenario.name)?;
    }
    Ok(())
}

fn cpu(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(
        out,
        "## CPU seconds\n\n| | shop | database | generator | all of the machine | of so many | shop, us a turn |\n|---|---:|---:|---:|---:|---:|---:|"
    )?;
    let shown = |seconds: Option<f64>| seconds.map_or_else(|| "-".into(), |seconds| format!("{seconds:.2}"));
    for Measured { name, cpu, whole, limit, seconds, .. } in &report.scenarios {
        let each = |seconds: Option<f64>, whole: &Summary| {
            let turns = (whole.good + whole.bad).max(1) as f64;
            seconds.map_or_else(|| "-".into(), |seconds| format!("{:.1}", seconds * 1e6 / turns))
        };
        let (shop, database, generator) = (shown(cpu.shop), shown(cpu.database), shown(cpu.generator));
        let (all, of) = (shown(cpu.machine), seconds * report.machine.cores as f64);
        writeln!(out, "| {name} | {shop} | {database} | {generator} | {all} | {of:.2} | {} |", each(cpu.shop, whole))?;
        if let Some(limit) = limit {
            writeln!(
                out,
                "| *limit: {}* | {} | | | | | {} |",
                limit.name,
                shown(limit.cpu),
                each(limit.cpu, &limit.whole)
            )?;
        }
    }
    writeln!(out)?;
    let memory = [("shop", report.shop_memory), ("database", report.database_memory)];
    for (who, memory) in memory.iter().filter_map(|(who, memory)| Some((who, (*memory)?))) {
        writeln!(
            out,
            "Memory of the {who} after all of it: {:.0} MiB resident, {:.0} MiB proportional, {:.0} MiB at most.\n",
            memory.rss, memory.pss, memory.peak
        )?;
    }
    Ok(())
}

fn orders(out: &mut String, name: &str, orders: &Orders) -> std::fmt::Result {
    writeln!(out, "## Orders of {name}\n")?;
    writeln!(
        out,
        "{} placed while it was measured; {} in all with the warm-up, {} unsure.",
        orders.placed, orders.acknowledged, orders.unsure
    )?;
    let costs = [
        (orders.cpu_ms, "ms CPU of shop and database"),
        (orders.commits, "commits"),
        (orders.statements, "statements"),
    ];
    let costs: Vec<_> = costs.iter().filter_map(|(cost, unit)| Some(format!("{:.2} {unit}", (*cost)?))).collect();
    if !costs.is_empty() {
        writeln!(out, "An order, its events' effects included: {}.", costs.join(", "))?;
    }
    if let Some(writes) = orders.writes {
        let each = |count: i64| count as f64 / orders.placed.max(1) as f64;
        let (transactions, syncs, bytes) = (each(writes.transactions), each(writes.syncs), each(writes.bytes) / 1024.0);
        writeln!(
            out,
            "The server itself counted {transactions:.2} writing transactions (ids handed out, background work included), \
             {syncs:.2} flushes of its log and {bytes:.1} KiB of it an order.",
        )?;
    }
    if orders.invariants.is_empty() {
        return writeln!(out, "\nNo rule was checked: no database was given.\n");
    }
    writeln!(out, "\n| rule | rows that break it |\n|---|---:|")?;
    for invariant in &orders.invariants {
        writeln!(out, "| {} | {} |", invariant.rule, invariant.broken)?;
    }
    let confirmed = orders.confirmed.map_or_else(|| "unknown".into(), |count| count.to_string());
    writeln!(out, "| acknowledged {} = confirmed {confirmed} (I5) | |", orders.acknowledged)?;
    writeln!(out, "| checkouts without an end (I6) | {} |\n", orders.unfinished.unwrap_or_default())
}

fn sale(out: &mut String, sale: &Sale) -> std::fmt::Result {
    let Sale { sku, units, left, buyers, sold, told_so, retried, seconds, wait, .. } = sale;
    writeln!(
        out,
        "## Flash sale\n\n{buyers} buyers paid for {units} units of {sku} at once: {sold} sold, {told_so} were told that it \
         is sold out, {left} units are left. The last answer came after {seconds:.2} s; p50 {:.0} ms, p99 {:.0} ms. {retried} \
         answers said \"later\" and were followed under the same key.\n",
        wait.latency.p50, wait.latency.p99,
    )
}

fn limits(out: &mut String, report: &Report) -> std::fmt::Result {
    if let Some(pgbench) = report.pgbench {
        writeln!(
            out,
            "## PostgreSQL alone\n\npgbench, scale 10, 16 clients, prepared: {:.0} select-only, {:.0} TPC-B transactions a second.\n",
            pgbench.select_only, pgbench.tpc_b,
        )?;
    }
    if !report.left_out.is_empty() {
        writeln!(out, "## Left out\n")?;
        report.left_out.iter().try_for_each(|what| writeln!(out, "- {what}"))?;
    }
    Ok(())
}
