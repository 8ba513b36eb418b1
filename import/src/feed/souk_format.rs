//! Souk's own format: NDJSON, one product a line, with the format's name first. `souk export` writes it and the importer
//! knows it by itself, so that an export that is imported again changes nothing.
//!
//! The fields of products, variants and pictures are spelled out here, because files outlive releases and have a version of
//! their own. Attributes, options, prices and the status are written as the contract has them: a change there is one here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use souk_catalog_api::{Attribute, AttributeValue, MediaInput, ProductInput, ProductOption, Status, VariantInput};
use souk_inventory_api::StockPolicy;
use souk_kernel::{Currency, Money};

use super::record::{Record, Value};
use crate::decimal::Decimal;
use crate::draft::{DEFAULT_TAX_CATEGORY, Defect, NO_CATEGORY, Offer, ProductDraft, clip, index_of};
use crate::pictures::PictureFiles;

/// Name and version of the format; a version only rises when older readers would misread it.
pub const FORMAT: &str = "souk.product/1";

/// A product as a line has it.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    source: Cow<'a, str>,
    external_id: Cow<'a, str>,
    slug: Cow<'a, str>,
    title: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    brand: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    description: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description_html: Option<Cow<'a, str>>,
    category: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    attributes: Cow<'a, [Attribute]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    options: Cow<'a, [ProductOption]>,
    variants: Vec<VariantLine<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    media: Vec<MediaLine<'a>>,
    #[serde(default = "published")]
    status: Status,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    tags: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seo_title: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seo_description: Option<Cow<'a, str>>,
}

/// A variant with its offer. Its picture is named by address.
#[derive(Serialize, Deserialize)]
struct VariantLine<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_id: Option<Cow<'a, str>>,
    sku: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    option_values: Cow<'a, [String]>,
    price: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compare_at: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    barcode: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight_grams: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stock: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stock_policy: Option<StockPolicy>,
    #[serde(default = "default_tax_category")]
    tax_category: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct MediaLine<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_url: Option<Cow<'a, str>>,
    /// Where the shop keeps it; said only of what has no address elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    alt: Cow<'a, str>,
}

fn published() -> Status {
    Status::Published
}

fn default_tax_category() -> Cow<'static, str> {
    Cow::Borrowed(DEFAULT_TAX_CATEGORY)
}

/// Writes one draft as a line. A picture that has no address elsewhere is named by where the shop keeps it.
pub fn write(out: &mut impl Write, draft: &ProductDraft) -> io::Result<()> {
    let json = serde_json::to_string(&Line::from(draft)).map_err(io::Error::other)?;
    writeln!(out, "{{\"format\":\"{FORMAT}\",{}", &json[1..])
}

/// True for the beginning of a file in this format.
pub(crate) fn is_souk_format(beginning: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    let line = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let named = line.windows(14).any(|part| part == b"\"souk.product/");
    // A first line that is damaged further on, or longer than the beginning, still tells what the file is.
    named
        && (serde_json::from_slice::<Head>(line).is_ok_and(|head| head.format.starts_with("souk.product/"))
            || line.starts_with(b"{\"format\":\"souk.product/"))
}

/// Reads a draft, with what had to be mended in it; nothing when it is priced in another currency than the wanted one.
pub(crate) fn read(
    row: &Record,
    wanted: Option<Currency>,
    pictures: Option<&PictureFiles>,
) -> Result<Option<(ProductDraft, Vec<Defect>)>, Defect> {
    match row.text("format") {
        Some(format) if format == FORMAT => {}
        Some(other) => {
            return Err(Defect::new("unknown_format", format!("the form {:?} is not {FORMAT}", clip(&other))));
        }
        None => return Err(Defect::new("unknown_format", format!("the line does not say it is {FORMAT}"))),
    }
    let line: Line<'static> = serde_json::from_value(json(row))
        .map_err(|error| Defect::new("invalid_draft", format!("no valid product: {}", clip(&error.to_string()))))?;
    let mut draft = line.into_draft()?;
    let mended = draft.mend(pictures);
    draft.check()?;
    let other = |currency: Currency| draft.offers.iter().any(|offer| offer.price.currency != currency);
    Ok(if wanted.is_some_and(other) { None } else { Some((draft, mended)) })
}

fn borrowed(text: &Option<String>) -> Option<Cow<'_, str>> {
    text.as_deref().map(Cow::Borrowed)
}

