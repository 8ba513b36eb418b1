//! SQL of links that give an account another address. They stand beside those that choose a password, and neither opens what the
//! other does: these name the customer who asked, and are good for no other.

use jiff::Timestamp;
use souk_db::{DbError, RowExt};
use souk_identity_api::{Customer, CustomerId, EmailChangeRequested, EmailChanged};
use uuid::Uuid;

use super::links::{APART_SECONDS, DAY_SECONDS, KNOWN_SECONDS, MAX_LINKS, TAKE_TURNS, turn};
use super::sessions::{self, Kept, LOCK_CUSTOMER};
use super::{Store, customer_in};
use crate::domain::{Digest, Email, OpaqueToken};

/// At most five a day, and one a minute, of one customer and to one address. The same work whether the address is taken or not.
const ADD: &str = "
    with sent as (
        select count(*) as links, max(created_at) as last from account_link
        where customer_id is not null and (account = $2 or customer_id = $4)
          and created_at > now() - make_interval(secs => $7)
    )
    insert into account_link (token_hash, account, email, name, customer_id, expires_at)
    select $1, $2, $3, '', $4, now() + make_interval(secs => $5) from sent
    where links = 0 or last < now() - make_interval(secs => $6) and links < $8
    returning expires_at, exists (select from customer where email = $3) as taken";
const USE: &str = "delete from account_link where token_hash = $1 and customer_id = $2 and expires_at > now()
    returning email";
const CHANGE: &str = "
    with old as (select id, email from customer where id = $1)
    update customer c set email = $2, updated_at = now() from old where c.id = old.id
    returning old.email as old_email, now() as at";
/// What else was asked for, and the links to choose a password that went to either mailbox.
const FORGET_ALL: &str =
    "delete from account_link where customer_id = $1 or account = any($2::bytea[]) and customer_id is null";
/// When the password changes: whoever asked may not have been the customer.
pub(super) const FORGET: &str = "delete from account_link where customer_id = $1";

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("ADD_EMAIL_CHANGE", ADD),
    ("USE_EMAIL_CHANGE", USE),
    ("CHANGE_EMAIL", CHANGE),
    ("FORGET_LINKS", FORGET_ALL),
    ("FORGET_EMAIL_CHANGES", FORGET),
];

/// A link to send.
pub struct NewEmailChange<'a> {
    pub id: Uuid,
    pub customer: CustomerId,
    pub email: &'a Email,
    pub token: &'a OpaqueToken,
}

impl Store {
    /// Notes a link and has it sent; false when enough were.
    pub async fn add_email_change(&self, change: &NewEmailChange<'_>) -> Result<bool, DbError> {
        let (account, digest) = (change.email.account(), change.token.digest());
        let tx = self.db().begin().await?;
        // One request of a customer, and one to an address, at a time.
        tx.query_opt(LOCK_CUSTOMER, &[&change.customer.0]).await?;
        tx.query_one(TAKE_TURNS, &[&turn(&account)]).await?;
        let params: &[&(dyn souk_db::ToSql + Sync)] = &[
            &digest.as_slice(),
            &account.as_slice(),
            &change.email.as_str(),
            &change.customer.0,
            &KNOWN_SECONDS,
            &APART_SECONDS,
            &DAY_SECONDS,
            &MAX_LINKS,
        ];
        let Some(row) = tx.query_opt(ADD, params).await? else { return Ok(false) };
        let event = EmailChangeRequested {
            id: change.id,
            email: change.email.as_str().to_owned().into(),
            token: change.token.text(),
            taken: row.get_col("taken")?,
            expires_at: row.get_col("expires_at")?,
        };
        self.outbox.push(&tx, &event).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(true)
    }

    /// Uses a link: the customer has the new address, all sessions but one end, the old address is told. `None`: there is no such
    /// link of this customer's.
    pub async fn change_email(
        &self,
        customer: CustomerId,
        token: &Digest,
        kept: &Kept,
    ) -> Result<Option<Customer>, DbError> {
        let tx = self.db().begin().await?;
        tx.query_opt(LOCK_CUSTOMER, &[&customer.0]).await?;
        let Some(link) = tx.query_opt(USE, &[&token.as_slice(), &customer.0]).await? else { return Ok(None) };
        let new = Email::stored(link.get_col("email")?);
        let row = tx.query_one(CHANGE, &[&customer.0, &new.as_str()]).await?;
        let old = Email::stored(row.get_col("old_email")?);
        let at: Timestamp = row.get_col("at")?;
        let accounts = [old.account(), new.account()];
        let accounts = accounts.each_ref().map(Digest::as_slice);
        tx.execute(FORGET_ALL, &[&customer.0, &accounts.as_slice()]).await?;
        let recalled = sessions::end_all(&tx, customer, kept).await?;
        let (old_email, email) = (old.as_str().to_owned().into(), new.as_str().to_owned().into());
        self.outbox.push(&tx, &EmailChanged { customer_id: customer, old_email, email, at }).await?;
        let changed = customer_in(&tx, customer).await?;
        self.session_cache().commit(tx, recalled).await?;
        self.outbox.wake();
        Ok(changed)
    }
}
