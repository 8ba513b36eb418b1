//! All SQL of pricing. Locks are taken in one order everywhere: redemptions by key, coupons by code; prices by SKU,
//! products by id.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use souk_db::{Db, DbError, Json, Reads, Row, RowExt, ToSql, Tx};
use souk_kernel::{Currency, Money};
use souk_pricing_api::{Coupon, CouponState, Price, Rates, SetPrice};
use uuid::Uuid;

use crate::domain::{CouponFacts, CouponStatus, Prices, Redemption, RedemptionChanges, Uses};

const PRICES: &str = "select sku, amount, compare_at from price where sku = any($1::text[]) and currency = $2";

/// What is stored of these, to tell what a repeated import would change.
const STORED_PRICES: &str =
    "select sku, product_id, currency, amount, compare_at from price where sku = any($1::text[])";

const PUT_PRICES: &str = "
    insert into price as p (sku, product_id, currency, amount, compare_at)
    select sku, product_id, $5, amount, compare_at
    from unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[]) as n (sku, product_id, amount, compare_at)
    order by sku
    on conflict (sku) do update
        set product_id = excluded.product_id, currency = excluded.currency, amount = excluded.amount,
            compare_at = excluded.compare_at, updated_at = now()
        where (p.product_id, p.currency, p.amount, p.compare_at)
            is distinct from (excluded.product_id, excluded.currency, excluded.amount, excluded.compare_at)
    returning product_id";

const BUMP_PRODUCTS: &str = "
    insert into product_price as p (product_id) select id from unnest($1::uuid[]) as n (id) order by id
    on conflict (product_id) do update set version = p.version + 1
    returning product_id, version";

const PRODUCT_PRICES: &str = "
    select product_id, sku, amount from price where product_id = any($1::uuid[]) and currency = $2 order by product_id, sku";

/// Whether it may be used is the database's clock's word.
const COUPONS: &str = "
    select code, terms, used, max_uses,
           case when not active then 'stopped' when starts_at > now() then 'not_yet' when ends_at <= now() then 'over'
                when used >= max_uses then 'used_up' else 'valid' end as status
    from coupon where code = any($1::text[])";

const COUPON_PAGE: &str = "select terms, used from coupon where code > $1 order by code limit $2";

const LOCK_COUPONS: &str = "
    select code, used, max_uses,
           case when not active then 'stopped' when starts_at > now() then 'not_yet' when ends_at <= now() then 'over'
                when used >= max_uses then 'used_up' else 'valid' end as status
    from coupon where code = any($1::text[]) order by code for update";

const PUT_COUPON: &str = "
    insert into coupon (code, terms, max_uses, starts_at, ends_at, active)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (code) do update
        set terms = excluded.terms, max_uses = excluded.max_uses, starts_at = excluded.starts_at,
            ends_at = excluded.ends_at, active = excluded.active, updated_at = now()";

const LOCK_REDEMPTIONS: &str = "
    select key, order_id, codes, given_back from redemption where key = any($1::text[]) order by key for update";

const WRITE_REDEMPTIONS: &str = "
    with used as (
        update coupon c set used = c.used + n.change
        from unnest($1::text[], $2::bigint[]) as n (code, change) where c.code = n.code returning 1
    ), added as (
        insert into redemption (key, order_id, codes, given_back)
        select key, order_id, codes, given_back
        from unnest($3::text[], $4::uuid[], $5::jsonb[], $6::boolean[]) as n (key, order_id, codes, given_back)
        on conflict (key) do nothing returning 1
    ), given as (
        update redemption r set given_back = true, updated_at = now()
        where r.key = any($7::text[]) and not r.given_back returning 1
    )
    select (select count(*) from used) as used, (select count(*) from added) as added,
           (select count(*) from given) as given";

const PURGE: &str = "
    with old as (
        select key from redemption where given_back and updated_at < now() - make_interval(days => $1)
        limit $2 for update skip locked
    ) delete from redemption r using old where r.key = old.key";

const RATES: &str = "select version, body from rates";
const PUT_RATES: &str = "
    insert into rates (body) values ($1)
    on conflict (single) do update set body = excluded.body, version = rates.version + 1, updated_at = now()";
const SEED_RATES: &str = "insert into rates (body) values ($1) on conflict do nothing";

/// Every statement, for the test that prepares them against the migrated schema.
#[doc(hidden)]
pub const STATEMENTS: &[(&str, &str)] = &[
    ("PRICES", PRICES),
    ("STORED_PRICES", STORED_PRICES),
    ("PUT_PRICES", PUT_PRICES),
    ("BUMP_PRODUCTS", BUMP_PRODUCTS),
    ("PRODUCT_PRICES", PRODUCT_PRICES),
    ("COUPONS", COUPONS),
    ("LOCK_COUPONS", LOCK_COUPONS),
    ("COUPON_PAGE", COUPON_PAGE),
    ("PUT_COUPON", PUT_COUPON),
    ("LOCK_REDEMPTIONS", LOCK_REDEMPTIONS),
    ("WRITE_REDEMPTIONS", WRITE_REDEMPTIONS),
    ("PURGE", PURGE),
    ("RATES", RATES),
    ("PUT_RATES", PUT_RATES),
    ("SEED_RATES", SEED_RATES),
];

