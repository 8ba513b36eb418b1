//! Product views of the public API: the catalogue's facts with pricing's prices and inventory's stock.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;
use souk_catalog_api::{
    AttributeValue, Category, CategoryId, Format, Media, PreparedPicture, Product, ProductId, Variant, VariantId,
};
use souk_kernel::Money;
use souk_web::Cdn;

/// What a variant costs and whether it is there.
pub(super) struct Offer {
    pub(super) price: Money,
    pub(super) compare_at: Option<Money>,
    pub(super) available: i64,
}

/// Offers by SKU; a SKU without a price has none.
pub(super) struct Offers(pub(super) HashMap<String, Offer>);

impl Offers {
    /// The cheapest offer of a product, buyable ones first.
    fn best(&self, product: &Product) -> Option<&Offer> {
        let offers = product.variants.iter().filter_map(|variant| self.0.get(&variant.sku));
        offers.min_by_key(|offer| (offer.available <= 0, offer.price.amount))
    }
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProductPage")]
pub(super) struct ProductPageJson {
    /// The products.
    pub(super) items: Vec<ProductSummaryJson>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}

/// A product in a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProductSummary")]
pub(super) struct ProductSummaryJson {
    /// The product.
    id: ProductId,
    /// Its id in the source it was imported from.
    external_id: Option<String>,
    /// Address below `/p/`.
    slug: String,
    /// Name.
    title: String,
    /// Maker.
    brand: Option<String>,
    /// Its category.
    category_id: Option<CategoryId>,
    /// Picture: relative to the shop's root, or absolute when the shop has a CDN.
    image: String,
    /// Cheapest variant, buyable ones first; absent when none has a price.
    price: Option<Money>,
    /// What that one is compared with.
    compare_at: Option<Money>,
    /// Something of it can be bought now.
    available: bool,
    /// What is sold.
    variants: Vec<VariantJson>,
}

/// A product with everything about it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Product")]
pub(super) struct ProductJson {
    #[serde(flatten)]
    summary: ProductSummaryJson,
    /// From the root to its category.
    category_path: Vec<CategoryId>,
    /// Plain text; paragraphs are separated by line feeds.
    description: String,
    /// The same as HTML that a page may show as it is, where it came as HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    description_html: Option<String>,
    /// Properties, sorted by key.
    attributes: Vec<AttributeJson>,
    /// What a buyer chooses by.
    options: Vec<OptionJson>,
    /// Pictures.
    media: Vec<MediaJson>,
    /// Free labels.
    tags: Vec<String>,
    /// Title for search engines, when it differs.
    seo_title: Option<String>,
    /// Description for search engines.
    seo_description: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

/// Something that can be put into a cart.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Variant")]
struct VariantJson {
    /// The variant.
    id: VariantId,
    /// Its id in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    /// Unique in the shop.
    sku: String,
    /// Per unit; absent: it cannot be bought.
    price: Option<Money>,
    /// What it is compared with.
    compare_at: Option<Money>,
    /// At least one can be bought now.
    available: bool,
    /// One per option of the product.
    option_values: Vec<String>,
    /// EAN, UPC or GTIN.
    barcode: Option<String>,
    /// Shipping weight; 0 when unknown.
    weight_grams: u32,
    /// Picture: relative to the shop's root, or absolute when the shop has a CDN.
    image: String,
}

/// A property.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Attribute")]
struct AttributeJson {
    /// Stable name.
    key: String,
    /// Name for people.
    label: String,
    /// `text`, `number` or `bool`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The text, an exact decimal, or `true` or `false`.
    value: String,
    /// Unit of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
}

/// Something a buyer chooses.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProductOption")]
struct OptionJson {
    /// `Size`.
    name: String,
    /// In display order.
    values: Vec<String>,
}

/// A picture.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Media")]
struct MediaJson {
    /// Relative to the shop's root, or absolute when the shop has a CDN; absent until it has been fetched from its source.
    url: Option<String>,
    /// For those who do not see it.
    alt: String,
    /// Pixels.
    width: Option<u32>,
    /// Pixels.
    height: Option<u32>,
    /// The same picture in several sizes and formats, for `srcset`: the smallest format first, and the narrowest of each. None
    /// of drawings, which fit any size.
    renditions: Vec<RenditionJson>,
    /// A blurred miniature, as a `data:` address, to show until the picture is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    placeholder: Option<String>,
    /// Where the picture may be cut: the place that stays visible, in percent from the left and from the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    focus: Option<[u8; 2]>,
}

/// A file of a picture.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rendition")]
struct RenditionJson {
    /// Relative to the shop's root, or absolute when the shop has a CDN.
    url: String,
    /// Pixels. The height follows from the picture's proportions.
    width: u16,
    /// Content type: `image/avif`, `image/webp` or `image/jpeg`.
    #[serde(rename = "type")]
    mime: &'static str,
}

/// The category tree.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Categories")]
pub(super) struct CategoriesJson {
    /// Parents before children, siblings in order.
    pub(super) items: Vec<CategoryJson>,
}

/// A category.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Category")]
pub(super) struct CategoryJson {
    /// The node.
    id: CategoryId,
    /// Its parent; absent for a root.
    parent_id: Option<CategoryId>,
    /// Address below `/c/`, and what lists and searches are filtered by.
    path: String,
    /// Name.
    name: String,
    /// Published products here and below.
    products: i64,
    /// Attributes buyers filter by here, most useful first.
    facets: Vec<FacetJson>,
}

/// An attribute buyers filter by.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CategoryFacet")]
struct FacetJson {
    /// Attribute key: `attr.<key>` filters a search.
    key: String,
    /// Name for people.
    label: String,
}

pub(super) fn summary(product: &Product, offers: &Offers, cdn: &Cdn) -> ProductSummaryJson {
    let best = offers.best(product);
    ProductSummaryJson {
        id: product.id,
        external_id: product.external_id.clone(),
        slug: product.slug.clone(),
        title: product.title.clone(),
        brand: product.brand.clone(),
        category_id: product.category_id,
        image: cdn.url(&product.image()),
        price: best.map(|offer| offer.price),
        compare_at: best.and_then(|offer| offer.compare_at),
        available: best.is_some_and(|offer| offer.available > 0),
        variants: product.variants.iter().map(|variant| variant_json(product, variant, offers, cdn)).collect(),
    }
}

pub(super) fn product(product: &Product, offers: &Offers, cdn: &Cdn) -> ProductJson {
    let attributes = product.attributes.iter().map(|attribute| {
        let (kind, value, unit) = match &attribute.value {
            AttributeValue::Text(text) => ("text", text.clone(), None),
            AttributeValue::Number { value, unit } => ("number", value.clone(), unit.clone()),
            AttributeValue::Bool(value) => ("bool", value.to_string(), None),
        };
        AttributeJson { key: attribute.key.clone(), label: attribute.label.clone(), kind, value, unit }
    });
    let options = product.options.iter();
    ProductJson {
        summary: summary(product, offers, cdn),
        category_path: product.category_path.clone(),
        description: product.description.clone(),
        description_html: product.description_html.clone(),
        attributes: attributes.collect(),
        options: options.map(|o| OptionJson { name: o.name.clone(), values: o.values.clone() }).collect(),
        media: product.media.iter().map(|media| media_json(media, cdn)).collect(),
        tags: product.tags.clone(),
        seo_title: product.seo_title.clone(),
        seo_description: product.seo_description.clone(),
        created_at: product.created_at.to_string(),
        updated_at: product.updated_at.to_string(),
    }
}

fn media_json(media: &Media, cdn: &Cdn) -> MediaJson {
    let prepared = media.url.as_deref().and_then(PreparedPicture::parse);
    let rendition = |format: Format, (width, address): (u16, String)| RenditionJson {
        url: cdn.url(&address),
        width,
        mime: format.mime(),
    };
    let renditions = |picture: &PreparedPicture<'_>| {
        let files = Format::ALL
            .into_iter()
            .flat_map(|format| picture.renditions(format).map(move |file| rendition(format, file)));
        files.collect()
    };
    MediaJson {
        url: media.url.as_deref().map(|url| cdn.url(url)),
        alt: media.alt.clone(),
        // What the address says is what the file has; what an import said is about the file it was made of.
        width: prepared.as_ref().map(|picture| picture.width.into()).or(media.width),
        height: prepared.as_ref().map(|picture| picture.height.into()).or(media.height),
        renditions: prepared.as_ref().map(renditions).unwrap_or_default(),
        placeholder: media.look.placeholder.clone(),
        focus: media.look.focus,
    }
}

fn variant_json(product: &Product, variant: &Variant, offers: &Offers, cdn: &Cdn) -> VariantJson {
    let offer = offers.0.get(&variant.sku);
    VariantJson {
        id: variant.id,
        external_id: variant.external_id.clone(),
        sku: variant.sku.clone(),
        price: offer.map(|offer| offer.price),
        compare_at: offer.and_then(|offer| offer.compare_at),
        available: offer.is_some_and(|offer| offer.available > 0),
        option_values: variant.option_values.clone(),
        barcode: variant.barcode.clone(),
        weight_grams: variant.weight_grams,
        image: cdn.url(&product.variant_image(variant)),
    }
}

pub(super) fn category(category: &Category) -> CategoryJson {
    let facets = category.facets.iter().map(|f| FacetJson { key: f.key.clone(), label: f.label.clone() });
    CategoryJson {
        id: category.id,
        parent_id: category.parent_id,
        path: category.path.clone(),
        name: category.name.clone(),
        products: category.products,
        facets: facets.collect(),
    }
}
