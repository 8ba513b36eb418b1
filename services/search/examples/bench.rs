//! Benchmark of distinct searches a second: `cargo run --release -p souk-search --example bench`.
//!
//! Fills a shop's index through the real service (from `../shared/data` when it is there, else from made-up products),
//! then searches with words of the products' own titles, each search another one, on one thread: what is printed is CPU
//! time per search, for the contract (hits as values) and for the public API (finished JSON). The shop is in Germany or, with
//! `-- --country US`, elsewhere: its languages are those of the country.
//!
//! With `-- --opensearch` the same on an OpenSearch server of its own (`scripts/engines opensearch`), fewer searches; what
//! is printed then is time, and how many searches found another number of products than the embedded index.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a program for people who develop this

#[path = "../tests/it/fakes.rs"]
#[allow(dead_code)] // the tests use the rest
mod fakes;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use fakes::Owners;
use http_body_util::BodyExt;
use souk_catalog_api::{
    CatalogFake, Category, CategoryId, CategoryTree, FacetAttribute, Product, ProductId, Status, Variant, VariantId,
};
use souk_db::Migrations;
use souk_import::{FacetPlan, Feed, Input, Mapping, Options, ProductDraft, Read};
use souk_inventory_api::InventoryFake;
use souk_kernel::Currency;
use souk_postgres::TestDb;
use souk_pricing_api::PricingFake;
use souk_rpc::{Actor, Cx, fake_of};
use souk_runtime::Tasks;
use souk_search::{IndexConfig, Languages, OpenSearchConfig, SearchDeps, SearchService};
use souk_search_api::{AttributeFilter, SearchApi, SearchClient, SearchRequest, Sort, StatusRequest};
use souk_tls::TrustRoots;
use tower::ServiceExt;
use uuid::Uuid;

/// Searches of each kind.
const SEARCHES: usize = 20_000;
/// Searches of each kind on OpenSearch.
const FEW: usize = 300;
/// Products when there is no file.
const MADE_UP: usize = 20_000;

const OWNERS: [Migrations; 3] = [
    Migrations { schema: "catalog", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] },
    Migrations { schema: "pricing", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] },
    Migrations { schema: "inventory", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] },
];

/// A small generator of numbers: the same searches in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let drafts = drafts();
    let mut plan = FacetPlan::new();
    drafts.iter().for_each(|draft| plan.add(draft));
    let tree = tree(&drafts, &plan);
    println!("{} products, {} categories", drafts.len(), tree.items.len());
    let [catalog, pricing, inventory] = &OWNERS;
    let test_db = TestDb::new(&[&souk_search::MIGRATIONS, catalog, pricing, inventory]).await;
    for owner in souk_search::READS {
        souk_db::grant_outbox_read(&test_db.url(), owner, "search").await.unwrap();
    }
    let owners = Arc::new(Owners::new(&test_db, tree.clone()).await);
    for draft in &drafts {
        let offer = &draft.offers[0];
        owners.shelve(product(draft), offer.price.amount, offer.initial_stock());
    }
    let directory = tempfile::tempdir().unwrap();
    let db = test_db.db("search").await;
    let serve = |index: IndexConfig| {
        SearchService::new(SearchDeps {
            db: db.clone(),
            tasks: Tasks::new(),
            index,
            languages: Languages::of_country(&country()),
            catalog: fake_of!(&owners, CatalogFake { products, export, categories }).into(),
            pricing: fake_of!(&owners, PricingFake { prices }).into(),
            inventory: fake_of!(&owners, InventoryFake { availability }).into(),
        })
        .unwrap()
    };
    let service = serve(IndexConfig::Embedded(directory.path().to_owned()));
    let client = SearchClient::Local(service.clone() as Arc<dyn SearchApi>);
    let started = Instant::now();
    let wanted = u64::try_from(drafts.len()).unwrap();
    while client.status(&cx(), StatusRequest {}).await.unwrap().products < wanted {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let bytes: u64 = std::fs::read_dir(directory.path().join("products"))
        .unwrap()
        .map(|f| f.unwrap().metadata().unwrap().len())
        .sum();
    println!("indexed in {:?}, {} MB on disk, {} MB resident", started.elapsed(), bytes >> 20, resident_mb());
    if std::env::args().any(|argument| argument == "--opensearch") {
        return beside(&client, &drafts, &tree, serve).await;
    }
    for (kind, requests) in kinds(&drafts, &tree) {
        measure(kind, &client, &service, &requests).await;
    }
    println!("{} MB resident", resident_mb());
}

