//! SQL of counted tries of passwords, and of the devices on which an account is known. A try is counted before its password
//! is looked at, so that tries at the same moment cannot all be the first; a right password forgets them.

use std::time::Duration;

use souk_db::{Db, DbError, Row, RowExt, Tx};
use souk_identity_api::{CustomerId, LoginAttempts};
use uuid::Uuid;

use super::Store;
use crate::domain::{Backoff, Counters, Digest, Email, FORGET_AFTER, OWN, SHARED, TELL_EVERY, own_password};

/// How long a device is known after its last sign-in: longer than between two purchases of a year.
const DEVICE_SECONDS: f64 = 365.0 * 24.0 * 3600.0;

/// Looks at everything and counts nothing. One statement for accounts that exist and for such as don't. Read from the
/// primary: a replica would let tries through that are already too many.
const LOOK: &str = "
    with counter as (
        select n, coalesce(t.at >= now() - make_interval(secs => $4), false) as counts, t.failures,
               extract(epoch from t.blocked_until - now())::float8 as wait
        from unnest($3::bytea[]) with ordinality as k (account, n) left join login_attempt t using (account)
    )
    select c.id, c.password_hash,
           exists (select from device d where d.token_hash = $2) as issued,
           exists (select from device d where d.token_hash = $2 and d.customer_id = c.id) as known,
           (select array_agg(case when counts then failures else 0 end order by n) from counter) as failures,
           (select array_agg(coalesce(wait, 0) order by n) from counter) as waits
    from (select) as one left join customer c on c.email = $1";
/// While a key rests nothing is counted under it. Under one key five owners at the same moment would have to wait as well.
const COUNT: &str = "
    with attempt as (
        insert into login_attempt as t (account, failures, at) values ($1, 1, now())
        on conflict (account) do update set at = now(),
            failures = case when t.at < now() - make_interval(secs => $5) then 1 else t.failures + 1 end,
            blocked_until = case when t.at >= now() - make_interval(secs => $5) and t.failures + 1 >= $2
                then now() + make_interval(secs => least($3 * power(2, least(t.failures + 1 - $2, 30)), $4)) end
        where t.blocked_until is null or t.blocked_until <= now()
        returning failures
    )
    select (select failures from attempt) as failures,
           (select extract(epoch from blocked_until - now())::float8 from login_attempt where account = $1) as wait";
pub(super) const FORGET: &str = "delete from login_attempt where account = any($1::bytea[])";
/// Once a day for each account, whichever process comes first.
const TELL: &str = "update customer set attempts_told_at = now()
    where id = $1 and coalesce(attempts_told_at < now() - make_interval(secs => $2), true)
    returning email, attempts_told_at as at";
pub(super) const FORGET_DEVICES: &str = "delete from device where customer_id = $1";
const PURGE: &str = "delete from login_attempt where account in (
    select account from login_attempt where at < now() - make_interval(secs => $1) limit $2 for update skip locked)";
const PURGE_DEVICES: &str = "delete from device where (token_hash, customer_id) in (
    select token_hash, customer_id from device where seen_at < now() - make_interval(secs => $1)
    order by seen_at limit $2 for update skip locked)";

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("LOOK", LOOK),
    ("COUNT", COUNT),
    ("FORGET", FORGET),
    ("TELL", TELL),
    ("FORGET_DEVICES", FORGET_DEVICES),
    ("PURGE_ATTEMPTS", PURGE),
    ("PURGE_DEVICES", PURGE_DEVICES),
];

/// Who, and what their password is checked against.
pub struct Credentials {
    pub customer: CustomerId,
    pub password_hash: String,
}

/// What is known before a try.
pub struct Looked {
    /// `None`: there is no such account, which must not show.
    pub credentials: Option<Credentials>,
    /// The device's token is one of ours.
    pub issued: bool,
    /// The account was signed in to on this device.
    pub known: bool,
    /// Wrong tries of unknown devices so far, in both lanes.
    pub failures: i32,
    /// How long this try would have to wait; none: it may be counted.
    pub wait: Option<Duration>,
}

/// What came of counting a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The password may be looked at; so many tries are counted under the key since the last right one.
    Allowed(i32),
    /// The key rests for so long, and nothing was counted.
    Blocked(Duration),
}

impl Store {
    /// What is to be known before a try of `email`'s password.
    pub async fn look(&self, email: &Email, device: &Digest, counters: &Counters) -> Result<Looked, DbError> {
        let keys = [&counters.device, &counters.address, &counters.fresh, &counters.spent].map(Digest::as_slice);
        let params: &[&(dyn souk_db::ToSql + Sync)] =
            &[&email.as_str(), &device.as_slice(), &keys.as_slice(), &FORGET_AFTER.as_secs_f64()];
        looked(&self.db().primary().query_one(LOOK, params).await?, counters)
    }

    /// Counts a try under one key.
    pub async fn count(&self, key: &Digest, backoff: Backoff) -> Result<Counted, DbError> {
        let rows = self.db().write_returning(COUNT, &Params::of(key, backoff).all()).await?;
        counted(rows.first().ok_or_else(|| DbError::RowMissing(COUNT.to_owned()))?, backoff)
    }

