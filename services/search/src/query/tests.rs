//! Property tests of searches against brute force: whatever the filters, every count and the order must be what counting one
//! by one gives.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use proptest::prelude::*;
use souk_catalog_api::{
    Attribute, AttributeValue, Category, CategoryId, CategoryTree, FacetAttribute, Product, ProductId, Status, Variant,
    VariantId,
};
use souk_kernel::Currency;
use souk_pricing_api::Price;
use souk_search_api::{AttributeFilter, Hit, SearchRequest, Sort};
use uuid::Uuid;

use super::search;
use crate::index::{Payload, Reader, SearchableProduct, Snapshot, Storage, Writer, format};
use crate::text::{Analyzer, Language, Languages};
use crate::tree::Tree;

const VOCABULARY: [&str; 6] = ["red", "blue", "mug", "lamp", "desk", "zinc"];
const BRANDS: [&str; 3] = ["Acme", "Bolt", "Étoile"];
const PATHS: [&str; 4] = ["home", "home/kitchen", "home/office", "garden"];
const COLOURS: [&str; 3] = ["Ochre", "Teal", "Umber"];

fn english() -> Analyzer {
    Analyzer::new(&Languages::new(&[Language::English]))
}

/// A product in few numbers.
#[derive(Clone, Debug)]
struct Made {
    words: BTreeSet<usize>,
    brand: Option<usize>,
    category: usize,
    price: i64,
    stock: i64,
    colour: Option<usize>,
    /// An attribute that is a facet nowhere.
    grade: usize,
}

fn made() -> impl Strategy<Value = Made> {
    let words = prop::collection::btree_set(0..VOCABULARY.len() - 1, 1..4);
    let brand = prop::option::of(0..BRANDS.len());
    let colour = prop::option::of(0..COLOURS.len());
    (words, brand, 0..PATHS.len(), 0i64..30_000, 0i64..2, colour, 0usize..2).prop_map(
        |(words, brand, category, price, stock, colour, grade)| Made {
            words,
            brand,
            category,
            price,
            stock,
            colour,
            grade,
        },
    )
}

#[derive(Clone, Debug)]
struct Asked {
    words: BTreeSet<usize>,
    category: Option<usize>,
    brands: BTreeSet<usize>,
    price: (Option<i64>, Option<i64>),
    available: bool,
    colours: BTreeSet<usize>,
    grade: Option<usize>,
    sort: Sort,
    offset: u32,
}

fn asked() -> impl Strategy<Value = Asked> {
    let sort = prop::sample::select(vec![Sort::Relevance, Sort::Newest, Sort::PriceAsc, Sort::PriceDesc, Sort::Title]);
    (
        prop::collection::btree_set(0..VOCABULARY.len(), 0..3),
        prop::option::of(0..PATHS.len()),
        prop::collection::btree_set(0..BRANDS.len(), 0..3),
        (prop::option::of(0i64..30_000), prop::option::of(0i64..30_000)),
        any::<bool>(),
        prop::collection::btree_set(0..COLOURS.len(), 0..3),
        prop::option::weighted(0.2, 0usize..2),
        sort,
        0u32..6,
    )
        .prop_map(|(words, category, brands, price, available, colours, grade, sort, offset)| Asked {
            words,
            category,
            brands,
            price,
            available,
            colours,
            grade,
            sort,
            offset,
        })
}

fn category_id(at: usize) -> CategoryId {
    CategoryId(Uuid::from_u128(1_000 + at as u128))
}

fn tree() -> CategoryTree {
    let node = |at: usize, path: &str| Category {
        id: category_id(at),
        parent_id: path
            .rsplit_once('/')
            .and_then(|(parent, _)| PATHS.iter().position(|p| *p == parent))
            .map(category_id),
        path: path.to_owned(),
        name: path.rsplit('/').next().unwrap().to_owned(),
        position: 0,
        products: 0,
        facets: vec![FacetAttribute { key: "colour".into(), label: "Colour".into() }],
        version: 1,
    };
    CategoryTree { items: PATHS.iter().enumerate().map(|(at, path)| node(at, path)).collect() }
}

fn title(at: usize, made: &Made) -> String {
    let words: Vec<&str> = made.words.iter().map(|word| VOCABULARY[*word]).collect();
    // Letters, so that no number is found where a word is looked for.
    format!("{} x{}", words.join(" "), (0..8).map(|bit| if at >> bit & 1 == 1 { 'b' } else { 'a' }).collect::<String>())
}

