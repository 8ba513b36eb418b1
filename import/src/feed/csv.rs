//! CSV parser (RFC 4180): records out of lines, forgiving where files are merely sloppy and strict where one broken line
//! could swallow the next ones: a record with a bad quote costs its first line only, then reading goes on at the second.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::draft::Defect;
use crate::feed::error::{FeedError, Finding};
use crate::feed::input::{Line, Lines};
use crate::feed::mapping::Aliases;
use crate::feed::record::{Header, Record, Row, Value};
use crate::limits;

/// Lines that one record may span. A quote that is never closed is given up after so many.
const RECORD_LINES: usize = 1_000;

/// Splits the lines of one record into fields.
struct Splitter {
    delimiter: u8,
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    quoted: bool,
}

enum Split {
    Complete(Vec<Vec<u8>>),
    /// A quoted field goes on in the next line.
    Open,
    Broken(String),
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, fields: Vec::new(), field: Vec::new(), quoted: false }
    }

    fn feed(&mut self, line: &[u8]) -> Split {
        let mut i = 0;
        loop {
            if self.quoted {
                let Some(quote) = line[i..].iter().position(|b| *b == b'"') else {
                    self.field.extend_from_slice(&line[i..]);
                    self.field.push(b'\n');
                    return Split::Open;
                };
                self.field.extend_from_slice(&line[i..i + quote]);
                i += quote + 1;
                match line.get(i) {
                    Some(b'"') => {
                        self.field.push(b'"');
                        i += 1;
                        continue;
                    }
                    Some(b' ') if blank_until(&line[i..], self.delimiter).is_some() => {
                        i += blank_until(&line[i..], self.delimiter).unwrap_or_default();
                        self.quoted = false;
                    }
                    Some(next) if *next != self.delimiter => {
                        return Split::Broken(format!("a quote in the middle of field {}", self.fields.len() + 1));
                    }
                    _ => self.quoted = false,
                }
            } else if let Some(blanks) = blank_until(&line[i..], b'"').filter(|_| self.field.is_empty()) {
                self.quoted = true;
                i += blanks + 1;
                continue;
            } else {
                let end = line[i..].iter().position(|b| *b == self.delimiter).map_or(line.len(), |at| i + at);
                self.field.extend_from_slice(&line[i..end]);
                i = end;
            }
            self.fields.push(std::mem::take(&mut self.field));
            if self.fields.len() > limits::CSV_COLUMNS {
                return Split::Broken(format!("more than {} columns", limits::CSV_COLUMNS));
            }
            if i >= line.len() {
                return Split::Complete(std::mem::take(&mut self.fields));
            }
            i += 1;
        }
    }
}

/// Blanks before a sign, where nothing else stands before it, or before the end where the sign is a delimiter.
fn blank_until(line: &[u8], sign: u8) -> Option<usize> {
    let blanks = line.iter().take_while(|byte| **byte == b' ').count();
    match line.get(blanks) {
        Some(next) if *next == sign => Some(blanks),
        None if sign != b'"' && !line.is_empty() => Some(blanks),
        _ => None,
    }
}

/// The fields of a record.
struct Fields {
    line: u64,
    end_line: u64,
    fields: Vec<String>,
    /// Some of its bytes are no text and were replaced.
    damaged: bool,
}

/// Rows of a CSV file.
pub(crate) struct CsvRows {
    lines: Lines,
    /// Lines read while looking for a closing quote that did not come.
    pending: VecDeque<(u64, Line)>,
    delimiter: u8,
    header: Arc<Header>,
    ended: bool,
}

/// What separates fields, the usual ones first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines that are looked at to find the delimiter.
const SNIFFED_LINES: usize = 20;

