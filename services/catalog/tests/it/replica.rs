//! Stale reads: what is read from a replica that lags does not go back into a cache which an event has just cleared.

use souk_catalog::PictureFetching;
use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_catalog::MIGRATIONS;
use souk_catalog_api::{AllCategories, BySlug};
use souk_db::{Db, DbConfig, Servers, ServersConfig, migrate};
use souk_eventually::eventually;
use souk_postgres::TestCluster;

use super::{PRICING, World, guest, product, seal};

const PATIENCE: Duration = Duration::from_secs(30);

async fn title(world: &World) -> String {
    world.client.product_by_slug(&guest(), BySlug { slug: "product-1".into() }).await.unwrap().title
}

async fn categories(world: &World) -> usize {
    world.client.categories(&guest(), AllCategories {}).await.unwrap().items.len()
}

#[tokio::test]
async fn a_change_by_another_process_is_shown_though_the_replica_does_not_have_it() {
    let cluster = TestCluster::start(&[&[]]).await;
    migrate(&cluster.url(&[0]), &[&MIGRATIONS, &PRICING]).await.unwrap();
    let media = || Arc::new(tempfile::tempdir().unwrap());
    let writer = Db::connect(DbConfig::new(cluster.url(&[0]), "catalog")).await.unwrap();
    let writer = World::on(writer, None, media(), None, PictureFetching::default());
    let home = writer.category(&["Home"]).await;
    writer.put(vec![product("1", home)]).await;

    let servers = ServersConfig {
        replicas: vec![cluster.url(&[1])],
        max_lag: PATIENCE * 2,
        ..ServersConfig::new(cluster.url(&[0]))
    };
    let config = DbConfig::new(cluster.url(&[0]), "catalog").servers(Servers::watch(&servers).unwrap());
    let reader = World::on(Db::connect(config).await.unwrap(), None, media(), None, PictureFetching::default());
    // Pages are read from the replica: what is not in memory, like an address that no product has.
    let start = Instant::now();
    while reader.db.counters().replica_reads == 0 {
        assert!(start.elapsed() < PATIENCE, "nothing is read from the replica");
        let nobody = reader.client.product_by_slug(&guest(), BySlug { slug: "nobody".into() }).await;
        assert_eq!(nobody.unwrap_err().code, "not_found");
    }
    cluster.caught_up(1, 0).await;
    assert_eq!((title(&reader).await.as_str(), categories(&reader).await), ("Product 1", 1));

    cluster.pause(1).await;
    let mut changed = product("1", home);
    changed.title = "Changed".into();
    seal(&mut changed);
    writer.put(vec![changed]).await;
    writer.category(&["Garden"]).await;
    eventually("the changes", PATIENCE, async || {
        let shown = (title(&reader).await, categories(&reader).await);
        if shown == ("Changed".to_owned(), 2) { Ok(()) } else { Err(shown) }
    })
    .await;
    for _ in 0..50 {
        assert_eq!((title(&reader).await.as_str(), categories(&reader).await), ("Changed", 2), "and it stays so");
    }
    assert_eq!(cluster.sql(1, "select title from catalog.product").await, "Product 1", "the replica still lacks it");
    for world in [reader, writer] {
        world.tasks.drain(PATIENCE).await.unwrap();
    }
    cluster.stop().await;
}
