//! Health check: asks one server, again and again, what it is and how far it has come.
//!
//! Often only while it matters: a process that reads nothing new asks once a second, as a fleet has many processes and the
//! servers answer each of them. It asks at once when its connection breaks, and every fifth of a second while there is no
//! primary or readers want more than the server was last known to have.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{Inner, topology::Seen};
use crate::{DbError, connect_options::ConnectOptions, error::connect_error};

/// Between two questions at least.
const INTERVAL: Duration = Duration::from_millis(200);
/// Between two questions while no answer is waited for.
const AT_REST: Duration = Duration::from_secs(1);
/// Questions within the lag that is allowed: it is known that exactly.
const PER_LAG: u32 = 8;
/// A server that does not answer so small a question within this is not to be used.
pub(super) const ANSWER: Duration = Duration::from_secs(1);

/// What a server is. The timeline of a standby is the newest of: the one it receives now, and the one it has recorded,
/// both of which it has followed from the log it replayed before. The receiver's is shown to those who may see it only.
const IDENTIFY: &str = "
    select pg_is_in_recovery() as standby,
           current_setting('transaction_read_only') = 'on' as read_only,
           (select system_identifier from pg_control_system()) as system,
           case when pg_is_in_recovery()
                then greatest((select timeline_id from pg_control_checkpoint()),
                              (select received_tli from pg_stat_wal_receiver limit 1))
                else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int
           end as timeline,
           (case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0'::pg_lsn)
                 else pg_current_wal_flush_lsn() end - '0/0'::pg_lsn)::bigint as lsn";

/// Asks server `at` until `servers` is gone. `wanted` is told when an answer is waited for.
pub(super) async fn run(
    servers: Weak<Inner>,
    at: usize,
    options: ConnectOptions,
    wanted: Arc<Notify>,
    max_lag: Duration,
) {
    let at_rest = (max_lag / PER_LAG).clamp(INTERVAL, AT_REST);
    let mut client = None;
    loop {
        let asked = timeout(ANSWER, ask(&mut client, &options, &wanted)).await;
        let Some(servers) = servers.upgrade() else { return };
        match asked {
            Ok(Ok(identity)) => servers.report(at, identity.0),
            Ok(Err(error)) => {
                client = None;
                servers.gone(at, error);
            }
            Err(_) => {
                client = None;
                servers.gone(at, DbError::Unavailable(format!("no answer within {ANSWER:?}")));
            }
        }
        let has_primary = servers.has_primary();
        drop(servers);
        sleep(INTERVAL).await;
        if has_primary {
            // Either that was told, or the time at rest is over: both mean the next question.
            let _ = timeout(at_rest - INTERVAL, wanted.notified()).await;
        }
    }
}

async fn ask(client: &mut Option<Client>, options: &ConnectOptions, wanted: &Arc<Notify>) -> Result<Identity, DbError> {
    if let Some(client) = client {
        return identify(client).await;
    }
    let (new, connection) = options.connect().await.map_err(|error| connect_error(&error))?;
    // It ends with the client, or because the server does; what it ends with, the client's next question says.
    let wanted = wanted.clone();
    Handle::current().spawn(async move {
        drop(connection.await);
        wanted.notify_one();
    });
    identify(client.insert(new)).await
}

/// What a server is at the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity(Seen);

impl Identity {
    pub(crate) fn timeline(self) -> u32 {
        self.0.timeline
    }

    pub(crate) fn writable(self) -> bool {
        !self.0.standby && !self.0.read_only
    }

    pub(crate) fn system(self) -> u64 {
        self.0.system
    }
}

/// Asks over a connection. A simple query: nothing is prepared, so it passes any pooler.
pub(crate) async fn identify(client: &Client) -> Result<Identity, DbError> {
    let answer = client.simple_query(IDENTIFY).await.map_err(|error| DbError::from_driver(&error, IDENTIFY))?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |name: &str| row.and_then(|row| row.try_get(name).ok().flatten()).unwrap_or_default();
    let number = |name: &str| {
        text(name).parse::<u64>().map_err(|_| DbError::Other(format!("a server gave no {name}: {:?}", text(name))))
    };
    let timeline = u32::try_from(number("timeline")?).unwrap_or(u32::MAX);
    let (standby, read_only) = (text("standby") == "t", text("read_only") == "t");
    Ok(Identity(Seen { standby, read_only, timeline, lsn: number("lsn")?, system: number("system")? }))
}
