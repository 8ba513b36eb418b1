//! Test fixture: a notification service beside the outboxes of order and shipping, and what they may write.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use souk_cart_api::CartId;
use souk_db::{Db, Migrations, RowExt, grant_outbox_read};
use souk_eventually::eventually;
use souk_flow::{EventLog, Outbox, run_consumer};
use souk_kernel::{Currency, Event, ShopTime};
use souk_notification::{
    MIGRATIONS, MailTransport, NotificationDeps, NotificationService, ShopConfig, consumers, run_sender,
};
use souk_notification_api::{ByOrder, Delivery, DeliveryStatus, NotificationApi, NotificationClient};
use souk_order_api::{Order, OrderChanged, OrderId, OrderLine, OrderPayment, OrderPlaced, OrderStatus};
use souk_postgres::TestDb;
use souk_rpc::Cx;
use souk_runtime::Tasks;
use souk_shipping_api::{Address, Shipment, ShipmentId, ShipmentShipped, ShipmentStatus};
use uuid::Uuid;

const ORDER: Migrations = Migrations { schema: "order", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] };
const IDENTITY: Migrations = Migrations { schema: "identity", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] };
const SHIPPING: Migrations = Migrations { schema: "shipping", files: &[souk_flow::TABLES, souk_flow::TRACE_CONTEXT] };

pub struct World {
    pub service: Arc<NotificationService>,
    pub client: NotificationClient,
    pub db: Db,
    pub tasks: Tasks,
    order: Db,
    shipping: Db,
    identity: Db,
    _database: TestDb,
}

/// Within this, events are read and mails are sent.
pub const SOON: Duration = Duration::from_secs(20);

impl World {
    pub async fn new(transport: MailTransport) -> Self {
        let database = TestDb::new(&[&MIGRATIONS, &ORDER, &SHIPPING, &IDENTITY]).await;
        for owner in ["order", "shipping", "identity"] {
            grant_outbox_read(&database.url(), owner, "notification").await.unwrap();
        }
        let db = database.db("notification").await;
        let (order, shipping) = (database.db("order").await, database.db("shipping").await);
        let identity = database.db("identity").await;
        let shop = ShopConfig {
            name: "Souk".into(),
            public_url: "https://shop.example.org".into(),
            from: "shop@example.org".into(),
            reply_to: None,
            time: ShopTime::default(),
        };
        let service = NotificationService::new(NotificationDeps { db: db.clone(), shop, transport }).unwrap();
        let client = NotificationClient::Local(service.clone() as Arc<dyn NotificationApi>);
        Self { service, client, db, tasks: Tasks::new(), order, shipping, identity, _database: database }
    }

    /// Starts what the worker role runs.
    pub fn run(&self) {
        self.run_consumers();
        run_sender(&self.tasks, &self.service);
    }

    pub fn run_consumers(&self) {
        for consumer in consumers(&self.service) {
            run_consumer(&self.tasks, &self.db, &EventLog::Postgres, consumer);
        }
    }

    /// Ends it, and starts anew.
    pub async fn restart(&mut self) {
        self.tasks.drain(Duration::from_secs(10)).await.unwrap();
        self.tasks = Tasks::new();
        self.run();
    }

    pub async fn placed(&self, order: &Order) {
        let event = OrderPlaced {
            order: order.clone(),
            cart_id: CartId(Uuid::nil()),
            cart_version: None,
            token: "order-token".into(),
        };
        push(&self.order, &event).await;
    }

    pub async fn changed(&self, order: &Order, status: OrderStatus, previous: OrderStatus) {
        let order = Order { status, version: order.version + 1, ..order.clone() };
        push(&self.order, &OrderChanged { order, previous }).await;
    }

    pub async fn shipped(&self, order: &Order, parcel: u128, number: &str) {
        let shipment = Shipment {
            id: ShipmentId(Uuid::from_u128(parcel)),
            order_id: order.id.0,
            status: ShipmentStatus::Shipped,
            carrier: Some("DHL".into()),
            tracking_number: Some(number.into()),
            shipped_at: order.placed_at,
            delivered_at: None,
        };
        push(&self.shipping, &ShipmentShipped { shipment, version: i64::try_from(parcel).unwrap() }).await;
    }

    /// An event of identity.
    pub async fn of_account<E: Event>(&self, event: &E) {
        push(&self.identity, event).await;
    }

    pub async fn deliveries(&self, order: &Order) -> Vec<Delivery> {
        self.client.by_order(&Cx::system("test"), ByOrder { order_id: order.id.0 }).await.unwrap().items
    }

    /// Waits until the order has `count` messages that are all `status`.
    pub async fn wait(&self, order: &Order, count: usize, status: DeliveryStatus) -> Vec<Delivery> {
        eventually(&format!("{count} times {status:?}"), SOON, async || {
            let found = self.deliveries(order).await;
            let all = found.len() == count && found.iter().all(|delivery| delivery.status == status);
            if all { Ok(found) } else { Err(found) }
        })
        .await
    }

    /// Waits until every event written so far was read, also those that are read again.
    pub async fn drained(&self) {
        let sql = "select count(*) from consumer_cursor c
            where (c.source = 'order' and c.xid < (select coalesce(max(xid), '0') from \"order\".outbox))
               or (c.source = 'shipping' and c.xid < (select coalesce(max(xid), '0') from shipping.outbox))
               or (c.source = 'identity' and c.xid < (select coalesce(max(xid), '0') from identity.outbox))";
        eventually("events are read", SOON, async || {
            self.count(sql).await == 0 && self.count("select count(*) from consumer_cursor").await >= 3
        })
        .await;
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        self.db.primary().query_one(sql, &[]).await.unwrap().get_col(0).unwrap()
    }
}

async fn push<E: Event>(db: &Db, event: &E) {
    let outbox = Outbox::new(db);
    let mut tx = db.begin().await.unwrap();
    #[allow(clippy::unnecessary_mut_passed)]
    outbox.push(&mut tx, event).await.unwrap();
    outbox.commit(tx).await.unwrap();
}

pub fn folder(directory: &Path) -> MailTransport {
    MailTransport::Folder(directory.join("mail"))
}

/// The mails in the folder, by name.
pub fn mails(directory: &Path) -> Vec<(PathBuf, String)> {
    let Ok(entries) = std::fs::read_dir(directory.join("mail")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap())).collect()
}

pub fn order(number: u128, email: &str) -> Order {
    let eur = |cents| Currency::EUR.of(cents);
    let line = OrderLine {
        product_id: Uuid::nil(),
        sku: "CUP-1".into(),
        title: "Cup & saucer".into(),
        options: "Blue".into(),
        image: String::new(),
        slug: "cup".into(),
        quantity: 2,
        unit_price: eur(999),
        total: eur(1998),
        discount: eur(0),
        tax: eur(319),
        tax_rate: 1900,
    };
    let address = Address {
        name: "Ada Lovelace".into(),
        line1: "1 Street".into(),
        city: "Berlin".into(),
        postal_code: "10115".into(),
        country: "DE".into(),
        ..Address::default()
    };
    Order {
        id: OrderId(Uuid::from_u128(number)),
        number: format!("S-{number}"),
        status: OrderStatus::Confirmed,
        payment_status: OrderPayment::Authorised,
        customer_id: None,
        email: email.into(),
        shipping_address: address,
        shipping_name: "Standard".into(),
        lines: vec![line],
        coupons: Vec::new(),
        subtotal: eur(1998),
        discount: eur(0),
        shipping: eur(490),
        tax: eur(397),
        total: eur(2488),
        failure: None,
        shipments: Vec::new(),
        version: 1,
        placed_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}
