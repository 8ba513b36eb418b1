//! Fixtures: an owner, a reader that writes down what it was told, and a log between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use souk_db::{Db, RowExt, Tx};
use souk_flow::{Consumer, Envelope, EventLog, Outbox, Source};
use souk_kernel::{Event, Problem};
use souk_postgres::TestDb;
use souk_runtime::Tasks;
use uuid::Uuid;

use crate::{Happened, SOON, shop_and_mail};
use souk_eventually::eventually;

pub const SOURCES: &[Source] = &[Source { schema: "shop", types: &[Happened::TYPE] }];

/// Writes each event down; refuses one aggregate while `angry`.
pub struct Scribe {
    poison: Uuid,
    /// The first version of it that is refused.
    from: i64,
    pub angry: AtomicBool,
    pub refusals: AtomicU32,
}

impl Scribe {
    pub fn new(poison: Uuid) -> Arc<Self> {
        Self::refusing(poison, 0)
    }

    pub fn refusing(poison: Uuid, from: i64) -> Arc<Self> {
        Arc::new(Self { poison, from, angry: AtomicBool::new(true), refusals: AtomicU32::new(0) })
    }
}

#[async_trait]
impl Consumer for Scribe {
    fn name(&self) -> &'static str {
        "mail.scribe"
    }
    fn sources(&self) -> &'static [Source] {
        SOURCES
    }
    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        for event in events {
            let fact = event.parse::<Happened>()?.expect("only these are asked for");
            if fact.aggregate == self.poison && fact.version >= self.from && self.angry.load(Ordering::SeqCst) {
                if events.len() == 1 {
                    self.refusals.fetch_add(1, Ordering::SeqCst);
                }
                return Err(Problem::internal("poison"));
            }
            note(tx, &fact).await?;
        }
        Ok(())
    }
}

/// The effect of an event.
pub async fn note(tx: &Tx, fact: &Happened) -> Result<(), Problem> {
    let sql = "insert into effect (aggregate, version) values ($1, $2)";
    tx.execute(sql, &[&fact.aggregate, &fact.version]).await?;
    Ok(())
}

/// The databases of owner and reader, and which log is between them.
pub struct Setup {
    pub test: TestDb,
    pub shop: Db,
    pub mail: Db,
    pub kafka: Option<super::broker::Relayed>,
}

impl Setup {
    pub async fn postgres() -> Self {
        let (test, shop, mail) = shop_and_mail().await;
        Self { test, shop, mail, kafka: None }
    }

    /// The log, as a process of its own sees it whose tasks are `tasks`.
    pub fn events(&self, tasks: &Tasks) -> EventLog {
        if let Some(relayed) = &self.kafka {
            return EventLog::Broker(relayed.connect(tasks));
        }
        EventLog::Postgres
    }

    /// Waits until everything that is committed is in the log, and no transaction of another test hides it from readers.
    pub async fn caught_up(&self) {
        let sql = "select not exists (select from outbox where xid >= pg_snapshot_xmin(pg_current_snapshot())) as done";
        let visible = async || self.shop.primary().query_one(sql, &[]).await.unwrap().get_col::<bool>("done").unwrap();
        eventually("all events visible", SOON, visible).await;
        if let Some(relayed) = &self.kafka {
            relayed.caught_up(&self.shop).await;
        }
    }

    /// Ends what the log needs.
    pub async fn finish(self) {
        if let Some(relayed) = self.kafka {
            relayed.finish().await;
        }
    }
}

pub async fn publish(db: &Db, events: &[Happened]) {
    let (outbox, tx) = (Outbox::new(db), db.begin().await.unwrap());
    outbox.push_all(&tx, events).await.unwrap();
    outbox.commit(tx).await.unwrap();
}

pub async fn effects(mail: &Db) -> Vec<(Uuid, i64)> {
    let rows = mail.primary().query("select aggregate, version from effect order by n", &[]).await.unwrap();
    rows.iter().map(|row| (row.get_col("aggregate").unwrap(), row.get_col("version").unwrap())).collect()
}

pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub fn happened(aggregate: u128, version: i64) -> Happened {
    Happened { aggregate: id(aggregate), version }
}
