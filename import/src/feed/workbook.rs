//! Excel workbooks (.xlsx): the rows of the first sheet that has some. A thread of its own reads the sheet and waits when the rows it
//! has read are not taken, so that a workbook of any length needs the memory of some rows, and of its table of texts.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

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

/// Rows of a workbook.
pub(crate) struct SheetRows {
    rows: Receiver<Sent>,
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
        let mut workbook: Xlsx<Box<dyn Source>> = Xlsx::new(open(input)?).map_err(broken)?;
        let sheets = workbook.sheets_metadata().to_vec();
        let visible = sheets.into_iter().filter(|sheet| sheet.visible == SheetVisible::Visible);
        for name in visible.map(|sheet| sheet.name) {
            let (send, rows) = sync_channel(AHEAD);
            let next = std::thread::Builder::new().name("workbook".to_owned()).spawn({
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
                    return Ok(Self { rows, first, header: Arc::new(Header::new(names)), used, size });
                }
                Ok(Err((_, defect))) => return Err(FeedError::Format(defect.reason)),
                Err(_) => workbook = next.join().map_err(|_| broken("it is damaged"))?,
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
            return None;
        };
        Some(match sent {
            Ok((line, mut values)) => {
                values.resize(self.header.names().len(), Value::Null);
                let record = Record::Csv(Arc::clone(&self.header), values);
                Ok(Row { line, end_line: line, record, defects: Vec::new() })
            }
            Err((line, defect)) => Err(Finding::new(line, line, None, defect)),
        })
    }
}

fn filled(cells: &[Value]) -> usize {
    cells.iter().filter(|cell| cell.text().is_some()).count()
}

/// Sends the rows of a sheet, without blank ones, until the last, or until they are not taken any more.
fn read(workbook: &mut Xlsx<Box<dyn Source>>, sheet: &str, rows: &SyncSender<Sent>) -> Result<(), XlsxError> {
    let mut cells = workbook.worksheet_cells_reader(sheet)?;
    let (mut line, mut row, mut bytes) = (0, Vec::new(), 0);
    while let Some(cell) = cells.next_cell()? {
        let (at, column) = (u64::from(cell.get_position().0) + 1, cell.get_position().1 as usize);
        if at != line {
            if !send(rows, line, std::mem::take(&mut row), bytes) {
                return Ok(());
            }
            (line, bytes) = (at, 0);
        }
        let value = value(cell.get_value());
        bytes += value.text().map_or(0, |text| text.len());
        // What is too wide or too long is refused as a whole, and not kept until then.
        if column < limits::CSV_COLUMNS && bytes <= limits::LINE_BYTES && value != Value::Null {
            row.resize(row.len().max(column + 1), Value::Null);
            row[column] = value;
        }
    }
    send(rows, line, row, bytes);
    Ok(())
}

/// False when rows are not taken any more.
fn send(rows: &SyncSender<Sent>, line: u64, row: Vec<Value>, bytes: usize) -> bool {
    if bytes > limits::LINE_BYTES {
        let reason = format!("longer than {} bytes", limits::LINE_BYTES);
        return rows.send(Err((line, Defect::new("line_too_long", reason)))).is_ok();
    }
    row.iter().all(|value| value.text().is_none()) || rows.send(Ok((line, row))).is_ok()
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
