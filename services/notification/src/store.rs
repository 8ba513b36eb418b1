//! All SQL of contacts and deliveries, in batches.

use jiff::Timestamp;
use souk_db::{Db, DbError, Row, RowExt, Tx};
use souk_flow::TraceColumns;
use souk_notification_api::{Delivery, DeliveryStatus, UnsentMail};
use souk_trace::Trace;
use uuid::Uuid;

use crate::content::{Contact, Content};

/// Messages of one batch: with a slow mail server still sent well within the sender's lease.
const MAX_BATCH: i64 = 32;
/// Messages that did not leave that are listed.
const MAX_UNSENT: i64 = 500;
/// Messages about one order that are listed.
const MAX_ROWS: i64 = 200;

const KEEP_CONTACTS: &str = "insert into contact (order_id, email, name, number, token)
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
    on conflict (order_id) do nothing";
const QUEUE: &str = "insert into delivery (message_id, order_id, template, content, traceparent, tracestate)
    select message_id, order_id, template, content::json, traceparent, tracestate
    from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
        as d (message_id, order_id, template, content, traceparent, tracestate)
    on conflict (message_id) do nothing";
const DUE: &str = "select d.message_id, d.order_id, d.attempts, d.content::text as content, d.created_at,
        d.traceparent, d.tracestate, c.email, c.name, c.number, c.token
    from delivery d left join contact c using (order_id)
    where d.status = 'queued' and d.next_at <= now() order by d.next_at, d.created_at limit $1";
const LEAD: &str = "insert into sender as s (holder, lease_until) values ($1, now() + make_interval(secs => $2))
    on conflict (the_one) do update set holder = $1, lease_until = excluded.lease_until
        where s.holder = $1 or s.lease_until < now()";
const MARK: &str = "update delivery d
    set status = m.status, attempts = d.attempts + 1, last_error = m.error, updated_at = now(), next_at = now() + make_interval(secs => m.pause),
        content = case when m.status = 'sent' then null else d.content end
    from unnest($1::text[], $2::text[], $3::text[], $4::float8[]) as m (message_id, status, error, pause)
    where d.message_id = m.message_id and d.status = 'queued'";
const NEXT: &str =
    "select extract(epoch from min(next_at) - now())::float8 as seconds from delivery where status = 'queued'";
const BY_ORDER: &str = "select message_id, template, status, updated_at from delivery
    where order_id = $1 order by created_at, message_id limit $2";

