//! Differential tests of both indexes: they are asked the same hundreds of things about the same products. Whatever is
//! counted must be counted alike; only the order of near equals, and what stands for a word that no product has, may differ
//! (docs/search.md).

use std::collections::BTreeMap;

use serde_json::json;
use souk_search_api::{AttributeFilter, SearchRequest, Sort};

use super::fakes::{COMPUTERS, NOTEBOOKS, PRINTERS, Sale, TOYS, tree_of};
use super::{Backend, World};

const PRODUCTS: u64 = 600;
const SEARCHES: u64 = 600;
/// Attributes that are facets somewhere: more than a search shows and than one look takes.
const KEYS: u64 = 60;
const WORDS: [&str; 12] = [
    "amber", "bottle", "copper", "dragon", "ember", "falcon", "garnet", "hammer", "indigo", "jasper", "kettle",
    "lantern",
];

/// Numbers that look random and are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }

    fn word(&mut self) -> &'static str {
        self.of(&WORDS)
    }
}

fn key(number: u64) -> String {
    format!("key_{number:02}")
}

/// Some attributes have one value only, some two, some more than a facet shows; a value may be a long one.
fn value(dice: &mut Dice, key: u64) -> String {
    match key % 5 {
        0 => "yes".into(),
        1 => dice.of(&["yes", "no"]).into(),
        2 => format!("{} l", dice.below(4)),
        3 => format!("{}.5 in", dice.below(40)),
        _ if dice.one_in(20) => "x".repeat(100),
        _ => dice.word().into(),
    }
}

struct Product {
    slug: String,
    title: String,
    brand: String,
    attributes: Vec<(String, String)>,
}

fn product(dice: &mut Dice, number: u64) -> Product {
    let brand = if dice.one_in(10) { String::new() } else { format!("Brand{}", dice.below(40) * dice.below(2)) };
    let mut attributes = Vec::new();
    for at in 0..KEYS + 5 {
        // From every product down to one in fifty.
        if dice.one_in(1 + at % 7 * (at % 8)) {
            attributes.push((key(at), value(dice, at)));
        }
    }
    Product {
        slug: format!("p-{number}"),
        title: format!("{} {} pair{} number{number}", dice.word(), dice.word(), number / 2),
        brand,
        attributes,
    }
}

fn search(dice: &mut Dice) -> SearchRequest {
    let mut request = SearchRequest { limit: 10, facets: true, ..SearchRequest::default() };
    request.q = match dice.below(9) {
        0 | 1 => String::new(),
        2 | 3 => dice.word().into(),
        4 => format!("{} {}", dice.word(), dice.word()),
        // Few have it, or one.
        5 => format!("{} {} {}", dice.word(), dice.word(), dice.word()),
        6 => format!("number{}", dice.below(PRODUCTS)),
        7 => format!("pair{}", dice.below(PRODUCTS / 2)),
        _ => format!("\"{} {}\"", dice.word(), dice.word()),
    };
    if dice.one_in(3) {
        request.category = Some(dice.of(&["toys", "computers", "computers/notebooks", "computers/printers"]).into());
    }
    for _ in 0..dice.below(6).saturating_sub(3) {
        request.brands.push(format!("Brand{}", dice.below(45)));
    }
    if dice.one_in(5) {
        request.price_min = Some(i64::try_from(dice.below(20_000)).unwrap());
    }
    if dice.one_in(5) {
        request.price_max = Some(i64::try_from(dice.below(900_000)).unwrap());
    }
    request.available = dice.one_in(6);
    for _ in 0..dice.below(6).saturating_sub(3) {
        // The last ones are facets nowhere.
        let at = dice.below(KEYS + 5);
        let values = (0..=dice.below(2)).map(|_| value(dice, at)).map(|value| match value.as_str() {
            "yes" => "Yes".into(),
            "no" => "No".into(),
            _ => value,
        });
        let filter = AttributeFilter { key: key(at), values: values.collect() };
        if !request.attributes.iter().any(|other| other.key == filter.key) {
            request.attributes.push(filter);
        }
    }
    request.sort = dice.of(&[Sort::Relevance, Sort::Newest, Sort::PriceAsc, Sort::PriceDesc, Sort::Title]);
    request
}

#[tokio::test]
async fn both_indexes_count_alike() {
    let keys: Vec<String> = (0..KEYS).map(key).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let tree = tree_of(&[], &keys[..5], &keys[5..]);
    let worlds = [World::under(Backend::Embedded, tree.clone()).await, World::under(Backend::OpenSearch, tree).await];
    let mut dice = Dice(1);
    let products: Vec<Product> = (0..PRODUCTS).map(|number| product(&mut dice, number)).collect();
    let mut sales = Vec::new();
    let attributes: Vec<Vec<(&str, &str)>> = products
        .iter()
        .map(|product| product.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect())
        .collect();
    for (product, attributes) in products.iter().zip(&attributes) {
        let decade = 10i64.pow(u32::try_from(dice.below(5)).unwrap() + 1);
        sales.push(Sale {
            slug: &product.slug,
            title: &product.title,
            brand: &product.brand,
            category: dice.of(&[TOYS, COMPUTERS, NOTEBOOKS, PRINTERS]),
            price: decade + i64::try_from(dice.below(9)).unwrap() * decade,
            stock: i64::try_from(dice.below(5)).unwrap(),
            attributes,
            ..Sale::default()
        });
    }
    for world in &worlds {
        world.owners.sell(&sales).await;
        world.settled(PRODUCTS).await;
    }
    let (mut differ, mut shown) = (Vec::new(), BTreeMap::new());
    for _ in 0..SEARCHES {
        let request = search(&mut dice);
        let mut replies = Vec::new();
        for world in &worlds {
            let reply = world.find(request.clone()).await;
            let ordered = request.sort != Sort::Relevance;
            let slugs: Vec<String> = reply.items.iter().filter(|_| ordered).map(|hit| hit.slug.clone()).collect();
            replies.push(json!({
                "total": reply.total, "partial": reply.partial, "facets": reply.facets, "slugs": slugs,
            }));
        }
        *shown.entry(replies[0]["facets"].as_array().unwrap().len()).or_insert(0) += 1;
        if replies[0] != replies[1] {
            let parts = ["total", "partial", "facets", "slugs"];
            let which: Vec<&str> = parts.into_iter().filter(|part| replies[0][part] != replies[1][part]).collect();
            differ.push(format!("{which:?} of {request:?}\n{}\n{}", replies[0], replies[1]));
        }
    }
    // The control: it was about something.
    assert!(shown.keys().any(|facets| *facets >= 12) && shown.len() > 5, "{shown:?}");
    assert!(differ.is_empty(), "{} of {SEARCHES}, the first: {}", differ.len(), differ[0]);
}
