//! Pricing and inventory as far as the catalogue's pages ask them: prices and stock by SKU, counting the questions.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
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

fn unused<T>() -> Result<T, Problem> {
    Err(Problem::internal("the catalogue never asks this"))
}

#[async_trait]
impl pricing::PricingApi for Offers {
    async fn prices(&self, _: &Cx, req: pricing::PricesRequest) -> Result<pricing::Prices, Problem> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let known = self.known.lock().unwrap();
        let price = |sku: String| {
            let (amount, _) = *known.get(&sku)?;
            Some(pricing::Price { sku, price: Currency::EUR.of(amount), compare_at: None })
        };
        Ok(pricing::Prices { items: req.skus.into_iter().filter_map(price).collect() })
    }
    async fn set_prices(&self, _: &Cx, _: pricing::SetPrices) -> Result<pricing::SetPricesReply, Problem> {
        unused()
    }
    async fn quote(&self, _: &Cx, _: pricing::QuoteRequest) -> Result<pricing::Quote, Problem> {
        unused()
    }
    async fn shipping_methods(
        &self,
        _: &Cx,
        _: pricing::ShippingMethodsRequest,
    ) -> Result<pricing::ShippingMethods, Problem> {
        unused()
    }
    async fn redeem(&self, _: &Cx, _: pricing::Redeem) -> Result<pricing::Redeemed, Problem> {
        unused()
    }
    async fn unredeem(&self, _: &Cx, _: pricing::Unredeem) -> Result<pricing::Redeemed, Problem> {
        unused()
    }
    async fn put_coupon(&self, _: &Cx, _: pricing::Coupon) -> Result<pricing::Coupon, Problem> {
        unused()
    }
    async fn coupon(&self, _: &Cx, _: pricing::CouponByCode) -> Result<pricing::CouponState, Problem> {
        unused()
    }
    async fn put_rates(&self, _: &Cx, _: pricing::Rates) -> Result<pricing::Rates, Problem> {
        unused()
    }
    async fn rates(&self, _: &Cx, _: pricing::RatesRequest) -> Result<pricing::Rates, Problem> {
        unused()
    }
    async fn shop(&self, _: &Cx, _: pricing::ShopRequest) -> Result<pricing::ShopTerms, Problem> {
        unused()
    }
}

#[async_trait]
impl inventory::InventoryApi for Offers {
    async fn availability(
        &self,
        _: &Cx,
        req: inventory::AvailabilityRequest,
    ) -> Result<inventory::Availabilities, Problem> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let known = self.known.lock().unwrap();
        let stock = |sku: String| {
            let (_, available) = *known.get(&sku)?;
            Some(inventory::Availability { sku, available })
        };
        Ok(inventory::Availabilities { items: req.skus.into_iter().filter_map(stock).collect() })
    }
    async fn adjust(&self, _: &Cx, _: inventory::Adjust) -> Result<inventory::Adjusted, Problem> {
        unused()
    }
    async fn reserve(&self, _: &Cx, _: inventory::Reserve) -> Result<inventory::Reservation, Problem> {
        unused()
    }
    async fn allocate(&self, _: &Cx, _: inventory::ByKey) -> Result<inventory::Reservation, Problem> {
        unused()
    }
    async fn release(&self, _: &Cx, _: inventory::ByKey) -> Result<inventory::Reservation, Problem> {
        unused()
    }
    async fn ship(&self, _: &Cx, _: inventory::ByKey) -> Result<inventory::Reservation, Problem> {
        unused()
    }
    async fn audit(&self, _: &Cx, _: inventory::AuditRequest) -> Result<inventory::Audit, Problem> {
        unused()
    }
}
