//! A new service is one folder and one line: `reviews/` is the folder, laid out as in `services/` (docs/adding-a-service.md), and
//! the list below has the line. No other file of the project knows of it, and a whole shop runs it: tables, events of another
//! service, public routes behind the gateway, its part of the API's description, the rights to call and to be called.
#![allow(clippy::unwrap_used)] // a test may panic

use std::time::Duration;

use souk::modules::{self, MODULES};
use souk_module::ModuleSpec;
use souk_testkit::{Topology, World, eventually};

mod reviews;

/// Souk, and one more.
const WITH_REVIEWS: &[&ModuleSpec] = &{
    let mut all = [&reviews::SPEC; MODULES.len() + 1];
    let mut at = 0;
    while at < MODULES.len() {
        all[at] = MODULES[at];
        at += 1;
    }
    all
};

/// How long an event may take to its consumer on a busy machine.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_service_is_one_folder_and_one_line() {
    modules::install(WITH_REVIEWS).unwrap();
    for topology in [Topology::AllInOne, Topology::Split] {
        let world = World::start(topology).await;
        is_used(&world).await;
        world.stop().await;
    }

    let callers = modules::callers_of("catalog").allowed;
    for role in ["reviews", "reviews-worker"] {
        assert!(callers.iter().any(|caller| caller.role == role && !caller.speaks_for_users), "{role}");
    }
    let callers = modules::callers_of("reviews").allowed;
    assert_eq!(callers.iter().map(|caller| caller.role).collect::<Vec<_>>(), ["gateway"]);
    assert!(modules::outbox_grants().contains(&("catalog", "reviews")));
}

async fn is_used(world: &World) {
    let unknown = world.shop.get(&format!("/api/v1/reviews/{}", uuid::Uuid::nil())).await;
    assert_eq!((unknown.status.as_u16(), unknown.code().as_str()), (404, "not_found"));

    // Its consumer hears of a product of the catalogue; its page asks the catalogue what that is called.
    let lamp = world.product("Brass Lamp", 2_500, 1).await;
    let path = format!("/api/v1/reviews/{}", lamp.product_id);
    let shown: serde_json::Value = eventually("the product is known to reviews", SOON, || async {
        let reply = world.shop.get(&path).await;
        if reply.status == 200 { Ok(reply.json()) } else { Err(reply.text()) }
    })
    .await;
    assert_eq!(shown, serde_json::json!({ "title": "Brass Lamp", "count": 0, "stars": null }));

    // Its own table and its setting, whose default allows five stars.
    for (stars, status) in [(4, 200), (5, 200), (6, 422)] {
        let reply = world.shop.json(http::Method::POST, &path, &serde_json::json!({ "stars": stars })).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
    let shown: serde_json::Value = world.shop.get(&path).await.json();
    assert_eq!(shown, serde_json::json!({ "title": "Brass Lamp", "count": 2, "stars": 4.5 }));

    let document: serde_json::Value = world.shop.get("/api/v1/openapi.json").await.json();
    assert!(document["paths"]["/api/v1/reviews/{product_id}"]["get"].is_object());
}
