//! Product draft: the catalogue's own input ([`ProductInput`]) beside the category names, prices and stock that go to it and
//! to other services. Readers make drafts, an import hands them to the services, an export writes them.
//! [`ProductDraft::mend`] leaves out or shortens what would keep a product from being sold for a detail;
//! [`ProductDraft::check`] is the only gate: whatever passes it fits the limits, holds no control characters and is consistent in
//! itself.

use std::collections::{BTreeMap, HashSet};

use souk_catalog_api::{Attribute, AttributeValue, CategoryId, MediaInput, ProductInput, VariantInput};
use souk_inventory_api::StockPolicy;
use souk_kernel::Money;
use uuid::Uuid;

use crate::decimal::Decimal;
use crate::limits;
use crate::pictures::PictureFile;

/// Tax category of a variant when its source says nothing.
pub const DEFAULT_TAX_CATEGORY: &str = "standard";

/// The category of a product whose category names have not been put into the shop yet.
pub const NO_CATEGORY: CategoryId = CategoryId(Uuid::nil());

/// One product with everything a source knows about it: what the catalogue keeps, and what other services do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductDraft {
    /// What the catalogue keeps. Until the import knows its category and where its pictures lie, `category_id` is
    /// [`NO_CATEGORY`], `content_hash` is empty, and a picture has its `source_url`, its file among `files`, or the `url` at which the
    /// shop keeps it.
    pub product: ProductInput,
    /// Names from the root to the leaf, `["Computers", "Notebooks"]`. Never empty.
    pub category: Vec<String>,
    /// What each variant costs and how many there are, in the order of `product.variants`.
    pub offers: Vec<Offer>,
    /// The pictures that are files beside the import, by their place in `product.media`.
    pub files: BTreeMap<usize, PictureFile>,
}

/// What pricing and inventory keep of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it costs; zero or more.
    pub price: Money,
    /// The price it is compared with: higher than `price`, of the same currency.
    pub compare_at: Option<Money>,
    /// Units the source says are there; `None` when it says nothing: see [`Offer::initial_stock`].
    pub stock: Option<i64>,
    /// Units of a new variant where the source says nothing.
    pub default_stock: i64,
    /// What happens when they run out; `None` when the source says nothing: as it is, and of a new variant no more is sold than there
    /// is.
    pub policy: Option<StockPolicy>,
}

impl Offer {
    /// Units to start a *new* variant with. An import never sets the stock of a known variant when `stock` is `None`,
    /// else every repeated import would undo the sales since.
    pub fn initial_stock(&self) -> i64 {
        self.stock.unwrap_or(self.default_stock)
    }
}

