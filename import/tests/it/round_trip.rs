//! Round trip: what is exported imports without a change, also by and from other releases.

use std::collections::BTreeMap;

use proptest::prelude::*;
use souk_catalog_api::{Attribute, AttributeValue, MediaInput, ProductInput, ProductOption, Status, VariantInput};
use souk_import::{Decimal, Input, NO_CATEGORY, Offer, ProductDraft, export, picture};
use souk_inventory_api::StockPolicy;
use souk_kernel::Currency;

use crate::{as_exported, read, samples};

fn exported(drafts: &[ProductDraft]) -> Vec<u8> {
    let mut out = Vec::new();
    drafts.iter().for_each(|draft| export::write_ndjson(&mut out, draft).unwrap());
    out
}

#[test]
fn samples_come_back_as_they_were() {
    let files = [
        read(&Input::bytes(samples::ICECAT), Some("icecat"), Some("EUR")),
        read(&Input::bytes(samples::SHOPIFY), None, Some("USD")),
        read(&Input::bytes(samples::SPREE), Some("spree"), None),
    ];
    for file in files {
        let again = read(&Input::bytes(exported(&file.drafts)), None, None);
        assert_eq!(again.drafts, as_exported(&file.drafts));
        assert!(again.refusals.is_empty());
    }
}

#[test]
fn the_form_is_checked_like_any_other_file() {
    let draft = read(&Input::bytes(samples::SPREE), Some("spree"), None).drafts.remove(1);
    let good = String::from_utf8(exported(&[draft])).unwrap();
    assert!(good.starts_with("{\"format\":\"souk.product/1\",\"source\":\"spree\","));
    let bad = [
        good.replace("souk.product/1", "souk.product/2"),
        good.replace("{\"format\":\"souk.product/1\",", "{"),
        good.replace("\"slug\":\"kettle\"", "\"slug\":\"../kettle\""),
        good.replace("3999", "-3999"),
        good.replace("\"variants\":[", "\"variants\":[],\"other\":["),
        good.replace("\"values\":[\"White\",\"Black\",\"Red\"]", "\"values\":[\"White\"]"),
        good.replace("\"USD\"", "\"XXX\""),
    ];
    let codes = [
        "unknown_format",
        "unknown_format",
        "invalid_slug",
        "negative_price",
        "missing_variant",
        "invalid_options",
        "invalid_draft",
    ];
    let file = format!("{good}{}", bad.join(""));
    let got = read(&Input::bytes(&file), None, None);
    assert_eq!(got.drafts.len(), 1);
    assert_eq!(got.refusals.iter().map(|r| r.code).collect::<Vec<_>>(), codes);
    let poor =
        good.replace("\"Kettle\"", "\"Ket\\u0000tle\"").replace("https://x.example/k.webp", "javascript:alert(1)");
    let got = read(&Input::bytes(poor), None, None);
    assert_eq!((got.drafts[0].product.title.as_str(), got.drafts[0].product.media.len()), ("Kettle", 2));
    assert_eq!(got.warned(), [(1, "control_characters"), (1, "invalid_media")]);
    let other = read(&Input::bytes(&good), None, Some("EUR"));
    assert_eq!((other.drafts.len(), other.counts.left_out), (0, 1), "the wanted currency filters here too");
    let twice = read(&Input::bytes(good.repeat(2)), None, None);
    assert_eq!(twice.refused(), [(2, "duplicate_external_id")]);
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-ZäöÅ日\"\\\\,;=<>&'{} ]{0,12}[a-z日<]"
}

prop_compose! {
    fn attribute()(key in "[a-z][a-z0-9_]{0,8}", label in text(), kind in 0..3, words in text(), digits in any::<i32>(), scale in 0u8..6) -> Attribute {
        let value = match kind {
            0 => AttributeValue::Text(words),
            1 => AttributeValue::Number { value: Decimal::new(i64::from(digits), scale).to_string(), unit: (digits > 0).then(|| "mm²".into()) },
            _ => AttributeValue::Bool(digits > 0),
        };
        Attribute { key, label, value }
    }
}

