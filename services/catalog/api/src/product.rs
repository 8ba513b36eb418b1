//! Product types of the contract: the product as every caller sees it, and as an import brings it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CategoryId, Look, ProductId, VariantId};

/// Whether buyers see a product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// On sale.
    Published,
    /// On sale for whoever has its address: in no list, search, feed or sitemap.
    Unlisted,
    /// Seen by staff only.
    #[default]
    Draft,
}

/// A product with everything the catalogue knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// The product.
    pub id: ProductId,
    /// Where it was imported from, `icecat`.
    pub source: Option<String>,
    /// The source's own id.
    pub external_id: Option<String>,
    /// Address below `/p/`.
    pub slug: String,
    /// Name; one line of plain text.
    pub title: String,
    /// Maker or label.
    pub brand: Option<String>,
    /// Plain text; paragraphs are separated by line feeds. Never markup.
    pub description: String,
    /// The same as HTML that pages may show as it is, where it came as HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_html: Option<String>,
    /// Whether buyers see it.
    pub status: Status,
    /// Its category.
    pub category_id: Option<CategoryId>,
    /// From the root to its category, for breadcrumbs and caches.
    pub category_path: Vec<CategoryId>,
    /// Slug of its category alone, `notebooks`: the motif of the drawn picture.
    #[serde(default)]
    pub motif: String,
    /// Typed properties, sorted by key.
    pub attributes: Vec<Attribute>,
    /// What a buyer chooses by; empty for a product with one variant.
    pub options: Vec<ProductOption>,
    /// What is sold, in display order; at least one.
    pub variants: Vec<Variant>,
    /// Pictures, the first is the main one; may be empty.
    pub media: Vec<Media>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Title for search engines, when it differs.
    pub seo_title: Option<String>,
    /// Description for search engines.
    pub seo_description: Option<String>,
    /// Rises with every change.
    pub version: i64,
    /// First seen.
    pub created_at: Timestamp,
    /// Last changed.
    pub updated_at: Timestamp,
}

impl Product {
    /// Its picture, relative to the shop's root: the first that is stored in the shop, else a drawn one.
    pub fn image(&self) -> String {
        picture(&self.media, None, &self.motif, &self.slug)
    }

    /// How that picture looks before it is there; nothing is known of a drawn one.
    pub fn look(&self) -> Look {
        self.media.iter().find(|media| media.url.is_some()).map(|media| media.look.clone()).unwrap_or_default()
    }

    /// The picture that shows this variant, else the product's.
    pub fn variant_image(&self, variant: &Variant) -> String {
        picture(&self.media, variant.media, &self.motif, &self.slug)
    }

    /// The variant with this SKU.
    pub fn variant(&self, sku: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.sku == sku)
    }
}

impl Variant {
    /// `Silver / Large`; empty when there is nothing to choose.
    pub fn options_text(&self) -> String {
        self.option_values.join(" / ")
    }
}

/// The one rule for pictures. Without one of its own a product shows `/media/art/<motif>/<seed>.svg`, which the
/// storefront draws: the motif is the slug of its category, the seed its own slug.
fn picture(media: &[Media], wanted: Option<u32>, motif: &str, slug: &str) -> String {
    let wanted = wanted.and_then(|at| usize::try_from(at).ok()).and_then(|at| media.get(at)?.url.as_ref());
    match wanted.or_else(|| media.iter().find_map(|media| media.url.as_ref())) {
        Some(url) => url.clone(),
        None if motif.is_empty() => format!("/media/art/other/{slug}.svg"),
        None => format!("/media/art/{motif}/{slug}.svg"),
    }
}

/// One property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Stable name of `[a-z0-9_]`.
    pub key: String,
    /// Name for people.
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
    /// An exact decimal in its shortest form.
    Number {
        /// `17.3`.
        value: String,
        /// `in`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
    },
    /// Yes or no.
    Bool(bool),
}

