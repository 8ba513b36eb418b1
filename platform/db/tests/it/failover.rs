//! Failover under load, when the primary dies and a replica takes over: nothing that was acknowledged is lost, and nothing
//! is written to the old one when it comes back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use souk_db::{Db, DbConfig, DbError, RowExt, WalPosition, migrate};
use souk_eventually::eventually;
use souk_postgres::TestCluster;
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{INSERT, SHOP, replicas::db};

const LAG: Duration = Duration::from_secs(10);
const WRITERS: usize = 6;
/// For whatever a few seconds are enough for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writers that go on whatever happens, and what was acknowledged to them.
struct Load {
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Vec<i64>>>,
    acknowledged: Arc<AtomicI64>,
}

impl Load {
    fn start(db: &Db) -> Load {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
        let ids = Arc::new(AtomicI64::new(1_000));
        let writer = |writer: usize| {
            let (db, stop, count, ids) = (db.clone(), stop.clone(), acknowledged.clone(), ids.clone());
            Handle::current().spawn(async move {
                let mut mine = Vec::new();
                while !stop.load(Relaxed) {
                    let id = ids.fetch_add(1, Relaxed);
                    // Both ways to write.
                    let done = match writer % 2 {
                        0 => db.write_one(INSERT, &[&id, &format!("s{id}"), &1i32]).await.map(drop),
                        _ => transaction(&db, id).await,
                    };
                    match done {
                        Ok(()) => {
                            mine.push(id);
                            count.fetch_add(1, Relaxed);
                        }
                        Err(DbError::Unavailable(_) | DbError::OutcomeUnknown(_)) => {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                        Err(error) => panic!("writer: {error}"),
                    }
                }
                mine
            })
        };
        let writers = (0..WRITERS).map(writer).collect();
        Load { stop, writers, acknowledged }
    }

    fn count(&self) -> i64 {
        self.acknowledged.load(Relaxed)
    }

    /// Waits for `more` acknowledgements.
    async fn until_more(&self, more: i64) {
        let from = self.count();
        eventually(&format!("{more} more acknowledged"), PATIENCE, async || {
            let since = self.count() - from;
            if since >= more { Ok(()) } else { Err(since) }
        })
        .await;
    }

    async fn end(self) -> Vec<i64> {
        self.stop.store(true, Relaxed);
        let all = futures_util::future::join_all(self.writers).await;
        all.into_iter().flat_map(Result::unwrap).collect()
    }
}

async fn transaction(db: &Db, id: i64) -> Result<(), DbError> {
    let tx = db.begin().await?;
    tx.execute(INSERT, &[&id, &format!("s{id}"), &1i32]).await?;
    tx.execute("update item set stock = 2 where id = $1", &[&id]).await?;
    tx.commit().await
}

async fn missing(db: &Db, acknowledged: &[i64]) -> usize {
    let sql = "select count(*) from unnest($1::bigint[]) id where not exists (select from item where item.id = id.id)";
    let sql = sql.replace("unnest($1::bigint[]) id", "unnest($1::bigint[]) as id (id)");
    let rows = db.primary().query_dynamic(&sql, &[&acknowledged]).await.unwrap();
    usize::try_from(rows[0].get_col::<i64>(0).unwrap()).unwrap()
}

/// The standby that has received most: what a manager of failovers promotes.
async fn most_advanced(cluster: &TestCluster, nodes: [usize; 2]) -> (usize, usize) {
    let sql = "select pg_last_wal_receive_lsn() - '0/0'";
    let mut at = Vec::new();
    for node in nodes {
        at.push(cluster.sql(node, sql).await.parse::<u64>().unwrap());
    }
    if at[0] >= at[1] { (nodes[0], nodes[1]) } else { (nodes[1], nodes[0]) }
}

/// PROMISES: primary killed, replica promoted: 0 acknowledged writes lost, 0 writes to the old primary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_primary_loses_nothing_acknowledged_and_gets_no_writes_when_it_is_back() {
    let mut cluster = TestCluster::start(&[&[], &[]]).await;
    migrate(&cluster.url(&[0, 1, 2]), &[&SHOP]).await.unwrap();
    cluster.synchronous(0, "ANY 1 (r1, r2)").await;
    let db = db(&cluster, &[0, 1, 2], &[0, 1, 2], LAG).await;
    let mut heard = db.listen("news");
    let load = Load::start(&db);
    load.until_more(300).await;

