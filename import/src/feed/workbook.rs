//! Excel workbooks (.xlsx): the rows of the first sheet that has some. A thread of its own reads the sheet and waits when the rows it
//! has read are not taken, so that a workbook of any length needs the memory of some rows, and of its table of texts.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use calamine::{Data, DataRef, Reader, SheetVisible, Xlsx, XlsxError};

use super::csv::header_at;
use super::error::{FeedError, Finding};
use super::input::Input;
use super::mapping::Aliases;
use super::record::{Header, Record, Row, Value};
use crate::draft::Defect;
use crate::limits;

/// First bytes of a ZIP archive, which a workbook is.
pub(crate) const MAGIC: &[u8] = b"PK\x03\x04";
/// Rows that are looked at to find the header among them.
const ROWS_ABOVE: usize = 20;
/// Rows that are read before they are taken.
const AHEAD: usize = 256;

/// A source that can be read anywhere.
trait Source: Read + Seek + Send {}
impl<T: Read + Seek + Send> Source for T {}

/// A row with its number, or what is wrong with it; the end of a sheet that cannot be read is an error.
type Sent = Result<(u64, Vec<Value>), (u64, Defect)>;

/// A workbook that can be read anywhere.
type Workbook = Xlsx<Box<dyn Source>>;

/// Rows of a workbook.
pub(crate) struct SheetRows {
    rows: Receiver<Sent>,
    /// What reads the sheet, until its end has been looked at.
    reader: Option<JoinHandle<Workbook>>,
    /// Those that were looked at to find the header.
    first: VecDeque<Sent>,
    header: Arc<Header>,
    used: Arc<AtomicU64>,
    size: u64,
}

/// Whether a ZIP archive is a workbook; refuses one that would not fit into memory.
pub(crate) fn is_workbook(input: &Input) -> Result<bool, FeedError> {
    let Ok(mut archive) = zip::ZipArchive::new(open(input)?) else { return Ok(false) };
    if archive.index_for_name("xl/workbook.xml").is_none() {
        return Ok(false);
    }
    let mut room = limits::WORKBOOK_BYTES;
    for at in 0..archive.len() {
        // What an entry says of its length may be wrong, so it is unpacked.
        let entry = archive.by_index(at).map_err(broken)?;
        let texts = !entry.name().map_err(broken)?.starts_with("xl/worksheets/");
        let limit = if texts { room } else { limits::SHEET_BYTES };
        let length = io::copy(&mut entry.take(limit + 1), &mut io::sink()).map_err(broken)?;
        if length > limit {
            let reason = "the workbook unpacks to more than can be read: save it as CSV";
            return Err(FeedError::Format(reason.to_owned()));
        }
        room -= if texts { length } else { 0 };
    }
    Ok(true)
}

fn open(input: &Input) -> io::Result<Box<dyn Source>> {
    Ok(match input {
        Input::File(path) => Box::new(BufReader::new(File::open(path)?)),
        Input::Bytes(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
    })
}

fn broken(error: impl std::fmt::Display) -> FeedError {
    FeedError::Format(format!("the workbook cannot be read: {error}"))
}

impl SheetRows {
    /// Opens the first sheet that people see and that has a row; the header is the first row that is no title above the table.
    pub(crate) fn open(input: &Input) -> Result<Self, FeedError> {
        let mut workbook: Workbook = Xlsx::new(open(input)?).map_err(broken)?;
        let sheets = workbook.sheets_metadata().to_vec();
        let visible = sheets.into_iter().filter(|sheet| sheet.visible == SheetVisible::Visible);
        for name in visible.map(|sheet| sheet.name) {
            let (send, rows) = sync_channel(AHEAD);
            let reader = std::thread::Builder::new().name("workbook".to_owned()).spawn({
                let mut workbook = workbook;
                move || {
                    let end = read(&mut workbook, &name, &send);
                    if let Err(error) = end {
                        let defect =
                            Defect::new("unreadable", format!("the rest of the sheet cannot be read: {error}"));
                        // The reader of the rows may have lost interest.
                        send.send(Err((0, defect))).ok();
                    }
                    workbook
                }
            })?;
            match rows.recv() {
                Ok(Ok(row)) => {
                    let others = std::iter::from_fn(|| rows.recv().ok()).take(ROWS_ABOVE);
                    let mut first: VecDeque<Sent> = std::iter::once(Ok(row)).chain(others).collect();
                    let filled = |row: &Sent| row.as_ref().map_or(0, |(_, cells)| filled(cells));
                    let above = header_at(&first.iter().map(filled).collect::<Vec<_>>());
                    if let Some(Err((_, defect))) = first.drain(..above).find(Result::is_err) {
                        return Err(FeedError::Format(defect.reason));
                    }
                    let Some(Ok((_, cells))) = first.pop_front() else { return Err(broken("it has no header")) };
                    let names = cells.iter().map(|cell| cell.text().unwrap_or_default().trim().to_owned()).collect();
                    let (used, size) = (Arc::new(AtomicU64::new(0)), input.size()?);
                    let header = Arc::new(Header::new(names));
                    return Ok(Self { rows, reader: Some(reader), first, header, used, size });
                }
                Ok(Err((_, defect))) => return Err(FeedError::Format(defect.reason)),
                Err(_) => workbook = reader.join().map_err(|_| broken("it is damaged"))?,
            }
        }
        Err(FeedError::Empty)
    }

    /// Bytes taken from the file: all of them, when the last row is read.
    pub(crate) fn used(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.used)
    }

    /// The columns.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Has the columns found by the names that a mapping uses.
    pub(crate) fn rename(&mut self, aliases: &Aliases) {
        aliases.apply(Arc::make_mut(&mut self.header));
    }
}

