//! OpenSearch engine, what only an index in a server of its own can do and suffer: one server for all tests of this process,
//! an index for each; and servers of their own for tests that kill them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use souk_engines::OpenSearch;
use souk_runtime::Readiness;
use souk_search::{IndexConfig, OpenSearchConfig};
use souk_search_api::{SearchRequest, StatusRequest};
use souk_tls::{Authority, Files, PublicTls, TrustRoots, Validity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::fakes::{self, Sale, id_of};
use super::following::{many, sell};
use super::{Backend, Search, World, guest, words};

static SERVER: OnceCell<OpenSearch> = OnceCell::const_new();

async fn server() -> &'static OpenSearch {
    SERVER.get_or_init(async || OpenSearch::start().await.unwrap()).await
}

/// A shop's own index on the shared server.
pub async fn config() -> OpenSearchConfig {
    config_at(&server().await.url())
}

fn config_at(url: &str) -> OpenSearchConfig {
    let name = format!("test-{}-products", souk_kernel::Ids::random().v4().simple());
    OpenSearchConfig { urls: vec![url.to_owned()], trust_roots: TrustRoots::of_system(), name }
}

impl World {
    fn index(&self) -> &OpenSearchConfig {
        match &self.config {
            IndexConfig::OpenSearch(config) => config,
            IndexConfig::Embedded(_) => panic!("the index is embedded"),
        }
    }

    /// Status and body of a request past the service.
    async fn http(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let address = self.index().urls[0].strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        let status = reply.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap_or(Value::Null))
    }

    /// Names of the indices with their aliases.
    async fn indices(&self) -> Vec<(String, Vec<String>)> {
        let (_, all) = self.http("GET", &format!("/{}-*/_alias", self.index().name), "").await;
        let aliases = |about: &Value| about["aliases"].as_object().unwrap().keys().cloned().collect();
        all.as_object().unwrap().iter().map(|(index, about)| (index.clone(), aliases(about))).collect()
    }
}

