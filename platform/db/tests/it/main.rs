//! Integration tests of souk-db against a real PostgreSQL: what it does on the wire, and what it leaves behind.
#![allow(clippy::unwrap_used)] // a test may panic

mod failover;
mod migrate;
mod notify;
mod pooler;
mod reads;
mod replicas;
mod tls;
mod tx;

use souk_db::{Db, Migrations};
use souk_postgres::TestDb;

/// A schema like a service's: named constraints, a deferred one, an outbox.
pub const SHOP: Migrations = Migrations {
    schema: "shop",
    files: &[
        (
            "0001_init",
            "create table item (
                 id bigint primary key,
                 sku text not null constraint item_sku_unique unique,
                 stock int not null constraint item_stock_not_negative check (stock >= 0)
             );
             create table line (
                 item bigint not null constraint line_item_exists references item (id) deferrable initially immediate
             );",
        ),
        ("0002_outbox", "create table outbox (id bigint primary key, body text not null);"),
    ],
};

/// Another service beside it.
pub const OTHER: Migrations = Migrations { schema: "other", files: &[("0001_init", "create table thing (id int);")] };

pub async fn shop() -> (TestDb, Db) {
    let test = TestDb::new(&[&SHOP, &OTHER]).await;
    let db = test.db("shop").await;
    (test, db)
}

pub async fn count(db: &Db) -> i64 {
    let row = db.primary().query_one("select count(*) from item", &[]).await.expect("counting");
    souk_db::RowExt::get_col(&row, 0).expect("a count")
}

pub const INSERT: &str = "insert into item (id, sku, stock) values ($1, $2, $3)";
