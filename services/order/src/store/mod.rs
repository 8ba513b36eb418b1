//! Every statement on the order schema. Hot writes take batches: many checkouts share a commit.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_cart_api::CartId;
use souk_db::{Db, DbError, Row, RowExt, Tx, WalPosition};
use souk_flow::{NewSaga, Outbox, Recorded, SagaRun, insert_sagas};
use souk_kernel::{Currency, Money, Problem};
use souk_order_api::{Order, OrderId, OrderPayment, OrderPlaced, OrderStatus, SagaTask, SoldUnits};
use souk_rpc::Cx;
use uuid::Uuid;

use crate::UnpaidLimits;
use crate::checkout::CheckoutState;

const TAKE_KEYS: &str = "insert into idempotency_key (scope, key, body_hash, subject)
    select * from unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[]) on conflict do nothing returning subject";
const TAKE_CARTS: &str = "insert into cart_checkout (cart_id, order_id)
    select * from unnest($1::uuid[], $2::uuid[]) on conflict do nothing returning order_id";
const FREE_KEYS: &str = "delete from idempotency_key where subject = any($1)";
const INSERT_ORDERS: &str = "with new as (
        insert into orders (id, number, status, payment_status, customer_id, cart_id, email, shipping_address,
            shipping_name, lines, coupons, currency, subtotal, discount, shipping, tax, total, version, placed_at, updated_at,
            client, request_id)
        select id, 'S-' || nextval('order_number_seq'), 'pending', 'none', customer_id, cart_id, email, address::json,
            shipping_name, lines::json, coupons::json, currency, subtotal, discount, shipping, tax, total, 1, at, at,
            client, request_id
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::timestamptz[],
            $16::bytea[], $17::text[])
            as o (id, customer_id, cart_id, email, address, shipping_name, lines, coupons, currency, subtotal, discount,
                shipping, tax, total, at, client, request_id)
        returning id, number),
    numbered as (insert into order_number (number, order_id) select number, id from new)
    select id, number from new";
const KEY: &str = "select subject, body_hash from idempotency_key where scope = $1 and key = $2";
const CONFIRM: &str = "update orders set status = 'confirmed', payment_status = 'authorised', action_url = null,
        version = version + 1, updated_at = $2
    where id = any($1) and status = 'pending' and not given_up returning id";
const GIVEN_UP: &str = "select id from orders where id = any($1) and given_up and status = 'pending'";
const GIVE_UP: &str = "update orders set given_up = true, version = version + 1, updated_at = $2 where id = $1";
const CAPTURED: &str = "update orders set payment_status = 'captured', version = version + 1, updated_at = $2
    where id = any($1) and payment_status = 'authorised' and status in ('confirmed', 'shipped', 'delivered')";
const FAIL: &str = "update orders set status = 'failed', failure = $2::text::json, action_url = null,
        version = version + 1, updated_at = $3
    where id = $1 and status = 'pending'";
const FREE_CART: &str = "delete from cart_checkout where order_id = $1";
/// Orders that wait for their buyers, of one owner and from one client address.
const UNPAID: &str = "select count(*) filter (where customer_id = $2 or (customer_id is null and $2::uuid is null
            and lower(email) = lower($3))) as of_owner, count(*) filter (where client = $4) as of_client
    from orders where status = 'pending' and action_url is not null and not given_up and id <> $1";
/// Who counts while another order of the same owner or address is being added waits, until the transaction ends.
const LOCK_UNPAID: &str = "select pg_advisory_xact_lock(key) from unnest($1::bigint[]) as k (key)";
const ACTION: &str = "update orders set action_url = $2 where id = $1 and status = 'pending'";
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
const UNFINISHED: &str = "select id from saga where phase in ('forward', 'undo') and lease_until <> 'infinity'
    order by created_at limit 1000";
const TASKS: &str = "select id, kind, coalesce(state ->> 'order_id', id::text) as order_id, stuck_at, tasks from saga
    where stuck_at is not null order by stuck_at limit 1000";
const WRONG_TOTALS: &str = "select id from orders o where subtotal
        <> (select coalesce(sum((line -> 'total' ->> 'amount')::bigint), 0) from json_array_elements(o.lines) line)
    or discount <> (select coalesce(sum((line -> 'discount' ->> 'amount')::bigint), 0) from json_array_elements(o.lines) line)
    limit 1000";
const SOLD: &str = "select count(*) as sold from orders where status in ('confirmed', 'shipped', 'delivered')";
const SOLD_UNITS: &str = "select line ->> 'sku' as sku, sum((line ->> 'quantity')::bigint)::bigint as units
    from orders, json_array_elements(lines) line where status in ('confirmed', 'shipped', 'delivered')
    group by 1 order by 1";

