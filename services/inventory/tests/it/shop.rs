//! Test fixture, a warehouse of one test: a database of its own, one or more processes of inventory on it, and verbs.

use std::sync::Arc;

use souk_db::Db;
use souk_inventory::{InventoryDeps, InventoryService, MIGRATIONS};
use souk_inventory_api::{
    Adjust, AdjustLine, Adjusted, Audit, AuditRequest, AvailabilityChanged, AvailabilityRequest, ByKey, Change,
    InventoryApi, InventoryClient, Reservation, Reserve, StockLine,
};
use souk_kernel::{Event, Problem};
use souk_postgres::TestDb;
use souk_rpc::Cx;
use souk_runtime::Tasks;
use uuid::Uuid;

/// One process of inventory.
pub struct Process {
    pub service: Arc<InventoryService>,
    pub client: InventoryClient,
    pub db: Db,
}

pub struct Shop {
    pub test_db: TestDb,
    pub tasks: Tasks,
}

impl Shop {
    pub async fn open() -> Shop {
        Shop { test_db: TestDb::new(&[&MIGRATIONS]).await, tasks: Tasks::new() }
    }

    pub async fn process(&self) -> Process {
        let db = self.test_db.db("inventory").await;
        let service = InventoryService::new(InventoryDeps { db: db.clone(), tasks: self.tasks.clone() });
        let client = InventoryClient::Local(service.clone());
        Process { service, client, db }
    }

    /// Behind the service's back.
    pub async fn sql(&self, sql: &'static str) -> u64 {
        self.test_db.superuser("inventory").await.write_one(sql, &[]).await.unwrap()
    }

    /// The events, from the outbox itself: its readers wait for older transactions, also those of other tests on this server.
    pub async fn availability_changes(&self) -> Vec<(String, bool, i64)> {
        let db = self.test_db.superuser("inventory").await;
        let sql = "select data::text, version from outbox where type = $1 order by xid, seq";
        let rows = db.primary().query(sql, &[&AvailabilityChanged::TYPE]).await.unwrap();
        let told = rows.iter().map(|row| {
            let fact: AvailabilityChanged = serde_json::from_str(row.get(0)).unwrap();
            assert_eq!(fact.version, row.get::<_, i64>(1));
            (fact.sku, fact.available, fact.version)
        });
        told.collect()
    }

    /// Makes every hold that is live now a past one: time passes for the database only.
    pub async fn holds_run_out(&self) -> u64 {
        self.sql("update reservation set expires_at = now() - interval '1 second' where status = 'held'").await
    }
}

pub fn cx() -> Cx {
    Cx::system("test")
}

pub fn order(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

impl Process {
    pub async fn stock(&self, skus: &[(&str, i64)]) -> Adjusted {
        let line = |(sku, units): &(&str, i64)| AdjustLine {
            product_id: Uuid::from_u128(9),
            sku: (*sku).to_owned(),
            change: Change::InitialIfNew(*units),
        };
        let lines = skus.iter().map(line).collect();
        self.client.adjust(&cx(), Adjust { lines, note: "test".into() }).await.unwrap()
    }

    pub async fn reserve(&self, n: u128, lines: &[(&str, u32)]) -> Result<Reservation, Problem> {
        let line = |(sku, quantity): &(&str, u32)| StockLine { sku: (*sku).to_owned(), quantity: *quantity };
        let lines = lines.iter().map(line).collect();
        self.client.reserve(&cx(), Reserve { key: order(n), lines, ttl_seconds: 900 }).await
    }

    pub async fn allocate(&self, n: u128) -> Result<Reservation, Problem> {
        self.client.allocate(&cx(), ByKey { key: order(n) }).await
    }

    pub async fn release(&self, n: u128) -> Result<Reservation, Problem> {
        self.client.release(&cx(), ByKey { key: order(n) }).await
    }

    pub async fn ship(&self, n: u128) -> Result<Reservation, Problem> {
        self.client.ship(&cx(), ByKey { key: order(n) }).await
    }

    pub async fn available(&self, sku: &str) -> i64 {
        let asked = AvailabilityRequest { skus: vec![sku.into()] };
        let found = self.client.availability(&cx(), asked).await.unwrap().items;
        found.first().map_or(0, |item| item.available)
    }

    pub async fn audit(&self) -> Audit {
        self.service.audit(&cx(), AuditRequest {}).await.unwrap()
    }

    /// The audit finds nothing wrong; what it counted comes back.
    pub async fn books_are_right(&self) -> Audit {
        let audit = self.audit().await;
        let totals =
            Audit { on_hand: audit.on_hand, reserved: audit.reserved, shipped: audit.shipped, ..Audit::default() };
        assert_eq!(audit, totals);
        audit
    }
}
