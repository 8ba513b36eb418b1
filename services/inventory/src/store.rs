//! All SQL of inventory. Locks are taken in one order everywhere: reservations by key, then balances by SKU; so writers
//! wait for each other and never in a circle.

use std::collections::{BTreeMap, HashMap};

use souk_db::{Db, DbError, Json, Reads, Row, RowExt, Tx};
use souk_inventory_api::{Audit, Availability, MovementReason, ReservationStatus, StockPolicy};
use uuid::Uuid;

use crate::domain::{Balance, Changes, Hold, Lines, Plan};

/// The warehouse that exists from the start (see the first migration).
pub const MAIN_WAREHOUSE: Uuid = Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001);

/// The named reservations, and up to `$3` expired ones that hold any of the SKUs `$2` (skipping those that another
/// transaction is dealing with). Locked by key; only the named ones are waited for.
const LOCK_RESERVATIONS: &str = "
    with named as materialized (
        select key, status, lines, coalesce(expires_at <= now(), false) as expired
        from reservation where key = any($1::uuid[]) order by key for update
    ), expired as materialized (
        select key, status, lines, true as expired from reservation
        where status = 'held' and expires_at <= now() and lines ?| $2::text[] and key <> all($1::uuid[])
        order by expires_at limit $3 for update skip locked
    )
    select * from named union all select * from expired";

const LOCK_EXPIRED: &str = "
    select key, status, lines, true as expired from reservation
    where status = 'held' and expires_at <= now() order by expires_at limit $1 for update skip locked";

const LOCK_STOCK: &str = "
    select sku, stock_id, product_id, on_hand, reserved, policy, version from stock
    where warehouse_id = $1 and sku = any($2::text[]) order by sku for update";

/// Balances, reservations and ledger of a batch in one statement; it answers how many rows of each it wrote.
const WRITE: &str = "
    with balances as (
        update stock s set on_hand = s.on_hand + c.on_hand, reserved = s.reserved + c.reserved, version = s.version + 1
        from unnest($2::text[], $3::bigint[], $4::bigint[]) as c (sku, on_hand, reserved)
        where s.warehouse_id = $1 and s.sku = c.sku returning 1
    ), added as (
        insert into reservation (key, warehouse_id, status, lines, expires_at)
        select key, $1, status, lines, case when status = 'held' then now() + make_interval(secs => ttl) end
        from unnest($5::uuid[], $6::text[], $7::jsonb[], $8::float8[]) as n (key, status, lines, ttl)
        on conflict (key) do nothing returning 1
    ), changed as (
        update reservation r set status = c.status, expires_at = null, updated_at = now()
        from unnest($9::uuid[], $10::text[]) as c (key, status)
        where r.key = c.key returning 1
    ), posted as (
        insert into movement (warehouse_id, sku, delta, reason, reference)
        select $1, sku, -units, 'shipped', key
        from unnest($11::text[], $12::bigint[], $13::uuid[]) as p (sku, units, key) returning 1
    )
    select (select count(*) from balances) as balances, (select count(*) from added) as added,
           (select count(*) from changed) as changed, (select count(*) from posted) as posted";

/// One row per warehouse.
const AVAILABILITY: &str = "select sku, on_hand, reserved, policy from stock where sku = any($1::text[])";

const SET_POLICIES: &str = "
    update stock s set policy = c.policy, version = s.version + 1,
           promised = case c.policy when 'deny' then greatest(s.reserved - s.on_hand, 0) else 0 end
    from unnest($2::text[], $3::text[]) as c (sku, policy) where s.warehouse_id = $1 and s.sku = c.sku";

const WRITE_PLAN: &str = "
    with added as (
        insert into stock (sku, warehouse_id, stock_id, product_id, on_hand)
        select sku, $1, stock_id, product_id, on_hand
        from unnest($2::text[], $3::uuid[], $4::uuid[], $5::bigint[]) as n (sku, stock_id, product_id, on_hand)
        on conflict do nothing returning 1
    ), changed as (
        update stock s set on_hand = s.on_hand + c.delta, product_id = c.product_id, version = s.version + 1
        from unnest($6::text[], $7::uuid[], $8::bigint[]) as c (sku, product_id, delta)
        where s.warehouse_id = $1 and s.sku = c.sku returning 1
    ), posted as (
        insert into movement (warehouse_id, sku, delta, reason, note)
        select $1, sku, delta, reason, $12
        from unnest($9::text[], $10::bigint[], $11::text[]) as p (sku, delta, reason) returning 1
    )
    select (select count(*) from added) as added, (select count(*) from changed) as changed,
           (select count(*) from posted) as posted";

