//! Pictures of the merchant's own: fetched from servers that behave as those of strangers do, prepared, and shown.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use http_body_util::BodyExt;
use souk_catalog_api::{
    ByIds, FetchPictures, Format, ListPictures, Media, MediaInput, PictureReport, PictureState, PreparedPicture,
    Product, ProductId, SourcePicture, StoreMedia,
};
use souk_db::RowExt;
use souk_eventually::eventually;
use souk_kernel::Kind;
use tower::ServiceExt;

use super::*;

const SOON: Duration = Duration::from_secs(60);

/// What a server has, by path, and what it was asked for.
#[derive(Clone, Default)]
struct Pictures {
    files: Arc<Mutex<BTreeMap<String, File>>>,
    asked: Arc<Mutex<Vec<(String, StatusCode)>>>,
}

#[derive(Clone)]
enum File {
    /// With an entity tag that changes with it.
    Content(Vec<u8>),
    Status(StatusCode),
    To(String),
    Endless,
}

impl Pictures {
    async fn serve(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().fallback(answer).with_state(self.clone());
        #[allow(clippy::disallowed_methods)] // ends with the test's runtime
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    fn put(&self, path: &str, file: File) {
        self.files.lock().unwrap().insert(path.to_owned(), file);
    }

    /// How often `path` was answered so.
    fn asked(&self, path: &str, status: StatusCode) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| **asked == (path.to_owned(), status)).count()
    }
}

async fn answer(State(server): State<Pictures>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let file = server.files.lock().unwrap().get(&path).cloned();
    let response = match file {
        Some(File::Content(content)) => {
            let tag = format!("\"{}\"", blake3::hash(&content).to_hex());
            match request.headers().get(header::IF_NONE_MATCH) {
                Some(known) if known.as_bytes() == tag.as_bytes() => StatusCode::NOT_MODIFIED.into_response(),
                _ => ([(header::ETAG, tag)], content).into_response(),
            }
        }
        Some(File::Status(status)) => status.into_response(),
        Some(File::To(location)) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Some(File::Endless) => {
            let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0u8; 65_536]));
            Body::from_stream(pieces).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    };
    server.asked.lock().unwrap().push((path, response.status()));
    response
}

/// A photograph that no other seed gives.
pub fn photograph(width: u16, height: u16, seed: u8) -> Vec<u8> {
    let pixel = |x: u16, y: u16| [(x % 251) as u8, (y % 241) as u8, seed, ((x ^ y) & 0xff) as u8];
    let rgb: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y)[..3].to_vec())).collect();
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 85).encode(&rgb, width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    jpeg
}

/// A JPEG whose header says that it has so many pixels, and nothing else.
fn bomb() -> Vec<u8> {
    let mut jpeg = photograph(16, 16, 0);
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    jpeg
}

/// A product whose pictures lie at these addresses.
fn pictured(external_id: &str, category: CategoryId, addresses: &[String]) -> ProductInput {
    let mut input = product(external_id, category);
    let media = |address: &String| MediaInput {
        url: None,
        source_url: Some(address.clone()),
        alt: String::new(),
        width: None,
        height: None,
    };
    input.media = addresses.iter().map(media).collect();
    seal(&mut input);
    input
}

impl World {
    /// Fetches what there is to fetch, in the background.
    fn work(&self) {
        souk_flow::run_jobs(&self.tasks, &self.db, souk_catalog::jobs(&self.service));
    }

    async fn report(&self, state: Option<PictureState>) -> PictureReport {
        self.client.pictures(&system(), ListPictures { state, limit: 500 }).await.unwrap()
    }

    async fn source(&self, address: &str) -> SourcePicture {
        let items = self.report(None).await.items;
        items.into_iter().find(|item| item.address == address).unwrap_or_else(|| panic!("{address} is not known"))
    }

    async fn counted(&self, waiting: u64, stored: u64, failed: u64) {
        eventually("the pictures", SOON, async || {
            let report = self.report(None).await;
            (report.waiting, report.stored, report.failed) == (waiting, stored, failed)
        })
        .await;
    }

    async fn by_id(&self, id: ProductId) -> Product {
        self.client.products(&system(), ByIds { ids: vec![id] }).await.unwrap().items.remove(0)
    }

    async fn file(&self, address: &str) -> Response {
        let request = Request::get(address).extension(guest()).body(Body::empty()).unwrap();
        souk_catalog::routes(self.service.clone()).router().oneshot(request).await.unwrap()
    }
}

