//! Prepared pictures on pages: which files are offered where, where they are cut, what is seen before they are there.

use std::sync::Arc;

use souk_catalog_api::{Format, Look, PreparedPicture};
use souk_web::Cdn;

use crate::browser::{Browser, ORIGIN, Reply};
use crate::buying::ADDRESS;
use crate::fake::FakeShop;

/// Sizes of the pictures of the shop: wider than its boxes, taller, square, and one smaller than any box.
const SIZES: [(u16, u16); 4] = [(1280, 853), (960, 1280), (1280, 1280), (300, 300)];
const MINIATURE: &str = "data:image/webp;base64,UklGRlYAAABXRUJQVlA4IEoAAADQ";

fn address(n: usize) -> String {
    let (width, height) = SIZES[n % SIZES.len()];
    format!("/media/{n:064x}-{width}x{height}.jpg")
}

/// A shop all pictures of which are prepared: 200 products, each picture with a hash of its own.
fn prepared_shop() -> Arc<FakeShop> {
    let mut shop = Arc::into_inner(FakeShop::new(200)).unwrap();
    let media = shop.products.iter_mut().flat_map(|product| &mut product.media);
    for (n, media) in media.enumerate() {
        media.url = Some(address(n));
        media.look = Look { placeholder: Some(MINIATURE.into()), focus: Some([20, 90]) };
    }
    Arc::new(shop)
}

fn browser() -> Browser {
    Browser::of(&prepared_shop(), ORIGIN)
}

/// A tag of a page.
#[derive(Clone, Copy)]
struct Tag<'p>(&'p str);

impl<'p> Tag<'p> {
    fn all(page: &'p str, name: &str) -> Vec<Self> {
        let tags = page.split('<').filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag);
        tags.filter(|tag| tag.split(' ').next() == Some(name)).map(Tag).collect()
    }

    fn value(self, attribute: &str) -> Option<&'p str> {
        self.0.split_once(&format!(" {attribute}=\""))?.1.split('"').next()
    }

    /// Addresses and widths to choose from.
    fn files(self) -> Vec<(&'p str, u16)> {
        let file = |file: &'p str| {
            let (address, width) = file.rsplit_once(' ').unwrap();
            (address, width.strip_suffix('w').unwrap().parse().unwrap())
        };
        self.value("srcset").unwrap().split(", ").map(file).collect()
    }
}

/// Every file that is made of the pictures of the shop, with its width; drawings have one.
fn made(shop: &FakeShop) -> Vec<(String, u16)> {
    let urls: Vec<String> = shop.products.iter().flat_map(|p| &p.media).filter_map(|m| m.url.clone()).collect();
    let files = urls.iter().flat_map(|url| {
        let picture = PreparedPicture::parse(url).unwrap();
        let files = Format::ALL.map(|format| picture.renditions(format).collect::<Vec<_>>());
        files.into_iter().flatten().map(|(width, address)| (address, width)).collect::<Vec<_>>()
    });
    files.collect()
}

/// Pages with pictures, in the order of a purchase; the last one is the order's.
async fn pages(browser: &mut Browser) -> Vec<(String, Reply)> {
    let choice = browser.shop.products.iter().find(|product| product.options.len() == 2).unwrap().slug.clone();
    let (sku, _) = browser.sku(1);
    browser.submit("/cart/lines", &[("sku", &sku), ("quantity", "2")]).await;
    let mut pages = Vec::new();
    for path in ["/", "/c/kitchen", "/search?q=mug", &format!("/p/{choice}"), "/cart", "/checkout"] {
        pages.push((path.to_owned(), browser.get(path).await));
    }
    pages.push(("delivery".into(), browser.submit("/checkout/address", &ADDRESS).await));
    let till = browser.submit("/checkout/delivery", &[("method", "express")]).await;
    pages.push(("order".into(), browser.paid(&till, "tok_ok").await));
    pages.push(("payment".into(), till));
    pages
}

