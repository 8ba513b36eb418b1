//! Outbox and consumers: once, in order, and poison stops nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use souk_db::{Db, RowExt, Tx};
use souk_flow::{Consumer, DeadLetters, Envelope, Log, MAX_TRIES, Outbox, Position, Source, run_consumer};
use souk_kernel::{Event, Problem};
use souk_modules::Tasks;
use uuid::Uuid;

use crate::{Happened, eventually, shop_and_mail};

/// Writes each event down; refuses one aggregate while `angry`.
struct Scribe {
    poison: Uuid,
    angry: AtomicBool,
    refusals: AtomicU32,
}

impl Scribe {
    fn new(poison: Uuid) -> Arc<Self> {
        Arc::new(Self { poison, angry: AtomicBool::new(true), refusals: AtomicU32::new(0) })
    }
}

#[async_trait]
impl Consumer for Scribe {
    fn name(&self) -> &'static str {
        "mail.scribe"
    }
    fn sources(&self) -> &'static [Source] {
        &[Source { schema: "shop", types: &[Happened::TYPE] }]
    }
    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        for event in events {
            let fact = event.parse::<Happened>()?.expect("only these are asked for");
            if fact.aggregate == self.poison && self.angry.load(Ordering::SeqCst) {
                if events.len() == 1 {
                    self.refusals.fetch_add(1, Ordering::SeqCst);
                }
                return Err(Problem::internal("poison"));
            }
            tx.execute("insert into effect (aggregate, version) values ($1, $2)", &[&fact.aggregate, &fact.version])
                .await?;
        }
        Ok(())
    }
}

async fn publish(db: &Db, events: &[Happened]) {
    let (outbox, tx) = (Outbox::new(db), db.begin().await.unwrap());
    outbox.push_all(&tx, events).await.unwrap();
    outbox.commit(tx).await.unwrap();
}

async fn effects(mail: &Db) -> Vec<(Uuid, i64)> {
    let rows = mail.primary().query("select aggregate, version from effect order by n", &[]).await.unwrap();
    rows.iter().map(|row| (row.get_col("aggregate").unwrap(), row.get_col("version").unwrap())).collect()
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn happened(aggregate: u128, version: i64) -> Happened {
    Happened { aggregate: id(aggregate), version }
}

#[tokio::test]
async fn a_slower_transaction_is_never_skipped() {
    let (_test, shop, mail) = shop_and_mail().await;
    let outbox = Outbox::new(&shop);
    let slow = shop.begin().await.unwrap();
    outbox.push(&slow, &happened(1, 1)).await.unwrap();
    publish(&shop, &[happened(2, 1)]).await;

    let log = Log::new(&mail);
    let seen = log.read("shop", &[Happened::TYPE], Position::START, 100).await.unwrap();
    assert!(seen.is_empty(), "the later one waits for the earlier one, else its position would hide it for good");
    // The control: a reader that goes by sequence numbers alone sees the second, moves past the first, and loses it.
    let naive = mail.primary().query("select seq from shop.outbox where seq > 0 order by seq", &[]).await.unwrap();
    assert_eq!(naive.len(), 1);
    let moved_to: i64 = naive[0].get_col("seq").unwrap();

    outbox.commit(slow).await.unwrap();
    let seen = log.read("shop", &[Happened::TYPE], Position::START, 100).await.unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen[0].0 < seen[1].0);
    let lost = mail.primary().query("select seq from shop.outbox where seq > $1", &[&moved_to]).await.unwrap();
    assert!(lost.is_empty(), "the naive reader never sees the slow transaction's event");
    assert_eq!(log.behind("shop", &[Happened::TYPE], seen[0].0).await.unwrap(), 1);
}

#[tokio::test]
async fn every_event_has_its_effect_once_and_in_order_with_two_readers() {
    let (_test, shop, mail) = shop_and_mail().await;
    let (first, second) = (Tasks::new(), Tasks::new());
    run_consumer(&first, &mail, Scribe::new(Uuid::nil()));
    run_consumer(&second, &mail, Scribe::new(Uuid::nil()));
    for version in 1..=40 {
        publish(&shop, &(1..=25).map(|aggregate| happened(aggregate, version)).collect::<Vec<_>>()).await;
        if version == 20 {
            first.drain(std::time::Duration::from_secs(10)).await.unwrap();
        }
    }
    eventually("all effects", async || effects(&mail).await.len() >= 1000).await;
    second.drain(std::time::Duration::from_secs(10)).await.unwrap();
    let effects = effects(&mail).await;
    assert_eq!(effects.len(), 1000, "each once");
    for aggregate in 1..=25 {
        let versions: Vec<i64> = effects.iter().filter(|(a, _)| *a == id(aggregate)).map(|(_, v)| *v).collect();
        assert_eq!(versions, (1..=40).collect::<Vec<_>>(), "aggregate {aggregate} in order");
    }
}

#[tokio::test]
async fn poison_parks_its_own_key_only_and_can_be_replayed() {
    let (_test, shop, mail) = shop_and_mail().await;
    let (tasks, scribe) = (Tasks::new(), Scribe::new(id(13)));
    publish(&shop, &[happened(1, 1), happened(13, 1), happened(2, 1), happened(13, 2), happened(1, 2)]).await;
    run_consumer(&tasks, &mail, scribe.clone());
    eventually("the others' effects", async || effects(&mail).await.len() == 3).await;
    assert_eq!(scribe.refusals.load(Ordering::SeqCst), MAX_TRIES);
    let dead = DeadLetters::new(&mail).list().await.unwrap();
    assert_eq!(dead.iter().map(|letter| letter.aggregate).collect::<Vec<_>>(), [id(13), id(13)]);
    assert_eq!(dead[0].error, "poison");

    scribe.angry.store(false, Ordering::SeqCst);
    assert_eq!(DeadLetters::new(&mail).replay("mail.scribe", id(13)).await.unwrap(), 2);
    publish(&shop, &[happened(13, 3)]).await;
    eventually("the replay", async || DeadLetters::new(&mail).list().await.unwrap().is_empty()).await;
    eventually("all effects", async || effects(&mail).await.len() == 6).await;
    let thirteen: Vec<i64> = effects(&mail).await.into_iter().filter(|(a, _)| *a == id(13)).map(|(_, v)| v).collect();
    assert_eq!(thirteen, [1, 2, 3], "in order");
    tasks.drain(std::time::Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn no_transaction_no_event_and_one_version_once() {
    let (_test, shop, mail) = shop_and_mail().await;
    let outbox = Outbox::new(&shop);
    let tx = shop.begin().await.unwrap();
    outbox.push(&tx, &happened(1, 1)).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(Log::new(&mail).read("shop", &[Happened::TYPE], Position::START, 10).await.unwrap().is_empty());
    publish(&shop, &[happened(1, 1)]).await;
    let tx = shop.begin().await.unwrap();
    let twice = outbox.push(&tx, &happened(1, 1)).await.unwrap_err();
    assert!(twice.is_unique("outbox_aggregate_version"), "{twice}");
}
