//! Failures of the embedded index: what only an index in files of this process can suffer.

use std::sync::atomic::Ordering;

use super::following::{many, sell};
use super::{Backend, World};

#[tokio::test]
async fn a_damaged_index_is_built_anew_by_itself() {
    let mut world = World::new(Backend::Embedded).await;
    sell(&world, &many(20)).await;
    world.settled(20).await;
    world.stop().await;
    let directory = world.directory.path().join("products");
    let segment = std::fs::read_dir(&directory)
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "term"))
        .unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&segment, bytes).unwrap();
    world.owners.retitle_quietly("p-5", "Secret");
    world.restart().await;
    world.settled(20).await;
    assert_eq!(world.slugs("secret").await, ["p-5"], "read from the catalogue again");

    world.stop().await;
    std::fs::write(directory.join("meta.json"), "{").unwrap();
    world.restart().await;
    world.settled(20).await;
}

#[tokio::test]
async fn an_index_of_another_format_or_database_is_built_anew() {
    let mut world = World::new(Backend::Embedded).await;
    sell(&world, &many(5)).await;
    world.settled(5).await;
    for (from, to) in
        [("\\\"format\\\":\\\"", "\\\"format\\\":\\\"0 "), ("\\\"database\\\":\\\"", "\\\"database\\\":\\\"9")]
    {
        world.stop().await;
        let exports = world.owners.exports.load(Ordering::SeqCst);
        let meta = world.directory.path().join("products/meta.json");
        let text = std::fs::read_to_string(&meta).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&meta, text.replace(from, to)).unwrap();
        world.restart().await;
        world.until(|| async { world.owners.exports.load(Ordering::SeqCst) > exports }).await;
        world.settled(5).await;
    }
}

#[tokio::test]
async fn products_older_than_the_log_are_found_by_a_new_index() {
    let mut world = World::new(Backend::Embedded).await;
    sell(&world, &many(600)).await;
    world.settled(600).await;
    world.stop().await;
    // Housekeeping has emptied the logs.
    for schema in souk_search::READS {
        world.test_db.superuser(schema).await.write_one("delete from outbox", &[]).await.unwrap();
    }
    std::fs::remove_dir_all(world.directory.path().join("products")).unwrap();
    world.restart().await;
    world.settled(600).await;
}
