//! `souk import products FILE`, `souk import demo`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use souk_catalog_api::MAX_BATCH;
use souk_import::{Feed, Importer, Input, Mapping, Options, ProductDraft, RefusedLines, RefusedProduct, Tally};
use souk_kernel::Currency;

use super::DataDirArgs;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// Refused lines printed one by one; the rest are counted, and `--json` lists them all.
const SHOWN_REFUSALS: usize = 50;

/// An import.
#[derive(Debug, Args)]
pub struct Products {
    /// CSV or NDJSON, plain or gzip.
    file: PathBuf,
    /// What the columns mean: a TOML file (docs/import.md), or one that is shipped: icecat, spree, shopify.
    #[arg(long)]
    mapping: Option<String>,
    /// Currency of prices that name none; rows in other currencies are left out.
    #[arg(long)]
    currency: Option<Currency>,
    /// Read everything, change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Set the stock of known variants too; by default only new ones get theirs, so a repeated import undoes no sale.
    #[arg(long)]
    update_stock: bool,
    /// A report for machines on standard output.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    shop: DataDirArgs,
}

/// The demo catalogue.
#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct Demo {
    /// How many products.
    #[arg(long, default_value_t = souk_demo::DEFAULT_PRODUCTS, value_parser = super::demo_products())]
    products: usize,
    /// Leave a shop alone that sells something already, and succeed.
    #[arg(long)]
    if_empty: bool,
    #[command(flatten)]
    shop: DataDirArgs,
}

/// What `--json` prints.
#[derive(Default, serde::Serialize)]
struct Report {
    #[serde(flatten)]
    tally: Tally,
    /// Rows in other currencies.
    skipped: u64,
    /// Lines the file's own defects refused.
    refused_lines: Vec<RefusedLines>,
    /// Products the shop refused.
    refused_products: Vec<RefusedProduct>,
    dry_run: bool,
}

/// Runs the command. Succeeds when the file could be read, whatever of it was refused; the report says so.
pub async fn products(args: Products, config: Config) -> anyhow::Result<ExitCode> {
    let mapping = args.mapping.as_deref().map(Mapping::load).transpose()?;
    let sells_in = config.shop.currency;
    let currency = args.currency.unwrap_or(sells_in);
    anyhow::ensure!(
        currency == sells_in,
        "this shop sells in {sells_in}; prices in {currency} could not be shown. \
         To open a shop in {currency}, set shop.currency in its configuration"
    );
    let options = Options { mapping, currency: Some(currency) };
    let feed = Feed::open(&Input::file(&args.file), options).with_context(|| args.file.display().to_string())?;
    let offline = OfflineShop::open(&args.shop.apply(config)).await?;
    let result = load(&offline, feed, &args).await;
    offline.close().await?;
    let report = result?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the command. A shop that sells something already is left alone, which is an error unless that was asked for.
#[cfg(feature = "demo")]
pub async fn demo(args: Demo, config: Config) -> anyhow::Result<ExitCode> {
    let config = args.shop.apply(config);
    let offline = OfflineShop::open(&config).await?;
    let result = fill(&offline, &config, &args).await;
    offline.close().await?;
    match result? {
        true => println!("the shop has the {} products of the demo catalogue", args.products),
        false => println!("the shop sells something already and is left alone"),
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "demo")]
async fn fill(offline: &OfflineShop, config: &Config, args: &Demo) -> anyhow::Result<bool> {
    let shop = offline.clients.shop();
    if shop.is_empty().await? {
        souk_demo::fill(&shop, &config.objects()?, args.products).await?;
        return Ok(true);
    }
    anyhow::ensure!(args.if_empty, "the shop sells something already: the demo catalogue is for an empty one");
    Ok(false)
}

async fn load(offline: &OfflineShop, mut feed: Feed, args: &Products) -> anyhow::Result<Report> {
    let bar = progress(args.json);
    let nothing_stored = |_: &str| None;
    let what = format!("import {}", args.file.display());
    let mapping = feed.mapping().cloned();
    let shop = offline.clients.shop();
    let mut importer = Importer::new(&shop, &what, args.dry_run, args.update_stock, &nothing_stored);
    let mut report = Report { dry_run: args.dry_run, ..Report::default() };
    loop {
        let batch = next_batch(&mut feed, &mut report);
        if batch.is_empty() {
            break;
        }
        let size = batch.len() as u64;
        report.refused_products.extend(importer.batch(batch).await?);
        bar.inc(size);
        bar.set_message(format!("line {}", feed.line()));
    }
    bar.finish_and_clear();
    report.skipped = feed.skipped();
    report.tally = importer.finish(mapping.as_ref()).await?;
    Ok(report)
}

fn next_batch(feed: &mut Feed, report: &mut Report) -> Vec<ProductDraft> {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while batch.len() < MAX_BATCH {
        match feed.next() {
            Some(Ok(draft)) => batch.push(draft),
            Some(Err(refusal)) => report.refused_lines.push(refusal),
            None => break,
        }
    }
    batch
}

fn progress(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} products, {per_sec}, {msg}, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn print(report: &Report) {
    for refusal in report.refused_lines.iter().take(SHOWN_REFUSALS) {
        eprintln!("refused {refusal}");
    }
    let room = SHOWN_REFUSALS.saturating_sub(report.refused_lines.len());
    for refused in report.refused_products.iter().take(room) {
        eprintln!("refused {}: {} [{}]", refused.external_id, refused.reason, refused.code);
    }
    let refused = report.refused_lines.len() + report.refused_products.len();
    if refused > SHOWN_REFUSALS {
        eprintln!("... and {} more; --json lists them all", refused - SHOWN_REFUSALS);
    }
    let tally = &report.tally;
    let would = if report.dry_run { "would be " } else { "" };
    println!(
        "{would}created {}, updated {}, unchanged {}; refused {refused}; left out {} rows in other currencies",
        tally.created, tally.updated, tally.unchanged, report.skipped
    );
}
