//! Feed reader: any supported file into a stream of drafts, warnings and refused lines, in the order of the file. Holds one product at
//! a time; what grows with the file are fingerprints of names ([`seen`]), which have a limit.

mod assemble;
mod csv;
mod encoding;
mod error;
mod fields;
mod input;
pub(crate) mod json;
mod mapping;
mod number;
mod record;
mod rows;
mod seen;
mod sign;
pub(crate) mod souk_format;
mod survey;

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use souk_kernel::Currency;

use self::assemble::{Assembled, Assembler};
pub use self::encoding::Encoding;
pub use self::error::{FeedError, Finding, MappingError};
pub use self::input::Input;
use self::input::Writing;
pub use self::mapping::Mapping;
use self::record::Row;
pub use self::rows::Format;
use self::rows::Rows;
pub(crate) use self::seen::fingerprint;
use self::seen::{SeenNames, SeenPrice, SeenPrices};
use self::survey::{Marks, survey};
use crate::draft::{Defect, ProductDraft, clip};
use crate::{limits, naming};

/// Rows in the wanted currency that wait for the end of the file; beyond, they are judged at once.
const WAITING_ROWS: usize = 100_000;

/// What the caller knows beyond the file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the columns mean; without it Shopify's export and Souk's own format are recognised.
    pub mapping: Option<Mapping>,
    /// The currency to import: that of prices which name none; rows in others are left out.
    pub currency: Option<Currency>,
    /// How the file's text is encoded; without it that is found out.
    pub encoding: Option<Encoding>,
    /// Units of a new variant of which the file does not say how many there are; without it what the mapping says.
    pub default_stock: Option<i64>,
}

/// What a file has next.
#[derive(Debug)]
pub enum Read {
    /// A product.
    Product(Box<ProductDraft>),
    /// A detail that was left out or mended; the product it belongs to is taken.
    Warning(Finding),
    /// Lines that cannot be taken.
    Refused(Finding),
}

/// What became of the rows of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RowCounts {
    /// All rows: lines of the file without its header, but a row may have several lines.
    pub read: u64,
    /// Those of products that were read.
    pub taken: u64,
    /// Those that cannot be taken.
    pub refused: u64,
    /// Those in other currencies.
    pub left_out: u64,
}

/// A file that is being read: an iterator over drafts, warnings and refusals.
pub struct Feed {
    rows: Peekable<Rows>,
    /// None for Souk's own format, which says everything itself.
    assembler: Option<Assembler>,
    currency: Option<Currency>,
    writing: Writing,
    pending: VecDeque<Read>,
    counts: RowCounts,
    seen: SeenNames,
    /// Price rows whose variant may still come.
    waiting: Vec<(u64, Finding)>,
    used: Arc<AtomicU64>,
    last_line: u64,
    ended: bool,
}

impl Feed {
    /// Opens a file, plain or gzip, and finds out what it is.
    pub fn open(input: &Input, options: Options) -> Result<Self, FeedError> {
        let Options { mapping, currency, encoding, default_stock } = options;
        let (format, delimiter) = mapping.as_ref().map_or((None, None), |m| (m.format, m.delimiter));
        let writing = input.examine(encoding, format)?;
        let first = input.lines(writing)?.peek(1)?.first().ok_or(FeedError::Empty)?.to_vec();
        if mapping.is_none() && souk_format::is_souk_format(&first) {
            let rows = Rows::open(input, writing, Some(Format::Ndjson), None)?;
            return Ok(Self::reading(rows, writing, None, currency));
        }
        let rows = Rows::open(input, writing, format, delimiter)?;
        let mut mapping = match mapping {
            Some(mapping) => mapping,
            None => match rows.header() {
                None => return Err(FeedError::Unrecognised("this is NDJSON, but not Souk's own format".into())),
                Some(header) => Mapping::recognise(header).ok_or_else(|| {
                    let columns = clip(&header.names().join(", "));
                    FeedError::Unrecognised(format!("the columns of this CSV file are not known ({columns})"))
                })?,
            },
        };
        mapping.set_default_stock(default_stock);
        let marks = survey(input, writing, &mapping)?;
        if currency.is_none() && !mapping.names_currency() {
            return Err(FeedError::CurrencyNeeded);
        }
        let wanted = currency.or(mapping.price.default_currency);
        let prices = prices_elsewhere(input, writing, &mapping, wanted, marks)?;
        Ok(Self::reading(rows, writing, Some(Assembler::new(mapping, wanted, prices, marks)), wanted))
    }

