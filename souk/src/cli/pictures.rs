//! `souk pictures`: what became of the pictures that imports named by an address, and fetching them again.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use souk_catalog_api::{FetchPictures, ListPictures, PictureReport, PictureState, SourcePicture};
use souk_kernel::{ShopTime, without_password};
use souk_rpc::Cx;

use super::DataDirArgs;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// Pictures that lie elsewhere.
#[derive(Debug, Subcommand)]
pub enum Pictures {
    /// How many pictures are shown, waiting and given up, and which could not be had and why.
    List(List),
    /// Fetch pictures that were given up once more: after their server was mended, or the files were.
    Retry(Retry),
    /// Ask for all pictures whether they changed where they lie, and fetch those that did.
    Refresh(DataDirArgs),
}

/// Which are listed.
#[derive(Debug, Args)]
pub struct List {
    /// Those in this state.
    #[arg(long, value_enum, default_value_t = State::Failed)]
    state: State,
    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=500))]
    limit: u32,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    shop: DataDirArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Failed,
    Waiting,
    Stored,
    Any,
}

/// Which are fetched.
#[derive(Debug, Args)]
pub struct Retry {
    /// The one at this address, whatever its state; without, all that were given up.
    address: Option<String>,
    #[command(flatten)]
    shop: DataDirArgs,
}

/// Runs the command.
pub async fn run(command: Pictures, config: Config) -> anyhow::Result<ExitCode> {
    let time = config.shop.time_zone.clone();
    match command {
        Pictures::List(List { state, limit, json, shop }) => {
            let state = match state {
                State::Failed => Some(PictureState::Failed),
                State::Waiting => Some(PictureState::Waiting),
                State::Stored => Some(PictureState::Stored),
                State::Any => None,
            };
            let offline = OfflineShop::open(&shop.apply(config)).await?;
            let report = offline.clients.catalog.pictures(&cx(), ListPictures { state, limit }).await;
            offline.close().await?;
            let report = report?;
            if json {
                println!("{}", serde_json::to_string_pretty(&report)?);
            } else {
                println!("{}", summary(&report));
                report.items.iter().for_each(|picture| println!("{}", line(picture, &time)));
            }
        }
        Pictures::Retry(Retry { address, shop }) => {
            fetch(&shop.apply(config), address.map_or(FetchPictures::Failed, FetchPictures::One)).await?;
        }
        Pictures::Refresh(shop) => fetch(&shop.apply(config), FetchPictures::All).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn cx() -> Cx {
    Cx::system("souk pictures")
}

/// The shop fetches them when it runs.
async fn fetch(config: &Config, which: FetchPictures) -> anyhow::Result<()> {
    let offline = OfflineShop::open(config).await?;
    let queued = offline.clients.catalog.fetch_pictures(&cx(), which).await;
    offline.close().await?;
    println!("{} pictures are fetched in the background", queued?.queued);
    if !config.media.fetch {
        println!("they wait: media.fetch is off");
    }
    Ok(())
}

fn summary(report: &PictureReport) -> String {
    let PictureReport { stored, waiting, failed, .. } = report;
    format!("{stored} pictures are shown, {waiting} are waiting, {failed} could not be had")
}

/// An address may hold what a server lets in by, and what is written there is a stranger's.
fn line(picture: &SourcePicture, time: &ShopTime) -> String {
    let state = picture.state.name();
    let when = match (picture.next_try_at, picture.checked_at) {
        (Some(at), _) => format!("next try {}", time.in_list(at)),
        (None, Some(at)) => time.in_list(at),
        (None, None) => "not tried yet".to_owned(),
    };
    let code = picture.code.as_deref().map(|code| format!("  {code}")).unwrap_or_default();
    let reason = picture.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let products = match picture.products.as_slice() {
        [] => String::new(),
        products => format!("  ({})", products.join(", ")),
    };
    let text = format!("{state:<8} {when}  {}{code}{reason}{products}", without_password(&picture.address));
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_could_not_be_had_and_why_and_whose_it_is() {
        let picture = SourcePicture {
            address: "https://me:secret@example.com/mug.jpg".into(),
            state: PictureState::Failed,
            url: None,
            code: Some("picture_missing".into()),
            reason: Some("the server answers 404\u{1b}[31m Not Found".into()),
            checked_at: Some("2026-11-30T12:00:00Z".parse().unwrap()),
            next_try_at: None,
            products: vec!["mug".into(), "cup".into()],
        };
        let time = ShopTime::in_zone("Europe/Berlin").unwrap();
        let line = line(&picture, &time);
        assert!(!line.contains("secret") && !line.contains('\u{1b}'), "{line}");
        assert!(line.starts_with("failed   ") && line.contains("13:00"), "{line}");
        assert!(line.ends_with("picture_missing: the server answers 404 [31m Not Found  (mug, cup)"), "{line}");
    }
}
