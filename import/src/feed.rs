//! Feed reader: any supported file into a stream of drafts, warnings and refused lines, in the order of the file. Holds one product at
//! a time; what grows with the file are fingerprints of names ([`seen`]), which have a limit.

mod assemble;
mod csv;
mod currency_sign;
mod encoding;
mod error;
mod fields;
mod groups;
mod input;
pub(crate) mod json;
mod mapping;
mod markup;
mod number;
mod record;
mod rows;
mod sample;
mod seen;
pub(crate) mod souk_format;
mod survey;
mod words;
mod workbook;
mod xml;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use souk_kernel::{Clock, Currency, ShopTime};

use self::assemble::{Assembled, Assembler};
pub use self::encoding::Encoding;
pub use self::error::{FeedError, Finding, MappingError};
use self::groups::{Groups, Next};
pub use self::input::Input;
use self::input::TextFormat;
pub use self::mapping::Mapping;
use self::record::{Header, Row};
pub use self::rows::Format;
use self::rows::Rows;
pub(crate) use self::sample::{Columns, SampledColumn};
use self::seen::SeenNames;
pub(crate) use self::seen::fingerprint;
use self::survey::survey;
use crate::draft::{Defect, ProductDraft, clip};
use crate::naming;
use crate::pictures::PictureFiles;

/// Rows whose names tell what a file without a header is.
const ROWS_TO_KNOW: usize = 50;

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
    /// Tells the day, with the shop's time: a reduced price holds on some.
    pub clock: Clock,
    /// Where that day begins.
    pub time: ShopTime,
    /// Where pictures that have no address of the web are looked for; without it they are left out.
    pub pictures: Option<Arc<PictureFiles>>,
}

/// What a file has next.
#[derive(Debug)]
pub enum Read {
    /// A product, and the lines it stands on.
    Product(Box<ProductDraft>, Lines),
    /// A detail that was left out or mended; the product it belongs to is taken.
    Warning(Finding),
    /// Lines that cannot be taken.
    Refused(Finding),
    /// A row that is no part of a product: in another currency than the wanted one, or of those that the mapping leaves out.
    LeftOut(Finding),
}

/// Lines of a file, counted from 1. Lines of other products may stand between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
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
    /// Those in other currencies, and those that the mapping leaves out.
    pub left_out: u64,
}

/// A file that is being read: an iterator over drafts, warnings and refusals.
pub struct Feed {
    groups: Groups,
    /// None for Souk's own format, which says everything itself.
    assembler: Option<Assembler>,
    currency: Option<Currency>,
    /// For Souk's own format; the assembler has them else.
    pictures: Option<Arc<PictureFiles>>,
    unread_columns: Vec<String>,
    text_format: TextFormat,
    pending: VecDeque<Read>,
    counts: RowCounts,
    seen: SeenNames,
    used: Arc<AtomicU64>,
    last_line: u64,
    ended: bool,
}

impl Feed {
    /// Opens a file, plain or gzip, and finds out what it is.
    pub fn open(input: &Input, options: Options) -> Result<Self, FeedError> {
        let Options { mapping, currency, encoding, default_stock, clock, time, pictures } = options;
        let (format, delimiter) = mapping.as_ref().map_or((None, None), |m| (m.format, m.delimiter));
        let text_format = input.examine(encoding, format)?;
        if mapping.is_none() && !text_format.is_workbook && souk_format::is_souk_format(&input.beginning(text_format)?)
        {
            let rows = Rows::open(input, text_format, Some(Format::Ndjson), None)?;
            let used = rows.used();
            return Ok(Self { pictures, ..Self::reading(Groups::single(rows), used, text_format, None, currency) });
        }
        let rows = Rows::open(input, text_format, format, delimiter)?;
        let mut mapping = match mapping {
            Some(mapping) => mapping,
            None => recognised(&rows, input, text_format)?,
        };
        mapping.set_default_stock(default_stock);
        let rows = Rows::mapped(input, text_format, &mapping)?;
        let marks = survey(input, text_format, &mapping)?;
        if currency.is_none() && !mapping.names_currency() {
            return Err(FeedError::CurrencyNeeded);
        }
        let wanted = currency.or(mapping.price.default_currency);
        let used = rows.used();
        let today = time.day(clock.now());
        let note = |text: &str| Read::Warning(Finding::new(1, 1, None, Defect::new("note", text)));
        let notes = rows.header().map(|header| mapping.notes(header).map(note).collect()).unwrap_or_default();
        let unread_columns = rows.header().map(|header| mapping.unread_columns(header)).unwrap_or_default();
        let assembler = Assembler::new(mapping.clone(), wanted, marks, today, pictures);
        let groups = Groups::open(input, text_format, &mapping, rows)?;
        Ok(Self { pending: notes, unread_columns, ..Self::reading(groups, used, text_format, Some(assembler), wanted) })
    }

