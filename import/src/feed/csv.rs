//! CSV parser (RFC 4180): records out of lines, forgiving where files are merely sloppy and strict where one broken line
//! could swallow the next ones: a record with a bad quote costs its first line only, then reading goes on at the second.

mod layout;
mod split;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub(crate) use self::layout::header_at;
use self::layout::{SNIFFED_LINES, named, shapes, sniff};
use self::split::{Split, Splitter, is_blank, leniently};
use crate::draft::Defect;
use crate::feed::error::{FeedError, Finding};
use crate::feed::input::{Line, Lines};
use crate::feed::mapping::Aliases;
use crate::feed::record::{Header, Record, Row, Value};
use crate::limits;

/// Lines that one record may span. A quote that is never closed is given up after so many.
const RECORD_LINES: usize = 1_000;

/// The fields of a record.
struct Fields {
    line: u64,
    end_line: u64,
    fields: Vec<String>,
    /// Some of its bytes are no text and were replaced.
    damaged: bool,
    /// What is wrong with its quotes, which were read as they were meant.
    quotes: Option<String>,
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

impl CsvRows {
    /// Reads the header: the first line that is not blank, after one that names the delimiter.
    pub(crate) fn open(mut lines: Lines, delimiter: Option<u8>) -> Result<Self, FeedError> {
        let first = lines.peek(1)?;
        let named = named(first.first().ok_or(FeedError::Empty)?);
        if named.is_some() {
            lines.next()?;
        }
        let first = lines.peek(SNIFFED_LINES)?;
        let delimiter = delimiter.or(named).unwrap_or_else(|| sniff(&first));
        let (shapes, _) = shapes(&first, delimiter);
        let filled: Vec<usize> = shapes.iter().map(|shape| shape.filled).collect();
        let above = shapes.get(header_at(&filled)).map_or(0, |header| header.line);
        for _ in 0..above {
            lines.next()?;
        }
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
                Line::Bytes(bytes) if is_blank(&bytes) => continue,
                Line::Bytes(bytes) => bytes,
            };
            let mut splitter = Splitter::new(self.delimiter);
            return match splitter.feed(&bytes) {
                Split::Complete(raw) => Some(Ok(fields(number, number, raw))),
                Split::Broken(reason) => {
                    let wanted = self.header.names().len();
                    match leniently(&bytes, self.delimiter).filter(|raw| raw.len() == wanted) {
                        Some(raw) => Some(Ok(Fields { quotes: Some(reason), ..fields(number, number, raw) })),
                        None => refuse("broken_csv", reason),
                    }
                }
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
    Fields { line, end_line, fields, damaged, quotes: None }
}

impl Iterator for CsvRows {
    type Item = Result<Row, Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let Fields { line, end_line, mut fields, damaged: replaced, quotes } = loop {
            match self.record()? {
                // Spreadsheets save the empty rows below a table, too.
                Ok(record) if record.fields.iter().all(|field| is_blank(field.as_bytes())) => {}
                Ok(record) => break record,
                Err(refusal) => return Some(Err(refusal)),
            }
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
        if let Some(reason) = quotes {
            defects.push(Defect::new("broken_csv", format!("{reason}: it is taken as a part of the text")));
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
            ("sep=;;;\na;b;c\n1,5;2,5;3,5,6\n", ["1,5", "2,5", "3,5,6"]),
            ("Sep = ;\r\na;b;c\r\n1;2;3\r\n", ["1", "2", "3"]),
            ("Our products, 2026\n\na;b;c\n1;2;3\n", ["1", "2", "3"]),
            (";;\nOur products;;\na;b;c\n1;2;3\n;;\n\x1a\n\0\0\0", ["1", "2", "3"]),
            ("# by a program\n# of 2026\na,b,c\n1,2,3\n", ["1", "2", "3"]),
        ] {
            assert_eq!(rows(text.as_bytes()), [ok(&want)], "{text}");
        }
    }

    #[test]
    fn a_long_text_does_not_change_the_delimiter() {
        let text = format!("a;b;c\n1;\"{}\";3\n4;5;6\n", "one, two\n".repeat(40));
        assert_eq!(rows(text.as_bytes())[1..], [ok(&["4", "5", "6"])]);
        assert_eq!(rows(b"a;b;c\n1;\"2,5;3\n4;5,5;6\n"), [Err((2, "broken_csv")), ok(&["4", "5,5", "6"])]);
    }

    #[test]
    fn quotes_that_people_meant() {
        for (line, want) in [
            ("1;\"a 17\" screen\";x", ["1", "a 17\" screen", "x"]),
            ("1;\"a 17\\\" screen\" ;x", ["1", "a 17\" screen", "x"]),
            ("1;\"so \"he\" said\";\"x\"", ["1", "so \"he\" said", "x"]),
            ("\"1\";\"a \"\"b\"\" c\"d\";", ["1", "a \"b\" c\"d", ""]),
        ] {
            assert_eq!(rows(format!("a;b;c\n{line}\n9;9;9\n").as_bytes()), [ok(&want), ok(&["9", "9", "9"])], "{line}");
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
            // A row of blanks is an empty line.
            let filled = |row: &&Vec<String>| row.iter().any(|field| !field.trim().is_empty());
            prop_assert_eq!(read, table.iter().filter(filled).cloned().collect::<Vec<_>>());
        }
    }
}
