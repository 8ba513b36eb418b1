//! Broker failures, which no outbox table has: slow to start, gone, everything forgotten.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use souk_db::{Db, RowExt};
use souk_engines::Kafka as Server;
use souk_flow::{Broker, DeadLetters, Envelope, follow, run_consumer, run_relay};
use souk_kafka::Kafka;
use souk_runtime::Tasks;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::setup::{SOURCES, Scribe, Setup, effects, happened, id, publish};
use super::{PATIENCE, assert_once_and_in_order};
use crate::shop_and_mail;
use souk_eventually::eventually;

/// How long the broker is away.
const AWAY: Duration = Duration::from_secs(10);
/// For the backlog of a broker that was away (PROMISES).
const CATCH_UP: Duration = Duration::from_secs(60);

/// One for all tests that leave it as it is.
static BROKER: OnceCell<Arc<Server>> = OnceCell::const_new();

/// A broker, and the relay from the owner's outbox to it.
pub struct Relayed {
    pub broker: Arc<Server>,
    prefix: String,
    relay: Tasks,
}

/// The cluster that [`Relayed::place`] names.
pub fn connect(tasks: &Tasks, place: &str) -> Arc<dyn Broker> {
    let (address, prefix) = place.split_once(' ').unwrap();
    Arc::new(Kafka::connect(tasks, &[address.to_owned()], prefix).unwrap())
}

impl Relayed {
    fn start(broker: Arc<Server>, shop: &Db) -> Self {
        let relayed = Self { broker, prefix: format!("test-{}", Uuid::new_v4()), relay: Tasks::new() };
        run_relay(&relayed.relay, shop, "shop", &relayed.connect(&relayed.relay));
        relayed
    }

    pub fn connect(&self, tasks: &Tasks) -> Arc<dyn Broker> {
        connect(tasks, &self.place())
    }

    /// Address and prefix.
    pub fn place(&self) -> String {
        format!("{} {}", self.broker.address(), self.prefix)
    }

    /// Waits until the relay's recorded place is the outbox' end.
    pub async fn caught_up(&self, shop: &Db) {
        let sql = "select not exists (select from outbox where (xid, seq) >
            (select xid, seq from consumer_cursor where consumer = 'relay' and source = 'shop')) as done
            from consumer_cursor where consumer = 'relay' and source = 'shop'";
        let done = async || match shop.primary().query(sql, &[]).await.unwrap().first() {
            Some(row) => row.get_col("done").unwrap(),
            None => false,
        };
        eventually("the relay", CATCH_UP, done).await;
    }

    pub async fn finish(self) {
        self.relay.drain(PATIENCE).await.unwrap();
    }
}

impl Setup {
    /// A topic of its own on the broker that all tests share.
    pub async fn kafka() -> Self {
        let broker = BROKER.get_or_init(async || Arc::new(Server::start().await.unwrap())).await;
        Self::on(broker.clone()).await
    }

    /// A broker of its own, to be mistreated.
    async fn own_broker() -> Self {
        Self::on(Arc::new(Server::start().await.unwrap())).await
    }

    async fn on(broker: Arc<Server>) -> Self {
        let (test, shop, mail) = shop_and_mail().await;
        let relayed = Relayed::start(broker, &shop);
        Self { test, shop, mail, kafka: Some(relayed) }
    }

    fn broker(&self) -> &Server {
        &self.kafka.as_ref().unwrap().broker
    }
}

#[tokio::test]
async fn everything_arrives_although_the_broker_was_away() {
    let setup = Setup::own_broker().await;
    let (shop, mail, tasks) = (&setup.shop, &setup.mail, Tasks::new());
    run_consumer(&tasks, mail, &setup.events(&tasks), Scribe::new(Uuid::nil()));
    let facts = |version| (1..=20).map(|aggregate| happened(aggregate, version)).collect::<Vec<_>>();
    publish(shop, &facts(1)).await;
    eventually("effects before", CATCH_UP, async || effects(mail).await.len() == 20).await;

    setup.broker().kill();
    // Neither who writes notices, nor a process that starts.
    let memory = remember(&tasks, &setup).await;
    for version in 2..=10 {
        publish(shop, &facts(version)).await;
        tokio::time::sleep(AWAY / 9).await;
    }
    assert_eq!(effects(mail).await.len(), 20, "without a broker nothing travels");
    setup.broker().restart().await.unwrap();
    publish(shop, &facts(11)).await;
    eventually("all effects", CATCH_UP, async || effects(mail).await.len() >= 220).await;
    let later = || memory.lock().unwrap().iter().filter(|(_, version)| *version > 1).count();
    eventually("what is kept in memory", CATCH_UP, async || later() == 200).await;
    tasks.drain(PATIENCE).await.unwrap();
    assert_once_and_in_order(&effects(mail).await, 20, 11);
    setup.finish().await;
}