/// The same on OpenSearch, held against the embedded index.
async fn beside(
    embedded: &SearchClient,
    drafts: &[ProductDraft],
    tree: &CategoryTree,
    serve: impl Fn(IndexConfig) -> Arc<SearchService>,
) {
    let server = souk_engines::OpenSearch::start().await.unwrap();
    let config =
        OpenSearchConfig { urls: vec![server.url()], trust_roots: TrustRoots::of_system(), name: "bench".into() };
    let service = serve(IndexConfig::OpenSearch(config));
    let rebuilt = service.rebuild().await.unwrap().unwrap();
    println!("OpenSearch: {} products in {:?}, bulks of at most 500", rebuilt.products, rebuilt.took);
    let client = SearchClient::Local(service as Arc<dyn SearchApi>);
    // Until the server's own code is compiled, what is measured is its compiler.
    for (_, requests) in kinds(drafts, tree) {
        for request in requests.iter().rev().take(FEW) {
            client.search(&cx(), request.clone()).await.unwrap();
        }
    }
    for (kind, requests) in kinds(drafts, tree) {
        let requests: Vec<_> = requests.into_iter().take(FEW).collect();
        let mut other = 0;
        let mut took = Vec::new();
        for request in &requests {
            let started = Instant::now();
            let reply = client.search(&cx(), request.clone()).await.unwrap();
            took.push(started.elapsed());
            let here = embedded.search(&cx(), request.clone()).await.unwrap();
            if reply.total != here.total {
                other += 1;
                if other <= 2 {
                    println!("  {} there, {} here: {request:?}", reply.total, here.total);
                }
            } else if sorted(&reply.facets) != sorted(&here.facets) {
                println!("  other facets: {request:?}");
            }
        }
        report(kind, "OpenSearch", &mut took, &format!("{other} of {} found another number", requests.len()));
    }
}

fn sorted(facets: &[souk_search_api::Facet]) -> Vec<String> {
    let mut lines: Vec<String> = facets.iter().map(|facet| format!("{facet:?}")).collect();
    lines.sort();
    lines
}

fn country() -> String {
    std::env::args().skip_while(|argument| argument != "--country").nth(1).unwrap_or_else(|| "DE".into())
}

fn cx() -> Cx {
    Cx::new("bench", Actor::Anonymous)
}

async fn measure(kind: &str, client: &SearchClient, service: &Arc<SearchService>, requests: &[SearchRequest]) {
    let mut took = Vec::with_capacity(requests.len());
    let (mut found, mut empty) = (0, 0);
    for request in requests {
        let started = Instant::now();
        let reply = client.search(&cx(), request.clone()).await.unwrap();
        took.push(started.elapsed());
        found += reply.total;
        empty += usize::from(reply.total == 0);
    }
    let mean_found = found / u64::try_from(requests.len()).unwrap();
    report(kind, "contract", &mut took, &format!("{mean_found} matches on average, {empty} empty"));
    let router = souk_search::routes(service.clone()).router();
    let mut took = Vec::with_capacity(requests.len());
    let mut bytes = 0;
    for request in requests.iter().filter(|request| request.attributes.is_empty()) {
        let http = Request::get(format!("/api/v1/search?{}", query_string(request))).extension(cx());
        let http = http.body(Body::empty()).unwrap();
        let started = Instant::now();
        let body = router.clone().oneshot(http).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        took.push(started.elapsed());
        bytes += body.len();
    }
    if !took.is_empty() {
        let each = bytes / took.len();
        report(kind, "public API", &mut took, &format!("{each} bytes each"));
    }
}

