//! All SQL of identity: here accounts and the rest, in `sessions` the sign-ins, in `addresses` the addresses.
//!
//! Locks are taken in one order everywhere, a customer's row before sessions or addresses of that customer, sessions by
//! id; so writers wait for each other and never in a circle.

mod addresses;
mod known;
mod sessions;

use std::time::Duration;

use souk_db::{Db, DbError, Json, Position, Row, RowExt, Tx};
use souk_flow::Outbox;
use souk_identity_api::{Customer, CustomerId, CustomerRegistered, Staff, StoredAddress};
use uuid::Uuid;

use crate::domain::{Email, FIRST_WAIT, FORGET_AFTER, FREE_FAILURES, LONGEST_WAIT};

pub use addresses::Stored;
pub(crate) use known::Known;
pub use sessions::{Kept, LiveSession, NewSession};

/// A customer in the words of [`read_customer`]; the row is `c`.
macro_rules! customer {
    () => {
        "c.id, c.email, c.name, c.created_at, coalesce((select jsonb_agg(
                jsonb_build_object('id', a.id, 'is_default', a.is_default) || a.address
                order by a.is_default desc, a.created_at, a.id)
             from address a where a.customer_id = c.id), '[]') as addresses"
    };
}
pub(crate) use customer;

/// Counts a try before the password is looked at, so that tries at the same moment cannot all be the first; a right
/// password forgets them. So an owner who signs in more than five times at the same moment is asked to wait as well.
/// While the account rests nothing is counted. One statement for accounts that exist and for such as don't.
const ATTEMPT: &str = "
    with attempt as (
        insert into login_attempt as t (account, failures, at) values ($1, 1, now())
        on conflict (account) do update set at = now(),
            failures = case when t.at < now() - make_interval(secs => $6) then 1 else t.failures + 1 end,
            blocked_until = case when t.at >= now() - make_interval(secs => $6) and t.failures + 1 >= $3
                then now() + make_interval(secs => least($4 * power(2, least(t.failures + 1 - $3, 30)), $5)) end
        where t.blocked_until is null or t.blocked_until <= now()
        returning 1
    )
    select exists (select from attempt) as allowed,
           (select extract(epoch from blocked_until - now())::float8 from login_attempt where account = $1) as wait,
           c.id, c.password_hash
    from (select) as one left join customer c on c.email = $2";
const FORGET_ATTEMPTS: &str = "delete from login_attempt where account = $1";
const UPGRADE_HASH: &str = "update customer set password_hash = $3 where id = $1 and password_hash = $2";
const ME: &str = concat!("select ", customer!(), " from customer c where c.id = $1");
const RENAME: &str = "update customer set name = $2, updated_at = now() where id = $1";
/// Not when another change of the password came first.
const CHANGE_PASSWORD: &str =
    "update customer set password_hash = $3, updated_at = now() where id = $1 and password_hash = $2";
const CREATE_STAFF: &str =
    "insert into staff (id, email, name, password_hash, permissions) values ($1, $2, $3, $4, $5)";
const PURGE_ATTEMPTS: &str = "delete from login_attempt where account in (
    select account from login_attempt where at < now() - make_interval(secs => $1) limit $2 for update skip locked)";

const SIGNING_KEYS: &str = "select kid, public_key, sealed, active_at <= now() as active
    from signing_key order by generation";
/// The first key signs at once, later ones are published ahead. Of two that see the same last generation one wins.
const ADD_KEY: &str = "
    insert into signing_key (kid, generation, public_key, sealed, active_at)
    select $1, coalesce(max(generation), 0) + 1, $2, $3,
           now() + case when count(*) = 0 then interval '0' else make_interval(secs => $5) end
    from signing_key having coalesce(max(created_at) < now() - make_interval(secs => $4), true)
    on conflict do nothing";
const RETIRE_KEYS: &str = "delete from signing_key old where exists (select from signing_key new
    where new.generation > old.generation and new.active_at < now() - make_interval(secs => $1))";

/// Rows of one delete of the housekeeping: short enough to stall nobody.
const CHUNK: i64 = 1_000;

