use std::time::Duration;

use souk_db::{MigrateError, Migrations, RowExt, migrate, pending};
use souk_eventually::eventually;
use souk_postgres::TestDb;

const ONE: Migrations = Migrations { schema: "a", files: &[("0001", "create table t (id int)")] };
const TWO: Migrations = Migrations {
    schema: "a",
    files: &[
        ("0001", "create table t (id int)"),
        ("0002", "alter table t add column note text; insert into t values (1, 'x')"),
    ],
};

#[tokio::test]
async fn each_file_runs_once_and_new_ones_are_pending() {
    let test = TestDb::new(&[]).await;
    let url = test.url();
    assert_eq!(pending(&url, &[&TWO]).await.unwrap(), [("a", "0001"), ("a", "0002")]);
    let applied = migrate(&url, &[&ONE]).await.unwrap();
    assert_eq!(applied.iter().map(|a| (a.schema, a.name)).collect::<Vec<_>>(), [("a", "0001")]);
    assert_eq!(pending(&url, &[&TWO]).await.unwrap(), [("a", "0002")]);
    assert_eq!(migrate(&url, &[&TWO]).await.unwrap().len(), 1);
    assert!(migrate(&url, &[&TWO]).await.unwrap().is_empty());
    assert!(pending(&url, &[&TWO]).await.unwrap().is_empty());
    let db = test.superuser("a").await;
    let row = db.primary().query_one("select count(*) from t", &[]).await.unwrap();
    assert_eq!(row.get_col::<i64>(0).unwrap(), 1);
}

#[tokio::test]
async fn several_at_once_do_it_once() {
    const SLOW: Migrations =
        Migrations { schema: "a", files: &[("0001", "select pg_sleep(0.2); create table t (id int)")] };
    let test = TestDb::new(&[]).await;
    let url = test.url();
    let sets = [&SLOW];
    let done = futures_util::future::join_all((0..4).map(|_| migrate(&url, &sets))).await;
    assert_eq!(done.into_iter().map(|applied| applied.unwrap().len()).sum::<usize>(), 1);
}

#[tokio::test]
async fn a_deadlock_with_those_who_use_the_tables_costs_a_try() {
    const TABLES: Migrations =
        Migrations { schema: "a", files: &[("0001", "create table t (id int); create table u (id int)")] };
    const BOTH: Migrations = Migrations {
        schema: "a",
        files: &[TABLES.files[0], ("0002", "alter table t add column note text; alter table u add column note text")],
    };
    let test = TestDb::new(&[]).await;
    let url = test.url();
    migrate(&url, &[&TABLES]).await.unwrap();
    let db = test.superuser("a").await;
    let user = db.begin().await.unwrap();
    user.execute("insert into u values (1)", &[]).await.unwrap();
    let waits = "select count(*) from pg_locks where relation = 'u'::regclass and not granted";
    let other = async {
        eventually("the migration waits for the second table", Duration::from_secs(20), || async {
            let waiting: i64 = db.primary().query_one(waits, &[]).await.unwrap().get_col(0).unwrap();
            if waiting == 1 { Ok(()) } else { Err(waiting) }
        })
        .await;
        // PostgreSQL gives up who has waited a second first: the migration.
        user.execute("insert into t values (1)", &[]).await.unwrap();
        user.commit().await.unwrap();
    };
    let sets = [&BOTH];
    let (applied, ()) = futures_util::future::join(migrate(&url, &sets), other).await;
    assert_eq!(applied.unwrap().len(), 1);
}

#[tokio::test]
async fn changed_and_unknown_files_are_refused() {
    let test = TestDb::new(&[]).await;
    let url = test.url();
    migrate(&url, &[&TWO]).await.unwrap();
    const CHANGED: Migrations =
        Migrations { schema: "a", files: &[("0001", "create table t (id bigint)"), TWO.files[1]] };
    let error = migrate(&url, &[&CHANGED]).await.unwrap_err();
    assert!(matches!(&error, MigrateError::Changed { name, .. } if name == "0001"), "{error}");
    let error = migrate(&url, &[&ONE]).await.unwrap_err();
    assert!(matches!(&error, MigrateError::Unknown { name, .. } if name == "0002"), "{error}");
    assert!(error.to_string().contains("older than the database"));
    assert!(pending(&url, &[&ONE]).await.unwrap().is_empty(), "an older program may go on serving");
}

#[tokio::test]
async fn a_failing_file_leaves_nothing_and_those_before_it_stay() {
    let test = TestDb::new(&[]).await;
    let url = test.url();
    const BROKEN: Migrations = Migrations {
        schema: "a",
        files: &[ONE.files[0], ("0002", "create table u (id int); insert into nowhere values (1)")],
    };
    let error = migrate(&url, &[&BROKEN]).await.unwrap_err();
    assert!(matches!(&error, MigrateError::Failed { name, .. } if name == "0002"), "{error}");
    assert!(error.to_string().contains("nowhere"), "{error}");
    let db = test.superuser("a").await;
    let row =
        db.primary().query_one("select to_regclass('t') is not null, to_regclass('u') is null", &[]).await.unwrap();
    assert!(row.get_col::<bool>(0).unwrap() && row.get_col::<bool>(1).unwrap());
    assert_eq!(migrate(&url, &[&TWO]).await.unwrap().len(), 1, "and it can be repaired");
}

#[tokio::test]
async fn an_owner_without_the_right_to_create_roles_migrates_as_itself() {
    let test = TestDb::new(&[]).await;
    let admin = test.superuser("public").await;
    let name = test.url().rsplit('/').next().unwrap().to_owned();
    let role = format!("plain_{name}");
    let (scheme, rest) = test.url().split_once("://").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (_, address) = rest.split_once('@').unwrap();
    let create = format!("create role {role} login password 'plain'; alter database {name} owner to {role}");
    let tx = admin.begin().await.unwrap();
    tx.batch_execute(&create).await.unwrap();
    tx.commit().await.unwrap();
    let url = format!("{scheme}://{role}:plain@{address}");
    migrate(&url, &[&Migrations { schema: "mine", ..ONE }]).await.unwrap();
    let sql = "select count(*) from pg_roles where rolname = 'souk_mine'";
    assert_eq!(admin.primary().query_one(sql, &[]).await.unwrap().get_col::<i64>(0).unwrap(), 0);
    let tx = admin.begin().await.unwrap();
    tx.batch_execute(&format!(
        "alter database {name} owner to current_user; drop owned by {role} cascade; drop role {role}"
    ))
    .await
    .unwrap();
    tx.commit().await.unwrap();
}