const UNSENT: &str = "select d.message_id, d.template, d.attempts, d.last_error, d.created_at,
        case when d.status = 'queued' then d.next_at end as next_try_at,
        coalesce(d.content #>> '{account,email}', c.email) as email
    from delivery d left join contact c using (order_id)
    where d.status <> 'sent' order by d.created_at desc, d.message_id limit $1";
const RETRY: &str = "update delivery set status = 'queued', attempts = 0, next_at = now(), updated_at = now()
    where status = 'failed' and ($1::text is null or message_id = $1)";

/// Every statement, for the test that prepares them all.
pub const STATEMENTS: &[(&str, &str)] = &[
    ("KEEP_CONTACTS", KEEP_CONTACTS),
    ("QUEUE", QUEUE),
    ("DUE", DUE),
    ("LEAD", LEAD),
    ("MARK", MARK),
    ("NEXT", NEXT),
    ("BY_ORDER", BY_ORDER),
    ("UNSENT", UNSENT),
    ("RETRY", RETRY),
];

/// A message to queue.
pub struct NewDelivery {
    /// Deterministic.
    pub message_id: String,
    /// About which order.
    pub order_id: Uuid,
    /// What it says.
    pub content: Content,
}

/// A message to send now.
pub struct Due {
    /// Deterministic.
    pub message_id: String,
    /// This try, from 1.
    pub attempt: i32,
    /// What it says, unless a newer program wrote it.
    pub content: Result<Content, String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// To whom; none while the order is not known here.
    pub contact: Option<Contact>,
    /// The place in a trace of what it tells of.
    pub trace: Option<Trace>,
}

/// What came of a try.
pub struct Marked {
    /// Of which message.
    pub message_id: String,
    /// Queued: to be tried again.
    pub status: DeliveryStatus,
    /// Why it did not leave.
    pub error: Option<String>,
    /// Seconds until the next try.
    pub pause: f64,
}

/// Contacts and deliveries.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// In `db`'s schema.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Notes whom to write to.
    pub async fn keep_contacts(&self, tx: &Tx, contacts: &[Contact]) -> Result<(), DbError> {
        if contacts.is_empty() {
            return Ok(());
        }
        let orders: Vec<Uuid> = contacts.iter().map(|c| c.order_id).collect();
        let column = |of: fn(&Contact) -> &str| contacts.iter().map(of).collect::<Vec<&str>>();
        let (emails, names) = (column(|c| &c.email), column(|c| &c.name));
        let (numbers, tokens) = (column(|c| &c.number), column(|c| &c.token));
        tx.execute(KEEP_CONTACTS, &[&orders, &emails, &names, &numbers, &tokens]).await.map(drop)
    }

    /// Queues messages; one with the same id that is there already stays the only one.
    pub async fn queue(&self, tx: &Tx, deliveries: &[NewDelivery]) -> Result<(), DbError> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = deliveries.iter().map(|d| d.message_id.as_str()).collect();
        let orders: Vec<Uuid> = deliveries.iter().map(|d| d.order_id).collect();
        let templates: Vec<&str> = deliveries.iter().map(|d| d.content.template()).collect();
        let contents = deliveries.iter().map(|d| serde_json::to_string(&d.content)).collect::<Result<Vec<_>, _>>();
        let contents = contents.map_err(|error| DbError::Other(error.to_string()))?;
        let traces = TraceColumns::here(deliveries.len());
        let parameters: [&(dyn souk_db::ToSql + Sync); 6] =
            [&ids, &orders, &templates, &contents, &traces.parents, &traces.states];
        tx.execute(QUEUE, &parameters).await.map(drop)
    }

    /// Messages to send now, the longest waiting first.
    pub async fn due(&self) -> Result<Vec<Due>, DbError> {
        self.db.primary().query(DUE, &[&MAX_BATCH]).await?.iter().map(due).collect()
    }

    /// Makes `holder` the one who sends, or lets it stay so, for `seconds`; false while another is.
    pub async fn lead(&self, holder: Uuid, seconds: f64) -> Result<bool, DbError> {
        Ok(self.db.write_one(LEAD, &[&holder, &seconds]).await? == 1)
    }

    /// Notes what came of tries, all in one statement.
    pub async fn mark(&self, marked: &[Marked]) -> Result<(), DbError> {
        let ids: Vec<&str> = marked.iter().map(|m| m.message_id.as_str()).collect();
        let statuses: Vec<&str> = marked.iter().map(|m| status_name(m.status)).collect();
        let errors: Vec<Option<&str>> = marked.iter().map(|m| m.error.as_deref()).collect();
        let pauses: Vec<f64> = marked.iter().map(|m| m.pause).collect();
        self.db.write_one(MARK, &[&ids, &statuses, &errors, &pauses]).await.map(drop)
    }

    /// Seconds until something is due; none when nothing waits.
    pub async fn next(&self) -> Result<Option<f64>, DbError> {
        self.db.primary().query_one(NEXT, &[]).await?.get_col("seconds")
    }

    /// Messages about an order, oldest first.
    pub async fn by_order(&self, order: Uuid) -> Result<Vec<Delivery>, DbError> {
        let rows = self.db.primary().query(BY_ORDER, &[&order, &MAX_ROWS]).await?;
        rows.iter().map(delivery).collect()
    }

    /// Messages that did not leave, the newest first.
    pub async fn unsent(&self, limit: u32) -> Result<Vec<UnsentMail>, DbError> {
        let limit = i64::from(limit).clamp(1, MAX_UNSENT);
        self.db.primary().query(UNSENT, &[&limit]).await?.iter().map(unsent).collect()
    }

    /// Queues what was given up, one or all; how many.
    pub async fn retry(&self, message_id: Option<&str>) -> Result<u64, DbError> {
        self.db.write_one(RETRY, &[&message_id]).await
    }
}

fn unsent(row: &Row) -> Result<UnsentMail, DbError> {
    Ok(UnsentMail {
        message_id: row.get_col("message_id")?,
        template: row.get_col("template")?,
        email: row.get_col("email")?,
        attempts: row.get_col("attempts")?,
        error: row.get_col("last_error")?,
        created_at: row.get_col("created_at")?,
        next_try_at: row.get_col("next_try_at")?,
    })
}

fn due(row: &Row) -> Result<Due, DbError> {
    let content: String = row.get_col("content")?;
    // One message that cannot be read must not keep back the others.
    let content = serde_json::from_str(&content).map_err(|error| error.to_string());
    let email: Option<String> = row.get_col("email")?;
    let contact = match email {
        None => None,
        Some(email) => Some(Contact {
            order_id: row.get_col("order_id")?,
            email,
            name: row.get_col("name")?,
            number: row.get_col("number")?,
            token: row.get_col("token")?,
        }),
    };
    let attempts: i32 = row.get_col("attempts")?;
    let (message_id, attempt) = (row.get_col("message_id")?, attempts + 1);
    let trace = souk_flow::trace_of_row(row)?;
    Ok(Due { message_id, attempt, content, created_at: row.get_col("created_at")?, contact, trace })
}

fn delivery(row: &Row) -> Result<Delivery, DbError> {
    let name: &str = row.get_col("status")?;
    let all = [DeliveryStatus::Queued, DeliveryStatus::Sent, DeliveryStatus::Failed];
    let status = all.into_iter().find(|status| status_name(*status) == name);
    let unexpected = || DbError::Column { column: "status".into(), detail: format!("unexpected value {name}") };
    Ok(Delivery {
        message_id: row.get_col("message_id")?,
        template: row.get_col("template")?,
        status: status.ok_or_else(unexpected)?,
        updated_at: row.get_col("updated_at")?,
    })
}

fn status_name(status: DeliveryStatus) -> &'static str {
    match status {
        DeliveryStatus::Queued => "queued",
        DeliveryStatus::Sent => "sent",
        DeliveryStatus::Failed => "failed",
    }
}
