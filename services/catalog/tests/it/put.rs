//! Putting products: each stands alone, repeats change nothing, writers at the same time neither lose nor double.

use souk_catalog_api::{
    ByIds, BySlug, BySlugs, CategoryInput, FacetAttribute, ProductChanged, ProductInput, PutCategories, PutProducts,
    Status, moved_to,
};
use souk_kernel::Event;

use super::{World, codes, guest, product, seal, system};

/// What was published, read from the table itself: the log waits for transactions of other tests on the same server.
async fn events(world: &World) -> Vec<ProductChanged> {
    let sql = "select data::text as data from outbox where type = $1 order by xid, seq";
    let rows = world.db.primary().query(sql, &[&ProductChanged::TYPE]).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect()
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_a_changed_product_is_one_event() {
    let world = World::new().await;
    let home = world.category(&["Home", "Kitchen"]).await;
    let batch: Vec<_> = (0..20).map(|n| product(&n.to_string(), home)).collect();
    let created = world.put(batch.clone()).await;
    assert!(codes(&created).iter().all(|code| *code == "created"));
    let before = world.db.counters();
    let again = world.put(batch.clone()).await;
    assert!(codes(&again).iter().all(|code| *code == "unchanged"));
    assert_eq!((world.db.counters() - before).commits, 0);
    assert_eq!(again.iter().map(|o| o.id).collect::<Vec<_>>(), created.iter().map(|o| o.id).collect::<Vec<_>>());
    assert_eq!(events(&world).await.len(), 20);

    let mut changed = batch;
    changed[3].title = "Another".into();
    seal(&mut changed[3]);
    let outcome = world.put(changed).await;
    assert_eq!(codes(&outcome).iter().filter(|code| **code == "updated").count(), 1);
    let events = events(&world).await;
    let last = events.last().unwrap();
    assert_eq!((events.len(), last.product_id, last.version), (21, created[3].id.unwrap(), 2));
    let tree = world.client.categories(&guest(), Default::default()).await.unwrap();
    assert_eq!(last.categories, [tree.items[1].id, tree.items[0].id], "from leaf to root");
}

#[tokio::test]
async fn bad_ones_refuse_themselves_and_nothing_else() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    world.put(vec![product("held", home)]).await;
    let with = |external_id: &str, change: fn(&mut ProductInput)| {
        let mut input = product(external_id, home);
        change(&mut input);
        seal(&mut input);
        input
    };
    let batch = vec![
        product("a", home),
        with("b", |p| p.variants[0].sku = "sku-held".into()),
        with("c", |p| p.title = "nul\0".into()),
        with("d", |p| p.external_id = "x\0".into()),
        with("e", |p| p.variants.clear()),
        with("f", |p| p.category_id = souk_catalog_api::CategoryId(uuid::Uuid::from_u128(1))),
        with("g", |p| p.slug = "../admin".into()),
        with("h", |p| p.media[0].source_url = Some("javascript:alert(1)".into())),
        with("i", |p| p.media[0].url = Some("//evil.example/x.png".into())),
        with("j", |p| p.description = "x".repeat(60_000)),
        with("k", |p| p.variants[0].sku = "sku-a".into()),
        product("z", home),
    ];
    let outcomes = world.put(batch).await;
    let want = [
        "created",
        "sku_taken",
        "control_characters",
        "control_characters",
        "missing_variant",
        "unknown_category",
        "invalid_slug",
        "invalid_media",
        "invalid_media",
        "too_long",
        "sku_taken",
        "created",
    ];
    assert_eq!(codes(&outcomes), want);
    assert_eq!(events(&world).await.len(), 3);
    assert!(outcomes.iter().zip(want).all(|(outcome, code)| outcome.id.is_some() == (code == "created")));
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_changes_nothing() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    let known = world.put(vec![product("known", home)]).await;
    let mut changed = product("known", home);
    changed.title = "Other".into();
    seal(&mut changed);
    let products = vec![product("new", home), changed];
    let dry = PutProducts { products: products.clone(), dry_run: true };
    let said = world.client.put_products(&system(), dry).await.unwrap().outcomes;
    assert_eq!(codes(&said), ["created", "updated"]);
    assert_eq!((said[0].id, said[1].id), (None, known[0].id));
    assert_eq!(events(&world).await.len(), 1);
    assert_eq!(codes(&world.put(products).await), ["created", "updated"]);
}