/// The delimiter that gives most lines as many columns as the header; of those that do, the one with most columns. Titles and
/// prices have commas and semicolons, too, but not in every line as many.
fn sniff(lines: &[&[u8]]) -> u8 {
    let score = |delimiter: u8| {
        let columns = columns(lines, delimiter);
        let (header, rows) = columns.split_first().map_or((0, &[][..]), |(first, rows)| (*first, rows));
        (header > 1, rows.iter().filter(|row| **row == header).count(), header)
    };
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| score(*delimiter)).unwrap_or(b',')
}

/// The columns of each record of these lines; none of a broken one, and none of what goes on after them.
fn columns(lines: &[&[u8]], delimiter: u8) -> Vec<usize> {
    let mut columns = Vec::new();
    let mut splitter = Splitter::new(delimiter);
    for line in lines {
        match splitter.feed(line) {
            Split::Open => {}
            Split::Complete(fields) => columns.push(fields.len()),
            Split::Broken(_) => {
                columns.push(0);
                splitter = Splitter::new(delimiter);
            }
        }
    }
    columns
}

/// The delimiter that Excel's first line names: `sep=;`.
fn named(line: &[u8]) -> Option<u8> {
    let line = line.trim_ascii_end();
    let line = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(line);
    match line.split_at_checked(4) {
        Some((word, [delimiter])) if word.eq_ignore_ascii_case(b"sep=") => Some(*delimiter),
        // A tab at the end was trimmed.
        Some((word, [])) if word.eq_ignore_ascii_case(b"sep=") => Some(b'\t'),
        _ => None,
    }
}

impl CsvRows {
    /// Reads the header: the first line that is not blank, after one that names the delimiter.
    pub(crate) fn open(mut lines: Lines, delimiter: Option<u8>) -> Result<Self, FeedError> {
        let first = lines.peek(1)?;
        let named = named(first.first().ok_or(FeedError::Empty)?);
        if named.is_some() {
            lines.next()?;
        }
        let delimiter = match delimiter.or(named) {
            Some(delimiter) => delimiter,
            None => sniff(&lines.peek(SNIFFED_LINES)?),
        };
        let mut rows = Self {
            lines,
            pending: VecDeque::new(),
            delimiter,
            header: Arc::new(Header::new(Vec::new())),
            ended: false,
        };
        let fields = match rows.record() {
            Some(Ok(Fields { fields, .. })) => fields,
            Some(Err(refusal)) => return Err(FeedError::Format(format!("the header is broken: {refusal}"))),
            None => return Err(FeedError::Empty),
        };
        rows.header = Arc::new(Header::new(fields.iter().map(|name| name.trim().to_owned()).collect()));
        Ok(rows)
    }

    /// Bytes taken from the source so far.
    pub(crate) fn used(&self) -> Arc<AtomicU64> {
        self.lines.used()
    }

    /// The columns.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Has the columns found by the names that a mapping uses.
    pub(crate) fn rename(&mut self, aliases: &Aliases) {
        aliases.apply(Arc::make_mut(&mut self.header));
    }

