//! `ProductDraft`: what a source says about one product, after normalisation and before any service is asked.
//! Readers make them, `souk import` hands them to the services, `souk export` writes them. [`ProductDraft::check`] is the
//! only gate: whatever passes it fits the limits below, holds no control characters and is consistent in itself.

use serde::{Deserialize, Serialize};
use souk_kernel::Money;

use crate::decimal::Decimal;
use crate::limits;

/// Units of a new variant when its source says nothing about stock.
pub const DEFAULT_STOCK: i64 = 100;
/// Tax category of a variant when its source says nothing.
pub const DEFAULT_TAX_CATEGORY: &str = "standard";

/// One product with everything a source knows about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductDraft {
    /// Where it comes from: `icecat`, `shopify`, `souk`. With `external_id` the product's identity across imports.
    pub source: String,
    /// The source's own id of the product.
    pub external_id: String,
    /// Address of the product page: `[a-z0-9-]`, unique, the same in every run.
    pub slug: String,
    /// Name shown to buyers; one line.
    pub title: String,
    /// Maker or label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Plain text; paragraphs are separated by line feeds. Never markup: readers strip HTML (see `text::plain`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Names from the root to the leaf, `["Computers", "Notebooks"]`. Never empty.
    pub category: Vec<String>,
    /// Typed properties, sorted by key, each key once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeDraft>,
    /// What a buyer chooses by, in display order; empty for a product with one variant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<OptionDraft>,
    /// What is sold: at least one.
    pub variants: Vec<VariantDraft>,
    /// Pictures, the first is the main one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaDraft>,
    /// Whether buyers see it.
    #[serde(default)]
    pub status: DraftStatus,
    /// Free labels, in the source's order, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Title for search engines when it differs from `title`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seo_title: Option<String>,
    /// Description for search engines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seo_description: Option<String>,
}

/// Whether buyers see a product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftStatus {
    /// On sale.
    #[default]
    Published,
    /// Seen by staff only.
    Draft,
}

/// One property of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeDraft {
    /// Stable name, `[a-z0-9_]`: `display_diagonal`.
    pub key: String,
    /// Name for people: `Display diagonal`.
    pub label: String,
    /// What it is.
    pub value: AttributeValue,
}

/// A typed value. In JSON: `{"text":"Silver"}`, `{"number":{"value":"17.3","unit":"in"}}`, `{"bool":true}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeValue {
    /// Words.
    Text(String),
    /// An exact decimal, never a float.
    Number {
        /// The value.
        value: Decimal,
        /// Its unit as shown to people, `in`, `GB`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
    },
    /// Yes or no.
    Bool(bool),
}

/// Something a buyer chooses, `Size`, with its values in display order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionDraft {
    /// `Size`.
    pub name: String,
    /// `["Small", "Medium"]`: exactly those that a variant has.
    pub values: Vec<String>,
}

/// One thing that can be put into a cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantDraft {
    /// The source's own id of the variant, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Stock keeping unit, unique in the shop; derived when the source has none.
    pub sku: String,
    /// One value per [`ProductDraft::options`], in that order; empty when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub option_values: Vec<String>,
    /// What it costs; zero or more.
    pub price: Money,
    /// The price it is compared with: higher than `price`, of the same currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at: Option<Money>,
    /// EAN, UPC or GTIN as printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    /// Shipping weight in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_grams: Option<u32>,
    /// Units the source says are there; `None` when it says nothing: see [`VariantDraft::initial_stock`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<i64>,
    /// Which tax rate applies, `standard`.
    #[serde(default = "default_tax_category")]
    pub tax_category: String,
    /// `source_url` of the [`MediaDraft`] that shows this variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
}

/// A picture that lies elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaDraft {
    /// `http` or `https` address.
    pub source_url: String,
    /// Text for those who do not see it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alt: String,
}

fn default_tax_category() -> String {
    DEFAULT_TAX_CATEGORY.to_owned()
}

impl VariantDraft {
    /// Units to start a *new* variant with. An import never sets the stock of a known variant when `stock` is `None`,
    /// else every repeated import would undo the sales since.
    pub fn initial_stock(&self) -> i64 {
        self.stock.unwrap_or(DEFAULT_STOCK)
    }
}

/// What keeps a draft from being imported: a stable code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Stable and machine readable: `missing_price`.
    pub code: &'static str,
    /// For people: which field, and what is wrong with it.
    pub reason: String,
}

