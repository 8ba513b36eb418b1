//! Assembler of drafts: the rows of one product and a mapping into a draft. A bad detail is left out with a warning; a row is
//! refused where there is nothing to sell, and the good variants of a product stay when one of its lines is bad.

mod candidates;
mod variants;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::civil::Date;
use souk_catalog_api::{MediaInput, ProductInput, Status};
use souk_kernel::Currency;

use self::variants::Variants;
use crate::draft::{Defect, NO_CATEGORY, ProductDraft, clip, picture};
use crate::feed::error::Finding;
use crate::feed::fields::{code, status};
use crate::feed::mapping::attributes::KnownColumns;
use crate::feed::mapping::rule::Rule;
use crate::feed::mapping::{Grouping, Mapping};
use crate::feed::record::{Record, Row};
use crate::feed::survey::DecimalMarks;
use crate::pictures::PictureFiles;
use crate::{naming, text};

/// What is said of a row that is priced in a currency which is not wanted.
const OTHER_CURRENCY: &str = "the row is priced in another currency";

/// Turns rows into drafts.
pub(crate) struct Assembler {
    mapping: Mapping,
    /// The currency to import; rows in others are left out.
    currency: Option<Currency>,
    marks: DecimalMarks,
    /// For prices that hold on some days.
    today: Date,
    known: KnownColumns,
    /// Where pictures that have no address of the web are looked for.
    pictures: Option<Arc<PictureFiles>>,
}

/// What the rows of one product gave.
#[derive(Default)]
pub(crate) struct Assembled {
    pub(crate) draft: Option<ProductDraft>,
    pub(crate) refusals: Vec<Finding>,
    /// Details that were left out or mended.
    pub(crate) warnings: Vec<Finding>,
    /// Rows left out because they are in another currency, only carry the price of a variant that stands on another row, or are of
    /// those that the mapping leaves out.
    pub(crate) left_out: Vec<Finding>,
}

impl Assembled {
    fn refuse(&mut self, row: &Row, id: Option<&str>, defect: Defect) {
        self.refusals.push(Finding::new(row.line, row.end_line, id, defect));
    }

    fn leave_out(&mut self, row: &Row, id: Option<&str>, reason: &str) {
        let defect = Defect::new("other_currency", reason);
        self.left_out.push(Finding::new(row.line, row.end_line, id, defect));
    }

    fn skip(&mut self, row: &Row) {
        let defect = Defect::new("skipped_row", "the mapping leaves such rows out");
        self.left_out.push(Finding::new(row.line, row.end_line, None, defect));
    }

    fn warn(&mut self, row: &Row, id: &str, defects: Vec<Defect>) {
        let warning = |defect| Finding::new(row.line, row.end_line, Some(id), defect);
        self.warnings.extend(defects.into_iter().map(warning));
    }
}