/// Prices in `currency`.
pub async fn prices(reads: &Reads, skus: &[&str], currency: Currency) -> Result<Vec<Price>, DbError> {
    let rows = reads.query(PRICES, &[&skus, &currency.code()]).await?;
    let price = |row: &Row| {
        Ok(Price {
            sku: row.get_col(0)?,
            price: currency.of(row.get_col(1)?),
            compare_at: row.get_col::<Option<i64>>(2)?.map(|amount| currency.of(amount)),
        })
    };
    rows.iter().map(price).collect()
}

/// Unit prices by SKU.
pub async fn unit_prices(reads: &Reads, skus: &[&str], currency: Currency) -> Result<Prices, DbError> {
    let rows = reads.query(PRICES, &[&skus, &currency.code()]).await?;
    rows.iter().map(|row| Ok((row.get_col(0)?, currency.of(row.get_col(1)?)))).collect()
}

/// Those of `items` that differ from what is stored.
pub async fn changed_prices(reads: &Reads, items: Vec<SetPrice>) -> Result<Vec<SetPrice>, DbError> {
    let skus: Vec<&str> = items.iter().map(|item| item.price.sku.as_str()).collect();
    let rows = reads.query(STORED_PRICES, &[&skus]).await?;
    let mut stored: HashMap<String, (Uuid, Money, Option<i64>)> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let Ok(currency) = row.get_col::<&str>("currency")?.parse::<Currency>() else { continue };
        let price = currency.of(row.get_col("amount")?);
        stored.insert(row.get_col("sku")?, (row.get_col("product_id")?, price, row.get_col("compare_at")?));
    }
    let same = |item: &SetPrice| {
        let compare_at = item.price.compare_at.map(|money| money.amount);
        stored.get(&item.price.sku) == Some(&(item.product_id, item.price.price, compare_at))
    };
    Ok(items.into_iter().filter(|item| !same(item)).collect())
}

/// Writes prices that differ; one product id per price that was written.
pub async fn put_prices(tx: &Tx, items: &[SetPrice], currency: Currency) -> Result<Vec<Uuid>, DbError> {
    let skus: Vec<&str> = items.iter().map(|item| item.price.sku.as_str()).collect();
    let products: Vec<Uuid> = items.iter().map(|item| item.product_id).collect();
    let amounts: Vec<i64> = items.iter().map(|item| item.price.price.amount).collect();
    let compare: Vec<Option<i64>> = items.iter().map(|item| item.price.compare_at.map(|money| money.amount)).collect();
    let rows = tx.query(PUT_PRICES, &[&skus, &products, &amounts, &compare, &currency.code()]).await?;
    rows.iter().map(|row| row.get_col(0)).collect()
}

/// Raises the versions of products whose prices changed, and locks them until the commit.
pub async fn bump_products(tx: &Tx, products: &[Uuid]) -> Result<Vec<(Uuid, i64)>, DbError> {
    let rows = tx.query(BUMP_PRODUCTS, &[&products]).await?;
    rows.iter().map(|row| Ok((row.get_col(0)?, row.get_col(1)?))).collect()
}

/// All SKUs with prices of the products: product, SKU, price.
pub async fn product_prices(
    tx: &Tx,
    products: &[Uuid],
    currency: Currency,
) -> Result<Vec<(Uuid, String, Money)>, DbError> {
    let rows = tx.query(PRODUCT_PRICES, &[&products, &currency.code()]).await?;
    rows.iter().map(|row| Ok((row.get_col(0)?, row.get_col(1)?, currency.of(row.get_col(2)?)))).collect()
}

/// Coupons with their status, by code.
pub async fn coupons(reads: &Reads, codes: &[String]) -> Result<HashMap<String, CouponFacts>, DbError> {
    let rows = reads.query(COUPONS, &[&codes]).await?;
    let facts = |row: &Row| {
        let Json(coupon): Json<Coupon> = row.get_col("terms")?;
        let status = status_of(row.get_col("status")?)?;
        Ok((row.get_col("code")?, CouponFacts { coupon, status }))
    };
    rows.iter().map(facts).collect()
}

/// A coupon with its use.
pub async fn coupon(reads: &Reads, code: &str) -> Result<Option<CouponState>, DbError> {
    reads.query_opt(COUPONS, &[&[code].as_slice()]).await?.as_ref().map(coupon_state).transpose()
}

/// The coupons after a code, in order.
pub async fn coupon_page(reads: &Reads, after: &str, limit: usize) -> Result<Vec<CouponState>, DbError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    reads.query(COUPON_PAGE, &[&after, &limit]).await?.iter().map(coupon_state).collect()
}

