//! SQL of customers' addresses. Every statement names the customer: what is another customer's is not there. Writers hold
//! the customer's row, so that the count and the default are decided one after the other.

use souk_db::{DbError, Json, RowExt, Tx};
use souk_identity_api::{AddressId, Customer, CustomerId, MAX_ADDRESSES};
use souk_shipping_api::Address;

use super::{Store, customer_in};

const LOCK: &str = "select 1 from customer where id = $1 for no key update";
/// After the lock, in a statement of its own: it sees what the one before us did.
const COUNT: &str = "select count(*) as count from address where customer_id = $1";
const UNSET_DEFAULT: &str = "update address set is_default = false where customer_id = $1 and is_default and id <> $2";
const ADD: &str = "insert into address (id, customer_id, address, is_default) values ($1, $2, $3, $4)";
const CHANGE: &str =
    "update address set address = $3, is_default = is_default or $4 where id = $1 and customer_id = $2";
const REMOVE: &str = "delete from address where id = $1 and customer_id = $2";
const FIRST_IS_DEFAULT: &str = "update address set is_default = true
    where id = (select id from address where customer_id = $1 order by created_at, id limit 1)
      and not exists (select from address where customer_id = $1 and is_default)";

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("LOCK", LOCK),
    ("COUNT", COUNT),
    ("UNSET_DEFAULT", UNSET_DEFAULT),
    ("ADD", ADD),
    ("CHANGE", CHANGE),
    ("REMOVE", REMOVE),
    ("FIRST_IS_DEFAULT", FIRST_IS_DEFAULT),
];

/// What came of storing an address.
pub enum Stored {
    /// The customer as they are now.
    Done(Customer),
    /// It is none of this customer's, or the customer is none.
    NotFound,
    /// They have as many as anybody may have.
    Full,
}

impl Store {
    /// Adds an address under a new id.
    pub async fn add_address(
        &self,
        customer: CustomerId,
        id: AddressId,
        address: &Address,
        make_default: bool,
    ) -> Result<Stored, DbError> {
        let tx = self.db().begin().await?;
        let Some(count) = lock(&tx, customer).await? else { return Ok(Stored::NotFound) };
        if count >= i64::try_from(MAX_ADDRESSES).unwrap_or(i64::MAX) {
            return Ok(Stored::Full);
        }
        let is_default = make_default || count == 0;
        if is_default {
            tx.execute(UNSET_DEFAULT, &[&customer.0, &id.0]).await?;
        }
        tx.execute(ADD, &[&id.0, &customer.0, &Json(address), &is_default]).await?;
        done(tx, customer).await
    }

    /// Changes an address.
    pub async fn change_address(
        &self,
        customer: CustomerId,
        id: AddressId,
        address: &Address,
        make_default: bool,
    ) -> Result<Stored, DbError> {
        let tx = self.db().begin().await?;
        if lock(&tx, customer).await?.is_none() {
            return Ok(Stored::NotFound);
        }
        if make_default {
            tx.execute(UNSET_DEFAULT, &[&customer.0, &id.0]).await?;
        }
        // Without a row to change, dropping the transaction takes the other default back.
        if tx.execute(CHANGE, &[&id.0, &customer.0, &Json(address), &make_default]).await? == 0 {
            return Ok(Stored::NotFound);
        }
        done(tx, customer).await
    }

    /// Removes an address; when it was the default, the oldest one is.
    pub async fn remove_address(&self, customer: CustomerId, id: AddressId) -> Result<Stored, DbError> {
        let tx = self.db().begin().await?;
        if lock(&tx, customer).await?.is_none() || tx.execute(REMOVE, &[&id.0, &customer.0]).await? == 0 {
            return Ok(Stored::NotFound);
        }
        tx.execute(FIRST_IS_DEFAULT, &[&customer.0]).await?;
        done(tx, customer).await
    }
}

/// Locks the customer, then counts their addresses. `None`: there is no such customer.
async fn lock(tx: &Tx, customer: CustomerId) -> Result<Option<i64>, DbError> {
    if tx.query_opt(LOCK, &[&customer.0]).await?.is_none() {
        return Ok(None);
    }
    tx.query_one(COUNT, &[&customer.0]).await?.get_col("count").map(Some)
}

async fn done(tx: Tx, customer: CustomerId) -> Result<Stored, DbError> {
    let found = customer_in(&tx, customer).await?;
    tx.commit().await?;
    Ok(found.map_or(Stored::NotFound, Stored::Done))
}