#[tokio::test]
async fn a_picture_is_fetched_prepared_and_shown_and_known_from_then_on() {
    let (world, server) = (World::new().await, Pictures::default());
    let home = world.category(&["Mugs"]).await;
    let (wide, small) = (photograph(2000, 1500, 1), photograph(300, 500, 2));
    server.put("/wide.jpg", File::Content(wide));
    server.put("/small.jpg", File::Content(small));
    server.put("/moved.jpg", File::To("/small.jpg".into()));
    let at = server.serve().await;
    let addresses = ["wide.jpg", "small.jpg", "moved.jpg"].map(|name| format!("http://{at}/{name}"));
    let put = world.put(vec![pictured("a", home, &addresses)]).await;
    let id = put[0].id.unwrap();
    let before = world.by_id(id).await;
    assert_eq!(before.image(), "/media/art/mugs/product-a.svg", "drawn until it is there");
    world.counted(3, 0, 0).await;
    world.work();
    world.counted(0, 3, 0).await;
    let after = world.by_id(id).await;
    assert!(after.version > before.version && after.updated_at >= before.updated_at);
    let sizes = |media: &Media| (media.width, media.height);
    assert_eq!(
        after.media.iter().map(sizes).collect::<Vec<_>>()[..2],
        [(Some(1280), Some(960)), (Some(300), Some(500))]
    );
    assert_eq!(after.media[1].url, after.media[2].url, "the same picture at two addresses is one");
    for media in &after.media {
        let picture = PreparedPicture::parse(media.url.as_deref().unwrap()).unwrap();
        let placeholder = media.look.placeholder.as_deref().unwrap();
        assert!(placeholder.starts_with("data:image/webp;base64,") && placeholder.len() <= 400, "{placeholder}");
        assert!(media.look.focus.is_some());
        for format in Format::ALL {
            for (width, address) in picture.renditions(format) {
                let response = world.file(&address).await;
                assert_eq!(response.status(), StatusCode::OK, "{address}");
                let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
                assert!(kind.ends_with(format.extension()) || kind == "image/jpeg", "{address}: {kind}");
                let bytes = response.into_body().collect().await.unwrap().to_bytes();
                assert!(bytes.len() > 100 && width <= picture.width, "{address}");
            }
        }
    }
    // What is known is shown at once, on a product that comes later and on one that is put again.
    let later = world.put(vec![pictured("b", home, &addresses[..1])]).await[0].id.unwrap();
    let mut again = pictured("a", home, &addresses);
    again.title = "Renamed".into();
    seal(&mut again);
    world.put(vec![again]).await;
    assert_eq!(world.by_id(later).await.image(), after.image());
    assert_eq!(world.by_id(id).await.media, after.media);
    assert_eq!(server.asked("/wide.jpg", StatusCode::OK), 1);
    // An upload of the same file is the same picture.
    let upload = StoreMedia { content: photograph(2000, 1500, 1) };
    let stored = world.client.store_media(&system(), upload).await.unwrap();
    assert_eq!((stored.url, stored.look), (after.image(), after.look()));
    world.tasks.drain(SOON).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_had_is_said_and_costs_the_product_nothing_else() {
    let (world, server) = (World::new().await, Pictures::default());
    let home = world.category(&["Mugs"]).await;
    let whole = photograph(800, 600, 3);
    let script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    for (path, file) in [
        ("/good.jpg", File::Content(whole.clone())),
        ("/page.jpg", File::Content(b"<!doctype html><html><body>Not found</body></html>".to_vec())),
        ("/script.svg", File::Content(script)),
        ("/bomb.jpg", File::Content(bomb())),
        ("/half.jpg", File::Content(whole[..whole.len() / 2].to_vec())),
        ("/empty.jpg", File::Content(Vec::new())),
        ("/endless.jpg", File::Endless),
        ("/locked.jpg", File::Status(StatusCode::FORBIDDEN)),
        ("/round.jpg", File::To("/round.jpg".into())),
        ("/file.jpg", File::To("file:///etc/passwd".into())),
    ] {
        server.put(path, file);
    }
    let at = server.serve().await;
    let expected = [
        ("gone.jpg", "picture_missing"),
        ("page.jpg", "not_a_picture"),
        ("script.svg", "picture_unsupported"),
        ("bomb.jpg", "picture_too_large"),
        ("half.jpg", "picture_damaged"),
        ("empty.jpg", "not_a_picture"),
        ("endless.jpg", "picture_too_large"),
        ("locked.jpg", "picture_missing"),
        ("round.jpg", "picture_address"),
        ("file.jpg", "picture_address"),
    ];
    let address = |name: &str| format!("http://{at}/{name}");
    let all: Vec<String> = expected.iter().map(|(name, _)| address(name)).chain([address("good.jpg")]).collect();
    let id = world.put(vec![pictured("a", home, &all)]).await[0].id.unwrap();
    world.work();
    world.counted(0, 1, expected.len() as u64).await;
    for (name, code) in expected {
        let source = world.source(&address(name)).await;
        assert_eq!((source.state, source.code.as_deref()), (PictureState::Failed, Some(code)), "{name}: {source:?}");
        assert!(source.reason.is_some() && source.checked_at.is_some() && source.next_try_at.is_none());
        assert_eq!(source.products, ["product-a"]);
    }
    let product = world.by_id(id).await;
    assert_eq!(product.image(), product.media[10].url.clone().unwrap(), "the one that could be had is shown");
    assert_eq!(product.media.len(), 11);
    // What was mended there is fetched when it is asked for, or when an import names it again.
    server.put("/gone.jpg", File::Content(photograph(400, 400, 4)));
    server.put("/half.jpg", File::Content(whole));
    let queued = world.client.fetch_pictures(&system(), FetchPictures::One(address("gone.jpg"))).await.unwrap();
    assert_eq!(queued.queued, 1);
    world.counted(0, 2, expected.len() as u64 - 1).await;
    world.put(vec![pictured("b", home, &[address("half.jpg")])]).await;
    world.counted(0, 3, expected.len() as u64 - 2).await;
    assert_eq!(world.by_id(id).await.media[4].url, product.media[10].url);
    let unknown = world.client.fetch_pictures(&system(), FetchPictures::One("http://x.example/".into())).await;
    assert_eq!(unknown.unwrap_err().kind, Kind::NotFound);
    world.tasks.drain(SOON).await.unwrap();
}

#[tokio::test]
async fn no_picture_is_fetched_from_within_a_private_network() {
    let server = Pictures::default();
    server.put("/secret.jpg", File::Content(photograph(100, 100, 5)));
    let at = server.serve().await;
    let world = World::fetching(PictureFetching::default()).await;
    let home = world.category(&["Mugs"]).await;
    let hosts = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"];
    let inside: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{}/secret.jpg", at.port())).collect();
    world.put(vec![pictured("a", home, &inside)]).await;
    world.work();
    world.counted(0, 0, hosts.len() as u64).await;
    for source in world.report(Some(PictureState::Failed)).await.items {
        assert_eq!(source.code.as_deref(), Some("picture_private_address"), "{source:?}");
    }
    assert!(server.asked.lock().unwrap().is_empty());
    world.tasks.drain(SOON).await.unwrap();
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_a_picture_that_changed_is_changed() {
    let (world, server) = (World::new().await, Pictures::default());
    let home = world.category(&["Mugs"]).await;
    server.put("/a.jpg", File::Status(StatusCode::SERVICE_UNAVAILABLE));
    let address = format!("http://{}/a.jpg", server.serve().await);
    let id = world.put(vec![pictured("a", home, std::slice::from_ref(&address))]).await[0].id.unwrap();
    world.work();
    eventually("it is said why it is not there yet", SOON, async || {
        let source = world.source(&address).await;
        assert_eq!(source.state, PictureState::Waiting);
        source.code.as_deref() == Some("picture_unreachable") && source.next_try_at.is_some()
    })
    .await;
    server.put("/a.jpg", File::Content(photograph(400, 300, 6)));
    world.counted(0, 1, 0).await;
    let first = world.by_id(id).await;
    assert_eq!(world.source(&address).await.code, None, "what is mended is no reason any more");

    let refresh = async || world.client.fetch_pictures(&system(), FetchPictures::All).await.unwrap().queued;
    assert_eq!(refresh().await, 1);
    eventually("it is asked whether it changed", SOON, async || server.asked("/a.jpg", StatusCode::NOT_MODIFIED) == 1)
        .await;
    server.put("/a.jpg", File::Content(photograph(400, 300, 7)));
    eventually("the new one is shown", SOON, async || {
        refresh().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.by_id(id).await.image() != first.image()
    })
    .await;
    // What is shown stays when its source is gone.
    let shown = world.by_id(id).await.image();
    server.put("/a.jpg", File::Status(StatusCode::GONE));
    eventually("it is said", SOON, async || {
        refresh().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.source(&address).await.code.as_deref() == Some("picture_missing")
    })
    .await;
    assert_eq!(world.source(&address).await.state, PictureState::Stored);
    assert_eq!(world.by_id(id).await.image(), shown);
    world.tasks.drain(SOON).await.unwrap();
}

#[tokio::test]
async fn what_no_product_names_any_more_is_not_fetched() {
    let (world, server) = (World::new().await, Pictures::default());
    let home = world.category(&["Mugs"]).await;
    let at = server.serve().await;
    world.put(vec![pictured("a", home, &[format!("http://{at}/old.jpg")])]).await;
    world.put(vec![pictured("a", home, &[])]).await;
    world.work();
    world.counted(0, 0, 0).await;
    assert!(server.asked.lock().unwrap().is_empty());
    world.tasks.drain(SOON).await.unwrap();
}

#[tokio::test]
async fn a_picture_of_very_many_products_is_shown_on_all() {
    let (world, server) = (World::new().await, Pictures::default());
    let home = world.category(&["Mugs"]).await;
    server.put("/all.jpg", File::Content(photograph(400, 300, 8)));
    let address = [format!("http://{}/all.jpg", server.serve().await)];
    for batch in 0..3 {
        world.put((0..400).map(|n| pictured(&format!("{batch}-{n}"), home, &address)).collect()).await;
    }
    world.work();
    let shown = "select count(*) as n from product where media -> 0 ->> 'url' is not null";
    eventually("all show it", SOON, async || {
        world.db.primary().query_one(shown, &[]).await.unwrap().get_col::<i64>("n").unwrap() == 1_200
    })
    .await;
    assert_eq!(server.asked("/all.jpg", StatusCode::OK), 1);
    assert_eq!(world.source(&address[0]).await.products.len(), 5);
    world.tasks.drain(SOON).await.unwrap();
}

/// A shop moves with its export and its files.
#[tokio::test]
async fn pictures_that_were_copied_with_their_files_are_shown_and_others_leave_no_gap() {
    let (old, new) = (World::new().await, World::new().await);
    let upload = StoreMedia { content: photograph(500, 400, 10) };
    let stored = old.client.store_media(&system(), upload).await.unwrap();
    let name = stored.url.strip_prefix("/media/").unwrap();
    let lost = stored.url.replace(&name[..8], "00000000");
    let (from, to) = (old.media.path().join(&name[..2]), new.media.path().join(&name[..2]));
    std::fs::create_dir_all(&to).unwrap();
    std::fs::copy(from.join(name), to.join(name)).unwrap();
    let home = new.category(&["Mugs"]).await;
    let mut moved = pictured("a", home, &[]);
    moved.media = [&stored.url, &lost]
        .map(|url| MediaInput {
            url: Some(url.clone()),
            source_url: None,
            alt: String::new(),
            width: None,
            height: None,
        })
        .to_vec();
    seal(&mut moved);
    let id = new.put(vec![moved]).await[0].id.unwrap();
    let media = new.by_id(id).await.media;
    assert_eq!((media[0].url.as_deref(), media[0].width), (Some(stored.url.as_str()), Some(500)));
    assert_eq!(media[1].url, None, "its files are not here");
}

/// What a release of before imported is fetched after the upgrade.
#[tokio::test]
async fn addresses_of_before_are_fetched_after_the_upgrade() {
    let (world, server) = (World::new().await, Pictures::default());
    let home = world.category(&["Mugs"]).await;
    server.put("/a.jpg", File::Content(photograph(400, 300, 9)));
    let address = [format!("http://{}/a.jpg", server.serve().await)];
    world.put(vec![pictured("a", home, &address), pictured("b", home, &address)]).await;
    for table in ["delete from picture_source", "delete from job"] {
        world.db.write_one(table, &[]).await.unwrap();
    }
    let migration = include_str!("../../migrations/0009_pictures.sql");
    let (_, backfill) = migration.split_once("-- Imports of before").unwrap();
    let tx = world.db.begin().await.unwrap();
    tx.batch_execute(&format!("--{backfill}")).await.unwrap();
    tx.commit().await.unwrap();
    world.counted(1, 0, 0).await;
    world.work();
    world.counted(0, 1, 0).await;
    world.tasks.drain(SOON).await.unwrap();
}
