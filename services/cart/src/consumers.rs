//! Event consumer and schedule of carts: what was bought is taken out, and a cart with nothing left in it is gone, as is one
//! that was not touched for a week.
//!
//! What is bought is subtracted, and the cart not frozen while its payment runs: freezing would cost every checkout a write
//! here before it may begin, and would refuse a buyer who goes on choosing while the bank takes its time.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use souk_db::Tx;
use souk_flow::{Consumer, Envelope, Schedule, Source};
use souk_kernel::{Event, Problem};
use souk_order_api::{Order, OrderPlaced};
use uuid::Uuid;

use crate::service::CartService;
use crate::store;

/// Carts deleted per transaction of the schedule.
const PURGE_BATCH: i64 = 2_000;

/// Consumers of this service.
pub fn consumers(_service: &Arc<CartService>) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(Orders)]
}

/// Schedules of this service.
pub fn schedules(service: &Arc<CartService>) -> Vec<Schedule> {
    let service = service.clone();
    vec![Schedule::new("cart.purge", "17 * * * *", move || {
        let service = service.clone();
        async move { purge_all(&service).await.map(drop) }
    })]
}

/// Deletes all carts that have run out, batch by batch; how many. Also run by tests, which do not wait for an hour.
pub async fn purge_all(service: &CartService) -> Result<u64, Problem> {
    let mut total = 0;
    loop {
        let deleted = store::purge(service.db(), PURGE_BATCH).await?;
        total += deleted;
        if deleted < PURGE_BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

pub(crate) struct Orders;

impl Orders {
    pub(crate) const SOURCES: &[Source] = &[Source { schema: "order", types: &[OrderPlaced::TYPE] }];
}

#[async_trait]
impl Consumer for Orders {
    fn name(&self) -> &'static str {
        "cart.orders"
    }

    fn sources(&self) -> &'static [Source] {
        Self::SOURCES
    }

    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        let mut placed: BTreeMap<Uuid, Vec<Order>> = BTreeMap::new();
        let mut bought = Vec::new();
        for event in events {
            if let Some(event) = event.parse::<OrderPlaced>()? {
                let id = event.cart_id.uuid();
                bought.extend(event.cart_version.map(|version| (id, version)));
                placed.entry(id).or_default().push(event.order);
            }
        }
        // Nearly every cart is as it was bought: it is deleted without being read.
        for id in store::delete_bought(tx, bought).await? {
            placed.remove(&id);
        }
        if placed.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = placed.keys().copied().collect();
        let (mut gone, mut rest) = (Vec::new(), Vec::new());
        for cart in store::lock(tx, &ids).await? {
            let (id, mut body) = (cart.id, cart.body);
            let mut changed = false;
            for order in placed.remove(&id.uuid()).unwrap_or_default() {
                changed |= body.take_bought(&order);
            }
            match body.lines.is_empty() {
                true => gone.push(id.uuid()),
                false if changed => rest.push((id, body)),
                false => {}
            }
        }
        if !gone.is_empty() {
            store::delete(tx, &gone).await?;
        }
        if !rest.is_empty() {
            tracing::info!(carts = rest.len(), "something was added to carts while they were paid; it stays in them");
            store::keep_rest(tx, &rest).await?;
        }
        Ok(())
    }
}
