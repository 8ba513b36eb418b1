//! Failover as it is run in production: Patroni with etcd, a strict synchronous standby, writers that go on. Takes minutes
//! and needs packages that `make test` does not: run by `make test-engines`.
#![allow(clippy::unwrap_used)] // a test may panic

mod cluster;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use cluster::{PATIENCE, Patroni};
use souk_db::{Db, DbConfig, DbError, Migrations, RowExt, Servers, ServersConfig, WalPosition, migrate};
use tokio::{runtime::Handle, task::JoinHandle};

const SHOP: Migrations =
    Migrations { schema: "shop", files: &[("0001_init", "create table item (id bigint primary key)")] };
const WRITERS: usize = 4;
/// PROMISES: first write within this when the server process dies ...
const PROCESS_DIES: Duration = Duration::from_secs(15);
/// ... and when its node does.
const NODE_DIES: Duration = Duration::from_secs(30);

struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicI64>,
    writers: Vec<JoinHandle<Vec<i64>>>,
}

impl Load {
    fn start(db: &Db, first: i64) -> Load {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
        let ids = Arc::new(AtomicI64::new(first));
        let writer = |_| {
            let (db, stop, acknowledged, ids) = (db.clone(), stop.clone(), acknowledged.clone(), ids.clone());
            Handle::current().spawn(async move {
                let mut mine = Vec::new();
                while !stop.load(Relaxed) {
                    let id = ids.fetch_add(1, Relaxed);
                    // As a request does that gives up: a commit that waits for a standby which is gone waits for ever.
                    let patience = Duration::from_secs(3);
                    let params: &[&(dyn souk_db::ToSql + Sync)] = &[&id];
                    let write = tokio::time::timeout(patience, db.write_one("insert into item values ($1)", params));
                    match write.await {
                        Ok(Ok(_)) => {
                            mine.push(id);
                            acknowledged.fetch_add(1, Relaxed);
                        }
                        Err(_) | Ok(Err(DbError::Unavailable(_) | DbError::OutcomeUnknown(_))) => {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        Ok(Err(error)) => panic!("{error}"),
                    }
                }
                mine
            })
        };
        Load { writers: (0..WRITERS).map(writer).collect(), stop, acknowledged }
    }

    /// Waits for `more` acknowledgements.
    async fn until_more(&self, more: i64) {
        let (from, start) = (self.acknowledged.load(Relaxed), Instant::now());
        while self.acknowledged.load(Relaxed) < from + more {
            assert!(start.elapsed() < PATIENCE, "writes stand still");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) -> Vec<i64> {
        self.stop.store(true, Relaxed);
        let all = futures_util::future::join_all(self.writers).await;
        all.into_iter().flat_map(Result::unwrap).collect()
    }
}

/// What was acknowledged as the server died is still being read then; no manager of failovers is this quick.
const STRAGGLERS: Duration = Duration::from_millis(200);

/// Waits for the first acknowledgement by another server.
async fn first_write(load: &Load, since: Instant) -> Duration {
    tokio::time::sleep(STRAGGLERS).await;
    load.until_more(1).await;
    since.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_and_then_its_whole_node_die_under_load() {
    let mut cluster = Patroni::start().await;
    migrate(&cluster.url(), &[&SHOP]).await.unwrap();
    let servers = ServersConfig { replicas: cluster.urls(), ..ServersConfig::new(cluster.url()) };
    let servers = Servers::watch(&servers).unwrap();
    let db = Db::connect(DbConfig::new(cluster.url(), "shop").servers(servers)).await.unwrap();
    let load = Load::start(&db, 0);
    load.until_more(200).await;

    // The server process of the primary dies; what manages it lives and gives the lead away.
    cluster.kill_server(0);
    let killed = Instant::now();
    let process_died = first_write(&load, killed).await;
    load.until_more(200).await;
    let leader = cluster.leader().await.unwrap();
    assert_ne!(leader, 0, "another node took over");
    println!("the server process died: first write after {process_died:?}, on n{leader}");
    assert!(process_died < PROCESS_DIES, "{process_died:?}");

    // The old primary comes back as a standby by itself, and is read from.
    let standby = "select pg_is_in_recovery()";
    cluster.until("n0 is a standby", || async |c: &Patroni| c.sql(0, standby).await.as_deref() == Some("t")).await;
    cluster.until("a synchronous standby again", || async |c: &Patroni| c.has_synchronous(leader).await).await;

    // The whole node of the new primary dies: no process is left there to give the lead away.
    cluster.kill_node(leader);
    let killed = Instant::now();
    let node_died = first_write(&load, killed).await;
    load.until_more(200).await;
    let last = cluster.leader().await.unwrap();
    assert_ne!(last, leader);
    println!("its node died: first write after {node_died:?}, on n{last}");
    assert!(node_died < NODE_DIES, "{node_died:?}");

    let acknowledged = load.end().await;
    let sql =
        "select count(*) from unnest($1::bigint[]) as a (id) where not exists (select from item where item.id = a.id)";
    let lost = db.primary().query_one(sql, &[&acknowledged]).await.unwrap().get_col::<i64>(0).unwrap();
    println!("{} writes acknowledged, {lost} lost", acknowledged.len());
    assert_eq!(lost, 0);

    // The node comes back: it is no primary any more, and in time it is read from.
    cluster.run(leader);
    cluster.until("it is a standby", || async |c: &Patroni| c.sql(leader, standby).await.as_deref() == Some("t")).await;
    let start = Instant::now();
    let port = cluster.urls()[leader].rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    loop {
        let row = db.read(WalPosition::ANY).query_one("select current_setting('port')", &[]).await.unwrap();
        if row.get_col::<String>(0).unwrap() == port {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "the node that is back is never read from");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