#[tokio::test]
async fn only_files_that_there_are_are_offered() {
    let mut browser = browser();
    let made = made(&browser.shop);
    for (path, page) in pages(&mut browser).await {
        let sources = Tag::all(&page.body, "source");
        assert!(!sources.is_empty(), "{path}");
        for source in sources {
            let files = source.files();
            assert!(files.is_sorted_by_key(|(_, width)| *width), "{path}: {}", source.0);
            for (address, width) in files {
                assert!(made.contains(&(address.to_owned(), width)), "{path}: {address} {width}w");
            }
            let own = source.value("type").unwrap().replace("image/", ".");
            assert!(source.value("srcset").unwrap().contains(&own), "{path}: {}", source.0);
            assert!(source.value("sizes").is_some_and(|sizes| sizes.ends_with("vw") || sizes.ends_with("px")));
        }
        for image in Tag::all(&page.body, "img") {
            let source = image.value("src").unwrap();
            let known = made.iter().any(|(address, _)| address == source) && source.ends_with(".jpg");
            assert!(known || source == MINIATURE, "{path}: {source}");
        }
    }
}

#[tokio::test]
async fn no_place_is_offered_what_it_cannot_use() {
    let mut browser = browser();
    for (path, page) in pages(&mut browser).await {
        let frames =
            page.body.split_once("class=\"frames\"").map_or("", |(_, rest)| rest.split("</ul>").next().unwrap());
        let largest = if path == "order" || path.starts_with("/checkout") || path == "delivery" || path == "payment" {
            160
        } else if path == "/cart" {
            320
        } else {
            800
        };
        for source in Tag::all(&page.body, "source") {
            let large = source.files().iter().any(|(_, width)| *width > largest && *width != 300);
            assert!(!large || frames.contains(source.0), "{path}: {}", source.0);
        }
        if path.starts_with("/p/") {
            assert!(frames.contains(" 1280w"), "the product's own page shows all there is");
        }
    }
}

#[tokio::test]
async fn lines_of_carts_and_orders_take_the_smallest_file() {
    let mut browser = browser();
    let (sku, _) = browser.sku(1);
    let picture = browser.shop.variant(&sku).unwrap().0.media[0].url.clone().unwrap();
    let small = picture.rsplit_once('-').unwrap().0.to_owned() + "-160.webp 160w";
    let pages = pages(&mut browser).await;
    for (path, page) in pages.iter().skip_while(|(path, _)| path != "/cart") {
        page.shows(&small);
        assert!(!page.body.contains(MINIATURE), "{path}: a cart keeps the address alone");
    }
}

#[tokio::test]
async fn what_is_cut_keeps_its_focal_point_and_a_product_s_own_page_cuts_nothing() {
    let mut browser = browser();
    let home = browser.get("/").await;
    let wide = |image: &Tag<'_>| image.value("width") == Some("1280") && image.value("height") == Some("853");
    let tall = |image: &Tag<'_>| image.value("width") == Some("960");
    let images = Tag::all(&home.body, "img");
    let wide: Vec<_> = images.iter().filter(|image| wide(image)).collect();
    let tall: Vec<_> = images.iter().filter(|image| tall(image)).collect();
    assert!(wide.len() > 1 && tall.len() > 1, "of each some");
    assert!(wide.iter().all(|image| image.value("class") == Some("fx0")));
    assert!(tall.iter().all(|image| image.value("class").is_none_or(|class| class == "fy10")));
    let shop = browser.shop.clone();
    for n in 0..8 {
        let product = &shop.products[n];
        let page = browser.get(&format!("/p/{}", product.slug)).await;
        let (_, frames) = page.body.split_once("class=\"frames\"").unwrap();
        let (frames, _) = frames.split_once("</div></div>").unwrap();
        for image in Tag::all(frames, "img").into_iter().filter(|image| image.value("src") != Some(MINIATURE)) {
            let square = image.value("width") == image.value("height");
            assert_eq!(image.value("class"), (!square).then_some("whole"), "{}", image.0);
        }
    }
}

