//! Assembler of drafts: the rows of one product and a mapping into a draft. A bad detail is left out with a warning; a row is
//! refused where there is nothing to sell, and the good variants of a product stay when one of its lines is bad.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;
use souk_catalog_api::{MediaInput, ProductInput, ProductOption, VariantInput};
use souk_kernel::Currency;

use crate::draft::{DEFAULT_TAX_CATEGORY, Defect, NO_CATEGORY, Offer, ProductDraft, clip, index_of, picture};
use crate::feed::error::Finding;
use crate::feed::fields::{code, status, stock, weight};
use crate::feed::mapping::Mapping;
use crate::feed::mapping::attributes::KnownColumns;
use crate::feed::mapping::price::Priced;
use crate::feed::mapping::rule::Rule;
use crate::feed::record::{Record, Row};
use crate::feed::survey::DecimalMarks;
use crate::{limits, naming, text};

/// Turns rows into drafts.
pub(crate) struct Assembler {
    mapping: Mapping,
    /// The currency to import; rows in others are left out.
    currency: Option<Currency>,
    marks: DecimalMarks,
    /// For prices that hold on some days.
    today: Date,
    known: KnownColumns,
}

/// What the rows of one product gave.
#[derive(Default)]
pub(crate) struct Assembled {
    pub(crate) draft: Option<ProductDraft>,
    pub(crate) refusals: Vec<Finding>,
    /// Details that were left out or mended.
    pub(crate) warnings: Vec<Finding>,
    /// Rows left out because they are in another currency, or only carry the price of a variant that stands on another row.
    pub(crate) left_out: u64,
}

/// What the rows of a product say about its variants.
struct Variants {
    options: Vec<ProductOption>,
    variants: Vec<VariantInput>,
    /// In the order of `variants`.
    offers: Vec<Offer>,
}

/// A row that is a variant, as far as it has been read.
struct Candidate<'a> {
    row: &'a Row,
    values: Vec<Option<String>>,
    priced: Priced,
    /// The row has none of the product's options.
    without_options: bool,
}

impl Assembled {
    fn refuse(&mut self, row: &Row, id: Option<&str>, defect: Defect) {
        self.refusals.push(Finding::new(row.line, row.end_line, id, defect));
    }

    fn warn(&mut self, row: &Row, id: &str, defects: Vec<Defect>) {
        let warning = |defect| Finding::new(row.line, row.end_line, Some(id), defect);
        self.warnings.extend(defects.into_iter().map(warning));
    }
}

impl Assembler {
    pub(crate) fn new(mapping: Mapping, currency: Option<Currency>, marks: DecimalMarks, today: Date) -> Self {
        Self { mapping, currency, marks, today, known: KnownColumns::default() }
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Builds the product of these rows.
    pub(crate) fn assemble(&mut self, rows: &[Row]) -> Assembled {
        let mut out = Assembled::default();
        let Some((first, last)) = rows.first().zip(rows.last()) else { return out };
        let Some(base) = self.base(rows) else {
            self.without_product(rows, &mut out);
            return out;
        };
        let id = self.external_id(&base.record);
        let before = out.refusals.len();
        match self.product(base, rows, id.as_deref(), &mut out) {
            Ok(Some(mut draft)) => {
                let mended = draft.mend();
                out.warn(base, &draft.product.external_id, mended);
                match draft.check() {
                    Ok(()) => out.draft = Some(draft),
                    Err(defect) => out.refusals.push(Finding::new(first.line, last.end_line, id.as_deref(), defect)),
                }
            }
            Ok(None) => {}
            Err(defect) => out.refusals.push(Finding::new(first.line, last.end_line, id.as_deref(), defect)),
        }
        if out.draft.is_none() && out.refusals.len() == before && out.left_out == 0 {
            let defect = Defect::new("missing_price", "no row of the product has a price");
            out.refusals.push(Finding::new(first.line, last.end_line, id.as_deref(), defect));
        }
        out
    }

    /// The row with the product's own data.
    fn base<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        match (&self.mapping.product_row, &self.mapping.grouping) {
            (Some(rule), _) => rows.iter().find(|row| rule.text(&row.record).is_some()),
            (None, Some(grouping)) => rows.iter().find(|row| !grouping.is_child(&row.record)),
            (None, None) => rows.first(),
        }
    }

