use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use souk_db::{DbError, Login, RowExt, assert_all_prepare};
use souk_postgres::{TestDb, TestServer};

use crate::{INSERT, OTHER, SHOP, count, shop};

#[tokio::test]
async fn databases_are_alone_and_many_at_once_work() {
    let run = |n: i64| async move {
        let (_test, db) = shop().await;
        db.write_one(INSERT, &[&n, &"same", &1i32]).await.unwrap();
        assert_eq!(count(&db).await, 1);
    };
    futures_util::future::join_all((0..12).map(run)).await;
}

#[tokio::test]
async fn a_service_has_no_rights_on_another_schema() {
    let (test, db) = shop().await;
    db.write_one("create table made_later (id int)", &[]).await.expect("partitions are made by the service itself");
    let other = test.db("other").await;
    let denied = other.primary().query("select * from shop.item", &[]).await.unwrap_err();
    assert!(matches!(&denied, DbError::Other(text) if text.contains("42501")), "{denied}");
    let denied = other.primary().query("select * from shop.outbox", &[]).await.unwrap_err();
    assert!(matches!(&denied, DbError::Other(text) if text.contains("42501")), "{denied}");
    souk_db::grant_outbox_read(&test.url(), "shop", "other").await.unwrap();
    other.primary().query("select * from shop.outbox", &[]).await.unwrap();
    other.primary().query("select * from shop.item", &[]).await.expect_err("only the outbox");
    other.write_one("delete from shop.outbox", &[]).await.expect_err("only reading");
}

#[tokio::test]
async fn a_dropped_one_is_removed_even_with_somebody_connected() {
    let test = TestDb::new(&[&SHOP]).await;
    let name = test.url().rsplit('/').next().unwrap().to_owned();
    let db = test.db("shop").await;
    db.ping().await.unwrap();
    drop(test);
    let server = TestServer::of_this_process().await.unwrap();
    let mut config = souk_db::DbConfig::new(server.url_of("postgres"), "pg_catalog").login(Login::AsIs);
    config.service = "looking".into();
    let admin = souk_db::Db::connect(config).await.unwrap();
    let gone = async {
        let sql = "select count(*) from pg_database where datname = $1";
        while admin.primary().query_one(sql, &[&name]).await.unwrap().get_col::<i64>(0).unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.expect("dropped");
}

#[tokio::test]
async fn statements_are_checked_against_the_schema() {
    let (_test, db) = shop().await;
    assert_all_prepare(&db, &[("insert", INSERT), ("all", "select id, sku from item where stock > $1")]).await;
    let checks = [("fine", INSERT), ("wrong", "select nothing from item"), ("syntax", "selec 1")];
    let checked = AssertUnwindSafe(assert_all_prepare(&db, &checks)).catch_unwind().await;
    let panic = checked.expect_err("two of them are wrong");
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("wrong") && text.contains("syntax") && !text.contains("fine:"), "{text}");
}

#[tokio::test]
async fn schemas_can_be_combined_freely() {
    let only = TestDb::new(&[&OTHER]).await;
    let db = only.superuser("other").await;
    db.primary().query("select * from thing", &[]).await.unwrap();
    db.primary().query("select * from shop.item", &[]).await.expect_err("not asked for");
}

/// Run by the test below in a process of its own, which is then killed.
#[tokio::test]
async fn helper_that_is_killed() {
    let Ok(report) = std::env::var("SOUK_DB_TEST_REPORT") else { return };
    let (test, db) = shop().await;
    db.ping().await.unwrap();
    let row = db.primary().query_one("select current_setting('data_directory')", &[]).await;
    let dir: String = match row {
        Ok(row) => row.get_col(0).unwrap(),
        Err(_) => {
            let admin = test.superuser("shop").await;
            let row = admin.primary().query_one("select current_setting('data_directory')", &[]).await.unwrap();
            row.get_col(0).unwrap()
        }
    };
    std::fs::write(format!("{report}.new"), dir).unwrap();
    std::fs::rename(format!("{report}.new"), &report).unwrap();
    std::future::pending::<()>().await;
}

#[test]
fn a_killed_test_process_leaves_no_server_and_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["testdb::helper_that_is_killed", "--exact"])
        .env("SOUK_DB_TEST_REPORT", &report)
        // A server of its own, also where the others share one.
        .env_remove("SOUK_TEST_DATABASE_URL")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let until = |what: &str, done: &dyn Fn() -> bool| {
        let start = std::time::Instant::now();
        while !done() {
            assert!(start.elapsed().as_secs() < 30, "waited too long until {what}");
            std::thread::yield_now();
        }
    };
    until("the server runs", &|| report.exists());
    let cluster = std::path::PathBuf::from(std::fs::read_to_string(&report).unwrap());
    assert!(cluster.join("postmaster.pid").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    until("its directory is gone", &|| !cluster.exists());
}
