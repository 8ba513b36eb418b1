//! Test fixture, a shop of one test: a database of its own and one or more processes of pricing on it, with verbs.

use std::sync::Arc;

use souk_db::Db;
use souk_kernel::{Currency, Money, Problem};
use souk_postgres::TestDb;
use souk_pricing::{MIGRATIONS, PricingDeps, PricingService, default_terms};
use souk_pricing_api::{
    Coupon, CouponByCode, Discount, Price, PricingClient, QuoteLine, QuoteRequest, Redeem, Redeemed, SetPrice,
    SetPrices, SetPricesReply, Unredeem,
};
use souk_rpc::Cx;
use souk_runtime::Tasks;
use souk_shipping_api::Address;
use uuid::Uuid;

pub struct Shop {
    pub test_db: TestDb,
    pub tasks: Tasks,
}

pub struct Process {
    pub service: Arc<PricingService>,
    pub client: PricingClient,
    pub db: Db,
}

pub fn cx() -> Cx {
    Cx::system("test")
}

pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub fn eur(amount: i64) -> Money {
    Currency::EUR.of(amount)
}

impl Shop {
    pub async fn open() -> Shop {
        Shop { test_db: TestDb::new(&[&MIGRATIONS]).await, tasks: Tasks::new() }
    }

    pub async fn process(&self) -> Process {
        let db = self.test_db.db("pricing").await;
        let deps = PricingDeps { db: db.clone(), tasks: self.tasks.clone(), terms: default_terms() };
        let service = PricingService::new(deps);
        service.seed_defaults().await.unwrap();
        Process { client: PricingClient::Local(service.clone()), service, db }
    }

    pub async fn sql(&self, sql: &'static str) -> u64 {
        self.test_db.superuser("pricing").await.write_one(sql, &[]).await.unwrap()
    }
}

pub fn price(product: u128, sku: &str, amount: i64) -> SetPrice {
    SetPrice { product_id: id(product), price: Price { sku: sku.into(), price: eur(amount), compare_at: None } }
}

pub fn coupon(code: &str, discount: Discount, max_uses: Option<u32>) -> Coupon {
    Coupon { code: code.into(), discount, max_uses, minimum: None, starts_at: None, ends_at: None, active: true }
}

pub fn line(sku: &str, quantity: u32) -> QuoteLine {
    QuoteLine { sku: sku.into(), quantity, category_id: None, tax_category: "standard".into(), weight_grams: 500 }
}

pub fn to(country: &str) -> Address {
    Address { country: country.into(), ..Address::default() }
}

pub fn cart(lines: Vec<QuoteLine>) -> QuoteRequest {
    QuoteRequest { lines, coupons: vec![], address: Some(to("DE")), shipping_method: Some("standard".into()) }
}

impl Process {
    pub async fn set(&self, items: Vec<SetPrice>) -> SetPricesReply {
        self.client.set_prices(&cx(), SetPrices { items }).await.unwrap()
    }

    pub async fn put(&self, coupon: Coupon) {
        self.client.put_coupon(&cx(), coupon).await.unwrap();
    }

    pub async fn redeem(&self, key: &str, codes: &[&str]) -> Result<Redeemed, Problem> {
        let coupons = codes.iter().map(|code| (*code).to_owned()).collect();
        self.client.redeem(&cx(), Redeem { key: key.into(), order_id: id(1), coupons }).await
    }

    pub async fn unredeem(&self, key: &str) -> Result<Redeemed, Problem> {
        self.client.unredeem(&cx(), Unredeem { key: key.into() }).await
    }

    pub async fn used(&self, code: &str) -> u32 {
        self.client.coupon(&cx(), CouponByCode { code: code.into() }).await.unwrap().used
    }
}
