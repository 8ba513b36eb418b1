//! Fakes of pricing and inventory as far as the catalogue's pages ask them: prices and stock by SKU, counting the questions.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use souk_inventory_api as inventory;
use souk_kernel::{Currency, Problem};
use souk_pricing_api as pricing;
use souk_rpc::Cx;

#[derive(Default)]
pub struct Offers {
    /// Minor units and stock by SKU.
    pub known: Mutex<HashMap<String, (i64, i64)>>,
    pub questions: AtomicUsize,
}

impl Offers {
    pub async fn prices(&self, _: &Cx, req: pricing::PricesRequest) -> Result<pricing::Prices, Problem> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let known = self.known.lock().unwrap();
        let price = |sku: String| {
            let (amount, _) = *known.get(&sku)?;
            Some(pricing::Price { sku, price: Currency::EUR.of(amount), compare_at: None })
        };
        Ok(pricing::Prices { items: req.skus.into_iter().filter_map(price).collect() })
    }
}

impl Offers {
    pub async fn availability(
        &self,
        _: &Cx,
        req: inventory::AvailabilityRequest,
    ) -> Result<inventory::Availabilities, Problem> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let known = self.known.lock().unwrap();
        let stock = |sku: String| {
            let (_, available) = *known.get(&sku)?;
            Some(inventory::Availability::new(sku, available, inventory::StockPolicy::Deny))
        };
        Ok(inventory::Availabilities { items: req.skus.into_iter().filter_map(stock).collect() })
    }
}