#[tokio::test]
async fn the_first_screen_has_placeholders_and_what_is_loaded_later_has_none() {
    let mut browser = browser();
    let list = browser.get("/c/kitchen").await;
    let cards: Vec<&str> = list.body.split("<li class=\"card").skip(1).collect();
    assert_eq!(cards.len(), 24);
    for (i, card) in cards.iter().enumerate() {
        let images = Tag::all(card, "img");
        let shown = images.last().unwrap();
        assert_eq!(shown.value("loading"), (i >= 4).then_some("lazy"), "{i}");
        assert_eq!(shown.value("fetchpriority"), (i < 2).then_some("high"), "{i}");
        let miniatures: Vec<_> = images
            .iter()
            .filter(|image| image.value("class").is_some_and(|class| class.starts_with("miniature")))
            .collect();
        assert_eq!(miniatures.len(), usize::from(i < 4), "{i}");
        for miniature in miniatures {
            assert_eq!(miniature.value("src"), Some(MINIATURE));
            assert_eq!((miniature.value("alt"), miniature.value("aria-hidden")), (Some(""), Some("true")));
        }
    }
    let slug = browser.shop.products.iter().find(|product| product.media.len() > 2).unwrap().slug.clone();
    let page = browser.get(&format!("/p/{slug}")).await;
    let (_, frames) = page.body.split_once("class=\"frames\"").unwrap();
    let (frames, rest) = frames.split_once("</div></div>").unwrap();
    let images = Tag::all(frames, "img");
    let miniatures = images.iter().filter(|image| image.value("src") == Some(MINIATURE)).count();
    assert_eq!(miniatures * 2, images.len(), "each frame has one: it is seen when a visitor goes to the next picture");
    assert!(!rest.contains(MINIATURE), "thumbs, choices and related products have none");
    let shown: Vec<_> = images.iter().filter(|image| image.value("src") != Some(MINIATURE)).collect();
    for (i, image) in shown.iter().enumerate() {
        assert_eq!(image.value("fetchpriority"), (i == 0).then_some("high"));
        assert_eq!(image.value("loading"), (i > 0).then_some("lazy"));
        assert!(image.value("alt").is_some_and(|alt| !alt.is_empty()));
    }
}

#[tokio::test]
async fn previews_have_the_full_size() {
    let mut browser = browser();
    let product = browser.shop.products[0].clone();
    let full = product.media[0].url.clone().unwrap();
    let page = browser.get(&format!("/p/{}", product.slug)).await;
    page.shows(&format!("property=\"og:image\" content=\"{ORIGIN}{full}\""))
        .shows("property=\"og:image:width\" content=\"1280\"")
        .shows("property=\"og:image:height\" content=\"853\"")
        .shows("name=\"twitter:card\" content=\"summary_large_image\"")
        .shows(&format!("\"image\":[\"{ORIGIN}{full}\""));
    let mut drawn = Browser::new(10);
    let (_, slug) = drawn.sku(0);
    let page = drawn.get(&format!("/p/{slug}")).await;
    page.shows("property=\"og:image\"").hides("og:image:width");
}

#[tokio::test]
async fn all_files_are_at_the_cdn_when_there_is_one() {
    let shop = prepared_shop();
    let mut clients = shop.clients(ORIGIN);
    clients.shop.cdn = Cdn::at("https://cdn.example");
    let mut browser = Browser::over(&shop, clients);
    let made = made(&shop);
    for (path, page) in pages(&mut browser).await {
        let sources = Tag::all(&page.body, "source");
        for (address, width) in sources.iter().flat_map(|source| source.files()) {
            let relative = address.strip_prefix("https://cdn.example").unwrap_or_else(|| panic!("{path}: {address}"));
            assert!(made.contains(&(relative.to_owned(), width)), "{path}: {address}");
        }
        page.hides("\"/media/").hides(", /media/");
    }
}

#[tokio::test]
async fn other_addresses_are_plain_pictures() {
    let mut browser = Browser::new(200);
    for (path, page) in pages(&mut browser).await {
        assert!(page.body.contains("<img "), "{path}");
        page.hides("<picture").hides("srcset").hides("miniature");
        assert!(
            Tag::all(&page.body, "img").iter().all(|image| image.value("src").unwrap().ends_with(".svg")),
            "{path}"
        );
    }
}
