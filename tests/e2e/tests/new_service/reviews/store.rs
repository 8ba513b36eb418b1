//! All SQL of reviews.

use souk_db::{Db, DbError, RowExt, Tx};
use uuid::Uuid;

const KNOWN: &str = "insert into product (product_id) select unnest($1::uuid[]) on conflict do nothing";
const ADD: &str = "insert into review (review_id, product_id, stars)
    select $1, product_id, $3 from product where product_id = $2";
const SUMMARY: &str = "select count(r.review_id) as count, avg(r.stars)::float8 as stars
    from product p left join review r using (product_id) where p.product_id = $1 group by p.product_id";

/// Notes that these products exist.
pub async fn known(tx: &Tx, products: &[Uuid]) -> Result<(), DbError> {
    tx.execute(KNOWN, &[&products]).await.map(drop)
}

/// Adds a review; false when the product is not known.
pub async fn add(db: &Db, id: Uuid, product: Uuid, stars: i32) -> Result<bool, DbError> {
    Ok(db.write_one(ADD, &[&id, &product, &stars]).await? == 1)
}

/// How many reviews a product has and their mean; none for an unknown one.
pub async fn summary(db: &Db, product: Uuid) -> Result<Option<(i64, Option<f64>)>, DbError> {
    let row = db.primary().query_opt(SUMMARY, &[&product]).await?;
    row.map(|row| Ok((row.get_col("count")?, row.get_col("stars")?))).transpose()
}