#[tokio::test]
async fn a_new_index_takes_the_place_of_the_old_one_under_searches_and_changes() {
    let world = World::new(Backend::OpenSearch).await;
    sell(&world, &many(1_200)).await;
    world.settled(1_200).await;
    let before = world.indices().await;
    assert_eq!(before.len(), 1);
    // Something no event tells of: only what is read from the catalogue anew has it.
    world.owners.retitle_quietly("p-5", "Secret");
    let done = AtomicBool::new(false);
    let searching = async {
        let mut searches = 0;
        while !done.load(Ordering::SeqCst) {
            let reply = world.find(words("widget")).await;
            // One of them is renamed by the new index.
            assert!((1_199..=1_200).contains(&reply.total), "{} found", reply.total);
            searches += 1;
        }
        searches
    };
    let rebuilding = async {
        let changing = async {
            for price in 1..=20 {
                world.owners.price("p-7", 5_000 + price).await;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let (rebuilt, ()) = tokio::join!(world.search.service.rebuild(), changing);
        done.store(true, Ordering::SeqCst);
        rebuilt.unwrap().unwrap()
    };
    let (searches, rebuilt) = tokio::join!(searching, rebuilding);
    assert!(searches > 5, "{searches} searches while it was built");
    assert_eq!(rebuilt.products, 1_200);
    assert_eq!(
        world.indices().await,
        [(rebuilt.index.clone(), vec![world.index().name.clone()])],
        "the old one is gone"
    );
    assert_ne!(before[0].0, rebuilt.index);
    assert_eq!(world.slugs("secret").await, ["p-5"]);
    world.until(|| async { world.find(words("number7")).await.items[0].price.amount == 5_020 }).await;
}

#[tokio::test]
async fn what_it_is_behind_is_told_without_a_cursor_as_over_kafka() {
    let world = World::new(Backend::OpenSearch).await;
    sell(&world, &many(12)).await;
    world.settled(12).await;
    world.stop().await;
    let search = world.test_db.superuser("search").await;
    search.write_one("delete from consumer_cursor", &[]).await.unwrap();
    assert_eq!(world.status().await.behind, 0, "all were applied, wherever the log is read from");
    world.owners.price("p-3", 7).await;
    world.owners.stock("p-4", 0).await;
    assert_eq!(world.status().await.behind, 2);
    search.write_one("delete from inbox", &[]).await.unwrap();
    assert!(world.status().await.behind >= 12, "the control: it is the inbox that knows");
}

#[tokio::test]
async fn one_builds_at_a_time_and_what_was_left_behind_is_thrown_away() {
    let world = World::new(Backend::OpenSearch).await;
    sell(&world, &many(20)).await;
    world.settled(20).await;
    world.stop().await;
    let name = world.index().name.clone();
    // A build that died: its index, its alias, its lease.
    let body = json!({ "aliases": { format!("{name}-next"): {} } }).to_string();
    assert_eq!(world.http("PUT", &format!("/{name}-7"), &body).await.0, 200);
    let db = world.test_db.superuser("search").await;
    let lease = "insert into build_lease values ($1, gen_random_uuid(), now() + interval '1 hour')";
    db.write_one(lease, &[&name]).await.unwrap();
    assert_eq!(world.search.service.rebuild().await.unwrap(), None, "somebody is at it");
    db.write_one("update build_lease set lease_until = now() where index_name = $1", &[&name]).await.unwrap();
    let (one, other) = tokio::join!(world.search.service.rebuild(), world.search.service.rebuild());
    let built: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
    assert_eq!((built.len(), built[0].products), (1, 20));
    assert_eq!(world.indices().await, [(format!("{name}-8"), vec![name])]);
    assert_eq!(world.find(words("widget")).await.total, 20);
}

#[tokio::test]
async fn an_index_that_vanished_or_is_of_another_format_or_database_is_built_anew_by_itself() {
    let mut world = World::new(Backend::OpenSearch).await;
    sell(&world, &many(30)).await;
    world.settled(30).await;
    let meta = |change: Value| json!({ "_meta": { "souk": change } }).to_string();
    for how in ["gone", "format", "database", "restored"] {
        world.stop().await;
        let index = live(&world).await.unwrap();
        let exports = world.owners.exports.load(Ordering::SeqCst);
        let changed = match how {
            "gone" => world.http("DELETE", &format!("/{index}"), "").await,
            "format" => world.http("PUT", &format!("/{index}/_mapping"), &meta(json!({ "format": "old" }))).await,
            "database" => world.http("PUT", &format!("/{index}/_mapping"), &meta(json!({ "database": "9/9" }))).await,
            _ => {
                let db = world.test_db.superuser("search").await;
                db.write_one("select setval('reading', 1)", &[]).await.unwrap();
                (200, Value::Null)
            }
        };
        assert_eq!(changed.0, 200, "{how}");
        world.restart().await;
        // Until then the old one answers; and a build that is stopped while the new one takes its place may still do that.
        let old = (how != "gone").then_some(index);
        world.until(|| async { live(&world).await.is_some_and(|now| old.as_ref() != Some(&now)) }).await;
        assert!(world.owners.exports.load(Ordering::SeqCst) > exports, "{how}");
        world.settled(30).await;
    }
}

/// The index that searches use.
async fn live(world: &World) -> Option<String> {
    let alias = &world.index().name;
    world.indices().await.into_iter().find_map(|(index, aliases)| aliases.contains(alias).then_some(index))
}

#[tokio::test]
async fn what_is_older_changes_nothing_and_what_was_deleted_stays_so() {
    let world = World::new(Backend::OpenSearch).await;
    sell(&world, &many(2)).await;
    world.settled(2).await;
    world.owners.hide("p-1").await;
    world.settled(1).await;
    world.stop().await;
    let (name, id) = (world.index().name.clone(), id_of("p-1"));
    let old = json!({ "live": true, "reading": 1, "all": ["widget"], "hit": {} }).to_string();
    let late = format!("/{name}/_doc/{id}?refresh=true");
    let (status, _) = world.http("PUT", &format!("{late}&version=1&version_type=external_gte"), &old).await;
    assert_eq!(status, 409, "a reading that was overtaken");
    assert_eq!(world.status().await.products, 1);
    // Without versions it would have come back.
    assert_eq!(world.http("PUT", &late, &old).await.0, 200);
    assert_eq!(world.status().await.products, 2);
}

#[tokio::test]
async fn a_slow_reading_does_not_overwrite_a_later_one() {
    let world = World::new(Backend::OpenSearch).await;
    sell(&world, &many(1)).await;
    world.settled(1).await;
    // The reading for the price's event is held up until the one for the stock's event, which sees more, is written.
    let hold = world.owners.hold_next_reading();
    world.owners.price("p-0", 111).await;
    hold.reached().await;
    world.owners.price_quietly("p-0", 222);
    world.owners.stock("p-0", 8).await;
    world.until(|| async { world.find(words("widget")).await.items[0].price.amount == 222 }).await;
    hold.release();
    world.settled(1).await;
    assert_eq!(world.http("POST", &format!("/{}/_refresh", world.index().name), "").await.0, 200);
    assert_eq!(world.find(words("widget")).await.items[0].price.amount, 222);
}

#[tokio::test]
async fn searches_say_that_the_server_is_away_and_go_on_with_what_changed_meanwhile() {
    let server = Arc::new(OpenSearch::start().await.unwrap());
    let config = IndexConfig::OpenSearch(config_at(&server.url()));
    let world = World::with(tempfile::tempdir().unwrap(), config, fakes::tree()).await;
    let ready = Readiness::default();
    world.search.service.announce(ready.part("search index"), true);
    sell(&world, &many(10)).await;
    world.settled(10).await;
    world.until(|| async { ready.waiting_for().is_empty() }).await;
    server.kill();
    let late = Readiness::default();
    world.search.service.announce(late.part("search index"), true);
    world.until(|| async { late.waiting_for().iter().any(|reason| reason.contains("OpenSearch at")) }).await;
    assert!(ready.waiting_for().is_empty(), "whoever was ready stays in service");
    let everything = SearchRequest { limit: 5, ..SearchRequest::default() };
    let problem = world.search.client.search(&guest(), everything).await.unwrap_err();
    assert_eq!((problem.status(), problem.code.as_ref()), (503, "search_unavailable"));
    world.owners.sell(&[Sale { slug: "late", title: "Late widget", ..Sale::default() }]).await;
    world.owners.price("p-3", 7).await;
    server.restart().await.unwrap();
    world.settled(11).await;
    world.until(|| async { late.waiting_for().is_empty() }).await;
    world.until(|| async { world.find(words("number3")).await.items[0].price.amount == 7 }).await;
    assert_eq!(world.slugs("late").await, ["late"]);
    let dead = "select count(*) as n from dead_letter";
    let rows = world.test_db.superuser("search").await.write_returning(dead, &[]).await.unwrap();
    assert_eq!(rows[0].get::<_, i64>("n"), 0, "an outage is waited out, not parked");
}

#[tokio::test]
async fn over_https_only_whom_an_authority_vouches_for_is_asked() {
    let (authority, dir) = (Authority::new(Validity::around_now(1)).unwrap(), tempfile::tempdir().unwrap());
    let file = |name| dir.path().join(name);
    std::fs::write(file("ca.pem"), authority.pem()).unwrap();
    authority.issue_host("localhost", Validity::around_now(1)).unwrap().save(dir.path(), "search", false).unwrap();
    let files = Files { certificate: file("search.pem"), key: file("search.key"), authority: None };
    let tls = PublicTls::load(files).unwrap();
    let accept = move |socket| {
        let tls = tls.clone();
        async move { tls.accept(socket).await }
    };
    let plain = server().await.url();
    let (address, _serving) = souk_engines::relay(plain.trim_start_matches("http://"), accept).await.unwrap();
    let mut config = config_at(&format!("https://localhost:{}", address.port()));
    config.trust_roots = TrustRoots::in_file(&file("ca.pem")).unwrap();
    let index = IndexConfig::OpenSearch(config.clone());
    let world = World::with(tempfile::tempdir().unwrap(), index, fakes::tree()).await;
    sell(&world, &many(3)).await;
    world.settled(3).await;
    assert_eq!(world.find(words("widget")).await.total, 3);
    world.stop().await;

    config.trust_roots = TrustRoots::of_system();
    let stranger =
        Search::start(&world.test_db, &world.owners, &IndexConfig::OpenSearch(config), &world.languages).await;
    let problem = stranger.client.status(&guest(), StatusRequest {}).await.unwrap_err();
    assert_eq!((problem.status(), problem.code.as_ref()), (503, "search_unavailable"));
    stranger.tasks.drain(std::time::Duration::from_secs(10)).await.unwrap();
}
