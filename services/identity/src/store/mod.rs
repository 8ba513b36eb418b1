//! All SQL of identity: here accounts and the rest, in `tries` the counted tries of passwords and the known devices, in
//! `links` the links sent by mail, in `email_change` those to another address, in `sessions` the sign-ins, in `addresses` the addresses.
//!
//! Locks are taken in one order everywhere, a customer's row before sessions or addresses of that customer, sessions by
//! id; so writers wait for each other and never in a circle.

mod addresses;
mod email_change;
mod links;
mod session_cache;
mod sessions;
mod tries;

use std::time::Duration;

use souk_db::{Db, DbError, Json, Row, RowExt, Tx, WalPosition};
use souk_flow::Outbox;
use souk_identity_api::{Customer, CustomerId, CustomerRegistered, Staff, StoredAddress};
use uuid::Uuid;

use crate::domain::{Digest, Email, own_password, shown};

pub use addresses::Stored;
pub use email_change::NewEmailChange;
pub use links::{Confirmed, NewLink};
pub(crate) use session_cache::SessionCache;
pub use sessions::{Kept, LiveSession, NewSession, SignInWith};
pub use tries::{Counted, Credentials, Looked};

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

const UPGRADE_HASH: &str = "update customer set password_hash = $3 where id = $1 and password_hash = $2";
const ME: &str = concat!("select ", customer!(), " from customer c where c.id = $1");
const RENAME: &str = "update customer set name = $2, updated_at = now() where id = $1";
/// Not when another change of the password came first.
const CHANGE_PASSWORD: &str =
    "update customer set password_hash = $3, updated_at = now() where id = $1 and password_hash = $2";
const CREATE_STAFF: &str =
    "insert into staff (id, email, name, password_hash, permissions) values ($1, $2, $3, $4, $5)";
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

/// Rows of one delete of the housekeeping: short enough to stall no other statement.
const CHUNK: i64 = 1_000;

/// Every statement, for the test that prepares them against the migrated schema.
pub fn statements() -> Vec<(&'static str, &'static str)> {
    let here = [
        ("UPGRADE_HASH", UPGRADE_HASH),
        ("ME", ME),
        ("RENAME", RENAME),
        ("CHANGE_PASSWORD", CHANGE_PASSWORD),
        ("CREATE_STAFF", CREATE_STAFF),
        ("SIGNING_KEYS", SIGNING_KEYS),
        ("ADD_KEY", ADD_KEY),
        ("RETIRE_KEYS", RETIRE_KEYS),
    ];
    let others =
        [sessions::STATEMENTS, tries::STATEMENTS, links::STATEMENTS, email_change::STATEMENTS, addresses::STATEMENTS];
    here.into_iter().chain(others.into_iter().flatten().copied()).collect()
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
}

/// The statements, on one schema.
#[derive(Clone)]
pub struct Store {
    db: Db,
    outbox: Outbox,
    session_cache: SessionCache,
}

impl Store {
    /// On `db`'s schema.
    pub fn new(db: Db) -> Self {
        Self { outbox: Outbox::new(&db), db, session_cache: SessionCache(None) }
    }

    /// The same, with `session_cache`, which is told of every session that ends.
    pub(crate) fn with(self, session_cache: SessionCache) -> Self {
        Self { session_cache, ..self }
    }

    pub(crate) fn session_cache(&self) -> &SessionCache {
        &self.session_cache
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

    /// Replaces a weak hash by a stronger one of the same password.
    pub async fn upgrade_hash(&self, id: CustomerId, old: &str, new: &str) -> Result<u64, DbError> {
        self.db.write_one(UPGRADE_HASH, &[&id.0, &old, &new]).await
    }

    /// A customer, as everything up to `at_least` shows them.
    pub async fn customer(&self, at_least: WalPosition, id: CustomerId) -> Result<Option<Customer>, DbError> {
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
            let keys = [own_password(id)];
            tx.execute(tries::FORGET, &[&keys.each_ref().map(Digest::as_slice).as_slice()]).await?;
            tx.execute(email_change::FORGET, &[&id.0]).await?;
        }
        if let Some(name) = change.name {
            tx.execute(RENAME, &[&id.0, &name]).await?;
            // They show the name.
            recalled.extend(sessions::all_of(&tx, id).await?);
        }
        let customer = customer_in(&tx, id).await?;
        self.session_cache.commit(tx, recalled).await?;
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

    /// Deletes what has run out: sessions, tries that no longer count, devices that stayed away, unused links.
    pub async fn purge(&self) -> Result<u64, DbError> {
        let mut purged = 0;
        loop {
            let sessions = sessions::purge(&self.db, CHUNK).await?;
            let (attempts, devices) = tries::purge(&self.db, CHUNK).await?;
            let links = links::purge(&self.db, CHUNK).await?;
            purged += sessions + attempts + devices + links;
            if sessions.max(attempts).max(devices).max(links) < CHUNK.unsigned_abs() {
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
        email: shown(row.get_col("email")?),
        name: row.get_col("name")?,
        addresses,
        created_at: row.get_col("created_at")?,
    })
}
