//! `souk export products`: NDJSON in Souk's own format, which `souk import products` recognises by itself.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::Place;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// An export.
#[derive(Debug, Args)]
pub struct Products {
    /// Where to; standard output by default.
    #[arg(long)]
    output: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Runs the command.
pub async fn products(args: Products, config: Config) -> anyhow::Result<ExitCode> {
    let offline = OfflineShop::open(&args.place.apply(config)).await?;
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(std::fs::File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(std::io::stdout().lock()),
    };
    let result = write_all(&offline, &mut out).await;
    offline.close().await?;
    let (written, unpriced) = result?;
    eprintln!("wrote {written} products");
    if unpriced > 0 {
        eprintln!("left out {unpriced} products that have no price");
    }
    Ok(ExitCode::SUCCESS)
}

async fn write_all(offline: &OfflineShop, out: &mut dyn Write) -> anyhow::Result<(u64, u64)> {
    let shop = offline.clients.shop();
    let mut export = shop.export("souk export products").await?;
    let mut written = 0;
    while let Some(drafts) = export.page().await? {
        for draft in &drafts {
            souk_import::export::write_ndjson(&mut &mut *out, draft)?;
        }
        written += drafts.len() as u64;
    }
    out.flush()?;
    Ok((written, export.unpriced()))
}
