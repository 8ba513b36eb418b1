//! Validation of products: what passes fits the limits, holds no control characters and is consistent in itself.

use std::collections::HashSet;

use souk_catalog_api::{Attribute, AttributeValue, FacetAttribute, MediaInput, ProductInput, VariantInput};

use super::limits;

/// Why something is not taken: a stable code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {reason}")]
pub struct InputRejected {
    /// `sku_taken`.
    pub code: &'static str,
    /// For people.
    pub reason: String,
}

/// Rejected with `code`.
pub fn rejected(code: &'static str, reason: impl Into<String>) -> InputRejected {
    InputRejected { code, reason: reason.into() }
}

/// Checks a product by itself; what depends on others (SKUs, slugs, categories) is the plan's business.
///
/// # Errors
/// The first thing that is wrong.
pub fn product(input: &ProductInput) -> Result<(), InputRejected> {
    line("source", &input.source, limits::SOURCE)?;
    line("external_id", &input.external_id, limits::EXTERNAL_ID)?;
    slug(&input.slug)?;
    line("title", &input.title, limits::TITLE)?;
    optional("brand", input.brand.as_deref(), limits::NAME)?;
    text("description", &input.description, limits::DESCRIPTION)?;
    text("description_html", input.description_html.as_deref().unwrap_or_default(), limits::DESCRIPTION_HTML)?;
    optional("seo_title", input.seo_title.as_deref(), limits::TITLE)?;
    optional("seo_description", input.seo_description.as_deref(), limits::SEO_DESCRIPTION)?;
    line("content_hash", &input.content_hash, limits::CONTENT_HASH)?;
    count("tags", input.tags.len(), limits::TAGS)?;
    input.tags.iter().try_for_each(|tag| line("tag", tag, limits::NAME))?;
    count("media", input.media.len(), limits::MEDIA)?;
    input.media.iter().try_for_each(media)?;
    count("attributes", input.attributes.len(), limits::ATTRIBUTES)?;
    input.attributes.iter().try_for_each(attribute)?;
    if let Some(pair) = input.attributes.windows(2).find(|pair| pair[0].key >= pair[1].key) {
        let reason = format!("attributes are not sorted by key, or {} stands twice", pair[1].key);
        return Err(rejected("invalid_attribute", reason));
    }
    variants(input)
}

/// Checks the names of a category and the facets it is given.
///
/// # Errors
/// The first thing that is wrong.
pub fn category(path: &[String], facets: Option<&[FacetAttribute]>) -> Result<(), InputRejected> {
    if path.is_empty() || path.len() > limits::CATEGORY_LEVELS {
        let reason = format!("a category has 1 to {} levels", limits::CATEGORY_LEVELS);
        return Err(rejected("invalid_category", reason));
    }
    path.iter().try_for_each(|name| line("category", name, limits::NAME))?;
    let facets = facets.unwrap_or_default();
    count("facets", facets.len(), limits::FACETS)?;
    for facet in facets {
        attribute_key(&facet.key)?;
        line("facet label", &facet.label, limits::NAME)?;
    }
    let keys: HashSet<&str> = facets.iter().map(|facet| facet.key.as_str()).collect();
    if keys.len() != facets.len() {
        return Err(rejected("invalid_attribute", "a facet stands twice"));
    }
    Ok(())
}

fn slug(slug: &str) -> Result<(), InputRejected> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if slug.is_empty() || slug.len() > limits::SLUG || !slug.bytes().all(plain) {
        return Err(rejected("invalid_slug", format!("a slug is 1 to {} characters of [a-z0-9-]", limits::SLUG)));
    }
    Ok(())
}

fn attribute_key(key: &str) -> Result<(), InputRejected> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if key.is_empty() || key.len() > limits::ATTRIBUTE_KEY || !key.bytes().all(plain) {
        let reason = format!("an attribute key is 1 to {} characters of [a-z0-9_]", limits::ATTRIBUTE_KEY);
        return Err(rejected("invalid_attribute", reason));
    }
    Ok(())
}

fn attribute(attribute: &Attribute) -> Result<(), InputRejected> {
    attribute_key(&attribute.key)?;
    line("attribute label", &attribute.label, limits::NAME)?;
    match &attribute.value {
        AttributeValue::Text(value) if value.is_empty() => {
            Err(rejected("invalid_attribute", format!("attribute {} has no value", attribute.key)))
        }
        AttributeValue::Text(value) => text("attribute", value, limits::ATTRIBUTE_TEXT),
        AttributeValue::Number { value, unit } => {
            if !is_decimal(value) {
                let reason = format!("attribute {} is not a decimal number", attribute.key);
                return Err(rejected("invalid_attribute", reason));
            }
            optional("unit", unit.as_deref(), limits::UNIT)
        }
        AttributeValue::Bool(_) => Ok(()),
    }
}

