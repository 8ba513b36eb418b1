//! Input of a reader: a file or memory, plain or gzip (told by its magic bytes), in any encoding, as bounded lines of UTF-8. A
//! file can be opened more than once: it is looked at before it is read, and files that mix currencies are read twice.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::encoding::{self, Decoded, Encoding};
use super::error::FeedError;
use super::rows::Format;
use super::workbook;
use crate::limits;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Bytes read at a time.
const BUFFER_BYTES: usize = 128 * 1024;

/// First bytes of what is no table, and what it is.
const OTHERS: &[(&[u8], &str)] = &[
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"RIFF", "a picture or a recording (RIFF)"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (.xls, .doc)"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
];

/// A source of bytes that can be opened again.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Bytes in memory.
    Bytes(Arc<[u8]>),
}

/// How the text of a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextFormat {
    pub(crate) encoding: Encoding,
    /// What ends a line: a line feed, or the carriage return of old Macs where there is no line feed.
    line_end: u8,
    /// It is no text but a workbook.
    pub(crate) is_workbook: bool,
}

impl TextFormat {
    /// UTF-8 with line feeds.
    #[cfg(test)]
    pub(crate) const USUAL: Self = Self { encoding: Encoding::UTF_8, line_end: b'\n', is_workbook: false };
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

    /// Looks at its beginning, and for its encoding as far as the first letters that are not ASCII. What is no text is refused
    /// by name.
    pub(crate) fn examine(&self, given: Option<Encoding>, format: Option<Format>) -> Result<TextFormat, FeedError> {
        let (mut raw, _) = self.open()?;
        let mut head = vec![0; encoding::SAMPLE_BYTES];
        let read = encoding::read_full(&mut raw, &mut head)?;
        head.truncate(read);
        if head.trim_ascii().is_empty() {
            return Err(FeedError::Empty);
        }
        if head.starts_with(workbook::MAGIC) && workbook::is_workbook(self)? {
            return Ok(TextFormat { encoding: Encoding::UTF_8, line_end: b'\n', is_workbook: true });
        }
        if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Err(FeedError::NotATable((*what).to_owned()));
        }
        let is_json = format == Some(Format::Ndjson) || format.is_none() && head.trim_ascii_start().starts_with(b"{");
        let encoding = match given {
            Some(given) => given,
            None => encoding::detect(&head, raw, is_json)?,
        };
        let mut text = Vec::new();
        Decoded::new(head.as_slice(), encoding).read_to_end(&mut text)?;
        // A damaged line is refused by itself; where much is of no use, none of it is lines.
        let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let controls = text[..end].iter().filter(|byte| **byte < 32 && !byte.is_ascii_whitespace()).count();
        if controls * 10 > text.len() {
            return Err(FeedError::NotATable("a binary file".to_owned()));
        }
        if let Some(what) = super::markup::other_document(&text) {
            return Err(FeedError::NotATable(what.to_owned()));
        }
        let old_mac = !text.contains(&b'\n') && text.contains(&b'\r');
        Ok(TextFormat { encoding, line_end: if old_mac { b'\r' } else { b'\n' }, is_workbook: false })
    }

    /// Its beginning as text, without marks and blanks before it.
    pub(crate) fn beginning(&self, text_format: TextFormat) -> io::Result<Vec<u8>> {
        let mut start = vec![0; encoding::SAMPLE_BYTES];
        let read = encoding::read_full(&mut self.text(text_format)?.0, &mut start)?;
        start.truncate(read);
        without_marks(&mut start);
        Ok(start.trim_ascii_start().to_vec())
    }

    /// Its lines from the beginning, unpacked and as UTF-8.
    pub(crate) fn lines(&self, text_format: TextFormat) -> io::Result<Lines> {
        let (reader, used) = self.text(text_format)?;
        Ok(Lines { reader, used, line_end: text_format.line_end, number: 0, begun: false, ahead: VecDeque::new() })
    }

    /// Its text as UTF-8, and the count of the bytes taken from it.
    pub(crate) fn text(&self, text_format: TextFormat) -> io::Result<(Box<dyn BufRead + Send>, Arc<AtomicU64>)> {
        let (raw, used) = self.open()?;
        let reader: Box<dyn BufRead + Send> = match text_format.encoding == Encoding::UTF_8 {
            // As it is, so that bytes which are none are found where they stand.
            true => raw,
            false => Box::new(Decoded::new(raw, text_format.encoding)),
        };
        Ok((reader, used))
    }

    /// Its bytes, unpacked, and the count of those taken from it.
    fn open(&self) -> io::Result<(Box<dyn BufRead + Send>, Arc<AtomicU64>)> {
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
        Ok((reader, used))
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
    line_end: u8,
    number: u64,
    /// A line that is not blank has been read.
    begun: bool,
    ahead: VecDeque<(u64, Line)>,
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
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read_line(),
        }
    }

    fn read_line(&mut self) -> io::Result<Option<(u64, Line)>> {
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
            let end = chunk.iter().position(|b| *b == self.line_end);
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
        if !self.begun {
            without_marks(&mut line);
            self.begun = too_long || !line.iter().all(u8::is_ascii_whitespace);
        }
        Ok(Some((self.number, if too_long { Line::TooLong } else { Line::Bytes(line) })))
    }

    /// The next lines, at most so many, left in place. Blank ones before the first that is not are passed over.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<Vec<&[u8]>> {
        let blank = |line: &Line| matches!(line, Line::Bytes(bytes) if bytes.iter().all(u8::is_ascii_whitespace));
        while self.ahead.front().is_some_and(|(_, line)| blank(line)) {
            self.ahead.pop_front();
        }
        while self.ahead.len() < count {
            match self.read_line()? {
                None => break,
                Some((_, line)) if self.ahead.is_empty() && blank(&line) => {}
                Some(line) => self.ahead.push_back(line),
            }
        }
        let bytes = self.ahead.iter().take(count).map(|(_, line)| match line {
            Line::Bytes(bytes) => bytes.as_slice(),
            Line::TooLong => &[],
        });
        Ok(bytes.collect())
    }
}