/// Waits for an adjustment under the same id that is under way; no row comes back when it has happened.
const CLAIM_ADJUSTMENT: &str = "insert into adjustment (id) values ($1) on conflict do nothing returning id";
const FINISH_ADJUSTMENT: &str = "update adjustment set changed = $2, refused = $3 where id = $1";
const ADJUSTMENT: &str = "select changed, refused from adjustment where id = $1";

const PURGE: &str = "
    with old as (
        select key from reservation where status = 'released' and updated_at < now() - make_interval(days => $1)
        limit $2 for update skip locked
    ) delete from reservation r using old where r.key = old.key";
const PURGE_ADJUSTMENTS: &str = "delete from adjustment where at < now() - make_interval(days => $1)";

/// One statement, so that all parts see the same moment.
const AUDIT: &str = "
    with moved as (
        select warehouse_id, sku, sum(delta) as units, sum(delta) filter (where reason = 'shipped') as shipped
        from movement group by 1, 2
    ), live as (
        select r.warehouse_id, line.key as sku, sum(line.value::bigint) as units
        from reservation r, jsonb_each_text(r.lines) as line where r.status in ('held', 'allocated') group by 1, 2
    )
    select coalesce(array_agg(distinct sku) filter (where coalesce(s.on_hand, 0) <> coalesce(m.units, 0)), '{}') as balance,
           coalesce(array_agg(distinct sku) filter (where coalesce(s.reserved, 0) <> coalesce(l.units, 0)), '{}') as reserved_wrong,
           coalesce(array_agg(distinct sku) filter (where s.reserved < 0
               or s.policy = 'deny' and s.on_hand + s.promised < s.reserved), '{}') as bounds,
           coalesce(sum(s.on_hand), 0)::bigint as on_hand, coalesce(sum(s.reserved), 0)::bigint as reserved,
           coalesce(-sum(m.shipped), 0)::bigint as shipped
    from stock s full join moved m using (warehouse_id, sku) full join live l using (warehouse_id, sku)";

/// Every statement, for the test that prepares them against the migrated schema.
#[doc(hidden)]
pub const STATEMENTS: &[(&str, &str)] = &[
    ("LOCK_RESERVATIONS", LOCK_RESERVATIONS),
    ("LOCK_EXPIRED", LOCK_EXPIRED),
    ("LOCK_STOCK", LOCK_STOCK),
    ("WRITE", WRITE),
    ("AVAILABILITY", AVAILABILITY),
    ("SET_POLICIES", SET_POLICIES),
    ("WRITE_PLAN", WRITE_PLAN),
    ("CLAIM_ADJUSTMENT", CLAIM_ADJUSTMENT),
    ("FINISH_ADJUSTMENT", FINISH_ADJUSTMENT),
    ("ADJUSTMENT", ADJUSTMENT),
    ("PURGE", PURGE),
    ("PURGE_ADJUSTMENTS", PURGE_ADJUSTMENTS),
    ("AUDIT", AUDIT),
];

/// Locks the reservations `keys`, and at most `max_expired` expired ones that hold any of `skus`.
pub async fn lock_reservations(
    tx: &Tx,
    keys: &[Uuid],
    skus: &[&str],
    max_expired: i64,
) -> Result<Vec<(Uuid, Hold)>, DbError> {
    let rows = tx.query(LOCK_RESERVATIONS, &[&keys, &skus, &max_expired]).await?;
    rows.iter().map(hold).collect()
}

/// Locks at most `limit` expired reservations that no other transaction is dealing with.
pub async fn lock_expired(tx: &Tx, limit: i64) -> Result<Vec<(Uuid, Hold)>, DbError> {
    let rows = tx.query(LOCK_EXPIRED, &[&limit]).await?;
    rows.iter().map(hold).collect()
}

fn hold(row: &Row) -> Result<(Uuid, Hold), DbError> {
    let Json(lines): Json<Lines> = row.get_col("lines")?;
    let status = status_of(row.get_col("status")?)?;
    Ok((row.get_col("key")?, Hold { status, lines, expired: row.get_col("expired")? }))
}

/// Locks the balances of `skus`, in order.
pub async fn lock_stock(tx: &Tx, skus: &[&str]) -> Result<Vec<(String, Balance)>, DbError> {
    let rows = tx.query(LOCK_STOCK, &[&MAIN_WAREHOUSE, &skus]).await?;
    rows.iter().map(balance).collect()
}

fn balance(row: &Row) -> Result<(String, Balance), DbError> {
    let balance = Balance {
        stock_id: row.get_col("stock_id")?,
        product_id: row.get_col("product_id")?,
        on_hand: row.get_col("on_hand")?,
        reserved: row.get_col("reserved")?,
        policy: policy_of(row.get_col("policy")?)?,
        version: row.get_col("version")?,
    };
    Ok((row.get_col("sku")?, balance))
}

