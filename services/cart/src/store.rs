//! All SQL of carts. Commits are acknowledged before they are on disk: half a second of carts may be lost when the database
//! crashes, an order never (it is not here).

use souk_cart_api::{CartId, KEPT_DAYS};
use souk_db::{Db, DbError, Json, Reads, Row, RowExt, ToSql, Tx};
use uuid::Uuid;

use crate::domain::{Body, Stored};

/// Looked at with less time left than this, a cart is kept for the full time again.
const TOUCH_DAYS: i32 = KEPT_DAYS - 1;

const READ: &str = "
    select id, customer_id, version, body, expires_at, expires_at < now() + make_interval(days => $2) as touch_due
    from cart where id = $1 and expires_at > now()";

/// New carts and changed ones of many callers. A changed one whose version is not the expected one is left alone and does
/// not come back; the same for a cart that is gone. The version rises with changes, and not with notes of what was shown.
const WRITE: &str = "
    with added as (
        insert into cart (id, body, expires_at) select id, '{}', now() + make_interval(days => $1)
        from unnest($2::uuid[]) as n (id) returning id, version, expires_at
    ), saved as (
        update cart c set body = n.body, version = c.version + n.rise, expires_at = now() + make_interval(days => $1)
        from unnest($3::uuid[], $4::bigint[], $5::json[], $6::bigint[]) as n (id, version, body, rise)
        where c.id = n.id and c.version = n.version and c.expires_at > now()
        returning c.id, c.version, c.expires_at
    )
    select * from added union all select * from saved";

/// The customer's own cart (also when it has expired and was not deleted yet) and the one they want to take over.
const LOCK_FOR_CLAIM: &str = "
    select id, customer_id, version, body, expires_at, false as touch_due, own, expires_at <= now() as expired
    from cart where (customer_id = $1 and own) or id = $2 order by id for update";
const DISOWN: &str = "update cart set own = false where customer_id = $1 and own";
const ADD_OWN: &str = "
    insert into cart (id, customer_id, own, body, expires_at) values ($1, $2, true, '{}', now() + make_interval(days => $3))
    returning id, customer_id, version, body, expires_at, false as touch_due";
const TAKE_OVER: &str = "
    update cart set customer_id = $2, own = true, version = version + 1, expires_at = now() + make_interval(days => $3)
    where id = $1 returning id, customer_id, version, body, expires_at, false as touch_due";
const MERGE: &str = "
    update cart set body = $2, version = version + 1, expires_at = now() + make_interval(days => $3)
    where id = $1 returning id, customer_id, version, body, expires_at, false as touch_due";
const LOCK: &str = "
    select id, customer_id, version, body, expires_at, false as touch_due
    from cart where id = any($1::uuid[]) order by id for update";
const KEEP_REST: &str = "
    update cart c set body = n.body, version = c.version + 1
    from unnest($1::uuid[], $2::json[]) as n (id, body) where c.id = n.id";
const DELETE_BOUGHT: &str = "
    delete from cart c using unnest($1::uuid[], $2::bigint[]) as n (id, version)
    where c.id = n.id and c.version = n.version returning c.id";
const DELETE: &str = "delete from cart where id = any($1::uuid[])";
const PURGE: &str = "
    with gone as (
        select id from cart where expires_on <= (now() at time zone 'UTC')::date and expires_at <= now()
        limit $1 for update skip locked
    ) delete from cart c using gone where c.id = gone.id";

/// Every statement, for the test that prepares them against the migrated schema.
#[doc(hidden)]
pub const STATEMENTS: &[(&str, &str)] = &[
    ("READ", READ),
    ("WRITE", WRITE),
    ("LOCK_FOR_CLAIM", LOCK_FOR_CLAIM),
    ("DISOWN", DISOWN),
    ("ADD_OWN", ADD_OWN),
    ("TAKE_OVER", TAKE_OVER),
    ("MERGE", MERGE),
    ("LOCK", LOCK),
    ("KEEP_REST", KEEP_REST),
    ("DELETE_BOUGHT", DELETE_BOUGHT),
    ("DELETE", DELETE),
    ("PURGE", PURGE),
];

/// A write of one caller.
#[derive(Clone, Debug)]
pub enum Write {
    /// A guest's new cart.
    Add(CartId),
    /// A changed cart, if it still has this version.
    Save(CartId, i64, Box<Body>),
    /// What its owner was shown, if it still has this version, which it keeps: looking at a cart does not change it.
    Note(CartId, i64, Box<Body>),
}

impl Write {
    /// The cart it is about.
    pub fn id(&self) -> CartId {
        match self {
            Write::Add(id) | Write::Save(id, ..) | Write::Note(id, ..) => *id,
        }
    }
}

/// A row that was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The cart.
    pub id: CartId,
    /// Its version now.
    pub version: i64,
    /// When it is forgotten.
    pub expires_at: jiff::Timestamp,
}

/// The cart, unless it is gone.
pub async fn read(reads: &Reads, id: CartId) -> Result<Option<Stored>, DbError> {
    reads.query_opt(READ, &[&id.uuid(), &TOUCH_DAYS]).await?.map(|row| stored(&row)).transpose()
}

fn stored(row: &Row) -> Result<Stored, DbError> {
    let Json(body): Json<Body> = row.get_col("body")?;
    Ok(Stored {
        id: CartId(row.get_col("id")?),
        customer_id: row.get_col("customer_id")?,
        version: row.get_col("version")?,
        body,
        expires_at: row.get_col("expires_at")?,
        touch_due: row.get_col("touch_due")?,
    })
}

