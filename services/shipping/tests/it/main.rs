//! Integration tests of shipments against a real PostgreSQL.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::sync::Arc;

use axum::body::Body;
use futures_util::future::join_all;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use souk_db::{Db, RowExt, assert_all_prepare};
use souk_kernel::{Clock, Ids, Kind};
use souk_postgres::TestDb;
use souk_rpc::{Actor, Channel, Cx, Permission};
use souk_shipping::{MIGRATIONS, ShippingDeps, ShippingService, routes};
use souk_shipping_api::{
    ByOrder, Deliver, Ship, Shipment, ShipmentStatus, ShippingApi, ShippingClient, serve_shipping,
};
use tower::ServiceExt;
use uuid::Uuid;

struct World {
    service: Arc<ShippingService>,
    client: ShippingClient,
    db: Db,
    _database: TestDb,
}

impl World {
    async fn new() -> Self {
        let database = TestDb::new(&[&MIGRATIONS]).await;
        let db = database.db("shipping").await;
        let service = ShippingService::new(ShippingDeps { db: db.clone(), clock: Clock::system(), ids: Ids::random() });
        let client = ShippingClient::Local(service.clone() as Arc<dyn ShippingApi>);
        Self { service, client, db, _database: database }
    }

    async fn ship(&self, order_id: Uuid, number: Option<&str>) -> Shipment {
        self.client.ship(&staff(), departure(order_id, number)).await.unwrap()
    }

    async fn deliver(&self, order_id: Uuid) -> Shipment {
        self.client.deliver(&staff(), Deliver { order_id }).await.unwrap()
    }

    async fn events(&self, order_id: Uuid) -> Vec<(String, i64)> {
        let sql = "select type, version from outbox where aggregate = $1 order by version";
        let rows = self.db.primary().query(sql, &[&order_id]).await.unwrap();
        rows.iter().map(|row| (row.get_col("type").unwrap(), row.get_col("version").unwrap())).collect()
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = routes(self.service.clone()).router().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }
}

fn departure(order_id: Uuid, number: Option<&str>) -> Ship {
    Ship { order_id, carrier: Some("DHL".into()), tracking_number: number.map(Into::into) }
}

fn staff() -> Cx {
    Cx::new("test", Actor::Staff { id: Uuid::nil(), permissions: [Permission::Orders].into() })
}

fn names(events: &[(&str, i64)]) -> Vec<(String, i64)> {
    events.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect()
}

#[tokio::test]
async fn all_statements_prepare() {
    let world = World::new().await;
    assert_all_prepare(&world.db, souk_shipping::STATEMENTS).await;
}

#[tokio::test]
async fn departures_and_arrivals_are_noted_and_told_once() {
    let world = World::new().await;
    let order = Uuid::from_u128(1);
    let first = world.ship(order, Some("JD1")).await;
    assert_eq!(world.ship(order, Some(" JD1 ")).await, first, "the same number is the same parcel");
    let second = world.ship(order, None).await;
    assert_eq!(world.ship(order, Some("")).await, second);
    assert_ne!(first.id, second.id);
    let arrived = world.deliver(order).await;
    assert_eq!(arrived.status, ShipmentStatus::Delivered);
    assert_eq!(world.deliver(order).await, arrived);
    let all = world.client.by_order(&staff(), ByOrder { order_id: order }).await.unwrap().items;
    assert!(all.len() == 2 && all.iter().all(|s| s.delivered_at.is_some()), "{all:?}");
    let (shipped, delivered) = ("shipping.shipped.v1", "shipping.delivered.v1");
    assert_eq!(world.events(order).await, names(&[(shipped, 1), (shipped, 2), (delivered, 3), (delivered, 4)]));
    assert_eq!(world.ship(order, Some("JD3")).await.status, ShipmentStatus::Shipped, "a late parcel");
    assert_eq!(world.deliver(order).await.tracking_number.as_deref(), Some("JD3"));
}

#[tokio::test]
async fn the_same_departure_by_twenty_at_once_is_one_parcel_and_one_event() {
    let world = World::new().await;
    let order = Uuid::from_u128(1);
    let parcels = join_all((0..20).map(|_| world.ship(order, Some("JD1")))).await;
    assert!(parcels.iter().all(|parcel| *parcel == parcels[0]));
    join_all((0..20).map(|_| world.deliver(order))).await;
    let told = names(&[("shipping.shipped.v1", 1), ("shipping.delivered.v1", 2)]);
    assert_eq!(world.events(order).await, told);
}

#[tokio::test]
async fn what_makes_no_sense_or_is_not_allowed_changes_nothing() {
    let world = World::new().await;
    let order = Uuid::from_u128(1);
    assert!(world.client.deliver(&staff(), Deliver { order_id: order }).await.unwrap_err().is("nothing_shipped"));
    for wrong in ["a\r\nSet-Cookie: x", &"x".repeat(101)] {
        let problem = world.client.ship(&staff(), departure(order, Some(wrong))).await.unwrap_err();
        assert_eq!((problem.kind, &*problem.fields[0].pointer), (Kind::Invalid, "/tracking_number"));
    }
    for (actor, kind) in [
        (Actor::Anonymous, Kind::Unauthenticated),
        (Actor::Customer(order), Kind::Forbidden),
        (Actor::Staff { id: order, permissions: [Permission::Catalog].into() }, Kind::Forbidden),
    ] {
        let cx = Cx::new("test", actor);
        assert_eq!(world.client.ship(&cx, departure(order, None)).await.unwrap_err().kind, kind);
        assert_eq!(world.client.deliver(&cx, Deliver { order_id: order }).await.unwrap_err().kind, kind);
    }
    assert!(world.client.by_order(&staff(), ByOrder { order_id: order }).await.unwrap().items.is_empty());
    assert!(world.events(order).await.is_empty());
}

#[tokio::test]
async fn a_parcel_is_followed_by_its_id_and_says_nothing_about_the_order() {
    let world = World::new().await;
    let order = Uuid::from_u128(0xfeed);
    let parcel = world.ship(order, Some("JD1")).await;
    let (status, body) = world.get(&format!("/api/v1/tracking/{}", parcel.id)).await;
    assert_eq!((status, &body["status"], &body["carrier"]), (StatusCode::OK, &"shipped".into(), &"DHL".into()));
    assert!(!body.to_string().contains(&order.to_string()));
    assert_eq!(parcel.id.0.get_version_num(), 4, "not guessable");
    for unknown in [Uuid::nil().to_string(), "nonsense".to_owned()] {
        assert_eq!(world.get(&format!("/api/v1/tracking/{unknown}")).await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn loopback_says_what_local_says() {
    let world = World::new().await;
    let contract = serve_shipping(world.service.clone() as Arc<dyn ShippingApi>);
    let remote = ShippingClient::Remote(Channel::loopback(contract));
    let order = Uuid::from_u128(1);
    let parcel = remote.ship(&staff(), departure(order, Some("JD1"))).await.unwrap();
    let by_order = remote.by_order(&staff(), ByOrder { order_id: order }).await.unwrap();
    assert_eq!(world.client.by_order(&staff(), ByOrder { order_id: order }).await.unwrap().items, by_order.items);
    assert_eq!(by_order.items, [parcel]);
    assert!(remote.deliver(&Cx::new("test", Actor::Anonymous), Deliver { order_id: order }).await.is_err());
    assert_eq!(remote.deliver(&staff(), Deliver { order_id: order }).await.unwrap().status, ShipmentStatus::Delivered);
}
