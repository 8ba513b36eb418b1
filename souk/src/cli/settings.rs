//! `souk export` and `souk import` of rates, coupons and categories: a merchant's settings as files that are exported, edited and
//! applied, with a plan shown before. `docs/settings.md` is their manual.

mod categories;
mod coupons;
mod plan;
mod rates;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::categories::Categories;
pub use self::coupons::Coupons;
use self::plan::{Lines, Plan};
pub use self::rates::Rates;
use super::DataDirArgs;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// Bytes of a file of settings.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Where a file goes.
#[derive(Debug, Args)]
pub struct Export {
    /// Where to; standard output by default.
    #[arg(long)]
    output: Option<PathBuf>,
    #[command(flatten)]
    shop: DataDirArgs,
}

/// A file to apply.
#[derive(Debug, Args)]
pub struct Apply {
    /// TOML, as `souk export` writes it.
    file: PathBuf,
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Apply without asking.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    shop: DataDirArgs,
}

/// Settings of one kind.
pub trait Settings {
    /// What they are called in messages.
    const NAME: &'static str;
    /// The file's first lines.
    const HEAD: &'static str;
    /// As a file has them.
    type File: Serialize + DeserializeOwned;

    /// As the shop has them.
    async fn read(shop: &OfflineShop) -> anyhow::Result<Self::File>;

    /// What is compared: each thing by its name, and what it is.
    fn lines(file: &Self::File) -> anyhow::Result<Lines>;

    /// Whether what the file does not name goes away.
    const REPLACES: bool;

    /// Puts them into the shop. `changed` tells by their names what is new or different.
    async fn apply(shop: &OfflineShop, file: Self::File, changed: &dyn Fn(&str) -> bool) -> anyhow::Result<()>;
}

/// Writes a file of settings.
pub async fn export<S: Settings>(args: Export, config: Config) -> anyhow::Result<ExitCode> {
    let offline = OfflineShop::open(&args.shop.apply(config)).await?;
    let read = S::read(&offline).await;
    offline.close().await?;
    let text = format!("{}\n{}", S::HEAD, toml::to_string(&read?)?);
    match &args.output {
        Some(path) => std::fs::write(path, text).with_context(|| path.display().to_string())?,
        None => std::io::stdout().lock().write_all(text.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what a file of settings would change, and applies it when that is confirmed.
pub async fn apply<S: Settings>(args: Apply, config: Config) -> anyhow::Result<ExitCode> {
    let file = load::<S>(&args.file)?;
    // Read before a shop is opened, so that a mistake in the file costs nothing.
    let wanted = S::lines(&file).with_context(|| args.file.display().to_string())?;
    let offline = OfflineShop::open(&args.shop.apply(config)).await?;
    let result = planned::<S>(&offline, file, wanted, args.dry_run, args.yes).await;
    offline.close().await?;
    result
}

fn load<S: Settings>(path: &std::path::Path) -> anyhow::Result<S::File> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| shown.to_string())?.len();
    anyhow::ensure!(size <= MAX_BYTES, "{shown}: {size} bytes; the limit is {MAX_BYTES}");
    let text = std::fs::read_to_string(path).with_context(|| shown.to_string())?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
        anyhow::anyhow!("{shown}, line {line}: {}", error.message())
    })
}

async fn planned<S: Settings>(
    offline: &OfflineShop,
    file: S::File,
    wanted: Lines,
    dry_run: bool,
    yes: bool,
) -> anyhow::Result<ExitCode> {
    let plan = Plan::between(&S::lines(&S::read(offline).await?)?, &wanted, S::REPLACES);
    print!("{plan}");
    if plan.is_empty() {
        println!("{}: nothing changes", S::NAME);
        return Ok(ExitCode::SUCCESS);
    }
    if dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if !yes && !confirmed()? {
        println!("{}: nothing was changed", S::NAME);
        return Ok(ExitCode::FAILURE);
    }
    S::apply(offline, file, &|name| plan.touches(name)).await?;
    println!("{}: applied", S::NAME);
    Ok(ExitCode::SUCCESS)
}

fn confirmed() -> anyhow::Result<bool> {
    let input = std::io::stdin();
    anyhow::ensure!(
        input.is_terminal(),
        "without a terminal this cannot be confirmed: add --yes to apply it, --dry-run to only see it"
    );
    print!("apply? [y/N] ");
    std::io::stdout().flush()?;
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
