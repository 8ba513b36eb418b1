//! Integration tests of orders on a real PostgreSQL, with neighbours that can be told to misbehave.
#![allow(clippy::unwrap_used)] // a test may panic

mod abandoned;
mod batches;
mod checkout;
mod http;
mod neighbours;
mod replays;
mod rules;
mod secrets;
mod shown;
mod tasks;
mod unpaid;

use std::sync::Arc;
use std::time::Duration;

use souk_cart_api::CartFake;
use souk_db::RowExt;
use souk_eventually::eventually;
use souk_inventory_api::InventoryFake;
use souk_kernel::{Clock, Ids, Secret};
use souk_order::{MIGRATIONS, OrderDeps, OrderService};
use souk_order_api::{Checkout, OrderClient, PaymentMeans};
use souk_payment_api::PaymentFake;
use souk_postgres::TestDb;
use souk_pricing_api::PricingFake;
use souk_rpc::{Actor, Cx, fake_of};
use souk_runtime::Tasks;

use neighbours::Neighbours;

/// An order service among its neighbours.
pub struct Shop {
    pub test: TestDb,
    pub tasks: Tasks,
    pub service: Arc<OrderService>,
    pub client: OrderClient,
    pub neighbours: Arc<Neighbours>,
}

impl Shop {
    pub async fn open() -> Self {
        let test = TestDb::new(&[&MIGRATIONS]).await;
        let neighbours = Arc::new(Neighbours::default());
        let (tasks, service) = Self::process(&test, &neighbours).await;
        let client = OrderClient::Local(service.clone());
        Self { test, tasks, service, client, neighbours }
    }

    /// Another process of the same shop.
    pub async fn process(test: &TestDb, neighbours: &Arc<Neighbours>) -> (Tasks, Arc<OrderService>) {
        Self::on(test.db("order").await, neighbours)
    }

    /// The same on a database handle.
    pub fn on(db: souk_db::Db, neighbours: &Arc<Neighbours>) -> (Tasks, Arc<OrderService>) {
        let tasks = Tasks::new();
        let service = OrderService::new(OrderDeps {
            db,
            tasks: tasks.clone(),
            clock: Clock::system(),
            ids: Ids::random(),
            token_key: Secret::new([7; 32]),
            seal_key: Secret::new([8; 32]),
            require_expected_total: true,
            cart: fake_of!(neighbours, CartFake { for_checkout }).into(),
            pricing: fake_of!(neighbours, PricingFake { redeem, unredeem }).into(),
            inventory: fake_of!(neighbours, InventoryFake { reserve, allocate, release }).into(),
            payment: fake_of!(neighbours, PaymentFake { authorise, capture, void, refund, by_order }).into(),
            unpaid: souk_order::UnpaidLimits::default(),
        });
        (tasks, service)
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        let db = self.test.db("order").await;
        db.primary().query_one(sql, &[]).await.unwrap().get_col(0).unwrap()
    }

    /// All sagas have ended.
    pub async fn all_ended(&self) {
        let unfinished = "select count(*) from saga where phase in ('forward', 'undo')";
        eventually("every checkout ends", Duration::from_secs(60), async || self.count(unfinished).await == 0).await;
    }
}

pub fn guest(key: &str) -> Cx {
    Cx::new("test", Actor::Anonymous).with_key(key)
}

pub fn buy(cart: u128, token: &str) -> Checkout {
    Checkout {
        cart_id: souk_cart_api::CartId(uuid::Uuid::from_u128(cart)),
        payment: PaymentMeans { provider: "sandbox".into(), token: token.into() },
        cart_version: None,
        expected_total: None,
    }
}
