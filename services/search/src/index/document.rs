//! From a product with its prices and stock to a document.

use std::collections::HashMap;

use souk_catalog_api::{Attribute, AttributeValue, Product, Status, Variant};
use souk_pricing_api::Price;
use souk_search_api::Hit;
use tantivy::TantivyDocument;

use super::schema::fields;

/// Stands between key and value of an attribute's term; no text that people see contains it.
const SEPARATOR: char = '\u{1f}';
/// Characters of a value one filters by: longer ones are texts, not properties.
const MAX_VALUE: usize = 80;
/// How often the brand is written among the strong words: before codes, which are before category names.
const BRAND_WEIGHT: usize = 3;
const CODE_WEIGHT: usize = 2;
/// Characters of a title that decide its place in a sorted list.
const TITLE_KEY: usize = 80;

/// A product that buyers can find.
pub struct Entry<'a> {
    product: &'a Product,
    /// Names from the root to its category.
    category: &'a [&'a str],
    /// As it is shown.
    pub hit: Hit,
}

/// The term of an attribute with this value, when it is short enough to filter by.
pub fn attribute_term(key: &str, value: &str) -> Option<String> {
    (!value.is_empty() && value.chars().count() <= MAX_VALUE).then(|| format!("{key}{SEPARATOR}{value}"))
}

/// Key and value of an attribute's term.
pub fn split_term(term: &str) -> Option<(&str, &str)> {
    term.split_once(SEPARATOR)
}

impl<'a> Entry<'a> {
    /// None for what buyers do not find: drafts, and what has no price.
    pub fn new(
        product: &'a Product,
        category: &'a [&'a str],
        prices: &HashMap<String, Price>,
        stock: &HashMap<String, i64>,
    ) -> Option<Self> {
        if product.status != Status::Published {
            return None;
        }
        let priced = || product.variants.iter().filter_map(|variant| prices.get(&variant.sku));
        let cheapest = priced().min_by_key(|price| price.price.amount)?;
        let in_stock = |variant: &&Variant| stock.get(&variant.sku).is_some_and(|units| *units > 0);
        let mut buyable = product.variants.iter().filter(|variant| prices.contains_key(&variant.sku)).filter(in_stock);
        let hit = Hit {
            id: product.id.uuid(),
            external_id: product.external_id.clone(),
            slug: product.slug.clone(),
            title: product.title.clone(),
            brand: product.brand.clone(),
            price: cheapest.price,
            compare_at: cheapest.compare_at,
            price_varies: priced().any(|price| price.price.amount != cheapest.price.amount),
            available: buyable.next().is_some(),
            image: product.image(),
            sku: match product.variants.as_slice() {
                [only] => Some(only.sku.clone()),
                _ => None,
            },
        };
        Some(Self { product, category, hit })
    }

    /// The document.
    ///
    /// # Errors
    /// When the hit cannot be encoded.
    pub fn document(&self) -> serde_json::Result<TantivyDocument> {
        let (_, field) = fields();
        let product = self.product;
        let mut document = TantivyDocument::new();
        document.add_bytes(field.id, product.id.uuid().as_bytes());
        document.add_bytes(field.hit, &serde_json::to_vec(&self.hit)?);
        document.add_text(field.title, &product.title);
        document.add_text(field.title_key, title_key(&product.title));
        document.add_u64(field.price, self.hit.price.amount.unsigned_abs());
        document.add_u64(field.available, u64::from(self.hit.available));
        document.add_u64(field.newest, newest(product));
        if let Some(brand) = &product.brand {
            document.add_text(field.brand, brand);
            (0..BRAND_WEIGHT).for_each(|_| document.add_text(field.strong, brand));
        }
        if let Some(category) = product.category_id {
            document.add_text(field.category, category.to_string());
        }
        for name in self.category {
            document.add_text(field.strong, *name);
        }
        for code in codes(product) {
            (0..CODE_WEIGHT).for_each(|_| document.add_text(field.strong, code));
            document.add_text(field.all, code);
        }
        document.add_text(field.all, &product.title);
        for text in product.brand.iter().chain(&product.tags) {
            document.add_text(field.all, text);
        }
        self.category.iter().for_each(|name| document.add_text(field.all, *name));
        for value in product.options.iter().flat_map(|option| &option.values) {
            document.add_text(field.all, value);
        }
        for attribute in &product.attributes {
            add_attribute(&mut document, attribute);
        }
        document.add_text(field.all, &product.description);
        Ok(document)
    }
}

fn codes(product: &Product) -> impl Iterator<Item = &String> {
    let variants = product.variants.iter();
    let of_variants = variants.flat_map(|v| [Some(&v.sku), v.barcode.as_ref(), v.external_id.as_ref()]);
    product.external_id.iter().chain(of_variants.flatten())
}

fn add_attribute(document: &mut TantivyDocument, attribute: &Attribute) {
    let (_, field) = fields();
    let value = attribute.value.display();
    match attribute.value {
        // `Touchscreen: Yes` is found by "touchscreen"; `Touchscreen: No` is not.
        AttributeValue::Bool(true) => document.add_text(field.all, &attribute.label),
        AttributeValue::Bool(false) => {}
        _ => document.add_text(field.all, &value),
    }
    if let Some(term) = attribute_term(&attribute.key, &value) {
        document.add_text(field.attribute, term);
    }
}

/// Milliseconds of its creation, and some of its id so that products of one moment have one order.
fn newest(product: &Product) -> u64 {
    let millis = u64::try_from(product.created_at.as_millisecond()).unwrap_or(0);
    let [.., a, b] = *product.id.uuid().as_bytes();
    millis << 16 | u64::from(u16::from_be_bytes([a, b]))
}

fn title_key(title: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let plain = title.trim().nfd().filter(|c| !unicode_normalization::char::is_combining_mark(*c));
    plain.flat_map(char::to_lowercase).take(TITLE_KEY).collect()
}