/// Writes the changes of a stock transaction. False: another process inserted one of the new reservations first, so the transaction
/// has to be given up and decided again.
pub async fn write(tx: &Tx, changes: &Changes) -> Result<bool, DbError> {
    let skus: Vec<&str> = changes.balances.iter().map(|(sku, _, _)| sku.as_str()).collect();
    let on_hand: Vec<i64> = changes.balances.iter().map(|(_, on_hand, _)| *on_hand).collect();
    let reserved: Vec<i64> = changes.balances.iter().map(|(_, _, reserved)| *reserved).collect();
    let new_keys: Vec<Uuid> = changes.new_holds.iter().map(|new| new.key).collect();
    let new_statuses: Vec<&str> = changes.new_holds.iter().map(|new| status_text(new.status)).collect();
    let new_lines: Vec<Json<&Lines>> = changes.new_holds.iter().map(|new| Json(&new.lines)).collect();
    let ttls: Vec<f64> = changes.new_holds.iter().map(|new| f64::from(new.ttl_seconds)).collect();
    let keys: Vec<Uuid> = changes.statuses.iter().map(|(key, _)| *key).collect();
    let statuses: Vec<&str> = changes.statuses.iter().map(|(_, status)| status_text(*status)).collect();
    let shipped_skus: Vec<&str> = changes.shipped.iter().map(|(sku, _, _)| sku.as_str()).collect();
    let shipped_units: Vec<i64> = changes.shipped.iter().map(|(_, units, _)| *units).collect();
    let shipped_keys: Vec<Uuid> = changes.shipped.iter().map(|(_, _, key)| *key).collect();
    let params: &[&(dyn souk_db::ToSql + Sync)] = &[
        &MAIN_WAREHOUSE,
        &skus,
        &on_hand,
        &reserved,
        &new_keys,
        &new_statuses,
        &new_lines,
        &ttls,
        &keys,
        &statuses,
        &shipped_skus,
        &shipped_units,
        &shipped_keys,
    ];
    let row = tx.query_one(WRITE, params).await?;
    wrote(&row, "balances", skus.len())?;
    wrote(&row, "changed", keys.len())?;
    wrote(&row, "posted", shipped_keys.len())?;
    Ok(row.get_col::<i64>("added")? == count(new_keys.len()))
}

/// Units that can be bought, per SKU that is known.
pub async fn availability(reads: &Reads, skus: &[impl AsRef<str> + Sync]) -> Result<Vec<Availability>, DbError> {
    let skus: Vec<&str> = skus.iter().map(AsRef::as_ref).collect();
    let rows = reads.query(AVAILABILITY, &[&skus]).await?;
    let mut units: HashMap<&str, (i64, i64, StockPolicy)> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let policy = policy_of(row.get_col(3)?)?;
        let (all, held, _) = units.entry(row.get_col(0)?).or_insert((0, 0, policy));
        *all += row.get_col::<i64>(1)?;
        *held += row.get_col::<i64>(2)?;
    }
    let of = |(sku, (on_hand, reserved, policy))| Availability::new(sku, on_hand - reserved, policy).holding(reserved);
    Ok(units.into_iter().map(of).collect())
}

/// Gives SKUs, whose balances are locked, another policy.
pub async fn set_policies(tx: &Tx, changes: &[(String, StockPolicy)]) -> Result<(), DbError> {
    let skus: Vec<&str> = changes.iter().map(|(sku, _)| sku.as_str()).collect();
    let policies: Vec<&str> = changes.iter().map(|(_, policy)| policy_text(*policy)).collect();
    tx.execute(SET_POLICIES, &[&MAIN_WAREHOUSE, &skus, &policies]).await.map(drop)
}

/// The balances of a batch of corrections, locked.
pub async fn lock_for_plan(tx: &Tx, skus: &[&str]) -> Result<BTreeMap<String, Balance>, DbError> {
    Ok(lock_stock(tx, skus).await?.into_iter().collect())
}