/// Every statement, for the test that prepares them against the migrated schema.
pub fn statements() -> Vec<(&'static str, &'static str)> {
    let here = [
        ("ATTEMPT", ATTEMPT),
        ("FORGET_ATTEMPTS", FORGET_ATTEMPTS),
        ("UPGRADE_HASH", UPGRADE_HASH),
        ("ME", ME),
        ("RENAME", RENAME),
        ("CHANGE_PASSWORD", CHANGE_PASSWORD),
        ("CREATE_STAFF", CREATE_STAFF),
        ("PURGE_ATTEMPTS", PURGE_ATTEMPTS),
        ("SIGNING_KEYS", SIGNING_KEYS),
        ("ADD_KEY", ADD_KEY),
        ("RETIRE_KEYS", RETIRE_KEYS),
    ];
    here.into_iter().chain(sessions::STATEMENTS.iter().copied()).chain(addresses::STATEMENTS.iter().copied()).collect()
}

/// A try of a password.
pub enum Attempt {
    /// It may be looked at. `None`: there is no such account, which must not show.
    Allowed(Option<Credentials>),
    /// The account rests for so long.
    Blocked(Duration),
}

/// Who, and what their password is checked against.
pub struct Credentials {
    pub customer: CustomerId,
    pub password_hash: String,
}

/// A signing key as it is stored.
pub struct KeyRow {
    pub kid: String,
    pub public_key: Vec<u8>,
    pub sealed: Vec<u8>,
    /// It signs already.
    pub active: bool,
}

/// What a change of the account comes to.
pub struct AccountChange<'a> {
    pub customer: CustomerId,
    pub name: Option<&'a str>,
    /// The hash so far and the new one, and the session that stays.
    pub password: Option<(&'a str, &'a str, Kept)>,
    /// Tries are counted under it.
    pub account: [u8; 32],
}

/// The statements, on one schema.
#[derive(Clone)]
pub struct Store {
    db: Db,
    outbox: Outbox,
    known: Known,
}

impl Store {
    /// On `db`'s schema.
    pub fn new(db: Db) -> Self {
        Self { outbox: Outbox::new(&db), db, known: Known(None) }
    }

