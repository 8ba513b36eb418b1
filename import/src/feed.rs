//! Feed reader: any supported file into a stream of drafts and refused lines, in the order of the file. Holds one product at
//! a time; what grows with the file are fingerprints of names ([`seen`]), which have a limit.

mod assemble;
mod csv;
mod error;
mod fields;
mod input;
mod json;
mod mapping;
mod record;
mod rows;
mod seen;
pub(crate) mod souk_format;

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use souk_kernel::Currency;

use self::assemble::{Assembled, Assembler};
pub use self::error::{FeedError, MappingError, RefusedLines};
pub use self::input::Input;
pub use self::mapping::Mapping;
use self::record::Row;
pub use self::rows::Format;
use self::rows::Rows;
pub(crate) use self::seen::fingerprint;
use self::seen::{SeenNames, SeenPrice, SeenPrices};
use crate::draft::{Defect, ProductDraft, clip};
use crate::limits;

/// Rows in the wanted currency that wait for the end of the file; beyond, they are judged at once.
const WAITING_ROWS: usize = 100_000;

/// What the caller knows beyond the file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the columns mean; without it Shopify's export and Souk's own format are recognised.
    pub mapping: Option<Mapping>,
    /// The currency to import: that of prices which name none; rows in others are left out.
    pub currency: Option<Currency>,
}

/// A file that is being read: an iterator over drafts and refusals.
pub struct Feed {
    rows: Peekable<Rows>,
    /// None for Souk's own format, which says everything itself.
    assembler: Option<Assembler>,
    currency: Option<Currency>,
    pending: VecDeque<Result<ProductDraft, RefusedLines>>,
    seen: SeenNames,
    /// Price rows whose variant may still come.
    waiting: Vec<(u64, RefusedLines)>,
    used: Arc<AtomicU64>,
    last_line: u64,
    skipped: u64,
    ended: bool,
}

impl Feed {
    /// Opens a file, plain or gzip, and finds out what it is.
    pub fn open(input: &Input, options: Options) -> Result<Self, FeedError> {
        let Options { mapping, currency } = options;
        let (format, delimiter) = mapping.as_ref().map_or((None, None), |m| (m.format, m.delimiter));
        if mapping.is_none() && souk_format::is_souk_format(&input.lines()?.peek()?.ok_or(FeedError::Empty)?) {
            let rows = Rows::open(input, Some(Format::Ndjson), None)?;
            return Ok(Self::reading(rows, None, currency));
        }
        let rows = Rows::open(input, format, delimiter)?;
        let mapping = match mapping {
            Some(mapping) => mapping,
            None => match rows.header() {
                None => return Err(FeedError::Unrecognised("this is NDJSON, but not Souk's own format".into())),
                Some(header) => Mapping::recognise(header).ok_or_else(|| {
                    let columns = clip(&header.names().join(", "));
                    FeedError::Unrecognised(format!("the columns of this CSV file are not known ({columns})"))
                })?,
            },
        };
        if currency.is_none() && !mapping.names_currency() {
            return Err(FeedError::CurrencyNeeded);
        }
        let wanted = currency.or(mapping.price.default_currency);
        let prices = prices_elsewhere(input, &mapping, wanted)?;
        Ok(Self::reading(rows, Some(Assembler::new(mapping, wanted, prices)), wanted))
    }

    fn reading(rows: Rows, assembler: Option<Assembler>, currency: Option<Currency>) -> Self {
        let (used, rows) = (rows.used(), rows.peekable());
        let (pending, seen) = (VecDeque::new(), SeenNames::default());
        let waiting = Vec::new();
        Self { rows, assembler, currency, pending, seen, waiting, used, last_line: 0, skipped: 0, ended: false }
    }

    /// The mapping in use; none for Souk's own format.
    pub fn mapping(&self) -> Option<&Mapping> {
        self.assembler.as_ref().map(Assembler::mapping)
    }

    /// Rows left out so far because they are priced in another currency. They are no mistakes, so they are not refused.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The last line read so far.
    pub fn line(&self) -> u64 {
        self.last_line
    }

    /// Bytes taken from the file so far, of [`Input::size`]: for a progress bar.
    pub fn bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn souk_row(&mut self, row: &Row) {
        match souk_format::read(&row.record, self.currency) {
            Ok(Some(draft)) => {
                let draft = self.admit(draft, row.line, row.end_line);
                self.pending.push_back(draft);
            }
            Ok(None) => self.skipped += 1,
            Err(defect) => {
                let id = row.record.text("external_id");
                self.pending.push_back(Err(RefusedLines::new(row.line, row.end_line, id.as_deref(), defect)));
            }
        }
    }

    /// Rows up to the end of one product. Broken rows in between are refused on the way.
    fn product(&mut self, first: Row) {
        let Some(assembler) = &self.assembler else { return self.souk_row(&first) };
        let Some(column) = assembler.mapping().group_by.clone() else { return self.assembled(vec![first]) };
        let Some(key) = first.record.text(&column).map(std::borrow::Cow::into_owned) else {
            let defect = Defect::new("missing_key", format!("the row has no {column}, so its product is not known"));
            self.pending.push_back(Err(RefusedLines::new(first.line, first.end_line, None, defect)));
            return;
        };
        let (start, mut end, mut too_many) = (first.line, first.end_line, false);
        let mut rows = vec![first];
        loop {
            match self.rows.peek() {
                Some(Ok(row)) if row.record.text(&column).as_deref() == Some(key.as_str()) => {}
                Some(Err(_)) => {
                    if let Some(Err(refusal)) = self.rows.next() {
                        self.last_line = refusal.end_line.max(self.last_line);
                        self.pending.push_back(Err(refusal));
                    }
                    continue;
                }
                _ => break,
            }
            let Some(Ok(row)) = self.rows.next() else { break };
            (end, self.last_line) = (row.end_line, row.end_line);
            too_many |= rows.len() >= limits::ROWS_PER_PRODUCT;
            if !too_many {
                rows.push(row);
            }
        }
        let print = fingerprint("group", &[&key]);
        if too_many {
            let defect =
                Defect::new("too_many", format!("more than {} rows for one product", limits::ROWS_PER_PRODUCT));
            self.pending.push_back(Err(RefusedLines::new(start, end, Some(&key), defect)));
        } else if self.seen.knows(print) || assembler.base(&rows).is_none() {
            return self.leftovers(&rows);
        } else {
            self.assembled(rows);
        }
        if !self.seen.note(print) {
            self.full(end);
        }
    }

