//! Public pages, the same for all visitors: what they show, how they may be cached, what they refuse.

use http::{Method, StatusCode};
use souk_import::ProductDraft;
use souk_inventory_api::StockPolicy;

use crate::browser::{Browser, ORIGIN};

/// A page of each kind, for rules that hold for all.
async fn every_page(browser: &mut Browser) -> Vec<(String, crate::browser::Reply)> {
    let (sku, slug) = browser.sku(3);
    let choice = browser.shop.products.iter().find(|product| product.options.len() == 2).unwrap().slug.clone();
    let mut pages = Vec::new();
    let mut paths = vec!["/".into(), "/c/kitchen".into(), "/c/kitchen/mugs-cups?brand=Ferro&sort=price_asc".into()];
    paths.extend(["/search?q=mug".into(), "/search?q=nothing-like-this".into(), "/search".into(), "/help".into()]);
    paths.extend([format!("/p/{slug}"), format!("/p/{choice}"), "/cart".into(), "/account".into(), "/nowhere".into()]);
    for path in paths {
        let page = browser.get(&path).await;
        pages.push((path, page));
    }
    browser.submit("/cart/lines", &[("sku", &sku)]).await;
    let register = [("name", "Ana"), ("email", "ana@example.com"), ("password", "correct horse")];
    browser.register(&register).await;
    for path in ["/cart", "/checkout", "/account", "/account/profile", "/account/addresses/new"] {
        let page = browser.get(path).await;
        pages.push((path.to_owned(), page));
    }
    pages
}

#[tokio::test]
async fn no_page_needs_what_the_content_security_policy_forbids() {
    let mut browser = Browser::new(200);
    for (path, page) in every_page(&mut browser).await {
        assert!(page.body.starts_with("<!doctype html>"), "{path}");
        page.hides(" style=").hides("<style").hides(" onclick=").hides("javascript:");
        for script in page.body.split("<script").skip(1) {
            let data = script.starts_with(" type=\"application/");
            let module = script.starts_with(" type=\"module\" src=\"/assets/");
            assert!(data || module, "{path}: <script{}", &script[..60]);
        }
        for image in page.body.split("<img ").skip(1) {
            let tag = image.split('>').next().unwrap();
            assert!(tag.contains(" width=\"") && tag.contains(" height=\"") && tag.contains("alt=\""), "{path}: {tag}");
        }
        assert_eq!(page.body.matches("<h1").count(), 1, "{path}: one heading of the first level");
    }
}

#[tokio::test]
async fn public_pages_are_cacheable_and_personal_ones_are_not() {
    let mut browser = Browser::new(200);
    for (path, page) in every_page(&mut browser).await {
        let personal = path.starts_with("/cart") || path.starts_with("/checkout") || path.starts_with("/account");
        if personal || page.status != StatusCode::OK {
            assert_eq!(page.header("cache-control"), "private, no-store", "{path}");
            continue;
        }
        assert!(page.header("cache-control").starts_with("public, max-age=60, stale-while-revalidate="), "{path}");
        assert!(page.header("etag").starts_with("W/\""), "{path}");
        assert!(!page.header("surrogate-key").is_empty(), "{path}");
        assert!(page.headers.get("set-cookie").is_none(), "{path}: a cached page never sets a cookie");
    }
}

#[tokio::test]
async fn a_page_names_what_it_shows() {
    let mut browser = Browser::new(200);
    let product = browser.shop.products[0].clone();
    let page = browser.get(&format!("/p/{}", product.slug)).await;
    let keys: Vec<&str> = page.header("surrogate-key").split(' ').collect();
    assert!(keys.contains(&format!("product/{}", product.id).as_str()));
    for category in &product.category_path {
        assert!(keys.contains(&format!("category/{category}").as_str()), "{keys:?}");
    }
    let path = browser.shop.categories.iter().find(|c| Some(c.id) == product.category_id).unwrap().path.clone();
    let list = browser.get(&format!("/c/{path}")).await;
    assert!(list.header("surrogate-key").contains(&format!("product/{}", product.id)), "a list names its products");
}

#[tokio::test]
async fn pages_do_not_depend_on_who_looks() {
    let mut guest = Browser::new(200);
    let mut customer = Browser::of(&guest.shop, ORIGIN);
    let (sku, slug) = guest.sku(0);
    customer.register(&[("name", "Ana"), ("email", "a@example.com"), ("password", "correct horse")]).await;
    customer.submit("/cart/lines", &[("sku", &sku)]).await;
    for path in ["/".into(), "/c/kitchen".into(), format!("/p/{slug}"), "/search?q=mug".into()] {
        assert_eq!(guest.get(&path).await.body, customer.get(&path).await.body, "{path}");
    }
}