#[tokio::test]
async fn slugs_are_unique_kept_and_redirected() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    let named = |external_id: &str, slug: &str| {
        let mut input = product(external_id, home);
        input.slug = slug.into();
        seal(&mut input);
        input
    };
    world.put(vec![named("1", "mug"), named("2", "mug"), named("3", "mug-2"), named("4", "mug-x")]).await;
    world.put(vec![named("5", "mug")]).await;
    let slug = async |external_id: &str| {
        let sql = "select slug from product where external_id = $1";
        let row = world.db.primary().query_one(sql, &[&external_id]).await.unwrap();
        row.get::<_, String>(0)
    };
    assert_eq!(slug("2").await, "mug-2");
    assert_eq!(slug("3").await, "mug-2-2");
    assert_eq!(slug("5").await, "mug-3");

    let mut retitled = named("5", "mug");
    retitled.title = "New title".into();
    seal(&mut retitled);
    world.put(vec![retitled]).await;
    assert_eq!(slug("5").await, "mug-3", "a numbered address is kept");

    world.put(vec![named("1", "cup")]).await;
    let moved = world.client.product_by_slug(&guest(), BySlug { slug: "mug".into() }).await.unwrap_err();
    assert_eq!((&*moved.code, moved.status()), ("product_moved", 404));
    assert_eq!(moved_to(&moved), Some("cup"));
    let slugs = BySlugs { slugs: vec!["mug".into(), "cup".into(), "mug-2".into(), "saucer".into()] };
    let found = world.client.products_by_slug(&guest(), slugs).await.unwrap();
    assert_eq!(found.items.iter().map(|product| &*product.slug).collect::<Vec<_>>(), ["cup", "mug-2"]);
    assert_eq!(found.moved.into_iter().collect::<Vec<_>>(), [("mug".into(), "cup".into())]);
    world.put(vec![named("6", "mug")]).await;
    assert_eq!(slug("6").await, "mug-4", "an old link is not given to another product");
    world.put(vec![named("1", "mug")]).await;
    let back = world.client.product_by_slug(&guest(), BySlug { slug: "mug".into() }).await.unwrap();
    assert_eq!(back.external_id.as_deref(), Some("1"));
}

