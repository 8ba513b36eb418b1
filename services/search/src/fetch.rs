//! Batched reads from the owners of what an event says has changed: always the newest.

use std::collections::HashMap;
use std::time::Duration;

use souk_catalog_api::{
    AllCategories, ByIds, CatalogClient, CategoryId, CategoryTree, ExportProducts, MAX_BATCH, Product, ProductId,
};
use souk_inventory_api::{AvailabilityRequest, InventoryClient};
use souk_kernel::{Kind, Problem};
use souk_pricing_api::{Price, PricesRequest, PricingClient};
use souk_rpc::Cx;
use uuid::Uuid;

use crate::tree::Tree;

/// Products of one question; the catalogue's own limit.
pub(crate) const BATCH: usize = MAX_BATCH;
/// SKUs of one question to pricing or inventory, whichever allows fewer.
const SKUS: usize = if souk_pricing_api::MAX_BATCH < souk_inventory_api::MAX_BATCH {
    souk_pricing_api::MAX_BATCH
} else {
    souk_inventory_api::MAX_BATCH
};

/// Looks at an owner that does not yet see its own event, before the answer is taken as it is.
const STALE_LOOKS: u32 = 20;
/// Pause between them.
const STALE_PAUSE: Duration = Duration::from_millis(50);

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

/// What could be read of some products.
pub(crate) struct Gathered {
    /// What was asked for, with what there is of it.
    pub(crate) parts: Vec<(Vec<Uuid>, Batch)>,
    /// Products that cannot be read, each by itself.
    pub(crate) unreadable: Vec<Uuid>,
}

fn cx() -> Cx {
    Cx::system("search")
}

impl Fetch {
    /// These products, each at least in this version of the catalogue. Halves what fails until what fails stands alone.
    /// An owner out of reach is not the products' fault: that is an error.
    pub(crate) async fn gather(&self, wanted: &[(Uuid, i64)]) -> Result<Gathered, Problem> {
        let mut gathered = Gathered { parts: Vec::new(), unreadable: Vec::new() };
        let mut open: Vec<&[(Uuid, i64)]> = wanted.chunks(BATCH).collect();
        open.reverse();
        while let Some(part) = open.pop() {
            let ids: Vec<Uuid> = part.iter().map(|(id, _)| *id).collect();
            match self.fresh(part, &ids).await {
                Ok(batch) => gathered.parts.push((ids, batch)),
                Err(problem) if matches!(problem.kind, Kind::Unavailable | Kind::Timeout) => return Err(problem),
                Err(problem) if part.len() == 1 => {
                    let internal = problem.internal_detail().unwrap_or_default();
                    tracing::warn!(product = %ids[0], %problem, internal, "a product could not be read for the index");
                    gathered.unreadable.push(ids[0]);
                }
                Err(_) => {
                    let (left, right) = part.split_at(part.len() / 2);
                    open.extend([right, left]);
                }
            }
        }
        Ok(gathered)
    }

    /// The products, at least as new as the events that told of them.
    async fn fresh(&self, part: &[(Uuid, i64)], ids: &[Uuid]) -> Result<Batch, Problem> {
        let mut looks = 0;
        loop {
            let batch = self.products(ids).await?;
            let by_id: HashMap<Uuid, i64> =
                batch.products.iter().map(|product| (product.id.uuid(), product.version)).collect();
            let stale = part.iter().any(|(id, version)| by_id.get(id).is_some_and(|have| have < version));
            if !stale || looks == STALE_LOOKS {
                return Ok(batch);
            }
            looks += 1;
            tokio::time::sleep(STALE_PAUSE).await;
        }
    }

    /// The category tree, once it shows these categories in these versions.
    pub(crate) async fn fresh_tree(&self, categories: &HashMap<CategoryId, i64>) -> Result<Tree, Problem> {
        let mut looks = 0;
        loop {
            let tree = Tree::new(self.tree().await?);
            let fresh = categories.iter().all(|(id, version)| tree.knows(*id, *version));
            if fresh || looks == STALE_LOOKS {
                return Ok(tree);
            }
            looks += 1;
            tokio::time::sleep(STALE_PAUSE).await;
        }
    }

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
