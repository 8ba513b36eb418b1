//! Layout of a table: what separates its fields, and which of its first lines is the header.

use super::split::{Split, Splitter, is_blank};

/// What separates fields, the usual ones first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines that are looked at to find the delimiter.
pub(super) const SNIFFED_LINES: usize = 20;

/// The delimiter that gives most lines as many columns as the header; of those that do, the one with most columns. Titles and
/// prices have commas and semicolons, too, but not in every line as many. Where no line agrees with the first, as that is a title above the
/// table, it is what most lines agree on.
pub(super) fn sniff(lines: &[&[u8]]) -> u8 {
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
pub(super) struct Shape {
    /// The line that it begins on, of those looked at.
    pub(super) line: usize,
    columns: usize,
    pub(super) filled: usize,
}

/// The shape of each record of these lines, of which a broken one has no columns, and whether the last goes on behind them.
pub(super) fn shapes(lines: &[&[u8]], delimiter: u8) -> (Vec<Shape>, bool) {
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
pub(super) fn named(line: &[u8]) -> Option<u8> {
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
