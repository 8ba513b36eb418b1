//! Index document, made from a product with its prices and stock.

use std::collections::HashMap;

use souk_catalog_api::{Attribute, AttributeValue, Product, Status, Variant};
use souk_pricing_api::Price;
use souk_search_api::Hit;
use tantivy::TantivyDocument;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::schema::fields;
use crate::text::fold;

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
pub struct SearchableProduct<'a> {
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

impl<'a> SearchableProduct<'a> {
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
        let look = product.look();
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
            placeholder: look.placeholder,
            focus: look.focus,
            sku: match product.variants.as_slice() {
                [only] => Some(only.sku.clone()),
                _ => None,
            },
        };
        Some(Self { product, category, hit })
    }

    /// The document, before it becomes one of an engine.
    ///
    /// # Errors
    /// When the hit cannot be encoded.
    pub fn document(&self) -> serde_json::Result<Document> {
        let product = self.product;
        let mut document = Document {
            id: product.id.uuid(),
            hit: serde_json::to_vec(&self.hit)?,
            title_key: title_key(&product.title),
            title: product.title.clone(),
            price: self.hit.price.amount.unsigned_abs(),
            available: self.hit.available,
            newest: newest(product),
            brand: product.brand.clone(),
            category: product.category_id.map(|category| category.to_string()),
            attributes: Vec::new(),
            strong: Vec::new(),
            all: Vec::new(),
        };
        if let Some(brand) = &product.brand {
            (0..BRAND_WEIGHT).for_each(|_| document.strong.push(brand.clone()));
        }
        document.strong.extend(self.category.iter().map(|name| (*name).to_owned()));
        for code in codes(product) {
            (0..CODE_WEIGHT).for_each(|_| document.strong.push(code.clone()));
            document.all.push(code.clone());
        }
        document.all.push(product.title.clone());
        document.all.extend(product.brand.iter().chain(&product.tags).cloned());
        document.all.extend(self.category.iter().map(|name| (*name).to_owned()));
        document.all.extend(product.options.iter().flat_map(|option| &option.values).cloned());
        product.attributes.iter().for_each(|attribute| document.add_attribute(attribute));
        document.all.push(product.description.clone());
        Ok(document)
    }
}

/// What an engine is told of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The product.
    pub id: Uuid,
    /// The hit as it is shown, in JSON.
    pub hit: Vec<u8>,
    /// Name.
    pub title: String,
    /// Folded title, for sorting.
    pub title_key: String,
    /// Minor units of the cheapest variant.
    pub price: u64,
    /// Something of it can be bought now.
    pub available: bool,
    /// Rises with the time it was created.
    pub newest: u64,
    /// Maker.
    pub brand: Option<String>,
    /// Id of its category.
    pub category: Option<String>,
    /// Terms of the attributes one filters by.
    pub attributes: Vec<String>,
    /// Brand, codes and category names, as often as they count.
    pub strong: Vec<String>,
    /// Every text.
    pub all: Vec<String>,
}

impl Document {
    fn add_attribute(&mut self, attribute: &Attribute) {
        let value = attribute.value.display();
        if let Some(term) = attribute_term(&attribute.key, &value) {
            self.attributes.push(term);
        }
        match attribute.value {
            // `Touchscreen: Yes` is found by "touchscreen"; `Touchscreen: No` is not.
            AttributeValue::Bool(true) => self.all.push(attribute.label.clone()),
            AttributeValue::Bool(false) => {}
            _ => self.all.push(value),
        }
    }

    /// As the embedded index takes it.
    pub fn tantivy(&self) -> TantivyDocument {
        let (_, field) = fields();
        let mut document = TantivyDocument::new();
        document.add_bytes(field.id, self.id.as_bytes());
        document.add_bytes(field.hit, &self.hit);
        document.add_text(field.title, &self.title);
        document.add_text(field.title_key, &self.title_key);
        document.add_u64(field.price, self.price);
        document.add_u64(field.available, u64::from(self.available));
        document.add_u64(field.newest, self.newest);
        self.brand.iter().for_each(|brand| document.add_text(field.brand, brand));
        self.category.iter().for_each(|category| document.add_text(field.category, category));
        self.attributes.iter().for_each(|term| document.add_text(field.attribute, term));
        self.strong.iter().for_each(|text| document.add_text(field.strong, text));
        self.all.iter().for_each(|text| document.add_text(field.all, text));
        document
    }
}

fn codes(product: &Product) -> impl Iterator<Item = &String> {
    let variants = product.variants.iter();
    let of_variants = variants.flat_map(|v| [Some(&v.sku), v.barcode.as_ref(), v.external_id.as_ref()]);
    product.external_id.iter().chain(of_variants.flatten())
}

/// Milliseconds of its creation, and some of its id so that products of one moment have one order.
fn newest(product: &Product) -> u64 {
    let millis = u64::try_from(product.created_at.as_millisecond()).unwrap_or(0);
    let [.., a, b] = *product.id.uuid().as_bytes();
    millis << 16 | u64::from(u16::from_be_bytes([a, b]))
}

fn title_key(title: &str) -> String {
    let folded = title.trim().to_lowercase().nfc().collect::<String>();
    fold(&folded).chars().take(TITLE_KEY).collect()
}
