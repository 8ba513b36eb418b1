//! Object storage for pictures and for the storefront's assets: named by their content, so a name never means anything
//! else and may be cached for ever. A thin layer over `object_store`: a directory, S3, Azure or Google behind the same
//! functions. Storage that fails or hangs costs its callers a few seconds, and then nothing: it is left alone for a while.

mod asset;
mod http;
mod kind;
mod name;
mod open;
mod storage_url;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use souk_kernel::{Kind, Problem};
use souk_runtime::{CallRejected, CircuitBreaker};

pub use asset::{AssetKind, AssetName};
pub use kind::MediaKind;
pub use name::{InvalidName, ObjectName, PictureSize};
pub use storage_url::{InvalidStorageUrl, Provider, Storage, StorageUrl, check_endpoint};

/// Bytes of the largest object: a photograph of a product in print quality. Larger ones are refused with 413.
pub const MAX_OBJECT: usize = 10 * 1024 * 1024;
/// Calls under way at once: what hangs must not hold all the requests that the gateway lets in.
pub const MAX_CALLS: usize = 64;
/// Longest wait for a turn, when so many are under way.
const QUEUE_PATIENCE: Duration = Duration::from_millis(500);
/// Longest wait for the beginning of an object, repeats included: below the 5 s of an ordinary request.
const READ_PATIENCE: Duration = Duration::from_secs(4);
/// Longest wait until an object is kept, repeats included.
const WRITE_PATIENCE: Duration = Duration::from_secs(60);
/// What is named by its content may be kept for a year, the longest that caches are asked to (RFC 9111 advises it).
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// What can go wrong with an object.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Its content is none of the kinds of [`MediaKind`], whatever it is called.
    #[error("the content is not a picture of a known kind")]
    UnknownKind,
    /// Larger than [`MAX_OBJECT`].
    #[error("the content is larger than {MAX_OBJECT} bytes")]
    TooLarge,
    /// What lies in the storage is larger than anything that was put there.
    #[error("object storage: an object of {0} bytes is not ours")]
    Foreign(u64),
    /// The storage failed.
    #[error("object storage: {0}")]
    Storage(#[from] object_store::Error),
    /// The storage did not answer in time.
    #[error("object storage: no answer within {0:?}")]
    Slow(Duration),
    /// The storage was not asked.
    #[error("object storage is not asked: {0}")]
    Refused(CallRejected),
    /// The directory cannot be made.
    #[error("object storage: {0}")]
    Io(#[from] std::io::Error),
}

impl From<ObjectError> for Problem {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::UnknownKind => Problem::invalid("unknown_media_type", error.to_string()),
            ObjectError::TooLarge => Problem::new(Kind::TooLarge, "media_too_large", error.to_string()),
            ObjectError::Storage(full) if is_full(&full) => Problem::unavailable("storage_full", full),
            error => Problem::unavailable("media_unavailable", error),
        }
    }
}

/// An object that is there.
pub struct Object {
    /// Bytes.
    pub size: u64,
    /// Its content in pieces.
    pub stream: BoxStream<'static, Result<Bytes, ObjectError>>,
}

/// The storage. Cheap to clone.
#[derive(Clone)]
pub struct Objects(Arc<Inner>);

struct Inner {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Media types and cache rules can be kept beside the content.
    describes: bool,
    breaker: CircuitBreaker,
}

impl Objects {
    /// Opens a storage: makes a directory that is absent, asks no server.
    ///
    /// # Errors
    /// The directory cannot be made or is none; what is needed to ask the server is incomplete.
    pub fn open(storage: &Storage) -> Result<Self, ObjectError> {
        let store = open::open(storage)?;
        let (prefix, describes) = match &storage.url {
            StorageUrl::Directory(_) => ("", false),
            StorageUrl::Bucket { prefix, .. } => (prefix.as_str(), true),
        };
        Ok(Self(Arc::new(Inner {
            store,
            prefix: Path::from(prefix),
            describes,
            breaker: CircuitBreaker::new(MAX_CALLS),
        })))
    }

    /// Storage in a directory, which is made if absent.
    ///
    /// # Errors
    /// The directory cannot be made or is none.
    pub fn local(directory: &std::path::Path) -> Result<Self, ObjectError> {
        Self::open(&Storage::at(StorageUrl::Directory(directory.to_owned())))
    }

    /// Keeps a picture and returns its name; the same content again has the same name.
    ///
    /// # Errors
    /// [`ObjectError::UnknownKind`], [`ObjectError::TooLarge`], or the storage's.
    pub async fn put(&self, content: Bytes) -> Result<ObjectName, ObjectError> {
        if content.len() > MAX_OBJECT {
            return Err(ObjectError::TooLarge);
        }
        let kind = MediaKind::of(&content).ok_or(ObjectError::UnknownKind)?;
        let name = ObjectName::new(&content, kind);
        self.write(self.picture(&name), content, kind.content_type()).await?;
        Ok(name)
    }

