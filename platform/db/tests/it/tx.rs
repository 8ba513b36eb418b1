use std::time::{Duration, Instant};

use futures_util::{FutureExt, SinkExt};
use souk_db::{Counters, Db, DbConfig, DbError, RowExt, Tx, WalPosition};
use souk_eventually::eventually;

use crate::{INSERT, count, shop};

async fn insert(db: &Db, id: i64, sku: &str, stock: i32) -> Result<u64, DbError> {
    db.write_one(INSERT, &[&id, &sku, &stock]).await
}

#[tokio::test]
async fn commit_keeps_rollback_and_drop_do_not() {
    let (_test, db) = shop().await;
    let tx = db.begin().await.unwrap();
    assert_eq!(tx.execute(INSERT, &[&1i64, &"a", &1i32]).await.unwrap(), 1);
    assert_eq!(count(&db).await, 0, "not visible before the commit");
    assert_eq!(
        tx.commit_position().await.unwrap(),
        WalPosition::ANY,
        "nobody reads from replicas, so nothing is asked"
    );
    assert_eq!(count(&db).await, 1);

    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, &[&2i64, &"b", &1i32]).await.unwrap();
    tx.rollback().await.unwrap();
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, &[&3i64, &"c", &1i32]).await.unwrap();
    drop(tx);
    // On the connection that was just given back: in no transaction, and the row is gone.
    let tx = db.begin().await.unwrap();
    let row = tx.query_one("select count(*), pg_current_xact_id_if_assigned() is null from item", &[]).await.unwrap();
    assert_eq!((row.get_col::<i64>(0).unwrap(), row.get_col::<bool>(1).unwrap()), (1, true));
}

#[tokio::test]
async fn a_transaction_is_one_even_for_its_first_statement() {
    let (_test, db) = shop().await;
    // Were BEGIN sent late or not at all, the first insert would stay.
    for begin in ["plain", "relaxed"] {
        let tx = match begin {
            "plain" => db.begin().await.unwrap(),
            _ => db.begin_relaxed().await.unwrap(),
        };
        tx.execute(INSERT, &[&1i64, &"a", &1i32]).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(count(&db).await, 0, "{begin}");
    }
}

