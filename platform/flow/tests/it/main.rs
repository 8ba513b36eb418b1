//! Durable flow on a real PostgreSQL, and on a real broker.
#![allow(clippy::unwrap_used)] // a test may panic

mod events;
mod jobs;
mod saga_steps;
mod sagas;
mod traces;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_db::{Db, Migrations};
use souk_kernel::Event;
use souk_postgres::TestDb;
use uuid::Uuid;

/// Something that owns events.
pub const OWNER: Migrations = Migrations {
    schema: "shop",
    files: &[souk_flow::TABLES, souk_flow::SAGAS, souk_flow::SAGA_STEPS, souk_flow::TRACE_CONTEXT],
};
/// Something that reads them, with a table for effects.
pub const READER: Migrations = Migrations {
    schema: "mail",
    files: &[
        souk_flow::TABLES,
        ("0001_effect", "create table effect (n bigserial, aggregate uuid, version bigint)"),
        souk_flow::TRACE_CONTEXT,
    ],
};

/// A fact to test with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happened {
    pub aggregate: Uuid,
    pub version: i64,
}

impl Event for Happened {
    const TYPE: &'static str = "shop.happened.v1";
    fn aggregate(&self) -> Uuid {
        self.aggregate
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// Within this, what is awaited happens; a test that hangs fails.
pub const SOON: Duration = Duration::from_secs(30);

/// An owner and a reader on one database.
pub async fn shop_and_mail() -> (TestDb, Db, Db) {
    let test = TestDb::new(&[&OWNER, &READER]).await;
    souk_db::grant_outbox_read(&test.url(), "shop", "mail").await.unwrap();
    let (shop, mail) = (test.db("shop").await, test.db("mail").await);
    (test, shop, mail)
}
