//! Indexing by events: the index follows the logs through changes, restarts, poison and owners that are away.

use std::sync::atomic::Ordering;

use souk_search_api::SearchRequest;

use super::fakes::Sale;
use super::{Backend, World, on_both, words};

on_both! {
    changes_of_every_owner_are_seen
    a_restart_goes_on_where_the_last_commit_stood
    poison_holds_nobody_up
    an_owner_that_is_away_is_waited_for
    a_large_backlog_is_taken_in_few_rounds_and_counted_right
}

pub fn many(count: usize) -> Vec<(String, String)> {
    (0..count).map(|n| (format!("p-{n}"), format!("Widget number{n}"))).collect()
}

pub async fn sell(world: &World, names: &[(String, String)]) {
    let sales: Vec<_> = names.iter().map(|(slug, title)| Sale { slug, title, ..Sale::default() }).collect();
    world.owners.sell(&sales).await;
}

async fn changes_of_every_owner_are_seen(backend: Backend) {
    let world = World::new(backend).await;
    world.settled(0).await;
    sell(&world, &many(3)).await;
    world.settled(3).await;
    world.owners.price("p-1", 42).await;
    world.until(|| async { world.find(words("number1")).await.items[0].price.amount == 42 }).await;
    assert!(world.find(words("number1")).await.items[0].available);
    world.owners.stock("p-1", 0).await;
    world.until(|| async { !world.find(words("number1")).await.items[0].available }).await;
    world.owners.hide("p-1").await;
    world.settled(2).await;
    assert!(world.slugs("number1").await.is_empty());
    assert_eq!(world.find(words("widget")).await.total, 2);
}

async fn a_restart_goes_on_where_the_last_commit_stood(backend: Backend) {
    let mut world = World::new(backend).await;
    sell(&world, &many(700)).await;
    world.settled(700).await;
    world.stop().await;
    let exports = world.owners.exports.load(Ordering::SeqCst);
    // Told while no consumer listens; and something that no event tells of, which only a rebuild would find.
    sell(&world, &[("late".into(), "Late widget".into())]).await;
    world.owners.retitle_quietly("p-5", "Secret");
    world.restart().await;
    world.settled(701).await;
    assert_eq!(world.slugs("late").await, ["late"]);
    assert!(world.slugs("secret").await.is_empty(), "what no event tells of is not read again");
    assert_eq!(world.owners.exports.load(Ordering::SeqCst), exports, "nothing is built anew");
}

async fn poison_holds_nobody_up(backend: Backend) {
    let world = World::new(backend).await;
    sell(&world, &many(30)).await;
    world.settled(30).await;
    world.owners.rubbish().await;
    *world.owners.poisoned.lock().unwrap() = Some("p-7".into());
    let changed: Vec<_> = (0..30).map(|n| (format!("p-{n}"), format!("Gadget number{n}"))).collect();
    sell(&world, &changed).await;
    world.until(|| async { world.find(words("gadget")).await.total == 29 }).await;
    assert_eq!(world.slugs("number7 widget").await, ["p-7"], "it stays as it was");
    *world.owners.poisoned.lock().unwrap() = None;
    let version = world.owners.versions();
    world.owners.tell("p-7", version).await;
    world.until(|| async { world.find(words("gadget")).await.total == 30 }).await;
}

async fn an_owner_that_is_away_is_waited_for(backend: Backend) {
    let world = World::new(backend).await;
    sell(&world, &many(10)).await;
    world.settled(10).await;
    world.owners.down.store(true, Ordering::SeqCst);
    world.owners.price("p-3", 7).await;
    world.until(|| async { world.status().await.behind > 0 }).await;
    assert_eq!(world.find(words("widget")).await.total, 10, "searches go on");
    world.owners.down.store(false, Ordering::SeqCst);
    world.until(|| async { world.find(words("number3")).await.items[0].price.amount == 7 }).await;
    world.settled(10).await;
}

async fn a_large_backlog_is_taken_in_few_rounds_and_counted_right(backend: Backend) {
    let world = World::new(backend).await;
    world.settled(0).await;
    for chunk in many(3_000).chunks(500) {
        sell(&world, chunk).await;
    }
    world.settled(3_000).await;
    let all = world.find(SearchRequest { limit: 1, facets: true, ..SearchRequest::default() }).await;
    assert_eq!((all.total, all.facets[0].values[0].count), (3_000, 3_000), "nothing twice, nothing lost");
}