fn report(kind: &str, way: &str, took: &mut [Duration], more: &str) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    let mean = took.iter().sum::<Duration>() / u32::try_from(took.len()).unwrap();
    println!(
        "{kind:32} {way:10} mean {mean:>9.1?}  p50 {:>9.1?}  p95 {:>9.1?}  p99 {:>9.1?}  {:>6.0}/s on one core; {more}",
        at(50),
        at(95),
        at(99),
        1.0 / mean.as_secs_f64()
    );
}

/// Kinds of searches, each without repetition.
fn kinds(drafts: &[ProductDraft], tree: &CategoryTree) -> Vec<(&'static str, Vec<SearchRequest>)> {
    let mut dice = Dice(0x5eed);
    let base = SearchRequest { limit: 24, facets: true, ..SearchRequest::default() };
    let mut words = |count: usize, wanted: usize| {
        let mut seen = HashSet::new();
        let mut requests = Vec::new();
        for _ in 0..wanted * 20 {
            let title: Vec<&str> = drafts[dice.roll(drafts.len())].product.title.split_whitespace().collect();
            let at = dice.roll(title.len());
            let q = title.iter().cycle().skip(at).take(count.min(title.len())).copied().collect::<Vec<_>>().join(" ");
            if seen.insert(q.to_lowercase()) {
                requests.push(SearchRequest { q: q.chars().take(200).collect(), ..base.clone() });
            }
            if requests.len() == wanted {
                break;
            }
        }
        requests
    };
    let (one, two, three) = (words(1, SEARCHES / 4), words(2, SEARCHES), words(3, SEARCHES));
    let brand_of = |n: usize| drafts[n % drafts.len()].product.brand.clone().unwrap_or_default();
    let narrowed = two.iter().enumerate().map(|(n, request)| SearchRequest {
        brands: vec![brand_of(n * 31)],
        price_max: Some(i64::try_from(n % 500).unwrap() * 1_000),
        available: n % 2 == 0,
        ..request.clone()
    });
    let narrowed: Vec<_> = narrowed.collect();
    let sorts = [Sort::Relevance, Sort::Newest, Sort::PriceAsc, Sort::PriceDesc, Sort::Title];
    let pages = tree.items.iter().flat_map(|category| {
        sorts.iter().map(|sort| SearchRequest { category: Some(category.path.clone()), sort: *sort, ..base.clone() })
    });
    let pages: Vec<_> = pages.collect();
    let filter = |category: &Category| {
        let facet = category.facets.first()?;
        let of =
            drafts.iter().flat_map(|draft| &draft.product.attributes).find(|attribute| attribute.key == facet.key)?;
        let values = vec![of.value.display()];
        let attributes = vec![AttributeFilter { key: facet.key.clone(), values }];
        Some(SearchRequest { category: Some(category.path.clone()), attributes, ..base.clone() })
    };
    let filtered: Vec<_> = tree.items.iter().filter_map(filter).collect();
    let lost =
        two.iter().take(SEARCHES / 10).map(|r| SearchRequest { q: format!("{} qzxwv notebok", r.q), ..r.clone() });
    let lost: Vec<_> = lost.collect();
    vec![
        ("one word", one),
        ("two words", two),
        ("three words", three),
        ("two words, brand, price", narrowed),
        ("category pages, every order", pages),
        ("category, attribute", filtered),
        ("unknown words and slips", lost),
    ]
}

fn query_string(request: &SearchRequest) -> String {
    let encode = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    let mut query = format!("q={}", encode(&request.q));
    for brand in &request.brands {
        query.push_str(&format!("&brand={}", encode(brand)));
    }
    if let Some(category) = &request.category {
        query.push_str(&format!("&category={category}"));
    }
    if let Some(price) = request.price_max {
        query.push_str(&format!("&price_max={price}"));
    }
    query
}

fn read(input: &Input, options: Options) -> Vec<ProductDraft> {
    let products = Feed::open(input, options).unwrap().filter_map(|read| match read {
        Read::Product(draft, _) => Some(*draft),
        Read::Warning(_) | Read::Refused(_) | Read::LeftOut(_) => None,
    });
    products.collect()
}

