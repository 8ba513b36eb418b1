//! All SQL of payments. Hot writes take a whole batch in one statement; the lines of the books ride in the same one.

mod rows;

use jiff::Timestamp;
use souk_db::{Db, DbError, Row, RowExt, Tx};
use souk_kernel::Money;
use souk_payment_api::PaymentId;
use uuid::Uuid;

use self::rows::{Columns, Lines, change_params, currency, decode, decode_refund, open_params, refund_state};
use crate::domain::{PriorRefund, RefundState};

pub use self::rows::{Change, StoredPayment};

/// Rows of one page of a listing: payments of an order, findings of an audit.
pub const MAX_ROWS: i64 = 1000;

macro_rules! columns {
    () => {
        "payment_id, order_id, provider, provider_ref, hold, currency, amount, authorised, captured, refunded, \
         decline_code, action_url, version, created_at"
    };
}

const GET: &str = concat!("select ", columns!(), " from payment where payment_id = $1");
const GET_MANY: &str = concat!("select ", columns!(), " from payment where payment_id = any($1)");
const LOCK: &str = concat!("select ", columns!(), " from payment where payment_id = $1 for update");
const BY_ORDER: &str =
    concat!("select ", columns!(), " from payment where order_id = $1 order by created_at, payment_id limit $2");

/// Opens payments and their books; one that is there already stays as it is, and is not returned.
const OPEN: &str = "with opened as (
    insert into payment (payment_id, order_id, provider, provider_ref, hold, currency, amount, authorised, captured,
                         refunded, decline_code, action_url, version, created_at, updated_at)
    select payment_id, order_id, provider, provider_ref, hold, currency, amount, authorised, captured, refunded,
           decline_code, action_url, 1, at, at
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
                $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::timestamptz[])
        as o (payment_id, order_id, provider, provider_ref, hold, currency, amount, authorised, captured, refunded,
              decline_code, action_url, at)
    on conflict (payment_id) do nothing
    returning payment_id
), written as (
    insert into journal (payment_id, version, line, entry, debit, credit, amount, currency, at)
    select l.* from unnest($14::uuid[], $15::bigint[], $16::smallint[], $17::text[], $18::text[], $19::text[],
                           $20::bigint[], $21::text[], $22::timestamptz[])
        as l (payment_id, version, line, entry, debit, credit, amount, currency, at)
    join opened using (payment_id)
)
select payment_id from opened";

/// Moves payments on from the version that was read; one that has moved meanwhile stays, and is not returned.
const CHANGE: &str = "with changed as (
    update payment p
    set provider_ref = c.provider_ref, hold = c.hold, authorised = c.authorised, captured = c.captured,
        refunded = c.refunded, decline_code = c.decline_code, action_url = c.action_url, version = c.version,
        updated_at = $10
    from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
                $9::text[])
        as c (payment_id, version, provider_ref, hold, authorised, captured, refunded, decline_code, action_url)
    where p.payment_id = c.payment_id and p.version = c.version - 1
    returning p.payment_id
), written as (
    insert into journal (payment_id, version, line, entry, debit, credit, amount, currency, at)
    select l.*, $10::timestamptz
    from unnest($11::uuid[], $12::bigint[], $13::smallint[], $14::text[], $15::text[], $16::text[], $17::bigint[],
                $18::text[]) as l (payment_id, version, line, entry, debit, credit, amount, currency)
    join changed using (payment_id)
)
select payment_id from changed";

const REFUNDS: &str = "select key, amount, state from refund where payment_id = $1";
const INTEND_REFUND: &str = "insert into refund (payment_id, key, amount, state) values ($1, $2, $3, 'pending')
    on conflict (payment_id, key) do update set amount = excluded.amount, state = 'pending' where refund.state = 'refused'";
const END_REFUND: &str = "update refund set state = $3 where payment_id = $1 and key = $2 and state = 'pending'";

const SEEN: &str =
    "insert into webhook_event (provider, event_id, type, payment_id, outcome) values ($1, $2, $3, $4, $5)
    on conflict do nothing";

