//! CDN in front of a shop: pictures, styles and modules are its, and are believed only when they are ours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use sha2::{Digest, Sha384};
use souk_objects::{AssetKind, AssetName, Objects};
use souk_storefront::Clients;
use souk_web::Cdn;

use crate::browser::{Browser, ORIGIN, Reply};
use crate::fake::FakeShop;

const CDN: &str = "https://cdn.example";

fn set_up(change: impl FnOnce(&mut Clients)) -> Browser {
    let shop = FakeShop::new(200);
    let mut clients = shop.clients(ORIGIN);
    change(&mut clients);
    Browser::over(&shop, clients)
}

/// Values of an attribute in a page.
fn values<'p>(page: &'p Reply, attribute: &'p str) -> impl Iterator<Item = &'p str> {
    page.body.split(attribute).skip(1).filter_map(|rest| rest.strip_prefix("=\"")?.split('"').next())
}

#[tokio::test]
async fn every_page_gets_pictures_and_assets_there() {
    let mut browser = set_up(|clients| clients.shop.cdn = Cdn::at(CDN));
    let (sku, slug) = browser.sku(3);
    browser.submit("/cart/lines", &[("sku", &sku)]).await;
    for path in ["/", "/c/kitchen", "/search?q=mug", &format!("/p/{slug}"), "/cart", "/checkout", "/help"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let sources: Vec<_> = values(&page, " src").collect();
        assert!(!sources.is_empty(), "{path}");
        for source in sources {
            assert!(source.starts_with(CDN), "{path}: {source}");
        }
        assert!(!page.body.contains("\"/media/") && !page.body.contains("\"/assets/"), "{path}");
        // Links stay in the shop.
        assert!(values(&page, " href").any(|href| href == "/cart"), "{path}");
    }
    let page = browser.get(&format!("/p/{slug}")).await;
    page.shows(&format!("og:image\" content=\"{CDN}/media/")).shows(&format!("\"image\":[\"{CDN}/media/"));
}

#[tokio::test]
async fn styles_and_modules_from_there_are_checked_byte_by_byte() {
    let mut browser = set_up(|clients| clients.shop.cdn = Cdn::at(CDN));
    let (_, slug) = browser.sku(3);
    let page = browser.get(&format!("/p/{slug}")).await;
    let mut checked = 0;
    for tag in page.body.split('<').filter(|tag| tag.contains(" integrity=\"")) {
        assert!(tag.contains(" crossorigin "), "{tag}");
        let value = |name: &str| tag.split_once(&format!("{name}=\"")).and_then(|(_, rest)| rest.split('"').next());
        let address = value(" src").or(value(" href")).unwrap();
        let asset = browser.get(address.strip_prefix(CDN).unwrap()).await;
        let hash = STANDARD.encode(Sha384::digest(&asset.body));
        assert_eq!(value(" integrity").unwrap(), format!("sha384-{hash}"), "{address}");
        assert_eq!(asset.header("access-control-allow-origin"), "*", "or a browser refuses it");
        assert!(asset.header("cache-control").contains("immutable"));
        checked += 1;
    }
    assert_eq!(checked, 3, "the stylesheet and two modules");
    let executed =
        page.body.matches("<script type=\"module\"").count() + page.body.matches("rel=\"stylesheet\"").count();
    assert_eq!(executed, checked, "and there are no others");
}

#[tokio::test]
async fn without_one_everything_is_the_shop_s() {
    let mut browser = Browser::new(200);
    let page = browser.get("/").await;
    page.hides(" integrity=").hides("crossorigin");
    assert!(values(&page, " src").all(|source| source.starts_with('/')));
}

#[tokio::test]
async fn assets_of_another_release_are_found_where_it_published_them() {
    let directory = tempfile::tempdir().unwrap();
    let objects = Objects::local(directory.path()).unwrap();
    let published = objects.clone();
    let mut browser = set_up(|clients| clients.published = Some(published));
    let name = AssetName::new("souk", b"body{}", AssetKind::Css).unwrap();
    let path = format!("/assets/{name}");
    assert_eq!(browser.get(&path).await.status, StatusCode::NOT_FOUND);
    objects.put_asset(&name, "body{}".into()).await.unwrap();
    let asset = browser.get(&path).await;
    assert_eq!((asset.status, asset.body.as_str()), (StatusCode::OK, "body{}"));
    assert_eq!(asset.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(asset.header("access-control-allow-origin"), "*");
    assert!(asset.header("cache-control").contains("immutable"));
    for trick in ["/assets/..%2fsecret", "/assets/souk.0123456789.html", "/assets/souk.css"] {
        assert_eq!(browser.get(trick).await.status, StatusCode::NOT_FOUND, "{trick}");
    }
}
