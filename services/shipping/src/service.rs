//! Implementation of the contract: staff note departures and arrivals, others look.

use std::sync::Arc;

use async_trait::async_trait;
use souk_db::Db;
use souk_flow::Outbox;
use souk_kernel::{Clock, Ids, Problem};
use souk_rpc::{Cx, Permission};
use souk_shipping_api::{
    ByOrder, Deliver, Ship, Shipment, ShipmentDelivered, ShipmentId, ShipmentShipped, Shipments, ShippingApi,
};

use crate::ShippingDeps;
use crate::domain::{self, Departure, ParcelError};
use crate::store::Store;

/// Shipments, for callers.
pub struct ShippingService {
    db: Db,
    store: Store,
    outbox: Outbox,
    clock: Clock,
    ids: Ids,
}

impl ShippingService {
    /// The service.
    pub fn new(deps: ShippingDeps) -> Arc<Self> {
        let (store, outbox) = (Store::new(deps.db.clone()), Outbox::new(&deps.db));
        Arc::new(Self { db: deps.db, store, outbox, clock: deps.clock, ids: deps.ids })
    }

    /// Its schema.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// One parcel, for any caller who knows its id.
    pub async fn track(&self, id: ShipmentId) -> Result<Shipment, Problem> {
        self.store.get(id).await?.ok_or_else(|| Problem::not_found("shipment"))
    }
}

#[async_trait]
impl ShippingApi for ShippingService {
    async fn ship(&self, cx: &Cx, request: Ship) -> Result<Shipment, Problem> {
        cx.actor.require(Permission::Orders)?;
        let wrong =
            |pointer: &'static str| move |error: ParcelError| Problem::invalid_field(pointer, error.to_string());
        let carrier = domain::label(request.carrier).map_err(wrong("/carrier"))?;
        let number = domain::label(request.tracking_number).map_err(wrong("/tracking_number"))?;
        let (tx, so_far) = self.store.begin(request.order_id).await?;
        // Random and not by time: knowing it is the right to follow the parcel.
        let id = ShipmentId(self.ids.v4());
        let parcel = match domain::ship(&so_far, request.order_id, id, carrier, number, self.clock.now())? {
            Departure::Known(parcel) => return Ok(parcel.shipment),
            Departure::New(parcel) => parcel,
        };
        self.store.insert(&tx, &parcel).await?;
        let event = ShipmentShipped { shipment: parcel.shipment.clone(), version: parcel.version };
        self.outbox.push_all(&tx, &[event]).await?;
        self.outbox.commit(tx).await?;
        Ok(parcel.shipment)
    }

    async fn deliver(&self, cx: &Cx, request: Deliver) -> Result<Shipment, Problem> {
        cx.actor.require(Permission::Orders)?;
        let (tx, so_far) = self.store.begin(request.order_id).await?;
        let (arrived, last) = domain::deliver(&so_far, self.clock.now())?;
        if arrived.is_empty() {
            return Ok(last.shipment);
        }
        self.store.deliver(&tx, &arrived).await?;
        let event = |p: domain::Parcel| ShipmentDelivered { shipment: p.shipment, version: p.version };
        let events: Vec<ShipmentDelivered> = arrived.into_iter().map(event).collect();
        self.outbox.push_all(&tx, &events).await?;
        self.outbox.commit(tx).await?;
        Ok(last.shipment)
    }

    async fn by_order(&self, _cx: &Cx, request: ByOrder) -> Result<Shipments, Problem> {
        Ok(Shipments { items: self.store.by_order(request.order_id).await? })
    }
}

impl From<ParcelError> for Problem {
    fn from(error: ParcelError) -> Self {
        match error {
            ParcelError::Label => Problem::invalid("invalid_label", error.to_string()),
            ParcelError::TooMany => Problem::conflict("too_many_parcels", error.to_string()),
            ParcelError::NothingShipped => Problem::conflict("nothing_shipped", error.to_string()),
        }
    }
}
