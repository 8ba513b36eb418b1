//! The outbox as a log: what a reader of the table itself sees.

use std::time::Duration;

use souk_db::RowExt;
use souk_flow::{EventLog, Log, Outbox, OutboxOffset, run_consumer};
use souk_kernel::Event;
use souk_runtime::Tasks;
use uuid::Uuid;

use super::setup::{Scribe, effects, happened, publish};
use crate::{Happened, SOON, shop_and_mail};
use souk_eventually::eventually;

#[tokio::test]
async fn a_slower_transaction_is_never_skipped() {
    let (_test, shop, mail) = shop_and_mail().await;
    let outbox = Outbox::new(&shop);
    let slow = shop.begin().await.unwrap();
    outbox.push(&slow, &happened(1, 1)).await.unwrap();
    publish(&shop, &[happened(2, 1)]).await;

    let log = Log::new(&mail);
    let seen = log.read("shop", &[Happened::TYPE], OutboxOffset::START, 100).await.unwrap();
    assert!(seen.is_empty(), "the later one waits for the earlier one, else its offset would hide it for good");
    assert!(log.read_all("shop", OutboxOffset::START).await.unwrap().is_empty(), "nor does a relay take it");
    // The control: a reader that goes by sequence numbers alone sees the second, moves past the first, and loses it.
    let naive = mail.primary().query("select seq from shop.outbox where seq > 0 order by seq", &[]).await.unwrap();
    assert_eq!(naive.len(), 1);
    let moved_to: i64 = naive[0].get_col("seq").unwrap();

    outbox.commit(slow).await.unwrap();
    let read = async || log.read("shop", &[Happened::TYPE], OutboxOffset::START, 100).await.unwrap();
    // Transactions of other tests on the same server hold readers up, too.
    eventually("both", SOON, async || read().await.len() == 2).await;
    let seen = read().await;
    assert!(seen[0].0 < seen[1].0);
    let lost = mail.primary().query("select seq from shop.outbox where seq > $1", &[&moved_to]).await.unwrap();
    assert!(lost.is_empty(), "the naive reader never sees the slow transaction's event");
    assert_eq!(log.behind("shop", &[Happened::TYPE], seen[0].0).await.unwrap(), 1);
}

#[tokio::test]
async fn no_transaction_no_event_and_one_version_once() {
    let (_test, shop, mail) = shop_and_mail().await;
    let outbox = Outbox::new(&shop);
    let tx = shop.begin().await.unwrap();
    outbox.push(&tx, &happened(1, 1)).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(Log::new(&mail).read("shop", &[Happened::TYPE], OutboxOffset::START, 10).await.unwrap().is_empty());
    publish(&shop, &[happened(1, 1)]).await;
    let tx = shop.begin().await.unwrap();
    let twice = outbox.push(&tx, &happened(1, 1)).await.unwrap_err();
    assert!(twice.is_unique("outbox_aggregate_version"), "{twice}");
}

/// A reader that is woken all the time by events that hide behind a long transaction keeps its lease: another would take over,
/// and be no better off.
#[tokio::test]
async fn a_reader_with_nothing_but_hidden_events_keeps_its_lease() {
    let (_test, shop, mail) = shop_and_mail().await;
    let (tasks, outbox) = (Tasks::new(), Outbox::new(&shop));
    run_consumer(&tasks, &mail, &EventLog::Postgres, Scribe::new(Uuid::nil()));
    publish(&shop, &[happened(1, 1)]).await;
    eventually("the first effect", SOON, async || effects(&mail).await.len() == 1).await;
    let long = shop.begin().await.unwrap();
    outbox.push(&long, &happened(2, 1)).await.unwrap();
    let lease = async || {
        let lease = "select extract(epoch from lease_until)::float8 as until from consumer_cursor";
        mail.primary().query_one(lease, &[]).await.unwrap().get_col::<f64>("until").unwrap()
    };
    publish(&shop, &[happened(3, 1)]).await;
    let (first, mut version) = (lease().await, 1);
    // Well within the lease; without it the test would see another's.
    eventually("it is renewed", Duration::from_secs(5), async || {
        version += 1;
        publish(&shop, &[happened(3, version)]).await;
        lease().await > first
    })
    .await;
    assert_eq!(effects(&mail).await.len(), 1, "they hide still");
    outbox.commit(long).await.unwrap();
    let all = usize::try_from(version).unwrap() + 2;
    eventually("all effects", SOON, async || effects(&mail).await.len() == all).await;
    tasks.drain(SOON).await.unwrap();
}

/// What a wake-up tells of may hide behind a transaction that still runs, so that a reader looks a few times in short order;
/// then it waits for the next.
#[tokio::test]
async fn a_reader_looks_again_soon_after_what_was_written() {
    let (_test, shop, mail) = shop_and_mail().await;
    let mut wakes = Log::new(&mail).wakes(&["shop"]);
    let looks = async |wakes: &mut souk_bus::Wakes| {
        let mut looks = 0;
        while wakes.look_again_soon().await {
            looks += 1;
        }
        looks
    };
    assert_eq!(looks(&mut wakes).await, 0, "nothing was written");
    wakes.found();
    assert_eq!(looks(&mut wakes).await, 3, "where something was, more may hide");
    publish(&shop, &[happened(1, 1)]).await;
    assert!(wakes.wait(SOON).await);
    assert_eq!(looks(&mut wakes).await, 3);
}
