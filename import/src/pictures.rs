//! Picture files beside an import: a folder with all folders in it, or a .zip archive. Its names are read once; an address of the
//! import is looked up among them, so that none can name a file outside. Files are read one at a time, up to a limit.

mod address;

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use zip::ZipArchive;

use crate::draft::{Defect, clip};
use crate::limits;

/// The files of a folder or an archive.
pub struct PictureFiles {
    entries: Vec<Entry>,
    /// By their names without folders, in lower case.
    by_name: HashMap<String, Vec<u32>>,
    archive: Option<Mutex<ZipArchive<BufReader<File>>>>,
    /// Bytes read so far.
    read: AtomicU64,
}

/// One of [`PictureFiles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PictureFile(u32);

struct Entry {
    /// Below the folder, with `/`.
    path: String,
    place: Place,
}

enum Place {
    /// A file, with its links resolved.
    File(PathBuf),
    /// The entry of the archive with this number.
    Archived(usize),
}

/// What an address means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// This file.
    File(PictureFile),
    /// None of the files.
    Nothing,
    /// Any of so many files.
    Several(usize),
}

/// Why a folder or an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PictureFilesError {
    /// A folder or a file in it cannot be read.
    #[error("cannot read {0}: {1}")]
    Io(String, io::Error),
    /// It is a file and no archive.
    #[error("{0} is neither a folder nor a .zip archive: {1}")]
    NoArchive(String, zip::result::ZipError),
    /// More than [`limits::FOLDER_FILES`] or [`limits::ARCHIVE_ENTRIES`].
    #[error("{0} has more than {1} files")]
    TooMany(String, usize),
}

impl PictureFiles {
    /// Reads the names of a folder or an archive.
    pub fn open(path: &Path) -> Result<Self, PictureFilesError> {
        let failed = |error| PictureFilesError::Io(path.display().to_string(), error);
        let mut files = match std::fs::metadata(path).map_err(failed)?.is_dir() {
            true => Self { entries: folder(path)?, ..Self::empty() },
            false => Self::archive(path)?,
        };
        // In one order on every file system, so that every run takes the same.
        files.entries.sort_by(|a, b| a.path.cmp(&b.path));
        for (at, entry) in (0..).zip(&files.entries) {
            files.by_name.entry(address::folded(address::file_name(&entry.path))).or_default().push(at);
        }
        Ok(files)
    }

    fn empty() -> Self {
        Self { entries: Vec::new(), by_name: HashMap::new(), archive: None, read: AtomicU64::new(0) }
    }