    fn leftovers(&mut self, rows: &[Row]) {
        let mut out = Assembled::default();
        if let Some(assembler) = &self.assembler {
            rows.iter().for_each(|row| assembler.leftover(row, &mut out));
        }
        self.take(out);
    }

    fn assembled(&mut self, rows: Vec<Row>) {
        let Some(assembler) = &mut self.assembler else { return };
        let mut out = assembler.assemble(&rows);
        let draft = out.draft.take();
        self.take(out);
        if let (Some(draft), Some(first), Some(last)) = (draft, rows.first(), rows.last()) {
            let draft = self.admit(draft, first.line, last.end_line);
            self.pending.push_back(draft);
        }
    }

    fn take(&mut self, out: Assembled) {
        self.skipped += out.skipped;
        self.pending.extend(out.refusals.into_iter().map(Err));
        for (key, refusal) in out.waiting {
            match self.waiting.len() < WAITING_ROWS {
                true => self.waiting.push((key, refusal)),
                false => self.decide_waiting(key, refusal),
            }
        }
    }

    /// A row that only carried a price: it has been taken, or the row has no product.
    fn decide_waiting(&mut self, key: u64, refusal: RefusedLines) {
        match self.assembler.as_ref().is_some_and(|assembler| assembler.is_taken(key)) {
            true => self.skipped += 1,
            false => self.pending.push_back(Err(refusal)),
        }
    }

    /// A draft whose names no other draft of the file has. Of two with one name the first stands, else every run would
    /// change the product from one to the other.
    fn admit(&mut self, draft: ProductDraft, line: u64, end_line: u64) -> Result<ProductDraft, RefusedLines> {
        let refuse = |code, reason: String| {
            Err(RefusedLines::new(line, end_line, Some(&draft.product.external_id), Defect::new(code, reason)))
        };
        let product = &draft.product;
        let identity = fingerprint("id", &[&product.source, &product.external_id]);
        if self.seen.knows(identity) {
            return refuse("duplicate_external_id", "another product of the file has this id".into());
        }
        let slug = fingerprint("slug", &[&product.slug]);
        if self.seen.knows(slug) {
            return refuse("duplicate_slug", format!("another product of the file has the slug {}", product.slug));
        }
        let skus: Vec<u64> = product.variants.iter().map(|v| fingerprint("sku", &[&v.sku])).collect();
        if let Some(i) = skus.iter().position(|sku| self.seen.knows(*sku)) {
            let sku = &product.variants[i].sku;
            return refuse("duplicate_sku", format!("another product of the file has the SKU {}", clip(sku)));
        }
        if ![identity, slug].into_iter().chain(skus).all(|print| self.seen.note(print)) {
            self.full(end_line);
        }
        Ok(draft)
    }

    fn full(&mut self, line: u64) {
        if !self.ended {
            let defect = Defect::new("too_many", "the file has too many products: split it".to_owned());
            self.pending.push_back(Err(RefusedLines::new(line + 1, line + 1, None, defect)));
        }
        self.ended = true;
    }
}

impl Iterator for Feed {
    type Item = Result<ProductDraft, RefusedLines>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.pending.pop_front() {
                return Some(item);
            }
            if self.ended {
                return None;
            }
            let Some(row) = self.rows.next() else {
                self.ended = true;
                for (key, refusal) in std::mem::take(&mut self.waiting) {
                    self.decide_waiting(key, refusal);
                }
                continue;
            };
            match row {
                Ok(row) => {
                    self.last_line = row.end_line;
                    self.product(row);
                }
                Err(refusal) => {
                    self.last_line = refusal.end_line.max(self.last_line);
                    return Some(Err(refusal));
                }
            }
        }
    }
}

/// Reads a file that mixes currencies once for the prices in the wanted one, wherever they stand.
fn prices_elsewhere(input: &Input, mapping: &Mapping, wanted: Option<Currency>) -> Result<SeenPrices, FeedError> {
    let mut prices = SeenPrices::default();
    let Some(wanted) = wanted.filter(|_| mapping.price.currency.is_some() && mapping.group_by.is_some()) else {
        return Ok(prices);
    };
    let finder = Assembler::new(mapping.clone(), Some(wanted), SeenPrices::default());
    for row in Rows::open(input, mapping.format, mapping.delimiter)?.flatten() {
        let Ok(Some(named)) = mapping.price.currency_of(&row.record) else { continue };
        let Some(key) = finder.price_key(&row.record).filter(|_| named == wanted) else { continue };
        // What is wrong with a price is said when its row is read the second time.
        let Ok(Some(priced)) = mapping.price.read(&row.record, wanted) else { continue };
        let compare_at = priced.compare_at.map(|money| money.amount);
        if !prices.note(key, SeenPrice { price: priced.price.amount, compare_at }) {
            return Err(FeedError::Format(format!(
                "more than {} prices in a mixed file: split it",
                limits::PRICE_ROWS
            )));
        }
    }
    Ok(prices)
}
