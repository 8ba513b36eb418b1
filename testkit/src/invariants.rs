//! The invariants that hold after every test: nothing is under way, nothing was lost or parked, and the books of order, inventory and
//! payment agree (I1 to I4, I6 of the promises).

use std::collections::BTreeMap;
use std::time::Duration;

use souk::Clients;
use souk::modules::{owner_of, roles, schema_of};
use souk_db::{Db, DbConfig, RowExt};
use souk_order_api::{ListOrders, Order, OrderPayment, OrderStatus};
use souk_payment_api::{ByOrder, PaymentStatus};
use souk_rpc::Cx;

use souk_eventually::eventually;

/// PROMISES: every checkout reaches an end within 60 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a shop's search index is. An embedded one keeps its place in the log itself, and `search-worker` has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// In each process that searches.
    Embedded,
    /// In OpenSearch.
    Shared,
}

/// Waits until nothing is under way, then panics with the invariants that do not hold.
pub async fn check(database_url: &str, clients: &Clients, index: Index) {
    check_within(PATIENCE, database_url, clients, index).await;
}

/// The same with less patience, for tests of the check itself.
pub async fn check_within(patience: Duration, database_url: &str, clients: &Clients, index: Index) {
    let db = Db::connect(one_connection(database_url)).await.unwrap();
    eventually("everything comes to an end", patience, || under_way(&db, index)).await;
    audit(&db, clients).await;
}

fn one_connection(url: &str) -> DbConfig {
    let mut config = DbConfig::new(url, "orders_of_tests");
    (config.read_connections, config.tx_connections) = (1, 1);
    config
}

fn quoted(schema: &str) -> String {
    format!("\"{schema}\"")
}

/// Statements are made of our own tables' names; the handle takes texts that live as long as the program, and there are
/// few of them.
async fn count(db: &Db, sql: String) -> i64 {
    let sql: &'static str = Box::leak(sql.into_boxed_str());
    let row = db.primary().query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    row.get_col(0).unwrap()
}

/// Schemas with sagas and events: not what the installation itself keeps.
fn of_services() -> impl Iterator<Item = &'static souk_db::Migrations> {
    souk::all_migrations().into_iter().filter(|set| set.files.iter().any(|(name, _)| *name == "0000_flow"))
}

/// What has not ended yet: sagas, and events that a consumer has not had.
async fn under_way(db: &Db, index: Index) -> Result<(), Vec<String>> {
    let mut open = Vec::new();
    for set in of_services() {
        let schema = quoted(set.schema);
        let sagas = count(db, format!("select count(*) from {schema}.saga where phase in ('forward', 'undo')")).await;
        if sagas > 0 {
            open.push(format!("{}: {sagas} unfinished sagas", set.schema));
        }
    }
    // The page cache keeps its place elsewhere. All workers note each event in their inbox.
    let idle = |name: &str| name == "search-worker" && index == Index::Embedded;
    for role in roles().filter(|role| role.name.ends_with("-worker") && !idle(role.name)) {
        let reader = quoted(schema_of(role.name).unwrap());
        for event_type in role.consumed_types() {
            let owner = quoted(owner_of(event_type));
            let sql = format!(
                "select count(*) from {owner}.outbox o where type = '{event_type}'
                 and not exists (select from {reader}.inbox i where i.event_id = o.id)"
            );
            let behind = count(db, sql).await;
            if behind > 0 {
                open.push(format!("{} has not had {behind} of {event_type}", role.name));
            }
        }
    }
    if open.is_empty() { Ok(()) } else { Err(open) }
}

async fn audit(db: &Db, clients: &Clients) {
    let cx = Cx::system("audit");
    for set in of_services() {
        let schema = quoted(set.schema);
        assert_eq!(
            count(db, format!("select count(*) from {schema}.dead_letter")).await,
            0,
            "{}: dead letters",
            set.schema
        );
        assert_eq!(
            count(db, format!("select count(*) from {schema}.job where dead")).await,
            0,
            "{}: dead jobs",
            set.schema
        );
    }
    let (orders, stock, money) = tokio::try_join!(
        clients.order.audit(&cx, souk_order_api::AuditRequest {}),
        clients.inventory.audit(&cx, souk_inventory_api::AuditRequest {}),
        clients.payment.audit(&cx, souk_payment_api::AuditRequest {}),
    )
    .unwrap();
    assert!(orders.unfinished_sagas.is_empty() && orders.wrong_totals.is_empty(), "I4, I6: {orders:?}");
    assert!(orders.tasks.is_empty(), "left to a person: {orders:?}");
    let empty = [&stock.balance_not_movements, &stock.reserved_not_reservations, &stock.out_of_bounds];
    assert!(empty.iter().all(|list| list.is_empty()), "I2: {stock:?}");
    let sold: i64 = orders.sold_units.iter().map(|line| line.units).sum();
    assert_eq!(
        sold,
        stock.reserved + stock.shipped,
        "I3: what was sold is what is held or shipped: {orders:?} {stock:?}"
    );
    assert!(money.unbalanced.is_empty() && money.wrong_amounts.is_empty(), "I1: {money:?}");
    assert!(money.differs_from_provider.is_empty(), "I1: {money:?}");
    paid_once(clients, &cx, &money.net_captured).await;
}

/// I4: each sale was paid exactly once and in full, nothing else was paid, and all of it is in the books.
async fn paid_once(clients: &Clients, cx: &Cx, net_captured: &[souk_kernel::Money]) {
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    let mut cursor = None;
    loop {
        let request = ListOrders { limit: souk_order_api::MAX_PAGE, cursor, status: None };
        let page = clients.order.list(cx, request).await.unwrap();
        for order in &page.items {
            let captured = captured_for(clients, cx, order).await;
            *taken.entry(order.total.currency.to_string()).or_default() += captured;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    taken.retain(|_, amount| *amount != 0);
    let in_books: BTreeMap<String, i64> =
        net_captured.iter().filter(|sum| sum.amount != 0).map(|sum| (sum.currency.to_string(), sum.amount)).collect();
    assert_eq!(taken, in_books, "I1, I4: what orders were paid with is what was taken");
}

/// What was taken and kept for an order; panics when that is not what its status says.
async fn captured_for(clients: &Clients, cx: &Cx, order: &Order) -> i64 {
    let payments = clients.payment.by_order(cx, ByOrder { order_id: order.id.0 }).await.unwrap().items;
    let kept: i64 = payments.iter().map(|payment| payment.captured.amount - payment.refunded.amount).sum();
    let held = payments.iter().filter(|payment| payment.status == PaymentStatus::Authorised).count();
    let context = format!("order {} ({:?}, {:?}): {payments:?}", order.number, order.status, order.payment_status);
    match order.status {
        OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => {
            assert_eq!(kept, order.total.amount, "I4: paid in full, once: {context}");
            assert_eq!(order.payment_status, OrderPayment::Captured, "{context}");
        }
        OrderStatus::Failed | OrderStatus::Cancelled => assert_eq!(kept, 0, "I4: nothing kept: {context}"),
        OrderStatus::Pending => panic!("I6: still pending: {context}"),
    }
    assert_eq!(held, 0, "I4: no money is held for good: {context}");
    kept
}