    /// Counts a try from an unknown device under its address and then under the account, or under neither. In that order
    /// everywhere: the account's rows are the ones that many wait for.
    pub async fn count_unknown(&self, counters: &Counters) -> Result<Counted, DbError> {
        let tx = self.db().begin().await?;
        let failures = match count_in(&tx, &counters.address, OWN).await? {
            Counted::Allowed(failures) => failures,
            blocked @ Counted::Blocked(_) => return Ok(blocked),
        };
        let counted = count_in(&tx, counters.lane(failures), SHARED).await?;
        if let Counted::Allowed(_) = counted {
            tx.commit().await?;
        }
        Ok(counted)
    }

    /// Forgets the tries of a signed-in customer's own password, which was right.
    pub async fn forget_own_tries(&self, customer: CustomerId) -> Result<(), DbError> {
        let keys = [own_password(customer)];
        self.db().write_one(FORGET, &[&keys.each_ref().map(Digest::as_slice).as_slice()]).await.map(drop)
    }

    /// Tells the customer of tries from elsewhere, unless they were told within a day.
    pub async fn tell(&self, customer: CustomerId) -> Result<bool, DbError> {
        let tx = self.db().begin().await?;
        let Some(row) = tx.query_opt(TELL, &[&customer.0, &TELL_EVERY.as_secs_f64()]).await? else { return Ok(false) };
        let email = row.get_col::<String>("email")?.into();
        let event = LoginAttempts { customer_id: customer, email, at: row.get_col("at")? };
        self.outbox.push(&tx, &event).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(true)
    }
}

/// Deletes tries that no longer count and devices that were away for too long, at most `limit` of each.
pub(super) async fn purge(db: &Db, limit: i64) -> Result<(u64, u64), DbError> {
    let attempts = db.write_one(PURGE, &[&FORGET_AFTER.as_secs_f64(), &limit]).await?;
    let devices = db.write_one(PURGE_DEVICES, &[&DEVICE_SECONDS, &limit]).await?;
    Ok((attempts, devices))
}

/// Parameters of [`COUNT`].
struct Params<'a> {
    key: &'a [u8],
    free: i32,
    first: f64,
    longest: f64,
    forget: f64,
}

impl<'a> Params<'a> {
    fn of(key: &'a Digest, backoff: Backoff) -> Self {
        let (first, longest) = (backoff.first.as_secs_f64(), backoff.longest.as_secs_f64());
        Self { key, free: backoff.free, first, longest, forget: FORGET_AFTER.as_secs_f64() }
    }

    fn all(&self) -> [&(dyn souk_db::ToSql + Sync); 5] {
        [&self.key, &self.free, &self.first, &self.longest, &self.forget]
    }
}

async fn count_in(tx: &Tx, key: &Digest, backoff: Backoff) -> Result<Counted, DbError> {
    counted(&tx.query_one(COUNT, &Params::of(key, backoff).all()).await?, backoff)
}

fn counted(row: &Row, backoff: Backoff) -> Result<Counted, DbError> {
    if let Some(failures) = row.get_col::<Option<i32>>("failures")? {
        return Ok(Counted::Allowed(failures));
    }
    // Another try may have set it after this statement began to look.
    let wait = row.get_col::<Option<f64>>("wait")?;
    Ok(Counted::Blocked(whole_seconds(wait.unwrap_or(backoff.first.as_secs_f64()), backoff)))
}

/// As `Retry-After` has them.
fn whole_seconds(wait: f64, backoff: Backoff) -> Duration {
    Duration::from_secs_f64(wait.clamp(1.0, backoff.longest.as_secs_f64()).ceil())
}

fn looked(row: &Row, counters: &Counters) -> Result<Looked, DbError> {
    let failures: Vec<i32> = row.get_col("failures")?;
    let waits: Vec<f64> = row.get_col("waits")?;
    let ([_, at_address, fresh, spent], [device, address, fresh_wait, spent_wait]) = (&failures[..], &waits[..]) else {
        return Err(DbError::RowMissing(LOOK.to_owned()));
    };
    let known: bool = row.get_col("known")?;
    let lane = if *counters.lane(at_address.saturating_add(1)) == counters.fresh { fresh_wait } else { spent_wait };
    let resting: &[(f64, Backoff)] = if known { &[(*device, OWN)] } else { &[(*address, OWN), (*lane, SHARED)] };
    let waits = resting.iter().filter(|(wait, _)| *wait > 0.0).map(|(wait, backoff)| whole_seconds(*wait, *backoff));
    let credentials = match row.get_col::<Option<Uuid>>("id")? {
        Some(id) => Some(Credentials { customer: id.into(), password_hash: row.get_col("password_hash")? }),
        None => None,
    };
    Ok(Looked {
        credentials,
        issued: row.get_col("issued")?,
        known,
        failures: fresh.saturating_add(*spent),
        wait: waits.max(),
    })
}