    fn archive(path: &Path) -> Result<Self, PictureFilesError> {
        let name = || path.display().to_string();
        let file = File::open(path).map_err(|error| PictureFilesError::Io(name(), error))?;
        let no_archive = |error| PictureFilesError::NoArchive(name(), error);
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(no_archive)?;
        if archive.len() > limits::ARCHIVE_ENTRIES {
            return Err(PictureFilesError::TooMany(name(), limits::ARCHIVE_ENTRIES));
        }
        let mut entries = Vec::with_capacity(archive.len());
        for at in 0..archive.len() {
            let entry = archive.by_index_raw(at).map_err(no_archive)?;
            // A name that leads out of the folder is none of a picture; a link is no file.
            if entry.is_file()
                && let Ok(written) = entry.name()
                && let Some(path) = address::clean(&written)
            {
                entries.push(Entry { path, place: Place::Archived(at) });
            }
        }
        Ok(Self { entries, archive: Some(Mutex::new(archive)), ..Self::empty() })
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The file that an address names: by its path; else, where the address is none of the web, by its name, and of several that whose
    /// folders agree with the address furthest.
    pub fn find(&self, written: &str) -> Found {
        let paths = address::paths(written);
        for path in &paths {
            let same = |at: &&u32| address::folded(self.path(**at)) == address::folded(path);
            let mut fitting = self.named(path).iter().filter(same);
            if let Some(first) = fitting.next() {
                let exact = std::iter::once(first).chain(fitting).find(|at| self.path(**at) == path);
                return Found::File(PictureFile(*exact.unwrap_or(first)));
            }
        }
        if address::has_scheme(written) {
            return Found::Nothing;
        }
        for path in &paths {
            let folded = address::folded(path);
            let agreement = |at: u32| {
                let theirs = address::folded(self.path(at));
                folded.rsplit('/').zip(theirs.rsplit('/')).take_while(|(a, b)| a == b).count()
            };
            let named = self.named(path);
            let Some(most) = named.iter().map(|at| agreement(*at)).max() else { continue };
            let best: Vec<u32> = named.iter().copied().filter(|at| agreement(*at) == most).collect();
            return match best[..] {
                [file] => Found::File(PictureFile(file)),
                _ => Found::Several(best.len()),
            };
        }
        Found::Nothing
    }

    fn named(&self, path: &str) -> &[u32] {
        self.by_name.get(&address::folded(address::file_name(path))).map_or(&[], Vec::as_slice)
    }

    fn path(&self, at: u32) -> &str {
        usize::try_from(at).ok().and_then(|at| self.entries.get(at)).map_or("", |entry| &entry.path)
    }

    /// Its path below the folder, for messages.
    pub fn name(&self, file: PictureFile) -> &str {
        self.path(file.0)
    }

    /// Its bytes, at most [`limits::PICTURE_BYTES`] of them.
    ///
    /// # Errors
    /// `media_too_large`, `unreadable_picture`, or `too_many` above [`limits::PICTURES_BYTES`].
    pub fn read(&self, file: PictureFile) -> Result<Vec<u8>, Defect> {
        let name = clip(self.name(file));
        let unreadable = |error: &dyn fmt::Display| {
            Defect::new("unreadable_picture", format!("the picture {name} cannot be read: {error}"))
        };
        let entry = usize::try_from(file.0).ok().and_then(|at| self.entries.get(at));
        let content = match (entry.map(|entry| &entry.place), &self.archive) {
            (Some(Place::File(path)), _) => File::open(path).and_then(up_to_the_limit).map_err(|e| unreadable(&e))?,
            (Some(Place::Archived(at)), Some(archive)) => {
                let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                let entry = archive.by_index(*at).map_err(|error| unreadable(&error))?;
                up_to_the_limit(entry).map_err(|error| unreadable(&error))?
            }
            _ => return Err(unreadable(&"there is no such file")),
        };
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        if length > limits::PICTURE_BYTES {
            let reason = format!("the picture {name} has more than {} MiB", limits::PICTURE_BYTES >> 20);
            return Err(Defect::new("media_too_large", reason));
        }
        if self.read.fetch_add(length, Ordering::Relaxed) + length > limits::PICTURES_BYTES {
            let reason = format!("all pictures together have more than {} GiB", limits::PICTURES_BYTES >> 30);
            return Err(Defect::new("too_many", reason));
        }
        Ok(content)
    }
}

impl fmt::Debug for PictureFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PictureFiles").field("files", &self.entries.len()).finish_non_exhaustive()
    }
}

/// One byte more than a picture may have tells that it has too many, whatever an archive says of its length.
fn up_to_the_limit(from: impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    from.take(limits::PICTURE_BYTES + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// The files below a folder. A link counts when it leads to a file within; one to a folder is not followed, because what is within
/// has a path of its own.
fn folder(root: &Path) -> Result<Vec<Entry>, PictureFilesError> {
    let failed = |path: &Path, error| PictureFilesError::Io(path.display().to_string(), error);
    let root = root.canonicalize().map_err(|error| failed(root, error))?;
    let mut entries = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for item in std::fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
            let item = item.map_err(|error| failed(&folder, error))?;
            let path = item.path();
            let kind = item.file_type().map_err(|error| failed(&path, error))?;
            let place = match kind {
                kind if kind.is_dir() => {
                    folders.push(path);
                    continue;
                }
                kind if kind.is_file() => path.clone(),
                kind if kind.is_symlink() => match path.canonicalize() {
                    Ok(target) if target.starts_with(&root) && target.is_file() => target,
                    // It leads out, to a folder, or nowhere.
                    _ => continue,
                },
                _ => continue,
            };
            let below = path.strip_prefix(&root).unwrap_or(&path);
            let Some(path) = address::clean(&below.to_string_lossy()) else { continue };
            if entries.len() == limits::FOLDER_FILES {
                return Err(PictureFilesError::TooMany(root.display().to_string(), limits::FOLDER_FILES));
            }
            entries.push(Entry { path, place: Place::File(place) });
        }
    }
    Ok(entries)
}
