//! Reads from replicas, with read-your-writes: a client that wrote sees its write, wherever its reads are sent.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

use souk_db::{Db, DbConfig, DbError, Migrations, RowExt, Servers, ServersConfig, WalPosition, migrate};
use souk_eventually::eventually;
use souk_postgres::TestCluster;

use crate::{INSERT, SHOP};

/// For what a watcher notices in a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// A handle whose primary is one of `primaries` and that reads from `replicas`.
pub async fn db(cluster: &TestCluster, primaries: &[usize], replicas: &[usize], max_lag: Duration) -> Db {
    let replicas = replicas.iter().map(|node| cluster.url(&[*node])).collect();
    let servers = ServersConfig { replicas, max_lag, ..ServersConfig::new(cluster.url(primaries)) };
    let servers = Servers::watch(&servers).unwrap();
    let mut config = DbConfig::new(cluster.url(primaries), "shop").servers(servers);
    config.tx_connections = 8;
    Db::connect(config).await.unwrap()
}

/// Where a read goes: the address of the server that answers is the directory of its socket.
async fn socket(db: &Db, at_least: WalPosition) -> String {
    let sql = "select current_setting('unix_socket_directories')";
    db.read(at_least).query_one(sql, &[]).await.unwrap().get_col(0).unwrap()
}

/// Waits until reads of anything go to `node` now and then (true), or never do (false).
async fn until_read_from(db: &Db, cluster: &TestCluster, node: usize, wanted: bool) {
    let there = cluster.socket_dir(node).display().to_string();
    eventually(&format!("read from node {node}: {wanted}"), PATIENCE, async || {
        let mut found = false;
        for _ in 0..4 {
            found |= socket(db, WalPosition::ANY).await == there;
        }
        found == wanted
    })
    .await;
}

async fn write(db: &Db, id: i64) -> WalPosition {
    let tx = db.begin().await.unwrap();
    tx.execute(INSERT, &[&id, &format!("s{id}"), &1i32]).await.unwrap();
    tx.commit_position().await.unwrap()
}

async fn sees(db: &Db, at_least: WalPosition, id: i64) -> bool {
    db.read(at_least).query_opt("select 1 from item where id = $1", &[&id]).await.unwrap().is_some()
}