impl Assembler {
    pub(crate) fn new(
        mapping: Mapping,
        currency: Option<Currency>,
        marks: DecimalMarks,
        today: Date,
        pictures: Option<Arc<PictureFiles>>,
    ) -> Self {
        Self { mapping, currency, marks, today, known: KnownColumns::default(), pictures }
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Builds the product of these rows.
    pub(crate) fn assemble(&mut self, rows: &[Row]) -> Assembled {
        let mut out = Assembled::default();
        let is_skipped = |row: &Row| self.mapping.skip.as_ref().is_some_and(|rule| rule.text(&row.record).is_some());
        let kept: Vec<Row>;
        let rows = if rows.iter().any(is_skipped) {
            rows.iter().filter(|row| is_skipped(row)).for_each(|row| out.skip(row));
            kept = rows.iter().filter(|row| !is_skipped(row)).cloned().collect();
            kept.as_slice()
        } else {
            rows
        };
        let Some((first, last)) = rows.first().zip(rows.last()) else { return out };
        let orphan = || self.orphan(rows);
        let (base, is_orphan) = match self.base(rows).map(|base| (base, false)).or_else(|| Some((orphan()?, true))) {
            Some(found) => found,
            None => {
                self.without_product(rows, &mut out);
                return out;
            }
        };
        let id = self.external_id(&base.record);
        let before = out.refusals.len();
        match self.product(base, rows, id.as_deref(), &mut out) {
            Ok(Some(mut draft)) => {
                if is_orphan {
                    draft.product.status = Status::Draft;
                    let reason = "no row of the file has the product that this row belongs to: it is one by itself, not published";
                    out.warn(base, &draft.product.external_id, vec![Defect::new("scattered_rows", reason)]);
                }
                let mended = draft.mend(self.pictures.as_deref());
                out.warn(base, &draft.product.external_id, mended);
                match draft.check() {
                    Ok(()) => out.draft = Some(draft),
                    Err(defect) => out.refusals.push(Finding::new(first.line, last.end_line, id.as_deref(), defect)),
                }
            }
            Ok(None) => {}
            Err(defect) => out.refusals.push(Finding::new(first.line, last.end_line, id.as_deref(), defect)),
        }
        if out.draft.is_none() && out.refusals.len() == before && out.left_out.is_empty() {
            let defect = Defect::new("missing_price", "no row of the product has a price");
            out.refusals.push(Finding::new(first.line, last.end_line, id.as_deref(), defect));
        }
        out
    }

    /// The row with the product's own data.
    fn base<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        match (&self.mapping.product_row, &self.mapping.grouping) {
            (Some(rule), _) => rows.iter().find(|row| rule.text(&row.record).is_some()),
            (None, Some(grouping)) => grouping.base(rows),
            (None, None) => rows.first(),
        }
    }