/// Writes many carts in one statement, each at most once. Only those that were written come back.
pub async fn write(db: &Db, writes: &[&Write]) -> Result<Vec<Written>, DbError> {
    let (mut added, mut ids, mut versions) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bodies, mut rises) = (Vec::new(), Vec::new());
    for write in writes {
        let (id, version, body, rise) = match write {
            Write::Add(id) => {
                added.push(id.uuid());
                continue;
            }
            Write::Save(id, version, body) => (id, version, body, 1i64),
            Write::Note(id, version, body) => (id, version, body, 0),
        };
        ids.push(id.uuid());
        versions.push(*version);
        bodies.push(Json(body.as_ref()));
        rises.push(rise);
    }
    let params: &[&(dyn ToSql + Sync)] = &[&KEPT_DAYS, &added, &ids, &versions, &bodies, &rises];
    let rows = db.write_relaxed(WRITE, params).await?;
    let written = |row: &Row| {
        let id = CartId(row.get_col("id")?);
        Ok(Written { id, version: row.get_col("version")?, expires_at: row.get_col("expires_at")? })
    };
    rows.iter().map(written).collect()
}

/// Carts of a claim, under lock.
#[derive(Debug, Default)]
pub struct ForClaim {
    /// The customer's own.
    pub own: Option<Stored>,
    /// The one to take over: a guest's, or another of the same customer.
    pub guest: Option<Stored>,
    /// The customer's own that has run out, in the way of a new one.
    pub expired: Option<CartId>,
}

/// Locks what a claim is about; what belongs to another customer is not there.
pub async fn lock_for_claim(tx: &Tx, customer: Uuid, guest: Option<CartId>) -> Result<ForClaim, DbError> {
    let mut found = ForClaim::default();
    for row in tx.query(LOCK_FOR_CLAIM, &[&customer, &guest.map(CartId::uuid)]).await? {
        let (own, expired): (bool, bool) = (row.get_col("own")?, row.get_col("expired")?);
        let cart = stored(&row)?;
        match cart.customer_id {
            Some(owner) if owner == customer && own && expired => found.expired = Some(cart.id),
            Some(owner) if owner == customer && own => found.own = Some(cart),
            Some(owner) if owner != customer => {}
            _ if expired => {}
            _ => found.guest = Some(cart),
        }
    }
    Ok(found)
}

/// From now on the customer has no own cart.
pub async fn disown(tx: &Tx, customer: Uuid) -> Result<(), DbError> {
    tx.execute(DISOWN, &[&customer]).await.map(drop)
}

/// A new cart as the customer's own; `cart_own` when they have one.
pub async fn add_own(tx: &Tx, id: CartId, customer: Uuid) -> Result<Stored, DbError> {
    stored(&tx.query_one(ADD_OWN, &[&id.uuid(), &customer, &KEPT_DAYS]).await?)
}

/// A guest's cart becomes the customer's own.
pub async fn take_over(tx: &Tx, id: CartId, customer: Uuid) -> Result<Stored, DbError> {
    stored(&tx.query_one(TAKE_OVER, &[&id.uuid(), &customer, &KEPT_DAYS]).await?)
}

/// New content for a locked cart.
pub async fn merge(tx: &Tx, id: CartId, body: &Body) -> Result<Stored, DbError> {
    stored(&tx.query_one(MERGE, &[&id.uuid(), &Json(body), &KEPT_DAYS]).await?)
}

/// Locks those carts that are there.
pub async fn lock(tx: &Tx, ids: &[Uuid]) -> Result<Vec<Stored>, DbError> {
    tx.query(LOCK, &[&ids]).await?.iter().map(stored).collect()
}

/// New content for locked carts from which something was bought.
pub async fn keep_rest(tx: &Tx, rest: &[(CartId, Body)]) -> Result<(), DbError> {
    let ids: Vec<Uuid> = rest.iter().map(|(id, _)| id.uuid()).collect();
    let bodies: Vec<Json<&Body>> = rest.iter().map(|(_, body)| Json(body)).collect();
    tx.execute(KEEP_REST, &[&ids, &bodies]).await.map(drop)
}

/// Deletes those carts that still have the version that was bought; which. They are locked in the order of their ids, as
/// group commits lock theirs, so that the two hardly ever wait for each other in a circle.
pub async fn delete_bought(tx: &Tx, mut bought: Vec<(Uuid, i64)>) -> Result<Vec<Uuid>, DbError> {
    bought.sort_unstable();
    let (ids, versions): (Vec<Uuid>, Vec<i64>) = bought.into_iter().unzip();
    tx.query(DELETE_BOUGHT, &[&ids, &versions]).await?.iter().map(|row| row.get_col("id")).collect()
}

/// Deletes carts; those that are gone already are fine.
pub async fn delete(tx: &Tx, ids: &[Uuid]) -> Result<u64, DbError> {
    tx.execute(DELETE, &[&ids]).await
}

/// Deletes at most `limit` carts that have run out; how many.
pub async fn purge(db: &Db, limit: i64) -> Result<u64, DbError> {
    let tx = db.begin_relaxed().await?;
    let deleted = tx.execute(PURGE, &[&limit]).await?;
    tx.commit().await?;
    Ok(deleted)
}
