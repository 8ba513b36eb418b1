//! Assembler of drafts: the rows of one product and a mapping into a draft. What cannot be taken as it is written is refused
//! by line; the good variants of a product stay when one of its lines is bad.

use souk_catalog_api::{MediaInput, ProductInput, ProductOption, VariantInput};
use souk_kernel::Currency;

use crate::draft::{DEFAULT_TAX_CATEGORY, Defect, NO_CATEGORY, Offer, ProductDraft, index_of, picture};
use crate::feed::error::RefusedLines;
use crate::feed::fields::{status, stock, weight};
use crate::feed::mapping::Mapping;
use crate::feed::mapping::attributes::KnownColumns;
use crate::feed::mapping::price::Priced;
use crate::feed::mapping::rule::Rule;
use crate::feed::record::{Record, Row};
use crate::feed::seen::{SeenPrice, SeenPrices};
use crate::{limits, naming, text};

/// Turns rows into drafts.
pub(crate) struct Assembler {
    mapping: Mapping,
    /// The currency to import; rows in others are left out.
    currency: Option<Currency>,
    prices: SeenPrices,
    known: KnownColumns,
}

/// What the rows of one product gave.
#[derive(Default)]
pub(crate) struct Assembled {
    pub(crate) draft: Option<ProductDraft>,
    pub(crate) refusals: Vec<RefusedLines>,
    /// Rows left out because they are in another currency or only carry a price that has been used already.
    pub(crate) skipped: u64,
    /// Rows that are refused unless a variant takes their price.
    pub(crate) waiting: Vec<(u64, RefusedLines)>,
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
}

impl Assembler {
    pub(crate) fn new(mapping: Mapping, currency: Option<Currency>, prices: SeenPrices) -> Self {
        Self { mapping, currency, prices, known: KnownColumns::default() }
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Builds the product of these rows, which have one group key or are one row.
    pub(crate) fn assemble(&mut self, rows: &[Row]) -> Assembled {
        let mut out = Assembled::default();
        let Some((first, last)) = rows.first().zip(rows.last()) else { return out };
        let Some(base) = self.base(rows) else { return out };
        let id = self.mapping.product.external_id.text(&base.record);
        let before = out.refusals.len();
        match self.product(base, rows, id.as_deref(), &mut out) {
            Ok(draft) => out.draft = draft,
            Err(defect) => out.refusals.push(RefusedLines::new(first.line, last.end_line, id.as_deref(), defect)),
        }
        if out.draft.is_none() && out.refusals.len() == before && out.skipped == 0 && out.waiting.is_empty() {
            let defect = Defect::new("missing_price", "no row of the product has a price");
            out.refusals.push(RefusedLines::new(first.line, last.end_line, id.as_deref(), defect));
        }
        out
    }

    /// The row with the product's own data.
    pub(crate) fn base<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        match &self.mapping.product_row {
            Some(column) => rows.iter().find(|row| row.record.text(column).is_some()),
            None => rows.first(),
        }
    }

    /// A row whose product stands elsewhere. A price in another currency is left out; one in the wanted currency waits,
    /// since a variant may have taken it or still take it; anything else is refused.
    pub(crate) fn leftover(&self, row: &Row, out: &mut Assembled) {
        let id = self.mapping.group_by.as_ref().and_then(|column| row.record.text(column));
        let reason = "the row belongs to no product next to it: rows of one product must follow one another";
        let refusal = RefusedLines::new(row.line, row.end_line, id.as_deref(), Defect::new("scattered_rows", reason));
        match (self.mapping.price.currency_of(&row.record), self.currency) {
            (Ok(Some(currency)), Some(wanted)) if currency != wanted => out.skipped += 1,
            (Ok(Some(_)), Some(_)) => match self.price_key(&row.record).filter(|key| self.prices.knows(*key)) {
                Some(key) => out.waiting.push((key, refusal)),
                None => out.refusals.push(refusal),
            },
            _ => out.refusals.push(refusal),
        }
    }

    /// True when a variant has taken the price of such a row.
    pub(crate) fn is_taken(&self, key: u64) -> bool {
        self.prices.is_taken(key)
    }