    /// The row that stands for a product which the file does not have: variants that have a title and a price can be sold.
    fn orphan<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        let mapping = &self.mapping;
        let is_whole =
            |row: &&Row| mapping.product.title.text(&row.record).is_some() && mapping.price.has_amount(&row.record);
        let is_parent = matches!(mapping.grouping, Some(Grouping::Parent { .. }));
        rows.iter().find(is_whole).filter(|_| is_parent)
    }

    /// Rows of a product that the file does not have.
    fn without_product(&self, rows: &[Row], out: &mut Assembled) {
        for row in rows {
            let id = self.mapping.grouping.as_ref().and_then(|grouping| grouping.group(&row.record));
            match self.is_in_another_currency(row, self.currency) {
                true => out.leave_out(row, id.as_deref(), OTHER_CURRENCY),
                false => {
                    let reason = "no row of the file has the product that this row belongs to";
                    out.refuse(row, id.as_deref(), Defect::new("scattered_rows", reason));
                }
            }
        }
    }

    fn is_in_another_currency(&self, row: &Row, wanted: Option<Currency>) -> bool {
        let named = self.mapping.price.currency_of(&row.record);
        matches!((named, wanted), (Ok(Some(named)), Some(wanted)) if named != wanted)
    }

    fn external_id(&self, row: &Record) -> Option<String> {
        self.mapping.product.external_id.text(row).map(|text| code(&text).to_owned()).filter(|id| !id.is_empty())
    }

    fn product(
        &mut self,
        base: &Row,
        rows: &[Row],
        id: Option<&str>,
        out: &mut Assembled,
    ) -> Result<Option<ProductDraft>, Defect> {
        let external_id = id.ok_or_else(|| Defect::new("missing_external_id", "the product has no id"))?.to_owned();
        self.absent_variants(base, rows, &external_id, out)?;
        let (candidates, names) = self.candidates(base, rows, &external_id, out);
        if candidates.is_empty() {
            return Ok(None);
        }
        let mapping = &self.mapping;
        let (rules, record) = (&mapping.product, &base.record);
        let line = |rule: &Rule| rule.text(record).map(|t| text::plain_line(&t)).filter(|t| !t.is_empty());
        let title = line(&rules.title).ok_or_else(|| Defect::new("missing_title", "the product has no title"))?;
        let brand = rules.brand.as_ref().and_then(line);
        let category = mapping.category.choose(record, &title, brand.as_deref());
        let mut media = self.media(rows);
        let Variants { options, variants, offers } = self.variants(candidates, names, &external_id, &mut media, out)?;
        if variants.is_empty() {
            return Ok(None);
        }
        let slug = match rules.slug.as_ref().and_then(|rule| rule.text(record)) {
            Some(given) => naming::adopt_slug(&given),
            None => naming::derive_slug(&title, &external_id),
        };
        let mut tags: Vec<String> = Vec::new();
        for tag in rules.tags.as_ref().map(|rule| rule.texts(record)).unwrap_or_default() {
            let tag = text::plain_line(&tag);
            if !tag.is_empty() && !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        let mut records = vec![record];
        records.extend(rows.iter().filter(|row| row.line != base.line).map(|row| &row.record));
        let clean = |raw: &str| mapping.clean(raw);
        let mut defects = Vec::new();
        let used: Vec<String> = options.iter().map(|option| option.name.clone()).collect();
        let written = rules.description.as_ref().and_then(|rule| rule.text(record)).map(|text| mapping.unescaped(text));
        let description = written.as_deref().map(text::plain).unwrap_or_default();
        let word = rules.status.as_ref().and_then(|rule| rule.text(record).or_else(|| rule.unknown(record)));
        let product = ProductInput {
            source: mapping.source.clone(),
            slug,
            category_id: NO_CATEGORY,
            attributes: mapping.attributes.read(&records, &used, &mut self.known, clean, &mut defects),
            options,
            variants,
            media,
            status: status(word).note(&mut defects),
            tags,
            // Markup without a word, as editors leave it behind, is no description.
            description_html: written
                .filter(|text| !description.is_empty() && souk_html::is_html(text))
                .map(|t| souk_html::safe(&t)),
            description,
            seo_title: rules.seo_title.as_ref().and_then(line),
            seo_description: rules.seo_description.as_ref().and_then(line),
            content_hash: String::new(),
            external_id,
            title,
            brand,
        };
        out.warn(base, &product.external_id, defects);
        for row in rows {
            out.warn(row, &product.external_id, row.defects.clone());
        }
        Ok(Some(ProductDraft { product, category, offers, files: BTreeMap::new() }))
    }

    /// Variants that the product lists and that the file does not have. Without any of them it would be sold as what it is not.
    fn absent_variants(&self, base: &Row, rows: &[Row], id: &str, out: &mut Assembled) -> Result<(), Defect> {
        let Some(grouping) = &self.mapping.grouping else { return Ok(()) };
        let absent = grouping.absent(base, rows);
        if absent.is_empty() {
            return Ok(());
        }
        let names = clip(&absent.join(", "));
        let defect =
            Defect::new("missing_variant", format!("variants that the product lists are not in the file: {names}"));
        if rows.len() == 1 {
            return Err(defect);
        }
        out.warn(base, id, vec![defect]);
        Ok(())
    }

    /// The pictures of all rows in their order, each address once.
    fn media(&self, rows: &[Row]) -> Vec<MediaInput> {
        let rules = &self.mapping.product;
        let (mut media, mut seen): (Vec<MediaInput>, HashSet<String>) = (Vec::new(), HashSet::new());
        let Some(urls) = &rules.media else { return media };
        for row in rows {
            let alt = rules.media_alt.as_ref().and_then(|rule| rule.text(&row.record)).unwrap_or_default();
            let cells = urls.texts(&row.record);
            for source_url in cells.iter().flat_map(|cell| text::addresses(cell)) {
                if seen.insert(source_url.to_owned()) {
                    media.push(picture(source_url.to_owned(), text::plain_line(&alt)));
                }
            }
        }
        media
    }
}

impl Mapping {
    /// Text with its line breaks, where this source writes them as two characters.
    fn unescaped(&self, raw: String) -> String {
        if !self.unescape || !raw.contains("\\n") {
            return raw;
        }
        // What was `\n` before stands there as `\\n`.
        let parts: Vec<String> = raw.split("\\\\n").map(|part| part.replace("\\n", "\n")).collect();
        parts.join("\\n")
    }

    /// Text of several lines as this source writes it.
    pub(crate) fn clean(&self, raw: &str) -> String {
        text::plain(&self.unescaped(raw.to_owned()))
    }
}
