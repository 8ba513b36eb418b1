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

/// What separates fields, the usual ones first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines that are looked at to find the delimiter.
const SNIFFED_LINES: usize = 20;

/// The delimiter that gives most lines as many columns as the header; of those that do, the one with most columns. Titles and
/// prices have commas and semicolons, too, but not in every line as many. Where no line agrees with the first, as that is a title above the
/// table, it is what most lines agree on.
fn sniff(lines: &[&[u8]]) -> u8 {
    let agreement = |delimiter: u8| {
        let (shapes, open) = shapes(lines, delimiter);
        let columns: Vec<usize> = shapes.iter().map(|shape| shape.columns).collect();
        let (header, rows) = columns.split_first().map_or((0, &[][..]), |(first, rows)| (*first, rows));
        let agree = |wanted: usize| rows.iter().filter(|columns| **columns == wanted).count();
        let most = rows.iter().filter(|row| **row > 1).map(|row| (agree(*row), *row)).max().unwrap_or_default();
        // A record that goes on behind these lines contradicts nothing.
        let with_header = if header > 1 { agree(header) + usize::from(open) } else { 0 };
        (with_header > 0, if with_header > 0 { (with_header, header) } else { most }, header)
    };
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| agreement(*delimiter)).unwrap_or(b',')
}

/// What a record looks like.
struct Shape {
    /// The line that it begins on, of those looked at.
    line: usize,
    columns: usize,
    filled: usize,
}

/// The shape of each record of these lines, of which a broken one has no columns, and whether the last goes on behind them.
fn shapes(lines: &[&[u8]], delimiter: u8) -> (Vec<Shape>, bool) {
    let mut shapes = Vec::new();
    let mut splitter = Splitter::new(delimiter);
    let mut begin = 0;
    for (at, line) in lines.iter().enumerate() {
        match splitter.feed(line) {
            Split::Open => continue,
            Split::Complete(fields) => {
                let filled = fields.iter().filter(|field| !is_blank(field)).count();
                shapes.push(Shape { line: begin, columns: fields.len(), filled });
            }
            Split::Broken(_) => {
                shapes.push(Shape { line: begin, columns: 0, filled: 0 });
                splitter = Splitter::new(delimiter);
            }
        }
        begin = at + 1;
    }
    (shapes, begin < lines.len())
}

/// Which of the first records of a file is the header, by the number of their cells that are not empty: people write a title, a date
/// or nothing above it.
pub(crate) fn header_at(filled: &[usize]) -> usize {
    let most = filled.iter().copied().max().unwrap_or_default();
    let is_title = |filled: usize| filled < 2 && most >= 2 || filled == 2 && most >= 5;
    filled.iter().position(|filled| !is_title(*filled)).unwrap_or_default()
}

/// The delimiter that Excel's first line names: `sep=;`. Saved again by a spreadsheet it has one for each column.
fn named(line: &[u8]) -> Option<u8> {
    let text = line.trim_ascii_end();
    let text = text.strip_prefix(b"\"").map_or(text, |rest| rest.trim_ascii_end());
    let (_, rest) = text.split_at_checked(3).filter(|(word, _)| word.eq_ignore_ascii_case(b"sep"))?;
    let rest = rest.trim_ascii_start().strip_prefix(b"=")?;
    let rest: Vec<u8> = rest.iter().copied().filter(|byte| !matches!(byte, b' ' | b'"')).collect();
    match rest.split_first() {
        // A tab at the end was trimmed.
        None => Some(b'\t'),
        Some((delimiter, others)) => others.iter().all(|other| other == delimiter).then_some(*delimiter),
    }
}

/// The fields of a line whose quotes do not follow the rules, read as people meant them: a quote ends a field only where a delimiter or
/// the line's end follows. Nothing where the last field is not closed.
fn leniently(line: &[u8], delimiter: u8) -> Option<Vec<Vec<u8>>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let quoted = rest.trim_ascii_start().strip_prefix(b"\"");
        let mut field = Vec::new();
        let after = match quoted {
            None => {
                let end = rest.iter().position(|byte| *byte == delimiter).unwrap_or(rest.len());
                field.extend_from_slice(&rest[..end]);
                &rest[end..]
            }
            Some(inner) => {
                let mut at = 0;
                loop {
                    let quote = at + inner[at..].iter().position(|byte| *byte == b'"')?;
                    field.extend_from_slice(&inner[at..quote]);
                    at = quote + 1;
                    let blanks = inner[at..].iter().take_while(|byte| **byte == b' ').count();
                    match inner.get(at + blanks) {
                        None => break &inner[inner.len()..],
                        Some(next) if *next == delimiter => break &inner[at + blanks..],
                        Some(b'"') if blanks == 0 => at += 1,
                        Some(_) => {}
                    }
                    // `17\" wide` is how some programs write a quote.
                    if field.last() == Some(&b'\\') {
                        field.pop();
                    }
                    field.push(b'"');
                }
            }
        };
        fields.push(field);
        match after.split_first() {
            None => return Some(fields),
            Some((_, next)) => rest = next,
        }
        if fields.len() > limits::CSV_COLUMNS {
            return None;
        }
    }
}

/// Nothing but blanks, or signs that no text has: the end mark of old systems, zeros that fill a block.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control())
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
