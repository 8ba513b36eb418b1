//! Job that fetches a picture from where an import says it lies, prepares it, and shows it on the products that name it. What may
//! pass (a busy server, no connection) is tried again for about an hour; what will not is noted with its reason at once.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use souk_flow::{Job, JobHandler};
use souk_http_client::{
    Connections, Download, DownloadError, DownloadSettings, Downloader, Reach, Schemes, Validators,
};
use souk_kernel::{Kind, Problem};
use souk_tls::{TlsError, TrustRoots};

use super::{MAX_PICTURE, Refused};
use crate::CatalogService;
use crate::domain::pictures::KnownPicture;
use crate::store::FETCH;

/// How long a file may take.
const WITHIN: Duration = Duration::from_secs(60);
/// Waiting for a turn at the host and for a worker included: many wait at once.
const TIME_LIMIT: Duration = Duration::from_secs(1_800);
/// Files at a time from one host: as a browser would.
const PER_HOST: usize = 6;
/// Idle connections are closed after that.
const IDLE: Duration = Duration::from_secs(20);
/// What is asked for: a server that can choose sends what can be read here.
const ACCEPT: &str = "image/jpeg, image/png, image/webp, image/gif;q=0.8, image/*;q=0.5";
/// Products of one transaction.
const BATCH: i64 = 500;

/// Settings: what is read of section `media`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct PictureFetching {
    /// Pictures are fetched from where imports say they are. Off: the addresses are noted and wait.
    pub fetch: bool,
    /// Also from addresses within private networks: for a shop whose pictures lie on a server of its own network.
    pub fetch_private: bool,
}

impl Default for PictureFetching {
    fn default() -> Self {
        Self { fetch: true, fetch_private: false }
    }
}

/// The handler of the jobs.
pub(crate) struct FetchPicture {
    service: Arc<CatalogService>,
    downloader: OnceLock<Downloader>,
}

impl FetchPicture {
    pub(crate) fn new(service: &Arc<CatalogService>) -> Self {
        Self { service: service.clone(), downloader: OnceLock::new() }
    }

    /// Made when the first picture is fetched: a machine without authorities runs a shop without pictures from elsewhere.
    fn downloader(&self) -> Result<&Downloader, Problem> {
        if self.downloader.get().is_none() {
            let made = downloader(self.service.fetching).map_err(Problem::internal)?;
            drop(self.downloader.set(made));
        }
        self.downloader.get().ok_or_else(|| Problem::internal("no downloader"))
    }

    async fn fetch(&self, id: &str, attempt: &Job) -> Result<&'static str, Problem> {
        let service = &self.service;
        let Some(source) = service.store.source(id).await? else { return Ok("forgotten") };
        if !source.named {
            service.store.forget_source(id).await?;
            return Ok("forgotten");
        }
        let known = if source.picture.is_some() { &source.known } else { &Validators::default() };
        let failure = match self.downloader()?.get(&source.address, known).await {
            Ok(Download::Unchanged) => {
                service.store.source_unchanged(id, service.clock.now()).await?;
                return Ok("unchanged");
            }
            Ok(Download::File { content, validators }) => match self.prepared(content).await? {
                Ok(picture) => {
                    self.show(id, &source.address, &picture, &validators).await?;
                    return Ok("stored");
                }
                Err(failure) => failure,
            },
            Err(error) => Failure::of(&error),
        };
        let given_up = !failure.may_pass || attempt.is_last_try();
        let said = (failure.code, failure.reason.as_str());
        service.store.source_failed(id, said, given_up, service.clock.now()).await?;
        if given_up { Ok("failed") } else { Err(Problem::new(Kind::Unavailable, failure.code, failure.reason)) }
    }

    async fn prepared(&self, content: Bytes) -> Result<Result<KnownPicture, Failure>, Problem> {
        let pictures = &self.service.pictures;
        match pictures.keep(content, &pictures.threads.fetched).await {
            Ok(picture) => Ok(Ok(picture)),
            Err(Refused::Picture(error)) => {
                Ok(Err(Failure { code: error.code(), reason: error.to_string(), may_pass: false }))
            }
            Err(Refused::Shop(problem)) => Err(problem),
        }
    }

    /// On all products that name it, in turns that are short however many these are.
    async fn show(
        &self,
        id: &str,
        address: &str,
        picture: &KnownPicture,
        validators: &Validators,
    ) -> Result<(), Problem> {
        let service = &self.service;
        loop {
            let _first = service.turn.lock().await;
            let (turn, now) = (service.store.turn().await?, service.clock.now());
            // In the same transaction: who puts a product that names it next, finds it.
            turn.source_stored(id, picture, validators, now).await?;
            let events = turn.show_picture(address, picture, BATCH, now).await?;
            let more = i64::try_from(events.len()).is_ok_and(|shown| shown == BATCH);
            service.commit_changed(turn, &events).await?;
            if !more {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl JobHandler for FetchPicture {
    fn kind(&self) -> &'static str {
        FETCH
    }

    fn time_limit(&self) -> Duration {
        TIME_LIMIT
    }

    async fn run(&self, job: &Job) -> Result<(), Problem> {
        let mut done = self.fetch(&job.key, job).await;
        if let Err(problem) = &done
            && job.is_last_try()
        {
            // Our own storage was away for an hour; it is in the report then, and not in a queue where it is forgotten.
            let service = &self.service;
            service.store.source_failed(&job.key, (&problem.code, &problem.detail), true, service.clock.now()).await?;
            done = Ok("failed");
        }
        let outcome = done.as_ref().copied().unwrap_or("again");
        metrics::counter!("souk_pictures_total", "outcome" => outcome).increment(1);
        done.map(drop)
    }
}

/// Why a picture could not be had.
struct Failure {
    code: &'static str,
    reason: String,
    may_pass: bool,
}

impl Failure {
    fn of(error: &DownloadError) -> Self {
        let code = match error {
            DownloadError::Address(_) | DownloadError::TooManyRedirects => "picture_address",
            DownloadError::OutOfReach(_) => "picture_private_address",
            DownloadError::Status(_) => "picture_missing",
            DownloadError::TooLarge(_) => "picture_too_large",
            DownloadError::Busy(_) | DownloadError::NoAnswer(_) => "picture_unreachable",
        };
        Self { code, reason: error.to_string(), may_pass: error.may_pass() }
    }
}

fn downloader(fetching: PictureFetching) -> Result<Downloader, TlsError> {
    Downloader::new(DownloadSettings {
        name: "pictures",
        user_agent: concat!("Souk/", env!("CARGO_PKG_VERSION"), " (pictures of products)").into(),
        accept: ACCEPT,
        max_bytes: MAX_PICTURE,
        within: WITHIN,
        per_host: PER_HOST,
        connections: Connections {
            schemes: Schemes::HttpToo,
            reach: if fetching.fetch_private { Reach::Anywhere } else { Reach::PublicOnly },
            trust_roots: TrustRoots::of_system(),
            idle: IDLE,
            max_idle: PER_HOST,
        },
    })
}