#[tokio::test]
async fn relaxed_transactions_say_so_and_only_they() {
    let (_test, db) = shop().await;
    const SHOW: &str = "select current_setting('synchronous_commit'), current_setting('search_path')";
    let tx = db.begin_relaxed().await.unwrap();
    let row = tx.query_one(SHOW, &[]).await.unwrap();
    assert_eq!(row.get_col::<&str>(0).unwrap(), "off");
    assert_eq!(row.get_col::<&str>(1).unwrap(), "shop");
    tx.commit().await.unwrap();
    // The throw-away server has it off for all sessions: turn it on for this session to see the difference.
    let tx = db.begin().await.unwrap();
    tx.batch_execute("SET synchronous_commit TO on").await.unwrap();
    tx.commit().await.unwrap();
    for (relaxed, expected) in [(true, "off"), (false, "on"), (true, "off")] {
        let tx = if relaxed { db.begin_relaxed().await.unwrap() } else { db.begin().await.unwrap() };
        assert_eq!(tx.query_one(SHOW, &[]).await.unwrap().get_col::<&str>(0).unwrap(), expected);
        tx.commit().await.unwrap();
    }
    let rows =
        db.write_relaxed("insert into item values (9, 'z', 1) returning current_setting('synchronous_commit')", &[]);
    assert_eq!(rows.await.unwrap()[0].get_col::<&str>(0).unwrap(), "off");
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn statements_awaited_together_go_out_in_order_in_one_round_trip() {
    let (_test, db) = shop().await;
    let tx = db.begin().await.unwrap();
    // The second needs what the first did; both were sent before either was answered.
    let (first, second) = tokio::join!(
        biased;
        tx.execute(INSERT, &[&1i64, &"a", &1i32]),
        tx.execute("insert into line (item) values (1)", &[]),
    );
    assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
    tx.commit().await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn constraints_come_back_by_name() {
    let (_test, db) = shop().await;
    insert(&db, 1, "a", 1).await.unwrap();
    let error = insert(&db, 2, "a", 1).await.unwrap_err();
    assert!(error.is_unique("item_sku_unique"), "{error}");
    let error = insert(&db, 2, "b", -1).await.unwrap_err();
    assert!(matches!(error, DbError::Check { .. }) && error.constraint() == Some("item_stock_not_negative"), "{error}");
    let error = db.write_one("insert into line (item) values (77)", &[]).await.unwrap_err();
    assert!(matches!(&error, DbError::ForeignKey { constraint, .. } if constraint == "line_item_exists"), "{error}");
    let error = db.write_one("insert into item values (5, null, 1)", &[]).await.unwrap_err();
    assert!(matches!(&error, DbError::NotNull { column, .. } if column == "sku"), "{error}");
    let error = db.write_one("insert into nowhere values (1)", &[]).await.unwrap_err();
    assert!(matches!(&error, DbError::Other(text) if text.contains("nowhere") && text.contains("42P01")), "{error}");

    // A deferred constraint speaks up at COMMIT.
    let tx = db.begin().await.unwrap();
    tx.batch_execute("set constraints line_item_exists deferred").await.unwrap();
    tx.execute("insert into line (item) values (78)", &[]).await.unwrap();
    let error = tx.commit().await.unwrap_err();
    assert_eq!(error.constraint(), Some("line_item_exists"));
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn rows_missing_too_many_and_of_the_wrong_type_are_errors() {
    let (_test, db) = shop().await;
    let tx = db.begin().await.unwrap();
    assert!(matches!(tx.query_one("select 1 where false", &[]).await, Err(DbError::RowMissing(_))));
    assert!(tx.query_opt("select 1 where false", &[]).await.unwrap().is_none());
    assert!(matches!(tx.query_opt("select generate_series(1, 2)", &[]).await, Err(DbError::Other(_))));
    let row = tx.query_one("select 1::bigint as n, null::text as t", &[]).await.unwrap();
    assert_eq!(row.get_col::<i64>("n").unwrap(), 1);
    assert_eq!(row.get_col::<Option<String>>("t").unwrap(), None);
    for error in [
        row.get_col::<i32>("n").unwrap_err(),
        row.get_col::<i64>("m").unwrap_err(),
        row.get_col::<String>("t").unwrap_err(),
    ] {
        assert!(matches!(error, DbError::Column { .. }), "{error}");
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_failed_transaction_cannot_be_committed_by_oversight() {
    let (_test, db) = shop().await;
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, &[&1i64, &"a", &1i32]).await.unwrap();
    tx.execute(INSERT, &[&1i64, &"a", &1i32]).await.unwrap_err();
    let error = tx.commit().await.unwrap_err();
    assert!(matches!(&error, DbError::Other(text) if text.contains("cannot commit")), "{error}");
    // The same through the raw client, where nothing is tracked.
    let tx = db.begin().await.unwrap();
    tx.client().batch_execute("insert into item values (2, 'b', 1)").await.unwrap();
    tx.client().batch_execute("insert into item values (2, 'b', 1)").await.unwrap_err();
    tx.commit().await.unwrap_err();
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn the_raw_client_is_inside_the_transaction() {
    let (_test, db) = shop().await;
    let tx = db.begin().await.unwrap();
    assert_eq!(copy(&tx).await, 2);
    drop(tx);
    let tx = db.begin().await.unwrap();
    assert_eq!(tx.query_one("select count(*) from item", &[]).await.unwrap().get_col::<i64>(0).unwrap(), 0);
    assert_eq!(copy(&tx).await, 2);
    tx.commit().await.unwrap();
    assert_eq!(count(&db).await, 2);
}

async fn copy(tx: &Tx) -> u64 {
    let sink = tx.client().copy_in("copy item (id, sku, stock) from stdin").await.expect("COPY begins");
    let mut sink = std::pin::pin!(sink);
    sink.send(bytes::Bytes::from_static(b"1\ta\t5\n2\tb\t6\n")).await.expect("two lines go out");
    sink.finish().await.expect("COPY ends")
}

#[tokio::test]
async fn savepoints_undo_and_keep() {
    let (_test, db) = shop().await;
    let mut tx = db.begin().await.unwrap();
    tx.savepoint().await.unwrap();
    tx.execute(INSERT, &[&1i64, &"a", &1i32]).await.unwrap();
    tx.savepoint().await.unwrap();
    tx.execute(INSERT, &[&2i64, &"b", &1i32]).await.unwrap();
    tx.execute(INSERT, &[&2i64, &"b", &1i32]).await.unwrap_err();
    tx.rollback_to().await.unwrap();
    tx.savepoint().await.unwrap();
    tx.execute(INSERT, &[&3i64, &"c", &1i32]).await.unwrap();
    tx.release().await.unwrap();
    tx.release().await.unwrap();
    tx.rollback_to().await.unwrap_err();
    tx.commit().await.unwrap();
    let rows = db.primary().query("select id from item order by id", &[]).await.unwrap();
    let ids: Vec<i64> = rows.iter().map(|row| row.get_col(0).unwrap()).collect();
    assert_eq!(ids, [1, 3]);
}

#[tokio::test]
async fn a_stale_plan_is_prepared_again() {
    let (test, db) = shop().await;
    const ALL: &str = "select * from item";
    insert(&db, 1, "a", 1).await.unwrap();
    let read = || async { db.primary().query(ALL, &[]).await };
    let first = || async {
        let tx = db.begin().await.unwrap();
        tx.query(ALL, &[]).await.unwrap().len()
    };
    // All connections have it prepared.
    for _ in 0..4 {
        assert_eq!(read().await.unwrap()[0].len(), 3);
    }
    assert_eq!(first().await, 1);
    let owner = test.superuser("shop").await;
    owner.write_one("alter table item add column note text", &[]).await.unwrap();
    for _ in 0..4 {
        assert_eq!(read().await.unwrap()[0].len(), 4, "outside a transaction nobody notices");
    }
    assert_eq!(first().await, 1, "as first statement of a transaction neither");

    owner.write_one("alter table item add column more text", &[]).await.unwrap();
    let tx = db.begin().await.unwrap();
    tx.query("select 1", &[]).await.unwrap();
    let error = tx.query(ALL, &[]).await.unwrap_err();
    assert!(error.is_retryable() && matches!(error, DbError::Serialization(_)), "{error}");
    drop(tx);
    let tx = db.begin().await.unwrap();
    tx.query("select 1", &[]).await.unwrap();
    assert_eq!(tx.query(ALL, &[]).await.unwrap()[0].len(), 5, "and the second attempt works");
    tx.commit().await.unwrap();

    owner.write_one("alter table item drop column more", &[]).await.unwrap();
    let rows = db.write_returning("insert into item values (2, 'b', 1) returning *", &[]).await.unwrap();
    assert_eq!(rows[0].len(), 4);
    // Statements can also vanish from the server, for instance behind a connection pooler.
    let tx = db.begin().await.unwrap();
    tx.batch_execute("deallocate all").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(first().await, 2);
}

#[tokio::test]
async fn an_exhausted_pool_says_so_in_time_and_recovers() {
    let (test, _) = shop().await;
    let mut config = DbConfig::new(test.url(), "shop");
    config.tx_connections = 2;
    let db = Db::connect(config).await.unwrap();
    let held = (db.begin().await.unwrap(), db.begin().await.unwrap());
    let start = Instant::now();
    let error = db.begin().await.err().unwrap();
    assert!(matches!(&error, DbError::Unavailable(text) if text.contains("became free")), "{error}");
    assert!((1..4).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    let (waiting, ()) = tokio::join!(db.begin(), async { drop(held) });
    waiting.unwrap().query("select 1", &[]).await.unwrap();
}

/// Waits until so many sessions of this database wait for a lock.
async fn until_waiting(admin: &Db, expected: i64) {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("sessions waiting for a lock", Duration::from_secs(4), async || {
        let row = admin.primary().query_one(sql, &[]).await.expect("looking at the sessions");
        row.get_col::<i64>(0).expect("a count") == expected
    })
    .await;
}

#[tokio::test]
async fn an_abandoned_statement_neither_keeps_its_locks_nor_spoils_its_connection() {
    let (test, db) = shop().await;
    insert(&db, 1, "a", 1).await.unwrap();
    let admin = test.superuser("shop").await;
    let blocker = admin.begin().await.unwrap();
    blocker.execute("update item set stock = 2 where id = 1", &[]).await.unwrap();

    // Two statements that wait for the blocker's lock, and whose callers go away.
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, &[&2i64, &"b", &1i32]).await.unwrap();
    tokio::select! {
        _ = tx.execute("update item set stock = 3 where id = 1", &[]) => panic!("nobody let it"),
        () = until_waiting(&admin, 1) => {}
    }
    let unfinished = tx.commit().await.unwrap_err();
    assert!(unfinished.to_string().contains("abandoned"), "{unfinished}");
    // It is gone from the server although the blocker never moved.
    until_waiting(&admin, 0).await;
    // A statement that is its own commit is not cancelled, because it may be committing: its timeout ends it.
    let mut config = DbConfig::new(test.url(), "shop");
    config.statement_timeout = Duration::from_secs(1);
    let hasty = Db::connect(config).await.unwrap();
    tokio::select! {
        _ = hasty.write_one("update item set stock = 4 where id = 1", &[]) => panic!("nobody let it"),
        () = until_waiting(&admin, 1) => {}
    }
    until_waiting(&admin, 0).await;
    insert(&hasty, 4, "d", 1).await.unwrap();
    blocker.commit().await.unwrap();
    let sql = "select stock, (select count(*) from item) from item where id = 1";
    let row = admin.primary().query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get_col::<i32>(0).unwrap(), row.get_col::<i64>(1).unwrap()), (2, 2));
    insert(&db, 3, "c", 1).await.unwrap();
}

#[tokio::test]
async fn a_future_dropped_before_its_answer_leaves_the_next_user_in_peace() {
    let (_test, db) = shop().await;
    for id in 0..50i64 {
        // Sent, and dropped at once.
        let tx = db.begin().await.unwrap();
        let sku = format!("x{id}");
        assert!(tx.execute(INSERT, &[&id, &sku, &1i32]).now_or_never().is_none());
        drop(tx);
        let tx = db.begin().await.unwrap();
        let sql = "select pg_current_xact_id_if_assigned() is null";
        assert!(tx.query_one(sql, &[]).await.unwrap().get_col::<bool>(0).unwrap());
    }
    assert_eq!(count(&db).await, 0);
}

const UPDATE: &str = "update item set stock = stock + 1 where id = $1";

async fn update_and_commit(tx: Tx, id: i64) -> Result<(), DbError> {
    tx.execute(UPDATE, &[&id]).await?;
    tx.commit().await.map(drop)
}

#[tokio::test]
async fn slow_statements_time_out_and_deadlocks_are_named() {
    let (test, db) = shop().await;
    let mut config = DbConfig::new(test.url(), "shop");
    config.statement_timeout = Duration::from_millis(50);
    let hasty = Db::connect(config).await.unwrap();
    for error in [
        hasty.primary().query("select pg_sleep(5)", &[]).await.unwrap_err(),
        hasty.write_one("select pg_sleep(5)", &[]).await.unwrap_err(),
        hasty.begin().await.unwrap().query("select pg_sleep(5)", &[]).await.unwrap_err(),
    ] {
        assert!(matches!(error, DbError::Timeout(_)), "{error}");
    }

    insert(&db, 1, "a", 1).await.unwrap();
    insert(&db, 2, "b", 1).await.unwrap();
    let (left, right) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    left.execute(UPDATE, &[&1i64]).await.unwrap();
    right.execute(UPDATE, &[&2i64]).await.unwrap();
    // The transaction that is chosen as the victim must let go, or the other waits for ever.
    let ends = tokio::join!(update_and_commit(left, 2), update_and_commit(right, 1));
    let victim = match ends {
        (Err(error), Ok(())) | (Ok(()), Err(error)) => error,
        other => panic!("one of two must be the victim: {other:?}"),
    };
    assert!(matches!(victim, DbError::Deadlock(_)) && victim.is_retryable(), "{victim}");
}

#[tokio::test]
async fn a_lost_connection_is_unavailable_or_unknown_and_replaced() {
    let (test, db) = shop().await;
    let admin = test.superuser("shop").await;
    const PID: &str = "select pg_backend_pid()";
    const KILL: &str = "select pg_terminate_backend($1, 5000)";
    let tx = db.begin().await.unwrap();
    let pid: i32 = tx.query_one(PID, &[]).await.unwrap().get_col(0).unwrap();
    assert!(admin.write_returning(KILL, &[&pid]).await.unwrap()[0].get_col::<bool>(0).unwrap());
    let error = tx.commit().await.unwrap_err();
    assert!(matches!(error, DbError::OutcomeUnknown(_)), "nobody knows whether that commit happened: {error}");

    let tx = db.begin().await.unwrap();
    let pid: i32 = tx.query_one(PID, &[]).await.unwrap().get_col(0).unwrap();
    admin.write_returning(KILL, &[&pid]).await.unwrap();
    let error = tx.query(PID, &[]).await.unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error}");
    drop(tx);
    let error = db.write_one("select pg_terminate_backend(pg_backend_pid())", &[]).await.unwrap_err();
    assert!(matches!(error, DbError::OutcomeUnknown(_)), "it may have been after the commit: {error}");
    insert(&db, 1, "a", 1).await.unwrap();
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_left() {
    let (_test, db) = shop().await;
    let make_read_only = || async {
        let tx = db.begin().await.unwrap();
        tx.batch_execute("set session characteristics as transaction read only").await.unwrap();
        tx.commit().await.unwrap();
    };
    make_read_only().await;
    let error = insert(&db, 1, "a", 1).await.unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "nothing happened, and another server may do: {error}");
    insert(&db, 1, "a", 1).await.expect("on a new connection");
    make_read_only().await;
    let tx = db.begin().await.unwrap();
    let error = tx.execute(INSERT, &[&2i64, &"b", &1i32]).await.unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error}");
    drop(tx);
    insert(&db, 2, "b", 1).await.expect("on a new connection");
}

#[tokio::test]
async fn counts_are_what_was_asked_for() {
    let (_test, db) = shop().await;
    let before = db.counters();
    insert(&db, 1, "a", 1).await.unwrap();
    db.primary().query("select 1", &[]).await.unwrap();
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, &[&2i64, &"b", &1i32]).await.unwrap();
    tx.query("select 1", &[]).await.unwrap();
    tx.commit().await.unwrap();
    db.begin().await.unwrap().commit().await.unwrap();
    drop(db.begin().await.unwrap());
    let tx = db.begin().await.unwrap();
    tx.query("select 1", &[]).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(db.counters() - before, Counters { statements: 5, commits: 2, replica_reads: 0 });
    let process = souk_db::process_counters();
    assert!(process.statements >= db.counters().statements && process.commits >= db.counters().commits);
}
