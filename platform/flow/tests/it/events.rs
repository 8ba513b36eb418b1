//! Outbox and consumers: once, in order, and a poison event stops no other key. The same suite on the PostgreSQL log and on
//! Kafka.

mod broker;
mod cut;
mod outbox;
mod process;
mod setup;

use std::sync::atomic::Ordering;
use std::time::Duration;

use souk_db::RowExt;
use souk_flow::{DeadLetters, MAX_TRIES, Outbox, follow, run_consumer};
use souk_kernel::Event;
use souk_runtime::Tasks;
use uuid::Uuid;

use crate::traces::Request;
use crate::{Happened, SOON};
use cut::{Cut, Cutting};
use setup::{SOURCES, Scribe, Setup, effects, happened, id, publish};
use souk_eventually::eventually;

/// For draining what has little to do.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a slow transaction takes: readers look several times meanwhile.
const SLOW: Duration = Duration::from_millis(500);

/// Makes a module of tests for each log.
macro_rules! on_each_log {
    ($($name:ident),* $(,)?) => {
        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::Setup::postgres().await).await })*
        }
        mod on_kafka {
            $(#[tokio::test] async fn $name() { super::$name(super::Setup::kafka().await).await })*
        }
    };
}

on_each_log!(
    every_event_has_its_effect_once_and_in_order_with_two_readers,
    a_slower_transaction_is_not_skipped,
    poison_parks_its_own_key_only_and_can_be_replayed,
    a_reader_that_is_killed_is_replaced,
    a_reader_that_is_cut_off_before_its_commit_goes_on,
    a_reader_that_is_cut_off_before_it_hears_of_its_commit_goes_on,
    followers_all_see_everything_from_now_on,
    consumers_and_dead_letters_go_on_with_the_trace,
);

async fn every_event_has_its_effect_once_and_in_order_with_two_readers(setup: Setup) {
    let (shop, mail) = (&setup.shop, &setup.mail);
    let (first, second) = (Tasks::new(), Tasks::new());
    run_consumer(&first, mail, &setup.events(&first), Scribe::new(Uuid::nil()));
    run_consumer(&second, mail, &setup.events(&second), Scribe::new(Uuid::nil()));
    for version in 1..=40 {
        publish(shop, &(1..=25).map(|aggregate| happened(aggregate, version)).collect::<Vec<_>>()).await;
        if version == 20 {
            first.drain(PATIENCE).await.unwrap();
        }
    }
    eventually("all effects", SOON, async || effects(mail).await.len() >= 1000).await;
    second.drain(PATIENCE).await.unwrap();
    assert_once_and_in_order(&effects(mail).await, 25, 40);
    setup.finish().await;
}

/// That versions 1 to `versions` of aggregates 1 to `aggregates` have had their effect.
fn assert_once_and_in_order(effects: &[(Uuid, i64)], aggregates: u128, versions: i64) {
    assert_eq!(effects.len() as u128, aggregates * versions as u128, "each once");
    for aggregate in 1..=aggregates {
        let seen: Vec<i64> = effects.iter().filter(|(a, _)| *a == id(aggregate)).map(|(_, v)| *v).collect();
        assert_eq!(seen, (1..=versions).collect::<Vec<_>>(), "aggregate {aggregate} in order");
    }
}

async fn a_slower_transaction_is_not_skipped(setup: Setup) {
    let (shop, mail) = (&setup.shop, &setup.mail);
    let tasks = Tasks::new();
    run_consumer(&tasks, mail, &setup.events(&tasks), Scribe::new(Uuid::nil()));
    publish(shop, &[happened(1, 1)]).await;
    eventually("the first effect", SOON, async || effects(mail).await.len() == 1).await;

    let (outbox, slow) = (Outbox::new(shop), shop.begin().await.unwrap());
    outbox.push(&slow, &happened(2, 1)).await.unwrap();
    publish(shop, &[happened(3, 1)]).await;
    // A reader that moved past the slow one now would lose it; the control stands in `outbox.rs`.
    tokio::time::sleep(SLOW).await;
    assert_eq!(effects(mail).await.len(), 1, "the later one waits");
    outbox.commit(slow).await.unwrap();
    eventually("all effects", SOON, async || effects(mail).await.len() == 3).await;
    tasks.drain(PATIENCE).await.unwrap();
    setup.finish().await;
}

async fn poison_parks_its_own_key_only_and_can_be_replayed(setup: Setup) {
    let (shop, mail) = (&setup.shop, &setup.mail);
    let (tasks, scribe) = (Tasks::new(), Scribe::new(id(13)));
    publish(shop, &[happened(1, 1), happened(13, 1), happened(2, 1), happened(13, 2), happened(1, 2)]).await;
    run_consumer(&tasks, mail, &setup.events(&tasks), scribe.clone());
    let dead_letters = DeadLetters::new(mail);
    eventually("the others' effects", SOON, async || effects(mail).await.len() == 3).await;
    eventually("both letters", SOON, async || dead_letters.list().await.unwrap().len() == 2).await;
    assert_eq!(scribe.refusals.load(Ordering::SeqCst), MAX_TRIES);
    let dead = dead_letters.list().await.unwrap();
    assert_eq!(dead.iter().map(|letter| letter.aggregate).collect::<Vec<_>>(), [id(13), id(13)]);
    assert_eq!(dead[0].error, "poison");

    scribe.angry.store(false, Ordering::SeqCst);
    assert_eq!(dead_letters.replay("mail.scribe", id(13)).await.unwrap(), 2);
    publish(shop, &[happened(13, 3)]).await;
    eventually("the replay", SOON, async || dead_letters.list().await.unwrap().is_empty()).await;
    eventually("all effects", SOON, async || effects(mail).await.len() == 6).await;
    let thirteen: Vec<i64> = effects(mail).await.into_iter().filter(|(a, _)| *a == id(13)).map(|(_, v)| v).collect();
    assert_eq!(thirteen, [1, 2, 3], "in order");
    tasks.drain(PATIENCE).await.unwrap();
    setup.finish().await;
}

