//! `souk assets publish`: the storefront's styles and scripts of this release into the shop's object storage, before the
//! release is rolled out. Then the old processes serve what the new pages ask for, and the new ones what the old pages do.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::config::Config;

/// What can be done with them.
#[derive(Debug, Subcommand)]
pub enum Assets {
    /// Put this release's assets into the object storage, where all releases find them.
    Publish(Publish),
}

/// Which shop.
#[derive(Debug, Args)]
pub struct Publish {
    /// The shop's data directory, when its pictures are there.
    #[arg(long)]
    data_dir: Option<std::path::PathBuf>,
}

/// Runs the command.
pub async fn run(command: Assets, config: &Config) -> anyhow::Result<ExitCode> {
    let Assets::Publish(Publish { data_dir }) = command;
    let mut config = config.clone();
    config.data_dir = data_dir.unwrap_or(config.data_dir);
    let objects = config.objects()?;
    for asset in souk_storefront::assets::all() {
        let put = objects.put_asset(&asset.file, asset.content.clone()).await;
        put.with_context(|| format!("cannot publish {}", asset.file))?;
        println!("published {}", config.media.cdn().url(&asset.href));
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_asset_of_this_release_is_published_and_twice_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { data_dir: dir.path().to_owned(), ..Config::default() };
        for _ in 0..2 {
            run(Assets::Publish(Publish { data_dir: None }), &config).await.unwrap();
        }
        let objects = config.objects().unwrap();
        for asset in souk_storefront::assets::all() {
            let object = objects.get_asset(&asset.file).await.unwrap();
            assert_eq!(object.unwrap().size, asset.content.len() as u64, "{}", asset.file);
        }
    }
}