    /// Rows of a product that the file does not have.
    fn without_product(&self, rows: &[Row], out: &mut Assembled) {
        for row in rows {
            let id = self.mapping.grouping.as_ref().and_then(|grouping| grouping.group(&row.record));
            match self.is_in_another_currency(row, self.currency) {
                true => out.left_out += 1,
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
        let candidates = self.candidates(base, rows, &external_id, out);
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
        let Variants { options, variants, offers } = self.variants(candidates, &external_id, &mut media, out)?;
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
            description: rules.description.as_ref().and_then(|r| r.text(record)).map(|t| clean(&t)).unwrap_or_default(),
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
        Ok(Some(ProductDraft { product, category, offers }))
    }

    /// The rows that are variants, with their prices. In a product with options those are the rows with an option value
    /// (the others carry the product or a picture), else the row of the product and others with a price. The product's own row is one
    /// without an option value, too, when it has a price and a SKU: it is something to sell.
    fn candidates<'a>(&self, base: &Row, rows: &'a [Row], id: &str, out: &mut Assembled) -> Vec<Candidate<'a>> {
        let values: Vec<Vec<Option<String>>> = rows.iter().map(|row| self.option_values(&row.record)).collect();
        let chosen = |values: &[Option<String>]| values.iter().any(Option::is_some);
        let has_options = values.iter().any(|values| chosen(values));
        let price_rows = self.price_rows(base, rows, &values);
        let mut candidates: Vec<Candidate<'a>> = Vec::new();
        let mut wanted = self.currency;
        for (row, values) in rows.iter().zip(values) {
            if price_rows.contains_key(&row.line) {
                out.left_out += 1;
                continue;
            }
            let is_base = row.line == base.line;
            let has_price = self.mapping.price.has_amount(&row.record);
            let without_options = has_options && !chosen(&values);
            let variant = match without_options {
                true => is_base && has_price && !self.mapping.parent_row && !self.sku(&row.record).is_empty(),
                false => has_options || is_base || has_price,
            };
            if !variant {
                if has_price && !is_base {
                    self.without_variant(row, id, out);
                }
                continue;
            }
            let others = rows.iter().filter(|other| price_rows.get(&other.line) == Some(&row.line));
            match self.price(row, wanted, others) {
                Ok(Some((priced, defect))) => {
                    out.warn(row, id, defect.into_iter().collect());
                    wanted = wanted.or(Some(priced.price.currency));
                    candidates.push(Candidate { row, values, priced, without_options });
                }
                Ok(None) => out.left_out += 1,
                Err(defect) => out.refuse(row, Some(id), defect),
            }
        }
        candidates
    }

    /// A row with a price, and nothing that it is the price of.
    fn without_variant(&self, row: &Row, id: &str, out: &mut Assembled) {
        match self.is_in_another_currency(row, self.currency) {
            true => out.left_out += 1,
            false => {
                let reason = "the row has a price, but neither options nor the SKU of a variant of its product";
                out.refuse(row, Some(id), Defect::new("scattered_rows", reason));
            }
        }
    }