const UNBALANCED: &str = "select payment_id, version from journal
    group by payment_id, version
    having coalesce(sum(amount) filter (where entry = 'capture' and debit = 'customer_authorised' and credit = 'psp_hold'), 0)
        <> coalesce(sum(amount) filter (where entry = 'capture' and debit = 'psp_receivable' and credit = 'sales'), 0)
        or count(distinct currency) > 1
    order by payment_id, version limit $1";
const WRONG_AMOUNTS: &str = "select coalesce(p.payment_id, j.payment_id) as payment_id
    from payment p
    full join (
        select payment_id, max(version) as version, max(currency) as currency,
            coalesce(sum(amount) filter (where debit = 'psp_hold'), 0) as authorised,
            coalesce(sum(amount) filter (where credit = 'sales'), 0) as captured,
            coalesce(sum(amount) filter (where debit = 'refunds'), 0) as refunded,
            coalesce(sum(amount) filter (where entry = 'void'), 0) as given_back
        from journal group by payment_id
    ) j using (payment_id)
    where p.payment_id is null
        or p.authorised <> coalesce(j.authorised, 0)
        or p.captured <> coalesce(j.captured, 0)
        or p.refunded <> coalesce(j.refunded, 0)
        or coalesce(j.given_back, 0) <> case when p.hold = 'voided' then p.authorised else 0 end
        or p.currency <> coalesce(j.currency, p.currency)
        or p.version < coalesce(j.version, 0)
        or not (p.authorised >= p.captured and p.captured >= p.refunded and p.refunded >= 0)
    order by 1 limit $1";
const NET_CAPTURED: &str =
    "select currency, sum(captured - refunded)::bigint as net from payment group by currency order by currency";
const HELD_AFTER: &str = "select payment_id from payment
    where provider = $1 and payment_id > $2 and (authorised > 0 or provider_ref is not null)
    order by payment_id limit $3";

/// Every statement, for the test that prepares them all.
pub const STATEMENTS: &[(&str, &str)] = &[
    ("GET", GET),
    ("GET_MANY", GET_MANY),
    ("LOCK", LOCK),
    ("BY_ORDER", BY_ORDER),
    ("OPEN", OPEN),
    ("CHANGE", CHANGE),
    ("REFUNDS", REFUNDS),
    ("INTEND_REFUND", INTEND_REFUND),
    ("END_REFUND", END_REFUND),
    ("SEEN", SEEN),
    ("UNBALANCED", UNBALANCED),
    ("WRONG_AMOUNTS", WRONG_AMOUNTS),
    ("NET_CAPTURED", NET_CAPTURED),
    ("HELD_AFTER", HELD_AFTER),
];

