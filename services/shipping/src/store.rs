//! All SQL of shipments.

use jiff::Timestamp;
use souk_db::{Db, DbError, Row, RowExt, Tx};
use souk_shipping_api::{Shipment, ShipmentId, ShipmentStatus};
use uuid::Uuid;

use crate::domain::{MAX_PARCELS, Parcel};

macro_rules! columns {
    () => {
        "shipment_id, order_id, status, carrier, tracking_number, shipped_at, delivered_at, version"
    };
}

/// One change of an order's parcels at a time, also while it has none that could be locked.
const LOCK_ORDER: &str = "select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))";
const BY_ORDER: &str =
    concat!("select ", columns!(), " from shipment where order_id = $1 order by shipped_at, version limit $2");
const GET: &str = concat!("select ", columns!(), " from shipment where shipment_id = $1");
const INSERT: &str =
    "insert into shipment (shipment_id, order_id, status, carrier, tracking_number, shipped_at, version)
    values ($1, $2, 'shipped', $3, $4, $5, $6)";
const DELIVER: &str = "update shipment s set status = 'delivered', delivered_at = d.delivered_at, version = d.version
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[]) as d (shipment_id, delivered_at, version)
    where s.shipment_id = d.shipment_id";

/// Every statement, for the test that prepares them all.
pub const STATEMENTS: &[(&str, &str)] =
    &[("LOCK_ORDER", LOCK_ORDER), ("BY_ORDER", BY_ORDER), ("GET", GET), ("INSERT", INSERT), ("DELIVER", DELIVER)];

/// The shipments of this service.
#[derive(Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// In `db`'s schema.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// A transaction that is alone with the order's parcels, and those.
    pub async fn begin(&self, order: Uuid) -> Result<(Tx, Vec<Parcel>), DbError> {
        let tx = self.db.begin().await?;
        tx.execute(LOCK_ORDER, &[&order]).await?;
        let rows = tx.query(BY_ORDER, &[&order, &limit()]).await?;
        Ok((tx, rows.iter().map(decode).collect::<Result<_, _>>()?))
    }

    /// An order's parcels, oldest first.
    pub async fn by_order(&self, order: Uuid) -> Result<Vec<Shipment>, DbError> {
        let rows = self.db.primary().query(BY_ORDER, &[&order, &limit()]).await?;
        rows.iter().map(|row| Ok(decode(row)?.shipment)).collect()
    }

    /// One parcel.
    pub async fn get(&self, id: ShipmentId) -> Result<Option<Shipment>, DbError> {
        let row = self.db.primary().query_opt(GET, &[&id.0]).await?;
        row.as_ref().map(|row| Ok(decode(row)?.shipment)).transpose()
    }

    /// Adds a parcel that left.
    pub async fn insert(&self, tx: &Tx, parcel: &Parcel) -> Result<(), DbError> {
        let s = &parcel.shipment;
        let params: [&(dyn souk_db::ToSql + Sync); 6] =
            [&s.id.0, &s.order_id, &s.carrier, &s.tracking_number, &s.shipped_at, &parcel.version];
        tx.execute(INSERT, &params).await.map(drop)
    }

    /// Notes arrivals.
    pub async fn deliver(&self, tx: &Tx, arrived: &[Parcel]) -> Result<(), DbError> {
        let ids: Vec<Uuid> = arrived.iter().map(|parcel| parcel.shipment.id.0).collect();
        let times: Vec<Option<Timestamp>> = arrived.iter().map(|parcel| parcel.shipment.delivered_at).collect();
        let versions: Vec<i64> = arrived.iter().map(|parcel| parcel.version).collect();
        tx.execute(DELIVER, &[&ids, &times, &versions]).await.map(drop)
    }
}

fn limit() -> i64 {
    i64::try_from(MAX_PARCELS).unwrap_or(i64::MAX)
}

fn decode(row: &Row) -> Result<Parcel, DbError> {
    let status: &str = row.get_col("status")?;
    let status = match status {
        "shipped" => ShipmentStatus::Shipped,
        "delivered" => ShipmentStatus::Delivered,
        other => {
            let detail = format!("unexpected value {other}");
            return Err(DbError::Column { column: "status".to_owned(), detail });
        }
    };
    let shipment = Shipment {
        id: ShipmentId(row.get_col("shipment_id")?),
        order_id: row.get_col("order_id")?,
        status,
        carrier: row.get_col("carrier")?,
        tracking_number: row.get_col("tracking_number")?,
        shipped_at: row.get_col("shipped_at")?,
        delivered_at: row.get_col("delivered_at")?,
    };
    Ok(Parcel { shipment, version: row.get_col("version")? })
}