#[tokio::test]
async fn unchanged_pages_are_answered_with_304() {
    let mut browser = Browser::new(100);
    let etag = browser.get("/c/kitchen").await.header("etag").to_owned();
    browser.extra.push(("if-none-match", etag));
    let again = browser.get("/c/kitchen").await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
}

#[tokio::test]
async fn a_category_is_filtered_sorted_and_paged_by_links_and_a_form() {
    let mut browser = Browser::new(1_600);
    let page = browser.get("/c/kitchen").await;
    page.shows("<h1>Kitchen</h1>").shows("href=\"/c/kitchen/mugs-cups\"").shows("rel=\"next\"").shows("?page=2");
    page.shows("<form class=\"filters\" id=\"filters\" action=\"/c/kitchen\"");
    assert_eq!(page.body.matches("<li class=\"card").count(), 24);
    let second = browser.get("/c/kitchen?page=2").await;
    second.shows("rel=\"prev\"").shows("aria-current=\"page\">2");
    let mugs = browser.get("/c/kitchen/mugs-cups?attr.colour=Teal&sort=price_asc").await;
    mugs.shows("Colour: Teal").shows("value=\"Teal\" checked").shows("noindex").shows("Price: low to high");
    let prices: Vec<i64> = prices(&mugs.body);
    assert!(!prices.is_empty() && prices.is_sorted(), "{prices:?}");
    browser.get("/c/kitchen/mugs-cups?brand=Nobody").await.shows("Nothing fits all of that").shows("Clear all");
    let beyond = browser.get("/c/kitchen/mugs-cups?page=99").await;
    assert_eq!((beyond.status, beyond.header("location")), (StatusCode::TEMPORARY_REDIRECT, "/c/kitchen/mugs-cups"));
}

fn prices(body: &str) -> Vec<i64> {
    let cards = body.split("<li class=\"card").skip(1);
    let price = |card: &str| {
        let (_, rest) = card.split_once('€')?;
        rest.split('<').next()?.replace(['.', ','], "").parse().ok()
    };
    cards.filter_map(price).collect()
}

#[tokio::test]
async fn search_says_what_it_found() {
    let mut browser = Browser::new(400);
    browser.get("/search?q=mug").await.shows("“mug”").shows("value=\"mug\"").shows("<li class=\"card");
    browser.get("/search?q=qwertz").await.shows("Nothing found").shows("0 products");
    browser.get("/search").await.shows("<h1>Everything</h1>");
}

