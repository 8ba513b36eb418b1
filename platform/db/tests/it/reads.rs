use std::time::{Duration, Instant};

use futures_util::future::join_all;
use souk_db::{Db, DbConfig, DbError, RowExt, WalPosition};
use souk_eventually::eventually;
use souk_postgres::TestDb;

use crate::shop;

/// A handle with as many connections as a service has, not as few as a test.
async fn as_a_service(test: &TestDb) -> Db {
    Db::connect(DbConfig::new(test.url(), "shop")).await.unwrap()
}

#[tokio::test]
async fn many_reads_share_few_connections() {
    let (test, _) = shop().await;
    let db = as_a_service(&test).await;
    let numbers: Vec<i64> = (0..500).collect();
    let reads = db.read(WalPosition::ANY);
    let answers = join_all(numbers.iter().map(|n| async move {
        let row = reads.query_one("select $1::bigint, pg_backend_pid()", &[n]).await.unwrap();
        (row.get_col::<i64>(0).unwrap(), row.get_col::<i32>(1).unwrap())
    }))
    .await;
    assert_eq!(answers.iter().map(|(n, _)| *n).collect::<Vec<_>>(), numbers, "answers belong to their questions");
    let mut pids: Vec<i32> = answers.iter().map(|(_, pid)| *pid).collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 2);
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'shop'";
    let admin = test.superuser("other").await;
    assert_eq!(admin.primary().query_one(sql, &[]).await.unwrap().get_col::<i64>(0).unwrap(), 2);
}

#[tokio::test]
async fn statements_are_pipelined() {
    let (test, _) = shop().await;
    let mut config = DbConfig::new(test.url(), "shop");
    config.read_connections = 1;
    let db = Db::connect(config).await.unwrap();
    let lock = async |key: i64| db.primary().query_one("select pg_advisory_lock($1)", &[&key]).await;
    let sleep = async |seconds: f64| db.primary().query_one("select pg_sleep($1)", &[&seconds]).await;
    // Both statements are prepared on the only connection from here on.
    lock(1).await.unwrap();
    sleep(0.0).await.unwrap();
    // Both are given up long before the first is answered: the server comes to the second only if that was sent already.
    tokio::select! {
        biased;
        answer = sleep(1.0) => panic!("{answer:?}"),
        answer = lock(2) => panic!("{answer:?}"),
        () = tokio::time::sleep(Duration::from_millis(200)) => {}
    }
    let admin = test.superuser("other").await;
    let locks = "select count(*) from pg_locks where locktype = 'advisory' and objid = 2 and granted";
    eventually("the second statement runs", Duration::from_secs(20), || async {
        let count: i64 = admin.primary().query_one(locks, &[]).await.unwrap().get_col(0).unwrap();
        if count == 1 { Ok(()) } else { Err(count) }
    })
    .await;
}

#[tokio::test]
async fn writes_are_refused_on_reads() {
    let (_test, db) = shop().await;
    let error = db.primary().query("insert into item values (1, 'a', 1) returning id", &[]).await.unwrap_err();
    assert!(matches!(&error, DbError::Other(text) if text.contains("read-only")), "{error}");
}

#[tokio::test]
async fn connections_that_broke_are_replaced_before_anybody_notices() {
    let (test, _) = shop().await;
    let db = as_a_service(&test).await;
    let admin = test.superuser("other").await;
    let kill = "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
                where datname = current_database() and application_name = 'shop'";
    for _ in 0..3 {
        join_all((0..4).map(|_| async { db.primary().query("select 1", &[]).await.unwrap() })).await;
        let killed: i64 = admin.write_returning(kill, &[]).await.unwrap()[0].get_col(0).unwrap();
        assert_eq!(killed, 2);
        for _ in 0..4 {
            db.primary().query("select 1", &[]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_read_whose_connection_breaks_under_it_is_asked_again() {
    let (_test, db) = shop().await;
    db.warm_up().await.unwrap();
    let now: String = db.primary().query_one("select clock_timestamp()::text", &[]).await.unwrap().get_col(0).unwrap();
    // Ends its own connection, unless that is younger than `now`.
    let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where pid = pg_backend_pid() and backend_start < $1::text::timestamptz";
    let row = db.primary().query_one(sql, &[&now]).await.expect("the second attempt has a new connection");
    assert_eq!(row.get_col::<i64>(0).unwrap(), 0);
}

#[tokio::test]
async fn built_statements_are_cached_within_a_bound() {
    let (_test, db) = shop().await;
    for n in 0..600 {
        let rows = db.primary().query_dynamic(&format!("select {n} as n{n}"), &[]).await.unwrap();
        assert_eq!(rows[0].get_col::<i32>(0).unwrap(), n);
    }
    let row = db.primary().query_one("select count(*) from pg_prepared_statements", &[]).await.unwrap();
    let kept = row.get_col::<i64>(0).unwrap();
    assert!((1..=140).contains(&kept), "{kept} statements are kept on a connection");
}

#[tokio::test]
async fn a_database_that_is_away_fails_requests_quickly_and_not_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("postgresql://souk@{}/souk", dir.path().display().to_string().replace('/', "%2F"));
    let db = Db::connect(DbConfig::new(url, "shop")).await.unwrap();
    let start = Instant::now();
    let errors = join_all((0..100).map(|_| db.ping())).await;
    assert!(errors.iter().all(|error| matches!(error, Err(DbError::Unavailable(_)))), "{errors:?}");
    assert!(matches!(db.begin().await, Err(DbError::Unavailable(_))));
    assert!(matches!(db.write_one("select 1", &[]).await, Err(DbError::Unavailable(_))), "never sent, so known");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgresql://souk@127.0.0.1:{port}/souk");
    let db = Db::connect(DbConfig::new(url, "shop")).await.unwrap();
    let start = Instant::now();
    // All of them share two attempts; in a row they would take minutes.
    let errors = join_all((0..50).map(|_| db.ping())).await;
    assert!(errors.iter().all(|error| matches!(error, Err(DbError::Unavailable(_)))));
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
}