/// The payments of this service.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// In `db`'s schema.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// A transaction of several statements.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        self.db.begin().await
    }

    /// One payment.
    pub async fn get(&self, id: PaymentId) -> Result<Option<StoredPayment>, DbError> {
        self.db.primary().query_opt(GET, &[&id.0]).await?.as_ref().map(decode).transpose()
    }

    /// Those of `ids` that are there.
    pub async fn get_many(&self, ids: &[Uuid]) -> Result<Vec<StoredPayment>, DbError> {
        self.db.primary().query(GET_MANY, &[&ids]).await?.iter().map(decode).collect()
    }

    /// The payments of an order, oldest first.
    pub async fn by_order(&self, order: Uuid) -> Result<Vec<StoredPayment>, DbError> {
        self.db.primary().query(BY_ORDER, &[&order, &MAX_ROWS]).await?.iter().map(decode).collect()
    }

    /// Opens payments alone, as a transaction of its own; gives those that were not there before.
    pub async fn open_alone(&self, changes: &[Change]) -> Result<Vec<Uuid>, DbError> {
        let (p, l) = (Columns::of(changes), Lines::of(changes));
        let rows = self.db.write_returning(OPEN, &open_params(&p, &l)).await?;
        rows.iter().map(|row| row.get_col("payment_id")).collect()
    }

    /// Opens payments within `tx`; gives those that were not there before.
    pub async fn open(&self, tx: &Tx, changes: &[Change]) -> Result<Vec<Uuid>, DbError> {
        let (p, l) = (Columns::of(changes), Lines::of(changes));
        let rows = tx.query(OPEN, &open_params(&p, &l)).await?;
        rows.iter().map(|row| row.get_col("payment_id")).collect()
    }

    /// Moves payments on within `tx`; gives those that were still as they had been read.
    pub async fn change(&self, tx: &Tx, changes: &[Change], at: Timestamp) -> Result<Vec<Uuid>, DbError> {
        let (p, l) = (Columns::of(changes), Lines::of(changes));
        let rows = tx.query(CHANGE, &change_params(&p, &l, &at)).await?;
        rows.iter().map(|row| row.get_col("payment_id")).collect()
    }

    /// One payment, locked until the transaction ends.
    pub async fn lock(&self, tx: &Tx, id: PaymentId) -> Result<Option<StoredPayment>, DbError> {
        tx.query_opt(LOCK, &[&id.0]).await?.as_ref().map(decode).transpose()
    }

    /// What was to be refunded so far.
    pub async fn refunds(&self, tx: &Tx, id: PaymentId) -> Result<Vec<PriorRefund>, DbError> {
        tx.query(REFUNDS, &[&id.0]).await?.iter().map(decode_refund).collect()
    }

    /// Writes down that a refund is to be made.
    pub async fn intend_refund(&self, tx: &Tx, id: PaymentId, key: &str, amount: i64) -> Result<(), DbError> {
        tx.execute(INTEND_REFUND, &[&id.0, &key, &amount]).await.map(drop)
    }

    /// Writes down what came of a refund under way.
    pub async fn end_refund(&self, id: PaymentId, key: &str, state: RefundState) -> Result<(), DbError> {
        self.db.write_one(END_REFUND, &[&id.0, &key, &refund_state(state)]).await.map(drop)
    }

    /// Notes a webhook, once.
    pub async fn seen(
        &self,
        provider: &str,
        event: &str,
        event_type: &str,
        payment: Option<PaymentId>,
        outcome: &str,
    ) -> Result<(), DbError> {
        let payment = payment.map(|payment| payment.0);
        self.db.write_one(SEEN, &[&provider, &event, &event_type, &payment, &outcome]).await.map(drop)
    }

    /// Entries whose lines do not belong together: `<payment>/<version>`.
    pub async fn unbalanced(&self) -> Result<Vec<String>, DbError> {
        let rows = self.db.primary().query(UNBALANCED, &[&MAX_ROWS]).await?;
        let name = |row: &Row| {
            let (payment, version): (Uuid, i64) = (row.get_col("payment_id")?, row.get_col("version")?);
            Ok(format!("{payment}/{version}"))
        };
        rows.iter().map(name).collect()
    }

    /// Payments whose amounts are out of order, or not those of the journal.
    pub async fn wrong_amounts(&self) -> Result<Vec<PaymentId>, DbError> {
        let rows = self.db.primary().query(WRONG_AMOUNTS, &[&MAX_ROWS]).await?;
        rows.iter().map(|row| Ok(PaymentId(row.get_col("payment_id")?))).collect()
    }

    /// Captured less refunded, by currency.
    pub async fn net_captured(&self) -> Result<Vec<Money>, DbError> {
        let rows = self.db.primary().query(NET_CAPTURED, &[]).await?;
        rows.iter().map(|row| Ok(currency(row)?.of(row.get_col("net")?))).collect()
    }

    /// Payments that `provider` must know, in the order of their ids.
    pub async fn held_after(&self, provider: &str, after: Uuid) -> Result<Vec<Uuid>, DbError> {
        let rows = self.db.primary().query(HELD_AFTER, &[&provider, &after, &MAX_ROWS]).await?;
        rows.iter().map(|row| row.get_col("payment_id")).collect()
    }
}
