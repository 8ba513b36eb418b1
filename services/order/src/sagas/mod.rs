//! The sagas of orders: the checkout, which makes a sale or takes everything back, and the cancellation of a sale.

pub mod cancel;
pub mod checkout;
pub mod state;

use std::sync::Arc;

use souk_kernel::Clock;
use souk_rpc::Cx;

use crate::UnpaidLimits;
use crate::seal::Seal;
use crate::store::Store;
use crate::token::Tokens;
use crate::waiters::Waiters;

/// What all steps share.
pub struct Shared {
    pub store: Store,
    pub waiters: Arc<Waiters>,
    pub clock: Clock,
    pub tokens: Tokens,
    pub unpaid: UnpaidLimits,
    pub seal: Seal,
}

impl Shared {
    /// Makes the caller's next reads show what stands now, also what another process or tab wrote.
    pub async fn advance_reads(&self, cx: &Cx) {
        cx.wrote(self.store.db().position().await.raw());
    }
}