    /// What the prices of other rows are known by: its product and its SKU.
    pub(crate) fn price_key(&self, row: &Record) -> Option<u64> {
        let group = row.text(self.mapping.group_by.as_deref()?)?;
        let sku = self.mapping.variant.sku.as_ref()?.text(row)?;
        Some(SeenPrices::key(&group, &sku))
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
        let product = ProductInput {
            source: mapping.source.clone(),
            slug,
            category_id: NO_CATEGORY,
            attributes: mapping.attributes.read(&records, &mut self.known, clean)?,
            options,
            variants,
            media,
            status: status(rules.status.as_ref().and_then(|rule| rule.text(record)))?,
            tags,
            description: rules.description.as_ref().and_then(|r| r.text(record)).map(|t| clean(&t)).unwrap_or_default(),
            seo_title: rules.seo_title.as_ref().and_then(line),
            seo_description: rules.seo_description.as_ref().and_then(line),
            content_hash: String::new(),
            external_id,
            title,
            brand,
        };
        let draft = ProductDraft { product, category, offers };
        draft.check()?;
        Ok(Some(draft))
    }

    /// The rows that are variants, with their prices. In a product with options those are the rows with an option value
    /// (the others carry the product or a picture), else the row of the product and others with a price.
    fn candidates<'a>(&self, base: &Row, rows: &'a [Row], id: &str, out: &mut Assembled) -> Vec<Candidate<'a>> {
        let values: Vec<Vec<Option<String>>> = rows.iter().map(|row| self.option_values(&row.record)).collect();
        let chosen = |values: &[Option<String>]| values.iter().any(Option::is_some);
        let has_options = values.iter().any(|values| chosen(values));
        let mut candidates: Vec<Candidate<'a>> = Vec::new();
        let mut wanted = self.currency;
        for (row, values) in rows.iter().zip(values) {
            let is_base = row.line == base.line;
            let has_price = self.mapping.price.has_amount(&row.record);
            let variant = if has_options { chosen(&values) } else { is_base || has_price };
            if !variant {
                if has_price && !is_base {
                    self.leftover(row, out);
                }
                continue;
            }
            match self.price(row, wanted) {
                Ok(Some(priced)) => {
                    wanted = wanted.or(Some(priced.price.currency));
                    candidates.push(Candidate { row, values, priced });
                }
                Ok(None) => out.skipped += 1,
                Err(defect) => out.refusals.push(RefusedLines::new(row.line, row.end_line, Some(id), defect)),
            }
        }
        candidates
    }

    /// The price of a row in the wanted currency, perhaps of another row; nothing when it only has one in another.
    fn price(&self, row: &Row, wanted: Option<Currency>) -> Result<Option<Priced>, Defect> {
        let rules = &self.mapping.price;
        let named = rules.currency_of(&row.record)?;
        if let (Some(named), Some(wanted)) = (named, wanted)
            && named != wanted
        {
            let noted = self.price_key(&row.record).and_then(|key| self.prices.take(key));
            if let Some(SeenPrice { price, compare_at }) = noted {
                let compare_at = compare_at.map(|amount| wanted.of(amount));
                return Ok(Some(Priced { price: wanted.of(price), compare_at }));
            }
            if rules.refuse_others {
                return Err(Defect::new("other_currency", format!("the price is in {named}, not in {wanted}")));
            }
            return Ok(None);
        }
        let currency = named.or(wanted);
        let currency = currency.ok_or_else(|| Defect::new("missing_currency", "the row does not say its currency"))?;
        let priced = rules.read(&row.record, currency)?;
        priced.map(Some).ok_or_else(|| Defect::new("missing_price", "the row has no price"))
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

    /// Options and variants out of the rows that are variants. A row that repeats another's options is refused.
    fn variants(
        &self,
        mut candidates: Vec<Candidate<'_>>,
        id: &str,
        media: &mut Vec<MediaInput>,
        out: &mut Assembled,
    ) -> Result<Variants, Defect> {
        let names = self.option_names(&candidates, self.mapping.options.len());
        if let (Some((name, value)), [only]) = (&self.mapping.no_option, candidates.as_mut_slice())
            && names.first() == Some(name)
            && only.values.first().and_then(Option::as_ref) == Some(value)
        {
            only.values.fill(None);
        }
        let used: Vec<usize> = (0..names.len()).filter(|i| candidates.iter().any(|c| c.values[*i].is_some())).collect();
        let mut options: Vec<ProductOption> =
            used.iter().map(|i| ProductOption { name: names[*i].clone(), values: Vec::new() }).collect();
        let mut variants: Vec<VariantInput> = Vec::with_capacity(candidates.len());
        let mut offers: Vec<Offer> = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let Candidate { row, values, priced } = candidate;
            match self.variant(&row.record, &values, &used, &names, priced, media) {
                Ok((variant, _)) if variants.iter().any(|other| other.option_values == variant.option_values) => {
                    let reason = match variant.option_values.is_empty() {
                        true => "the product has no options, so it cannot have a second variant".to_owned(),
                        false => format!("a second variant with the options {}", variant.option_values.join(" / ")),
                    };
                    let defect = Defect::new("duplicate_variant", reason);
                    out.refusals.push(RefusedLines::new(row.line, row.end_line, Some(id), defect));
                }
                Ok((variant, offer)) => {
                    variants.push(variant);
                    offers.push(offer);
                }
                Err(defect) => out.refusals.push(RefusedLines::new(row.line, row.end_line, Some(id), defect)),
            }
            if variants.len() > limits::VARIANTS {
                return Err(Defect::new("too_many", format!("more than {} variants", limits::VARIANTS)));
            }
        }
        for variant in &variants {
            for (option, value) in options.iter_mut().zip(&variant.option_values) {
                if !option.values.contains(value) {
                    option.values.push(value.clone());
                }
            }
        }
        let derived = naming::derive_skus(id, &variants.iter().map(|v| v.option_values.as_slice()).collect::<Vec<_>>());
        for (variant, derived) in variants.iter_mut().zip(derived) {
            if variant.sku.is_empty() {
                variant.sku = derived;
            }
        }
        Ok(Variants { options, variants, offers })
    }

    fn variant(
        &self,
        row: &Record,
        values: &[Option<String>],
        used: &[usize],
        names: &[String],
        priced: Priced,
        media: &mut Vec<MediaInput>,
    ) -> Result<(VariantInput, Offer), Defect> {
        let rules = &self.mapping.variant;
        let get = |rule: &Option<Rule>| rule.as_ref().and_then(|rule| rule.text(row));
        let mut option_values = Vec::with_capacity(used.len());
        for i in used {
            let value = values[*i].clone();
            let missing = || Defect::new("missing_option", format!("the variant has no {}", names[*i]));
            option_values.push(value.ok_or_else(missing)?);
        }
        let source_url = get(&rules.media);
        if let Some(url) = &source_url
            && index_of(media, url).is_none()
        {
            media.push(picture(url.clone(), String::new()));
        }
        let tidy = |text: String| Some(text::plain_line(&text)).filter(|text| !text.is_empty());
        let offer = Offer { price: priced.price, compare_at: priced.compare_at, stock: stock(get(&rules.stock))? };
        let variant = VariantInput {
            external_id: get(&rules.external_id),
            sku: get(&rules.sku).and_then(tidy).unwrap_or_default(),
            option_values,
            barcode: get(&rules.barcode).and_then(tidy),
            weight_grams: weight(get(&rules.weight), get(&rules.weight_unit))?,
            tax_category: get(&rules.tax_category).unwrap_or_else(|| DEFAULT_TAX_CATEGORY.to_owned()),
            media: source_url.and_then(|url| index_of(media, &url)),
        };
        Ok((variant, offer))
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

impl Mapping {
    /// Text of several lines as this source writes it.
    pub(crate) fn clean(&self, raw: &str) -> String {
        match self.unescape && raw.contains("\\n") {
            true => text::plain(&raw.replace("\\n", "\n")),
            false => text::plain(raw),
        }
    }
}
