//! Mending of drafts: a detail that cannot be taken is left out or shortened, and said, so that it does not cost the product. What
//! there is to sell (title, price, variants) is not touched: a draft without it is refused by [`ProductDraft::check`].

mod media;

use souk_catalog_api::{Attribute, AttributeValue};

use crate::draft::{Defect, ProductDraft, clip};
use crate::pictures::PictureFiles;
use crate::{limits, naming, text};

impl ProductDraft {
    /// Leaves out or shortens what breaks a limit or cannot be used. Pictures that have no address of the web are looked for among
    /// `pictures`. What was done comes back, for the report.
    pub fn mend(&mut self, pictures: Option<&PictureFiles>) -> Vec<Defect> {
        let mut mending = Mending::default();
        let product = &mut self.product;
        if product.external_id.chars().count() > limits::EXTERNAL_ID_CHARS {
            let short = naming::shorten_id(&product.external_id);
            let long = limits::EXTERNAL_ID_CHARS;
            mending.say("too_long", format!("the id is longer than {long} characters: {}", clip(&short)));
            product.external_id = short;
        }
        mending.line("title", &mut product.title, limits::TITLE_CHARS);
        mending.optional_line("brand", &mut product.brand, limits::NAME_CHARS);
        mending.text("description", &mut product.description, limits::DESCRIPTION_CHARS);
        // Cut in the middle it would be another text; its words remain.
        mending.drop_long("description_html", &mut product.description_html, limits::DESCRIPTION_HTML_CHARS);
        mending.optional_line("seo_title", &mut product.seo_title, limits::TITLE_CHARS);
        mending.optional_line("seo_description", &mut product.seo_description, limits::SEO_DESCRIPTION_CHARS);
        self.category.iter_mut().for_each(|name| mending.line("category", name, limits::NAME_CHARS));
        mending.few("category levels", &mut self.category, limits::CATEGORY_LEVELS);
        product.tags.iter_mut().for_each(|tag| mending.line("tag", tag, limits::NAME_CHARS));
        product.tags.retain(|tag| !tag.is_empty());
        mending.few("tags", &mut product.tags, limits::TAGS);
        mending.attributes(&mut product.attributes);
        self.mend_media(pictures, &mut mending);
        self.mend_variants(&mut mending);
        mending.defects
    }

    fn mend_variants(&mut self, mending: &mut Mending) {
        let product = &mut self.product;
        for option in &mut product.options {
            mending.line("option", &mut option.name, limits::NAME_CHARS);
        }
        for (variant, offer) in product.variants.iter_mut().zip(&mut self.offers) {
            if variant.sku.chars().count() > limits::SKU_CHARS {
                let short = naming::shorten(&variant.sku);
                let long = limits::SKU_CHARS;
                mending.say(
                    "too_long",
                    format!("the SKU {} is longer than {long} characters: {short}", clip(&variant.sku)),
                );
                variant.sku = short;
            }
            mending.drop_long("variant external_id", &mut variant.external_id, limits::EXTERNAL_ID_CHARS);
            mending.drop_long("barcode", &mut variant.barcode, limits::BARCODE_CHARS);
            if let Some(before) = offer.compare_at
                && (before.currency != offer.price.currency || before.amount > limits::PRICE_MINOR)
            {
                mending.say("invalid_compare_at", format!("compare_at of {} is left out: {before}", variant.sku));
                offer.compare_at = None;
            }
        }
    }
}

/// What has been mended so far.
#[derive(Default)]
struct Mending {
    defects: Vec<Defect>,
}

impl Mending {
    fn say(&mut self, code: &'static str, reason: String) {
        self.defects.push(Defect::new(code, reason));
    }

    /// Text of several lines, without what no page can show, and not longer than the limit.
    fn text(&mut self, what: &str, value: &mut String, chars: usize) {
        if value.chars().any(|c| c.is_control() && c != '\n') {
            value.retain(|c| !c.is_control() || c == '\n');
            self.say("control_characters", format!("control characters in {what} are left out"));
        }
        if value.len() > chars
            && let Some((end, _)) = value.char_indices().nth(chars)
        {
            value.truncate(end);
            value.truncate(value.trim_end().len());
            self.say("too_long", format!("{what} is cut to {chars} characters"));
        }
    }

    /// Text of one line.
    fn line(&mut self, what: &str, value: &mut String, chars: usize) {
        if value.contains('\n') {
            *value = text::plain_line(value);
        }
        self.text(what, value, chars);
    }

