//! XML reader: the items of a feed (RSS 2.0 `item`, Atom `entry`) as rows, one at a time. Names lose their prefix, which is free:
//! `g:image_link` is `image_link`. Elements that repeat are lists.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, escape};

use crate::draft::Defect;
use crate::feed::csv::unreadable;
use crate::feed::error::Finding;
use crate::feed::record::{Record, Row, Value};
use crate::limits;

/// Elements that are rows.
const ITEMS: [&[u8]; 3] = [b"item", b"entry", b"product"];

/// Rows of an XML feed.
pub(crate) struct XmlRows {
    reader: Reader<Watched>,
    lines: Arc<AtomicU64>,
    room: Arc<AtomicUsize>,
    used: Arc<AtomicU64>,
    buffer: Vec<u8>,
    ended: bool,
}

/// A source that counts its lines, and gives no more bytes to one row than a row may have.
struct Watched {
    source: Box<dyn BufRead + Send>,
    lines: Arc<AtomicU64>,
    room: Arc<AtomicUsize>,
}

impl BufRead for Watched {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.room.load(Ordering::Relaxed) == 0 {
            return Err(io::Error::other(format!("an item is longer than {} bytes", limits::LINE_BYTES)));
        }
        self.source.fill_buf()
    }

    fn consume(&mut self, used: usize) {
        if let Ok(buffer) = self.source.fill_buf() {
            let lines = buffer[..used.min(buffer.len())].iter().filter(|byte| **byte == b'\n').count();
            self.lines.fetch_add(lines as u64, Ordering::Relaxed);
        }
        let room = self.room.load(Ordering::Relaxed);
        self.room.store(room.saturating_sub(used), Ordering::Relaxed);
        self.source.consume(used);
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl XmlRows {
    /// Reads items from a source of UTF-8.
    pub(crate) fn new(source: Box<dyn BufRead + Send>, used: Arc<AtomicU64>) -> Self {
        let (lines, room) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicUsize::new(limits::LINE_BYTES)));
        let watched = Watched { source, lines: Arc::clone(&lines), room: Arc::clone(&room) };
        let mut reader = Reader::from_reader(watched);
        // Feeds are put together by programs that forget things; what is missing is noticed as a missing value.
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_dangling_amp = true;
        Self { reader, lines, room, used, buffer: Vec::new(), ended: false }
    }

    /// Bytes taken from the source so far.
    pub(crate) fn used(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.used)
    }

    fn line(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    fn event(&mut self) -> Result<Event<'static>, quick_xml::Error> {
        self.buffer.clear();
        self.reader.read_event_into(&mut self.buffer).map(Event::into_owned)
    }

    /// What is between an element's tags: its text, or its children.
    fn element(&mut self, start: &BytesStart<'_>, depth: usize) -> Result<Value, Stop> {
        if depth > limits::JSON_DEPTH {
            return Err(Stop::Defect(Defect::new("too_deep", format!("more than {} levels", limits::JSON_DEPTH))));
        }
        let name = start.local_name().as_ref().to_vec();
        let (mut text, mut members) = (String::new(), Vec::new());
        loop {
            match self.event()? {
                Event::Text(part) => text.push_str(&part.decode().map_err(quick_xml::Error::from)?),
                Event::CData(part) => text.push_str(&part.decode().map_err(quick_xml::Error::from)?),
                Event::GeneralRef(entity) => {
                    text.push_str(&resolved(&entity.decode().map_err(quick_xml::Error::from)?))
                }
                Event::Start(child) => {
                    let value = self.element(&child, depth + 1)?;
                    add(&mut members, member(&child), value);
                }
                Event::Empty(child) => {
                    if let Some(href) = attribute(&child, "href") {
                        add(&mut members, member(&child), Value::Text(href));
                    }
                }
                Event::End(end) if end.local_name().as_ref() == name.as_slice() => break,
                // The next item begins behind it.
                Event::End(end) if ITEMS.contains(&end.local_name().as_ref()) => {
                    let reason = format!("the element {} is not closed", String::from_utf8_lossy(&name));
                    return Err(Stop::Defect(Defect::new("broken_xml", reason)));
                }
                Event::Eof => return Err(Stop::Defect(Defect::new("broken_xml", "the file ends within an item"))),
                _ => {}
            }
        }
        Ok(if members.is_empty() { Value::Text(text) } else { Value::Object(members) })
    }
}

/// Why an item is no row.
enum Stop {
    Defect(Defect),
    Xml(quick_xml::Error),
}

impl From<quick_xml::Error> for Stop {
    fn from(error: quick_xml::Error) -> Self {
        Self::Xml(error)
    }
}

/// The letter that an entity stands for; one that XML does not know stays as it is written.
fn resolved(entity: &str) -> String {
    let written = format!("&{entity};");
    match escape::unescape(&written) {
        Ok(text) => text.into_owned(),
        Err(_) => written,
    }
}

fn member(element: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(element.local_name().as_ref()).into_owned()
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    let written = String::from_utf8_lossy(&attribute.value);
    escape::unescape(&written).ok().map(std::borrow::Cow::into_owned)
}

/// Adds a member; one that is there already becomes a list.
fn add(members: &mut Vec<(String, Value)>, name: String, value: Value) {
    match members.iter_mut().find(|(known, _)| *known == name) {
        Some((_, Value::List(values))) => values.push(value),
        Some((_, first)) => {
            let one = std::mem::replace(first, Value::Null);
            *first = Value::List(vec![one, value]);
        }
        None => members.push((name, value)),
    }
}

impl Iterator for XmlRows {
    type Item = Result<Row, Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            self.room.store(limits::LINE_BYTES, Ordering::Relaxed);
            let line = self.line();
            let read = match self.event() {
                Ok(Event::Eof) => break,
                Ok(Event::Start(start)) if ITEMS.contains(&start.local_name().as_ref()) => self.element(&start, 0),
                Ok(_) => continue,
                Err(error) => Err(Stop::Xml(error)),
            };
            let refuse = |defect| Some(Err(Finding::new(line, self.line(), None, defect)));
            match read {
                Ok(Value::Object(members)) => {
                    let record = Record::Json(members);
                    return Some(Ok(Row { line, end_line: self.line(), record, defects: Vec::new() }));
                }
                Ok(_) => return refuse(Defect::new("broken_xml", "the item is empty")),
                Err(Stop::Defect(defect)) => return refuse(defect),
                // The reader cannot tell where the next item begins.
                Err(Stop::Xml(quick_xml::Error::Io(error))) => {
                    self.ended = true;
                    return Some(Err(Finding::new(line, self.line(), None, unreadable(&error))));
                }
                Err(Stop::Xml(error)) => {
                    self.ended = true;
                    let reason = format!("no valid XML, so the rest of the file cannot be read: {error}");
                    return Some(Err(Finding::new(line, self.line(), None, Defect::new("broken_xml", reason))));
                }
            }
        }
        None
    }
}