#[tokio::test]
async fn a_wiped_broker_is_filled_again_and_effects_are_once() {
    let setup = Setup::own_broker().await;
    let (shop, mail, tasks) = (&setup.shop, &setup.mail, Tasks::new());
    // Refuses what happens to 13 from its third version on.
    let scribe = Scribe::refusing(id(13), 3);
    run_consumer(&tasks, mail, &setup.events(&tasks), scribe.clone());
    // The control: the same events without an inbox.
    let naive = Tasks::new();
    let counted = count_without_inbox(&naive, &setup);
    let memory = remember(&tasks, &setup).await;
    let facts = |version| (1..=20).map(|aggregate| happened(aggregate, version)).collect::<Vec<_>>();
    for version in 1..=3 {
        publish(shop, &facts(version)).await;
    }
    let dead_letters = DeadLetters::new(mail);
    eventually("effects before", CATCH_UP, async || effects(mail).await.len() == 59).await;
    eventually("the dead letter", CATCH_UP, async || dead_letters.list().await.unwrap().len() == 1).await;
    let count = || counted.load(Ordering::SeqCst);
    eventually("the control", CATCH_UP, async || count() == 60).await;

    setup.broker().kill();
    publish(shop, &facts(4)).await;
    setup.broker().wipe().await.unwrap();
    publish(shop, &facts(5)).await;
    eventually("all effects but those of 13", CATCH_UP, async || effects(mail).await.len() == 97).await;
    eventually("the control", CATCH_UP, async || count() == 60 + 100).await;
    let remembered = || memory.lock().unwrap().len();
    eventually("what is kept in memory", CATCH_UP, async || remembered() == 100).await;
    eventually("its letters", CATCH_UP, async || dead_letters.list().await.unwrap().len() == 3).await;

    scribe.angry.store(false, Ordering::SeqCst);
    assert_eq!(dead_letters.replay("mail.scribe", id(13)).await.unwrap(), 3);
    eventually("the replay", CATCH_UP, async || dead_letters.list().await.unwrap().is_empty()).await;
    tasks.drain(PATIENCE).await.unwrap();
    naive.drain(PATIENCE).await.unwrap();
    assert_once_and_in_order(&effects(mail).await, 20, 5);
    assert_eq!(count(), 160, "without the inbox the first 60 happened twice");
    setup.finish().await;
}

/// Follows the log from now on, as memory does, and notes which events were seen.
async fn remember(tasks: &Tasks, setup: &Setup) -> Arc<Mutex<BTreeSet<(Uuid, i64)>>> {
    let memory = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = memory.clone();
    let see = move |events: &[Envelope]| {
        seen.lock().unwrap().extend(events.iter().map(|event| (event.aggregate, event.version)))
    };
    follow(tasks, &setup.mail, &setup.events(tasks), "memory", SOURCES, see).await.unwrap();
    memory
}

#[tokio::test]
async fn one_of_two_relays_publishes_and_the_other_takes_over() {
    let setup = Setup::kafka().await;
    let (shop, relayed) = (&setup.shop, setup.kafka.as_ref().unwrap());
    let (second, naive) = (Tasks::new(), Tasks::new());
    let counted = count_without_inbox(&naive, &setup);
    let count = || counted.load(Ordering::SeqCst);
    for version in 1..=50 {
        publish(shop, &[happened(1, version)]).await;
        if version == 20 {
            run_relay(&second, shop, "shop", &relayed.connect(&second));
        }
    }
    eventually("the first fifty", CATCH_UP, async || count() == 50).await;
    relayed.relay.drain(PATIENCE).await.unwrap();
    publish(shop, &[happened(1, 51)]).await;
    eventually("the second relay", CATCH_UP, async || count() >= 51).await;
    setup.caught_up().await;
    naive.drain(PATIENCE).await.unwrap();
    second.drain(PATIENCE).await.unwrap();
    assert_eq!(count(), 51, "nothing was published twice");
}

/// Counts every event that a consumer is handed, as one without an inbox would.
fn count_without_inbox(tasks: &Tasks, setup: &Setup) -> Arc<AtomicUsize> {
    let counted = Arc::new(AtomicUsize::new(0));
    let kafka = setup.kafka.as_ref().unwrap().connect(tasks);
    let (counting, stopping) = (counted.clone(), tasks.clone());
    tasks.spawn("control", async move {
        while !stopping.stopping() {
            let mut member = kafka.join("naive", SOURCES[0]).unwrap();
            loop {
                let next = tokio::select! {
                    () = stopping.token().cancelled() => return,
                    next = member.next() => next,
                };
                let Some(events) = next else { break };
                counting.fetch_add(events.len(), Ordering::SeqCst);
                member.commit(&events.iter().map(|(offset, _)| *offset).collect::<Vec<_>>());
            }
        }
    });
    counted
}