/// `-17.3`: digits with at most one point between them; no exponent, at most 40 characters.
fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    text.len() <= 40 && digits(whole) && digits(fraction)
}

fn media(media: &MediaInput) -> Result<(), InputRejected> {
    optional("media url", media.url.as_deref(), limits::URL)?;
    optional("media source_url", media.source_url.as_deref(), limits::URL)?;
    text("media alt", &media.alt, limits::TITLE)?;
    // Pages show this address as it is: only what the shop itself serves.
    let inside = |url: &str| url.starts_with("/media/") && !url.contains("..") && !url.contains('\\');
    if media.url.as_deref().is_some_and(|url| !inside(url)) {
        return Err(rejected("invalid_media", "a stored picture's address begins with /media/"));
    }
    let web = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    if media.source_url.as_deref().is_some_and(|url| !web(url)) {
        return Err(rejected("invalid_media", "a picture's source is an http or https address"));
    }
    Ok(())
}

fn variants(input: &ProductInput) -> Result<(), InputRejected> {
    count("options", input.options.len(), limits::OPTIONS)?;
    count("variants", input.variants.len(), limits::VARIANTS)?;
    if input.variants.is_empty() {
        return Err(rejected("missing_variant", "the product has no variant"));
    }
    for (at, option) in input.options.iter().enumerate() {
        line("option", &option.name, limits::NAME)?;
        let used: HashSet<_> = input.variants.iter().filter_map(|variant| variant.option_values.get(at)).collect();
        let listed: HashSet<_> = option.values.iter().collect();
        if used != listed || listed.len() != option.values.len() {
            let reason = format!("the values of option {} are not those of the variants", option.name);
            return Err(rejected("invalid_options", reason));
        }
    }
    let mut skus = HashSet::new();
    let mut choices = HashSet::new();
    for one in &input.variants {
        variant(one, input)?;
        if !skus.insert(one.sku.as_str()) {
            return Err(rejected("duplicate_sku", format!("SKU {} stands twice in the product", one.sku)));
        }
        if !choices.insert(&one.option_values) {
            return Err(rejected("duplicate_variant", format!("variant {} has the options of another", one.sku)));
        }
    }
    Ok(())
}

fn variant(variant: &VariantInput, input: &ProductInput) -> Result<(), InputRejected> {
    line("sku", &variant.sku, limits::SKU)?;
    optional("variant external_id", variant.external_id.as_deref(), limits::EXTERNAL_ID)?;
    optional("barcode", variant.barcode.as_deref(), limits::BARCODE)?;
    line("tax_category", &variant.tax_category, limits::NAME)?;
    variant.option_values.iter().try_for_each(|value| line("option value", value, limits::NAME))?;
    if variant.option_values.len() != input.options.len() {
        let reason = format!("variant {} does not have one value for each option", variant.sku);
        return Err(rejected("invalid_options", reason));
    }
    if variant.weight_grams > limits::WEIGHT_GRAMS {
        return Err(rejected("invalid_weight", format!("variant {} is heavier than a lorry", variant.sku)));
    }
    if variant.media.is_some_and(|at| at as usize >= input.media.len()) {
        return Err(rejected("invalid_media", format!("variant {} shows a picture that is not there", variant.sku)));
    }
    Ok(())
}

fn count(what: &str, have: usize, limit: usize) -> Result<(), InputRejected> {
    if have <= limit {
        return Ok(());
    }
    Err(rejected("too_many", format!("{have} {what}; the limit is {limit}")))
}

fn text(what: &str, value: &str, chars: usize) -> Result<(), InputRejected> {
    if value.len() > chars && value.chars().count() > chars {
        return Err(rejected("too_long", format!("{what} is longer than {chars} characters")));
    }
    if value.chars().any(|c| c.is_control() && c != '\n') {
        return Err(rejected("control_characters", format!("{what} contains control characters")));
    }
    Ok(())
}

fn line(what: &str, value: &str, chars: usize) -> Result<(), InputRejected> {
    if value.trim().is_empty() {
        return Err(rejected("missing_field", format!("{what} is empty")));
    }
    if value.contains('\n') {
        return Err(rejected("control_characters", format!("{what} has more than one line")));
    }
    text(what, value, chars)
}

fn optional(what: &str, value: Option<&str>, chars: usize) -> Result<(), InputRejected> {
    value.map_or(Ok(()), |value| line(what, value, chars))
}
