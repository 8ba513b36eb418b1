//! Splitter of CSV records: the fields of a line, or of several where a quoted one goes on, by the rules or as people meant them.

use crate::limits;

/// Splits the lines of one record into fields.
pub(super) struct Splitter {
    delimiter: u8,
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    quoted: bool,
}

pub(super) enum Split {
    Complete(Vec<Vec<u8>>),
    /// A quoted field goes on in the next line.
    Open,
    Broken(String),
}

impl Splitter {
    pub(super) fn new(delimiter: u8) -> Self {
        Self { delimiter, fields: Vec::new(), field: Vec::new(), quoted: false }
    }

    pub(super) fn feed(&mut self, line: &[u8]) -> Split {
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
pub(super) fn blank_until(line: &[u8], sign: u8) -> Option<usize> {
    let blanks = line.iter().take_while(|byte| **byte == b' ').count();
    match line.get(blanks) {
        Some(next) if *next == sign => Some(blanks),
        None if sign != b'"' && !line.is_empty() => Some(blanks),
        _ => None,
    }
}

/// The fields of a line whose quotes do not follow the rules, read as people meant them: a quote ends a field only where a delimiter or
/// the line's end follows. Nothing where the last field is not closed.
pub(super) fn leniently(line: &[u8], delimiter: u8) -> Option<Vec<Vec<u8>>> {
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
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control())
}