/// Writes what a batch of corrections came to. False: another process was first with one of the new SKUs.
pub async fn write_plan(tx: &Tx, plan: &Plan, note: &str) -> Result<bool, DbError> {
    let new_skus: Vec<&str> = plan.new.iter().map(|new| new.sku.as_str()).collect();
    let new_ids: Vec<Uuid> = plan.new.iter().map(|new| new.stock_id).collect();
    let new_products: Vec<Uuid> = plan.new.iter().map(|new| new.product_id).collect();
    let new_units: Vec<i64> = plan.new.iter().map(|new| new.on_hand).collect();
    let skus: Vec<&str> = plan.changes.iter().map(|(sku, _, _)| sku.as_str()).collect();
    let products: Vec<Uuid> = plan.changes.iter().map(|(_, product, _)| *product).collect();
    let deltas: Vec<i64> = plan.changes.iter().map(|(_, _, delta)| *delta).collect();
    let posted_skus: Vec<&str> = plan.postings.iter().map(|posting| posting.sku.as_str()).collect();
    let posted_deltas: Vec<i64> = plan.postings.iter().map(|posting| posting.delta).collect();
    let reasons: Vec<&str> = plan.postings.iter().map(|posting| reason_text(posting.reason)).collect();
    let params: &[&(dyn souk_db::ToSql + Sync)] = &[
        &MAIN_WAREHOUSE,
        &new_skus,
        &new_ids,
        &new_products,
        &new_units,
        &skus,
        &products,
        &deltas,
        &posted_skus,
        &posted_deltas,
        &reasons,
        &note,
    ];
    let row = tx.query_one(WRITE_PLAN, params).await?;
    wrote(&row, "changed", skus.len())?;
    wrote(&row, "posted", posted_skus.len())?;
    Ok(row.get_col::<i64>("added")? == count(new_skus.len()))
}

/// Takes an adjustment's id; false when it has already happened.
pub async fn claim_adjustment(tx: &Tx, id: Uuid) -> Result<bool, DbError> {
    Ok(tx.query_opt(CLAIM_ADJUSTMENT, &[&id]).await?.is_some())
}

/// Notes what became of an adjustment.
pub async fn finish_adjustment(tx: &Tx, id: Uuid, changed: i64, refused: &[String]) -> Result<(), DbError> {
    tx.execute(FINISH_ADJUSTMENT, &[&id, &changed, &refused]).await.map(drop)
}

/// What became of an adjustment that has happened.
pub async fn adjustment(tx: &Tx, id: Uuid) -> Result<(i64, Vec<String>), DbError> {
    let row = tx.query_one(ADJUSTMENT, &[&id]).await?;
    Ok((row.get_col("changed")?, row.get_col("refused")?))
}

/// Deletes at most `limit` released reservations untouched for `days`, and old adjustments; reservations deleted.
pub async fn purge(db: &Db, days: i32, limit: i64) -> Result<u64, DbError> {
    db.write_one(PURGE_ADJUSTMENTS, &[&days]).await?;
    db.write_one(PURGE, &[&days, &limit]).await
}

/// The books, checked.
pub async fn audit(reads: &Reads) -> Result<Audit, DbError> {
    let row = reads.query_one(AUDIT, &[]).await?;
    Ok(Audit {
        balance_not_movements: row.get_col("balance")?,
        reserved_not_reservations: row.get_col("reserved_wrong")?,
        out_of_bounds: row.get_col("bounds")?,
        on_hand: row.get_col("on_hand")?,
        reserved: row.get_col("reserved")?,
        shipped: row.get_col("shipped")?,
    })
}

fn wrote(row: &Row, what: &str, wanted: usize) -> Result<(), DbError> {
    let written: i64 = row.get_col(what)?;
    match written == count(wanted) {
        true => Ok(()),
        false => Err(DbError::RowMissing(format!("{written} of {wanted} {what} of a batch were there"))),
    }
}

fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}

fn status_text(status: ReservationStatus) -> &'static str {
    match status {
        ReservationStatus::Held => "held",
        ReservationStatus::Allocated => "allocated",
        ReservationStatus::Released => "released",
        ReservationStatus::Shipped => "shipped",
    }
}

fn status_of(text: &str) -> Result<ReservationStatus, DbError> {
    match text {
        "held" => Ok(ReservationStatus::Held),
        "allocated" => Ok(ReservationStatus::Allocated),
        "released" => Ok(ReservationStatus::Released),
        "shipped" => Ok(ReservationStatus::Shipped),
        other => Err(DbError::Other(format!("a reservation has the unknown status {other:?}"))),
    }
}

fn policy_text(policy: StockPolicy) -> &'static str {
    match policy {
        StockPolicy::Deny => "deny",
        StockPolicy::Backorder => "backorder",
        StockPolicy::Untracked => "untracked",
    }
}

fn policy_of(text: &str) -> Result<StockPolicy, DbError> {
    match text {
        "deny" => Ok(StockPolicy::Deny),
        "backorder" => Ok(StockPolicy::Backorder),
        "untracked" => Ok(StockPolicy::Untracked),
        other => Err(DbError::Other(format!("a SKU has the unknown stock policy {other:?}"))),
    }
}

fn reason_text(reason: MovementReason) -> &'static str {
    match reason {
        MovementReason::Initial => "initial",
        MovementReason::Received => "received",
        MovementReason::Shipped => "shipped",
        MovementReason::Returned => "returned",
        MovementReason::Adjusted => "adjusted",
    }
}