/// PROMISES: replica 5 s behind, 0 of 10,000 reads miss the reader's own write. The control is the same reads without the
/// position.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_their_own_writes_though_the_replica_is_5_s_behind() {
    const READERS: i64 = 8;
    const EACH: i64 = 1_250;
    let cluster = TestCluster::start(&[&[("recovery_min_apply_delay", "5s")]]).await;
    migrate(&cluster.url(&[0]), &[&SHOP]).await.unwrap();
    cluster.caught_up(1, 0).await;
    let db = db(&cluster, &[0], &[1], Duration::from_secs(10)).await;
    until_read_from(&db, &cluster, 1, true).await;
    let early = write(&db, -1).await;
    let (missed, missed_without, reads) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let before = db.counters();
    let readers = (0..READERS).map(|reader| {
        let (db, missed, missed_without, reads) = (db.clone(), &missed, &missed_without, &reads);
        async move {
            for n in 0..EACH {
                let id = reader * EACH + n;
                let position = write(&db, id).await;
                missed.fetch_add(usize::from(!sees(&db, position, id).await), Relaxed);
                missed_without.fetch_add(usize::from(!sees(&db, WalPosition::ANY, id).await), Relaxed);
                reads.fetch_add(1, Relaxed);
            }
        }
    });
    futures_util::future::join_all(readers).await;
    let from_replica = (db.counters() - before).replica_reads;
    let (missed, without) = (missed.load(Relaxed), missed_without.load(Relaxed));
    println!(
        "10000 reads after own writes: {missed} missed; without position: {without}; from the replica: {from_replica}"
    );
    assert_eq!(reads.load(Relaxed), 10_000);
    assert_eq!(missed, 0);
    assert!(without > 5_000, "the control: {without} of 10000 missed without a position");
    assert!(from_replica > 5_000, "the replica is read from: {from_replica}");
    // What it has replayed by now it serves, position and all.
    cluster.until(1, "select count(*) > 0 from shop.item", "t").await;
    until_served(&db, early, &cluster, 1).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_replica_that_lags_too_far_or_hangs_is_left_out_and_comes_back() {
    let cluster = TestCluster::start(&[&[], &[]]).await;
    migrate(&cluster.url(&[0]), &[&SHOP]).await.unwrap();
    let db = db(&cluster, &[0], &[1, 2], Duration::from_millis(500)).await;
    until_read_from(&db, &cluster, 1, true).await;
    until_read_from(&db, &cluster, 2, true).await;
    // Both take turns.
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4 {
        seen.insert(socket(&db, WalPosition::ANY).await);
    }
    assert_eq!(seen.len(), 2, "{seen:?}");

    cluster.pause(1).await;
    write(&db, 1).await;
    until_read_from(&db, &cluster, 1, false).await;
    until_read_from(&db, &cluster, 2, true).await;
    cluster.resume(1).await;
    until_read_from(&db, &cluster, 1, true).await;

    // One that hangs: reads under way are answered by the primary, later ones do not go there.
    let hang = nix::unistd::Pid::from_raw(i32::try_from(cluster.pid(2)).unwrap());
    let backends = cluster.sql(2, "select string_agg(pid::text, ' ') from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()").await;
    let stop = |signal| {
        for pid in backends.split(' ').map(|pid| nix::unistd::Pid::from_raw(pid.parse().unwrap())).chain([hang]) {
            nix::sys::signal::kill(pid, signal).unwrap();
        }
    };
    stop(nix::sys::signal::Signal::SIGSTOP);
    let start = Instant::now();
    let answers = futures_util::future::join_all((0..8).map(|_| socket(&db, WalPosition::ANY))).await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert!(!answers.contains(&cluster.socket_dir(2).display().to_string()));
    until_read_from(&db, &cluster, 2, false).await;
    stop(nix::sys::signal::Signal::SIGCONT);
    until_read_from(&db, &cluster, 2, true).await;
    cluster.stop().await;
}

