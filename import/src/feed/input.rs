//! Input of a reader: a file or memory, plain or gzip (told by its magic bytes), as bounded lines. A file can be opened more
//! than once, because files that mix currencies are read twice.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Bytes read at a time.
const BUFFER_BYTES: usize = 128 * 1024;

/// A source of bytes that can be opened again.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Bytes in memory.
    Bytes(Arc<[u8]>),
}

impl Input {
    /// A file by its path.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::File(path.as_ref().to_owned())
    }

    /// Bytes in memory.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bytes(bytes.as_ref().into())
    }

    /// Its size in bytes as it lies there, packed or not: the end of a progress bar.
    pub fn size(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(std::fs::metadata(path)?.len()),
            Self::Bytes(bytes) => Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
        }
    }

    /// Its lines from the beginning, unpacked.
    pub(crate) fn lines(&self) -> io::Result<Lines> {
        let used = Arc::new(AtomicU64::new(0));
        let raw: Box<dyn Read + Send> = match self {
            Self::File(path) => Box::new(File::open(path)?),
            Self::Bytes(bytes) => Box::new(io::Cursor::new(Arc::clone(bytes))),
        };
        let raw = Counted { raw, used: Arc::clone(&used) };
        let mut raw = BufReader::with_capacity(BUFFER_BYTES, raw);
        let packed = raw.fill_buf()?.starts_with(&GZIP_MAGIC);
        let reader: Box<dyn BufRead + Send> = match packed {
            true => Box::new(BufReader::with_capacity(BUFFER_BYTES, flate2::bufread::MultiGzDecoder::new(raw))),
            false => Box::new(raw),
        };
        Ok(Lines { reader, used, number: 0, ahead: None })
    }
}

/// One line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// At most [`limits::LINE_BYTES`].
    Bytes(Vec<u8>),
    /// Longer; its content is not kept.
    TooLong,
}

/// Lines of a source, none of them longer in memory than the limit.
pub(crate) struct Lines {
    reader: Box<dyn BufRead + Send>,
    used: Arc<AtomicU64>,
    number: u64,
    ahead: Option<(u64, Line)>,
}

/// Counts the bytes taken from a source.
struct Counted {
    raw: Box<dyn Read + Send>,
    used: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buffer)?;
        self.used.fetch_add(u64::try_from(read).unwrap_or(0), Ordering::Relaxed);
        Ok(read)
    }
}

impl Lines {
    /// Lines read so far.
    pub(crate) fn read(&self) -> u64 {
        self.number
    }

    /// Bytes taken from the source so far, before unpacking; shared, so that it can be watched.
    pub(crate) fn used(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.used)
    }

    /// The next line and its number; an error is the end of the source.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Line)>> {
        if let Some(line) = self.ahead.take() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let mut too_long = false;
        loop {
            let chunk = self.reader.fill_buf()?;
            if chunk.is_empty() {
                if line.is_empty() && !too_long {
                    return Ok(None);
                }
                break;
            }
            let end = chunk.iter().position(|b| *b == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            too_long |= line.len() + part.len() > limits::LINE_BYTES;
            if too_long {
                line = Vec::new();
            } else {
                line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        self.number += 1;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if self.number == 1 && line.starts_with(BOM) {
            line.drain(..BOM.len());
        }
        Ok(Some((self.number, if too_long { Line::TooLong } else { Line::Bytes(line) })))
    }

    /// The first line that is not blank, left in place.
    pub(crate) fn peek(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            match self.next()? {
                None => return Ok(None),
                Some((_, Line::Bytes(line))) if line.iter().all(u8::is_ascii_whitespace) => {}
                Some((number, line)) => {
                    let text = match &line {
                        Line::Bytes(bytes) => bytes.clone(),
                        Line::TooLong => Vec::new(),
                    };
                    self.ahead = Some((number, line));
                    return Ok(Some(text));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn all(bytes: &[u8]) -> Vec<(u64, Line)> {
        let mut lines = Input::bytes(bytes).lines().unwrap();
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    fn text(line: &str) -> Line {
        Line::Bytes(line.into())
    }

    #[test]
    fn lines_with_every_end_and_a_bom() {
        let want = vec![(1, text("a")), (2, text("")), (3, text("b")), (4, text("c"))];
        assert_eq!(all(b"\xef\xbb\xbfa\r\n\nb\nc"), want);
        assert_eq!(all(b""), vec![]);
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_without_being_kept() {
        let mut bytes = vec![b'x'; limits::LINE_BYTES * 2];
        bytes.extend_from_slice(b"\nnext");
        assert_eq!(all(&bytes), vec![(1, Line::TooLong), (2, text("next"))]);
    }

    #[test]
    fn gzip_is_told_by_its_magic_and_several_members_are_read() {
        let pack = |text: &str| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(text.as_bytes()).unwrap();
            packer.finish().unwrap()
        };
        let both = [pack("a\nb\n"), pack("c\n")].concat();
        assert_eq!(all(&both), vec![(1, text("a")), (2, text("b")), (3, text("c"))]);
        let mut cut = Input::bytes(&both[..both.len() - 12]).lines().unwrap();
        let mut last = cut.next();
        while let Ok(Some(_)) = last {
            last = cut.next();
        }
        assert!(last.is_err(), "a truncated file is not a short one");
    }
}