    /// Keeps a picture that was made of the content that its name says.
    ///
    /// # Errors
    /// [`ObjectError::TooLarge`], or the storage's.
    pub async fn put_as(&self, name: &ObjectName, content: Bytes) -> Result<(), ObjectError> {
        if content.len() > MAX_OBJECT {
            return Err(ObjectError::TooLarge);
        }
        self.write(self.picture(name), content, name.kind().content_type()).await
    }

    /// The picture, or none.
    ///
    /// # Errors
    /// The storage's.
    pub async fn get(&self, name: &ObjectName) -> Result<Option<Object>, ObjectError> {
        self.read(self.picture(name)).await
    }

    /// Whether the picture is there.
    ///
    /// # Errors
    /// The storage's.
    pub async fn has(&self, name: &ObjectName) -> Result<bool, ObjectError> {
        match self.ask(READ_PATIENCE, self.0.store.head(&self.picture(name))).await {
            Err(ObjectError::Storage(object_store::Error::NotFound { .. })) => Ok(false),
            found => found.map(|_| true),
        }
    }

    /// Keeps an asset of a release, so that others serve it too.
    ///
    /// # Errors
    /// [`ObjectError::TooLarge`], or the storage's.
    pub async fn put_asset(&self, name: &AssetName, content: Bytes) -> Result<(), ObjectError> {
        if content.len() > MAX_OBJECT {
            return Err(ObjectError::TooLarge);
        }
        self.write(self.asset(name), content, name.kind().content_type()).await
    }

    /// An asset that some release published, or none.
    ///
    /// # Errors
    /// The storage's.
    pub async fn get_asset(&self, name: &AssetName) -> Result<Option<Object>, ObjectError> {
        self.read(self.asset(name)).await
    }

    /// Creates an object; one that is there has the same content already, or was made of the same by another release.
    async fn write(&self, path: Path, content: Bytes, content_type: &'static str) -> Result<(), ObjectError> {
        let mut attributes = Attributes::new();
        if self.0.describes {
            attributes.insert(Attribute::ContentType, content_type.into());
            attributes.insert(Attribute::CacheControl, IMMUTABLE.into());
        }
        let create = PutOptions { mode: PutMode::Create, attributes, ..PutOptions::default() };
        let over = PutOptions { mode: PutMode::Overwrite, ..create.clone() };
        let store = &self.0.store;
        let put = async {
            match store.put_opts(&path, content.clone().into(), create).await {
                Err(error) if knows_no_conditions(&error) => store.put_opts(&path, content.into(), over).await,
                done => done,
            }
        };
        match self.ask(WRITE_PATIENCE, put).await {
            Ok(_) | Err(ObjectError::Storage(object_store::Error::AlreadyExists { .. })) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, path: Path) -> Result<Option<Object>, ObjectError> {
        let found = match self.ask(READ_PATIENCE, self.0.store.get(&path)).await {
            Err(ObjectError::Storage(object_store::Error::NotFound { .. })) => return Ok(None),
            found => found?,
        };
        let size = found.meta.size;
        if size > MAX_OBJECT as u64 {
            return Err(ObjectError::Foreign(size));
        }
        let stream = found.into_stream().map_err(ObjectError::from).boxed();
        Ok(Some(Object { size, stream }))
    }

    /// Calls the storage, within `patience`, and notes whether it answers.
    async fn ask<T>(
        &self,
        patience: Duration,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, ObjectError> {
        let _turn = self.0.breaker.enter(QUEUE_PATIENCE).await.map_err(ObjectError::Refused)?;
        let ended = tokio::time::timeout(patience, call).await;
        let answered = match &ended {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => is_answer(error) || is_full(error),
            Err(_) => false,
        };
        self.0.breaker.record(answered, Instant::now());
        ended.map_err(|_| ObjectError::Slow(patience))?.map_err(ObjectError::from)
    }

    /// `ab/abcdef….png`: one directory would hold a million files.
    fn picture(&self, name: &ObjectName) -> Path {
        let text = name.to_string();
        self.below([&text[..2], &text])
    }

    fn asset(&self, name: &AssetName) -> Path {
        self.below(["assets", &name.to_string()])
    }

    fn below(&self, parts: [&str; 2]) -> Path {
        self.0.prefix.parts().chain(parts.into_iter().map(Into::into)).collect()
    }
}

/// The storage works, it just has other things to say than was hoped for.
fn is_answer(error: &object_store::Error) -> bool {
    use object_store::Error::{AlreadyExists, NotFound, PermissionDenied, Precondition, Unauthenticated};
    matches!(
        error,
        NotFound { .. } | AlreadyExists { .. } | Precondition { .. } | PermissionDenied { .. } | Unauthenticated { .. }
    )
}

/// No room for what was to be written. What is there can still be read, so it is no reason to leave the storage alone.
fn is_full(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return matches!(io.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        }
        cause = error.source();
    }
    false
}

/// Some servers of the S3 protocol answer `If-None-Match` with 501. What is overwritten there has the same bytes.
fn knows_no_conditions(error: &object_store::Error) -> bool {
    match error {
        object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. } => true,
        object_store::Error::Generic { source, .. } => source.to_string().contains("501 Not Implemented"),
        _ => false,
    }
}