/// Every statement by name, for the test that prepares each against the migrated schema.
pub const STATEMENTS: &[(&str, &str)] = &[
    ("TAKE_KEYS", TAKE_KEYS),
    ("TAKE_CARTS", TAKE_CARTS),
    ("FREE_KEYS", FREE_KEYS),
    ("INSERT_ORDERS", INSERT_ORDERS),
    ("KEY", KEY),
    ("CONFIRM", CONFIRM),
    ("CAPTURED", CAPTURED),
    ("GIVEN_UP", GIVEN_UP),
    ("GIVE_UP", GIVE_UP),
    ("UNPAID", UNPAID),
    ("LOCK_UNPAID", LOCK_UNPAID),
    ("ORDER_OF_CART", ORDER_OF_CART),
    ("FAIL", FAIL),
    ("FREE_CART", FREE_CART),
    ("ACTION", ACTION),
    ("SAVE", SAVE),
    ("BY_ID", BY_ID),
    ("LOCK", LOCK),
    ("BY_NUMBER", BY_NUMBER),
    ("OF_CUSTOMER", OF_CUSTOMER),
    ("LIST", LIST),
    ("ENSURE_PARTITIONS", ENSURE_PARTITIONS),
    ("UNFINISHED", UNFINISHED),
    ("TASKS", TASKS),
    ("WRONG_TOTALS", WRONG_TOTALS),
    ("SOLD", SOLD),
    ("SOLD_UNITS", SOLD_UNITS),
];

/// An order to place, with the key it is placed under.
pub struct NewOrder {
    pub order: Order,
    pub cart_id: CartId,
    /// What of the cart is bought at most once.
    pub purchase: Uuid,
    pub scope: String,
    pub key: String,
    pub body_hash: Vec<u8>,
    pub state: CheckoutState,
    /// Keyed hash of the client's address, when it is known.
    pub client: Option<Vec<u8>>,
    /// Of the request that places it.
    pub cx: Cx,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It exists, under this number.
    New(String),
    /// The key was used before.
    KeyTaken,
    /// Another checkout has the cart.
    CartTaken,
}

/// A sale to confirm.
pub struct Confirmation {
    pub saga: SagaRun,
    pub event: OrderPlaced,
    /// The sealed payment token in the saga's state, which is emptied.
    pub token: String,
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

/// What became of a sale to confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// It is made.
    Yes,
    /// Another process runs the checkout.
    Fenced,
    /// The buyer gave it up before.
    GivenUp,
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

    /// Places all whose key and cart are free, with their sagas, in one commit.
    pub async fn place(&self, new: &[NewOrder]) -> Result<Vec<Placed>, Problem> {
        let tx = self.db.begin().await?;
        let ids: Vec<Uuid> = new.iter().map(|n| n.order.id.0).collect();
        let scopes: Vec<&str> = new.iter().map(|n| n.scope.as_str()).collect();
        let keys: Vec<&str> = new.iter().map(|n| n.key.as_str()).collect();
        let hashes: Vec<&[u8]> = new.iter().map(|n| n.body_hash.as_slice()).collect();
        let with_key = uuids(&tx.query(TAKE_KEYS, &[&scopes, &keys, &hashes, &ids]).await?, "subject")?;
        let mut candidates: Vec<&NewOrder> = new.iter().filter(|n| with_key.contains(&n.order.id.0)).collect();
        let carts: Vec<Uuid> = candidates.iter().map(|n| n.purchase).collect();
        let candidate_ids: Vec<Uuid> = candidates.iter().map(|n| n.order.id.0).collect();
        let with_cart = uuids(&tx.query(TAKE_CARTS, &[&carts, &candidate_ids]).await?, "order_id")?;
        if with_cart.len() < candidates.len() {
            let refused: Vec<Uuid> = candidate_ids.iter().filter(|id| !with_cart.contains(id)).copied().collect();
            tx.execute(FREE_KEYS, &[&refused]).await?;
            candidates.retain(|n| with_cart.contains(&n.order.id.0));
        }
        let numbers = insert_orders(&tx, &candidates).await?;
        let sagas: Vec<NewSaga<&CheckoutState>> =
            candidates.iter().map(|n| NewSaga { id: n.order.id.0, state: &n.state }).collect();
        insert_sagas(&tx, crate::checkout::KIND, &sagas).await?;
        tx.commit().await?;
        let outcome = |n: &NewOrder| match numbers.iter().find(|(id, _)| *id == n.order.id.0) {
            Some((_, number)) => Placed::New(number.clone()),
            None if with_key.contains(&n.order.id.0) => Placed::CartTaken,
            None => Placed::KeyTaken,
        };
        Ok(new.iter().map(outcome).collect())
    }

