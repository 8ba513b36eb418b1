//! Event consumer and schedules of inventory: orders that left the warehouse leave the books, and holds that ran out are
//! given back.

use std::sync::Arc;

use async_trait::async_trait;
use souk_db::Tx;
use souk_flow::{Consumer, Envelope, Schedule, Source};
use souk_kernel::{Event, Problem};
use souk_shipping_api::ShipmentShipped;

use crate::domain::Command;
use crate::service::InventoryService;
use crate::store;

/// Holds given back per transaction of the schedule: short, so that buyers hardly wait for its locks.
const RECLAIM_BATCH: i64 = 200;
/// Released reservations and adjustments are kept this long: well beyond any saga or client that might still ask.
const KEEP_DAYS: i32 = 30;
/// Reservations deleted per transaction.
const PURGE_BATCH: i64 = 5_000;

/// Consumers of this service.
pub fn consumers(service: &Arc<InventoryService>) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(Shipments { service: service.clone() })]
}

/// Schedules of this service.
pub fn schedules(service: &Arc<InventoryService>) -> Vec<Schedule> {
    let (service, purging) = (service.clone(), service.clone());
    let reclaim = Schedule::new("inventory.reclaim", "* * * * *", move || {
        let service = service.clone();
        async move { reclaim_all(&service).await.map(drop) }
    });
    let purge = Schedule::new("inventory.purge", "41 3 * * *", move || {
        let service = purging.clone();
        async move {
            while store::purge(service.db(), KEEP_DAYS, PURGE_BATCH).await? >= PURGE_BATCH.unsigned_abs() {}
            Ok(())
        }
    });
    vec![reclaim, purge]
}

/// Gives back all holds that have run out, batch by batch; how many. Also run by tests, which do not wait for a minute.
pub async fn reclaim_all(service: &InventoryService) -> Result<usize, Problem> {
    let mut total = 0;
    loop {
        let count = service.command_batch().reclaim(RECLAIM_BATCH).await?;
        total += count;
        if i64::try_from(count).unwrap_or(i64::MAX) < RECLAIM_BATCH {
            if total > 0 {
                tracing::info!(holds = total, "expired reservations given back");
            }
            return Ok(total);
        }
    }
}

pub(crate) struct Shipments {
    service: Arc<InventoryService>,
}

impl Shipments {
    pub(crate) const SOURCES: &[Source] = &[Source { schema: "shipping", types: &[ShipmentShipped::TYPE] }];
}

#[async_trait]
impl Consumer for Shipments {
    fn name(&self) -> &'static str {
        "inventory.shipments"
    }

    fn sources(&self) -> &'static [Source] {
        Self::SOURCES
    }

    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        let mut commands = Vec::with_capacity(events.len());
        for event in events {
            if let Some(shipped) = event.parse::<ShipmentShipped>()? {
                commands.push(Command::Ship(shipped.shipment.order_id));
            }
        }
        self.service.command_batch().execute_in(tx, &commands).await
    }
}
