//! Pictures of the merchant's own: prepared in sizes and formats, and kept in object storage before any table names them.

mod fetch;

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use souk_catalog_api::{Format, Look, MAX_HEIGHT, PreparedPicture, ProductInput, WIDTHS};
use souk_kernel::{Clock, Kind, Problem};
use souk_objects::{MediaKind, ObjectName, Objects, PictureSize};
use souk_pictures::{PictureError, PictureWorkers, Plan, Prepared, Priority};

pub(crate) use fetch::FetchPicture;
pub use fetch::PictureFetching;

use crate::domain::pictures::{self, KnownPicture};
use crate::store::Store;

/// Bytes of the largest picture that is taken: what a camera writes at its best, and no film.
pub const MAX_PICTURE: usize = 20 * 1024 * 1024;

/// Pictures that are looked for in storage at once.
const LOOK_UPS: usize = 16;

/// What the contract promises of every picture.
pub const PLAN: Plan = Plan {
    widths: &WIDTHS,
    max_height: MAX_HEIGHT,
    has: |format, width, full| {
        let format = match format {
            souk_pictures::Format::Avif => Format::Avif,
            souk_pictures::Format::Webp => Format::Webp,
            souk_pictures::Format::Jpeg => Format::Jpeg,
        };
        format.has(width) || (full && format != Format::Avif)
    },
};

/// Prepares pictures and keeps them.
#[derive(Clone)]
pub(crate) struct Pictures {
    pub(crate) store: Store,
    pub(crate) objects: Objects,
    pub(crate) threads: PictureThreads,
    pub(crate) clock: Clock,
}

impl Pictures {
    /// The picture made of `content`, by these threads; what was prepared before is not prepared again.
    pub(crate) async fn keep(&self, content: Bytes, by: &PictureWorkers) -> Result<KnownPicture, Refused> {
        let digest = blake3::hash(&content);
        let hash = digest.to_hex().to_string();
        if let Some(known) = self.store.pictures(&[&hash]).await.map_err(Problem::from)?.remove(&hash) {
            return Ok(known);
        }
        let prepared = by.prepare(content).await.map_err(|error| match error {
            PictureError::Stopped => Refused::Shop(Problem::unavailable("pictures_stopped", error)),
            error => Refused::Picture(error),
        })?;
        self.put(*digest.as_bytes(), &prepared).await?;
        let Prepared { width, height, placeholder, focus, .. } = prepared;
        let look = Look { placeholder: Some(placeholder), focus: Some(focus) };
        let known = KnownPicture { hash, width, height, look };
        self.store.keep_picture(&known, self.clock.now()).await.map_err(Problem::from)?;
        Ok(known)
    }

    /// What the shop has of prepared pictures that products name by their address. One that only storage knows was copied there
    /// with the files of another shop: it has no miniature.
    pub(crate) async fn named(&self, products: &[ProductInput]) -> Result<HashMap<String, KnownPicture>, Problem> {
        let named = pictures::prepared(products.iter());
        if named.is_empty() {
            return Ok(HashMap::new());
        }
        let hashes: Vec<&str> = named.iter().map(PreparedPicture::hash).collect();
        let mut known = self.store.pictures(&hashes).await?;
        let mut unknown = Vec::new();
        for picture in &named {
            let name = picture.full().strip_prefix("/media/").and_then(|name| name.parse::<ObjectName>().ok());
            if let Some(name) = name.filter(|_| !known.contains_key(picture.hash())) {
                unknown.push((name, KnownPicture::copied(picture)));
            }
        }
        let objects = &self.objects;
        let look_up = |(name, picture)| async move { Ok::<_, Problem>(objects.has(&name).await?.then_some(picture)) };
        let found: Vec<_> = stream::iter(unknown).map(look_up).buffer_unordered(LOOK_UPS).try_collect().await?;
        known.extend(found.into_iter().flatten().map(|picture| (picture.hash.clone(), picture)));
        Ok(known)
    }

    /// Another process may do the same at the same time: each file is only created, and means the same.
    async fn put(&self, hash: [u8; 32], prepared: &Prepared) -> Result<(), Problem> {
        let &Prepared { width: full, height, .. } = prepared;
        for file in &prepared.files {
            let kind = match file.format {
                souk_pictures::Format::Avif => MediaKind::Avif,
                souk_pictures::Format::Webp => MediaKind::Webp,
                souk_pictures::Format::Jpeg => MediaKind::Jpeg,
            };
            let size = match kind {
                MediaKind::Jpeg if file.width == full => PictureSize::Full { width: full, height },
                _ => PictureSize::Width(file.width),
            };
            self.objects.put_as(&ObjectName::of_picture(hash, size, kind), file.content.clone()).await?;
        }
        Ok(())
    }
}

/// Why a picture was not kept.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It is none that can be shown, and never will be.
    Picture(PictureError),
    /// Storage or database: it may go better later.
    Shop(Problem),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Shop(problem)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Picture(error) => Problem::invalid(error.code(), error.to_string()),
            Refused::Shop(problem) => problem,
        }
    }
}

/// Refuses what no preparation is begun with.
pub(crate) fn check_size(content: &[u8]) -> Result<(), Problem> {
    if content.len() <= MAX_PICTURE {
        return Ok(());
    }
    let limit = MAX_PICTURE / (1024 * 1024);
    Err(Problem::new(Kind::TooLarge, "media_too_large", format!("a picture has at most {limit} MiB")))
}

/// Threads that prepare pictures in a process of the catalogue, one for each core.
#[derive(Clone)]
pub struct PictureThreads {
    /// For those that somebody waits for.
    pub uploaded: PictureWorkers,
    /// For those that are fetched in the background.
    pub fetched: PictureWorkers,
}

impl PictureThreads {
    /// Starts them; fetched pictures get `background`.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(background: Priority) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let start = |priority| PictureWorkers::new(cores, PLAN, priority);
        Ok(Self { uploaded: start(Priority::Low)?, fetched: start(background)? })
    }
}
