//! `souk import products FILE`, `souk import suggest FILE`, `souk import demo`.

mod report;
mod suggest;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use souk_catalog_api::MAX_BATCH;
use souk_import::{
    Encoding, Feed, ImportOptions, Importer, Input, Lines, Mapping, Options, PictureFiles, ProductDraft, Read,
};
use souk_kernel::{Clock, Currency};

use self::report::Report;
pub use self::suggest::{Suggest, run as suggest};
use super::DataDirArgs;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// An import.
#[derive(Debug, Args)]
pub struct Products {
    /// CSV, NDJSON, XML, plain or gzip, in any encoding, or an Excel workbook.
    file: PathBuf,
    /// What the columns mean: a TOML file (docs/import.md), or one that is shipped: bigcommerce, google, icecat,
    /// magento, prestashop, shopify, spree, woocommerce.
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
    /// Read everything, change nothing, and say of each product what would become of it.
    #[arg(long)]
    dry_run: bool,
    /// Write what became of each line into this file, as CSV.
    #[arg(long, value_name = "FILE.csv")]
    report: Option<PathBuf>,
    /// Pictures that lie beside the import: a folder, with all folders in it, or a .zip archive (docs/import.md).
    #[arg(long, value_name = "FOLDER")]
    images: Option<PathBuf>,
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
    let pictures = args.images.as_deref().map(PictureFiles::open).transpose().context("--images")?.map(Arc::new);
    let options = Options {
        mapping,
        currency: Some(currency),
        encoding: args.encoding,
        default_stock: args.default_stock,
        clock: Clock::system(),
        time: config.shop.time_zone.clone(),
        pictures: pictures.clone(),
    };
    let feed = Feed::open(&Input::file(&args.file), options).with_context(|| args.file.display().to_string())?;
    let offline = OfflineShop::open(&args.shop.apply(config)).await?;
    let result = load(&offline, feed, pictures, &args).await;
    offline.close().await?;
    let report = result?;
    let useless = report.is_useless();
    report.finish()?;
    Ok(if useless { ExitCode::FAILURE } else { ExitCode::SUCCESS })
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

async fn load(
    offline: &OfflineShop,
    mut feed: Feed,
    pictures: Option<Arc<PictureFiles>>,
    args: &Products,
) -> anyhow::Result<Report> {
    let bar = progress(args.json);
    let what = format!("import {}", args.file.display());
    let mapping = feed.mapping().cloned();
    let shop = offline.clients.shop();
    let options = ImportOptions { dry_run: args.dry_run, update_stock: args.update_stock, pictures };
    let mut importer = Importer::new(&shop, &what, options);
    let mut report = Report::new(args.json, args.dry_run, args.report.as_deref())?;
    loop {
        let (batch, lines) = bar.suspend(|| next_batch(&mut feed, &mut report))?;
        if batch.is_empty() {
            break;
        }
        let size = batch.len() as u64;
        let outcomes = importer.batch(batch).await?;
        // What is printed meanwhile would be torn by the bar.
        bar.suspend(|| lines.into_iter().zip(outcomes).try_for_each(|(lines, told)| report.product(lines, told)))?;
        bar.inc(size);
        bar.set_message(format!("line {}", feed.line()));
    }
    bar.finish_and_clear();
    (report.rows, report.encoding) = (feed.counts(), feed.encoding().name());
    report.unread_columns = feed.unread_columns().to_vec();
    report.set_tally(importer.finish(mapping.as_ref()).await?);
    Ok(report)
}

/// The next products and their lines.
fn next_batch(feed: &mut Feed, report: &mut Report) -> anyhow::Result<(Vec<ProductDraft>, Vec<Lines>)> {
    let (mut batch, mut places) = (Vec::with_capacity(MAX_BATCH), Vec::with_capacity(MAX_BATCH));
    while batch.len() < MAX_BATCH {
        match feed.next() {
            Some(Read::Product(draft, lines)) => {
                batch.push(*draft);
                places.push(lines);
            }
            Some(Read::Warning(warning)) => report.warning(warning)?,
            Some(Read::Refused(refusal)) => report.refused(refusal)?,
            Some(Read::LeftOut(row)) => report.left_out(&row)?,
            None => break,
        }
    }
    Ok((batch, places))
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
