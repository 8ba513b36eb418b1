//! Database readings of a run, when the bench is given the shop's: counters, and the invariants of money and stock that must
//! hold after every load. Reads only; the connection refuses writes.

use std::time::Duration;

use serde::Serialize;
use souk_db::{Db, DbConfig, DbError, Reads, RowExt};

/// Audits read whole tables.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

const AVAILABLE: &str = "select on_hand - reserved as available from inventory.stock where sku = $1";
const SERVER: &str = "select current_setting('server_version') as version, current_setting('fsync') as fsync";
/// The first line of the file is the postmaster's pid. Superusers only.
const POSTMASTER: &str = "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int8 as pid";
/// Transactions that got an id, which those do that write; subtransactions that write, too.
const WRITES: &str = "select (pg_snapshot_xmax(pg_current_snapshot())::text)::int8 as xids,
    (select wal_sync from pg_stat_wal) as syncs,
    (select wal_bytes::int8 from pg_stat_wal) as wal_bytes";
const UNFINISHED: &str = "select count(*) as n from \"order\".saga where phase in ('forward', 'undo')";

/// Each returns how many rows break the rule.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "every captured order's total is what was captured for it (I1)",
        "select count(*) as n from \"order\".orders o
         left join (select order_id, sum(captured) as captured from payment.payment group by 1) p on p.order_id = o.id
         where (case when o.payment_status in ('captured', 'refunded') then o.total else 0 end) <> coalesce(p.captured, 0)",
    ),
    (
        "nothing was captured without an order (I4)",
        "select count(*) as n from payment.payment p
         where p.captured > 0 and not exists (select from \"order\".orders o where o.id = p.order_id)",
    ),
    (
        "no confirmed order without money behind it (I4)",
        "select count(*) as n from \"order\".orders where status in ('confirmed', 'shipped', 'delivered')
         and payment_status not in ('authorised', 'captured', 'refunded')",
    ),
    (
        "the journal balances: every capture releases what it takes (I1)",
        "select count(*) as n from (
             select 1 from payment.journal group by payment_id, version
             having coalesce(sum(amount) filter (where entry = 'capture' and debit = 'customer_authorised'), 0)
                 <> coalesce(sum(amount) filter (where entry = 'capture' and credit = 'sales'), 0)) wrong",
    ),
    (
        "payments are what the journal says (I1)",
        "select count(*) as n from payment.payment p
         left join (select payment_id,
                 sum(amount) filter (where debit = 'psp_hold') as authorised,
                 sum(amount) filter (where credit = 'sales') as captured,
                 sum(amount) filter (where debit = 'refunds') as refunded
             from payment.journal group by 1) j using (payment_id)
         where (p.authorised, p.captured, p.refunded)
             <> (coalesce(j.authorised, 0), coalesce(j.captured, 0), coalesce(j.refunded, 0))",
    ),
    (
        "units on hand are the sum of movements (I2)",
        "select count(*) as n from inventory.stock s
         full join (select warehouse_id, sku, sum(delta) as units from inventory.movement group by 1, 2) m
             using (warehouse_id, sku)
         where coalesce(s.on_hand, 0) <> coalesce(m.units, 0)",
    ),
    (
        "reserved units are those of live reservations (I2)",
        "select count(*) as n from inventory.stock s
         full join (select r.warehouse_id, line.key as sku, sum(line.value::int8) as units
             from inventory.reservation r, jsonb_each_text(r.lines) line
             where r.status in ('held', 'allocated') group by 1, 2) l
             using (warehouse_id, sku)
         where coalesce(s.reserved, 0) <> coalesce(l.units, 0)",
    ),
    (
        "reserved >= 0, and on_hand >= reserved where the policy sets a limit (I2)",
        "select count(*) as n from inventory.stock
         where reserved < 0 or policy = 'deny' and on_hand + promised < reserved",
    ),
];

const CONFIRMED: &str = "select count(*) as n from \"order\".orders
    where starts_with(email, $1) and status in ('confirmed', 'shipped', 'delivered')";

/// A rule and how many rows break it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invariant {
    /// In words.
    pub rule: String,
    /// Rows; zero is what we want.
    pub broken: i64,
}

/// What the server counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Writes {
    /// Transactions that wrote (ids handed out).
    pub transactions: i64,
    /// Flushes of the log; commits that wait together share one.
    pub syncs: i64,
    /// Bytes of the log.
    pub bytes: i64,
}

impl Writes {
    /// Since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            transactions: self.transactions - earlier.transactions,
            syncs: self.syncs - earlier.syncs,
            bytes: self.bytes - earlier.bytes,
        }
    }
}

/// Units of `sku` that can be bought: the bare handler's one SELECT.
///
/// # Errors
/// The database does not answer.
pub async fn available(reads: &Reads, sku: &str) -> Result<Option<i64>, DbError> {
    reads.query_opt(AVAILABLE, &[&sku]).await?.map(|row| row.get_col("available")).transpose()
}

/// The shop's database.
pub struct Store(Db);

impl Store {
    /// Connects.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let mut config = DbConfig::new(url, "public");
        config.service = "souk-bench".into();
        config.statement_timeout = STATEMENT_TIMEOUT;
        config.read_connections = 1;
        config.tx_connections = 1;
        Ok(Self(Db::connect(config).await?))
    }

    /// `15.9, fsync on`.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn server(&self) -> Result<String, DbError> {
        let row = self.0.primary().query_one(SERVER, &[]).await?;
        Ok(format!("{}, fsync {}", row.get_col::<String>("version")?, row.get_col::<String>("fsync")?))
    }

    /// The postmaster's pid, where we may ask for it.
    pub async fn postmaster(&self) -> Option<u32> {
        let row = self.0.primary().query_one(POSTMASTER, &[]).await.ok()?;
        u32::try_from(row.get_col::<i64>("pid").ok()?).ok()
    }

    /// What the server counted so far.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn writes(&self) -> Result<Writes, DbError> {
        let row = self.0.primary().query_one(WRITES, &[]).await?;
        Ok(Writes {
            transactions: row.get_col("xids")?,
            syncs: row.get_col("syncs")?,
            bytes: row.get_col("wal_bytes")?,
        })
    }

    /// Checkouts that have not come to an end.
    ///
    /// # Errors
    /// It does not answer, or is no shop's.
    pub async fn unfinished(&self) -> Result<i64, DbError> {
        self.0.primary().query_one(UNFINISHED, &[]).await?.get_col("n")
    }

    /// Confirmed orders whose e-mail address begins with `prefix`.
    ///
    /// # Errors
    /// It does not answer, or is no shop's.
    pub async fn confirmed(&self, prefix: &str) -> Result<i64, DbError> {
        self.0.primary().query_one(CONFIRMED, &[&prefix]).await?.get_col("n")
    }

    /// Every rule, with how many rows break it.
    ///
    /// # Errors
    /// It does not answer, or is no shop's.
    pub async fn invariants(&self) -> Result<Vec<Invariant>, DbError> {
        let mut found = Vec::new();
        for (rule, sql) in INVARIANTS {
            let row = self.0.primary().query_one(sql, &[]).await?;
            found.push(Invariant { rule: (*rule).to_owned(), broken: row.get_col("n")? });
        }
        Ok(found)
    }
}
