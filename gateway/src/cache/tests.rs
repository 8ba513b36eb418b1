//! Unit tests of the page cache, with a clock of the test's own.

use super::*;
use crate::config::GatewayConfig;
use crate::response::headers::SecurityHeaders;
use http::{StatusCode, header};

const SECOND: i64 = 1_000_000;
const NOW: i64 = 1_000 * SECOND;

fn answer(cache_control: &str, keys: &str) -> http::response::Parts {
    let response = http::Response::builder()
        .header("cache-control", cache_control)
        .header("content-type", "text/html")
        .header("surrogate-key", keys);
    response.body(()).unwrap().into_parts().0
}

fn stored(parts: &http::response::Parts) -> Option<Policy> {
    may_store(parts.status, &parts.headers)
}

fn put(
    cache: &PageCache,
    key: &str,
    epoch: u64,
    now: i64,
    parts: &http::response::Parts,
    body: &str,
) -> Arc<CachedResponse> {
    let policy = stored(parts).unwrap();
    let entry = CachedResponse::new(parts, body.as_bytes(), policy).unwrap();
    cache.store(key, epoch, now, policy, entry, &parts.headers)
}

fn cache_of(budget: u64) -> (PageCache, Clock) {
    let clock = Clock::manual(jiff::Timestamp::from_microsecond(NOW).unwrap());
    (PageCache::new(budget, clock.clone()), clock)
}

fn small_cache() -> PageCache {
    cache_of(1 << 20).0
}

fn is_fresh(cache: &PageCache, key: &str, now: i64) -> bool {
    matches!(cache.find(key, now), Found::Fresh(_))
}

#[test]
fn fresh_then_stale_for_one_then_expired() {
    let cache = small_cache();
    put(&cache, "/p", cache.begin(), NOW, &answer("public, max-age=60, stale-while-revalidate=30", ""), "x");
    assert!(is_fresh(&cache, "/p", NOW + 59 * SECOND));
    assert!(matches!(cache.find("/p", NOW + 60 * SECOND), Found::Stale(_, true)), "the first has to make a new one");
    assert!(matches!(cache.find("/p", NOW + 61 * SECOND), Found::Stale(_, false)), "the second has not");
    assert!(matches!(cache.find("/p", NOW + 66 * SECOND), Found::Stale(_, true)), "unless nothing came of it");
    assert!(matches!(cache.find("/p", NOW + 90 * SECOND), Found::Expired(_)));
    assert!(matches!(cache.find("/q", NOW), Found::Nothing));
}

#[test]
fn a_purge_forgets_what_shows_the_key_and_nothing_else() {
    let cache = small_cache();
    put(&cache, "/a", cache.begin(), NOW, &answer("public, max-age=60", "product/1 category/9"), "x");
    put(&cache, "/b", cache.begin(), NOW, &answer("public, max-age=60", "product/2 category/9"), "x");
    cache.purge(&["product/1"]);
    assert!(!is_fresh(&cache, "/a", NOW) && is_fresh(&cache, "/b", NOW));
    cache.purge(&["category/9"]);
    assert!(!is_fresh(&cache, "/b", NOW));
    put(&cache, "/c", cache.begin(), NOW, &answer("public, max-age=60", "product/3"), "x");
    cache.purge_all();
    assert!(!is_fresh(&cache, "/c", NOW));
}

#[test]
fn a_purge_during_a_render_wins_even_for_a_key_not_seen_before() {
    let cache = small_cache();
    let before = cache.begin();
    cache.purge(&["product/1"]);
    put(&cache, "/p", before, NOW, &answer("public, max-age=60", "product/1"), "old");
    assert!(!is_fresh(&cache, "/p", NOW), "rendered from what was true before the purge");
    put(&cache, "/p", cache.begin(), NOW, &answer("public, max-age=60", "product/1"), "new");
    assert!(is_fresh(&cache, "/p", NOW));
}

#[test]
fn older_never_overwrites_newer() {
    let cache = small_cache();
    let slow = cache.begin();
    cache.purge(&["other"]);
    let newer = put(&cache, "/p", cache.begin(), NOW, &answer("public, max-age=60", "product/1"), "new");
    put(&cache, "/p", slow, NOW, &answer("public, max-age=60", "product/1"), "old");
    let Found::Fresh(found) = cache.find("/p", NOW) else { panic!("stored") };
    assert!(Arc::ptr_eq(&found, &newer));
}