#[tokio::test]
async fn counts_follow_status_and_category() {
    let world = World::new().await;
    let (a, b) = (world.category(&["Root", "A"]).await, world.category(&["Root", "B"]).await);
    let counts = async || {
        let tree = world.client.categories(&guest(), Default::default()).await.unwrap();
        tree.items.iter().map(|c| (c.path.clone(), c.products)).collect::<Vec<_>>()
    };
    let is = |root, a, b| vec![("root".to_owned(), root), ("root/a".to_owned(), a), ("root/b".to_owned(), b)];
    world.put(vec![product("1", a), product("2", a), product("3", b)]).await;
    assert_eq!(counts().await, is(3, 2, 1));
    let mut moved = product("1", b);
    seal(&mut moved);
    let mut hidden = product("2", a);
    hidden.status = Status::Draft;
    seal(&mut hidden);
    world.put(vec![moved, hidden]).await;
    assert_eq!(counts().await, is(2, 0, 2));
    let truth = "select category_id, count(*) from product where status = 'published' group by 1
        except select id, products from category";
    assert!(world.db.primary().query(truth, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn imports_at_the_same_time_neither_deadlock_nor_share_anything() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    // Every importer brings the same SKUs and wishes for the same slugs, each in another order.
    let importer = async |who: usize| {
        let mut products = Vec::new();
        for n in 0..60 {
            let n = (n * [1, 7, 11, 13][who]) % 60;
            let mut input = product(&format!("{who}-{n}"), home);
            input.slug = format!("wish-{}", n % 7);
            input.variants[0].sku = format!("shared-{}", n / 2);
            seal(&mut input);
            products.push(input);
        }
        let mut outcomes = Vec::new();
        for chunk in products.chunks(15) {
            // Straight to the service, so that its in-process queue is not the only thing that orders them.
            let put = PutProducts { products: chunk.to_vec(), dry_run: false };
            outcomes.extend(world.client.put_products(&system(), put).await.unwrap().outcomes);
        }
        outcomes
    };
    let (a, b, c, d) = tokio::join!(importer(0), importer(1), importer(2), importer(3));
    let all = [a, b, c, d].concat();
    let created = codes(&all).iter().filter(|code| **code == "created").count();
    let taken = codes(&all).iter().filter(|code| **code == "sku_taken").count();
    assert_eq!((created, taken), (30, 210), "each SKU has one holder, whoever was first");
    assert_eq!(events(&world).await.len(), 30);
}

/// The control of the test above: two processes, whose only common order is the turn taken in the database.
#[tokio::test]
async fn two_processes_take_turns_in_the_database() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    let other = World::beside(&world).await;
    let put = |world: &World, who: &str| {
        let client = world.client.clone();
        let mut products = Vec::new();
        for n in 0..40 {
            let mut input = product(&format!("{who}-{n}"), home);
            input.variants[0].sku = format!("shared-{n}");
            input.slug = "same".into();
            seal(&mut input);
            products.push(input);
        }
        async move { client.put_products(&system(), PutProducts { products, dry_run: false }).await.unwrap().outcomes }
    };
    for round in 0..5 {
        let (a, b) = tokio::join!(put(&world, &format!("a{round}")), put(&other, &format!("b{round}")));
        let created = codes(&a).iter().chain(&codes(&b)).filter(|code| **code == "created").count();
        assert_eq!(created, if round == 0 { 40 } else { 0 });
    }
}

#[tokio::test]
async fn what_the_contract_limits_is_refused_whole() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    let products = (0..501).map(|n| product(&n.to_string(), home)).collect();
    let refused = world.client.put_products(&system(), PutProducts { products, dry_run: false }).await.unwrap_err();
    assert_eq!(refused.status(), 422);
    let ids = vec![souk_catalog_api::ProductId(uuid::Uuid::nil()); 501];
    assert_eq!(world.client.products(&guest(), ByIds { ids }).await.unwrap_err().status(), 422);
    let products = vec![product("1", home)];
    let refused = world.client.put_products(&guest(), PutProducts { products, dry_run: false }).await.unwrap_err();
    assert_eq!(refused.status(), 401);
    let facets = (0..9).map(|n| FacetAttribute { key: format!("k{n}"), label: "K".into() }).collect();
    let categories = vec![CategoryInput { path: vec!["Home".into()], facets: Some(facets) }];
    let refused = world.client.put_categories(&system(), PutCategories { categories }).await.unwrap_err();
    assert_eq!((&*refused.code, refused.status()), ("too_many", 422));
    assert!(events(&world).await.is_empty());
}

#[tokio::test]
async fn a_batch_is_few_statements_and_one_commit() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    let before = world.db.counters();
    world.put((0..500).map(|n| product(&n.to_string(), home)).collect()).await;
    let cost = world.db.counters() - before;
    assert_eq!(cost.commits, 1);
    // A turn, four look-ups, products, variants, counts, events; the rest is the cache that follows the log, and looks again
    // three times soon after the category.
    assert!(cost.statements <= 17, "{} statements", cost.statements);
}

#[tokio::test]
async fn a_description_in_html_is_kept_safe_whoever_writes_it() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    let mut written = product("1", home);
    written.description_html =
        Some("<p onclick=x>Good.</p><script>alert(1)</script><ul><li>Very good.</li></ul>".into());
    seal(&mut written);
    let get = async || {
        let found = world.client.product_by_slug(&system(), BySlug { slug: "product-1".into() }).await;
        found.unwrap().description_html
    };
    assert_eq!(codes(&world.put(vec![written.clone()]).await), ["created"]);
    assert_eq!(get().await.as_deref(), Some("<p>Good.</p><ul><li>Very good.</li></ul>"));
    assert_eq!(codes(&world.put(vec![written.clone()]).await), ["unchanged"]);
    written.description_html = None;
    seal(&mut written);
    assert_eq!(codes(&world.put(vec![written]).await), ["updated"]);
    assert_eq!(get().await, None);
}
