//! SQL of sessions (sign-ins). One row is one sign-in; it changes by compare-and-swap on the hash of its refresh token, and
//! is deleted when it ends.

use souk_db::{Db, DbError, Row, RowExt, Tx};
use souk_identity_api::{Customer, CustomerId, Session};
use uuid::Uuid;

use super::session_cache::Look;
use super::{Store, customer, read_customer};
use crate::domain::Digest;

/// Seconds until a sign-in ends, whatever happens (PROMISES: 30 days).
const ABSOLUTE_SECONDS: f64 = 30.0 * 24.0 * 3600.0;
/// Seconds without a look at it after which a browser's session ends (PROMISES: 24 h). A refresh counts as one.
const IDLE_SECONDS: f64 = 24.0 * 3600.0;
/// Seconds between two notes that a session is in use: a page view must not cost a commit.
const PROLONG_SECONDS: f64 = 60.0;
/// Sign-ins of one account: the oldest make room. More devices than anybody has.
const MAX_SESSIONS: i64 = 50;
/// Known devices of one account: as many again as sessions, since they outlive them.
const MAX_DEVICES: i64 = 100;

const REGISTER: &str = "
    with c as (
        insert into customer (id, email, name, password_hash) values ($1, $2, $3, $4)
        returning id, email, name, created_at
    ), made as (
        insert into session (id, customer_id, session_hash, refresh_hash, expires_at)
        select $5, c.id, $6, $7, now() + make_interval(secs => $8) from c
    )
    select c.id, c.email, c.name, c.created_at, '[]'::jsonb as addresses, extract(epoch from now())::bigint as now
    from c";
/// Only while the password is the one that was checked: the share lock waits for a change of it that is under way. Of too many
/// devices those that never came back make room first: programs that keep no token leave one at each sign-in.
const SIGN_IN: &str = concat!(
    "with who as (
        select id from customer where id = $1 and password_hash = $2 for share
    ), forgotten as (
        delete from login_attempt where account = any($3::bytea[]) and exists (select from who)
    ), device_seen as (
        insert into device as d (token_hash, customer_id) select $9, who.id from who
        on conflict (token_hash, customer_id) do update set seen_at = now()
    ), devices_gone as (
        delete from device where (token_hash, customer_id) in (
            select d.token_hash, d.customer_id from device d, who where d.customer_id = who.id and d.token_hash <> $9
            order by d.seen_at > d.created_at desc, d.seen_at desc offset $10 for update of d skip locked)
    ), oldest as (
        delete from session where id in (
            select s.id from session s, who where s.customer_id = who.id
            order by s.created_at desc, s.id offset $8 for update of s skip locked)
        returning session_hash
    ), made as (
        insert into session (id, customer_id, session_hash, refresh_hash, expires_at)
        select $4, who.id, $5, $6, now() + make_interval(secs => $7) from who
    )
    select ",
    customer!(),
    ", extract(epoch from now())::bigint as now, (select array_agg(session_hash) from oldest) as ended
    from who join customer c on c.id = who.id"
);
/// The swap: of two with the same token, the second waits for the first and then finds another hash.
const RENEW: &str = concat!(
    "with spent as (
        select id, session_hash from session where id = $1 and refresh_hash = $2 and expires_at > now() for update
    ), renewed as (
        update session s set refresh_hash = $3, session_hash = $4, seen_at = now()
        from spent where s.id = spent.id returning s.customer_id
    )
    select ",
    customer!(),
    ", extract(epoch from now())::bigint as now, (select array_agg(session_hash) from spent) as ended
    from renewed join customer c on c.id = renewed.customer_id"
);
const END: &str = "delete from session where id = $1 returning customer_id, session_hash";
const END_BY_TOKEN: &str = "delete from session where session_hash = $1 returning customer_id, session_hash";
/// Who ends many takes the customer's row first, so that two of them do not meet half-way.
pub(super) const LOCK_CUSTOMER: &str = "select 1 from customer where id = $1 for no key update";
const END_ALL: &str = "delete from session where customer_id = $1
    and not coalesce(session_hash = $2, false) and not coalesce(id = $3 and refresh_hash = $4, false)
    returning session_hash";
const SESSIONS_OF: &str = "select session_hash from session where customer_id = $1";
const SESSION: &str = "
    select s.id, s.customer_id, c.name, s.seen_at < now() - make_interval(secs => $3) as unnoted,
        s.expires_at > now() + make_interval(secs => $4) and s.seen_at > now() - make_interval(secs => $2 - $4) as lasts
    from session s join customer c on c.id = s.customer_id
    where s.session_hash = $1 and s.expires_at > now() and s.seen_at > now() - make_interval(secs => $2)";
