//! Pooler compatibility, with a real pgbouncer in transaction mode, of the version the distribution ships: it knows nothing
//! of statements that clients prepare, and hands every transaction another server connection.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::future::join_all;
use souk_db::{Db, DbConfig, DbError, Login, RowExt, migrate};
use souk_eventually::eventually;
use souk_postgres::TestDb;
use tokio_postgres::NoTls;

use crate::{INSERT, OTHER, SHOP, count};

const PATIENCE: Duration = Duration::from_secs(20);
/// Fewer than clients, so that they take turns.
const SERVER_CONNECTIONS: usize = 2;

struct Pooler {
    child: Child,
    dir: tempfile::TempDir,
}

impl Pooler {
    /// In front of the server of `url`, which must be a socket.
    async fn start(url: &str) -> Pooler {
        let config: tokio_postgres::Config = url.parse().unwrap();
        let tokio_postgres::config::Host::Unix(socket) = &config.get_hosts()[0] else { panic!("{url}: not a socket") };
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let at = dir.path().display();
        fs::write(dir.path().join("users.txt"), "\"souk_shop\" \"\"\n").unwrap();
        let ini = format!(
            "[databases]\n* = host={} port=5432\n[pgbouncer]\nunix_socket_dir = {at}\nlisten_port = 6432\nlisten_addr =\n\
             auth_type = trust\nauth_file = {at}/users.txt\npool_mode = transaction\n\
             default_pool_size = {SERVER_CONNECTIONS}\nmax_client_conn = 100\nlogfile = {at}/log\npidfile = {at}/pid\n",
            socket.display()
        );
        fs::write(dir.path().join("pgbouncer.ini"), ini).unwrap();
        // Where Debian has it, which is not on every user's PATH.
        let program = ["/usr/sbin/pgbouncer"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("pgbouncer");
        let mut command = Command::new(program);
        command.arg(dir.path().join("pgbouncer.ini")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // It refuses to run as root, and the server's socket is its user's.
        if let Ok(Some(user)) = nix::unistd::User::from_name("postgres")
            && nix::unistd::geteuid().is_root()
        {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        let child = command.spawn().expect("pgbouncer, which scripts/setup installs");
        let pooler = Pooler { child, dir };
        eventually("pgbouncer starts", PATIENCE, async || {
            let there = pooler.dir.path().join(".s.PGSQL.6432").exists();
            let log = || fs::read_to_string(pooler.dir.path().join("log")).unwrap_or_default();
            if there { Ok(()) } else { Err(log()) }
        })
        .await;
        pooler
    }

    fn url(&self, database: &str) -> String {
        format!("postgresql://souk_shop@{}:6432/{database}", self.dir.path().display().to_string().replace('/', "%2F"))
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // Its end is all that is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn shop_behind_a_pooler() -> (TestDb, Pooler, String) {
    let test = TestDb::new(&[&SHOP, &OTHER]).await;
    // Settings of logins belong to a database and are not copied with its template.
    migrate(&test.url(), &[&SHOP, &OTHER]).await.unwrap();
    let pooler = Pooler::start(&test.url()).await;
    let database = Path::new(test.url().split('?').next().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
    let url = pooler.url(&database);
    (test, pooler, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_in_transaction_mode() {
    let (test, _pooler, url) = shop_behind_a_pooler().await;
    let mut config = DbConfig::new(&url, "shop").login(Login::PerService).pooled(Some(test.url()));
    config.tx_connections = 8;
    config.read_connections = 4;
    let db = Db::connect(config).await.unwrap();
    let mut heard = db.listen("news");
    heard.changed().await.unwrap();

    let workers = (0..8i64).map(|worker| {
        let db = db.clone();
        async move {
            for n in 0..25i64 {
                let id = worker * 1_000 + n * 10;
                let tx = db.begin().await.unwrap();
                assert_eq!(tx.execute(INSERT, &[&id, &format!("t{id}"), &5i32]).await.unwrap(), 1);
                let row = tx.query_one("select sku, stock from item where id = $1", &[&id]).await.unwrap();
                assert_eq!((row.get_col::<String>(0).unwrap(), row.get_col::<i32>(1).unwrap()), (format!("t{id}"), 5));
                tx.commit().await.unwrap();
                let one = db.write_one(INSERT, &[&(id + 1), &format!("o{id}"), &1i32]).await.unwrap();
                assert_eq!(one, 1);
                let sql = "insert into item (id, sku, stock) values ($1, $2, 2) returning id";
                let rows = db.write_relaxed(sql, &[&(id + 2), &format!("r{id}")]).await.unwrap();
                assert_eq!(rows[0].get_col::<i64>(0).unwrap(), id + 2);
                let ids = [id, id + 1, id + 2];
                let all =
                    db.primary().query("select id from item where id = any($1)", &[&ids.as_slice()]).await.unwrap();
                assert_eq!(all.len(), 3);
                let dynamic = format!("select {n} as n{n}, $1::text");
                assert_eq!(db.primary().query_dynamic(&dynamic, &[&"x"]).await.unwrap().len(), 1);
            }
        }
    });
    join_all(workers).await;
    assert_eq!(count(&db).await, 8 * 25 * 3);
    let refused = db.write_one(INSERT, &[&1i64, &"o0", &1i32]).await.unwrap_err();
    assert!(refused.is_unique("item_pkey") || refused.is_unique("item_sku_unique"), "{refused}");
    let kept =
        db.primary().query_one("select count(*), current_setting('search_path') from pg_prepared_statements", &[]);
    let kept = kept.await.unwrap();
    assert_eq!((kept.get_col::<i64>(0).unwrap(), kept.get_col::<String>(1).unwrap()), (0, "shop".into()));

    // Signals go past the pooler.
    heard.mark_unchanged();
    db.notify_after_commit("news");
    tokio::time::timeout(PATIENCE, heard.changed()).await.unwrap().unwrap();
    // And it was through the pooler.
    let sessions = "select count(*) from pg_stat_activity where datname = current_database() and usename = 'souk_shop'
                    and application_name = 'shop' and query like '%from item%'";
    let admin = test.superuser("shop").await;
    let sessions: i64 = admin.primary().query_one(sessions, &[]).await.unwrap().get_col(0).unwrap();
    assert!(sessions <= i64::try_from(SERVER_CONNECTIONS).unwrap() + 1, "{sessions} server sessions");
}

/// The control: what is done everywhere else does not work there.
#[tokio::test]
async fn statements_that_are_prepared_do_not_survive_it() {
    let (_test, _pooler, url) = shop_behind_a_pooler().await;
    let db = Db::connect(DbConfig::new(&url, "shop").login(Login::PerService)).await.unwrap();
    let refused = db.ping().await.unwrap_err();
    assert!(matches!(refused, DbError::Unavailable(_) | DbError::Other(_)), "{refused}");
    let connect = async || {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::runtime::Handle::current().spawn(connection);
        client
    };
    let (one, other) = (connect().await, connect().await);
    let prepared = one.prepare("select 1").await.unwrap();
    other.batch_execute("begin").await.unwrap();
    let error = one.query(&prepared, &[]).await.unwrap_err();
    assert_eq!(error.code().map(|code| code.code()), Some("26000"), "{error}");
}
