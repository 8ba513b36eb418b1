//! Event consumers: what orders learn from shipping (parcels) and payment (a buyer who completed a payment at the provider).

use std::sync::Arc;

use async_trait::async_trait;
use souk_db::Tx;
use souk_flow::{Consumer, Envelope, Source, wake_saga};
use souk_kernel::{Event, Problem};
use souk_order_api::{OrderChanged, OrderId};
use souk_payment_api::PaymentChanged;
use souk_shipping_api::{Shipment, ShipmentDelivered, ShipmentShipped};

use crate::OrderService;
use crate::domain::{Transition, apply};

/// Parcels that left or arrived.
pub struct Shipments(pub Arc<OrderService>);

impl Shipments {
    pub(crate) const SOURCES: &[Source] =
        &[Source { schema: "shipping", types: &[ShipmentShipped::TYPE, ShipmentDelivered::TYPE] }];
}

#[async_trait]
impl Consumer for Shipments {
    fn name(&self) -> &'static str {
        "order.shipments"
    }
    fn sources(&self) -> &'static [Source] {
        Self::SOURCES
    }
    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        let mut changes = Vec::new();
        for event in events {
            let shipment: Shipment = match (event.parse::<ShipmentShipped>()?, event.parse::<ShipmentDelivered>()?) {
                (Some(shipped), _) => shipped.shipment,
                (_, Some(delivered)) => delivered.shipment,
                _ => continue,
            };
            let store = self.0.store();
            let id = OrderId(shipment.order_id);
            let row = store.lock(tx, id).await?;
            let mut order = row.ok_or_else(|| Problem::internal(format!("a parcel of an unknown order {id}")))?.order;
            let previous = order.status;
            if apply(&mut order, Transition::Parcel(shipment), self.0.clock().now())? {
                store.save(tx, &order).await?;
                changes.push(OrderChanged { order, previous });
            }
        }
        self.0.store().outbox().push_all(tx, &changes).await?;
        Ok(())
    }
    async fn applied(&self, _: &[Envelope]) {
        self.0.store().outbox().wake();
    }
}

/// Payments that moved on at the provider: a checkout may be waiting for one.
pub struct Payments;

impl Payments {
    pub(crate) const SOURCES: &[Source] = &[Source { schema: "payment", types: &[PaymentChanged::TYPE] }];
}

#[async_trait]
impl Consumer for Payments {
    fn name(&self) -> &'static str {
        "order.payments"
    }
    fn sources(&self) -> &'static [Source] {
        Self::SOURCES
    }
    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        for event in events {
            let Some(changed) = event.parse::<PaymentChanged>()? else { continue };
            // Captures are our own doing and the bulk of these events; no checkout waits for them.
            if changed.payment.captured.amount == 0 {
                wake_saga(tx, changed.payment.order_id).await?;
            }
        }
        Ok(())
    }
}
