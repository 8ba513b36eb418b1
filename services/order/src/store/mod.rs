//! All SQL of orders. Hot writes take batches: many checkouts share a commit.

mod audit;
mod checkout;
mod place;

use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_db::{Db, DbError, Row, RowExt, Tx, WalPosition};
use souk_flow::Outbox;
use souk_kernel::{Currency, Money, Problem};
use souk_order_api::{Order, OrderId, OrderPayment, OrderStatus};
use uuid::Uuid;

pub use checkout::{Confirmation, Confirmed};
pub use place::{NewOrder, Placed};

const KEY: &str = "select subject, body_hash from idempotency_key where scope = $1 and key = $2";
const SAVE: &str =
    "update orders set status = $2, payment_status = $3, shipments = $4::text::json, version = $5, updated_at = $6
    where id = $1";

/// All columns of an order, in the words of [`read_order`].
macro_rules! columns {
    () => {
        "id, number, status, payment_status, customer_id, email, shipping_address::text as shipping_address,
         shipping_name, lines::text as lines, coupons::text as coupons, currency, subtotal, discount, shipping, tax, total,
         failure::text as failure, action_url, client, given_up, request_id, shipments::text as shipments, version, placed_at, updated_at"
    };
}
const BY_ID: &str = concat!("select ", columns!(), " from orders where id = $1");
const LOCK: &str = concat!("select ", columns!(), " from orders where id = $1 for update");
const BY_NUMBER: &str =
    concat!("select ", columns!(), " from orders where id = (select order_id from order_number where number = $1)");
const ORDER_OF_CART: &str =
    concat!("select ", columns!(), " from orders where id = (select order_id from cart_checkout where cart_id = $1)");
const OF_CUSTOMER: &str = concat!(
    "select ",
    columns!(),
    " from orders where customer_id = $1 and id < $2 and ($3::text is null or status = $3) order by id desc limit $4"
);
const LIST: &str = concat!(
    "select ",
    columns!(),
    " from orders where id < $1 and ($2::text is null or status = $2) order by id desc limit $3"
);
const ENSURE_PARTITIONS: &str = "select ensure_partitions($1) as made";

const STATEMENTS: &[(&str, &str)] = &[
    ("KEY", KEY),
    ("ORDER_OF_CART", ORDER_OF_CART),
    ("SAVE", SAVE),
    ("BY_ID", BY_ID),
    ("LOCK", LOCK),
    ("BY_NUMBER", BY_NUMBER),
    ("OF_CUSTOMER", OF_CUSTOMER),
    ("LIST", LIST),
    ("ENSURE_PARTITIONS", ENSURE_PARTITIONS),
];

/// Every statement by name, for the test that prepares each against the migrated schema.
#[doc(hidden)]
pub fn statements() -> Vec<(&'static str, &'static str)> {
    [STATEMENTS, place::STATEMENTS, checkout::STATEMENTS, audit::STATEMENTS].concat()
}

/// An order's row.
pub struct OrderRow {
    pub order: Order,
    pub failure: Option<Problem>,
    pub action_url: Option<String>,
    pub client: Option<Vec<u8>>,
    /// The buyer gave it up: it is undone, or will be.
    pub given_up: bool,
    /// Of the request that placed it.
    pub request_id: Option<String>,
}

#[derive(Clone)]
pub struct Store {
    db: Db,
    outbox: Outbox,
}

impl Store {
    pub fn new(db: Db) -> Self {
        Self { outbox: Outbox::new(&db), db }
    }

    pub fn db(&self) -> &Db {
        &self.db
    }

    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What an idempotency key was used for, with the hash of the body it came with.
    pub async fn key(&self, scope: &str, key: &str) -> Result<Option<(OrderId, Vec<u8>)>, Problem> {
        let row = self.db.primary().query_opt(KEY, &[&scope, &key]).await?;
        row.map(|row| Ok((OrderId(row.get_col("subject")?), row.get_col("body_hash")?))).transpose().map_err(db_problem)
    }

    /// The order that has the cart, or the rest of one, if one has.
    pub async fn of_purchase(&self, purchase: Uuid) -> Result<Option<OrderRow>, Problem> {
        let row = self.db.primary().query_opt(ORDER_OF_CART, &[&purchase]).await?;
        row.as_ref().map(read_order).transpose()
    }

    pub async fn by_id(&self, id: OrderId) -> Result<Option<OrderRow>, Problem> {
        self.shown(WalPosition::PRIMARY, id).await
    }

    /// The same for showing it, as everything up to `at_least` has it.
    pub async fn shown(&self, at_least: WalPosition, id: OrderId) -> Result<Option<OrderRow>, Problem> {
        let row = self.db.read(at_least).query_opt(BY_ID, &[&id.0]).await?;
        row.as_ref().map(read_order).transpose()
    }