impl Iterator for SheetRows {
    type Item = Result<Row, Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(sent) = self.first.pop_front().or_else(|| self.rows.recv().ok()) else {
            self.used.store(self.size, Ordering::Relaxed);
            // A reader that gave up for a fault of its own has not come to the end.
            let fault = self.reader.take()?.join().is_err();
            let reason = "the rest of the sheet cannot be read: the workbook is damaged";
            return fault.then(|| Err(Finding::new(0, 0, None, Defect::new("unreadable", reason))));
        };
        Some(match sent {
            Ok((line, mut values)) => {
                let columns = self.header.names().len();
                let beside = values.get(columns..).map_or(0, filled);
                let reason = || format!("{beside} cells beside the {columns} columns of the header are left out");
                let defects = if beside > 0 { vec![Defect::new("wrong_columns", reason())] } else { Vec::new() };
                values.resize(columns, Value::Null);
                let record = Record::Csv(Arc::clone(&self.header), values);
                Ok(Row { line, end_line: line, record, defects })
            }
            Err((line, defect)) => Err(Finding::new(line, line, None, defect)),
        })
    }
}

fn filled(cells: &[Value]) -> usize {
    cells.iter().filter(|cell| cell.text().is_some()).count()
}

/// Sends the rows of a sheet, without blank ones, until the last, or until they are not taken any more.
fn read(workbook: &mut Workbook, sheet: &str, rows: &SyncSender<Sent>) -> Result<(), XlsxError> {
    let mut cells = workbook.worksheet_cells_reader(sheet)?;
    let mut row = SheetRow::default();
    while let Some(cell) = cells.next_cell()? {
        let (line, column) = cell.get_position();
        let line = u64::from(line) + 1;
        if line != row.line {
            let before = std::mem::replace(&mut row, SheetRow { line, ..SheetRow::default() });
            if !before.send(rows) {
                return Ok(());
            }
        }
        row.put(column as usize, value(cell.get_value()));
    }
    row.send(rows);
    Ok(())
}

/// A row as far as its cells have been read.
#[derive(Default)]
struct SheetRow {
    line: u64,
    cells: Vec<Value>,
    bytes: usize,
    refused: Option<Defect>,
}

impl SheetRow {
    fn put(&mut self, column: usize, value: Value) {
        let Some(length) = value.text().map(|text| text.len()) else { return };
        self.bytes += length;
        if column >= limits::CSV_COLUMNS {
            self.refused = Some(Defect::new("too_many", format!("more than {} columns", limits::CSV_COLUMNS)));
        } else if self.bytes > limits::LINE_BYTES {
            self.refused = Some(Defect::new("line_too_long", format!("longer than {} bytes", limits::LINE_BYTES)));
        }
        if self.refused.is_some() {
            // What is refused as a whole is not kept until then.
            self.cells = Vec::new();
            return;
        }
        self.cells.resize(self.cells.len().max(column + 1), Value::Null);
        self.cells[column] = value;
    }

