//! `souk up`: from nothing, again, twice at once, and to its end.

use std::time::Duration;

use nix::sys::signal::Signal;
use souk_order_api::{ListOrders, OrderStatus};
use souk_rpc::Cx;
use souk_testkit::{Guest, Outcome, eventually};

use crate::place::{PATIENCE, Place, complaint, said};

/// A shop that is there already opens at once; the rest is for a debug build on a busy machine.
const QUICK: Duration = Duration::from_secs(30);
const LIST: &str = "/api/v1/products?limit=100&sort=title";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_and_second_start() {
    let place = Place::new();
    let shop = place.up(&["--demo-products", "50"]).await;
    let first = place.shop().get(LIST).await;
    let page: serde_json::Value = first.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 50);
    let home = place.shop().get("/").await;
    assert!(home.status == 200 && home.text().contains("<h1"), "{}", home.text());

    // A second shop on the same data, or on the same port.
    let told = complaint(&mut place.command(&["up", "--listen", "127.0.0.1:0"]));
    assert!(told.contains("in use") && told.contains("data"), "{told}");
    let other = Place::new();
    let told = complaint(other.command(&["up", "--empty"]).arg(format!("--listen={}", place.listen)));
    assert!(told.contains("cannot listen on") && told.contains(&place.listen.to_string()), "{told}");
    assert_eq!(place.shop().get("/help").await.status, 200, "the first one does not mind");

    let told = complaint(&mut place.command(&["import", "demo", "--products", "5"]));
    assert!(told.contains("sells something already"), "{told}");
    let told = said(&mut place.command(&["import", "demo", "--products", "5", "--if-empty"]));
    assert!(told.contains("left alone"), "{told}");
    assert_eq!(place.shop().get(LIST).await.body, first.body);

    shop.stop().await;
    let again = place.up(&["--demo-products", "50"]).await;
    assert!(again.took < QUICK, "the second start took {:?}", again.took);
    assert!(!again.said().contains("filling the shop"), "{}", again.said());
    assert_eq!(place.shop().get(LIST).await.body, first.body, "the same shop");
    again.stop().await;
}

/// Ctrl-C while buyers pay: they get their answers, and a later start finds everything in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_are_answered() {
    let place = Place::new();
    let provider = place.provider().await;
    let mut shop = place.up(&["--demo-products", "5"]).await;
    let inside = place.inside(&place.database().await).await;
    let page: serde_json::Value = place.shop().get(LIST).await.json();
    let slug = page["items"][0]["slug"].as_str().unwrap().to_owned();
    let product: serde_json::Value = place.shop().get(&format!("/api/v1/products/{slug}")).await.json();
    let sku = product["variants"][0]["sku"].as_str().unwrap().to_owned();
    let mut guests = Vec::new();
    for _ in 0..5 {
        let mut guest = Guest::new(&place.shop());
        guest.fill(&sku, 1).await;
        guests.push(guest);
    }
    // The provider takes three seconds: all are under way when the signal comes.
    let buying = guests.into_iter().map(|mut guest| async move { guest.checkout("tok_slow").await });
    let buying = futures_util::future::join_all(buying);
    let signal = async {
        eventually("all are under way", PATIENCE, || async {
            let request = ListOrders { limit: 10, ..ListOrders::default() };
            let orders = inside.clients().order.list(&Cx::system("test"), request).await.unwrap().items;
            let pending = orders.iter().filter(|order| order.status == OrderStatus::Pending).count();
            if pending == 5 { Ok(()) } else { Err(pending) }
        })
        .await;
        shop.signal(Signal::SIGINT);
    };
    let (outcomes, ()) = tokio::join!(buying, signal);
    for outcome in outcomes {
        assert!(matches!(outcome, Outcome::Bought(_) | Outcome::Pending(_)), "{outcome:?}");
    }
    inside.leave().await;
    let status = shop.ended().await;
    assert!(status.success(), "{status}: {}", shop.said());

    let again = place.up(&[]).await;
    let inside = place.inside(&place.database().await).await;
    inside.check().await;
    let sold = inside.clients().order.audit(&Cx::system("test"), souk_order_api::AuditRequest {}).await.unwrap().sold;
    assert_eq!(sold, 5);
    inside.leave().await;
    again.stop().await;
    provider.stop().await;
}