impl ProductDraft {
    /// The variants with their offers.
    pub fn offered(&self) -> impl Iterator<Item = (&VariantInput, &Offer)> {
        self.product.variants.iter().zip(&self.offers)
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
    /// Refuses what breaks a limit or contradicts itself.
    pub fn check(&self) -> Result<(), Defect> {
        let product = &self.product;
        line("source", &product.source, limits::SOURCE_CHARS)?;
        line("external_id", &product.external_id, limits::EXTERNAL_ID_CHARS)?;
        line("title", &product.title, limits::TITLE_CHARS)?;
        check_slug(&product.slug)?;
        optional_line("brand", product.brand.as_deref(), limits::NAME_CHARS)?;
        text("description", &product.description, limits::DESCRIPTION_CHARS)?;
        let html = product.description_html.as_deref().unwrap_or_default();
        text("description_html", html, limits::DESCRIPTION_HTML_CHARS)?;
        optional_line("seo_title", product.seo_title.as_deref(), limits::TITLE_CHARS)?;
        optional_line("seo_description", product.seo_description.as_deref(), limits::SEO_DESCRIPTION_CHARS)?;
        if self.category.is_empty() {
            return Err(Defect::new("missing_category", "the product has no category"));
        }
        count("category levels", self.category.len(), limits::CATEGORY_LEVELS)?;
        self.category.iter().try_for_each(|name| line("category", name, limits::NAME_CHARS))?;
        count("tags", product.tags.len(), limits::TAGS)?;
        product.tags.iter().try_for_each(|tag| line("tag", tag, limits::NAME_CHARS))?;
        count("media", product.media.len(), limits::MEDIA)?;
        product.media.iter().enumerate().try_for_each(|(at, media)| self.check_media(at, media))?;
        check_attributes(&product.attributes)?;
        self.check_variants()
    }

    fn check_media(&self, at: usize, media: &MediaInput) -> Result<(), Defect> {
        text("media alt text", &media.alt, limits::TITLE_CHARS)?;
        let address = media.source_url.as_deref().or(media.url.as_deref()).unwrap_or_default();
        if address.is_empty() && self.files.contains_key(&at) {
            return Ok(());
        }
        line("media url", address, limits::URL_CHARS)?;
        let is_sound = if media.source_url.is_some() { crate::text::is_web_url(address) } else { is_stored(address) };
        if !is_sound {
            let reason = format!("{:?} is not an http or https address", clip(address));
            return Err(Defect::new("invalid_media", reason));
        }
        Ok(())
    }

    fn check_variants(&self) -> Result<(), Defect> {
        let product = &self.product;
        count("options", product.options.len(), limits::OPTIONS)?;
        count("variants", product.variants.len(), limits::VARIANTS)?;
        let Some(first) = self.offers.first() else {
            return Err(Defect::new("missing_variant", "the product has no variant"));
        };
        if self.offers.len() != product.variants.len() {
            return Err(Defect::new("missing_price", "a variant has no price"));
        }
        for (i, option) in product.options.iter().enumerate() {
            line("option", &option.name, limits::NAME_CHARS)?;
            let used: HashSet<_> = product.variants.iter().filter_map(|v| v.option_values.get(i)).collect();
            let listed: HashSet<_> = option.values.iter().collect();
            if used != listed || listed.len() != option.values.len() {
                let reason = format!("the values of option {} are not those of the variants", option.name);
                return Err(Defect::new("invalid_options", reason));
            }
            if product.options[..i].iter().any(|other| other.name == option.name) {
                return Err(Defect::new("invalid_options", format!("option {} stands twice", option.name)));
            }
        }
        let mut skus = HashSet::new();
        let mut choices = HashSet::new();
        for (variant, offer) in self.offered() {
            self.check_variant(variant)?;
            offer.check(&variant.sku, first.price)?;
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

    fn check_variant(&self, variant: &VariantInput) -> Result<(), Defect> {
        line("sku", &variant.sku, limits::SKU_CHARS)?;
        optional_line("variant external_id", variant.external_id.as_deref(), limits::EXTERNAL_ID_CHARS)?;
        optional_line("barcode", variant.barcode.as_deref(), limits::BARCODE_CHARS)?;
        line("tax_category", &variant.tax_category, limits::NAME_CHARS)?;
        if variant.option_values.len() != self.product.options.len() {
            let reason = format!("variant {} does not have one value for each option", variant.sku);
            return Err(Defect::new("invalid_options", reason));
        }
        variant.option_values.iter().try_for_each(|value| line("option value", value, limits::NAME_CHARS))?;
        if variant.media.is_some_and(|at| at as usize >= self.product.media.len()) {
            return Err(Defect::new("invalid_media", format!("the picture of {} is not among the media", variant.sku)));
        }
        Ok(())
    }
}

impl Offer {
    fn check(&self, sku: &str, first: Money) -> Result<(), Defect> {
        let price = self.price;
        if price.amount < 0 {
            return Err(Defect::new("negative_price", format!("{sku} costs less than nothing: {price}")));
        }
        if price.amount > limits::PRICE_MINOR {
            return Err(Defect::new("price_too_high", format!("the price of {sku} is above the limit")));
        }
        if price.currency != first.currency {
            return Err(Defect::new("currency_mismatch", "the variants are priced in more than one currency"));
        }
        if let Some(before) = self.compare_at
            && (before.currency != price.currency
                || before.amount <= price.amount
                || before.amount > limits::PRICE_MINOR)
        {
            let reason = format!("compare_at of {sku} is not above its price in the same currency");
            return Err(Defect::new("invalid_compare_at", reason));
        }
        if self.stock.is_some_and(|units| !(0..=limits::STOCK_UNITS).contains(&units)) {
            let reason = format!("stock of {sku} is not between 0 and {}", limits::STOCK_UNITS);
            return Err(Defect::new("invalid_stock", reason));
        }
        Ok(())
    }
}

fn check_attributes(attributes: &[Attribute]) -> Result<(), Defect> {
    count("attributes", attributes.len(), limits::ATTRIBUTES)?;
    for attribute in attributes {
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
            AttributeValue::Number { value, unit } => {
                if !value.parse::<Decimal>().is_ok_and(|decimal| decimal.to_string() == *value) {
                    let reason = format!("attribute {key} is no decimal number in its shortest form: {}", clip(value));
                    return Err(Defect::new("invalid_attribute", reason));
                }
                optional_line("unit", unit.as_deref(), limits::UNIT_CHARS)?;
            }
            AttributeValue::Bool(_) => {}
        }
    }
    if let Some(pair) = attributes.windows(2).find(|pair| pair[0].key >= pair[1].key) {
        let reason = format!("attributes are not sorted by key, or {} stands twice", pair[1].key);
        return Err(Defect::new("invalid_attribute", reason));
    }
    Ok(())
}

fn check_slug(slug: &str) -> Result<(), Defect> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if slug.is_empty() || slug.len() > limits::SLUG_CHARS || !slug.bytes().all(plain) {
        let reason = format!("slug {:?} is not 1 to {} characters of [a-z0-9-]", clip(slug), limits::SLUG_CHARS);
        return Err(Defect::new("invalid_slug", reason));
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

/// A picture that lies elsewhere, at `source_url`.
pub fn picture(source_url: String, alt: String) -> MediaInput {
    MediaInput { url: None, source_url: Some(source_url), alt, width: None, height: None }
}

/// True for an address at which the shop itself keeps pictures.
pub(crate) fn is_stored(url: &str) -> bool {
    url.starts_with("/media/") && !url.contains("..") && !url.contains('\\') && !url.contains(char::is_whitespace)
}

/// Where the picture at `address`, elsewhere or in the shop, stands among `media`.
pub(crate) fn index_of(media: &[MediaInput], address: &str) -> Option<u32> {
    let at = media.iter().position(|media| media.source_url.as_deref().or(media.url.as_deref()) == Some(address))?;
    u32::try_from(at).ok()
}

/// The beginning of something that may be very long, for a message.
pub(crate) fn clip(text: &str) -> String {
    match text.char_indices().nth(limits::MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