    cluster.kill(0).await;
    let killed = Instant::now();
    let (new, other) = most_advanced(&cluster, [1, 2]).await;
    cluster.promote(new).await;
    let promoted = killed.elapsed();
    cluster.synchronous(new, &format!("ANY 1 (r{other})")).await;
    cluster.follow(other, new).await;
    load.until_more(1).await;
    let first_write = killed.elapsed();
    load.until_more(300).await;
    println!("killed; promoted after {promoted:?}, first write acknowledged after {first_write:?}");
    assert!(first_write < Duration::from_secs(15), "{first_write:?}");

    // Those who listen hear the new primary.
    heard.mark_unchanged();
    eventually("a notification from the new primary", PATIENCE, async || {
        db.notify_after_commit("news");
        heard.has_changed().unwrap()
    })
    .await;

    // The old one comes back as it was left: a primary that knows of nothing.
    cluster.restart(0).await;
    assert_eq!(cluster.sql(0, "select pg_is_in_recovery()").await, "f");
    let rows = "select count(*) from shop.item";
    let had = cluster.sql(0, rows).await;
    load.until_more(300).await;
    // A process that starts now, and finds the old one first in its list, finds out all the same.
    let fresh = self::db(&cluster, &[0, 1, 2], &[], LAG).await;
    let fresh_load = fresh.write_one(INSERT, &[&1i64, &"fresh", &1i32]).await;
    assert_eq!(fresh_load, Ok(1));
    let acknowledged = load.end().await;
    assert_eq!(cluster.sql(0, rows).await, had, "rows written to the old primary");
    let ours = "select count(*) from pg_stat_activity where application_name = 'shop'";
    assert_eq!(cluster.sql(0, ours).await, "0", "connections for work to the old primary");
    // The control: the driver's own search takes the first that lets itself be written to.
    let naive = format!("{}?target_session_attrs=read-write&application_name=naive", cluster.url(&[0, 1, 2]));
    let (client, connection) =
        naive.parse::<tokio_postgres::Config>().unwrap().connect(tokio_postgres::NoTls).await.unwrap();
    Handle::current().spawn(connection);
    let at = client.query_one("select current_setting('unix_socket_directories')", &[]).await.unwrap();
    assert_eq!(at.get::<_, String>(0), cluster.socket_dir(0).display().to_string());

    let lost = missing(&db, &acknowledged).await;
    println!("{} writes acknowledged, {lost} lost", acknowledged.len());
    assert_eq!(lost, 0);
    assert!(acknowledged.len() > 900);
    cluster.stop().await;
}

/// The control of the test above: without a synchronous standby the same kill loses what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_synchronous_standby_acknowledged_writes_are_lost() {
    let mut cluster = TestCluster::start(&[&[]]).await;
    migrate(&cluster.url(&[0]), &[&SHOP]).await.unwrap();
    cluster.caught_up(1, 0).await;
    let db = db(&cluster, &[0, 1], &[], LAG).await;
    // The network to the standby stands still.
    let receiver = cluster.sql(1, "select pid from pg_stat_wal_receiver").await;
    let receiver = nix::unistd::Pid::from_raw(receiver.parse().unwrap());
    nix::sys::signal::kill(receiver, nix::sys::signal::Signal::SIGSTOP).unwrap();
    let load = Load::start(&db);
    load.until_more(100).await;
    cluster.kill(0).await;
    let acknowledged = load.end().await;
    nix::sys::signal::kill(receiver, nix::sys::signal::Signal::SIGKILL).unwrap();
    cluster.until(1, "select pg_is_in_recovery()", "t").await;
    cluster.promote(1).await;
    let start = Instant::now();
    while db.ping().await.is_err() {
        assert!(start.elapsed() < PATIENCE);
    }
    let lost = missing(&db, &acknowledged).await;
    println!("without a synchronous standby: {} writes acknowledged, {lost} lost", acknowledged.len());
    assert!(lost > 0);
    cluster.stop().await;
}