const PROLONG: &str =
    "update session set seen_at = now() where id = $1 and seen_at < now() - make_interval(secs => $2)";
const PURGE: &str = "delete from session where id in (
    select id from session where expires_at <= now() order by expires_at limit $1 for update skip locked)";

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("REGISTER", REGISTER),
    ("SIGN_IN", SIGN_IN),
    ("RENEW", RENEW),
    ("END", END),
    ("END_BY_TOKEN", END_BY_TOKEN),
    ("LOCK_CUSTOMER", LOCK_CUSTOMER),
    ("END_ALL", END_ALL),
    ("SESSIONS_OF", SESSIONS_OF),
    ("SESSION", SESSION),
    ("PROLONG", PROLONG),
    ("PURGE", PURGE),
];

/// A session to store.
pub struct NewSession {
    pub id: Uuid,
    pub session: Digest,
    pub refresh: Digest,
}

/// A sign-in after the password was found right.
pub struct SignInWith<'a> {
    pub customer: CustomerId,
    /// The hash that it was checked against.
    pub password_hash: &'a str,
    /// What of counted tries is over with it.
    pub forget: &'a [Digest],
    /// By this token the device is known from now on.
    pub device: &'a [u8],
    pub session: &'a NewSession,
}

/// The session that is left alone when all others end; the default spares none.
#[derive(Default)]
pub struct Kept {
    /// By its browser's token.
    pub session: Option<Digest>,
    /// By its refresh token: the family and the last token's hash.
    pub refresh: Option<(Uuid, Digest)>,
}

/// A session in use.
pub struct LiveSession {
    pub session: Session,
    /// Its id, when its use was not noted for a minute.
    pub unnoted: Option<Uuid>,
}

impl Store {
    /// A session of the customer, whose tries are forgotten. `None`: the password is no longer the one that was checked.
    pub async fn sign_in(&self, with: &SignInWith<'_>) -> Result<Option<(Customer, i64)>, DbError> {
        let row = self.db().write_returning_opt(SIGN_IN, &SignInParams::of(with).all()).await?;
        self.signed_in(row).await
    }

    /// Swaps the session's tokens for those in `new`, if `spent` is the hash of its last refresh token.
    pub async fn renew(&self, spent: &Digest, new: &NewSession) -> Result<Option<(Customer, i64)>, DbError> {
        let params: &[&(dyn souk_db::ToSql + Sync)] =
            &[&new.id, &spent.as_slice(), &new.refresh.as_slice(), &new.session.as_slice()];
        let row = self.db().write_returning_opt(RENEW, params).await?;
        self.signed_in(row).await
    }

    pub(super) async fn signed_in(&self, row: Option<Row>) -> Result<Option<(Customer, i64)>, DbError> {
        let Some(row) = row else { return Ok(None) };
        self.session_cache().recall(row.get_col::<Option<Vec<Vec<u8>>>>("ended")?.unwrap_or_default()).await;
        read_signed_in(&row).map(Some)
    }

    /// Ends a session; whose it was, if it was one.
    pub async fn end(&self, id: Uuid) -> Result<Option<CustomerId>, DbError> {
        let row = self.db().write_returning_opt(END, &[&id]).await?;
        self.ended(row).await
    }

    /// Ends the session of a browser's token.
    pub async fn end_by_token(&self, token: &Digest) -> Result<Option<CustomerId>, DbError> {
        let row = self.db().write_returning_opt(END_BY_TOKEN, &[&token.as_slice()]).await?;
        self.ended(row).await
    }

    async fn ended(&self, row: Option<Row>) -> Result<Option<CustomerId>, DbError> {
        let Some(row) = row else { return Ok(None) };
        self.session_cache().recall([row.get_col::<Vec<u8>>("session_hash")?]).await;
        Ok(Some(row.get_col::<Uuid>("customer_id")?.into()))
    }

    /// Ends all sessions of a customer.
    pub async fn end_everywhere(&self, customer: CustomerId) -> Result<(), DbError> {
        let tx = self.db().begin().await?;
        tx.query_opt(LOCK_CUSTOMER, &[&customer.0]).await?;
        let ended = end_all(&tx, customer, &Kept::default()).await?;
        self.session_cache().commit(tx, ended).await
    }

