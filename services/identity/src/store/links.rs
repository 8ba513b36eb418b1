//! SQL of links sent by mail. Asking for one does the same work whether the address has an account or not; using one takes
//! all of the address with it.

use souk_db::{Db, DbError, RowExt};
use souk_identity_api::{Customer, CustomerId, CustomerRegistered, LinkRequested};
use uuid::Uuid;

use super::sessions::{self, Kept, NewSession, SignInWith};
use super::{Store, email_change, tries};
use crate::domain::{Counters, Digest, Email, OpaqueToken, own_password};

/// How long a link is good that makes an account: mails are often read in the evening.
const NEW_SECONDS: f64 = DAY_SECONDS;
/// How long one is good that opens an account that there is.
pub(super) const KNOWN_SECONDS: f64 = 30.0 * 60.0;
/// Time in which links are counted.
pub(super) const DAY_SECONDS: f64 = 24.0 * 3600.0;
/// Links in that time to an address without an account: mailboxes are not flooded.
pub(super) const MAX_LINKS: i64 = 5;
/// Seconds between two links for one address: a form sent twice makes one mail.
pub(super) const APART_SECONDS: f64 = 60.0;

/// One asker per address at a time, so that two at once do not both find room. Until the transaction ends.
pub(super) const TAKE_TURNS: &str = "select pg_advisory_xact_lock($1)";
/// To an account that there is, each link is sent twice as long after the one before as that one was, but never later than that
/// one ends. So whoever asks for another customer's links until none is sent has put a good one into the owner's mailbox.
const ADD: &str = "
    with known as (
        select exists (select from customer where email = $3) as has_account
    ), sent as (
        select count(*) as links, max(created_at) as last from account_link
        where account = $2 and customer_id is null and created_at > now() - make_interval(secs => $8)
    )
    insert into account_link (token_hash, account, email, name, expires_at)
    select $1, $2, $3, $4, now() + make_interval(secs => case when has_account then $6::float8 else $5::float8 end)
    from known, sent
    where links = 0
       or has_account and last < now() - make_interval(secs => least($7::float8 * power(2::float8, least(links - 1, 20)), $6::float8))
       or not has_account and last < now() - make_interval(secs => $7) and links < $9
    returning expires_at, (select has_account from known) as has_account";
const FIND: &str = "
    select email, name from account_link where token_hash = $1 and customer_id is null and expires_at > now()";
/// Of two with the same link, the second waits for the first and then finds none.
const USE: &str = "
    with used as (
        select account from account_link where token_hash = $1 and customer_id is null and expires_at > now() for update
    )
    delete from account_link l using used where l.account = used.account and l.customer_id is null";
/// A row without an earlier version was inserted.
const SET_PASSWORD: &str = "
    insert into customer as c (id, email, name, password_hash) values ($1, $2, $3, $4)
    on conflict (email) do update set password_hash = excluded.password_hash, updated_at = now()
    returning id, xmax = 0 as made";
const PURGE: &str = "delete from account_link where token_hash in (
    select token_hash from account_link where expires_at <= now() and created_at <= now() - make_interval(secs => $2)
    order by expires_at limit $1 for update skip locked)";

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("TAKE_TURNS", TAKE_TURNS),
    ("ADD_LINK", ADD),
    ("FIND_LINK", FIND),
    ("USE_LINK", USE),
    ("SET_PASSWORD", SET_PASSWORD),
    ("PURGE_LINKS", PURGE),
];

/// A link to send.
pub struct NewLink<'a> {
    pub id: Uuid,
    pub email: &'a Email,
    /// Of a new customer.
    pub name: &'a str,
    pub token: &'a OpaqueToken,
}

/// A link that is used, and what with it.
pub struct Confirmed<'a> {
    pub token: &'a Digest,
    pub email: &'a Email,
    pub name: &'a str,
    /// If the address has no account yet.
    pub id: CustomerId,
    pub password_hash: &'a str,
    pub device: &'a Digest,
    pub session: &'a NewSession,
}

impl Store {
    /// Notes a link and has it sent; false when the address was sent enough of them.
    pub async fn add_link(&self, link: &NewLink<'_>) -> Result<bool, DbError> {
        let (account, digest) = (link.email.account(), link.token.digest());
        let tx = self.db().begin().await?;
        tx.query_one(TAKE_TURNS, &[&turn(&account)]).await?;
        let params: &[&(dyn souk_db::ToSql + Sync)] = &[
            &digest.as_slice(),
            &account.as_slice(),
            &link.email.as_str(),
            &link.name,
            &NEW_SECONDS,
            &KNOWN_SECONDS,
            &APART_SECONDS,
            &DAY_SECONDS,
            &MAX_LINKS,
        ];
        let Some(row) = tx.query_opt(ADD, params).await? else { return Ok(false) };
        let email = link.email.as_str().to_owned().into();
        let (has_account, expires_at) = (row.get_col("has_account")?, Some(row.get_col("expires_at")?));
        let event = LinkRequested { id: link.id, email, token: link.token.text(), has_account, expires_at };
        self.outbox.push(&tx, &event).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(true)
    }

    /// Address and name of a link that is good.
    pub async fn link(&self, token: &Digest) -> Result<Option<(String, String)>, DbError> {
        let Some(row) = self.db().primary().query_opt(FIND, &[&token.as_slice()]).await? else { return Ok(None) };
        Ok(Some((row.get_col("email")?, row.get_col("name")?)))
    }

    /// Uses a link: makes the account, or gives the one there is a new password and ends its sessions and devices; and signs
    /// in. `None`: the link was used meanwhile.
    pub async fn confirm(&self, confirmed: &Confirmed<'_>) -> Result<Option<(Customer, i64)>, DbError> {
        let (email, name) = (confirmed.email.as_str(), confirmed.name);
        let tx = self.db().begin().await?;
        if tx.execute(USE, &[&confirmed.token.as_slice()]).await? == 0 {
            return Ok(None);
        }
        let params: &[&(dyn souk_db::ToSql + Sync)] = &[&confirmed.id.0, &email, &name, &confirmed.password_hash];
        let row = tx.query_one(SET_PASSWORD, params).await?;
        let customer = CustomerId(row.get_col("id")?);
        let mut recalled = Vec::new();
        if row.get_col("made")? {
            let (email, name) = (email.to_owned().into(), name.to_owned().into());
            self.outbox.push(&tx, &CustomerRegistered { customer_id: customer, email, name }).await?;
        } else {
            recalled = sessions::end_all(&tx, customer, &Kept::default()).await?;
            tx.execute(tries::FORGET_DEVICES, &[&customer.0]).await?;
            tx.execute(email_change::FORGET, &[&customer.0]).await?;
        }
        let counters = Counters::new(confirmed.email, None, None);
        let sign_in = SignInWith {
            customer,
            password_hash: confirmed.password_hash,
            forget: &[counters.fresh, counters.spent, own_password(customer)],
            device: confirmed.device,
            session: confirmed.session,
        };
        let row = sessions::sign_in(&tx, &sign_in).await?;
        self.session_cache().commit(tx, recalled).await?;
        self.outbox.wake();
        self.signed_in(row).await
    }
}

/// Deletes at most `limit` links that are too old, and no longer counted.
pub(super) async fn purge(db: &Db, limit: i64) -> Result<u64, DbError> {
    db.write_one(PURGE, &[&limit, &DAY_SECONDS]).await
}

/// The lock of an address. Two that share one wait for each other, and no more.
pub(super) fn turn(account: &Digest) -> i64 {
    account.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}
