//! Tests on the three real catalogues, when they lie beside the checkout. The samples have their shape and always run.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use souk_import::{FacetPlan, Input, Mapping, ProductDraft, export, limits};
use souk_inventory_api::StockPolicy;

use crate::{Content, as_exported, read, samples};

fn catalogue(name: &str) -> Option<Input> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found: Option<PathBuf> =
        here.ancestors().map(|dir| dir.join("../shared/data/catalog").join(name)).find(|p| p.exists());
    found.map(Input::file)
}

/// The real file, or a sample of its shape: what holds for one holds for the other.
fn file(name: &str, sample: &str) -> (Input, bool) {
    catalogue(name).map_or_else(|| (Input::bytes(sample), false), |input| (input, true))
}

fn unique(drafts: &[ProductDraft]) {
    let slugs: HashSet<_> = drafts.iter().map(|d| &d.product.slug).collect();
    let skus: HashSet<_> = drafts.iter().flat_map(|d| &d.product.variants).map(|v| &v.sku).collect();
    assert_eq!(slugs.len(), drafts.len());
    assert_eq!(skus.len(), drafts.iter().map(|d| d.product.variants.len()).sum::<usize>());
}

fn by_category(got: &Content) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    got.drafts.iter().for_each(|draft| *counts.entry(draft.category.join(" / ")).or_default() += 1);
    counts
}

#[test]
fn icecat() {
    let (input, real) = file("icecat-products.ndjson.gz", samples::ICECAT);
    let got = read(&input, Some("icecat"), Some("EUR"));
    unique(&got.drafts);
    let mut out = Vec::new();
    got.drafts.iter().for_each(|draft| export::write_ndjson(&mut out, draft).unwrap());
    let again = read(&Input::bytes(&out), None, None);
    assert!(
        again.drafts == as_exported(&got.drafts) && again.refusals.is_empty(),
        "an export that is imported changes nothing"
    );
    if !real {
        return;
    }
    assert_eq!((got.drafts.len(), got.refused()), (19_406, vec![]));
    assert!(got.drafts.iter().all(|d| d.category.len() == 2 && d.offers[0].stock.is_none()));
    let counts = by_category(&got);
    assert!((40..=120).contains(&counts.len()), "{} categories", counts.len());
    let other = counts["Other / Other Products"];
    assert!(other * 10 < got.drafts.len(), "{other} without a category");
    assert!(counts.values().filter(|n| **n < 10).count() <= 3, "{counts:?}");
    for (category, at_least) in [
        ("Ink, Toner & Paper / Toner Cartridges", 1_500),
        ("Ink, Toner & Paper / Ink Cartridges", 1_000),
        ("Cables & Adapters / Network Cables", 1_200),
        ("Components / Processors", 600),
        ("Computers / Notebooks", 300),
        ("Power / UPS Systems", 250),
        ("Displays & Projectors / Projector Lamps", 100),
        ("Phones & Wearables / Mobile Phones", 50),
    ] {
        assert!(counts[category] >= at_least, "{category}: {}", counts[category]);
    }
    let mut plan = FacetPlan::new();
    got.drafts.iter().for_each(|draft| plan.add(draft));
    let facets = plan.choose(Mapping::built_in("icecat").as_ref());
    assert!(facets.iter().all(|category| category.facets.len() <= limits::FACETS_PER_CATEGORY));
    let notebooks = facets.iter().find(|c| c.path.last().is_some_and(|name| name == "Notebooks")).unwrap();
    let keys: BTreeSet<_> = notebooks.facets.iter().map(|f| f.key.as_str()).collect();
    assert!(keys.contains("processor_family") && keys.contains("internal_memory"), "{keys:?}");
}

#[test]
fn shopify() {
    let (input, real) = file("shopify-apparel.csv", samples::SHOPIFY);
    let got = read(&input, None, Some("EUR"));
    unique(&got.drafts);
    if !real {
        return;
    }
    assert_eq!((got.drafts.len(), got.refused()), (20, vec![]));
    let top = got.product("classic-varsity-top");
    assert_eq!(top.options[0].values, ["Small", "Medium", "Large"]);
    assert_eq!(top.variants[1].sku, "CLASSIC-VARSITY-TOP.MEDIUM");
    assert!(!by_category(&got).contains_key("Other Products"), "{:?}", by_category(&got));
    let untracked = Some(StockPolicy::Untracked);
    assert!(got.drafts.iter().all(|d| d.product.media.len() == 1 && d.offers.iter().all(|o| o.policy == untracked)));
}

#[test]
fn spree() {
    let (input, real) = file("spree-products.csv", samples::SPREE);
    let dollars = read(&input, Some("spree"), None);
    let euros = read(&input, Some("spree"), Some("EUR"));
    unique(&dollars.drafts);
    unique(&euros.drafts);
    if !real {
        return;
    }
    for (got, code) in [(&dollars, "USD"), (&euros, "EUR")] {
        assert_eq!((got.drafts.len(), got.refused(), got.counts.left_out), (37, vec![], 87));
        let offers: Vec<_> = got.drafts.iter().flat_map(|d| &d.offers).collect();
        assert_eq!(offers.len(), 87);
        assert!(offers.iter().all(|v| v.price.currency.code() == code && v.stock == Some(5000)));
    }
    let price = |got: &Content| got.draft("automatic-espresso-machine").offers[0].price.to_string();
    assert_eq!((price(&dollars), price(&euros)), ("879.99 USD".into(), "819.99 EUR".into()));
    assert_eq!(dollars.product("robot-vacuum").variants[0].sku, "ROBOT-VACUUM-BLACK");
    assert_eq!(by_category(&dollars).len(), by_category(&euros).len());
    assert!(!by_category(&dollars).contains_key("Other Products"));
}