prop_compose! {
    fn draft()(
        external_id in text(), title in text(), brand in prop::option::of(text()), lines in prop::collection::vec(text(), 0..3),
        category in prop::collection::vec(text(), 1..5), mut attributes in prop::collection::vec(attribute(), 0..6),
        sizes in prop::collection::hash_set(text(), 0..4), price in 0i64..1_000_000_000, extra in prop::option::of(1i64..10_000),
        stock in prop::option::of(0i64..1000), weight in prop::option::of(1u32..100_000), hidden in any::<bool>(),
        code in prop::sample::select(vec!["EUR", "JPY", "KWD"]), tags in prop::collection::hash_set(text(), 0..3), alt in "[a-z ]{0,3}",
    ) -> ProductDraft {
        attributes.sort_by(|a, b| a.key.cmp(&b.key));
        attributes.dedup_by(|a, b| a.key == b.key);
        let currency: Currency = code.parse().unwrap();
        let sizes: Vec<String> = sizes.into_iter().collect();
        let variant = |i: usize, option_values: Vec<String>| VariantInput {
            external_id: brand.clone(),
            sku: format!("{external_id}-{i}"),
            option_values,
            barcode: stock.map(|s| s.to_string()),
            weight_grams: weight.unwrap_or(0),
            tax_category: "standard".into(),
            media: (price % 2 == 0).then_some(0),
        };
        let variants: Vec<_> = match sizes.is_empty() {
            true => vec![variant(0, vec![])],
            false => sizes.iter().enumerate().map(|(i, size)| variant(i, vec![size.clone()])).collect(),
        };
        let offer = Offer { price: currency.of(price), compare_at: extra.map(|more| currency.of(price + more)), stock, default_stock: 0, policy: stock.map(|s| [StockPolicy::Deny, StockPolicy::Backorder][usize::from(s % 2 == 0)]) };
        let offers = vec![offer; variants.len()];
        let product = ProductInput {
            source: "shop".into(),
            slug: souk_import::naming::derive_slug(&title, &external_id),
            options: if sizes.is_empty() { vec![] } else { vec![ProductOption { name: "Size".into(), values: sizes.clone() }] },
            media: vec![match price % 3 {
                // One that is nowhere but in the shop.
                0 => MediaInput { url: Some(format!("/media/{price}-800x600.jpg")), source_url: None, alt, width: None, height: None },
                _ => picture(format!("https://x.example/{price}.jpg"), alt),
            }],
            status: if hidden { Status::Draft } else { Status::Published },
            description: lines.join("\n"),
            description_html: hidden.then(|| "<p>Safe</p>".to_owned()),
            tags: tags.into_iter().collect(),
            seo_title: brand.clone(),
            seo_description: None,
            category_id: NO_CATEGORY,
            content_hash: String::new(),
            external_id, title, brand, attributes, variants,
        };
        ProductDraft { product, category, offers, files: BTreeMap::new() }
    }
}

proptest! {
    #[test]
    fn any_draft_comes_back(draft in draft()) {
        prop_assert_eq!(draft.check(), Ok(()));
        let got = read(&Input::bytes(exported(std::slice::from_ref(&draft))), None, None);
        prop_assert_eq!(got.refusals, vec![]);
        prop_assert_eq!(got.drafts, vec![draft]);
    }
}

#[test]
fn csv_has_a_row_per_variant() {
    let drafts = read(&Input::bytes(samples::SHOPIFY), None, Some("USD")).drafts;
    let mut out = Vec::new();
    export::write_csv_header(&mut out).unwrap();
    drafts.iter().for_each(|draft| export::write_csv(&mut out, draft).unwrap());
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("shopify,")).count(), 5);
    assert!(text.contains("Size: Small; Color: Red"), "{text}");
}

/// A line as the first release has written it; files outlive releases.
const WRITTEN: &str = r#"{"format":"souk.product/1","source":"shop","external_id":"1","slug":"lamp","title":"Lamp","brand":"Lumen","description":"Bright.","category":["Home","Lamps"],"attributes":[{"key":"power","label":"Power","value":{"number":{"value":"4.5","unit":"W"}}}],"options":[{"name":"Size","values":["S","L"]}],"variants":[{"external_id":"v1","sku":"LAMP-S","option_values":["S"],"price":{"amount":1990,"currency":"EUR"},"compare_at":{"amount":2490,"currency":"EUR"},"barcode":"400638133","weight_grams":700,"stock":3,"tax_category":"standard","media":"https://x.example/2.jpg"},{"sku":"LAMP-L","option_values":["L"],"price":{"amount":2990,"currency":"EUR"},"tax_category":"standard"}],"media":[{"source_url":"https://x.example/1.jpg","alt":"A lamp"},{"source_url":"https://x.example/2.jpg"}],"status":"draft","tags":["new"],"seo_title":"Lamps","seo_description":"A lamp."}
"#;

#[test]
fn lines_are_what_they_have_always_been() {
    let got = read(&Input::bytes(WRITTEN), None, None);
    assert_eq!(got.refused(), []);
    let (product, offers) = (&got.drafts[0].product, &got.drafts[0].offers);
    assert_eq!((product.variants[0].media, product.variants[1].media), (Some(1), None));
    assert_eq!((offers[0].stock, offers[1].stock, offers[1].initial_stock()), (Some(3), None, 0));
    assert_eq!(String::from_utf8(exported(&got.drafts)).unwrap(), WRITTEN);
    let least = r#"{"format":"souk.product/1","source":"s","external_id":"1","slug":"a","title":"A","brand":null,"category":["B"],"attributes":[{"key":"k","label":"K","value":{"number":{"value":"17.30"}}}],"variants":[{"sku":"A","weight_grams":null,"price":{"amount":1,"currency":"EUR"}}]}"#;
    let got = read(&Input::bytes(least), None, None).drafts.remove(0).product;
    assert_eq!((got.status, got.variants[0].tax_category.as_str()), (Status::Published, "standard"));
    assert_eq!(got.attributes[0].value.display(), "17.3");
}