async fn a_reader_that_is_killed_is_replaced(setup: Setup) {
    let (shop, mail) = (&setup.shop, &setup.mail);
    for version in 1..=20 {
        publish(shop, &(1..=10).map(|aggregate| happened(aggregate, version)).collect::<Vec<_>>()).await;
    }
    // It holds the feed and is in the middle of a transaction with effects.
    process::start_and_kill_in_the_middle(&setup).await;
    let tasks = Tasks::new();
    run_consumer(&tasks, mail, &setup.events(&tasks), Scribe::new(Uuid::nil()));
    eventually("all effects", SOON, async || effects(mail).await.len() >= 200).await;
    tasks.drain(PATIENCE).await.unwrap();
    assert_once_and_in_order(&effects(mail).await, 10, 20);
    setup.finish().await;
}

async fn a_reader_that_is_cut_off_before_its_commit_goes_on(setup: Setup) {
    a_reader_that_is_cut_off_goes_on(setup, Cut::Before).await;
}

async fn a_reader_that_is_cut_off_before_it_hears_of_its_commit_goes_on(setup: Setup) {
    a_reader_that_is_cut_off_goes_on(setup, Cut::After).await;
}

/// The events were handled; whether that was recorded, only the database knows. Twice the connection is lost with a whole
/// batch, or with one event of it, and then no more.
async fn a_reader_that_is_cut_off_goes_on(setup: Setup, cut: Cut) {
    for version in 1..=20 {
        publish(&setup.shop, &(1..=10).map(|aggregate| happened(aggregate, version)).collect::<Vec<_>>()).await;
    }
    setup.caught_up().await;
    let (tasks, cutting) = (Tasks::new(), Cutting::before(&setup.test, cut, 2));
    let mail = cutting.db("mail").await;
    run_consumer(&tasks, &mail, &setup.events(&tasks), Scribe::new(Uuid::nil()));
    eventually("all effects", SOON, async || effects(&setup.mail).await.len() >= 200).await;
    // What would be done a second time has been by then.
    publish(&setup.shop, &[happened(11, 1)]).await;
    eventually("what comes later", SOON, async || effects(&setup.mail).await.last() == Some(&(id(11), 1))).await;
    tasks.drain(PATIENCE).await.unwrap();
    assert_eq!(cutting.left(), 0, "it was cut off");
    let mut all = effects(&setup.mail).await;
    all.pop();
    assert_once_and_in_order(&all, 10, 20);
    assert!(DeadLetters::new(&setup.mail).list().await.unwrap().is_empty(), "a lost connection is no event's fault");
    setup.finish().await;
}

async fn followers_all_see_everything_from_now_on(setup: Setup) {
    let (shop, mail) = (&setup.shop, &setup.mail);
    publish(shop, &[happened(1, 1)]).await;
    setup.caught_up().await;
    let tasks = Tasks::new();
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    for follower in ["first", "second"] {
        let sender = sender.clone();
        let see = move |events: &[souk_flow::Envelope]| {
            for event in events {
                let fact = event.parse::<Happened>().unwrap().unwrap();
                assert_eq!((event.source.as_str(), event.event_type.as_str()), ("shop", Happened::TYPE));
                sender.send((follower, fact.aggregate, fact.version)).unwrap();
            }
        };
        follow(&tasks, mail, &setup.events(&tasks), follower, SOURCES, see).await.unwrap();
    }
    publish(shop, &[happened(1, 2), happened(1, 3)]).await;
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(tokio::time::timeout(PATIENCE, seen.recv()).await.expect("both see both").unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, [("first", id(1), 2), ("first", id(1), 3), ("second", id(1), 2), ("second", id(1), 3)]);
    tasks.drain(PATIENCE).await.unwrap();
    setup.finish().await;
}

async fn consumers_and_dead_letters_go_on_with_the_trace(setup: Setup) {
    let (shop, mail, tasks) = (&setup.shop, &setup.mail, Tasks::new());
    let scribe = Scribe::new(id(13));
    scribe.angry.store(false, Ordering::SeqCst);
    run_consumer(&tasks, mail, &setup.events(&tasks), scribe.clone());
    let (request, ()) = Request::does(publish(shop, &[happened(1, 1)])).await;
    request.goes_on_as("process shop").await;

    // Parked, its place in the trace is kept beside it.
    scribe.angry.store(true, Ordering::SeqCst);
    let (_, ()) = Request::does(publish(shop, &[happened(13, 1)])).await;
    let dead_letters = DeadLetters::new(mail);
    eventually("the letter", SOON, async || dead_letters.list().await.unwrap().len() == 1).await;
    let parked = "select p.traceparent is not null and p.tracestate = 'vendor=1' as kept from dead_letter p";
    assert!(mail.primary().query_one(parked, &[]).await.unwrap().get_col::<bool>("kept").unwrap());
    tasks.drain(PATIENCE).await.unwrap();
    setup.finish().await;
}
