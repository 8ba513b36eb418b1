//! Reading: pages, batches, variants, the tree; and that memory never shows what was changed elsewhere.

use std::time::Duration;

use souk_catalog_api::{
    AllCategories, Attribute, AttributeValue, BySkus, BySlug, ExportProducts, ListProducts, ListSort, MediaInput,
    ProductOption, Status, VariantInput,
};
use souk_flow::Outbox;
use souk_kernel::Currency;
use souk_pricing_api::PriceChanged;

use super::{World, guest, product, seal, system};

async fn titles(world: &World, sort: ListSort, category: Option<&str>, limit: u32) -> Vec<String> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let category = category.map(str::to_owned);
        let page = world.client.list(&guest(), ListProducts { category, sort, limit, cursor }).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        all.extend(page.items.into_iter().map(|product| product.title));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn an_unlisted_product_is_found_by_its_address_and_nowhere_else() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    let mut secret = product("secret", home);
    secret.status = Status::Unlisted;
    seal(&mut secret);
    world.put(vec![product("open", home), secret.clone()]).await;
    let found = world.client.product_by_slug(&guest(), BySlug { slug: secret.slug.clone() }).await.unwrap();
    assert_eq!((found.status, found.title.as_str()), (Status::Unlisted, secret.title.as_str()));
    let skus = BySkus { skus: vec![secret.variants[0].sku.clone()] };
    assert_eq!(world.client.variants(&guest(), skus).await.unwrap().items.len(), 1, "it can be bought");
    assert_eq!(titles(&world, ListSort::Newest, None, 10).await.len(), 1);
    assert_eq!(titles(&world, ListSort::Title, Some("home"), 10).await.len(), 1);
    let tree = world.client.categories(&guest(), AllCategories {}).await.unwrap();
    assert_eq!(tree.items.iter().map(|category| category.products).max(), Some(1), "it is not counted");
}

#[tokio::test]
async fn a_product_comes_back_as_it_was_put() {
    let world = World::new().await;
    let home = world.category(&["Home", "Mugs"]).await;
    let mut input = product("1", home);
    input.attributes = vec![
        Attribute {
            key: "height".into(),
            label: "Height".into(),
            value: AttributeValue::Number { value: "9.5".into(), unit: Some("cm".into()) },
        },
        Attribute { key: "safe".into(), label: "Dishwasher safe".into(), value: AttributeValue::Bool(true) },
    ];
    input.options = vec![ProductOption { name: "Colour".into(), values: vec!["Red".into(), "Blue".into()] }];
    let variant = |sku: &str, colour: &str, media| VariantInput {
        external_id: Some(format!("v-{sku}")),
        sku: sku.into(),
        option_values: vec![colour.into()],
        barcode: None,
        weight_grams: 300,
        tax_category: "reduced".into(),
        media,
    };
    input.variants = vec![variant("m-red", "Red", None), variant("m-blue", "Blue", Some(1))];
    input.media.push(MediaInput {
        url: Some("/media/blue.png".into()),
        source_url: None,
        alt: "Blue".into(),
        width: Some(800),
        height: Some(800),
    });
    seal(&mut input);
    world.put(vec![input.clone()]).await;
    let got = world.client.product_by_slug(&guest(), BySlug { slug: "product-1".into() }).await.unwrap();
    assert_eq!((got.title, got.attributes, got.options), (input.title, input.attributes, input.options));
    assert_eq!((got.motif.as_str(), got.category_path.len(), got.version), ("mugs", 2, 1));
    assert_eq!(got.created_at, world.clock.now());
    let cards = world
        .client
        .variants(&guest(), BySkus { skus: vec!["m-blue".into(), "nobody".into(), "nul\0".into(), "m-blue".into()] })
        .await
        .unwrap();
    let card = &cards.items[0];
    assert_eq!((cards.items.len(), card.options.as_str(), card.image.as_str()), (1, "Blue", "/media/blue.png"));
    assert_eq!((card.weight_grams, card.tax_category.as_str()), (300, "reduced"));
}

#[tokio::test]
async fn lists_page_through_everything_once_in_every_order() {
    let world = World::new().await;
    let (a, b) = (world.category(&["Root", "A"]).await, world.category(&["Root", "B"]).await);
    let other = world.category(&["Else"]).await;
    let mut batch = Vec::new();
    for n in 0..30 {
        let mut input = product(&format!("{n:02}"), [a, b, other][n % 3]);
        input.title = format!("{} {:02}", ["écran", "Edge", "zoo"][n % 3], n / 2);
        seal(&mut input);
        batch.push(input);
    }
    let mut draft = product("draft", a);
    draft.status = Status::Draft;
    seal(&mut draft);
    batch.push(draft);
    let outcomes = world.put(batch.clone()).await;
    price(&world, outcomes.iter().enumerate().map(|(n, o)| (o.id.unwrap().uuid(), (n as i64 * 7) % 11, 1)).collect())
        .await;

    let all = titles(&world, ListSort::Title, None, 7).await;
    assert_eq!(all.len(), 30);
    assert!(all[0].starts_with("écran 00") && all[29].starts_with("zoo"), "{all:?}");
    let branch = titles(&world, ListSort::Title, Some("root"), 3).await;
    assert_eq!(branch.len(), 20);
    assert!(branch.iter().all(|title| !title.starts_with("zoo")));
    let mut newest = titles(&world, ListSort::Newest, Some("root/a"), 4).await;
    assert_eq!(newest.len(), 10);
    newest.sort();
    newest.dedup();
    assert_eq!(newest.len(), 10, "nothing twice");

    let cheap = titles(&world, ListSort::PriceAsc, Some("root"), 6).await;
    let mut dear = titles(&world, ListSort::PriceDesc, Some("root"), 6).await;
    dear.reverse();
    assert_eq!((cheap.len(), &cheap), (20, &dear));
    let price_of = |title: &String| batch.iter().position(|p| p.title == *title).map(|n| (n as i64 * 7) % 11);
    assert!(cheap.windows(2).all(|pair| price_of(&pair[0]) <= price_of(&pair[1])));
    assert_eq!(titles(&world, ListSort::PriceDesc, None, 100).await.len(), 30);
}