    /// Rows that only carry the price of a variant in another currency, by their line, with the line of the variant: in files with
    /// several currencies a SKU has a row for each. The variant is the row of the product, else one with options, else the first.
    fn price_rows(&self, base: &Row, rows: &[Row], values: &[Vec<Option<String>>]) -> HashMap<u64, u64> {
        let mut found = HashMap::new();
        if self.mapping.price.currency.is_none() || rows.len() == 1 {
            return found;
        }
        let mut of_sku: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            let sku = self.sku(&row.record);
            if !sku.is_empty() {
                of_sku.entry(sku).or_default().push(at);
            }
        }
        for places in of_sku.values() {
            let rank = |at: &&usize| (rows[**at].line != base.line, values[**at].iter().all(Option::is_none), **at);
            let Some(first) = places.iter().min_by_key(rank).map(|at| &rows[*at]) else { continue };
            let currency = |row: &Row| self.mapping.price.currency_of(&row.record).ok().flatten();
            let others = places.iter().map(|at| &rows[*at]).filter(|row| currency(row) != currency(first));
            found.extend(others.map(|row| (row.line, first.line)));
        }
        found
    }

    /// The price of a row in the wanted currency, perhaps of one of the rows with its other prices; nothing when there is none.
    fn price<'a>(
        &self,
        row: &Row,
        wanted: Option<Currency>,
        mut others: impl Iterator<Item = &'a Row>,
    ) -> Result<Option<(Priced, Option<Defect>)>, Defect> {
        let rules = &self.mapping.price;
        let named = rules.currency_of(&row.record)?;
        let missing = || Defect::new("missing_price", "the row has no price");
        if let (Some(named), Some(wanted)) = (named, wanted)
            && named != wanted
        {
            let in_wanted = |other: &&Row| matches!(rules.currency_of(&other.record), Ok(Some(c)) if c == wanted);
            if let Some(other) = others.find(in_wanted) {
                return rules.read(&other.record, wanted, self.marks.price, self.today)?.map(Some).ok_or_else(missing);
            }
            if rules.refuse_others {
                return Err(Defect::new("other_currency", format!("the price is in {named}, not in {wanted}")));
            }
            return Ok(None);
        }
        let currency = named.or(wanted);
        let currency = currency.ok_or_else(|| Defect::new("missing_currency", "the row does not say its currency"))?;
        rules.read(&row.record, currency, self.marks.price, self.today)?.map(Some).ok_or_else(missing)
    }

    fn option_values(&self, row: &Record) -> Vec<Option<String>> {
        let value = |rule: &Rule| rule.text(row).map(|t| text::plain_line(&t)).filter(|t| !t.is_empty());
        self.mapping.options.iter().map(|option| value(&option.value)).collect()
    }

    fn option_names(&self, candidates: &[Candidate<'_>], rows: usize) -> Vec<String> {
        let mut names = Vec::with_capacity(rows);
        for (i, option) in self.mapping.options.iter().enumerate() {
            let named = candidates.iter().find_map(|candidate| option.name.text(&candidate.row.record));
            names.push(named.map_or_else(|| format!("Option {}", i + 1), |name| text::plain_line(&name)));
        }
        names
    }

    /// Options and variants out of the rows that are variants. A row that repeats another in everything is refused; one that
    /// repeats its options or its SKU gets others, because it is something else to sell.
    fn variants(
        &self,
        mut candidates: Vec<Candidate<'_>>,
        id: &str,
        media: &mut Vec<MediaInput>,
        out: &mut Assembled,
    ) -> Result<Variants, Defect> {
        let mut names = self.option_names(&candidates, self.mapping.options.len());
        if let (Some((name, value)), [only]) = (&self.mapping.no_option, candidates.as_mut_slice())
            && names.first() == Some(name)
            && only.values.first().and_then(Option::as_ref) == Some(value)
        {
            only.values.fill(None);
        }
        let mut used: Vec<usize> =
            (0..names.len()).filter(|i| candidates.iter().any(|c| c.values[*i].is_some())).collect();
        if used.is_empty() && self.are_told_by_sku(&candidates) {
            self.name_by_sku(&mut candidates, id, out);
            names.push(SKU_OPTION.to_owned());
            used.push(names.len() - 1);
        }
        let mut options: Vec<ProductOption> =
            used.iter().map(|i| ProductOption { name: names[*i].clone(), values: Vec::new() }).collect();
        let mut variants: Vec<VariantInput> = Vec::with_capacity(candidates.len());
        let mut offers: Vec<Offer> = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let row = candidate.row;
            if variants.len() == limits::VARIANTS {
                out.refuse(row, Some(id), Defect::new("too_many", format!("more than {} variants", limits::VARIANTS)));
                continue;
            }
            let mut defects = Vec::new();
            let (mut variant, offer) = self.variant(candidate, &used, &names, media, &mut defects);
            if let Err(defect) = distinct(&mut variant, &variants, &mut defects) {
                out.refuse(row, Some(id), defect);
                continue;
            }
            out.warn(row, id, defects);
            variants.push(variant);
            offers.push(offer);
        }
        for variant in &variants {
            for (option, value) in options.iter_mut().zip(&variant.option_values) {
                if !option.values.contains(value) {
                    option.values.push(value.clone());
                }
            }
        }
        let derived = naming::derive_skus(id, &variants.iter().map(|v| v.option_values.as_slice()).collect::<Vec<_>>());
        let mut given: HashSet<String> = variants.iter().map(|variant| variant.sku.clone()).collect();
        for (variant, derived) in variants.iter_mut().zip(derived) {
            if variant.sku.is_empty() {
                let taken = given.contains(&derived);
                variant.sku = if taken { naming::own_sku(&derived, id, &variant.option_values) } else { derived };
                given.insert(variant.sku.clone());
            }
        }
        Ok(Variants { options, variants, offers })
    }

    /// Whether several rows without any option are different things all the same.
    fn are_told_by_sku(&self, candidates: &[Candidate<'_>]) -> bool {
        let skus: HashSet<String> = candidates.iter().map(|candidate| self.sku(&candidate.row.record)).collect();
        skus.len() > 1 && skus.iter().all(|sku| !sku.is_empty())
    }

    /// Gives each row an option that says its SKU.
    fn name_by_sku(&self, candidates: &mut [Candidate<'_>], id: &str, out: &mut Assembled) {
        for candidate in candidates {
            let sku = self.sku(&candidate.row.record);
            let reason = format!("the product has no options, so the variant is told by its SKU {sku}");
            out.warn(candidate.row, id, vec![Defect::new("missing_option", reason)]);
            candidate.values.push(Some(sku));
        }
    }

    /// The SKU of a row; empty when it has none.
    fn sku(&self, row: &Record) -> String {
        let given = self.mapping.variant.sku.as_ref().and_then(|rule| rule.text(row)).unwrap_or_default();
        text::plain_line(code(&given))
    }

    fn variant(
        &self,
        candidate: Candidate<'_>,
        used: &[usize],
        names: &[String],
        media: &mut Vec<MediaInput>,
        defects: &mut Vec<Defect>,
    ) -> (VariantInput, Offer) {
        let Candidate { row, values, priced, without_options } = candidate;
        let row = &row.record;
        let rules = &self.mapping.variant;
        let get = |rule: &Option<Rule>| rule.as_ref().and_then(|rule| rule.text(row));
        let number = |rule: &Option<Rule>| {
            let rule = rule.as_ref()?;
            rule.number(row).or_else(|| rule.unknown_number(row))
        };
        let sku = self.sku(row);
        let mut option_values = Vec::with_capacity(used.len());
        for i in used {
            option_values.push(values[*i].clone().unwrap_or_else(|| {
                let value = if without_options && !sku.is_empty() { sku.clone() } else { NO_VALUE.to_owned() };
                defects.push(Defect::new("missing_option", format!("the variant has no {}: {value}", names[*i])));
                value
            }));
        }
        for value in &mut option_values {
            if let Some((end, _)) = value.char_indices().nth(limits::NAME_CHARS) {
                value.truncate(end);
                defects.push(Defect::new("too_long", format!("the option {value} is cut")));
            }
        }
        let source_url = get(&rules.media);
        if let Some(url) = &source_url
            && index_of(media, url).is_none()
        {
            media.push(picture(url.clone(), String::new()));
        }
        let tidy = |text: String| Some(text::plain_line(code(&text))).filter(|text| !text.is_empty());
        let tax_category = match rules.tax_category.as_ref() {
            None => None,
            Some(rule) => rule.text(row).or_else(|| {
                let unknown = rule.unknown(row)?;
                let reason = format!("the tax category {:?} is not known: {DEFAULT_TAX_CATEGORY}", clip(&unknown));
                defects.push(Defect::new("invalid_tax_category", reason));
                None
            }),
        };
        let unit = rules.weight_unit.as_ref().and_then(|rule| rule.text(row).or_else(|| rule.unknown(row)));
        let offer = Offer {
            price: priced.price,
            compare_at: priced.compare_at,
            stock: stock(number(&rules.stock), self.marks.stock).note(defects),
            default_stock: rules.default_stock,
        };
        let variant = VariantInput {
            external_id: get(&rules.external_id).map(|text| code(&text).to_owned()),
            sku,
            option_values,
            barcode: get(&rules.barcode).and_then(tidy),
            weight_grams: weight(number(&rules.weight), unit, self.marks.weight).note(defects),
            tax_category: tax_category.unwrap_or_else(|| DEFAULT_TAX_CATEGORY.to_owned()),
            media: source_url.and_then(|url| index_of(media, &url)),
        };
        (variant, offer)
    }

    /// The pictures of all rows in their order, each address once.
    fn media(&self, rows: &[Row]) -> Vec<MediaInput> {
        let rules = &self.mapping.product;
        let mut media: Vec<MediaInput> = Vec::new();
        let Some(urls) = &rules.media else { return media };
        for row in rows {
            let alt = rules.media_alt.as_ref().and_then(|rule| rule.text(&row.record)).unwrap_or_default();
            for source_url in urls.texts(&row.record) {
                if index_of(&media, &source_url).is_none() {
                    media.push(picture(source_url, text::plain_line(&alt)));
                }
            }
        }
        media
    }
}

/// Name of the option of variants that only their SKUs tell apart.
const SKU_OPTION: &str = "SKU";
/// Value of an option that a variant does not name.
const NO_VALUE: &str = "-";

/// Makes a variant different from those before it in its options and its SKU. One that has the SKU and the options of another is
/// the same thing again.
fn distinct(variant: &mut VariantInput, others: &[VariantInput], defects: &mut Vec<Defect>) -> Result<(), Defect> {
    let same_options = others.iter().find(|other| other.option_values == variant.option_values);
    if let Some(other) = same_options {
        let shown = variant.option_values.join(" / ");
        if variant.sku.is_empty() || variant.sku == other.sku || variant.option_values.is_empty() {
            let reason = match variant.option_values.is_empty() {
                true => "the product has no options, so it cannot have a second variant".to_owned(),
                false => format!("a second variant with the options {shown}"),
            };
            return Err(Defect::new("duplicate_variant", reason));
        }
        defects.push(Defect::new(
            "duplicate_variant",
            format!("a second variant with the options {shown}: told apart by its SKU {}", variant.sku),
        ));
        if let Some(last) = variant.option_values.last_mut() {
            let room = limits::NAME_CHARS.saturating_sub(variant.sku.chars().count() + 3);
            *last = format!("{} ({})", last.chars().take(room).collect::<String>(), variant.sku);
        }
    }
    if !variant.sku.is_empty() && others.iter().any(|other| other.sku == variant.sku) {
        let reason = format!("SKU {} stands twice in the product: the variant gets one of its own", clip(&variant.sku));
        defects.push(Defect::new("duplicate_sku", reason));
        // Made from the product's id and the options, like that of a variant without one.
        variant.sku.clear();
    }
    Ok(())
}

impl Mapping {
    /// Text of several lines as this source writes it.
    pub(crate) fn clean(&self, raw: &str) -> String {
        match self.unescape && raw.contains("\\n") {
            true => text::plain(&raw.replace("\\n", "\n")),
            false => text::plain(raw),
        }
    }
}