    fn reading(rows: Rows, writing: Writing, assembler: Option<Assembler>, currency: Option<Currency>) -> Self {
        let (used, rows) = (rows.used(), rows.peekable());
        let (pending, seen) = (VecDeque::new(), SeenNames::default());
        let (waiting, counts) = (Vec::new(), RowCounts::default());
        Self { rows, assembler, currency, writing, pending, counts, seen, waiting, used, last_line: 0, ended: false }
    }

    /// The mapping in use; none for Souk's own format.
    pub fn mapping(&self) -> Option<&Mapping> {
        self.assembler.as_ref().map(Assembler::mapping)
    }

    /// How the file's text is encoded.
    pub fn encoding(&self) -> Encoding {
        self.writing.encoding
    }

    /// What became of the rows so far. They add up at the end of the file.
    pub fn counts(&self) -> RowCounts {
        self.counts
    }

    /// The last line read so far.
    pub fn line(&self) -> u64 {
        self.last_line
    }

    /// Bytes taken from the file so far, of [`Input::size`]: for a progress bar.
    pub fn bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn refuse(&mut self, refusal: Finding, rows: u64) {
        self.counts.refused += rows;
        self.pending.push_back(Read::Refused(refusal));
    }

    fn souk_row(&mut self, row: &Row) {
        let id = row.record.text("external_id");
        let finding = |defect| Finding::new(row.line, row.end_line, id.as_deref(), defect);
        match souk_format::read(&row.record, self.currency) {
            Ok(Some((draft, mended))) => {
                let warnings = row.defects.iter().cloned().chain(mended).map(finding).collect();
                self.admit(draft, warnings, (row.line, row.end_line), 1);
            }
            Ok(None) => self.counts.left_out += 1,
            Err(defect) => self.refuse(finding(defect), 1),
        }
    }

    /// Rows up to the end of one product. Broken rows in between are refused on the way.
    fn product(&mut self, first: Row) {
        let Some(assembler) = &self.assembler else { return self.souk_row(&first) };
        let Some(rule) = assembler.mapping().group_by.clone() else { return self.assembled(vec![first]) };
        let Some(key) = rule.text(&first.record) else {
            let columns = rule.columns().join(" or ");
            let defect = Defect::new("missing_key", format!("the row has no {columns}, so its product is not known"));
            return self.refuse(Finding::new(first.line, first.end_line, None, defect), 1);
        };
        let (start, mut end, mut count) = (first.line, first.end_line, 1);
        let mut rows = vec![first];
        loop {
            match self.rows.peek() {
                Some(Ok(row)) if rule.text(&row.record).as_ref() == Some(&key) => {}
                Some(Err(_)) => {}
                _ => break,
            }
            let row = match self.rows.next() {
                Some(Ok(row)) => row,
                Some(Err(refusal)) => {
                    self.broken(refusal);
                    continue;
                }
                None => break,
            };
            (end, self.last_line) = (row.end_line, row.end_line);
            self.counts.read += 1;
            count += 1;
            if count <= limits::ROWS_PER_PRODUCT {
                rows.push(row);
            }
        }
        let print = fingerprint("group", &[&key]);
        if count > limits::ROWS_PER_PRODUCT {
            let defect =
                Defect::new("too_many", format!("more than {} rows for one product", limits::ROWS_PER_PRODUCT));
            self.refuse(Finding::new(start, end, Some(&key), defect), count as u64);
        } else if self.seen.knows(print) || self.assembler.as_ref().is_none_or(|all| all.base(&rows).is_none()) {
            return self.leftovers(&rows);
        } else {
            self.assembled(rows);
        }
        if !self.seen.note(print) {
            self.full(end);
        }
    }

    /// A line that is no row.
    fn broken(&mut self, refusal: Finding) {
        self.last_line = refusal.end_line.max(self.last_line);
        self.counts.read += 1;
        self.refuse(refusal, 1);
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
        let (draft, warnings) = (out.draft.take(), std::mem::take(&mut out.warnings));
        let lines = rows.first().zip(rows.last()).map_or((0, 0), |(first, last)| (first.line, last.end_line));
        let elsewhere = out.skipped + out.waiting.len() as u64;
        let all = (rows.len() as u64).saturating_sub(elsewhere);
        match draft {
            Some(draft) => {
                // Each of its own refusals is of one row.
                let good = all.saturating_sub(out.refusals.len() as u64);
                self.take(out);
                self.admit(draft, warnings, lines, good);
            }
            None => {
                // The refusals tell of all rows together.
                let said = out.refusals.len() as u64;
                self.take(out);
                self.counts.refused += all.saturating_sub(said);
            }
        }
    }