#[tokio::test]
async fn a_product_shows_its_choices_prices_and_data() {
    let mut browser = Browser::new(400);
    let shop = browser.shop.clone();
    let two = |d: &&ProductDraft| d.product.options.len() == 2 && d.offers.iter().any(|o| o.initial_stock() > 0);
    let draft = &shop.drafts.iter().find(two).unwrap().product;
    let page = browser.get(&format!("/p/{}", draft.slug)).await;
    page.shows(&format!("<h1>{}</h1>", draft.title.replace('\'', "&#39;"))).shows("type=\"radio\" name=\"option-0\"");
    for option in &draft.options {
        page.shows(&option.name);
    }
    let data = page.body.split("application/ld+json\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!((&data["@type"], data["offers"].as_array().unwrap().len()), (&"Product".into(), draft.variants.len()));
    let variants = page.body.split("id=\"variants\">").nth(1).unwrap().split("</script>").next().unwrap();
    let variants: serde_json::Value = serde_json::from_str(variants).unwrap();
    assert_eq!(variants.as_array().unwrap().len(), draft.variants.len());
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn a_sold_out_product_cannot_be_ordered() {
    let mut browser = Browser::new(400);
    let shop = browser.shop.clone();
    let draft = &shop.drafts[0].product;
    for variant in &draft.variants {
        shop.state().stock.insert(variant.sku.clone(), 0);
    }
    browser
        .get(&format!("/p/{}", draft.slug))
        .await
        .shows("Sold out just now")
        .shows("disabled")
        .shows("schema.org/OutOfStock");
    shop.state().stock.insert(draft.variants[0].sku.clone(), 2);
    browser.get(&format!("/p/{}", draft.slug)).await.shows("Only 2 left").hides("disabled>");
}

#[tokio::test]
async fn what_is_on_backorder_says_so_and_can_be_ordered() {
    let mut browser = Browser::new(400);
    let shop = browser.shop.clone();
    let draft = shop.drafts.iter().find(|draft| draft.product.variants.len() == 1).unwrap();
    let sku = &draft.product.variants[0].sku;
    shop.state().stock.insert(sku.clone(), 0);
    let address = format!("/p/{}", draft.product.slug);
    for (policy, words, schema) in [
        (StockPolicy::Backorder, "Available on backorder", "schema.org/BackOrder"),
        (StockPolicy::Untracked, "In stock", "schema.org/InStock"),
    ] {
        shop.state().policies.insert(sku.clone(), policy);
        browser.get(&address).await.shows(words).shows(schema).hides("disabled>");
    }
    shop.state().stock.insert(sku.clone(), 2);
    shop.state().policies.insert(sku.clone(), StockPolicy::Backorder);
    browser.get(&address).await.shows("In stock").hides("backorder");
}

#[tokio::test]
async fn a_description_in_html_is_shown_as_such() {
    let mut shop = std::sync::Arc::into_inner(crate::fake::FakeShop::new(50)).unwrap();
    let table = "<table><tbody><tr><th>Size</th></tr></tbody></table>";
    shop.products[0].description_html = Some(table.into());
    let address = format!("/p/{}", shop.products[0].slug);
    let first_line = shop.products[0].description.lines().next().unwrap().to_owned();
    let mut browser = Browser::of(&std::sync::Arc::new(shop), ORIGIN);
    browser.get(&address).await.shows(table).hides(&format!("<p>{first_line}</p>"));
}

#[tokio::test]
async fn text_of_a_product_stays_text() {
    let mut shop = std::sync::Arc::into_inner(crate::fake::FakeShop::new(50)).unwrap();
    shop.products[0].title = "<img src=x onerror=alert(1)>".into();
    shop.products[0].description = "</script><script>alert(2)</script>".into();
    shop.products[0].brand = Some("\"><script>alert(3)</script>".into());
    let slug = shop.products[0].slug.clone();
    let mut browser = Browser::of(&std::sync::Arc::new(shop), ORIGIN);
    for path in [format!("/p/{slug}"), "/search?q=onerror".into(), "/search?q=%3Cscript%3Ealert(4)%3C/script%3E".into()]
    {
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        page.hides("<img src=x").hides("<script>alert");
    }
}

#[tokio::test]
async fn what_moved_is_redirected_and_what_is_not_there_is_404() {
    let mut browser = Browser::new(50);
    let moved = browser.get("/p/moved-away").await;
    assert_eq!(moved.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(moved.header("location"), format!("/p/{}", browser.shop.products[0].slug));
    for path in [
        "/p/never-heard-of",
        "/c/never-heard-of",
        "/search?category=never-heard-of",
        "/nowhere",
        "/orders/x",
        "/orders/00000000-0000-7000-8000-000000000000",
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        page.shows("There is no such stall").shows("<nav class=\"mega\"").hides("test-request");
    }
    let post = browser.send(Method::DELETE, "/cart", None).await;
    assert_eq!(post.status, StatusCode::FORBIDDEN, "an unsafe method without a sign of where it comes from");
}

/// The catalogue says which categories there are; the index follows it a moment later.
#[tokio::test]
async fn a_category_that_is_not_indexed_yet_is_empty_and_takes_no_page_with_it() {
    let mut browser = Browser::new(50);
    browser.shop.state().not_indexed = Some("kitchen");
    let home = browser.get("/").await;
    assert_eq!(home.status, StatusCode::OK);
    home.shows("Just arrived").shows("href=\"/c/kitchen\"");
    for empty in ["/c/kitchen", "/search?category=kitchen"] {
        let page = browser.get(empty).await;
        assert_eq!(page.status, StatusCode::OK, "{empty}");
    }
    browser.shop.state().not_indexed = None;
    let found = browser.get("/c/kitchen?sort=title").await;
    found.shows("class=\"card");
}

#[tokio::test]
async fn a_service_that_is_down_gets_a_friendly_page_with_the_request_id() {
    let mut browser = Browser::new(100);
    browser.get("/").await;
    browser.shop.state().down = Some("search");
    let page = browser.get("/search?q=mug").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    page.shows("Too busy just now").shows("test-request").shows("href=\"/search?q=mug\"").hides("told to be down");
    let (_, slug) = browser.sku(0);
    let product = browser.get(&format!("/p/{slug}")).await;
    assert_eq!(product.status, StatusCode::OK, "a product page does without what is only nice to have");
    product.hides("From the same stall");
    browser.shop.state().down = Some("catalog");
    let fresh = &mut Browser::of(&browser.shop, ORIGIN);
    let page = fresh.get(&format!("/p/{slug}")).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "even without a menu there is a page");
    page.shows("Too busy just now");
}

#[tokio::test]
async fn a_catalogue_that_does_not_know_batches_yet_is_asked_for_each_product() {
    let mut browser = Browser::new(50);
    browser.shop.state().down = Some("batches of products");
    let (_, slug) = browser.sku(0);
    assert_eq!(browser.get(&format!("/p/{slug}")).await.status, StatusCode::OK);
    assert_eq!(browser.get("/p/moved-away").await.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(browser.get("/p/nothing").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn one_search_serves_the_product_pages_of_a_category() {
    let mut browser = Browser::new(200);
    let leaf = browser.shop.products[0].category_id;
    let same = browser.shop.products.iter().filter(|product| product.category_id == leaf);
    let slugs: Vec<String> = same.map(|product| product.slug.clone()).collect();
    assert!(slugs.len() > 2, "products of one category");
    browser.get(&format!("/p/{}", slugs[0])).await.shows("From the same stall");
    // A visitor who comes now would find nothing.
    browser.shop.state().down = Some("search");
    for slug in &slugs[1..] {
        let page = browser.get(&format!("/p/{slug}")).await;
        let beside = page.body.split_once("From the same stall").expect("cards beside the product").1;
        assert!(!beside.contains(&format!("href=\"/p/{slug}\"")), "{slug} beside itself");
        assert!((1..=4).contains(&beside.matches("<li class=\"card").count()), "{slug}");
    }
}

#[tokio::test]
async fn assets_are_named_by_content_compressed_and_kept_for_ever() {
    let mut browser = Browser::new(10);
    let page = browser.get("/").await;
    let href = format!("/assets/souk.{}", page.after("/assets/souk."));
    let plain = browser.get(&href).await;
    assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!((plain.header("content-type"), plain.header("content-encoding")), ("text/css; charset=utf-8", ""));
    browser.extra.push(("accept-encoding", "br, gzip".into()));
    assert_eq!(browser.get(&href).await.header("content-encoding"), "gzip");
    assert_eq!(browser.get("/assets/souk.0000000000.css").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/assets/..%2f..%2fCargo.toml").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pictures_are_drawn_for_products_that_there_are() {
    let mut browser = Browser::new(10);
    let slugs: Vec<String> = browser.shop.products.iter().take(2).map(|product| product.slug.clone()).collect();
    let address = |motif: &str, slug: &str| format!("/media/art/{motif}/{slug}.svg");
    let picture = browser.get(&address("mugs-cups", &slugs[0])).await;
    assert_eq!((picture.status, picture.header("content-type")), (StatusCode::OK, "image/svg+xml"));
    assert!(picture.body.starts_with("<svg ") && picture.header("cache-control").starts_with("public"));
    assert_ne!(picture.body, browser.get(&address("mugs-cups", &slugs[1])).await.body);
    for known in [address("other", &slugs[0]), address("mugs-cups", "moved-away")] {
        assert_eq!(browser.get(&known).await.status, StatusCode::OK, "{known}: an order of before shows it");
    }
    let other_type = format!("/media/art/mugs-cups/{}.png", slugs[0]);
    for made_up in [address("mugs-cups", "made-up"), address("made-up", &slugs[0]), other_type, address("%ff", "a")] {
        assert_eq!(browser.get(&made_up).await.status, StatusCode::NOT_FOUND, "{made_up}");
    }
}

#[tokio::test]
async fn what_cannot_be_an_address_of_a_page_is_the_page_that_says_so() {
    let mut browser = Browser::new(10);
    for path in ["/p/%ff", "/c/%ff/x", "/orders/%ff", "/account/addresses/%c3%28", "/assets/%ff", "/%ff"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
    }
    browser.get("/p/%ff").await.shows("<h1");
}

#[tokio::test]
async fn robots_find_the_products_and_leave_the_rest() {
    let mut browser = Browser::new(250);
    browser.get("/robots.txt").await.shows("Disallow: /checkout").shows("Sitemap: http://shop.test/sitemap.xml");
    let map = browser.get("/sitemap.xml").await;
    assert_eq!(map.body.matches("<loc>http://shop.test/p/").count(), 250);
    map.shows("<loc>http://shop.test/c/kitchen/mugs-cups</loc>");
}