/// Questions of the watcher that the node has answered within `time`.
async fn questions(cluster: &TestCluster, node: usize, time: Duration) -> usize {
    let sql = "select coalesce(max(query_start)::text, '') from pg_stat_activity where application_name = 'souk watch'";
    let (until, mut seen) = (Instant::now() + time, std::collections::BTreeSet::new());
    while Instant::now() < until {
        seen.insert(cluster.sql(node, sql).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    seen.len()
}

/// A fleet is many processes, and each of them asks each server.
#[tokio::test]
async fn servers_are_asked_often_only_while_somebody_waits_for_the_answer() {
    const TIME: Duration = Duration::from_secs(4);
    let cluster = TestCluster::start(&[&[("recovery_min_apply_delay", "20s")]]).await;
    migrate(&cluster.url(&[0]), &[&SHOP]).await.unwrap();
    let db = db(&cluster, &[0], &[1], Duration::from_secs(60)).await;
    until_read_from(&db, &cluster, 1, true).await;
    let at_rest = questions(&cluster, 1, TIME).await;
    assert!(at_rest <= 8, "{at_rest} questions in 4 s");

    // What was written is not there yet: the replica is asked until it is.
    let position = write(&db, 1).await;
    let reads = async {
        let start = Instant::now();
        while start.elapsed() < TIME {
            assert!(sees(&db, position, 1).await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (wanted, ()) = tokio::join!(questions(&cluster, 1, TIME), reads);
    assert!(wanted > at_rest, "{wanted} questions in 4 s, {at_rest} at rest");
    cluster.stop().await;
}

#[tokio::test]
async fn what_a_replica_cannot_answer_the_primary_does() {
    let mut cluster = TestCluster::start(&[&[]]).await;
    migrate(&cluster.url(&[0]), &[&SHOP]).await.unwrap();
    cluster.caught_up(1, 0).await;
    let db = db(&cluster, &[0], &[1], Duration::from_secs(60)).await;
    until_read_from(&db, &cluster, 1, true).await;
    // A migration that has not come there yet.
    cluster.pause(1).await;
    const MORE: Migrations =
        Migrations { schema: "shop", files: &[SHOP.files[0], SHOP.files[1], ("0003_more", "create table more ()")] };
    migrate(&cluster.url(&[0]), &[&MORE]).await.unwrap();
    db.read(WalPosition::ANY).query("select from more", &[]).await.unwrap();
    let wrong = db.read(WalPosition::ANY).query("select from nowhere", &[]).await.unwrap_err();
    assert!(matches!(wrong, DbError::Other(_)), "what is wrong everywhere is still wrong: {wrong}");
    cluster.resume(1).await;
    // Nothing is written on the reads of a replica either.
    let refused =
        db.read(WalPosition::ANY).query("insert into item values (1, 'a', 1) returning id", &[]).await.unwrap_err();
    assert!(refused.to_string().contains("read-only"), "{refused}");
    // One that is killed under reads: no reader notices.
    until_read_from(&db, &cluster, 1, true).await;
    cluster.kill(1).await;
    for _ in 0..20 {
        socket(&db, WalPosition::ANY).await;
    }
    cluster.restart(1).await;
    until_read_from(&db, &cluster, 1, true).await;
    cluster.stop().await;
}

#[tokio::test]
async fn positions_rise_and_a_promoted_replica_voids_those_of_the_old_timeline() {
    let cluster = TestCluster::start(&[&[], &[]]).await;
    migrate(&cluster.url(&[0]), &[&SHOP]).await.unwrap();
    let db = db(&cluster, &[0, 1], &[0, 1, 2], Duration::from_secs(10)).await;
    let mut last = write(&db, 0).await;
    for id in 1..4 {
        let at = write(&db, id).await;
        assert!(at > last && at.timeline() == 1, "{at} after {last}");
        last = at;
        let asked = db.position().await;
        assert!(asked >= at && asked != WalPosition::PRIMARY, "{asked} after {at}");
    }
    cluster.caught_up(2, 0).await;
    until_served(&db, last, &cluster, 2).await;
    assert!(!db.is_void(last));

    // Node 2 follows the new primary, from before it is one: what the old one writes afterwards must not reach it.
    cluster.caught_up(1, 0).await;
    cluster.follow(2, 1).await;
    cluster.until(1, "select count(*) from pg_stat_replication where state = 'streaming'", "1").await;
    cluster.promote(1).await;
    let at = loop {
        let tx = db.begin().await;
        let Ok(tx) = tx else { continue };
        if tx.execute(INSERT, &[&100i64, &"s100", &1i32]).await.is_err() {
            continue;
        }
        match tx.commit_position().await {
            Ok(at) if at.timeline() == 2 => break at,
            // It went to the old primary, which is none any more for us but does not know it: nothing fences it here.
            _ => {
                let _ = db.write_one("delete from item where id = 100", &[]).await;
            }
        }
    };
    assert!(at > last, "a newer timeline outranks: {at} after {last}");
    assert!(db.is_void(last) && !db.is_void(at));
    until_served(&db, at, &cluster, 2).await;
    // Node 2 has long replayed past `last`, and yet: a place on another timeline says nothing about it.
    assert_eq!(socket(&db, last).await, cluster.socket_dir(1).display().to_string(), "the new primary answers");
    assert_eq!(socket(&db, WalPosition::PRIMARY).await, cluster.socket_dir(1).display().to_string());
    cluster.stop().await;
}

async fn until_served(db: &Db, at_least: WalPosition, cluster: &TestCluster, node: usize) {
    let there = cluster.socket_dir(node).display().to_string();
    let what = format!("{at_least} is served by node {node}");
    eventually(&what, PATIENCE, async || socket(db, at_least).await == there).await;
}

#[tokio::test]
async fn without_replicas_nothing_is_asked() {
    let (_test, db) = crate::shop().await;
    let before = db.counters();
    assert_eq!(db.position().await, WalPosition::ANY);
    assert!(!db.is_void(WalPosition::from_raw(77 << 52)));
    assert_eq!(db.counters(), before);
}