/// Takes byte order marks from the beginning of a file, with the blanks before them: programs that put files together leave
/// them on any of the first lines.
fn without_marks(line: &mut Vec<u8>) {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let mut rest = line.as_slice();
    while let Some(after) = rest.trim_ascii_start().strip_prefix(MARK) {
        rest = after;
    }
    let marks = line.len() - rest.len();
    line.drain(..marks);
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(bytes: &[u8]) -> Lines {
        let input = Input::bytes(bytes);
        input.lines(input.examine(None, None).unwrap_or(TextFormat::USUAL)).unwrap()
    }

    fn all(bytes: &[u8]) -> Vec<(u64, Line)> {
        let mut lines = lines(bytes);
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
    fn lines_of_old_macs_and_marks_on_any_of_the_first_lines() {
        let want = vec![(1, text("a")), (2, text("b")), (3, text("c"))];
        assert_eq!(all(b"a\rb\rc\r"), want);
        let late = all(b"\n\xef\xbb\xbf\n\t\xef\xbb\xbf\xef\xbb\xbfa\n\xef\xbb\xbfb");
        assert_eq!(late, vec![(1, text("")), (2, text("")), (3, text("a")), (4, text("\u{feff}b"))]);
    }

    #[test]
    fn what_is_no_table_is_refused_by_name() {
        for (bytes, want) in [
            (&b"%PDF-1.7"[..], "PDF"),
            (b"PK\x03\x04\x14\0", "ZIP"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Office"),
            (b" \n<!DOCTYPE HTML><title>Login", "web page"),
            (b"\x01\x02\0\0\x03", "binary"),
        ] {
            let error = Input::bytes(bytes).examine(None, None).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
        assert!(matches!(Input::bytes(b" \n").examine(None, None), Err(FeedError::Empty)));
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
        let mut cut = Input::bytes(&both[..both.len() - 12]).lines(TextFormat::USUAL).unwrap();
        let mut last = cut.next();
        while let Ok(Some(_)) = last {
            last = cut.next();
        }
        assert!(last.is_err(), "a truncated file is not a short one");
    }
}
