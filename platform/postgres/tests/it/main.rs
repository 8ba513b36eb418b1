//! Integration tests of souk-postgres with real servers: what a start leaves behind, and what a test gets.
#![allow(clippy::unwrap_used)] // a test may panic

mod managed;
mod shared;
mod testdb;

use souk_db::{Db, Migrations, RowExt};
use souk_postgres::TestDb;

/// A schema like a service's.
pub const SHOP: Migrations = Migrations {
    schema: "shop",
    files: &[(
        "0001_init",
        "create table item (id bigint primary key, sku text not null, stock int not null);
         create table outbox (id bigint primary key, body text not null);",
    )],
};

/// Another service beside it.
pub const OTHER: Migrations = Migrations { schema: "other", files: &[("0001_init", "create table thing (id int);")] };

pub async fn shop() -> (TestDb, Db) {
    let test = TestDb::new(&[&SHOP, &OTHER]).await;
    let db = test.db("shop").await;
    (test, db)
}

pub async fn count(db: &Db) -> i64 {
    let row = db.primary().query_one("select count(*) from item", &[]).await.unwrap();
    row.get_col(0).unwrap()
}

pub const INSERT: &str = "insert into item (id, sku, stock) values ($1, $2, $3)";
