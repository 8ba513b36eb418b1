//! Time-limited cache of what the catalogue says about SKUs: titles and weights change rarely, and every look at a cart
//! needs them. Prices and stock are never kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use souk_catalog_api::{BySkus, CatalogClient, VariantCard};
use souk_kernel::Problem;
use souk_rpc::Cx;

/// How long a title may be an old one, and an unpublished product still be put into a cart.
const KEPT: Duration = Duration::from_secs(20);
/// Variants kept at most, about 400 bytes each: a catalogue of 20,000 variants fits.
const MOST: u64 = 20_000;

/// What the catalogue says, by SKU.
pub struct ProductInfo {
    catalog: CatalogClient,
    kept: Cache<String, Arc<VariantCard>>,
}

impl ProductInfo {
    /// Nothing asked yet.
    pub fn new(catalog: CatalogClient) -> Self {
        Self { catalog, kept: Cache::builder().max_capacity(MOST).time_to_live(KEPT).build() }
    }

    /// Those of `skus` that are sold; one call for all that are not known here.
    pub async fn of<'a>(
        &self,
        cx: &Cx,
        skus: impl Iterator<Item = &'a str>,
    ) -> Result<HashMap<String, Arc<VariantCard>>, Problem> {
        let (mut products, mut missing) = (HashMap::new(), Vec::new());
        for sku in skus {
            match self.kept.get(sku) {
                Some(product) => drop(products.insert(sku.to_owned(), product)),
                None => missing.push(sku.to_owned()),
            }
        }
        if missing.is_empty() {
            return Ok(products);
        }
        for product in self.catalog.variants(&cx.for_anybody(), BySkus { skus: missing }).await?.items {
            let product = Arc::new(product);
            self.kept.insert(product.sku.clone(), product.clone());
            products.insert(product.sku.clone(), product);
        }
        Ok(products)
    }
}
