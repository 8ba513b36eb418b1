//! Load shedding: searches give way to carts and carts to checkouts, and how much is too much is found out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::any;
use souk_gateway::{Profile, Shedding, Throttles, Upstream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client::{Client, post, request};
use crate::shop::{World, shop};

/// Work that a shop can do at once, and how long each takes: 160 a second.
const HANDS: usize = 8;
const WORK: Duration = Duration::from_millis(50);
/// Connections that search without pause.
const CRAWLERS: usize = 150;

/// A shop whose every answer is work, done in the order in which it was asked for: a checkout waits behind the searches.
async fn busy(shedding: Shedding) -> World {
    let hands = Arc::new(Semaphore::new(HANDS));
    let answer = async move || {
        let _hand = hands.acquire().await.unwrap();
        tokio::time::sleep(WORK).await;
        souk_web::no_store(&"done")
    };
    let router = Router::new().fallback(any(answer));
    World::over(shop().0, Upstream::Local(router), |config| {
        config.throttles = Throttles::profile(Profile::Off);
        config.shedding = shedding;
    })
    .await
}

/// Searches on all connections, until they are dropped. Who is refused comes again soon, as crawlers do.
async fn flood(world: &World) -> JoinSet<()> {
    let mut crawlers = JoinSet::new();
    for n in 0..CRAWLERS {
        let mut client = world.client().await;
        crawlers.spawn(async move {
            loop {
                let reply = client.send(request("GET", &format!("/search?q={n}"), "")).await;
                assert!([200, 503, 504].contains(&reply.status), "{reply:?}");
                if reply.status == 503 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
    }
    crawlers
}

/// Some checkouts, one after the other: how many succeeded, and the time of the slowest.
async fn check_out(client: &mut Client, count: usize) -> (usize, Duration) {
    let (mut bought, mut slowest) = (0, Duration::ZERO);
    for _ in 0..count {
        let began = Instant::now();
        let reply = client.send(post("POST", "/checkout", "", "{}")).await;
        bought += usize::from(reply.status == 200);
        slowest = slowest.max(began.elapsed());
    }
    (bought, slowest)
}

/// Fewer permits than crawlers.
fn narrow() -> Shedding {
    Shedding { in_flight: 60, adaptive: false, ..Shedding::default() }
}

#[tokio::test]
async fn checkouts_get_through_a_flood_of_searches() {
    let world = busy(narrow()).await;
    let crawlers = flood(&world).await;
    let mut client = world.client().await;
    assert_eq!(check_out(&mut client, 10).await.0, 10);
    // Carts, too, but not another search.
    assert_eq!(client.send(post("POST", "/cart/lines", "", "{}")).await.status, 200);
    drop(crawlers);
    world.stop().await;

    // The control: every request may take every permit.
    let world = busy(Shedding { explore_percent: 100, shop_percent: 100, ..narrow() }).await;
    let crawlers = flood(&world).await;
    let mut client = world.client().await;
    assert!(check_out(&mut client, 10).await.0 < 10, "without priorities checkouts are refused as well");
    drop(crawlers);
    world.stop().await;
}

#[tokio::test]
async fn who_is_refused_is_told_when_to_come_back() {
    let world = busy(Shedding { in_flight: 1, floor: 1, ..Shedding::default() }).await;
    let mut busy = world.client().await;
    busy.write(post("POST", "/checkout", "", "{}")).await;
    let person = async || {
        let mut client = world.client().await;
        client.send(request("GET", "/search?q=a", "Accept: text/html\r\n")).await
    };
    let mut refused = person().await;
    while refused.status == 200 {
        busy.write(post("POST", "/checkout", "", "{}")).await;
        refused = person().await;
    }
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"));
    assert!(refused.text().contains("try again"), "{}", refused.text());
    drop(busy);
    world.stop().await;
}

/// With room for every request, what is too much is how long it takes.
#[tokio::test]
async fn searches_that_are_late_make_room_of_themselves() {
    let late = Shedding { explore_late_ms: 200, shop_late_ms: 5_000, floor: 4, ..Shedding::default() };
    let mut slowest = Vec::new();
    for adaptive in [true, false] {
        let world = busy(Shedding { adaptive, ..late }).await;
        let crawlers = flood(&world).await;
        let mut client = world.client().await;
        // Until the limit has settled.
        check_out(&mut client, 2).await;
        let settled = Instant::now();
        while adaptive && settled.elapsed() < Duration::from_secs(15) && check_out(&mut client, 5).await.1 > WORK * 8 {}
        let (bought, took) = check_out(&mut client, 4).await;
        assert_eq!(bought, 4, "no checkout is refused");
        slowest.push(took);
        drop(crawlers);
        world.stop().await;
    }
    let [adaptive, fixed] = slowest[..] else { panic!("{slowest:?}") };
    // 150 searches ahead of it are almost a second of work.
    assert!(fixed > Duration::from_millis(700), "the control: {fixed:?}");
    assert!(adaptive * 3 < fixed * 2, "{adaptive:?}, without {fixed:?}");
}