fn drafts() -> Vec<ProductDraft> {
    let mut directory = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let file = loop {
        let file = directory.join("../shared/data/catalog/icecat-products.ndjson.gz");
        if file.exists() {
            break Some(file);
        }
        if !directory.pop() {
            break None;
        }
    };
    let Some(file) = file else { return made_up() };
    let mapping = Mapping::built_in("icecat");
    read(&Input::file(file), Options { mapping, currency: Some(Currency::EUR), ..Options::default() })
}

fn made_up() -> Vec<ProductDraft> {
    let mut dice = Dice(7);
    let syllables = ["ka", "lo", "mi", "ter", "zon", "pra", "du", "vel", "shi", "nor"];
    let mut word = || (0..3).map(|_| syllables[dice.roll(10)]).collect::<String>();
    let mut line = |n: usize| {
        let product = serde_json::json!({
            "format": "souk.product/1",
            "source": "bench", "external_id": n.to_string(), "slug": format!("p-{n}"),
            "title": format!("{} {} {} {n}", word(), word(), word()), "brand": word(),
            "description": (0..40).map(|_| word()).collect::<Vec<_>>().join(" "),
            "category": ["All", format!("Part {}", n % 40)],
            "attributes": [{ "key": "colour", "label": "Colour", "value": { "text": format!("c{}", n % 9) } }],
            "variants": [{ "sku": format!("s-{n}"), "price": { "amount": n % 90_000, "currency": "EUR" } }],
        });
        format!("{product}\n")
    };
    let lines: String = (0..MADE_UP).map(&mut line).collect();
    read(&Input::bytes(lines), Options::default())
}

fn tree(drafts: &[ProductDraft], plan: &FacetPlan) -> CategoryTree {
    let mut items: Vec<Category> = Vec::new();
    let mapping = Mapping::built_in("icecat");
    let facets = plan.choose(mapping.as_ref());
    for names in drafts.iter().map(|draft| &draft.category) {
        for depth in 1..=names.len() {
            let path = path(&names[..depth]);
            if items.iter().any(|category| category.path == path) {
                continue;
            }
            let parent = (depth > 1).then(|| category_id(&self::path(&names[..depth - 1])));
            let chosen = facets.iter().find(|chosen| chosen.path == names[..depth]).map(|chosen| &chosen.facets);
            let facet = |f: &souk_import::Facet| FacetAttribute { key: f.key.clone(), label: f.label.clone() };
            items.push(Category {
                id: category_id(&path),
                parent_id: parent,
                name: names[depth - 1].clone(),
                position: 0,
                products: 0,
                facets: chosen.into_iter().flatten().map(facet).collect(),
                version: 1,
                path,
            });
        }
    }
    CategoryTree { items }
}

fn path(names: &[String]) -> String {
    names.iter().map(|name| souk_kernel::slugify(name)).collect::<Vec<_>>().join("/")
}

fn category_id(path: &str) -> CategoryId {
    CategoryId(fakes::id_of(path))
}

fn product(draft: &ProductDraft) -> Product {
    let (category, draft) = (&draft.category, &draft.product);
    let id: Uuid = fakes::id_of(&draft.slug);
    Product {
        id: ProductId(id),
        source: Some(draft.source.clone()),
        external_id: Some(draft.external_id.clone()),
        slug: draft.slug.clone(),
        title: draft.title.clone(),
        brand: draft.brand.clone(),
        description: draft.description.clone(),
        status: Status::Published,
        category_id: Some(category_id(&path(category))),
        category_path: Vec::new(),
        motif: "thing".into(),
        attributes: draft.attributes.clone(),
        options: Vec::new(),
        variants: vec![Variant {
            id: VariantId(id),
            external_id: None,
            sku: draft.variants[0].sku.clone(),
            option_values: Vec::new(),
            barcode: draft.variants[0].barcode.clone(),
            weight_grams: 0,
            tax_category: "standard".into(),
            media: None,
        }],
        media: Vec::new(),
        tags: draft.tags.clone(),
        seo_title: None,
        description_html: None,
        seo_description: None,
        version: 1,
        created_at: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
        updated_at: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
    }
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}
