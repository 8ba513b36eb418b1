//! SQL of a checkout on its order: the sale and its completion, many at once; the failure; and waiting for the buyer.

use jiff::Timestamp;
use souk_db::{RowExt, Tx};
use souk_flow::{Recorded, SagaRun};
use souk_kernel::Problem;
use souk_order_api::{OrderId, OrderPlaced};
use souk_trace::Trace;
use uuid::Uuid;

use super::{OrderRow, Store, encode, uuids};
use crate::UnpaidLimits;
use crate::sagas::state::{self, CHECKOUT};

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

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("CONFIRM", CONFIRM),
    ("CAPTURED", CAPTURED),
    ("GIVEN_UP", GIVEN_UP),
    ("GIVE_UP", GIVE_UP),
    ("UNPAID", UNPAID),
    ("LOCK_UNPAID", LOCK_UNPAID),
    ("FAIL", FAIL),
    ("FREE_CART", FREE_CART),
    ("ACTION", ACTION),
];

/// A sale to confirm.
pub struct Confirmation {
    pub saga: SagaRun,
    pub event: OrderPlaced,
    /// The sealed payment token in the saga's state, which is emptied.
    pub token: String,
    /// The place in a trace of the step that makes it.
    pub trace: Option<Trace>,
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

impl Store {
    /// Confirms all whose saga is still ours, tells the world, and records that, in one commit. One that was confirmed before
    /// (its commit was taken for lost) is fine.
    pub async fn confirm(&self, sales: &[Confirmation], at: Timestamp) -> Result<Vec<Confirmed>, Problem> {
        let mut given_up = Vec::new();
        loop {
            let remaining: Vec<&Confirmation> = sales.iter().filter(|sale| !given_up.contains(&sale.saga.id)).collect();
            match self.confirm_unless_given_up(&remaining, at).await? {
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
        at: Timestamp,
    ) -> Result<Result<Vec<Uuid>, Vec<Uuid>>, Problem> {
        let tx = self.db.begin().await?;
        let sagas: Vec<SagaRun> = sales.iter().map(|sale| sale.saga).collect();
        let tokens: Vec<&str> = sales.iter().map(|sale| sale.token.as_str()).collect();
        let ours = Recorded::forgetting(&tx, &CHECKOUT, &sagas, state::CONFIRM, "token", &tokens).await?;
        let confirmed = uuids(&tx.query(CONFIRM, &[&ours, &at]).await?, "id")?;
        if confirmed.len() < ours.len() {
            let given_up = uuids(&tx.query(GIVEN_UP, &[&ours]).await?, "id")?;
            if !given_up.is_empty() {
                return Ok(Err(given_up));
            }
        }
        let events = sales
            .iter()
            .filter(|sale| confirmed.contains(&sale.event.order.id.0))
            .map(|sale| (sale.event.clone(), sale.trace.clone()));
        let (events, places): (Vec<OrderPlaced>, Vec<Option<Trace>>) = events.unzip();
        self.outbox.push_traced(&tx, &events, &places).await?;
        self.outbox.commit(tx).await?;
        Ok(Ok(ours))
    }

    /// Notes the money as taken and the checkouts as done, in one commit. Returns per saga whether it is ours.
    pub async fn complete(&self, sagas: &[SagaRun], at: Timestamp) -> Result<Vec<bool>, Problem> {
        let tx = self.db.begin().await?;
        let ours = Recorded::write(&tx, &CHECKOUT, sagas, state::COMPLETE).await?;
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
