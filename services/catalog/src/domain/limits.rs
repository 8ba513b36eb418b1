//! Limits of what the catalogue keeps, in characters unless said otherwise. At least those of the importers, which
//! refuse by line; here they keep one bad caller from filling pages, index and caches.

/// Source's name.
pub const SOURCE: usize = 40;
/// A source's id of something.
pub const EXTERNAL_ID: usize = 200;
/// Slug, also with its number appended.
pub const SLUG: usize = 130;
/// Title.
pub const TITLE: usize = 400;
/// Brand, category, option, option value, tag, label, tax category.
pub const NAME: usize = 150;
/// Description.
pub const DESCRIPTION: usize = 50_000;
/// Description for search engines.
pub const SEO_DESCRIPTION: usize = 1_000;
/// Characters of a description with its markup.
pub const DESCRIPTION_HTML: usize = 200_000;
/// Attributes of a product.
pub const ATTRIBUTES: usize = 400;
/// Attribute key, in bytes.
pub const ATTRIBUTE_KEY: usize = 120;
/// Text of an attribute.
pub const ATTRIBUTE_TEXT: usize = 10_000;
/// Unit.
pub const UNIT: usize = 20;
/// Options of a product.
pub const OPTIONS: usize = 5;
/// Variants of a product: each is a row and a line of its page.
pub const VARIANTS: usize = 1_000;
/// Pictures of a product.
pub const MEDIA: usize = 250;
/// Tags of a product.
pub const TAGS: usize = 250;
/// SKU.
pub const SKU: usize = 120;
/// Barcode.
pub const BARCODE: usize = 40;
/// Address on the web.
pub const URL: usize = 2_048;
/// Fingerprint of a product's content.
pub const CONTENT_HASH: usize = 128;
/// Grams of one piece: a lorry.
pub const WEIGHT_GRAMS: u32 = 40_000_000;
/// Levels of the category tree; importers use at most 5.
pub const CATEGORY_LEVELS: usize = 8;
/// Nodes of the category tree: every caller keeps the whole of it.
pub const CATEGORIES: usize = 20_000;
/// Facets of a category: more do not help a buyer and cost in every search.
pub const FACETS: usize = 8;
/// Characters of a title that decide its place in a sorted list.
pub const TITLE_KEY: usize = 80;