impl Defect {
    /// A defect with its sentence.
    pub fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl ProductDraft {
    /// A stable fingerprint (128 bits of BLAKE3, as hex) over everything above. Equal drafts have equal hashes in every
    /// version that keeps the fields, so an import can skip what it has already written.
    pub fn content_hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("a draft has string keys only, which always serialises");
        blake3::hash(&json).to_hex()[..32].to_owned()
    }

    /// Refuses what breaks a limit or contradicts itself.
    pub fn check(&self) -> Result<(), Defect> {
        line("source", &self.source, limits::SOURCE_CHARS)?;
        line("external_id", &self.external_id, limits::EXTERNAL_ID_CHARS)?;
        line("title", &self.title, limits::TITLE_CHARS)?;
        check_slug(&self.slug)?;
        optional_line("brand", self.brand.as_deref(), limits::NAME_CHARS)?;
        text("description", &self.description, limits::DESCRIPTION_CHARS)?;
        optional_line("seo_title", self.seo_title.as_deref(), limits::TITLE_CHARS)?;
        optional_line("seo_description", self.seo_description.as_deref(), limits::SEO_DESCRIPTION_CHARS)?;
        if self.category.is_empty() {
            return Err(Defect::new("missing_category", "the product has no category"));
        }
        count("category levels", self.category.len(), limits::CATEGORY_LEVELS)?;
        self.category.iter().try_for_each(|name| line("category", name, limits::NAME_CHARS))?;
        count("tags", self.tags.len(), limits::TAGS)?;
        self.tags.iter().try_for_each(|tag| line("tag", tag, limits::NAME_CHARS))?;
        count("media", self.media.len(), limits::MEDIA)?;
        self.media.iter().try_for_each(check_media)?;
        self.check_attributes()?;
        self.check_variants()
    }

    fn check_attributes(&self) -> Result<(), Defect> {
        count("attributes", self.attributes.len(), limits::ATTRIBUTES)?;
        for attribute in &self.attributes {
            let key = &attribute.key;
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            if key.is_empty() || key.len() > limits::ATTRIBUTE_KEY_CHARS || !key.bytes().all(plain) {
                return Err(Defect::new("invalid_attribute", format!("attribute key {key:?} is not of [a-z0-9_]")));
            }
            line("attribute label", &attribute.label, limits::NAME_CHARS)?;
            match &attribute.value {
                AttributeValue::Text(value) if value.is_empty() => {
                    return Err(Defect::new("invalid_attribute", format!("attribute {key} has no value")));
                }
                AttributeValue::Text(value) => text(key, value, limits::ATTRIBUTE_TEXT_CHARS)?,
                AttributeValue::Number { unit, .. } => optional_line("unit", unit.as_deref(), limits::UNIT_CHARS)?,
                AttributeValue::Bool(_) => {}
            }
        }
        if let Some(pair) = self.attributes.windows(2).find(|pair| pair[0].key >= pair[1].key) {
            let reason = format!("attributes are not sorted by key, or {} stands twice", pair[1].key);
            return Err(Defect::new("invalid_attribute", reason));
        }
        Ok(())
    }

    fn check_variants(&self) -> Result<(), Defect> {
        count("options", self.options.len(), limits::OPTIONS)?;
        count("variants", self.variants.len(), limits::VARIANTS)?;
        let Some(first) = self.variants.first() else {
            return Err(Defect::new("missing_variant", "the product has no variant"));
        };
        for (i, option) in self.options.iter().enumerate() {
            line("option", &option.name, limits::NAME_CHARS)?;
            let mut used = std::collections::HashSet::new();
            used.extend(self.variants.iter().filter_map(|v| v.option_values.get(i)));
            let listed: std::collections::HashSet<_> = option.values.iter().collect();
            if used != listed || listed.len() != option.values.len() {
                let reason = format!("the values of option {} are not those of the variants", option.name);
                return Err(Defect::new("invalid_options", reason));
            }
            if self.options[..i].iter().any(|other| other.name == option.name) {
                return Err(Defect::new("invalid_options", format!("option {} stands twice", option.name)));
            }
        }
        let mut skus = std::collections::HashSet::new();
        let mut choices = std::collections::HashSet::new();
        for variant in &self.variants {
            self.check_variant(variant, first.price)?;
            if !skus.insert(&variant.sku) {
                return Err(Defect::new("duplicate_sku", format!("SKU {} stands twice in the product", variant.sku)));
            }
            if !choices.insert(&variant.option_values) {
                let reason = format!("two variants have the same options: {}", variant.option_values.join(" / "));
                return Err(Defect::new("duplicate_variant", reason));
            }
        }
        Ok(())
    }