    /// The same, believing `known`, which is told of every session that ends.
    pub(crate) fn with(self, known: Known) -> Self {
        Self { known, ..self }
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// The handle.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Makes an account and its first session, and tells of it.
    pub async fn register(
        &self,
        id: CustomerId,
        email: &Email,
        name: &str,
        password_hash: &str,
        session: &NewSession,
    ) -> Result<(Customer, i64), DbError> {
        let tx = self.db.begin().await?;
        let made = sessions::register(&tx, id, email.as_str(), name, password_hash, session).await?;
        let (email, name) = (email.as_str().to_owned().into(), name.to_owned().into());
        self.outbox.push(&tx, &CustomerRegistered { customer_id: id, email, name }).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(made)
    }

    /// Counts a try of `email`'s password and finds what to check it against.
    pub async fn attempt(&self, email: &Email) -> Result<Attempt, DbError> {
        let (first, longest) = (FIRST_WAIT.as_secs_f64(), LONGEST_WAIT.as_secs_f64());
        let account = email.account();
        let params: &[&(dyn souk_db::ToSql + Sync)] =
            &[&account.as_slice(), &email.as_str(), &FREE_FAILURES, &first, &longest, &FORGET_AFTER.as_secs_f64()];
        let rows = self.db.write_returning(ATTEMPT, params).await?;
        let row = rows.first().ok_or_else(|| DbError::RowMissing(ATTEMPT.to_owned()))?;
        if !row.get_col::<bool>("allowed")? {
            // Another try may have set it after this statement began to look.
            let wait = row.get_col::<Option<f64>>("wait")?.unwrap_or(first).clamp(1.0, longest);
            return Ok(Attempt::Blocked(Duration::from_secs_f64(wait.ceil())));
        }
        let credentials = match row.get_col::<Option<Uuid>>("id")? {
            Some(id) => Some(Credentials { customer: id.into(), password_hash: row.get_col("password_hash")? }),
            None => None,
        };
        Ok(Attempt::Allowed(credentials))
    }

    /// Replaces a weak hash by a stronger one of the same password.
    pub async fn upgrade_hash(&self, id: CustomerId, old: &str, new: &str) -> Result<u64, DbError> {
        self.db.write_one(UPGRADE_HASH, &[&id.0, &old, &new]).await
    }

    /// A customer, as everything up to `at_least` shows them.
    pub async fn customer(&self, at_least: Position, id: CustomerId) -> Result<Option<Customer>, DbError> {
        let row = self.db.read(at_least).query_opt(ME, &[&id.0]).await?;
        row.as_ref().map(read_customer).transpose()
    }

    /// Changes an account; a new password ends all sessions but one. `None`: the password was changed meanwhile.
    pub async fn change(&self, change: &AccountChange<'_>) -> Result<Option<Customer>, DbError> {
        let id = change.customer;
        let tx = self.db.begin().await?;
        let mut recalled = Vec::new();
        if let Some((old, new, kept)) = &change.password {
            if tx.execute(CHANGE_PASSWORD, &[&id.0, old, new]).await? == 0 {
                return Ok(None);
            }
            // A statement of its own, after the row's lock: it sees every session that the old password opened.
            recalled = sessions::end_all(&tx, id, kept).await?;
            tx.execute(FORGET_ATTEMPTS, &[&change.account.as_slice()]).await?;
        }
        if let Some(name) = change.name {
            tx.execute(RENAME, &[&id.0, &name]).await?;
            // They show the name.
            recalled.extend(sessions::all_of(&tx, id).await?);
        }
        let customer = customer_in(&tx, id).await?;
        tx.commit().await?;
        self.known.recall(recalled).await;
        Ok(customer)
    }

    /// Makes a staff account.
    pub async fn create_staff(
        &self,
        staff: &Staff,
        password_hash: &str,
        permissions: &[String],
    ) -> Result<(), DbError> {
        let params: &[&(dyn souk_db::ToSql + Sync)] =
            &[&staff.id.0, &staff.email, &staff.name, &password_hash, &permissions];
        self.db.write_one(CREATE_STAFF, params).await.map(drop)
    }

    /// All keys, the oldest first.
    pub async fn signing_keys(&self) -> Result<Vec<KeyRow>, DbError> {
        let rows = self.db.primary().query(SIGNING_KEYS, &[]).await?;
        let read = |row: &Row| {
            Ok(KeyRow {
                kid: row.get_col("kid")?,
                public_key: row.get_col("public_key")?,
                sealed: row.get_col("sealed")?,
                active: row.get_col("active")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Adds a key unless the last one is younger than `rotate_after`; false then, or when another process was first.
    pub async fn add_key(
        &self,
        kid: &str,
        public_key: &[u8],
        sealed: &[u8],
        rotate_after: Duration,
        published_ahead: Duration,
    ) -> Result<bool, DbError> {
        let (after, ahead) = (rotate_after.as_secs_f64(), published_ahead.as_secs_f64());
        Ok(self.db.write_one(ADD_KEY, &[&kid, &public_key, &sealed, &after, &ahead]).await? > 0)
    }

    /// Deletes keys whose successor has signed for longer than `kept_after`.
    pub async fn retire_keys(&self, kept_after: Duration) -> Result<u64, DbError> {
        self.db.write_one(RETIRE_KEYS, &[&kept_after.as_secs_f64()]).await
    }

    /// Deletes what has run out: sessions, and tries that no longer count.
    pub async fn purge(&self) -> Result<u64, DbError> {
        let mut purged = 0;
        loop {
            let sessions = sessions::purge(&self.db, CHUNK).await?;
            let attempts = self.db.write_one(PURGE_ATTEMPTS, &[&FORGET_AFTER.as_secs_f64(), &CHUNK]).await?;
            purged += sessions + attempts;
            if sessions.max(attempts) < CHUNK.unsigned_abs() {
                return Ok(purged);
            }
        }
    }
}

async fn customer_in(tx: &Tx, id: CustomerId) -> Result<Option<Customer>, DbError> {
    let row = tx.query_opt(ME, &[&id.0]).await?;
    row.as_ref().map(read_customer).transpose()
}

fn read_customer(row: &Row) -> Result<Customer, DbError> {
    let Json(addresses): Json<Vec<StoredAddress>> = row.get_col("addresses")?;
    Ok(Customer {
        id: row.get_col::<Uuid>("id")?.into(),
        email: row.get_col("email")?,
        name: row.get_col("name")?,
        addresses,
        created_at: row.get_col("created_at")?,
    })
}
