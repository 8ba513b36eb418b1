//! CSV parser (RFC 4180): records out of lines, forgiving where files are merely sloppy and strict where one broken line
//! could swallow the next ones: a record with a bad quote costs its first line only, then reading goes on at the second.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::draft::Defect;
use crate::feed::error::{FeedError, RefusedLines};
use crate::feed::input::{Line, Lines};
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
                    Some(next) if *next != self.delimiter => {
                        return Split::Broken(format!("a quote in the middle of field {}", self.fields.len() + 1));
                    }
                    _ => self.quoted = false,
                }
            } else if self.field.is_empty() && line.get(i) == Some(&b'"') {
                self.quoted = true;
                i += 1;
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

/// First line, last line, and the fields of a record.
type Fields = (u64, u64, Vec<String>);

/// Rows of a CSV file.
pub(crate) struct CsvRows {
    lines: Lines,
    /// Lines read while looking for a closing quote that did not come.
    pending: VecDeque<(u64, Line)>,
    delimiter: u8,
    header: Arc<Header>,
    ended: bool,
}

/// The delimiter of a header line: the one of comma, semicolon, tab and bar that it has most of.
fn sniff(line: &[u8]) -> u8 {
    let count = |delimiter: u8| line.iter().filter(|b| **b == delimiter).count();
    [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

impl CsvRows {
    /// Reads the header: the first line that is not blank.
    pub(crate) fn open(mut lines: Lines, delimiter: Option<u8>) -> Result<Self, FeedError> {
        let first = lines.peek()?.ok_or(FeedError::Empty)?;
        let delimiter = delimiter.unwrap_or_else(|| sniff(&first));
        let mut rows = Self {
            lines,
            pending: VecDeque::new(),
            delimiter,
            header: Arc::new(Header::new(Vec::new())),
            ended: false,
        };
        let (_, _, fields) = match rows.record() {
            Some(Ok(record)) => record,
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

    fn line(&mut self) -> io::Result<Option<(u64, Line)>> {
        match self.pending.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next(),
        }
    }

    /// The next record: its lines and fields.
    fn record(&mut self) -> Option<Result<Fields, RefusedLines>> {
        loop {
            let (number, line) = match self.line() {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => return Some(Err(self.unreadable(self.lines.read() + 1, &error))),
            };
            let refuse =
                |code, reason: String| Some(Err(RefusedLines::new(number, number, None, Defect::new(code, reason))));
            let bytes = match line {
                Line::TooLong => return refuse("line_too_long", format!("longer than {} bytes", limits::LINE_BYTES)),
                Line::Bytes(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => continue,
                Line::Bytes(bytes) => bytes,
            };
            let mut splitter = Splitter::new(self.delimiter);
            return match splitter.feed(&bytes) {
                Split::Complete(fields) => Some(utf8(number, number, fields)),
                Split::Broken(reason) => refuse("broken_csv", reason),
                Split::Open => Some(self.continued(number, bytes.len(), splitter)),
            };
        }
    }

    /// A record whose first line ended within quotes.
    fn continued(&mut self, first: u64, mut size: usize, mut splitter: Splitter) -> Result<Fields, RefusedLines> {
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
                Split::Complete(fields)
                    if fields.len() == self.header.names().len() || self.header.names().is_empty() =>
                {
                    return utf8(first, number, fields);
                }
                Split::Complete(fields) => {
                    let wanted = self.header.names().len();
                    break format!(
                        "a quote is closed on line {number} only, which gives {} columns for {wanted}",
                        fields.len()
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
        Err(RefusedLines::new(first, first, None, Defect::new("broken_csv", reason)))
    }

    fn unreadable(&mut self, line: u64, error: &io::Error) -> RefusedLines {
        self.ended = true;
        RefusedLines::new(line, line, None, unreadable(error))
    }
}

/// What is said about a source that ends with an error.
pub(crate) fn unreadable(error: &io::Error) -> Defect {
    Defect::new("unreadable", format!("the rest of the file cannot be read: {error}"))
}

fn utf8(first: u64, last: u64, fields: Vec<Vec<u8>>) -> Result<Fields, RefusedLines> {
    let fields: Result<Vec<String>, _> = fields.into_iter().map(String::from_utf8).collect();
    let fields =
        fields.map_err(|_| RefusedLines::new(first, last, None, Defect::new("invalid_utf8", "not valid UTF-8")))?;
    Ok((first, last, fields))
}

impl Iterator for CsvRows {
    type Item = Result<Row, RefusedLines>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let (line, end_line, mut fields) = match self.record()? {
            Ok(record) => record,
            Err(refusal) => return Some(Err(refusal)),
        };
        let wanted = self.header.names().len();
        while fields.len() > wanted && fields.last().is_some_and(|field| field.trim().is_empty()) {
            fields.pop();
        }
        if fields.len() != wanted {
            let reason = format!("{} columns where the header has {wanted}", fields.len());
            return Some(Err(RefusedLines::new(line, end_line, None, Defect::new("wrong_columns", reason))));
        }
        let values = fields.into_iter().map(Value::Text).collect();
        Some(Ok(Row { line, end_line, record: Record::Csv(Arc::clone(&self.header), values) }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::feed::input::Input;

    fn rows(text: &[u8]) -> Vec<Result<Vec<String>, (u64, &'static str)>> {
        let rows = CsvRows::open(Input::bytes(text).lines().unwrap(), None).unwrap();
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
        assert_eq!(rows(b"a;b\n1,5;2"), [ok(&["1,5", "2"])]);
        assert_eq!(rows(b"a\tb\n1\t2,3\n"), [ok(&["1", "2,3"])]);
        assert_eq!(rows(b"a,b\n1,2,,\n"), [ok(&["1", "2"])]);
    }

    #[test]
    fn a_broken_line_costs_itself_only() {
        let text = b"a,b\n1,\"never closed\n2,\"fine\"\n3,4\n5\n\xff,6\n7,\"x\"y\n8,9\n";
        let want = [
            Err((2, "broken_csv")),
            ok(&["2", "fine"]),
            ok(&["3", "4"]),
            Err((5, "wrong_columns")),
            Err((6, "invalid_utf8")),
            Err((7, "broken_csv")),
            ok(&["8", "9"]),
        ];
        assert_eq!(rows(text), want);
        assert_eq!(rows(b"a,b\n1,\"open\n2,3\n4,5"), [Err((2, "broken_csv")), ok(&["2", "3"]), ok(&["4", "5"])]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(table in prop::collection::vec(prop::collection::vec("[a-z,\"\n; ]{1,8}", 3), 1..20)) {
            let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |fields: &Vec<String>| fields.iter().map(quote).collect::<Vec<_>>().join(",");
            let text = format!("x,y,z\n{}\n", table.iter().map(line).collect::<Vec<_>>().join("\n"));
            let read = CsvRows::open(Input::bytes(&text).lines().unwrap(), Some(b',')).unwrap();
            let read: Vec<Vec<String>> = read.map(|row| match row.unwrap().record {
                Record::Csv(_, values) => values.into_iter().map(|v| match v { Value::Text(t) => t, _ => String::new() }).collect(),
                Record::Json(_) => vec![],
            }).collect();
            prop_assert_eq!(read, table);
        }
    }
}
