//! `souk import products FILE`, `souk import demo`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use souk_catalog_api::MAX_BATCH;
use souk_import::{
    Encoding, Feed, Finding, Importer, Input, Mapping, Options, ProductDraft, Read, RefusedProduct, RowCounts, Tally,
};
use souk_kernel::{Clock, Currency};

use super::DataDirArgs;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// Refusals, and warnings, printed one by one; the rest are counted, and `--json` lists them all.
const SHOWN: usize = 50;

/// An import.
#[derive(Debug, Args)]
pub struct Products {
    /// CSV or NDJSON, plain or gzip, in any encoding.
    file: PathBuf,
    /// What the columns mean: a TOML file (docs/import.md), or one that is shipped: google, icecat, shopify, spree, woocommerce.
    #[arg(long)]
    mapping: Option<String>,
    /// Currency of prices that name none; rows in other currencies are left out.
    #[arg(long)]
    currency: Option<Currency>,
    /// How the file's text is encoded: utf-8, windows-1252, shift_jis; found out by default.
    #[arg(long)]
    encoding: Option<Encoding>,
    /// Units of new variants of which the file does not say how many there are; by default what the mapping says, or none.
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(i64).range(0..=souk_import::limits::STOCK_UNITS))]
    default_stock: Option<i64>,
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
    /// What became of the rows of the file.
    rows: RowCounts,
    /// How its text is encoded.
    encoding: &'static str,
    /// Details of products that were left out or mended; the products are taken.
    warnings: Vec<Finding>,
    /// Lines the file's own defects refused.
    refused_lines: Vec<Finding>,
    /// Products the shop refused.
    refused_products: Vec<RefusedProduct>,
    dry_run: bool,
}

impl Report {
    /// Whether nothing at all of a file could be taken.
    fn is_useless(&self) -> bool {
        let Tally { created, updated, unchanged, .. } = self.tally;
        created + updated + unchanged == 0 && self.rows.read > 0
    }
}

/// Runs the command. Succeeds when something of the file could be taken, whatever of it was refused; the report says so.
pub async fn products(args: Products, config: Config) -> anyhow::Result<ExitCode> {
    let mapping = args.mapping.as_deref().map(Mapping::load).transpose()?;
    let sells_in = config.shop.currency;
    let currency = args.currency.unwrap_or(sells_in);
    anyhow::ensure!(
        currency == sells_in,
        "this shop sells in {sells_in}; prices in {currency} could not be shown. \
         To open a shop in {currency}, set shop.currency in its configuration"
    );
    let options = Options {
        mapping,
        currency: Some(currency),
        encoding: args.encoding,
        default_stock: args.default_stock,
        clock: Clock::system(),
    };
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
    Ok(if report.is_useless() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
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
    (report.rows, report.encoding) = (feed.counts(), feed.encoding().name());
    report.tally = importer.finish(mapping.as_ref()).await?;
    Ok(report)
}

fn next_batch(feed: &mut Feed, report: &mut Report) -> Vec<ProductDraft> {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while batch.len() < MAX_BATCH {
        match feed.next() {
            Some(Read::Product(draft)) => batch.push(*draft),
            Some(Read::Warning(warning)) => report.warnings.push(warning),
            Some(Read::Refused(refusal)) => report.refused_lines.push(refusal),
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
    let lines = report.refused_lines.iter().map(|refusal| format!("refused {refusal}"));
    let products = report.refused_products.iter();
    let products = products.map(|no| format!("refused {}: {} [{}]", no.external_id, no.reason, no.code));
    some(lines.chain(products), "refusals");
    some(report.warnings.iter().map(|warning| format!("warning {warning}")), "warnings");
    let Report { tally, rows, .. } = report;
    let would = if report.dry_run { "would be " } else { "" };
    println!(
        "products: {would}created {}, updated {}, unchanged {}, refused {}; prices changed {}, stock set {}",
        tally.created,
        tally.updated,
        tally.unchanged,
        report.refused_products.len(),
        tally.prices,
        tally.stocked
    );
    println!(
        "{} rows ({}): {} taken, {} refused, {} in other currencies left out; {} warnings",
        rows.read,
        report.encoding,
        rows.taken,
        rows.refused,
        rows.left_out,
        report.warnings.len()
    );
}

/// Prints the first ones, and how many there are beyond.
fn some(messages: impl Iterator<Item = String>, what: &str) {
    let mut more = 0;
    for (at, message) in messages.enumerate() {
        match at < SHOWN {
            true => eprintln!("{message}"),
            false => more += 1,
        }
    }
    if more > 0 {
        eprintln!("... and {more} more {what}; --json lists them all");
    }
}
