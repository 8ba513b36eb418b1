//! SQL of placing orders: many at once, each with its key, its cart and its saga, in one commit.

use jiff::Timestamp;
use souk_cart_api::CartId;
use souk_db::{DbError, Row, RowExt, Tx};
use souk_flow::{NewSaga, insert_sagas};
use souk_kernel::{Money, Problem};
use souk_order_api::Order;
use souk_rpc::Cx;
use uuid::Uuid;

use super::{Store, db_problem, encode, uuids};
use crate::sagas::state::{CHECKOUT, CheckoutState};

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

pub(super) const STATEMENTS: &[(&str, &str)] =
    &[("TAKE_KEYS", TAKE_KEYS), ("TAKE_CARTS", TAKE_CARTS), ("FREE_KEYS", FREE_KEYS), ("INSERT_ORDERS", INSERT_ORDERS)];

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

impl Store {
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
        let sagas: Vec<NewSaga<&CheckoutState>> = candidates
            .iter()
            .map(|n| NewSaga { id: n.order.id.0, state: &n.state, trace: n.cx.trace.clone() })
            .collect();
        insert_sagas(&tx, &CHECKOUT, &sagas).await?;
        tx.commit().await?;
        let outcome = |n: &NewOrder| match numbers.iter().find(|(id, _)| *id == n.order.id.0) {
            Some((_, number)) => Placed::New(number.clone()),
            None if with_key.contains(&n.order.id.0) => Placed::CartTaken,
            None => Placed::KeyTaken,
        };
        Ok(new.iter().map(outcome).collect())
    }
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
