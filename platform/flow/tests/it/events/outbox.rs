//! The outbox as a log: what a reader of the table itself sees.

use souk_db::RowExt;
use souk_flow::{Log, Outbox, OutboxOffset};
use souk_kernel::Event;

use super::setup::{happened, publish};
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
