//! Row reader: rows of a source in either format, one at a time; a line that is no row is a refusal, never the end.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::draft::Defect;
use crate::feed::csv::{CsvRows, damaged, unreadable};
use crate::feed::error::{FeedError, Finding};
use crate::feed::input::{Input, Line, Lines, TextFormat};
use crate::feed::json;
use crate::feed::mapping::Mapping;
use crate::feed::record::{Header, Row};
use crate::feed::workbook::SheetRows;
use crate::feed::xml::XmlRows;
use crate::limits;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Comma (or semicolon, tab, bar) separated values with a header.
    Csv,
    /// Items of a feed (RSS, Atom).
    Xml,
}

/// Rows of a source.
pub(crate) enum Rows {
    Json(JsonRows),
    Csv(CsvRows),
    Xml(Box<XmlRows>),
    Sheet(SheetRows),
}

/// Rows of NDJSON.
pub(crate) struct JsonRows {
    lines: Lines,
    ended: bool,
}

impl Rows {
    /// Opens a source; without a format it is told by the first character.
    pub(crate) fn open(
        input: &Input,
        text_format: TextFormat,
        format: Option<Format>,
        delimiter: Option<u8>,
    ) -> Result<Self, FeedError> {
        if text_format.is_workbook {
            return Ok(Self::Sheet(SheetRows::open(input)?));
        }
        let told = match input.beginning(text_format)?.first().ok_or(FeedError::Empty)? {
            b'{' => Format::Ndjson,
            b'<' => Format::Xml,
            b'[' if format != Some(Format::Csv) => {
                let reason = "the file is one JSON list, not NDJSON: write one object a line (`jq -c '.[]'` does)";
                return Err(FeedError::Format(reason.into()));
            }
            _ => Format::Csv,
        };
        match format.unwrap_or(told) {
            Format::Ndjson => {
                let mut lines = input.lines(text_format)?;
                // Blank lines before the first are passed over.
                lines.peek(1)?;
                Ok(Self::Json(JsonRows { lines, ended: false }))
            }
            Format::Csv => Ok(Self::Csv(CsvRows::open(input.lines(text_format)?, delimiter)?)),
            Format::Xml => {
                let (source, used) = input.text(text_format)?;
                Ok(Self::Xml(Box::new(XmlRows::new(source, used))))
            }
        }
    }

    /// Opens a source as its mapping has it.
    pub(crate) fn mapped(input: &Input, text_format: TextFormat, mapping: &Mapping) -> Result<Self, FeedError> {
        let mut rows = Self::open(input, text_format, mapping.format, mapping.delimiter)?;
        match &mut rows {
            Self::Csv(rows) => rows.rename(&mapping.aliases),
            Self::Sheet(rows) => rows.rename(&mapping.aliases),
            Self::Json(_) | Self::Xml(_) => {}
        }
        Ok(rows)
    }

    /// Bytes taken from the source so far, before unpacking.
    pub(crate) fn used(&self) -> Arc<AtomicU64> {
        match self {
            Self::Json(rows) => rows.lines.used(),
            Self::Csv(rows) => rows.used(),
            Self::Xml(rows) => rows.used(),
            Self::Sheet(rows) => rows.used(),
        }
    }

    /// The columns, when they are known before the first row.
    pub(crate) fn header(&self) -> Option<&Header> {
        match self {
            Self::Json(_) | Self::Xml(_) => None,
            Self::Csv(rows) => Some(rows.header()),
            Self::Sheet(rows) => Some(rows.header()),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Json(rows) => rows.next(),
            Self::Csv(rows) => rows.next(),
            Self::Xml(rows) => rows.next(),
            Self::Sheet(rows) => rows.next(),
        }
    }
}

impl Iterator for JsonRows {
    type Item = Result<Row, Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.ended {
                return None;
            }
            let (number, line) = match self.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => {
                    self.ended = true;
                    let line = self.lines.read() + 1;
                    return Some(Err(Finding::new(line, line, None, unreadable(&error))));
                }
            };
            let row = match &line {
                Line::Bytes(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => continue,
                Line::TooLong => Err(Defect::new("line_too_long", format!("longer than {} bytes", limits::LINE_BYTES))),
                Line::Bytes(bytes) => {
                    let text = String::from_utf8_lossy(bytes);
                    let defects = if text.contains('\u{fffd}') { vec![damaged()] } else { Vec::new() };
                    json::record(&text).map(|record| Row { line: number, end_line: number, record, defects })
                }
            };
            return Some(row.map_err(|defect| Finding::new(number, number, None, defect)));
        }
    }
}