/// Publishes prices as pricing does and runs the consumer on them.
async fn price(world: &World, prices: Vec<(uuid::Uuid, i64, i64)>) {
    let pricing = world.test_db.as_ref().unwrap().db("pricing").await;
    let outbox = Outbox::new(&pricing);
    let tx = pricing.begin().await.unwrap();
    let events: Vec<_> = prices
        .into_iter()
        .map(|(product_id, amount, version)| PriceChanged {
            product_id,
            skus: vec!["x".into()],
            lowest: Currency::EUR.of(amount),
            version,
        })
        .collect();
    outbox.push_all(&tx, &events).await.unwrap();
    outbox.commit(tx).await.unwrap();
    let consumer = souk_catalog::consumers(&world.service).remove(0);
    let log = souk_bus::Log::new(&world.test_db.as_ref().unwrap().superuser("catalog").await);
    let count = pricing.primary().query_one("select count(*) from outbox", &[]).await.unwrap();
    let mut read = Vec::new();
    // The log waits for transactions of other tests on the same server.
    while read.len() as i64 != count.get::<_, i64>(0) {
        read = log.read("pricing", consumer.sources()[0].types, souk_bus::OutboxOffset::START, 500).await.unwrap();
    }
    let mut tx = world.db.begin().await.unwrap();
    // All of them, also those applied before: what is old must not win.
    let mut envelopes: Vec<_> = read.into_iter().map(|(_, envelope)| envelope).collect();
    consumer.apply(&mut tx, &envelopes).await.unwrap();
    envelopes.truncate(1);
    consumer.apply(&mut tx, &envelopes).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_older_price_never_overwrites_a_newer_one() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    let ids: Vec<_> =
        world.put(vec![product("1", home), product("2", home)]).await.iter().map(|o| o.id.unwrap().uuid()).collect();
    price(&world, vec![(ids[0], 500, 3), (ids[1], 300, 1)]).await;
    price(&world, vec![(ids[0], 100, 2)]).await;
    assert_eq!(titles(&world, ListSort::PriceAsc, None, 5).await, ["Product 2", "Product 1"]);
}

#[tokio::test]
async fn cursors_belong_to_their_list() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    world.put((0..5).map(|n| product(&n.to_string(), home)).collect()).await;
    let ask = |sort, cursor: Option<String>, limit| {
        let client = world.client.clone();
        async move { client.list(&guest(), ListProducts { category: None, sort, limit, cursor }).await }
    };
    let page = ask(ListSort::Newest, None, 2).await.unwrap();
    let cursor = page.next_cursor.unwrap();
    assert_eq!(ask(ListSort::Newest, Some(cursor.clone()), 2).await.unwrap().items.len(), 2);
    for (sort, cursor) in [
        (ListSort::Title, cursor.clone()),
        (ListSort::Newest, format!("{cursor}A")),
        (ListSort::Newest, "x".into()),
        (ListSort::Newest, "\0".into()),
    ] {
        assert_eq!(ask(sort, Some(cursor), 2).await.unwrap_err().status(), 422);
    }
    assert_eq!(ask(ListSort::Newest, None, 0).await.unwrap_err().status(), 422);
    assert_eq!(ask(ListSort::Newest, None, 101).await.unwrap_err().status(), 422);
    let lost = ListProducts { category: Some("nowhere".into()), limit: 2, ..Default::default() };
    assert_eq!(world.client.list(&guest(), lost).await.unwrap_err().status(), 404);
}

#[tokio::test]
async fn memory_serves_and_follows_writes_of_this_and_of_other_processes() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    world.put(vec![product("1", home)]).await;
    let read = async |world: &World| {
        let product = world.client.product_by_slug(&guest(), BySlug { slug: "product-1".into() }).await.unwrap();
        let skus = BySkus { skus: vec!["sku-1".into()] };
        assert_eq!(world.client.variants(&guest(), skus).await.unwrap().items[0].title, product.title);
        product.title
    };
    assert_eq!(read(&world).await, "Product 1");
    let before = world.db.counters();
    for _ in 0..10 {
        read(&world).await;
    }
    assert_eq!((world.db.counters() - before).statements, 0, "from memory");

    let other = World::beside(&world).await;
    let mut changed = product("1", home);
    changed.title = "Changed".into();
    seal(&mut changed);
    other.put(vec![changed.clone()]).await;
    assert_eq!(read(&other).await, "Changed", "who wrote sees it at once");
    tokio::time::timeout(Duration::from_secs(10), async {
        while read(&world).await != "Changed" {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the other process learns it from the log");

    changed.status = Status::Draft;
    seal(&mut changed);
    world.put(vec![changed]).await;
    let gone = world.client.product_by_slug(&guest(), BySlug { slug: "product-1".into() }).await.unwrap_err();
    assert_eq!(gone.status(), 404);
    let skus = BySkus { skus: vec!["sku-1".into()] };
    assert!(world.client.variants(&guest(), skus).await.unwrap().items.is_empty());
    let export = ExportProducts { after: None, limit: 10 };
    assert_eq!(world.client.export(&system(), export).await.unwrap().items[0].status, Status::Draft);
    assert_eq!(
        world.client.export(&guest(), ExportProducts { after: None, limit: 10 }).await.unwrap_err().status(),
        401
    );
    world.tasks.drain(Duration::from_secs(5)).await.unwrap();
}