    fn optional_line(&mut self, what: &str, value: &mut Option<String>, chars: usize) {
        if let Some(line) = value {
            self.line(what, line, chars);
        }
        if value.as_deref().is_some_and(|line| line.trim().is_empty()) {
            *value = None;
        }
    }

    /// A code is of no use when it is cut.
    fn drop_long(&mut self, what: &str, value: &mut Option<String>, chars: usize) {
        if value.as_deref().is_some_and(|code| code.chars().count() > chars) {
            self.say("too_long", format!("{what} is longer than {chars} characters and left out"));
            *value = None;
        }
    }

    /// The first ones, up to the limit.
    fn few<T>(&mut self, what: &str, values: &mut Vec<T>, limit: usize) {
        if values.len() > limit {
            self.say("too_many", format!("{} {what}: the first {limit} are taken", values.len()));
            values.truncate(limit);
        }
    }

    fn attributes(&mut self, attributes: &mut Vec<Attribute>) {
        for attribute in attributes.iter_mut() {
            let key = attribute.key.clone();
            self.line("attribute label", &mut attribute.label, limits::NAME_CHARS);
            match &mut attribute.value {
                AttributeValue::Text(value) => self.text(&key, value, limits::ATTRIBUTE_TEXT_CHARS),
                AttributeValue::Number { unit, .. } => self.drop_long("unit", unit, limits::UNIT_CHARS),
                AttributeValue::Bool(_) => {}
            }
        }
        attributes.retain(|attribute| {
            !attribute.label.is_empty() && !matches!(&attribute.value, AttributeValue::Text(text) if text.is_empty())
        });
        self.few("attributes", attributes, limits::ATTRIBUTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::picture;

    fn draft() -> ProductDraft {
        let line = r#"{"format":"souk.product/1","source":"x","external_id":"1","slug":"lamp-1","title":"Lamp","category":["Lamps"],
            "variants":[{"sku":"LAMP","price":{"amount":1000,"currency":"EUR"}}]}"#;
        let row = crate::feed::json::record(line).unwrap();
        let (draft, mended) = crate::feed::souk_format::read(&row, None, None).unwrap().unwrap();
        assert_eq!(mended, []);
        draft
    }

    fn mended(change: impl FnOnce(&mut ProductDraft)) -> (ProductDraft, Vec<&'static str>) {
        let mut draft = draft();
        change(&mut draft);
        let codes = draft.mend(None).iter().map(|defect| defect.code).collect();
        assert_eq!(draft.check(), Ok(()));
        (draft, codes)
    }

    #[test]
    fn a_good_draft_is_left_as_it_is() {
        assert_eq!(mended(|_| {}), (draft(), vec![]));
    }

    #[test]
    fn details_are_cut_or_left_out_and_the_product_stays() {
        let (draft, codes) = mended(|draft| {
            draft.product.title = "word ".repeat(200);
            draft.product.description = format!("a\u{7}b{}", "x".repeat(60_000));
            draft.product.tags = (0..300).map(|n| format!("tag {n}")).collect();
            draft.category = (0..12).map(|n| format!("level {n}")).collect();
            draft.product.variants[0].sku = "A".repeat(300);
            draft.product.external_id = "é".repeat(300);
            draft.product.variants[0].barcode = Some("1".repeat(50));
        });
        assert_eq!(draft.product.tags.len(), limits::TAGS);
        assert_eq!(draft.category.len(), limits::CATEGORY_LEVELS);
        assert!(draft.product.description.starts_with("abx"));
        assert!(draft.product.title.ends_with("word"));
        assert_eq!(draft.product.variants[0].barcode, None);
        assert!(draft.product.external_id.starts_with("éé"));
        let want =
            ["too_long", "too_long", "control_characters", "too_long", "too_many", "too_many", "too_long", "too_long"];
        assert_eq!(codes, want);
    }

    #[test]
    fn pictures_keep_their_variants() {
        let (draft, codes) = mended(|draft| {
            draft.product.media =
                ["", "/relative.jpg", "//cdn.example/a.jpg", "https://x.example/a b.jpg", "https://cdn.example/a.jpg"]
                    .iter()
                    .map(|url| picture((*url).to_owned(), String::new()))
                    .collect();
            draft.product.variants[0].media = Some(3);
        });
        let urls: Vec<&str> = draft.product.media.iter().filter_map(|media| media.source_url.as_deref()).collect();
        assert_eq!(urls, ["https://cdn.example/a.jpg", "https://x.example/a%20b.jpg"]);
        assert_eq!(draft.product.variants[0].media, Some(1));
        assert_eq!(codes, ["invalid_media"]);
    }
}
