//! The merchant: through the services' contracts, until there is an admin API to go through.

use std::path::PathBuf;
use std::time::Duration;

use souk::Clients;
use souk_notification_api::{Delivery, DeliveryStatus};
use souk_order_api::{CancelOrder, FindOrder, ListOrders, Order, OrderId};
use souk_payment_api::Payment;
use souk_rpc::Cx;
use souk_shipping_api::{Deliver, Ship};

use crate::buyer::PASSWORD;
use souk_eventually::eventually;

/// How long what follows from an event may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// The merchant.
pub struct Staff {
    clients: Clients,
    data_dir: PathBuf,
    cx: Cx,
}

impl Staff {
    /// Of the shop behind `clients`, with its mails in `data_dir`.
    pub fn new(clients: Clients, data_dir: PathBuf) -> Self {
        Self { clients, data_dir, cx: Cx::system("staff") }
    }

    /// An order as it is now.
    pub async fn order(&self, id: OrderId) -> Order {
        self.clients.order.find(&self.cx, FindOrder { reference: id.to_string() }).await.unwrap()
    }

    /// The newest orders, 100 at most.
    pub async fn orders(&self) -> Vec<Order> {
        let request = ListOrders { limit: souk_order_api::MAX_PAGE, ..ListOrders::default() };
        self.clients.order.list(&self.cx, request).await.unwrap().items
    }

    /// Waits until an order is as `wanted`.
    pub async fn order_when(&self, id: OrderId, what: &str, wanted: impl Fn(&Order) -> bool) -> Order {
        eventually(what, SOON, || async {
            let order = self.order(id).await;
            if wanted(&order) { Ok(order) } else { Err((order.status, order.payment_status, order.failure)) }
        })
        .await
    }

    /// Hands a parcel over.
    pub async fn ship(&self, id: OrderId) {
        let ship = Ship { order_id: id.0, carrier: Some("DHL".into()), tracking_number: Some("0034".into()) };
        self.clients.shipping.ship(&self.cx, ship).await.unwrap();
    }

    /// Hears that it arrived.
    pub async fn deliver(&self, id: OrderId) {
        self.clients.shipping.deliver(&self.cx, Deliver { order_id: id.0 }).await.unwrap();
    }

    /// Takes an order back.
    pub async fn cancel(&self, id: OrderId) -> Order {
        self.clients
            .order
            .cancel(&self.cx, CancelOrder { id, reason: "test".into(), if_version: None, token: None })
            .await
            .unwrap()
    }

    /// The payments of an order.
    pub async fn payments(&self, id: OrderId) -> Vec<Payment> {
        let request = souk_payment_api::ByOrder { order_id: id.0 };
        self.clients.payment.by_order(&self.cx, request).await.unwrap().items
    }

    /// An account, made as storefronts of the previous release do: where old and new workers may send the mails.
    pub async fn account(&self, email: &str) {
        let password = souk_kernel::Secret::new(PASSWORD.to_owned());
        let request = souk_identity_api::Register { email: email.to_owned(), password, name: "Erika".into() };
        self.clients.identity.register(&self.cx, request).await.unwrap();
    }

    /// Waits for the mail of this kind about an order and returns its text.
    pub async fn mail(&self, id: OrderId, template: &str) -> String {
        let delivery: Delivery = eventually(&format!("mail {template}"), SOON, || async {
            let request = souk_notification_api::ByOrder { order_id: id.0 };
            let sent = self.clients.notification.by_order(&self.cx, request).await.unwrap().items;
            let found = sent.iter().find(|mail| mail.template == template && mail.status == DeliveryStatus::Sent);
            found.cloned().ok_or(sent)
        })
        .await;
        let mails = std::fs::read_dir(self.data_dir.join("mail")).unwrap();
        let texts = mails.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
        let id = delivery.message_id.trim_matches(['<', '>']).to_owned();
        let found: Vec<String> = texts.filter(|text| text.contains(&id)).collect();
        assert_eq!(found.len(), 1, "mails with the id {id}");
        found.into_iter().next().unwrap()
    }
}