    /// Whom a browser's token belongs to, if its session is live.
    pub async fn live_session(&self, token: &Digest) -> Result<Option<LiveSession>, DbError> {
        let deadline = match self.session_cache().look(token).await {
            Look::Live(session) => return Ok(Some(LiveSession { session, unnoted: None })),
            Look::Unknown(deadline) => deadline,
        };
        let lease = souk_redis::LEASE.as_secs_f64();
        let params: &[&(dyn souk_db::ToSql + Sync)] = &[&token.as_slice(), &IDLE_SECONDS, &PROLONG_SECONDS, &lease];
        let Some(row) = self.db().primary().query_opt(SESSION, params).await? else { return Ok(None) };
        let session = Session { customer_id: row.get_col::<Uuid>("customer_id")?.into(), name: row.get_col("name")? };
        // One that runs out within the lease is asked for every time.
        if let (Some(deadline), true) = (deadline, row.get_col("lasts")?) {
            self.session_cache().keep(token, deadline, &session).await;
        }
        let unnoted = row.get_col::<bool>("unnoted")?.then(|| row.get_col("id")).transpose()?;
        Ok(Some(LiveSession { session, unnoted }))
    }

    /// Notes that a session is in use, once a minute; true when it was this call.
    pub async fn prolong(&self, id: Uuid) -> Result<bool, DbError> {
        Ok(self.db().write_one(PROLONG, &[&id, &PROLONG_SECONDS]).await? > 0)
    }
}

/// Signs in within a transaction; the row is for [`Store::signed_in`] after the commit.
pub(super) async fn sign_in(tx: &Tx, with: &SignInWith<'_>) -> Result<Option<Row>, DbError> {
    tx.query_opt(SIGN_IN, &SignInParams::of(with).all()).await
}

/// Parameters of [`SIGN_IN`].
struct SignInParams<'a> {
    with: &'a SignInWith<'a>,
    forget: Vec<&'a [u8]>,
    session: &'a [u8],
    refresh: &'a [u8],
}

impl<'a> SignInParams<'a> {
    fn of(with: &'a SignInWith<'a>) -> Self {
        let forget = with.forget.iter().map(Digest::as_slice).collect();
        Self { with, forget, session: &with.session.session, refresh: &with.session.refresh }
    }

    fn all(&self) -> [&(dyn souk_db::ToSql + Sync); 10] {
        const OTHERS: i64 = MAX_SESSIONS - 1;
        const OTHER_DEVICES: i64 = MAX_DEVICES - 1;
        let with = self.with;
        [
            &with.customer.0,
            &with.password_hash,
            &self.forget,
            &with.session.id,
            &self.session,
            &self.refresh,
            &ABSOLUTE_SECONDS,
            &OTHERS,
            &with.device,
            &OTHER_DEVICES,
        ]
    }
}

/// Makes a customer and a first session.
pub(super) async fn register(
    tx: &Tx,
    id: CustomerId,
    email: &str,
    name: &str,
    password_hash: &str,
    new: &NewSession,
) -> Result<(Customer, i64), DbError> {
    let params: &[&(dyn souk_db::ToSql + Sync)] = &[
        &id.0,
        &email,
        &name,
        &password_hash,
        &new.id,
        &new.session.as_slice(),
        &new.refresh.as_slice(),
        &ABSOLUTE_SECONDS,
    ];
    read_signed_in(&tx.query_one(REGISTER, params).await?)
}

/// Ends all sessions of a customer, whose row is locked, but the one that is kept. Recall what comes back after the commit.
pub(super) async fn end_all(tx: &Tx, customer: CustomerId, kept: &Kept) -> Result<Vec<Vec<u8>>, DbError> {
    let session = kept.session.as_ref().map(Digest::as_slice);
    let (family, refresh) = kept.refresh.as_ref().map(|(id, digest)| (id, digest.as_slice())).unzip();
    let rows = tx.query(END_ALL, &[&customer.0, &session, &family, &refresh]).await?;
    rows.iter().map(|row| row.get_col("session_hash")).collect()
}

/// The tokens of a customer's sessions.
pub(super) async fn all_of(tx: &Tx, customer: CustomerId) -> Result<Vec<Vec<u8>>, DbError> {
    let rows = tx.query(SESSIONS_OF, &[&customer.0]).await?;
    rows.iter().map(|row| row.get_col("session_hash")).collect()
}

/// Deletes at most `limit` sessions that are over.
pub(super) async fn purge(db: &Db, limit: i64) -> Result<u64, DbError> {
    db.write_one(PURGE, &[&limit]).await
}

fn read_signed_in(row: &Row) -> Result<(Customer, i64), DbError> {
    Ok((read_customer(row)?, row.get_col("now")?))
}