    /// What an idempotency key was used for, with the hash of the body it came with.
    pub async fn key(&self, scope: &str, key: &str) -> Result<Option<(OrderId, Vec<u8>)>, Problem> {
        let row = self.db.primary().query_opt(KEY, &[&scope, &key]).await?;
        row.map(|row| Ok((OrderId(row.get_col("subject")?), row.get_col("body_hash")?))).transpose().map_err(db_problem)
    }

    /// Confirms all whose saga is still ours, tells the world, and records `step`, in one commit. One that was confirmed
    /// before (its commit was taken for lost) is fine.
    pub async fn confirm(&self, sales: &[Confirmation], step: i32, at: Timestamp) -> Result<Vec<Confirmed>, Problem> {
        let mut given_up = Vec::new();
        loop {
            let standing: Vec<&Confirmation> = sales.iter().filter(|sale| !given_up.contains(&sale.saga.id)).collect();
            match self.confirm_unless_given_up(&standing, step, at).await? {
                Ok(ours) => {
                    let outcome = |id: &Uuid| match (given_up.contains(id), ours.contains(id)) {
                        (true, _) => Confirmed::GivenUp,
                        (_, true) => Confirmed::Yes,
                        _ => Confirmed::Fenced,
                    };
                    return Ok(sales.iter().map(|sale| outcome(&sale.saga.id)).collect());
                }
                // Nothing was written: their sagas have not passed the pivot. At least one fewer the next time.
                Err(more) => given_up.extend(more),
            }
        }
    }

    /// The sagas that are ours, confirmed; or, with nothing written, the orders that were given up meanwhile.
    async fn confirm_unless_given_up(
        &self,
        sales: &[&Confirmation],
        step: i32,
        at: Timestamp,
    ) -> Result<Result<Vec<Uuid>, Vec<Uuid>>, Problem> {
        let tx = self.db.begin().await?;
        let sagas: Vec<SagaRun> = sales.iter().map(|sale| sale.saga).collect();
        let tokens: Vec<&str> = sales.iter().map(|sale| sale.token.as_str()).collect();
        let ours = Recorded::forgetting(&tx, &sagas, step, &tokens).await?;
        let confirmed = uuids(&tx.query(CONFIRM, &[&ours, &at]).await?, "id")?;
        if confirmed.len() < ours.len() {
            let given_up = uuids(&tx.query(GIVEN_UP, &[&ours]).await?, "id")?;
            if !given_up.is_empty() {
                return Ok(Err(given_up));
            }
        }
        let events = sales.iter().filter(|sale| confirmed.contains(&sale.event.order.id.0)).map(|sale| &sale.event);
        let events: Vec<OrderPlaced> = events.cloned().collect();
        self.outbox.push_all(&tx, &events).await?;
        self.outbox.commit(tx).await?;
        Ok(Ok(ours))
    }

    /// Notes the money as taken and the checkouts as done, in one commit. Returns per saga whether it is ours.
    pub async fn settle(&self, sagas: &[SagaRun], step: i32, at: Timestamp) -> Result<Vec<bool>, Problem> {
        let tx = self.db.begin().await?;
        let ours = Recorded::write(&tx, sagas, step, true).await?;
        tx.execute(CAPTURED, &[&ours, &at]).await?;
        tx.commit().await?;
        Ok(sagas.iter().map(|saga| ours.contains(&saga.id)).collect())
    }

