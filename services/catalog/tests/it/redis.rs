//! Redis tier of products: what a second process saves, and that a change reaches it.

use souk_catalog_api::{BySlug, ProductInput};
use souk_engines::Redis as Server;
use souk_eventually::eventually;

use crate::{World, system};

/// Within this, events arrive.
const SOON: std::time::Duration = std::time::Duration::from_secs(20);

async fn title(world: &World, slug: &str) -> String {
    world.client.product_by_slug(&system(), BySlug { slug: slug.into() }).await.unwrap().title
}

/// Waits until `title` is shown: events take a moment.
async fn shows(world: &World, slug: &str, wanted: &str) {
    eventually("the change arrives", SOON, async || title(world, slug).await == wanted).await;
}

async fn caught_up(world: &World) {
    eventually("redis is believed", SOON, async || world.service.shares()).await;
}

/// What a process shows that has never read `slug`, once it believes Redis.
async fn shown_when_new(world: &World, server: &Server, slug: &str) -> String {
    let new = World::beside_on(world, server).await;
    caught_up(&new).await;
    title(&new, slug).await
}

fn renamed(product: &ProductInput, title: &str) -> ProductInput {
    ProductInput { title: title.into(), content_hash: title.into(), ..product.clone() }
}

#[tokio::test]
async fn another_process_finds_products_and_never_an_old_one_after_the_event() {
    let server = Server::start().await.unwrap();
    let world = World::new().await;
    let category = world.category(&["Lamps"]).await;
    let product = ProductInput { title: "A lamp".into(), ..crate::product("lamp", category) };
    world.put(vec![product.clone()]).await;
    let slug = "product-lamp";
    let one = World::beside_on(&world, &server).await;
    caught_up(&one).await;
    assert_eq!(title(&one, slug).await, product.title);
    // Changed without an event: a process that asks the database shows this title.
    let database = world.test_db.as_ref().unwrap().superuser("catalog").await;
    database.write_one("update product set title = 'In the database'", &[]).await.unwrap();
    assert_eq!(title(&World::beside(&world).await, slug).await, "In the database", "the control");
    assert_eq!(shown_when_new(&world, &server, slug).await, product.title, "from redis alone");

    world.put(vec![renamed(&product, "Another lamp")]).await;
    shows(&one, slug, "Another lamp").await;
    // A process that was not there when the event came: nothing old is left for it.
    for _ in 0..3 {
        let new = World::beside_on(&world, &server).await;
        assert_eq!(title(&new, slug).await, "Another lamp");
    }
}

#[tokio::test]
async fn a_change_while_redis_is_away_is_made_up_for_before_it_is_believed_again() {
    let server = Server::start().await.unwrap();
    let world = World::new().await;
    let category = world.category(&["Lamps"]).await;
    let product = ProductInput { title: "A lamp".into(), ..crate::product("lamp", category) };
    world.put(vec![product.clone()]).await;
    let slug = "product-lamp";
    let one = World::beside_on(&world, &server).await;
    caught_up(&one).await;
    assert_eq!(title(&one, slug).await, product.title);

    // No process is there to invalidate: the process ends, and the change happens while Redis keeps the old product.
    one.tasks.drain(std::time::Duration::from_secs(5)).await.unwrap();
    server.kill();
    world.put(vec![renamed(&product, "Another lamp")]).await;
    server.restart().await.unwrap();
    let new = World::beside_on(&world, &server).await;
    assert_eq!(title(&new, slug).await, "Another lamp", "not believed yet");
    assert_eq!(shown_when_new(&world, &server, slug).await, "Another lamp", "and after catching up the new one");
}
