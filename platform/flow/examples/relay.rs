//! Benchmark of the relay: how fast a backlog gets from the outbox to Kafka, and from Kafka through a consumer's inbox.
//! Needs `scripts/engines kafka`.
//!
//! `cargo run --release -p souk-flow --example relay -- 100000`
#![allow(clippy::unwrap_used)] // a measurement may panic

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use souk_db::{Db, Migrations, RowExt, Tx};
use souk_flow::{Broker, Consumer, Envelope, EventLog, Outbox, Source, run_consumer, run_relay};
use souk_kafka::Kafka;
use souk_kernel::{Event, Problem};
use souk_postgres::TestDb;
use souk_runtime::Tasks;
use uuid::Uuid;

const OWNER: Migrations = Migrations { schema: "shop", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] };
const READER: Migrations = Migrations { schema: "mail", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] };
/// Events of one transaction of the backlog.
const BATCH: usize = 1000;

/// About as large as an order placed with three lines.
#[derive(Serialize, Deserialize)]
struct Placed {
    order: Uuid,
    version: i64,
    padding: String,
}

impl Event for Placed {
    const TYPE: &'static str = "shop.placed.v1";
    fn aggregate(&self) -> Uuid {
        self.order
    }
    fn version(&self) -> i64 {
        self.version
    }
}

struct Counter(AtomicUsize);

#[async_trait]
impl Consumer for Counter {
    fn name(&self) -> &'static str {
        "mail.counter"
    }
    fn sources(&self) -> &'static [Source] {
        &[Source { schema: "shop", types: &[Placed::TYPE] }]
    }
    async fn apply(&self, _: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        self.0.fetch_add(events.len(), Ordering::SeqCst);
        Ok(())
    }
}

async fn fill(shop: &Db, events: usize) {
    let outbox = Outbox::new(shop);
    for first in (0..events).step_by(BATCH) {
        let size = BATCH.min(events - first);
        let placed = || Placed { order: Uuid::new_v4(), version: 1, padding: "x".repeat(600) };
        let tx = shop.begin().await.unwrap();
        outbox.push_all(&tx, &std::iter::repeat_with(placed).take(size).collect::<Vec<_>>()).await.unwrap();
        outbox.commit(tx).await.unwrap();
    }
}

async fn until(mut done: impl AsyncFnMut() -> bool) {
    while !done().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::main]
async fn main() {
    let events: usize = std::env::args().nth(1).map_or(100_000, |count| count.parse().unwrap());
    let test = TestDb::new(&[&OWNER, &READER]).await;
    let (shop, mail) = (test.db("shop").await, test.db("mail").await);
    let broker = souk_engines::Kafka::start().await.unwrap();
    fill(&shop, events).await;
    println!("backlog of {events} events is there");

    let tasks = Tasks::new();
    let kafka: Arc<dyn Broker> = Arc::new(Kafka::connect(&tasks, &[broker.address()], "bench").unwrap());
    let started = Instant::now();
    run_relay(&tasks, &shop, "shop", &kafka);
    let sql = "select coalesce(sum(seq), 0)::bigint as published from consumer_cursor where consumer like 'relay:%'";
    until(async || {
        let published: i64 = shop.primary().query_one(sql, &[]).await.unwrap().get_col("published").unwrap();
        published >= events as i64
    })
    .await;
    say("relayed and recorded", events, started);

    let counter = Arc::new(Counter(AtomicUsize::new(0)));
    let started = Instant::now();
    run_consumer(&tasks, &mail, &EventLog::Broker(kafka), counter.clone());
    until(async || counter.0.load(Ordering::SeqCst) >= events).await;
    say("consumed through the inbox", events, started);
    tasks.drain(Duration::from_secs(20)).await.unwrap();
}

fn say(what: &str, events: usize, started: Instant) {
    let took = started.elapsed();
    println!(
        "{what}: {events} events in {:.2} s, {:.0} events/s",
        took.as_secs_f64(),
        events as f64 / took.as_secs_f64()
    );
}
