//! The public API through its router, without a socket.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use souk_catalog_api::{MediaInput, StoreMedia};
use souk_web::SURROGATE_KEY;
use std::sync::atomic::Ordering;
use tower::ServiceExt;

use super::{World, guest, product, seal, system};

async fn get(world: &World, path: &str) -> Response {
    get_with(world, path, None).await
}

async fn get_with(world: &World, path: &str, etag: Option<&header::HeaderValue>) -> Response {
    let mut request = Request::get(path).extension(guest());
    if let Some(etag) = etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    let router = souk_catalog::routes(world.service.clone()).router();
    router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn pictures_are_at_the_cdn_when_there_is_one() {
    let world = shop().await;
    for path in ["/api/v1/products/product-0", "/api/v1/products?limit=1"] {
        let request = Request::get(path).extension(guest()).extension(souk_web::Cdn::at("https://cdn.example"));
        let router = souk_catalog::routes(world.service.clone()).router();
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(body.matches("\"https://cdn.example/media/").count() >= 2 && !body.contains("\"/media/"), "{body}");
    }
}

/// What a headless storefront needs to show a picture as well as ours does.
#[tokio::test]
async fn a_prepared_picture_comes_with_its_files_and_its_look() {
    let world = World::new().await;
    let home = world.category(&["Home"]).await;
    let upload = StoreMedia { content: crate::pictures::photograph(800, 600, 1) };
    let stored = world.client.store_media(&system(), upload).await.unwrap();
    let hash = stored.url["/media/".len()..][..64].to_owned();
    let mut mug = product("mug", home);
    mug.media[0].url = Some(stored.url);
    mug.media.push(MediaInput { url: Some(format!("/media/{hash}.svg")), ..mug.media[0].clone() });
    seal(&mut mug);
    world.put(vec![mug]).await;
    let request = Request::get("/api/v1/products/product-mug").extension(guest());
    let request = request.extension(souk_web::Cdn::at("https://cdn.example"));
    let router = souk_catalog::routes(world.service.clone()).router();
    let body = json(router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()).await;
    let (picture, drawing) = (&body["media"][0], &body["media"][1]);
    let at = |file: &str| format!("https://cdn.example/media/{hash}-{file}");
    assert_eq!(picture["url"], at("800x600.jpg"));
    assert_eq!((&picture["width"], &picture["height"]), (&800.into(), &600.into()));
    assert_eq!(picture["placeholder"].as_str(), stored.look.placeholder.as_deref());
    assert_eq!(picture["focus"], serde_json::json!(stored.look.focus.unwrap()));
    let renditions: Vec<_> = picture["renditions"].as_array().unwrap().iter().collect();
    let files = renditions.iter().map(|file| format!("{} {} {}", file["type"], file["width"], file["url"]));
    let expected = [
        ("avif", 320, "320.avif"),
        ("avif", 480, "480.avif"),
        ("webp", 160, "160.webp"),
        ("webp", 320, "320.webp"),
        ("webp", 480, "480.webp"),
        ("webp", 800, "800.webp"),
        ("jpeg", 320, "320.jpg"),
        ("jpeg", 800, "800x600.jpg"),
    ];
    let expected = expected.map(|(kind, width, file)| format!("\"image/{kind}\" {width} \"{}\"", at(file)));
    assert_eq!(files.collect::<Vec<_>>(), expected);
    assert_eq!(drawing["renditions"], serde_json::json!([]));
    for absent in ["placeholder", "focus"] {
        assert!(drawing.get(absent).is_none(), "{absent} of {drawing}");
    }
}

#[tokio::test]
async fn a_picture_somebody_has_is_not_fetched_again() {
    let world = shop().await;
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec();
    let stored = world.client.store_media(&system(), StoreMedia { content: svg }).await.unwrap();
    let etag = get(&world, &stored.url).await.headers()[header::ETAG].clone();
    // What is named by its content cannot have changed, whether the storage is there or not.
    std::fs::remove_dir_all(world.media.path()).unwrap();
    assert_eq!(get_with(&world, &stored.url, Some(&etag)).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(get(&world, &stored.url).await.status(), StatusCode::NOT_FOUND, "the control");
}

async fn json(response: Response) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

async fn shop() -> World {
    let world = World::new().await;
    let home = world.category(&["Home", "Mugs"]).await;
    world.put((0..5).map(|n| product(&n.to_string(), home)).collect()).await;
    let mut known = world.offers.known.lock().unwrap();
    known.insert("sku-0".into(), (1999, 3));
    known.insert("sku-1".into(), (500, 0));
    drop(known);
    world
}

#[tokio::test]
async fn a_product_carries_its_offer_and_its_keys() {
    let world = shop().await;
    let response = get(&world, "/api/v1/products/product-0").await;
    assert_eq!(response.status(), StatusCode::OK);
    let keys = response.headers()[SURROGATE_KEY].to_str().unwrap().to_owned();
    assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().starts_with("public"));
    let etag = response.headers()[header::ETAG].clone();
    let body = json(response).await;
    assert!(keys.contains(&format!("product/{}", body["id"].as_str().unwrap())), "{keys}");
    assert_eq!(keys.matches("category/").count(), 2);
    assert_eq!(body["variants"][0]["price"], serde_json::json!({ "amount": 1999, "currency": "EUR" }));
    assert_eq!((&body["variants"][0]["available"], &body["available"]), (&true.into(), &true.into()));
    assert_eq!(body["image"], "/media/art/mugs/product-0.svg");
    let unchanged = get_with(&world, "/api/v1/products/product-0", Some(&etag)).await;
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);

    let sold_out = json(get(&world, "/api/v1/products/product-1").await).await;
    assert_eq!((&sold_out["available"], &sold_out["price"]["amount"]), (&false.into(), &500.into()));
    let unpriced = json(get(&world, "/api/v1/products/product-2").await).await;
    assert_eq!((&unpriced["price"], &unpriced["variants"][0]["price"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_list_asks_once_for_all_and_pages() {
    let world = shop().await;
    let first = json(get(&world, "/api/v1/products?category=home&sort=title&limit=3").await).await;
    assert_eq!(world.offers.questions.load(Ordering::SeqCst), 2, "prices once, stock once");
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/api/v1/products?category=home&sort=title&limit=3&cursor={cursor}");
    let second = json(get(&world, &path).await).await;
    let titles: Vec<_> =
        [&first, &second].iter().flat_map(|page| page["items"].as_array().unwrap()).map(|p| &p["title"]).collect();
    assert_eq!(titles, ["Product 0", "Product 1", "Product 2", "Product 3", "Product 4"]);
    assert!(second.get("next_cursor").is_none());
    for bad in ["limit=0", "limit=x", "limit=101", "sort=best", "cursor=abc", "colour=red", "limit=-1"] {
        let response = get(&world, &format!("/api/v1/products?{bad}")).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
    assert_eq!(get(&world, "/api/v1/products?category=nowhere").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(get(&world, "/api/v1/products?category=").await.status(), StatusCode::NOT_FOUND);
    let tree = json(get(&world, "/api/v1/categories").await).await;
    assert_eq!((&tree["items"][1]["path"], &tree["items"][1]["products"]), (&"home/mugs".into(), &5.into()));
}

#[tokio::test]
async fn old_addresses_lead_on_and_unknown_ones_are_absent() {
    let world = shop().await;
    let home = world.category(&["Home", "Mugs"]).await;
    let mut renamed = product("0", home);
    renamed.slug = "renamed".into();
    seal(&mut renamed);
    world.put(vec![renamed]).await;
    let moved = get(&world, "/api/v1/products/product-0").await;
    assert_eq!(moved.status(), StatusCode::MOVED_PERMANENTLY);
    assert_eq!(moved.headers()[header::LOCATION], "/api/v1/products/renamed");
    for absent in ["nobody", "%00", "..%2f..%2fadmin", "PRODUCT-1", "%F0%9F%92%A9", &"x".repeat(500)] {
        let response = get(&world, &format!("/api/v1/products/{absent}")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{absent}");
    }
}

#[tokio::test]
async fn pictures_are_immutable_and_nothing_else_is_reachable() {
    let world = shop().await;
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    let stored = world.client.store_media(&system(), StoreMedia { content: svg.clone() }).await.unwrap();
    let response = get(&world, &stored.url).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "image/svg+xml");
    assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert!(response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox"));
    assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), svg);
    for trick in ["..%2f..%2fetc%2fpasswd", "%2e%2e", "a.png", "....png", &format!("{}%00.png", "a".repeat(64))] {
        assert_eq!(get(&world, &format!("/media/{trick}")).await.status(), StatusCode::NOT_FOUND, "{trick}");
    }
}

#[tokio::test]
async fn the_document_names_every_route() {
    let world = World::new().await;
    let routes = souk_catalog::routes(world.service.clone());
    let paths: Vec<_> = routes.openapi().routes().map(|(_, path)| path).collect();
    assert_eq!(paths, ["/api/v1/products", "/api/v1/products/{slug}", "/api/v1/categories", "/media/{file}"]);
}
