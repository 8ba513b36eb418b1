//! Consumer cursor, a reader's place in an owner's log, and the lease on it: one process reads at a time, and one that lost
//! the lease without knowing is fenced by its epoch.

use souk_bus::OutboxOffset;
use souk_db::{Db, RowExt, Tx};
use souk_kernel::Problem;
use uuid::Uuid;

/// How long another process waits before it takes over from a reader that died.
const LEASE_SECONDS: f64 = 10.0;

const ACQUIRE: &str = "insert into consumer_cursor as c (consumer, source, holder, lease_until)
    values ($1, $2, $3, now() + make_interval(secs => $4))
    on conflict (consumer, source) do update
        set holder = $3, lease_until = excluded.lease_until, epoch = c.epoch + 1
        where c.lease_until < now() or c.holder = $3
    returning c.xid::text as xid, c.seq, c.epoch";
const RENEW: &str = "update consumer_cursor set lease_until = now() + make_interval(secs => $4)
    where consumer = $1 and source = $2 and epoch = $3";
const ADVANCE: &str = "update consumer_cursor
    set xid = $4::text::xid8, seq = $5, lease_until = now() + make_interval(secs => $6)
    where consumer = $1 and source = $2 and epoch = $3";
const HAND_BACK: &str =
    "update consumer_cursor set lease_until = now() where consumer = $1 and source = $2 and epoch = $3";

/// Why a reader stops.
pub(crate) enum Stop {
    /// Something failed.
    Problem(Problem),
    /// Another process reads now, or the log is another one: begin again.
    Lost,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Stop::Problem(problem)
    }
}

impl From<souk_db::DbError> for Stop {
    fn from(error: souk_db::DbError) -> Self {
        Stop::Problem(error.into())
    }
}

/// The right to read as `consumer` from `source`.
pub(crate) struct Cursor {
    db: Db,
    consumer: &'static str,
    source: &'static str,
    epoch: i64,
    /// Everything up to here is done.
    pub(crate) offset: OutboxOffset,
}

impl Cursor {
    /// Takes the lease, unless another process has it.
    pub(crate) async fn acquire(
        db: &Db,
        consumer: &'static str,
        source: &'static str,
        holder: Uuid,
    ) -> Result<Option<Self>, Problem> {
        let rows = db.write_returning(ACQUIRE, &[&consumer, &source, &holder, &LEASE_SECONDS]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let xid: String = row.get_col("xid")?;
        let offset = OutboxOffset { xid: xid.parse().map_err(Problem::internal)?, seq: row.get_col("seq")? };
        Ok(Some(Self { db: db.clone(), consumer, source, epoch: row.get_col("epoch")?, offset }))
    }

    /// Moves to `end` when `tx` commits; set `offset` then.
    pub(crate) async fn advance(&self, tx: &Tx, end: OutboxOffset) -> Result<(), Stop> {
        let xid = end.xid.to_string();
        let moved =
            tx.execute(ADVANCE, &[&self.consumer, &self.source, &self.epoch, &xid, &end.seq, &LEASE_SECONDS]).await?;
        if moved == 1 { Ok(()) } else { Err(Stop::Lost) }
    }

    /// Keeps the lease.
    pub(crate) async fn renew(&self) -> Result<(), Stop> {
        let moved = self.db.write_one(RENEW, &[&self.consumer, &self.source, &self.epoch, &LEASE_SECONDS]).await?;
        if moved == 1 { Ok(()) } else { Err(Stop::Lost) }
    }

    /// Lets another process read at once.
    pub(crate) async fn hand_back(&self) -> Result<(), Problem> {
        self.db.write_one(HAND_BACK, &[&self.consumer, &self.source, &self.epoch]).await?;
        Ok(())
    }
}
