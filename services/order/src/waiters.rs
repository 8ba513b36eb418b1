//! Waiters: requests that wait for the outcome of a checkout which runs in this process.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use souk_kernel::Problem;
use souk_order_api::{Order, OrderId};
use tokio::sync::watch;

/// How a checkout ended, as far as the buyer is concerned.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The sale is made.
    Confirmed(Arc<Order>),
    /// It came to nothing.
    Failed(Problem),
    /// The buyer has to go to the provider first.
    ActionRequired(String),
}

/// Who waits for what.
#[derive(Default)]
pub struct Waiters(Mutex<HashMap<OrderId, watch::Sender<Option<Outcome>>>>);

impl Waiters {
    /// Waits for `id`; call it before the saga starts.
    pub fn expect(&self, id: OrderId) -> watch::Receiver<Option<Outcome>> {
        let (sender, receiver) = watch::channel(None);
        self.lock().insert(id, sender);
        receiver
    }

    /// Joins others who wait in this process, if any do.
    pub fn join(&self, id: OrderId) -> Option<watch::Receiver<Option<Outcome>>> {
        self.lock().get(&id).map(watch::Sender::subscribe)
    }

    /// Notifies all who wait; who asks later reads the outcome from the order's row.
    pub fn notify(&self, id: OrderId, outcome: Outcome) {
        if let Some(sender) = self.lock().remove(&id) {
            sender.send_replace(Some(outcome));
        }
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, HashMap<OrderId, watch::Sender<Option<Outcome>>>> {
        self.0.lock()
    }
}
