//! Event consumers, from facts to messages: a batch of events becomes at most two statements.

use std::sync::Arc;

use async_trait::async_trait;
use souk_db::Tx;
use souk_flow::{Consumer, Envelope, Source};
use souk_identity_api::{EmailChangeRequested, EmailChanged, LinkRequested, LoginAttempts};
use souk_kernel::{Event, Problem};
use souk_order_api::{OrderChanged, OrderPlaced, OrderStatus};
use souk_shipping_api::ShipmentShipped;
use uuid::Uuid;

use crate::content::{Contact, Content, message_id};
use crate::sender::CHANNEL;
use crate::service::NotificationService;
use crate::store::NewDelivery;

/// Reads what buyers are told about. A mail about an account is about no order: the event stands in its place.
pub struct Facts(pub Arc<NotificationService>);

impl Facts {
    pub(crate) const SOURCES: &[Source] = &[
        Source { schema: "order", types: &[OrderPlaced::TYPE, OrderChanged::TYPE] },
        Source { schema: "shipping", types: &[ShipmentShipped::TYPE] },
        Source {
            schema: "identity",
            types: &[LinkRequested::TYPE, LoginAttempts::TYPE, EmailChangeRequested::TYPE, EmailChanged::TYPE],
        },
    ];
}

#[async_trait]
impl Consumer for Facts {
    fn name(&self) -> &'static str {
        "notification.facts"
    }

    fn sources(&self) -> &'static [Source] {
        Self::SOURCES
    }

    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        let (mut contacts, mut deliveries) = (Vec::new(), Vec::new());
        for event in events {
            if let Some(placed) = event.parse::<OrderPlaced>()? {
                let order = &placed.order;
                contacts.push(Contact::of(order, &placed.token));
                deliveries.push(self.delivery(order.id.0, order.id.0, Content::confirmation(order)));
            } else if let Some(changed) = event.parse::<OrderChanged>()? {
                let now = changed.order.status;
                if now == OrderStatus::Cancelled && changed.previous != OrderStatus::Cancelled {
                    let order = changed.order.id.0;
                    deliveries.push(self.delivery(order, order, Content::Cancelled));
                }
            } else if let Some(shipped) = event.parse::<ShipmentShipped>()? {
                let shipment = &shipped.shipment;
                // The order's own event comes by another way and may be behind: the message waits for the contact.
                deliveries.push(self.delivery(shipment.order_id, shipment.id.0, Content::shipped(shipment)));
            } else if let Some(asked) = event.parse::<LinkRequested>()? {
                deliveries.push(self.delivery(asked.id, asked.id, Content::link(&asked)));
            } else if let Some(noticed) = event.parse::<LoginAttempts>()? {
                deliveries.push(self.delivery(event.id, event.id, Content::attempts(&noticed)));
            } else if let Some(asked) = event.parse::<EmailChangeRequested>()? {
                deliveries.push(self.delivery(event.id, event.id, Content::email_change(&asked)));
            } else if let Some(changed) = event.parse::<EmailChanged>()? {
                deliveries.push(self.delivery(event.id, event.id, Content::email_changed(&changed)));
            }
        }
        self.0.store.keep_contacts(tx, &contacts).await?;
        self.0.store.queue(tx, &deliveries).await?;
        Ok(())
    }

    async fn applied(&self, _events: &[Envelope]) {
        self.0.db.notify_after_commit(CHANNEL);
    }
}

impl Facts {
    fn delivery(&self, order_id: Uuid, subject: Uuid, content: Content) -> NewDelivery {
        let message_id = message_id(content.template(), subject, &self.0.shop.host);
        NewDelivery { message_id, order_id, content }
    }
}