    fn reading(
        groups: Groups,
        used: Arc<AtomicU64>,
        text_format: TextFormat,
        assembler: Option<Assembler>,
        currency: Option<Currency>,
    ) -> Self {
        let (pending, seen, counts) = (VecDeque::new(), SeenNames::default(), RowCounts::default());
        Self {
            groups,
            assembler,
            currency,
            pictures: None,
            unread_columns: Vec::new(),
            text_format,
            pending,
            counts,
            seen,
            used,
            last_line: 0,
            ended: false,
        }
    }

    /// The mapping in use; none for Souk's own format.
    pub fn mapping(&self) -> Option<&Mapping> {
        self.assembler.as_ref().map(Assembler::mapping)
    }

    /// The columns of the file that the mapping makes nothing of.
    pub fn unread_columns(&self) -> &[String] {
        &self.unread_columns
    }

    /// How the file's text is encoded.
    pub fn encoding(&self) -> Encoding {
        self.text_format.encoding
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

    fn leave_out(&mut self, row: Finding) {
        self.counts.left_out += 1;
        self.pending.push_back(Read::LeftOut(row));
    }

    fn souk_row(&mut self, row: &Row) {
        let id = row.record.text("external_id");
        let finding = |defect| Finding::new(row.line, row.end_line, id.as_deref(), defect);
        match souk_format::read(&row.record, self.currency, self.pictures.as_deref()) {
            Ok(Some((draft, mended))) => {
                let warnings = row.defects.iter().cloned().chain(mended).map(finding).collect();
                self.admit(draft, warnings, Lines { first: row.line, last: row.end_line }, 1);
            }
            Ok(None) => {
                self.leave_out(finding(Defect::new("other_currency", "the product is priced in another currency")))
            }
            Err(defect) => self.refuse(finding(defect), 1),
        }
    }

    /// All rows of one product.
    fn assembled(&mut self, rows: &[Row]) {
        let Some((first, last)) = rows.first().zip(rows.last()) else { return };
        let Some(assembler) = &mut self.assembler else { return self.souk_row(first) };
        let Assembled { draft, refusals, warnings, left_out } = assembler.assemble(rows);
        let all = (rows.len() - left_out.len().min(rows.len())) as u64;
        // Each refusal is of one row, but for that of the product, which is of all that are left.
        let each = refusals.len() as u64;
        left_out.into_iter().for_each(|row| self.leave_out(row));
        refusals.into_iter().for_each(|refusal| self.refuse(refusal, 1));
        match draft {
            Some(draft) => {
                self.admit(draft, warnings, Lines { first: first.line, last: last.end_line }, all.saturating_sub(each))
            }
            None => self.counts.refused += all.saturating_sub(each),
        }
    }

    /// A draft of `rows` rows on these lines. Of two products with one id the first stands, else every run would change it from one
    /// to the other; a slug or a SKU that another product has is replaced.
    fn admit(&mut self, mut draft: ProductDraft, mut warnings: Vec<Finding>, lines: Lines, rows: u64) {
        let id = draft.product.external_id.clone();
        let finding =
            |code, reason: String| Finding::new(lines.first, lines.last, Some(&id), Defect::new(code, reason));
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
            self.full(lines.last);
        }
        self.counts.taken += rows;
        self.pending.extend(warnings.into_iter().map(Read::Warning));
        self.pending.push_back(Read::Product(Box::new(draft), lines));
    }

    fn full(&mut self, line: u64) {
        if !self.ended {
            let defect = Defect::new("too_many", "the file has too many products: split it".to_owned());
            self.pending.push_back(Read::Refused(Finding::new(line + 1, line + 1, None, defect)));
        }
        self.ended = true;
    }
}

/// The shipped mapping that knows a file by its columns, or by the names that its first rows have.
fn recognised(rows: &Rows, input: &Input, text_format: TextFormat) -> Result<Mapping, FeedError> {
    let header = match rows.header() {
        Some(header) => header.clone(),
        None => Header::new(known_names(input, text_format)?),
    };
    Mapping::recognise(&header).ok_or_else(|| {
        let columns = clip(&header.names().join(", "));
        FeedError::Unrecognised(format!("what this file has is not known ({columns})"))
    })
}

/// The names that the first rows of a file without a header have.
fn known_names(input: &Input, text_format: TextFormat) -> Result<Vec<String>, FeedError> {
    let mut names: Vec<String> = Vec::new();
    for row in Rows::open(input, text_format, None, None)?.flatten().take(ROWS_TO_KNOW) {
        let new = row.record.iter().map(|(name, _)| name).filter(|name| !names.iter().any(|known| known == name));
        let new: Vec<String> = new.map(str::to_owned).collect();
        names.extend(new);
    }
    Ok(names)
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
            match self.groups.next() {
                None => self.ended = true,
                Some(Next::Rows(rows)) => {
                    self.counts.read += rows.len() as u64;
                    self.last_line = rows.last().map_or(0, |row| row.end_line).max(self.last_line);
                    self.assembled(&rows);
                }
                Some(Next::Refused(refusal, rows)) => {
                    self.counts.read += rows;
                    self.last_line = refusal.end_line.max(self.last_line);
                    self.refuse(refusal, rows);
                }
            }
        }
    }
}