/// A caller who gives up while its commit waits for the standby must not make that commit happen on one server only:
/// cancelled, such a commit is done and visible to all, and lost with the server.
#[tokio::test]
async fn a_commit_given_up_while_it_waits_for_its_standby_is_not_shown_to_anybody() {
    let mut cluster = TestCluster::start(&[&[]]).await;
    migrate(&cluster.url(&[0]), &[&SHOP]).await.unwrap();
    cluster.synchronous(0, "FIRST 1 (r1)").await;
    let db = db(&cluster, &[0, 1], &[], LAG).await;
    db.write_one(INSERT, &[&1i64, &"kept", &1i32]).await.unwrap();
    cluster.kill(1).await;
    let waits = "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and application_name = 'shop'";
    let one = Handle::current().spawn({
        let db = db.clone();
        async move { db.write_one(INSERT, &[&2i64, &"one", &1i32]).await }
    });
    let tx = Handle::current().spawn({
        let db = db.clone();
        async move { transaction(&db, 3).await }
    });
    cluster.until(0, waits, "2").await;
    one.abort();
    tx.abort();
    let (one, tx) = tokio::join!(one, tx);
    assert!(one.is_err_and(|error| error.is_cancelled()) && tx.is_err_and(|error| error.is_cancelled()));
    // Longer than the grace that an ordinary abandoned statement has before it is cancelled.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let seen = db.primary().query("select id from item where id > 1", &[]).await.unwrap();
    assert_eq!(seen.len(), 0, "a commit that no standby has is visible");
    // The control: what a cancellation does.
    let cancel = "select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'";
    cluster.sql(0, cancel).await;
    cluster.until(0, "select count(*) from shop.item where id > 1", "2").await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_primary_that_hangs_is_left_for_the_new_one() {
    let cluster = TestCluster::start(&[&[]]).await;
    migrate(&cluster.url(&[0]), &[&SHOP]).await.unwrap();
    let db = db(&cluster, &[0, 1], &[0, 1], LAG).await;
    db.write_one(INSERT, &[&1i64, &"a", &1i32]).await.unwrap();
    cluster.caught_up(1, 0).await;
    let own = "select string_agg(pid::text, ' ') from pg_stat_activity where application_name = 'shop'";
    let backends = cluster.sql(0, own).await;
    let pids: Vec<i32> = backends.split(' ').map(|pid| pid.parse().unwrap()).collect();
    let signal = |signal| {
        let postmaster = i32::try_from(cluster.pid(0)).unwrap();
        for pid in pids.iter().copied().chain([postmaster]) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
        }
    };
    signal(nix::sys::signal::Signal::SIGSTOP);
    let hung = Handle::current().spawn({
        let db = db.clone();
        async move { db.write_one(INSERT, &[&2i64, &"b", &1i32]).await }
    });
    cluster.promote(1).await;
    let start = Instant::now();
    let hung = hung.await.unwrap();
    assert!(matches!(hung, Err(DbError::OutcomeUnknown(_))), "{hung:?}");
    assert_eq!(db.write_one(INSERT, &[&3i64, &"c", &1i32]).await, Ok(1));
    let took = start.elapsed();
    println!("a hanging primary was left {took:?} after the promotion");
    assert!(took < Duration::from_secs(5), "{took:?}");
    db.read(WalPosition::ANY).query("select 1", &[]).await.unwrap();
    signal(nix::sys::signal::Signal::SIGCONT);
    cluster.stop().await;
}

#[tokio::test]
async fn nobody_to_write_to_is_said_in_time() {
    let mut cluster = TestCluster::start(&[&[]]).await;
    migrate(&cluster.url(&[0]), &[&SHOP]).await.unwrap();
    let db = db(&cluster, &[0, 1], &[], LAG).await;
    db.ping().await.unwrap();
    cluster.kill(0).await;
    let start = Instant::now();
    let refused = db.write_one(INSERT, &[&1i64, &"a", &1i32]).await;
    assert!(matches!(refused, Err(DbError::Unavailable(_) | DbError::OutcomeUnknown(_))), "{refused:?}");
    let refused = db.write_one(INSERT, &[&1i64, &"a", &1i32]).await;
    assert!(matches!(refused, Err(DbError::Unavailable(_))), "{refused:?}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    // Asked anew, without anybody who knows: neither.
    let config = DbConfig::new(cluster.url(&[0, 1]), "shop");
    let fresh = Db::connect(config).await.unwrap();
    assert!(matches!(fresh.ping().await, Err(DbError::Unavailable(_))));
    cluster.stop().await;
}