impl<'a> From<&'a ProductDraft> for Line<'a> {
    fn from(draft: &'a ProductDraft) -> Self {
        let product = &draft.product;
        let address = |at: Option<u32>| {
            let media = product.media.get(usize::try_from(at?).ok()?)?;
            media.source_url.as_deref().or(media.url.as_deref())
        };
        let variants = draft.offered().map(|(variant, offer)| VariantLine {
            external_id: borrowed(&variant.external_id),
            sku: (&variant.sku).into(),
            option_values: (&variant.option_values).into(),
            price: offer.price,
            compare_at: offer.compare_at,
            barcode: borrowed(&variant.barcode),
            weight_grams: (variant.weight_grams > 0).then_some(variant.weight_grams),
            stock: offer.stock,
            stock_policy: offer.policy,
            tax_category: (&variant.tax_category).into(),
            media: address(variant.media).map(Cow::Borrowed),
        });
        let media = product.media.iter().map(|media| MediaLine {
            source_url: borrowed(&media.source_url),
            url: borrowed(&media.url).filter(|_| media.source_url.is_none()),
            alt: (&media.alt).into(),
        });
        Line {
            source: (&product.source).into(),
            external_id: (&product.external_id).into(),
            slug: (&product.slug).into(),
            title: (&product.title).into(),
            brand: borrowed(&product.brand),
            description: (&product.description).into(),
            description_html: borrowed(&product.description_html),
            category: (&draft.category).into(),
            attributes: (&product.attributes).into(),
            options: (&product.options).into(),
            variants: variants.collect(),
            media: media.collect(),
            status: product.status,
            tags: (&product.tags).into(),
            seo_title: borrowed(&product.seo_title),
            seo_description: borrowed(&product.seo_description),
        }
    }
}

impl Line<'_> {
    fn into_draft(self) -> Result<ProductDraft, Defect> {
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let media = self.media.into_iter().map(|media| MediaInput {
            url: owned(media.url),
            source_url: owned(media.source_url),
            alt: media.alt.into_owned(),
            width: None,
            height: None,
        });
        let media: Vec<_> = media.collect();
        let mut variants = Vec::with_capacity(self.variants.len());
        let mut offers = Vec::with_capacity(self.variants.len());
        for line in self.variants {
            let shown = line.media.map(|url| {
                let absent = || format!("the picture of {} is not among the media", line.sku);
                index_of(&media, &url).ok_or_else(|| Defect::new("invalid_media", absent()))
            });
            offers.push(Offer {
                price: line.price,
                compare_at: line.compare_at,
                stock: line.stock,
                default_stock: 0,
                policy: line.stock_policy,
            });
            variants.push(VariantInput {
                media: shown.transpose()?,
                external_id: owned(line.external_id),
                sku: line.sku.into_owned(),
                option_values: line.option_values.into_owned(),
                barcode: owned(line.barcode),
                weight_grams: line.weight_grams.unwrap_or(0),
                tax_category: line.tax_category.into_owned(),
            });
        }
        let product = ProductInput {
            source: self.source.into_owned(),
            external_id: self.external_id.into_owned(),
            slug: self.slug.into_owned(),
            title: self.title.into_owned(),
            brand: owned(self.brand),
            description: self.description.into_owned(),
            description_html: self.description_html.map(|html| souk_html::safe(&html)),
            status: self.status,
            category_id: NO_CATEGORY,
            attributes: self.attributes.into_owned().into_iter().map(shortest).collect(),
            options: self.options.into_owned(),
            variants,
            media,
            tags: self.tags.into_owned(),
            seo_title: owned(self.seo_title),
            seo_description: owned(self.seo_description),
            content_hash: String::new(),
        };
        Ok(ProductDraft { product, category: self.category.into_owned(), offers, files: BTreeMap::new() })
    }
}

/// `17.30` is `17.3`: numbers in their shortest form, in which equal ones are equal. What is no number stays, and is refused
/// by [`ProductDraft::check`].
fn shortest(mut attribute: Attribute) -> Attribute {
    if let AttributeValue::Number { value, .. } = &mut attribute.value
        && let Ok(decimal) = value.parse::<Decimal>()
    {
        *value = decimal.to_string();
    }
    attribute
}

fn json(row: &Record) -> serde_json::Value {
    fn of(value: &Value) -> serde_json::Value {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Number(text) => serde_json::from_str(text).unwrap_or(serde_json::Value::Null),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(of).collect(),
            Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), of(value))).collect(),
        }
    }
    row.iter().filter(|(name, _)| *name != "format").map(|(name, value)| (name.to_owned(), of(value))).collect()
}
