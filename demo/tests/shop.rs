//! Tests of the demo shop's promises: enough of everything, nothing twice, the same every time, and sound pictures.

use std::collections::{HashMap, HashSet};

use souk_art as art;
use souk_demo::{DEFAULT_PRODUCTS, DEFAULT_SEED, MAX_PRODUCTS, categories, generate, picture_at};
use souk_import::ProductDraft;

fn shop() -> Vec<ProductDraft> {
    generate(DEFAULT_SEED, DEFAULT_PRODUCTS).collect()
}

#[test]
fn there_are_enough_products_in_enough_categories() {
    let shop = shop();
    assert_eq!(shop.len(), 1_600);
    let mut by_category: HashMap<Vec<String>, usize> = HashMap::new();
    for product in &shop {
        *by_category.entry(product.category.clone()).or_default() += 1;
    }
    assert!(by_category.len() >= 40, "{} categories", by_category.len());
    assert!(by_category.values().all(|count| *count >= 8), "a category with a handful of products looks empty");
    let known: HashSet<Vec<String>> = categories().into_iter().map(|category| category.path).collect();
    assert_eq!(known, by_category.into_keys().collect(), "every category listed is used and the other way round");
}

#[test]
fn every_product_passes_the_gate_of_imports() {
    for product in generate(DEFAULT_SEED, MAX_PRODUCTS) {
        if let Err(defect) = product.check() {
            panic!("{}: {} {}", product.product.slug, defect.code, defect.reason);
        }
    }
}

#[test]
fn no_slug_sku_barcode_or_picture_address_comes_twice() {
    for seed in [DEFAULT_SEED, 2_026] {
        let mut seen = HashSet::new();
        for product in generate(seed, MAX_PRODUCTS).map(|draft| draft.product) {
            assert!(seen.insert(format!("slug {}", product.slug)), "{}", product.slug);
            assert!(seen.insert(format!("id {}", product.external_id)), "{}", product.external_id);
            for variant in &product.variants {
                assert!(seen.insert(format!("sku {}", variant.sku)), "{}", variant.sku);
                assert!(seen.insert(format!("ean {}", variant.barcode.as_deref().unwrap())), "{}", variant.sku);
            }
            for media in &product.media {
                let source_url = media.source_url.clone().unwrap();
                assert!(seen.insert(source_url.clone()), "{source_url}");
            }
        }
    }
}

#[test]
fn pictures_are_distinct_well_formed_small_and_inert() {
    let mut seen = HashSet::new();
    for media in shop().iter().flat_map(|draft| &draft.product.media) {
        let source_url = media.source_url.as_deref().unwrap();
        let svg = picture_at(source_url).expect("the address is one of ours");
        assert!(svg.len() < 4_096, "{source_url} has {} bytes", svg.len());
        let document = roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{source_url}: {e}"));
        assert_eq!(document.root_element().attribute("viewBox"), Some("0 0 400 400"));
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            let name = node.tag_name().name();
            assert!(!["script", "style", "foreignObject", "image", "a", "text"].contains(&name), "{name}");
            for attribute in node.attributes() {
                let (key, value) = (attribute.name(), attribute.value());
                assert!(!key.starts_with("on") && key != "style" && key != "href", "{key}");
                assert!(!value.contains("NaN") && !value.contains("//"), "{key}={value}");
            }
        }
        assert!(seen.insert(svg), "{source_url} looks like another picture");
    }
}

#[test]
fn every_motif_that_is_used_is_drawn() {
    let used: HashSet<String> = shop()
        .iter()
        .map(|draft| draft.product.media[0].source_url.as_ref().unwrap().split('/').rev().nth(1).unwrap().to_owned())
        .collect();
    let drawn: HashSet<String> = art::motifs().map(str::to_owned).collect();
    assert!(used.is_subset(&drawn), "{:?}", used.difference(&drawn));
    assert!(used.len() > 60, "nearly all of them: {}", used.len());
    for motif in art::motifs().chain(["something that is not drawn"]) {
        for seed in 0..200 {
            let svg = art::art(motif, seed);
            roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{motif} {seed}: {e}"));
            assert!(svg.len() < 4_096, "{motif} {seed} has {} bytes", svg.len());
        }
    }
}

#[test]
fn a_seed_is_a_shop() {
    assert_eq!(shop(), shop());
    let larger: Vec<_> = generate(DEFAULT_SEED, 3_000).take(DEFAULT_PRODUCTS).collect();
    assert_eq!(larger, shop(), "a larger shop begins with the smaller one");
    assert_ne!(generate(2, 50).collect::<Vec<_>>(), generate(DEFAULT_SEED, 50).collect::<Vec<_>>());
    assert_eq!(art::art("mug", 5), art::art("mug", 5));
    assert_eq!(picture_at("https://example.com/art/mug/5.svg"), None);
}

#[test]
fn a_shop_has_sales_choices_and_sold_out_products() {
    let shop = shop();
    let share = |pred: &dyn Fn(&ProductDraft) -> bool| shop.iter().filter(|p| pred(p)).count() * 100 / shop.len();
    let on_sale = share(&|p| p.offers.iter().any(|offer| offer.compare_at.is_some()));
    let choice = share(&|p| p.offers.len() > 1);
    let sold_out = share(&|p| p.offers.iter().all(|offer| offer.stock == Some(0)));
    let some_low = share(&|p| p.offers.iter().any(|offer| matches!(offer.stock, Some(1..=5))));
    assert!((8..=20).contains(&on_sale), "{on_sale} % on sale");
    assert!((50..=95).contains(&choice), "{choice} % with a choice");
    assert!((1..=10).contains(&sold_out), "{sold_out} % sold out");
    assert!((15..=70).contains(&some_low), "{some_low} % with low stock");
    assert!(
        shop.iter()
            .flat_map(|p| &p.offers)
            .all(|offer| offer.price.amount >= 190 && offer.price.currency.code() == "EUR")
    );
}

/// The names of materials end up in sentences, so none may be left with a placeholder.
#[test]
fn descriptions_are_sentences() {
    for product in shop().into_iter().map(|draft| draft.product) {
        assert!(!product.description.contains(['{', '}']), "{}", product.description);
        assert_eq!(product.description.lines().count(), 3);
    }
}