fn product(at: usize, made: &Made) -> Product {
    let mut attributes = Vec::new();
    let mut add = |key: &str, value: String| {
        attributes.push(Attribute { key: key.into(), label: key.into(), value: AttributeValue::Text(value) });
    };
    if let Some(colour) = made.colour {
        add("colour", COLOURS[colour].into());
    }
    add("grade", format!("g{}", made.grade));
    Product {
        id: ProductId(Uuid::from_u128(at as u128)),
        source: None,
        external_id: None,
        slug: format!("p-{at}"),
        title: title(at, made),
        brand: made.brand.map(|brand| BRANDS[brand].into()),
        description: String::new(),
        status: Status::Published,
        category_id: Some(category_id(made.category)),
        category_path: Vec::new(),
        motif: String::new(),
        attributes,
        options: Vec::new(),
        variants: vec![Variant {
            id: VariantId(Uuid::from_u128(at as u128)),
            external_id: None,
            sku: format!("q{at}"),
            option_values: Vec::new(),
            barcode: None,
            weight_grams: 0,
            tax_category: "standard".into(),
            media: None,
        }],
        media: Vec::new(),
        tags: Vec::new(),
        seo_title: None,
        description_html: None,
        seo_description: None,
        version: 1,
        created_at: jiff::Timestamp::from_second(1_700_000_000 + at as i64).unwrap(),
        updated_at: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
    }
}

/// Writes the products in a few commits, each product first as another one.
fn index(products: &[Made]) -> (tempfile::TempDir, Reader) {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::open(directory.path(), &english()).unwrap();
    let reader = Reader::new(&storage.index).unwrap();
    let tree = Arc::new(Tree::new(tree()));
    reader.refresh(Some(tree.clone())).unwrap();
    let mut writer = Writer::new(storage.index);
    let payload = Payload { format: format(&english()), database: "test".into(), cursors: None };
    let mut put = |at: usize, made: &Made| {
        let product = product(at, made);
        let sku = product.variants[0].sku.clone();
        let price = Price { sku: sku.clone(), price: Currency::EUR.of(made.price), compare_at: None };
        let names = tree.names(category_id(made.category));
        let (prices, stock) = (HashMap::from([(sku.clone(), price)]), HashMap::from([(sku, made.stock)]));
        let entry = SearchableProduct::new(&product, &names, &prices, &stock).unwrap();
        writer.put(product.id.uuid(), Some(entry.document().unwrap().tantivy())).unwrap();
        if at % 11 == 10 {
            writer.commit(&payload).unwrap();
        }
    };
    for (at, _) in products.iter().enumerate() {
        put(at, &products[products.len() - 1 - at]);
    }
    for (at, made) in products.iter().enumerate() {
        put(at, made);
    }
    writer.commit(&payload).unwrap();
    reader.refresh(None).unwrap();
    (directory, reader)
}

fn request(asked: &Asked) -> SearchRequest {
    let mut attributes = Vec::new();
    if !asked.colours.is_empty() {
        let values = asked.colours.iter().map(|colour| COLOURS[*colour].to_owned()).collect();
        attributes.push(AttributeFilter { key: "colour".into(), values });
    }
    if let Some(grade) = asked.grade {
        attributes.push(AttributeFilter { key: "grade".into(), values: vec![format!("g{grade}")] });
    }
    SearchRequest {
        q: asked.words.iter().map(|word| VOCABULARY[*word]).collect::<Vec<_>>().join(" "),
        category: asked.category.map(|category| PATHS[category].to_owned()),
        brands: asked.brands.iter().map(|brand| BRANDS[*brand].to_owned()).collect(),
        price_min: asked.price.0,
        price_max: asked.price.1,
        available: asked.available,
        attributes,
        sort: asked.sort,
        limit: 7,
        offset: asked.offset,
        facets: true,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    Category,
    Brand,
    Price,
    Available,
    Colour,
}

/// Products that match, leaving one filter out.
fn matches<'a>(products: &'a [Made], asked: &Asked, without: Without) -> Vec<(usize, &'a Made)> {
    let in_index: BTreeSet<usize> =
        asked.words.iter().copied().filter(|w| products.iter().any(|p| p.words.contains(w))).collect();
    if in_index.is_empty() && !asked.words.is_empty() {
        return Vec::new();
    }
    // What is looked for with a filter of the query itself has to have every word.
    let graded = |made: &Made| asked.grade.is_none_or(|grade| made.grade == grade);
    let found = |made: &Made| in_index.intersection(&made.words).count();
    let all = products.iter().any(|made| found(made) == in_index.len() && graded(made));
    let needed = match all || asked.grade.is_some() {
        true => in_index.len(),
        false => products.iter().map(found).max().unwrap_or(0),
    };
    let passes = |made: &Made| {
        let below = |path: &str, of: &str| path == of || path.starts_with(&format!("{of}/"));
        found(made) >= needed
            && graded(made)
            && (without == Without::Category || asked.category.is_none_or(|c| below(PATHS[made.category], PATHS[c])))
            && (without == Without::Brand
                || asked.brands.is_empty()
                || made.brand.is_some_and(|brand| asked.brands.contains(&brand)))
            && (without == Without::Price
                || (asked.price.0.is_none_or(|min| made.price >= min)
                    && asked.price.1.is_none_or(|max| made.price <= max)))
            && (without == Without::Available || !asked.available || made.stock > 0)
            && (without == Without::Colour
                || asked.colours.is_empty()
                || made.colour.is_some_and(|colour| asked.colours.contains(&colour)))
    };
    products.iter().enumerate().filter(|(_, made)| passes(made)).collect()
}

fn counts<K: Ord>(of: impl IntoIterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    of.into_iter().for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}