    fn take(&mut self, out: Assembled) {
        self.counts.left_out += out.skipped;
        out.refusals.into_iter().for_each(|refusal| self.refuse(refusal, 1));
        for (key, refusal) in out.waiting {
            match self.waiting.len() < WAITING_ROWS {
                true => self.waiting.push((key, refusal)),
                false => self.decide_waiting(key, refusal),
            }
        }
    }

    /// A row that only carried a price: it has been taken, or the row has no product.
    fn decide_waiting(&mut self, key: u64, refusal: Finding) {
        match self.assembler.as_ref().is_some_and(|assembler| assembler.is_taken(key)) {
            true => self.counts.left_out += 1,
            false => self.refuse(refusal, 1),
        }
    }

    /// A draft of `rows` rows on these lines. Of two products with one id the first stands, else every run would change it from one
    /// to the other; a slug or a SKU that another product has is replaced.
    fn admit(&mut self, mut draft: ProductDraft, mut warnings: Vec<Finding>, lines: (u64, u64), rows: u64) {
        let id = draft.product.external_id.clone();
        let finding = |code, reason: String| Finding::new(lines.0, lines.1, Some(&id), Defect::new(code, reason));
        let identity = fingerprint("id", &[&draft.product.source, &id]);
        if self.seen.knows(identity) {
            let reason = "another product of the file has this id".to_owned();
            return self.refuse(finding("duplicate_external_id", reason), rows);
        }
        let slug = |slug: &str| fingerprint("slug", &[slug]);
        if self.seen.knows(slug(&draft.product.slug)) {
            let own = naming::derive_slug(&draft.product.slug, &id);
            let reason = format!("another product of the file has the slug {}: {own}", draft.product.slug);
            warnings.push(finding("duplicate_slug", reason));
            draft.product.slug = own;
        }
        let sku = |sku: &str| fingerprint("sku", &[sku]);
        for at in 0..draft.product.variants.len() {
            let given = draft.product.variants[at].sku.clone();
            if self.seen.knows(sku(&given)) {
                let own = naming::own_sku(&given, &id, &draft.product.variants[at].option_values);
                let reason = format!("another product of the file has the SKU {}: {own}", clip(&given));
                warnings.push(finding("duplicate_sku", reason));
                draft.product.variants[at].sku = own;
            }
        }
        let skus = draft.product.variants.iter().map(|variant| sku(&variant.sku));
        let prints: Vec<u64> = [identity, slug(&draft.product.slug)].into_iter().chain(skus).collect();
        if prints.iter().any(|print| self.seen.knows(*print)) {
            let reason = "another product of the file has its slug or a SKU, and the ones made for it".to_owned();
            return self.refuse(finding("duplicate_sku", reason), rows);
        }
        if !prints.into_iter().all(|print| self.seen.note(print)) {
            self.full(lines.1);
        }
        self.counts.taken += rows;
        self.pending.extend(warnings.into_iter().map(Read::Warning));
        self.pending.push_back(Read::Product(Box::new(draft)));
    }

    fn full(&mut self, line: u64) {
        if !self.ended {
            let defect = Defect::new("too_many", "the file has too many products: split it".to_owned());
            self.pending.push_back(Read::Refused(Finding::new(line + 1, line + 1, None, defect)));
        }
        self.ended = true;
    }
}

impl Iterator for Feed {
    type Item = Read;

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
                    self.counts.read += 1;
                    self.product(row);
                }
                Err(refusal) => self.broken(refusal),
            }
        }
    }
}

/// Reads a file that mixes currencies once for the prices in the wanted one, wherever they stand.
fn prices_elsewhere(
    input: &Input,
    writing: Writing,
    mapping: &Mapping,
    wanted: Option<Currency>,
    marks: Marks,
) -> Result<SeenPrices, FeedError> {
    let mut prices = SeenPrices::default();
    let Some(wanted) = wanted.filter(|_| mapping.price.currency.is_some() && mapping.group_by.is_some()) else {
        return Ok(prices);
    };
    let finder = Assembler::new(mapping.clone(), Some(wanted), SeenPrices::default(), marks);
    for row in Rows::open(input, writing, mapping.format, mapping.delimiter)?.flatten() {
        let Ok(Some(named)) = mapping.price.currency_of(&row.record) else { continue };
        let Some(key) = finder.price_key(&row.record).filter(|_| named == wanted) else { continue };
        // What is wrong with a price is said when its row is read the second time.
        let Ok(Some((priced, _))) = mapping.price.read(&row.record, wanted, marks.price) else { continue };
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