    /// Notes that a checkout came to nothing, and lets its cart be bought again.
    pub async fn fail(&self, id: OrderId, problem: &Problem, at: Timestamp) -> Result<(), Problem> {
        let failure = encode(problem)?;
        let tx = self.db.begin().await?;
        tx.execute(FAIL, &[&id.0, &failure, &at]).await?;
        tx.execute(FREE_CART, &[&id.0]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Remembers where the buyer has to go; false when that would be one unpaid order too many of its owner or of its
    /// client's address.
    pub async fn action_required(&self, row: &OrderRow, url: &str, limits: UnpaidLimits) -> Result<bool, Problem> {
        let order = &row.order;
        let tx = self.db.begin().await?;
        tx.execute(LOCK_UNPAID, &[&unpaid_locks(row)]).await?;
        let count = tx.query_one(UNPAID, &[&order.id.0, &order.customer_id, &order.email, &row.client]).await?;
        let (of_owner, of_client): (i64, i64) = (count.get_col("of_owner")?, count.get_col("of_client")?);
        if of_owner >= i64::from(limits.per_owner) || of_client >= i64::from(limits.per_client) {
            return Ok(false);
        }
        tx.execute(ACTION, &[&order.id.0, &url]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// From now on the locked order can only be undone.
    pub async fn give_up(&self, tx: &Tx, id: OrderId, at: Timestamp) -> Result<(), Problem> {
        tx.execute(GIVE_UP, &[&id.0, &at]).await?;
        Ok(())
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

    pub async fn audit(&self) -> Result<souk_order_api::Audit, Problem> {
        let reads = self.db.primary();
        let (unfinished, tasks, wrong, sold, units) = tokio::try_join!(
            reads.query(UNFINISHED, &[]),
            reads.query(TASKS, &[]),
            reads.query(WRONG_TOTALS, &[]),
            reads.query_one(SOLD, &[]),
            reads.query(SOLD_UNITS, &[]),
        )?;
        let sold: i64 = sold.get_col("sold").map_err(db_problem)?;
        let unit = |row: &Row| Ok(SoldUnits { sku: row.get_col("sku")?, units: row.get_col("units")? });
        Ok(souk_order_api::Audit {
            unfinished_sagas: uuids(&unfinished, "id")?,
            tasks: tasks.iter().map(read_task).collect::<Result<_, _>>()?,
            wrong_totals: uuids(&wrong, "id")?.into_iter().map(OrderId).collect(),
            sold: sold.unsigned_abs(),
            sold_units: units.iter().map(unit).collect::<Result<_, DbError>>()?,
        })
    }
}

fn read_task(row: &Row) -> Result<SagaTask, Problem> {
    let order: String = row.get_col("order_id")?;
    Ok(SagaTask {
        saga: row.get_col("id")?,
        kind: row.get_col("kind")?,
        order: order.parse().map_err(Problem::internal)?,
        since: row.get_col("stuck_at")?,
        what: row.get_col("tasks")?,
    })
}

async fn insert_orders(tx: &Tx, new: &[&NewOrder]) -> Result<Vec<(Uuid, String)>, Problem> {
    let ids: Vec<Uuid> = new.iter().map(|n| n.order.id.0).collect();
    let customers: Vec<Option<Uuid>> = new.iter().map(|n| n.order.customer_id).collect();
    let carts: Vec<Uuid> = new.iter().map(|n| n.cart_id.0).collect();
    let emails: Vec<&str> = new.iter().map(|n| n.order.email.as_str()).collect();
    let addresses = new.iter().map(|n| encode(&n.order.shipping_address)).collect::<Result<Vec<_>, _>>()?;
    let shipping_names: Vec<&str> = new.iter().map(|n| n.order.shipping_name.as_str()).collect();
    let lines = new.iter().map(|n| encode(&n.order.lines)).collect::<Result<Vec<_>, _>>()?;
    let coupons = new.iter().map(|n| encode(&n.order.coupons)).collect::<Result<Vec<_>, _>>()?;
    let currencies: Vec<&str> = new.iter().map(|n| n.order.total.currency.code()).collect();
    let amounts = |of: fn(&Order) -> Money| new.iter().map(|n| of(&n.order).amount).collect::<Vec<i64>>();
    let (subtotals, discounts) = (amounts(|o| o.subtotal), amounts(|o| o.discount));
    let (shippings, taxes, totals) = (amounts(|o| o.shipping), amounts(|o| o.tax), amounts(|o| o.total));
    let times: Vec<Timestamp> = new.iter().map(|n| n.order.placed_at).collect();
    let clients: Vec<Option<&[u8]>> = new.iter().map(|n| n.client.as_deref()).collect();
    let request_ids: Vec<&str> = new.iter().map(|n| &*n.cx.request_id).collect();
    let parameters: [&(dyn souk_db::ToSql + Sync); 17] = [
        &ids,
        &customers,
        &carts,
        &emails,
        &addresses,
        &shipping_names,
        &lines,
        &coupons,
        &currencies,
        &subtotals,
        &discounts,
        &shippings,
        &taxes,
        &totals,
        &times,
        &clients,
        &request_ids,
    ];
    let rows = tx.query(INSERT_ORDERS, &parameters).await?;
    let pair = |row: &Row| Ok((row.get_col("id")?, row.get_col("number")?));
    rows.iter().map(pair).collect::<Result<_, DbError>>().map_err(db_problem)
}

/// Keys of the advisory locks under which unpaid orders are counted: of the owner, and of the client's address. Always in
/// the same order, so that two who share both do not wait for each other.
fn unpaid_locks(row: &OrderRow) -> Vec<i64> {
    let key = |what: &str, of: &[u8]| {
        let mut hash = blake3::Hasher::new();
        hash.update(what.as_bytes()).update(of);
        let [a, b, c, d, e, f, g, h, ..] = *hash.finalize().as_bytes();
        i64::from_le_bytes([a, b, c, d, e, f, g, h])
    };
    let owner = match row.order.customer_id {
        Some(customer) => key("unpaid of customer", customer.as_bytes()),
        None => key("unpaid of guest", row.order.email.to_lowercase().as_bytes()),
    };
    let mut keys: Vec<i64> =
        std::iter::once(owner).chain(row.client.as_deref().map(|client| key("unpaid of client", client))).collect();
    keys.sort_unstable();
    keys
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