fn check(snapshot: &Snapshot, products: &[Made], asked: &Asked) -> Result<(), TestCaseError> {
    let found = search(snapshot, &english(), &request(asked)).unwrap();
    let want = matches(products, asked, Without::Nothing);
    prop_assert_eq!(found.total, want.len() as u64);
    let hits: Vec<Hit> = found.decoded().unwrap();
    let page = want.len().saturating_sub(asked.offset as usize).min(7);
    prop_assert_eq!(hits.len(), page);

    let shown = |key: &str| -> BTreeMap<String, u64> {
        let facet = found.facets.iter().find(|facet| facet.key == key);
        let values = facet.map(|facet| facet.values.as_slice()).unwrap_or_default();
        values.iter().filter(|value| value.count > 0).map(|value| (value.value.clone(), value.count)).collect()
    };
    let brands = matches(products, asked, Without::Brand);
    prop_assert_eq!(shown("brand"), counts(brands.iter().filter_map(|(_, m)| Some(BRANDS[m.brand?].to_owned()))));
    let colours = matches(products, asked, Without::Colour);
    let colours = counts(colours.iter().filter_map(|(_, m)| Some(COLOURS[m.colour?].to_owned())));
    let shown_colours = shown("attr.colour");
    if asked.category.is_some() || !asked.colours.is_empty() || !shown_colours.is_empty() {
        prop_assert_eq!(shown_colours, colours);
    }
    let available = matches(products, asked, Without::Available).iter().filter(|(_, m)| m.stock > 0).count() as u64;
    prop_assert_eq!(shown("availability").get("true").copied().unwrap_or(0), available);

    let everywhere = matches(products, asked, Without::Category);
    let choices: &[&str] = match asked.category.map(|category| PATHS[category]) {
        None | Some("garden") => &["home", "garden"],
        Some(_) => &["home/kitchen", "home/office"],
    };
    let in_branch = |of: &str| {
        let below = |path: &str| path == of || path.starts_with(&format!("{of}/"));
        everywhere.iter().filter(|(_, made)| below(PATHS[made.category])).count() as u64
    };
    let categories = choices.iter().map(|of| ((*of).to_owned(), in_branch(of))).filter(|(_, count)| *count > 0);
    prop_assert_eq!(shown("category"), categories.collect());

    let priced = matches(products, asked, Without::Price);
    let ranges = shown("price");
    prop_assert_eq!(ranges.values().sum::<u64>(), priced.len() as u64);
    for (range, count) in ranges {
        let (from, to) = range.split_once('-').unwrap();
        let (from, to) = (from.parse().unwrap_or(0), to.parse().unwrap_or(i64::MAX));
        let inside = priced.iter().filter(|(_, made)| (from..=to).contains(&made.price)).count() as u64;
        prop_assert_eq!(count, inside, "{}", range);
    }

    let place = |hit: &Hit| usize::try_from(hit.id.as_u128()).unwrap();
    let mut sorted = want.clone();
    match asked.sort {
        Sort::Newest => sorted.sort_by_key(|(at, _)| std::cmp::Reverse(*at)),
        Sort::PriceAsc => sorted.sort_by_key(|(at, made)| (made.price, std::cmp::Reverse(*at))),
        Sort::PriceDesc => sorted.sort_by_key(|(at, made)| (std::cmp::Reverse(made.price), std::cmp::Reverse(*at))),
        Sort::Title => sorted.sort_by_key(|(at, made)| title(*at, made)),
        Sort::Relevance => return Ok(()),
    }
    let want: Vec<usize> = sorted.iter().map(|(at, _)| *at).skip(asked.offset as usize).take(7).collect();
    prop_assert_eq!(hits.iter().map(place).collect::<Vec<_>>(), want);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_count_and_order_is_that_of_brute_force(
        products in prop::collection::vec(made(), 1..60),
        requests in prop::collection::vec(asked(), 20),
    ) {
        let (_directory, reader) = index(&products);
        let snapshot = reader.snapshot();
        prop_assert_eq!(snapshot.products(), products.len() as u64);
        for asked in &requests {
            check(&snapshot, &products, asked).map_err(|error| TestCaseError::fail(format!("{error} for {asked:?}")))?;
        }
    }

    #[test]
    fn no_text_is_syntax(text in "\\PC{0,60}") {
        use std::sync::OnceLock;
        static INDEX: OnceLock<(tempfile::TempDir, Reader)> = OnceLock::new();
        let product = Made { words: [0, 2].into(), brand: Some(0), category: 1, price: 5, stock: 1, colour: None, grade: 0 };
        let (_, reader) = INDEX.get_or_init(|| index(&[product]));
        let snapshot = reader.snapshot();
        for q in [text.clone(), format!("\"{text}"), format!("red {text}*"), format!("title:{text} OR ("), format!("-{text}~2^9")] {
            let q = q.chars().take(200).collect();
            let request = SearchRequest { q, limit: 5, facets: true, ..SearchRequest::default() };
            prop_assert!(search(&snapshot, &english(), &request).is_ok());
        }
    }
}