    pub async fn by_number(&self, number: &str) -> Result<Option<OrderRow>, Problem> {
        let row = self.db.primary().query_opt(BY_NUMBER, &[&number]).await?;
        row.as_ref().map(read_order).transpose()
    }

    /// The order's row, locked until `tx` ends.
    pub async fn lock(&self, tx: &Tx, id: OrderId) -> Result<Option<OrderRow>, Problem> {
        let row = tx.query_opt(LOCK, &[&id.0]).await?;
        row.as_ref().map(read_order).transpose()
    }

    /// Writes what can change of a locked order.
    pub async fn save(&self, tx: &Tx, order: &Order) -> Result<(), Problem> {
        let (status, payment) = (word(&order.status)?, word(&order.payment_status)?);
        let shipments = encode(&order.shipments)?;
        let parameters: [&(dyn souk_db::ToSql + Sync); 6] =
            [&order.id.0, &status, &payment, &shipments, &order.version, &order.updated_at];
        tx.execute(SAVE, &parameters).await?;
        Ok(())
    }

    pub async fn of_customer(
        &self,
        at_least: WalPosition,
        customer: Uuid,
        before: Uuid,
        status: Option<OrderStatus>,
        limit: i64,
    ) -> Result<Vec<Order>, Problem> {
        let status = status.as_ref().map(word).transpose()?;
        let rows = self.db.read(at_least).query(OF_CUSTOMER, &[&customer, &before, &status, &limit]).await?;
        rows.iter().map(|row| Ok(read_order(row)?.order)).collect()
    }

    pub async fn list(
        &self,
        at_least: WalPosition,
        before: Uuid,
        status: Option<OrderStatus>,
        limit: i64,
    ) -> Result<Vec<Order>, Problem> {
        let status = status.as_ref().map(word).transpose()?;
        let rows = self.db.read(at_least).query(LIST, &[&before, &status, &limit]).await?;
        rows.iter().map(|row| Ok(read_order(row)?.order)).collect()
    }

    pub async fn ensure_partitions(&self, ahead: i32) -> Result<i32, Problem> {
        let rows = self.db.write_returning(ENSURE_PARTITIONS, &[&ahead]).await?;
        rows.first().map_or(Ok(0), |row| row.get_col("made")).map_err(db_problem)
    }
}

fn read_order(row: &Row) -> Result<OrderRow, Problem> {
    let currency: String = row.get_col("currency")?;
    let currency: Currency = currency.parse()?;
    let money = |column: &str| Ok::<Money, DbError>(currency.of(row.get_col(column)?));
    let failure: Option<String> = row.get_col("failure")?;
    let failure: Option<Problem> = failure.as_deref().map(decode).transpose()?;
    let text = |column: &str| row.get_col::<String>(column);
    let order = Order {
        id: OrderId(row.get_col("id")?),
        number: text("number")?,
        status: unword::<OrderStatus>(text("status")?)?,
        payment_status: unword::<OrderPayment>(text("payment_status")?)?,
        customer_id: row.get_col("customer_id")?,
        email: text("email")?,
        shipping_address: decode(&text("shipping_address")?)?,
        shipping_name: text("shipping_name")?,
        lines: decode(&text("lines")?)?,
        coupons: decode(&text("coupons")?)?,
        subtotal: money("subtotal")?,
        discount: money("discount")?,
        shipping: money("shipping")?,
        tax: money("tax")?,
        total: money("total")?,
        failure: failure.as_ref().map(|problem| problem.code.to_string()),
        shipments: decode(&text("shipments")?)?,
        version: row.get_col("version")?,
        placed_at: row.get_col("placed_at")?,
        updated_at: row.get_col("updated_at")?,
    };
    Ok(OrderRow {
        order,
        failure,
        action_url: row.get_col("action_url")?,
        client: row.get_col("client")?,
        given_up: row.get_col("given_up")?,
        request_id: row.get_col("request_id")?,
    })
}

fn uuids(rows: &[Row], column: &str) -> Result<Vec<Uuid>, Problem> {
    rows.iter().map(|row| row.get_col(column)).collect::<Result<_, DbError>>().map_err(db_problem)
}

fn db_problem(error: DbError) -> Problem {
    error.into()
}

fn encode<T: Serialize>(value: &T) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(Problem::internal)
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(Problem::internal)
}

/// The word an enum is stored as: the same as in JSON.
fn word<T: Serialize>(value: &T) -> Result<String, Problem> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(Problem::internal(format!("not a word: {other:?}"))),
    }
}

fn unword<T: DeserializeOwned>(word: String) -> Result<T, Problem> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(Problem::internal)
}