    /// False when rows are not taken any more.
    fn send(self, rows: &SyncSender<Sent>) -> bool {
        match self.refused {
            Some(defect) => rows.send(Err((self.line, defect))).is_ok(),
            None => self.cells.is_empty() || rows.send(Ok((self.line, self.cells))).is_ok(),
        }
    }
}

/// A cell as its sheet shows it without a format: numbers with the 15 digits that Excel keeps, days as `2026-11-30`.
fn value(cell: &DataRef<'_>) -> Value {
    match Data::from(cell.clone()) {
        Data::Int(number) => Value::Number(number.to_string()),
        Data::Float(number) => Value::Number(shortest(number)),
        Data::Bool(flag) => Value::Bool(flag),
        Data::DateTime(time) => day(time.as_f64()).map_or(Value::Null, Value::Text),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => Value::Text(text),
        // `#N/A` and its like say that there is nothing.
        Data::Error(_) | Data::Empty => Value::Null,
        #[allow(unreachable_patterns)] // a later release may know further kinds of cells
        _ => Value::Null,
    }
}

/// A number as people wrote it: binary fractions such as 19.990000000000002 are 19.99.
fn shortest(number: f64) -> String {
    if !number.is_finite() {
        return String::new();
    }
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    format!("{rounded}")
}

/// The day of a time in Excel's count: days since the end of 1899.
fn day(serial: f64) -> Option<String> {
    let days = i64::try_from(serial.floor() as i128).ok()?;
    let first = jiff::civil::date(1899, 12, 30);
    first.checked_add(jiff::Span::new().try_days(days).ok()?).ok().map(|day| day.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_gives_up_is_no_end_of_the_sheet_and_cells_beside_the_table_are_told() {
        let (send, rows) = sync_channel(2);
        let reader = std::thread::spawn(move || -> Workbook {
            let cells = |count: usize| vec![Value::Text("a".into()); count];
            send.send(Ok((2, cells(1)))).unwrap();
            send.send(Ok((3, cells(3)))).unwrap();
            panic!("a fault of the reader")
        });
        let header = Arc::new(Header::new(vec!["A".into()]));
        let used = Arc::new(AtomicU64::new(0));
        let mut rows = SheetRows { rows, reader: Some(reader), first: VecDeque::new(), header, used, size: 1 };
        assert!(rows.next().is_some_and(|row| row.is_ok_and(|row| row.defects.is_empty())));
        let wide = rows.next().and_then(Result::ok).unwrap();
        assert_eq!(wide.defects[0].code, "wrong_columns");
        assert!(wide.defects[0].reason.starts_with("2 cells beside"), "{}", wide.defects[0].reason);
        assert_eq!(rows.next().and_then(Result::err).map(|finding| finding.code), Some("unreadable"));
        assert!(rows.next().is_none());
    }

    #[test]
    fn a_row_that_is_too_wide_or_too_long_is_refused_as_a_whole() {
        let sent = |cells: Vec<(usize, Value)>| {
            let (send, rows) = sync_channel(1);
            let mut row = SheetRow { line: 7, ..SheetRow::default() };
            cells.into_iter().for_each(|(column, value)| row.put(column, value));
            row.send(&send);
            rows.try_recv().ok().map(|sent| sent.map(|(_, cells)| cells.len()).map_err(|(line, no)| (line, no.code)))
        };
        let text = |length: usize| Value::Text("x".repeat(length));
        assert_eq!(sent(vec![(0, text(1)), (3, text(1))]), Some(Ok(4)));
        assert_eq!(sent(vec![(0, Value::Null), (3, Value::Text(" ".into()))]), None);
        assert_eq!(sent(vec![(0, text(1)), (limits::CSV_COLUMNS, text(1)), (1, text(1))]), Some(Err((7, "too_many"))));
        assert_eq!(sent(vec![(0, text(limits::LINE_BYTES)), (1, text(1))]), Some(Err((7, "line_too_long"))));
    }

    #[test]
    fn numbers_are_what_was_typed() {
        for (number, want) in [
            (19.99, "19.99"),
            (0.1 + 0.2, "0.3"),
            (4_006_381_333_931.0, "4006381333931"),
            (1e15, "1000000000000000"),
            (-5.0, "-5"),
            (1.0 / 3.0, "0.333333333333333"),
        ] {
            assert_eq!(shortest(number), want);
        }
        assert_eq!(day(46356.5).as_deref(), Some("2026-11-30"));
        assert_eq!(day(1e300), None);
    }
}
