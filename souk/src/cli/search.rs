//! `souk search`: looking after the index in OpenSearch.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use souk_rpc::Cx;
use souk_search::SearchService;
use souk_search_api::{SearchApi, StatusRequest};

use super::DataDirArgs;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// The search index.
#[derive(Debug, Subcommand)]
pub enum Search {
    /// Build a new index in OpenSearch beside the old one, and put it in its place when it is complete.
    Reindex {
        /// For machines.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shop: DataDirArgs,
    },
    /// Say how many products the index in OpenSearch holds, and how many events it is behind.
    Status {
        /// For machines.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shop: DataDirArgs,
    },
}

/// Runs the command.
pub async fn run(command: Search, config: Config) -> anyhow::Result<ExitCode> {
    let (Search::Reindex { json, ref shop } | Search::Status { json, ref shop }) = command;
    let config = shop.apply(config);
    anyhow::ensure!(
        !config.search.opensearch.is_empty(),
        "search.opensearch names no server: an embedded index is kept and built by the process that searches"
    );
    let offline = OfflineShop::with_search(&config).await?;
    let result = match command {
        Search::Reindex { .. } => reindex(&offline, json).await,
        Search::Status { .. } => status(&offline, json).await,
    };
    offline.close().await?;
    result
}

async fn status(offline: &OfflineShop, json: bool) -> anyhow::Result<ExitCode> {
    let search = offline.service::<SearchService>().context("search does not run offline")?;
    let status = search.status(&Cx::system("souk search status"), StatusRequest {}).await?;
    let (products, behind) = (status.products, status.behind);
    match json {
        true => println!("{}", serde_json::json!({ "products": products, "events_behind": behind })),
        false => println!("{products} products, {behind} events behind"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn reindex(offline: &OfflineShop, json: bool) -> anyhow::Result<ExitCode> {
    let search = offline.service::<SearchService>().context("search does not run offline")?;
    let rebuilt = search.rebuild().await?;
    let Some(rebuilt) = rebuilt else { anyhow::bail!("another process is building the index now") };
    let (index, products, took) = (rebuilt.index, rebuilt.products, rebuilt.took.as_secs_f64());
    match json {
        true => println!("{}", serde_json::json!({ "index": index, "products": products, "seconds": took })),
        false => println!("{index} with {products} products is in use after {took:.1} s"),
    }
    Ok(ExitCode::SUCCESS)
}
