//! Reading from the owners what an event says has changed: always the newest, always in batches.

use std::collections::HashMap;

use souk_catalog_api::{
    AllCategories, ByIds, CatalogClient, CategoryTree, ExportProducts, MAX_BATCH, Product, ProductId,
};
use souk_inventory_api::{AvailabilityRequest, InventoryClient};
use souk_kernel::Problem;
use souk_pricing_api::{Price, PricesRequest, PricingClient};
use souk_rpc::Cx;
use uuid::Uuid;

/// Products of one question; the catalogue's own limit.
pub(crate) const BATCH: usize = MAX_BATCH;
/// SKUs of one question to pricing or inventory, whichever allows fewer.
const SKUS: usize = if souk_pricing_api::MAX_BATCH < souk_inventory_api::MAX_BATCH {
    souk_pricing_api::MAX_BATCH
} else {
    souk_inventory_api::MAX_BATCH
};

/// The owners.
#[derive(Clone)]
pub(crate) struct Fetch {
    pub(crate) catalog: CatalogClient,
    pub(crate) pricing: PricingClient,
    pub(crate) inventory: InventoryClient,
}

/// Products with what they cost and how many there are.
pub(crate) struct Batch {
    pub(crate) products: Vec<Product>,
    pub(crate) prices: HashMap<String, Price>,
    pub(crate) stock: HashMap<String, i64>,
}

fn cx() -> Cx {
    Cx::system("search")
}

impl Fetch {
    /// These products; those that are gone are missing.
    pub(crate) async fn products(&self, ids: &[Uuid]) -> Result<Batch, Problem> {
        let ids = ids.iter().map(|id| ProductId(*id)).collect();
        let products = self.catalog.products(&cx(), ByIds { ids }).await?.items;
        self.offers(products).await
    }

    /// A batch of all products, after one of them.
    pub(crate) async fn export(&self, after: Option<ProductId>) -> Result<Batch, Problem> {
        let limit = u32::try_from(BATCH).unwrap_or(u32::MAX);
        let products = self.catalog.export(&cx(), ExportProducts { after, limit }).await?.items;
        self.offers(products).await
    }

    /// The category tree.
    pub(crate) async fn tree(&self) -> Result<CategoryTree, Problem> {
        self.catalog.categories(&cx(), AllCategories {}).await
    }

    async fn offers(&self, products: Vec<Product>) -> Result<Batch, Problem> {
        let skus: Vec<&String> = products.iter().flat_map(|p| &p.variants).map(|variant| &variant.sku).collect();
        let mut prices = HashMap::with_capacity(skus.len());
        let mut stock = HashMap::with_capacity(skus.len());
        for chunk in skus.chunks(SKUS) {
            let skus: Vec<String> = chunk.iter().map(|sku| (*sku).clone()).collect();
            let cx = cx();
            let (some_prices, some_stock) = tokio::try_join!(
                self.pricing.prices(&cx, PricesRequest { skus: skus.clone() }),
                self.inventory.availability(&cx, AvailabilityRequest { skus }),
            )?;
            prices.extend(some_prices.items.into_iter().map(|price| (price.sku.clone(), price)));
            stock.extend(some_stock.items.into_iter().map(|one| (one.sku, one.available)));
        }
        Ok(Batch { products, prices, stock })
    }
}