    fn line(&mut self) -> io::Result<Option<(u64, Line)>> {
        match self.pending.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next(),
        }
    }

    /// The next record: its lines and fields.
    fn record(&mut self) -> Option<Result<Fields, Finding>> {
        loop {
            let (number, line) = match self.line() {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => return Some(Err(self.unreadable(self.lines.read() + 1, &error))),
            };
            let refuse =
                |code, reason: String| Some(Err(Finding::new(number, number, None, Defect::new(code, reason))));
            let bytes = match line {
                Line::TooLong => return refuse("line_too_long", format!("longer than {} bytes", limits::LINE_BYTES)),
                Line::Bytes(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => continue,
                Line::Bytes(bytes) => bytes,
            };
            let mut splitter = Splitter::new(self.delimiter);
            return match splitter.feed(&bytes) {
                Split::Complete(raw) => Some(Ok(fields(number, number, raw))),
                Split::Broken(reason) => refuse("broken_csv", reason),
                Split::Open => Some(self.continued(number, bytes.len(), splitter)),
            };
        }
    }

    /// A record whose first line ended within quotes.
    fn continued(&mut self, first: u64, mut size: usize, mut splitter: Splitter) -> Result<Fields, Finding> {
        let mut taken = Vec::new();
        let reason = loop {
            let (number, line) = match self.line() {
                Ok(Some(line)) => line,
                Ok(None) => break "a quote is not closed".to_owned(),
                Err(error) => return Err(self.unreadable(first, &error)),
            };
            let Line::Bytes(bytes) = &line else {
                taken.push((number, line));
                break "a quote is not closed before a line that is too long".to_owned();
            };
            size += bytes.len();
            let split = splitter.feed(bytes);
            taken.push((number, line));
            match split {
                Split::Complete(raw) if raw.len() == self.header.names().len() || self.header.names().is_empty() => {
                    return Ok(fields(first, number, raw));
                }
                Split::Complete(raw) => {
                    let wanted = self.header.names().len();
                    break format!(
                        "a quote is closed on line {number} only, which gives {} columns for {wanted}",
                        raw.len()
                    );
                }
                Split::Broken(reason) => break format!("a quote is not closed ({reason} on line {number})"),
                Split::Open if size > limits::LINE_BYTES || taken.len() >= RECORD_LINES => {
                    break "a quote is not closed within the limit of a record".to_owned();
                }
                Split::Open => {}
            }
        };
        for line in taken.into_iter().rev() {
            self.pending.push_front(line);
        }
        Err(Finding::new(first, first, None, Defect::new("broken_csv", reason)))
    }

    fn unreadable(&mut self, line: u64, error: &io::Error) -> Finding {
        self.ended = true;
        Finding::new(line, line, None, unreadable(error))
    }
}

/// What is said about a source that ends with an error.
pub(crate) fn unreadable(error: &io::Error) -> Defect {
    Defect::new("unreadable", format!("the rest of the file cannot be read: {error}"))
}

/// What is said about bytes that are no text in the encoding of the file.
pub(crate) fn damaged() -> Defect {
    Defect::new("invalid_encoding", "bytes that are no text in the encoding of this file were replaced by \u{fffd}")
}

fn fields(line: u64, end_line: u64, raw: Vec<Vec<u8>>) -> Fields {
    let mut damaged = false;
    let text = |bytes: Vec<u8>| {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        damaged |= text.contains('\u{fffd}');
        text
    };
    let fields = raw.into_iter().map(text).collect();
    Fields { line, end_line, fields, damaged }
}