    fn check_variant(&self, variant: &VariantDraft, first: Money) -> Result<(), Defect> {
        line("sku", &variant.sku, limits::SKU_CHARS)?;
        optional_line("variant external_id", variant.external_id.as_deref(), limits::EXTERNAL_ID_CHARS)?;
        optional_line("barcode", variant.barcode.as_deref(), limits::BARCODE_CHARS)?;
        line("tax_category", &variant.tax_category, limits::NAME_CHARS)?;
        if variant.option_values.len() != self.options.len() {
            let reason = format!("variant {} does not have one value for each option", variant.sku);
            return Err(Defect::new("invalid_options", reason));
        }
        variant.option_values.iter().try_for_each(|value| line("option value", value, limits::NAME_CHARS))?;
        let price = variant.price;
        if price.amount < 0 {
            return Err(Defect::new("negative_price", format!("{} costs less than nothing: {price}", variant.sku)));
        }
        if price.amount > limits::PRICE_MINOR {
            return Err(Defect::new("price_too_high", format!("the price of {} is above the limit", variant.sku)));
        }
        if price.currency != first.currency {
            return Err(Defect::new("currency_mismatch", "the variants are priced in more than one currency"));
        }
        if let Some(before) = variant.compare_at
            && (before.currency != price.currency
                || before.amount <= price.amount
                || before.amount > limits::PRICE_MINOR)
        {
            let reason = format!("compare_at of {} is not above its price in the same currency", variant.sku);
            return Err(Defect::new("invalid_compare_at", reason));
        }
        if variant.stock.is_some_and(|units| !(0..=limits::STOCK_UNITS).contains(&units)) {
            let reason = format!("stock of {} is not between 0 and {}", variant.sku, limits::STOCK_UNITS);
            return Err(Defect::new("invalid_stock", reason));
        }
        if let Some(url) = &variant.media
            && !self.media.iter().any(|media| media.source_url == *url)
        {
            return Err(Defect::new("invalid_media", format!("the picture of {} is not among the media", variant.sku)));
        }
        Ok(())
    }
}

fn check_slug(slug: &str) -> Result<(), Defect> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if slug.is_empty() || slug.len() > limits::SLUG_CHARS || !slug.bytes().all(plain) {
        let reason = format!("slug {:?} is not 1 to {} characters of [a-z0-9-]", clip(slug), limits::SLUG_CHARS);
        return Err(Defect::new("invalid_slug", reason));
    }
    Ok(())
}

fn check_media(media: &MediaDraft) -> Result<(), Defect> {
    line("media url", &media.source_url, limits::URL_CHARS)?;
    text("media alt text", &media.alt, limits::TITLE_CHARS)?;
    if !crate::text::is_web_url(&media.source_url) {
        let reason = format!("{:?} is not an http or https address", clip(&media.source_url));
        return Err(Defect::new("invalid_media", reason));
    }
    Ok(())
}

fn count(what: &str, have: usize, limit: usize) -> Result<(), Defect> {
    if have <= limit {
        return Ok(());
    }
    Err(Defect::new("too_many", format!("{have} {what}; the limit is {limit}")))
}

/// Text of several lines: bounded, and nothing that a page or PostgreSQL cannot hold.
fn text(what: &str, value: &str, chars: usize) -> Result<(), Defect> {
    if value.len() > chars && value.chars().count() > chars {
        return Err(Defect::new("too_long", format!("{what} is longer than {chars} characters")));
    }
    if value.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Defect::new("control_characters", format!("{what} contains control characters")));
    }
    Ok(())
}

/// Text of one line that must say something.
fn line(what: &str, value: &str, chars: usize) -> Result<(), Defect> {
    if value.trim().is_empty() {
        return Err(Defect::new("missing_field", format!("{what} is empty")));
    }
    if value.contains('\n') {
        return Err(Defect::new("control_characters", format!("{what} has more than one line")));
    }
    text(what, value, chars)
}

fn optional_line(what: &str, value: Option<&str>, chars: usize) -> Result<(), Defect> {
    value.map_or(Ok(()), |value| line(what, value, chars))
}

/// The beginning of something that may be very long, for a message.
pub(crate) fn clip(text: &str) -> String {
    match text.char_indices().nth(limits::MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
