//! What carts do by themselves: a bought cart is gone, and so is one that nobody touched for a week.

use std::sync::Arc;

use async_trait::async_trait;
use souk_db::Tx;
use souk_flow::{Consumer, Envelope, Schedule, Source};
use souk_kernel::{Event, Problem};
use souk_order_api::OrderPlaced;
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

struct Orders;

#[async_trait]
impl Consumer for Orders {
    fn name(&self) -> &'static str {
        "cart.orders"
    }

    fn sources(&self) -> &'static [Source] {
        &[Source { schema: "order", types: &[OrderPlaced::TYPE] }]
    }

    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        let mut bought: Vec<Uuid> = Vec::with_capacity(events.len());
        for event in events {
            if let Some(placed) = event.parse::<OrderPlaced>()? {
                bought.push(placed.cart_id.uuid());
            }
        }
        bought.sort_unstable();
        store::delete(tx, &bought).await?;
        Ok(())
    }
}