impl Iterator for CsvRows {
    type Item = Result<Row, Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let Fields { line, end_line, mut fields, damaged: replaced } = match self.record()? {
            Ok(record) => record,
            Err(refusal) => return Some(Err(refusal)),
        };
        let wanted = self.header.names().len();
        while fields.len() > wanted && fields.last().is_some_and(|field| field.trim().is_empty()) {
            fields.pop();
        }
        let mut defects = Vec::new();
        if fields.len() != wanted {
            let defect =
                Defect::new("wrong_columns", format!("{} columns where the header has {wanted}", fields.len()));
            // What is too much may stand anywhere before it; what the end lacks is empty.
            if fields.len() > wanted {
                return Some(Err(Finding::new(line, end_line, None, defect)));
            }
            fields.resize(wanted, String::new());
            defects.push(defect);
        }
        if replaced {
            defects.push(damaged());
        }
        let values = fields.into_iter().map(Value::Text).collect();
        Some(Ok(Row { line, end_line, record: Record::Csv(Arc::clone(&self.header), values), defects }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::feed::input::{Input, TextFormat};

    fn rows(text: &[u8]) -> Vec<Result<Vec<String>, (u64, &'static str)>> {
        let rows = CsvRows::open(Input::bytes(text).lines(TextFormat::USUAL).unwrap(), None).unwrap();
        let texts = |row: Row| row.record.iter().map(|(_, v)| v.text().unwrap_or_default().into_owned()).collect();
        rows.map(|row| row.map(texts).map_err(|r| (r.line, r.code))).collect()
    }

    fn ok(fields: &[&str]) -> Result<Vec<String>, (u64, &'static str)> {
        Ok(fields.iter().map(|f| (*f).to_owned()).collect())
    }

    #[test]
    fn quotes_lines_and_delimiters() {
        assert_eq!(
            rows(b"a,b\n1,\"x, \"\"y\"\"\nz\"\r\n\n2,5\" disk"),
            [ok(&["1", "x, \"y\"\nz"]), ok(&["2", "5\" disk"])]
        );
        assert_eq!(rows(b"a,b\n\"1\" , \"2, 3\"  \n x , \"\"\n"), [ok(&["1", "2, 3"]), ok(&["x", ""])]);
        assert_eq!(rows(b"a;b\n1,5;2"), [ok(&["1,5", "2"])]);
        assert_eq!(rows(b"a\tb\n1\t2,3\n"), [ok(&["1", "2,3"])]);
        assert_eq!(rows(b"a,b\n1,2,,\n"), [ok(&["1", "2"])]);
    }

    #[test]
    fn the_delimiter_is_what_lines_agree_on() {
        for (text, want) in [
            ("\"Price, gross\";No;\"Name, title\"\n5.00;1;Lamp", ["5.00", "1", "Lamp"]),
            ("Price, gross;No;Name\n5,00;1;Lamp, red, large\n", ["5,00", "1", "Lamp, red, large"]),
            ("sep=;\na;b;c\n1,5;2,5;3,5,6\n", ["1,5", "2,5", "3,5,6"]),
            ("\"sep=|\"\r\na|b|c\r\n1|2|3;4;5,6,7\r\n", ["1", "2", "3;4;5,6,7"]),
            ("SEP=\t\na\tb\tc\n1\t2\t3\n", ["1", "2", "3"]),
            ("a\tb\tc, d, e, f\n1\t2\t3\n", ["1", "2", "3"]),
        ] {
            assert_eq!(rows(text.as_bytes()), [ok(&want)], "{text}");
        }
    }

    #[test]
    fn a_broken_line_costs_itself_only() {
        let text = b"a,b\n1,\"never closed\n2,\"fine\"\n3,4\n5\n\xff,6\n7,\"x\"y\n8,9\n";
        let want = [
            Err((2, "broken_csv")),
            ok(&["2", "fine"]),
            ok(&["3", "4"]),
            ok(&["5", ""]),
            ok(&["\u{fffd}", "6"]),
            Err((7, "broken_csv")),
            ok(&["8", "9"]),
        ];
        assert_eq!(rows(text), want);
        assert_eq!(rows(b"a,b\n1,2,3\n"), [Err((2, "wrong_columns"))]);
        assert_eq!(rows(b"a,b\n1,\"open\n2,3\n4,5"), [Err((2, "broken_csv")), ok(&["2", "3"]), ok(&["4", "5"])]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(table in prop::collection::vec(prop::collection::vec("[a-z,\"\n; ]{1,8}", 3), 1..20)) {
            let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |fields: &Vec<String>| fields.iter().map(quote).collect::<Vec<_>>().join(",");
            let text = format!("x,y,z\n{}\n", table.iter().map(line).collect::<Vec<_>>().join("\n"));
            let read = CsvRows::open(Input::bytes(&text).lines(TextFormat::USUAL).unwrap(), Some(b',')).unwrap();
            let read: Vec<Vec<String>> = read.map(|row| match row.unwrap().record {
                Record::Csv(_, values) => values.into_iter().map(|v| match v { Value::Text(t) => t, _ => String::new() }).collect(),
                Record::Json(_) => vec![],
            }).collect();
            prop_assert_eq!(read, table);
        }
    }
}