fn coupon_state(row: &Row) -> Result<CouponState, DbError> {
    let Json(coupon): Json<Coupon> = row.get_col("terms")?;
    let used = u32::try_from(row.get_col::<i64>("used")?).unwrap_or(u32::MAX);
    Ok(CouponState { coupon, used })
}

/// Creates or changes a coupon; constraint `coupon_not_overused` when fewer uses are allowed than were made.
pub async fn put_coupon(db: &Db, coupon: &Coupon) -> Result<(), DbError> {
    let max_uses = coupon.max_uses.map(i64::from);
    let (starts_at, ends_at): (Option<Timestamp>, Option<Timestamp>) = (coupon.starts_at, coupon.ends_at);
    let params: &[&(dyn ToSql + Sync)] =
        &[&coupon.code, &Json(coupon), &max_uses, &starts_at, &ends_at, &coupon.active];
    db.write_one(PUT_COUPON, params).await.map(drop)
}

/// Redemptions under lock.
pub async fn lock_redemptions(tx: &Tx, keys: &[&str]) -> Result<Vec<(String, Redemption)>, DbError> {
    let rows = tx.query(LOCK_REDEMPTIONS, &[&keys]).await?;
    let redemption = |row: &Row| {
        let Json(codes): Json<BTreeSet<String>> = row.get_col("codes")?;
        let stored = Redemption { order_id: row.get_col("order_id")?, codes, given_back: row.get_col("given_back")? };
        Ok((row.get_col("key")?, stored))
    };
    rows.iter().map(redemption).collect()
}

/// Coupons under lock.
pub async fn lock_coupons(tx: &Tx, codes: &[&str]) -> Result<Vec<(String, Uses)>, DbError> {
    let rows = tx.query(LOCK_COUPONS, &[&codes]).await?;
    let uses = |row: &Row| {
        let status = status_of(row.get_col("status")?)?;
        Ok((row.get_col("code")?, Uses { used: row.get_col("used")?, max: row.get_col("max_uses")?, status }))
    };
    rows.iter().map(uses).collect()
}

/// Writes the changes of a batch of redemptions. False: another process made one of the redemptions first.
pub async fn write_redemptions(tx: &Tx, changes: &RedemptionChanges) -> Result<bool, DbError> {
    let codes: Vec<&str> = changes.uses.iter().map(|(code, _)| code.as_str()).collect();
    let uses: Vec<i64> = changes.uses.iter().map(|(_, change)| *change).collect();
    let keys: Vec<&str> = changes.new.iter().map(|(key, _)| key.as_str()).collect();
    let orders: Vec<Option<Uuid>> = changes.new.iter().map(|(_, new)| new.order_id).collect();
    let lists: Vec<Json<&BTreeSet<String>>> = changes.new.iter().map(|(_, new)| Json(&new.codes)).collect();
    let given: Vec<bool> = changes.new.iter().map(|(_, new)| new.given_back).collect();
    let params: &[&(dyn ToSql + Sync)] = &[&codes, &uses, &keys, &orders, &lists, &given, &changes.given_back];
    let row = tx.query_one(WRITE_REDEMPTIONS, params).await?;
    let count = |what: &str| row.get_col::<i64>(what).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    if count("used")? != codes.len() || count("given")? != changes.given_back.len() {
        return Err(DbError::RowMissing("a coupon or redemption that was locked".into()));
    }
    Ok(count("added")? == keys.len())
}

/// Deletes at most `limit` redemptions that were given back `days` ago; how many.
pub async fn purge(db: &Db, days: i32, limit: i64) -> Result<u64, DbError> {
    db.write_one(PURGE, &[&days, &limit]).await
}

/// The shop's rates; none before they were seeded.
pub async fn rates(reads: &Reads) -> Result<Option<Rates>, DbError> {
    let Some(row) = reads.query_opt(RATES, &[]).await? else { return Ok(None) };
    let Json(rates) = row.get_col("body")?;
    Ok(Some(rates))
}

/// Replaces the rates.
pub async fn put_rates(db: &Db, rates: &Rates) -> Result<(), DbError> {
    db.write_one(PUT_RATES, &[&Json(rates)]).await.map(drop)
}

/// Sets the rates unless there are some; true when it did.
pub async fn seed_rates(db: &Db, rates: &Rates) -> Result<bool, DbError> {
    Ok(db.write_one(SEED_RATES, &[&Json(rates)]).await? == 1)
}

fn status_of(text: &str) -> Result<CouponStatus, DbError> {
    match text {
        "valid" => Ok(CouponStatus::Valid),
        "not_yet" => Ok(CouponStatus::NotYet),
        "over" => Ok(CouponStatus::Over),
        "stopped" => Ok(CouponStatus::Stopped),
        "used_up" => Ok(CouponStatus::UsedUp),
        other => Err(DbError::Other(format!("a coupon has the unknown status {other:?}"))),
    }
}
