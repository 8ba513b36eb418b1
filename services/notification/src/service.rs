//! Implementation of the contract: what was sent about an order, and what was not sent at all.

use std::sync::Arc;

use async_trait::async_trait;
use souk_db::Db;
use souk_kernel::Problem;
use souk_notification_api::{ByOrder, Deliveries, ListUnsent, NotificationApi, Retried, RetryMails, Unsent};
use souk_rpc::{Cx, Permission};

use crate::NotificationDeps;
use crate::carrier::Carrier;
use crate::compose::Shop;
use crate::sender::CHANNEL;
use crate::store::Store;

/// Deliveries, for callers.
pub struct NotificationService {
    pub(crate) db: Db,
    pub(crate) store: Store,
    pub(crate) shop: Shop,
    pub(crate) carrier: Carrier,
}

impl NotificationService {
    /// The service; 422 when its configuration makes no sense.
    pub fn new(deps: NotificationDeps) -> Result<Arc<Self>, Problem> {
        let store = Store::new(deps.db.clone());
        let shop = Shop::new(deps.shop)?;
        let carrier = Carrier::new(&deps.transport, &shop.host)?;
        Ok(Arc::new(Self { db: deps.db, store, shop, carrier }))
    }

    /// Its schema.
    pub fn db(&self) -> &Db {
        &self.db
    }
}

#[async_trait]
impl NotificationApi for NotificationService {
    async fn by_order(&self, cx: &Cx, request: ByOrder) -> Result<Deliveries, Problem> {
        cx.actor.require(Permission::Orders)?;
        Ok(Deliveries { items: self.store.by_order(request.order_id).await? })
    }

    async fn unsent(&self, cx: &Cx, request: ListUnsent) -> Result<Unsent, Problem> {
        cx.actor.require(Permission::Orders)?;
        Ok(Unsent { items: self.store.unsent(request.limit).await? })
    }

    async fn retry(&self, cx: &Cx, request: RetryMails) -> Result<Retried, Problem> {
        cx.actor.require(Permission::Orders)?;
        let queued = self.store.retry(request.message_id.as_deref()).await?;
        self.db.notify_after_commit(CHANNEL);
        Ok(Retried { queued })
    }
}
