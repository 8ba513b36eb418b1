//! Invariants of money and stock, on a real database with the services' own tables: they hold on an empty shop, and each is
//! seen broken.

use souk_bench::limits::{pgbench, select_router};
use souk_bench::store::Store;
use souk_db::Migrations;
use souk_postgres::TestDb;

use crate::fake::serve;

const SETS: &[&Migrations] = &[&souk_order::MIGRATIONS, &souk_inventory::MIGRATIONS, &souk_payment::MIGRATIONS];
const ORDER: &str = "insert into \"order\".orders (id, number, status, payment_status, cart_id, email, shipping_address,
    shipping_name, lines, coupons, currency, subtotal, discount, shipping, tax, total, version, placed_at, updated_at)
    values ((select \"order\".uuid_at(now())), '1', 'confirmed', 'captured', gen_random_uuid(), 'bench-1-checkout-7@example.com',
    '{}', '', '[]', '[]', 'EUR', 100, 0, 0, 0, 100, 1, now(), now())";
const PAYMENT: &str = "insert into payment.payment (payment_id, order_id, provider, hold, currency, amount, authorised,
    captured, refunded, version, created_at, updated_at)
    select gen_random_uuid(), id, 'sandbox', 'authorised', 'EUR', 100, 100, 100, 0, 2, now(), now() from \"order\".orders";
const JOURNAL: &str = "insert into payment.journal
    select payment_id, v, l, e, d, c, 100, 'EUR', now() from payment.payment, (values
        (1, 1, 'authorise', 'psp_hold', 'customer_authorised'), (2, 1, 'capture', 'customer_authorised', 'psp_hold'),
        (2, 2, 'capture', 'psp_receivable', 'sales')) as lines (v, l, e, d, c)";
const STOCK: &str = "insert into inventory.stock (sku, warehouse_id, stock_id, product_id, on_hand, reserved)
    select 'a b', id, gen_random_uuid(), gen_random_uuid(), 5, 2 from inventory.warehouse";
const MOVED: &str = "insert into inventory.movement (warehouse_id, sku, delta, reason)
    select id, 'a b', 5, 'initial' from inventory.warehouse";
const RESERVED: &str = "insert into inventory.reservation (key, warehouse_id, status, lines)
    select gen_random_uuid(), id, 'allocated', '{\"a b\": 2}' from inventory.warehouse";
const SAGA: &str = "insert into \"order\".saga (id, kind, state, phase, lease_until)
    values (gen_random_uuid(), 'checkout', '{}', 'forward', now())";

async fn broken(store: &Store) -> Vec<String> {
    let all = store.invariants().await.unwrap();
    all.into_iter().filter(|rule| rule.broken > 0).map(|rule| rule.rule).collect()
}

#[tokio::test]
async fn rules_hold_in_a_sound_shop_and_each_is_seen_broken() {
    let db = TestDb::new(SETS).await;
    let (admin, store) = (db.superuser("public").await, Store::connect(&db.url()).await.unwrap());
    for sql in [ORDER, PAYMENT, JOURNAL, STOCK, MOVED, RESERVED] {
        assert!(admin.write_one(sql, &[]).await.unwrap() > 0);
    }
    assert_eq!(broken(&store).await, Vec::<String>::new());
    assert_eq!(store.confirmed("bench-1-checkout-").await.unwrap(), 1);
    assert_eq!(store.confirmed("bench-1-journey-").await.unwrap(), 0);
    assert_eq!(store.unfinished().await.unwrap(), 0);
    admin.write_one(SAGA, &[]).await.unwrap();
    assert_eq!(store.unfinished().await.unwrap(), 1);

    for (harm, mend, rule) in [
        (
            "update \"order\".orders set total = 101, shipping = 1",
            "update \"order\".orders set total = 100, shipping = 0",
            "every captured order's total",
        ),
        (
            "update payment.payment set order_id = gen_random_uuid()",
            "update payment.payment set order_id = (select id from \"order\".orders)",
            "captured without an order",
        ),
        (
            "update \"order\".orders set payment_status = 'voided'",
            "update \"order\".orders set payment_status = 'captured'",
            "no confirmed order without money",
        ),
        (
            "update payment.journal set amount = 99 where credit = 'sales'",
            "update payment.journal set amount = 100",
            "the journal balances",
        ),
        ("update payment.journal set amount = 99", "update payment.journal set amount = 100", "what the journal says"),
        ("update inventory.stock set on_hand = 6", "update inventory.stock set on_hand = 5", "sum of movements"),
        ("update inventory.stock set reserved = 1", "update inventory.stock set reserved = 2", "live reservations"),
    ] {
        admin.write_one(harm, &[]).await.unwrap();
        let found = broken(&store).await;
        assert!(found.iter().any(|broken| broken.contains(rule)), "{harm}: {found:?}");
        admin.write_one(mend, &[]).await.unwrap();
        assert_eq!(broken(&store).await, Vec::<String>::new(), "{mend}");
    }
}

#[tokio::test]
async fn the_server_tells_its_version_its_process_and_its_writes() {
    let db = TestDb::new(SETS).await;
    let (admin, store) = (db.superuser("public").await, Store::connect(&db.url()).await.unwrap());
    assert!(store.server().await.unwrap().contains("fsync"));
    assert!(store.postmaster().await.is_some_and(|pid| pid > 1));
    let before = store.writes().await.unwrap();
    admin.write_one("create table t (n int)", &[]).await.unwrap();
    assert!(store.writes().await.unwrap().since(before).transactions >= 1);
}

#[tokio::test]
async fn the_bare_select_answers_as_the_shop_does() {
    let db = TestDb::new(SETS).await;
    db.superuser("public").await.write_one(STOCK, &[]).await.unwrap();
    let server = serve(select_router(db.superuser("inventory").await)).await;
    assert_eq!(souk_bench::scenario::units_of(&server.target, "a b").await.unwrap(), 3);
}

#[tokio::test]
async fn pgbench_runs_in_a_database_of_its_own_that_is_gone_afterwards() {
    let db = TestDb::new(SETS).await;
    let figures = pgbench(&db.url(), 1).await.unwrap().expect("pgbench comes with PostgreSQL");
    assert!(figures.select_only > 0.0 && figures.tpc_b > 0.0, "{figures:?}");
    let admin = db.superuser("public").await;
    let left = admin.primary().query("select from pg_database where datname like 'souk_pgbench_%'", &[]).await.unwrap();
    assert!(left.is_empty());
}
