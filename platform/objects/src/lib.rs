//! Object storage for pictures: content-addressed, so a name never means anything else and may be cached for ever.
//! A thin layer over `object_store`; the local disk today, S3 and its kin behind the same four functions.

mod kind;
mod name;

use std::path::Path as FsPath;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use souk_kernel::{Kind, Problem};

pub use kind::MediaKind;
pub use name::ObjectName;

/// Bytes of the largest object: a photograph of a product in print quality. Larger ones are refused with 413.
pub const MAX_OBJECT: usize = 10 * 1024 * 1024;

/// What can go wrong with an object.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Its content is none of the kinds of [`MediaKind`], whatever it is called.
    #[error("the content is not a picture of a known kind")]
    UnknownKind,
    /// Larger than [`MAX_OBJECT`].
    #[error("the content is larger than {MAX_OBJECT} bytes")]
    TooLarge,
    /// The storage failed.
    #[error("object storage: {0}")]
    Storage(#[from] object_store::Error),
    /// The directory cannot be made.
    #[error("object storage: {0}")]
    Io(#[from] std::io::Error),
}

impl From<ObjectError> for Problem {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::UnknownKind => Problem::invalid("unknown_media_type", error.to_string()),
            ObjectError::TooLarge => Problem::new(Kind::TooLarge, "media_too_large", error.to_string()),
            ObjectError::Storage(_) | ObjectError::Io(_) => Problem::unavailable("media_unavailable", error),
        }
    }
}

/// An object that is there.
pub struct Object {
    /// Bytes.
    pub size: u64,
    /// What it is, by its name, which was checked against its content when it was put.
    pub kind: MediaKind,
    /// Its content in pieces.
    pub stream: BoxStream<'static, Result<Bytes, ObjectError>>,
}

/// The storage. Cheap to clone.
#[derive(Clone)]
pub struct Objects(Arc<dyn ObjectStore>);

impl Objects {
    /// Storage in a directory, which is made if absent. Written files are synced, so that a row that names one is true.
    ///
    /// # Errors
    /// The directory cannot be made or is none.
    pub fn local(directory: &FsPath) -> Result<Self, ObjectError> {
        std::fs::create_dir_all(directory)?;
        let store = object_store::local::LocalFileSystem::new_with_prefix(directory)?.with_fsync(true);
        Ok(Self(Arc::new(store)))
    }

    /// Keeps a picture and returns its name; the same content again costs nothing and has the same name.
    ///
    /// # Errors
    /// [`ObjectError::UnknownKind`], [`ObjectError::TooLarge`], or the storage's.
    pub async fn put(&self, content: Bytes) -> Result<ObjectName, ObjectError> {
        if content.len() > MAX_OBJECT {
            return Err(ObjectError::TooLarge);
        }
        let kind = MediaKind::of(&content).ok_or(ObjectError::UnknownKind)?;
        let name = ObjectName::new(&content, kind);
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.0.put_opts(&path(&name), content.into(), create).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(name),
            Err(error) => Err(error.into()),
        }
    }

    /// The object, or none.
    ///
    /// # Errors
    /// The storage's.
    pub async fn get(&self, name: &ObjectName) -> Result<Option<Object>, ObjectError> {
        let found = match self.0.get(&path(name)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        let size = found.meta.size;
        let stream = found.into_stream().map_err(ObjectError::from).boxed();
        Ok(Some(Object { size, kind: name.kind(), stream }))
    }
}

/// `ab/abcdef….png`: one directory would hold a million files.
fn path(name: &ObjectName) -> Path {
    let text = name.to_string();
    Path::from_iter([&text[..2], &text])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    async fn read(objects: &Objects, name: &ObjectName) -> Option<Vec<u8>> {
        let object = objects.get(name).await.unwrap()?;
        let pieces: Vec<Bytes> = object.stream.try_collect().await.unwrap();
        let content = pieces.concat();
        assert_eq!(content.len() as u64, object.size);
        Some(content)
    }

    #[tokio::test]
    async fn the_same_content_has_one_name_and_comes_back_whole() {
        let directory = tempfile::tempdir().unwrap();
        let objects = Objects::local(&directory.path().join("media")).unwrap();
        let name = objects.put(Bytes::from_static(PNG)).await.unwrap();
        assert_eq!(objects.put(Bytes::from_static(PNG)).await.unwrap(), name);
        assert_eq!(read(&objects, &name).await.unwrap(), PNG);
        let again = Objects::local(&directory.path().join("media")).unwrap();
        assert_eq!(read(&again, &name).await.unwrap(), PNG, "another process finds it");
        let absent = ObjectName::new(b"absent", MediaKind::Png);
        assert!(objects.get(&absent).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_no_picture_or_too_large_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let objects = Objects::local(directory.path()).unwrap();
        let script = Bytes::from_static(b"<html><script>alert(1)</script>");
        assert!(matches!(objects.put(script).await, Err(ObjectError::UnknownKind)));
        let mut large = PNG.to_vec();
        large.resize(MAX_OBJECT + 1, 0);
        assert!(matches!(objects.put(large.into()).await, Err(ObjectError::TooLarge)));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
