//! A shop whose pictures are in S3 and whose visitors get them from a CDN.

use std::time::Duration;

use souk::config::Media;
use souk_engines::S3;
use souk_kernel::Secret;
use souk_testkit::{Options, Topology, World, eventually, tokens};

const CDN: &str = "https://cdn.example";
/// For the circuit to close again, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn media(s3: &S3) -> Media {
    Media {
        store: Some(format!("s3://{}/shop", s3.bucket())),
        endpoint: Some(s3.url()),
        region: Some(S3::REGION.into()),
        account: Some(S3::ACCESS_KEY.into()),
        secret: Some(Secret::new(S3::SECRET_KEY.into())),
        cdn: Some(CDN.into()),
        ..Media::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_are_in_s3_at_the_cdn_and_their_loss_stops_no_sale() {
    let s3 = S3::start("souk").await.unwrap();
    let options = Options { media: media(&s3), demo_products: 5, ..crate::crowded() };
    let world = World::start_with(Topology::Split, options).await;
    assert!(!world.data_dir().join("media").exists(), "nothing is kept on the disk");
    let lamp = world.product("Brass Lamp", 2_500, 100).await;

    // The API names pictures where browsers get them; the path is the shop's own, which the CDN asks.
    let listed: serde_json::Value = world.shop.get("/api/v1/products?limit=10").await.json();
    let images: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|p| p["image"].as_str().unwrap()).collect();
    assert!(images.iter().all(|image| image.starts_with(&format!("{CDN}/media/"))), "{images:?}");
    let stored: Vec<&str> = images.iter().filter_map(|image| image.strip_prefix(CDN)).collect();
    let stored: Vec<&str> = stored.into_iter().filter(|path| !path.contains("/art/")).collect();
    let [path, another, ..] = stored[..] else { panic!("demo products have pictures: {images:?}") };
    let picture = world.shop.get(path).await;
    assert_eq!(picture.status, 200);
    assert!(picture.text().contains("<svg") && picture.header("cache-control").contains("immutable"));

    let found = eventually("products with pictures are found", PATIENCE, || async {
        let found = world.shop.search("").await.to_string();
        if found.contains("\"image\"") { Ok(found) } else { Err(found) }
    })
    .await;
    assert!(found.contains(&format!("\"image\":\"{CDN}/media/")) && !found.contains("\"/media/"), "{found}");
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    let shown = world.shop.get(&guest.cart_path().await).await.text();
    assert!(shown.contains(&format!("\"image\":\"{CDN}/media/")), "{shown}");

    // Pages, and what they let a browser load.
    let page = world.shop.get("/").await;
    assert!(page.text().contains(&format!(" src=\"{CDN}/media/")), "{}", page.text());
    assert!(
        page.text().contains(&format!("href=\"{CDN}/assets/souk.")) && page.text().contains(" integrity=\"sha384-")
    );
    let policy = page.header("content-security-policy").to_owned();
    for part in [
        format!("img-src 'self' data: {CDN};"),
        format!("script-src 'self' {CDN}/assets/;"),
        format!("style-src 'self' {CDN}/assets/;"),
    ] {
        assert!(policy.contains(&part), "{policy}");
    }

    // Without the storage there are the pictures that the gateway remembers, no others, and everything else.
    s3.kill();
    assert_eq!(world.shop.get(path).await.status, 200);
    let refused = world.shop.get(another).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (503, "media_unavailable"));
    assert_eq!(world.shop.get(&format!("/p/{}", lamp.slug)).await.status, 200);
    guest.checkout(tokens::OK).await.bought();

    s3.restart().await.unwrap();
    eventually("pictures come back", PATIENCE, || async {
        let reply = world.shop.get(another).await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    world.stop().await;
}