#[test]
fn what_is_rendered_right_after_a_purge_is_kept_for_a_moment_only() {
    let cache = small_cache();
    cache.purge(&["product/1"]);
    let page = answer("public, max-age=60, stale-while-revalidate=60", "product/1");
    put(&cache, "/p", cache.begin(), NOW + SECOND, &page, "maybe old");
    assert!(is_fresh(&cache, "/p", NOW + SECOND));
    assert!(matches!(cache.find("/p", NOW + 2 * SECOND), Found::Expired(_)));
    put(&cache, "/p", cache.begin(), NOW + 4 * SECOND, &page, "settled");
    assert!(is_fresh(&cache, "/p", NOW + 60 * SECOND));
}

#[test]
fn only_what_is_public_and_says_how_long_is_stored() {
    let policy = |cc: &str| stored(&answer(cc, "")).map(|p| (p.fresh_us / SECOND, p.stale_us / SECOND));
    assert_eq!(policy("public, max-age=60, stale-while-revalidate=600"), Some((60, 600)));
    assert_eq!(policy("public, max-age=60, s-maxage=5"), Some((5, 0)));
    for private in
        ["max-age=60", "public", "public, max-age=0", "public, max-age=60, no-store", "private, max-age=60", ""]
    {
        assert_eq!(policy(private), None, "{private}");
    }
    let mut parts = answer("public, max-age=60", "");
    parts.status = StatusCode::NOT_FOUND;
    assert_eq!(stored(&parts).unwrap().fresh_us, 10 * SECOND);
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::FOUND, StatusCode::PARTIAL_CONTENT] {
        parts.status = status;
        assert_eq!(stored(&parts), None);
    }
    for (name, value) in [("set-cookie", "a=b"), ("vary", "cookie"), ("content-encoding", "br")] {
        let mut parts = answer("public, max-age=60", "");
        parts.headers.insert(name, value.parse().unwrap());
        assert_eq!(stored(&parts), None, "{name}");
    }
}

#[test]
fn the_budget_holds_with_keys_and_headers_counted() {
    let budget = 1 << 20;
    let cache = cache_of(budget).0;
    let page = answer("public, max-age=60", "product/1");
    for i in 0..5_000 {
        put(&cache, &format!("/p/{i}"), cache.begin(), NOW, &page, "small");
    }
    let stats = cache.stats();
    assert!(stats.bytes <= budget, "{stats:?}");
    assert!(stats.entries < 1_500, "an entry of 5 bytes takes more than its body: {stats:?}");
}

#[test]
fn only_the_compressed_form_is_kept() {
    let cache = small_cache();
    let body = "<li>product</li>".repeat(2_000);
    let entry = put(&cache, "/p", cache.begin(), NOW, &answer("public, max-age=60", ""), &body);
    assert!(cache.stats().bytes < body.len() as u64 / 4, "{:?}", cache.stats());
    let security = SecurityHeaders::new(&GatewayConfig::default()).unwrap();
    let headers = entry.answer(Want { gzip: true, ..Want::default() }, NOW, &security).headers().clone();
    assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    let plain = entry.answer(Want::default(), NOW + 7 * SECOND, &security);
    assert_eq!(plain.headers()[header::CONTENT_LENGTH], body.len().to_string().as_str());
    assert_eq!(plain.headers()[header::AGE], "7");
    assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    assert!(matches!(plain.into_body(), crate::response::body::ResponseBody::Full(bytes) if bytes == body));
}

#[test]
fn states_of_unused_keys_are_forgotten() {
    let (cache, clock) = cache_of(1 << 20);
    put(&cache, "/p", cache.begin(), NOW, &answer("public, max-age=60", "kept"), "x");
    for round in 0..10 {
        let keys: Vec<String> = (0..2_000).map(|i| format!("product/{round}/{i}")).collect();
        cache.purge(&keys);
        clock.advance(jiff::SignedDuration::from_secs(61));
    }
    assert!(cache.0.keys.len() <= 6_001, "{}", cache.0.keys.len());
    assert!(is_fresh(&cache, "/p", NOW));
    cache.purge(&["kept"]);
    assert!(!is_fresh(&cache, "/p", NOW), "a state in use is never forgotten");
}
