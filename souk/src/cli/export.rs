//! `souk export products`: NDJSON in Souk's own format, which `souk import products` recognises by itself, or CSV for
//! spreadsheets.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::DataDirArgs;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// An export.
#[derive(Debug, Args)]
pub struct Products {
    /// Where to; standard output by default.
    #[arg(long)]
    output: Option<PathBuf>,
    /// CSV for spreadsheets, one row per variant; cannot be imported.
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    shop: DataDirArgs,
}

/// Runs the command.
pub async fn products(args: Products, config: Config) -> anyhow::Result<ExitCode> {
    let offline = OfflineShop::open(&args.shop.apply(config)).await?;
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(std::fs::File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(std::io::stdout().lock()),
    };
    let result = write_all(&offline, &mut out, args.csv).await;
    offline.close().await?;
    let (written, unpriced) = result?;
    eprintln!("wrote {written} products");
    if unpriced > 0 {
        eprintln!("left out {unpriced} products that have no price");
    }
    Ok(ExitCode::SUCCESS)
}

async fn write_all(offline: &OfflineShop, mut out: &mut dyn Write, csv: bool) -> anyhow::Result<(u64, u64)> {
    let shop = offline.clients.shop();
    let mut export = shop.export("souk export products").await?;
    let mut written = 0;
    if csv {
        souk_import::export::write_csv_header(&mut out)?;
    }
    while let Some(drafts) = export.page().await? {
        for draft in &drafts {
            match csv {
                true => souk_import::export::write_csv(&mut out, draft)?,
                false => souk_import::export::write_ndjson(&mut out, draft)?,
            }
        }
        written += drafts.len() as u64;
    }
    out.flush()?;
    Ok((written, export.unpriced()))
}