impl AttributeValue {
    /// As it is shown to people and counted in facets: `Silver`, `17.3 in`, `Yes`.
    pub fn display(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number { value, unit: Some(unit) } => format!("{value} {unit}"),
            Self::Number { value, unit: None } => value.clone(),
            Self::Bool(true) => "Yes".into(),
            Self::Bool(false) => "No".into(),
        }
    }
}

/// Something a buyer chooses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductOption {
    /// `Size`.
    pub name: String,
    /// In display order.
    pub values: Vec<String>,
}

/// One thing that can be put into a cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The variant.
    pub id: VariantId,
    /// The source's own id.
    pub external_id: Option<String>,
    /// Unique in the shop.
    pub sku: String,
    /// One per option, in their order.
    pub option_values: Vec<String>,
    /// EAN, UPC or GTIN as printed.
    pub barcode: Option<String>,
    /// Shipping weight; 0 when unknown.
    pub weight_grams: u32,
    /// Which tax rate applies, `standard`.
    pub tax_category: String,
    /// Index into the product's media of the picture that shows it.
    pub media: Option<u32>,
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Address relative to the shop's root, `/media/<hash>.svg`; none until the picture has been fetched from its source.
    pub url: Option<String>,
    /// Where it was or will be fetched from.
    pub source_url: Option<String>,
    /// For those who do not see it.
    pub alt: String,
    /// Pixels, when known.
    pub width: Option<u32>,
    /// Pixels, when known.
    pub height: Option<u32>,
    /// How it looks before it is there, and where it may be cut.
    #[serde(flatten)]
    pub look: Look,
}

/// A product as an import brings it. The identity is (source, external id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductInput {
    /// `icecat`.
    pub source: String,
    /// The source's own id.
    pub external_id: String,
    /// Wanted address; a number is appended when another product holds it.
    pub slug: String,
    /// One line.
    pub title: String,
    /// Maker or label.
    pub brand: Option<String>,
    /// Plain text.
    pub description: String,
    /// The same as HTML, where it came as HTML. The catalogue leaves out what no page may show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_html: Option<String>,
    /// Whether buyers see it.
    pub status: Status,
    /// From `put_categories`.
    pub category_id: CategoryId,
    /// Sorted by key.
    pub attributes: Vec<Attribute>,
    /// What a buyer chooses by.
    pub options: Vec<ProductOption>,
    /// At least one.
    pub variants: Vec<VariantInput>,
    /// Pictures.
    pub media: Vec<MediaInput>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Title for search engines.
    pub seo_title: Option<String>,
    /// Description for search engines.
    pub seo_description: Option<String>,
    /// Fingerprint of the above: equal means unchanged.
    pub content_hash: String,
}

/// A variant as an import brings it; its identity within the product is the SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantInput {
    /// The source's own id.
    pub external_id: Option<String>,
    /// Unique in the shop; taken by another product: that product is refused with `sku_taken`.
    pub sku: String,
    /// One per option.
    pub option_values: Vec<String>,
    /// EAN, UPC or GTIN.
    pub barcode: Option<String>,
    /// Grams; 0 when unknown.
    pub weight_grams: u32,
    /// Tax category.
    pub tax_category: String,
    /// Index into `media`.
    pub media: Option<u32>,
}

/// A picture as an import brings it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaInput {
    /// Already stored in the shop (`/media/...`).
    pub url: Option<String>,
    /// Lies elsewhere.
    pub source_url: Option<String>,
    /// For those who do not see it.
    pub alt: String,
    /// Pixels, when known.
    pub width: Option<u32>,
    /// Pixels, when known.
    pub height: Option<u32>,
}

/// What became of one input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductOutcome {
    /// The source's own id.
    pub external_id: String,
    /// The product, unless refused (or new in a dry run).
    pub id: Option<ProductId>,
    /// What happened.
    pub outcome: Outcome,
}

/// What happened to one input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// New.
    Created,
    /// Known and different.
    Updated,
    /// Known and the same.
    Unchanged,
    /// Not taken, with a stable code and a sentence.
    Refused {
        /// `sku_taken`.
        code: String,
        /// For people.
        reason: String,
    },
}
