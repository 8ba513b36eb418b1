//! Matching and ranking: what is found for which words, and in which order.

use souk_search_api::{AttributeFilter, SearchRequest, Sort};

use super::fakes::{COMPUTERS, NOTEBOOKS, PRINTERS, Sale, TOYS};
use super::{Backend, World, guest, on_both, words};

on_both! {
    words_find_what_they_mean
    the_best_partial_matches_are_shown_and_said_to_be_such
    filters_facets_and_order
}

async fn shop(backend: Backend) -> World {
    let world = World::new(backend).await;
    let sale = |slug, title, brand, category, price| Sale { slug, title, brand, category, price, ..Sale::default() };
    world
        .owners
        .sell(&[
            Sale {
                description: "A 17\" notebook with 4 GB of memory.",
                attributes: &[("memory", "4 GB"), ("touchscreen", "no")],
                external_id: "2101957",
                ..sale("pavilion", "HP Pavilion dv7-1211ea Notebook Silver", "HP", NOTEBOOKS, 10_995)
            },
            Sale {
                attributes: &[("memory", "8 GB"), ("touchscreen", "yes")],
                ..sale("thinkpad", "Lenovo ThinkPad X1 Laptop", "Lenovo", NOTEBOOKS, 129_900)
            },
            Sale {
                description: "Fits the HP Pavilion notebook.",
                ..sale("bag", "Carrying bag for laptops", "Targus", COMPUTERS, 2_999)
            },
            Sale {
                attributes: &[("colour", "Black"), ("compatibility", "CopyCentre C65")],
                ..sale("toner", "Xerox 106R01335 toner cartridge", "Xerox", PRINTERS, 4_995)
            },
            Sale { stock: 0, ..sale("creme", "Crème Brûlée torch", "Étoile", TOYS, 999) },
        ])
        .await;
    world.settled(5).await;
    world
}

async fn words_find_what_they_mean(backend: Backend) {
    let world = shop(backend).await;
    for (q, first) in [
        ("notebooks", "pavilion"),
        ("NOTEBOOK silver", "pavilion"),
        ("DV7-1211ea", "pavilion"),
        ("dv71211ea", "pavilion"),
        ("dv7 1211ea", "pavilion"),
        ("2101957", "pavilion"),
        ("4gb", "pavilion"),
        ("106R01335", "toner"),
        ("106r01335", "toner"),
        ("xerox cartridges", "toner"),
        ("copycentre", "toner"),
        ("creme brulee", "creme"),
        ("etoile", "creme"),
        ("touchscreen", "thinkpad"),
        ("sku-bag", "bag"),
        ("laptop bag", "bag"),
        ("toner for the xerox", "toner"),
        ("cartr", "toner"),
        ("notebok", "pavilion"),
    ] {
        let slugs = world.slugs(q).await;
        assert_eq!(slugs.first().map(String::as_str), Some(first), "{q}: {slugs:?}");
    }
    assert_eq!(world.slugs("hp pavilion").await, ["pavilion", "bag"], "the title counts for more than a mention");
    assert_eq!(world.slugs("\"pavilion notebook\"").await, ["bag"], "as it stands there");
    assert!(world.slugs("!!! ???").await.is_empty());
    assert!(world.slugs("qqqqqq").await.is_empty());
}

async fn the_best_partial_matches_are_shown_and_said_to_be_such(backend: Backend) {
    let world = shop(backend).await;
    let all = world.find(words("hp notebook")).await;
    assert!(!all.partial && all.total == 2);
    let unknown = world.find(words("hp notebook qqqqqq")).await;
    assert!(unknown.partial && unknown.total == 2);
    let spread = world.find(words("xerox toner pavilion")).await;
    assert!(spread.partial);
    assert_eq!(spread.items.iter().map(|hit| hit.slug.as_str()).collect::<Vec<_>>(), ["toner"], "two of three words");
}

async fn filters_facets_and_order(backend: Backend) {
    let world = shop(backend).await;
    let everything = SearchRequest { limit: 20, facets: true, ..SearchRequest::default() };
    let reply = world.find(everything.clone()).await;
    assert_eq!((reply.total, reply.items[0].slug.as_str()), (5, "creme"), "newest first without words");
    let keys: Vec<_> = reply.facets.iter().map(|facet| facet.key.as_str()).collect();
    assert_eq!(keys, ["category", "brand", "price", "availability", "attr.memory", "attr.touchscreen"]);
    let computers = &reply.facets[0].values[0];
    assert_eq!((computers.value.as_str(), computers.label.as_str(), computers.count), ("computers", "Computers", 4));

    let category = SearchRequest { category: Some("computers/notebooks".into()), ..everything.clone() };
    let reply = world.find(category.clone()).await;
    assert_eq!(reply.total, 2);
    let memory = reply.facets.iter().find(|facet| facet.key == "attr.memory").unwrap();
    assert_eq!((memory.label.as_str(), memory.values.len()), ("MEMORY", 2));
    let siblings = &reply.facets[0].values;
    assert!(siblings.iter().any(|value| value.value == "computers/notebooks" && value.selected && value.count == 2));
    assert!(siblings.iter().any(|value| value.value == "computers/printers" && !value.selected));

    let filter = AttributeFilter { key: "memory".into(), values: vec!["8 GB".into()] };
    let reply = world.find(SearchRequest { attributes: vec![filter], ..category }).await;
    assert_eq!((reply.total, reply.items[0].slug.as_str()), (1, "thinkpad"));
    let memory = reply.facets.iter().find(|facet| facet.key == "attr.memory").unwrap();
    assert_eq!(memory.values.iter().map(|value| value.count).sum::<u64>(), 2, "a facet ignores its own filter");

    let other = AttributeFilter { key: "compatibility".into(), values: vec!["CopyCentre C65".into()] };
    let reply = world.find(SearchRequest { attributes: vec![other], ..everything.clone() }).await;
    assert_eq!((reply.total, reply.items[0].slug.as_str()), (1, "toner"), "also by what is no facet");

    let cheap = SearchRequest { sort: Sort::PriceAsc, available: true, ..everything.clone() };
    let slugs: Vec<_> = world.find(cheap).await.items.into_iter().map(|hit| hit.slug).collect();
    assert_eq!(slugs, ["bag", "toner", "pavilion", "thinkpad"]);
    let by_title = SearchRequest { sort: Sort::Title, offset: 1, limit: 2, ..everything.clone() };
    let slugs: Vec<_> = world.find(by_title).await.items.into_iter().map(|hit| hit.slug).collect();
    assert_eq!(slugs, ["creme", "pavilion"]);

    let lost = SearchRequest { category: Some("nowhere".into()), ..everything.clone() };
    assert_eq!(world.search.client.search(&guest(), lost).await.unwrap_err().status(), 404);
    for wrong in [
        SearchRequest { limit: 0, ..everything.clone() },
        SearchRequest { limit: 101, ..everything.clone() },
        SearchRequest { offset: 10_001, ..everything.clone() },
        SearchRequest { price_min: Some(-1), ..everything },
    ] {
        assert_eq!(world.search.client.search(&guest(), wrong).await.unwrap_err().status(), 422);
    }
}
