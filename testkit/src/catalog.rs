//! Goods for a test: products with a known price and a known stock, and coupons.

use std::time::Duration;

use souk_catalog_api::{
    CategoryInput, Outcome, ProductInput, ProductOption, PutCategories, PutProducts, Status, VariantInput,
};
use souk_inventory_api::{Adjust, AdjustLine, Change};
use souk_kernel::Currency;
use souk_pricing_api::{Coupon, Discount, Price, SetPrice, SetPrices};
use souk_rpc::Cx;
use uuid::Uuid;

use crate::{World, eventually};

/// A product with one variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What is put into a cart.
    pub sku: String,
    /// Its page below `/p/`.
    pub slug: String,
    /// The product.
    pub product_id: Uuid,
}

impl World {
    /// A product called `name` at `cents`, with `units` of it.
    pub async fn product(&self, name: &str, cents: i64, units: i64) -> Item {
        let item = self.describe(name, name).await;
        self.price(&item, cents).await;
        self.stock(&item, units).await;
        item
    }

    /// Puts a product's title and texts, without price or stock.
    pub async fn describe(&self, name: &str, title: &str) -> Item {
        self.put(name, title, &[]).await.remove(0)
    }

    /// A product that is chosen by size; one item for each.
    pub async fn sized_product(&self, name: &str, cents: i64, units: i64, sizes: &[&str]) -> Vec<Item> {
        let items = self.put(name, name, sizes).await;
        for item in &items {
            self.price(item, cents).await;
            self.stock(item, units).await;
        }
        items
    }

    /// Waits until the shop shows the category of these products: a process that is not the catalogue's hears of it by its event.
    pub async fn category_is_shown(&self) {
        eventually("the category is shown", Duration::from_secs(10), || async {
            let page = self.shop.get("/c/test-goods").await;
            if page.status == 200 { Ok(()) } else { Err(page.status) }
        })
        .await;
    }

    async fn put(&self, name: &str, title: &str, sizes: &[&str]) -> Vec<Item> {
        let (cx, catalog) = (Cx::system("testkit"), &self.clients().catalog);
        let path = vec!["Test goods".to_owned()];
        let categories = PutCategories { categories: vec![CategoryInput { path, facets: None }] };
        let category_id = catalog.put_categories(&cx, categories).await.unwrap().categories[0].id;
        let base = format!("SKU-{}", name.to_uppercase().replace(' ', "-"));
        let variant = |size: Option<&&str>| VariantInput {
            external_id: None,
            sku: size.map_or(base.clone(), |size| format!("{base}-{size}")),
            option_values: size.map(|size| (*size).to_owned()).into_iter().collect(),
            barcode: None,
            weight_grams: 500,
            tax_category: "standard".into(),
            media: None,
        };
        let variants: Vec<VariantInput> = match sizes {
            [] => vec![variant(None)],
            sizes => sizes.iter().map(|size| variant(Some(size))).collect(),
        };
        let values: Vec<String> = sizes.iter().map(|size| (*size).to_owned()).collect();
        let options = (!values.is_empty()).then(|| ProductOption { name: "Size".into(), values });
        let slug = name.to_lowercase().replace(' ', "-");
        let input = ProductInput {
            source: "testkit".into(),
            external_id: name.to_owned(),
            slug: slug.clone(),
            title: title.to_owned(),
            brand: Some("Testers".into()),
            description: format!("A {title} for testing."),
            status: Status::Published,
            category_id,
            attributes: Vec::new(),
            options: options.into_iter().collect(),
            variants: variants.clone(),
            media: Vec::new(),
            tags: Vec::new(),
            seo_title: None,
            description_html: None,
            seo_description: None,
            content_hash: format!("{name}/{title}"),
        };
        let put = catalog.put_products(&cx, PutProducts { products: vec![input], dry_run: false }).await.unwrap();
        let outcome = &put.outcomes[0];
        assert!(!matches!(outcome.outcome, Outcome::Refused { .. }), "{outcome:?}");
        let product_id = outcome.id.unwrap().0;
        variants.into_iter().map(|variant| Item { sku: variant.sku, slug: slug.clone(), product_id }).collect()
    }

    /// Sets a price.
    pub async fn price(&self, item: &Item, cents: i64) {
        let price = Price { sku: item.sku.clone(), price: Currency::EUR.of(cents), compare_at: None };
        let prices = SetPrices { items: vec![SetPrice { product_id: item.product_id, price }] };
        let reply = self.clients().pricing.set_prices(&Cx::system("testkit"), prices).await.unwrap();
        assert!(reply.refused.is_empty(), "{reply:?}");
    }

    /// Counts the stock: there are `units` now.
    pub async fn stock(&self, item: &Item, units: i64) {
        let line = AdjustLine { product_id: item.product_id, sku: item.sku.clone(), change: Change::Count(units) };
        let adjust = Adjust { lines: vec![line], note: "testkit".into() };
        let reply = self.clients().inventory.adjust(&Cx::system("testkit"), adjust).await.unwrap();
        assert!(reply.refused.is_empty(), "{reply:?}");
    }

    /// Units that could be bought now.
    pub async fn available(&self, item: &Item) -> i64 {
        let request = souk_inventory_api::AvailabilityRequest { skus: vec![item.sku.clone()] };
        let found = self.clients().inventory.availability(&Cx::system("testkit"), request).await.unwrap();
        found.items.iter().find(|stock| stock.sku == item.sku).map_or(0, |stock| stock.available)
    }

    /// A coupon of 10 % that may be used `uses` times.
    pub async fn coupon(&self, code: &str, uses: u32) {
        let coupon = Coupon {
            code: code.into(),
            discount: Discount::Percent(1000),
            max_uses: Some(uses),
            minimum: None,
            starts_at: None,
            ends_at: None,
            active: true,
        };
        self.clients().pricing.put_coupon(&Cx::system("testkit"), coupon).await.unwrap();
    }

    /// How often a coupon was used.
    pub async fn coupon_uses(&self, code: &str) -> u32 {
        let request = souk_pricing_api::CouponByCode { code: code.into() };
        self.clients().pricing.coupon(&Cx::system("testkit"), request).await.unwrap().used
    }
}
