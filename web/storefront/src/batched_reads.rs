//! Batched reads (a data loader): pages that are rendered at the same moment read products, prices and stock in one call.
//! In a fleet each read costs a round trip to another process, and pages that are the same for all visitors get the same
//! answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use souk_catalog_api::{BySlug, BySlugs, CatalogClient, Product, ProductsBySlug, moved};
use souk_inventory_api::{Availability, AvailabilityRequest, InventoryClient};
use souk_kernel::{Kind, Problem};
use souk_pricing_api::{Price, PricesRequest, PricingClient};
use souk_rpc::{Actor, Cx, UNKNOWN_METHOD};
use souk_runtime::{Batcher, Tasks};

/// Reads of one batch: pages that are rendered at once in a busy process.
const MAX_BATCH: usize = 64;
/// SKUs of a read that joins a batch; a product with more variants is read by itself, so that no batch
/// comes near the services' limits of 2,000.
const MAX_SKUS: usize = 30;
/// How long a batch may take: as long as the gateway waits for a page.
const PATIENCE: Duration = Duration::from_secs(5);

/// One page's read: the WAL position it must see at least (read-your-writes), and its SKUs or its slug.
type Read = (u64, Vec<String>);

/// Products, prices and stock, read in batches where that is right.
pub(crate) struct BatchedReads {
    catalog: CatalogClient,
    pricing: PricingClient,
    inventory: InventoryClient,
    products: Batcher<Read, Arc<Product>>,
    prices: Batcher<Read, Vec<Price>>,
    stock: Batcher<Read, Vec<Availability>>,
}

impl BatchedReads {
    pub(crate) fn new(
        tasks: &Tasks,
        catalog: CatalogClient,
        pricing: PricingClient,
        inventory: InventoryClient,
    ) -> Self {
        let (products_of, prices_of, stock_of) = (catalog.clone(), pricing.clone(), inventory.clone());
        let products = Batcher::for_reads(tasks, "storefront.products", MAX_BATCH, move |reads: Vec<Read>| {
            let catalog = products_of.clone();
            async move {
                let (cx, slugs) = merge(&reads);
                visible(&reads, catalog.products_by_slug(&cx, BySlugs { slugs }).await)
            }
        });
        let prices = Batcher::for_reads(tasks, "storefront.prices", MAX_BATCH, move |reads: Vec<Read>| {
            let pricing = prices_of.clone();
            async move {
                let (cx, skus) = merge(&reads);
                let found = pricing.prices(&cx, PricesRequest { skus }).await.map(|reply| reply.items);
                split(&reads, found, |price| &price.sku)
            }
        });
        let stock = Batcher::for_reads(tasks, "storefront.stock", MAX_BATCH, move |reads: Vec<Read>| {
            let inventory = stock_of.clone();
            async move {
                let (cx, skus) = merge(&reads);
                let found = inventory.availability(&cx, AvailabilityRequest { skus }).await.map(|reply| reply.items);
                split(&reads, found, |stock| &stock.sku)
            }
        });
        Self { catalog, pricing, inventory, products, prices, stock }
    }

    /// The published product at a slug; 404 as [`CatalogClient::product_by_slug`] says.
    pub(crate) async fn product(&self, cx: &Cx, slug: String) -> Result<Arc<Product>, Problem> {
        let keys = [slug];
        if let Some(answer) = try_batch(&self.products, cx, &keys).await {
            return answer;
        }
        let [slug] = keys;
        self.catalog.product_by_slug(cx, BySlug { slug }).await.map(Arc::new)
    }

    /// Prices of SKUs; those without one are left out.
    pub(crate) async fn prices(&self, cx: &Cx, skus: Vec<String>) -> Result<Vec<Price>, Problem> {
        if let Some(answer) = try_batch(&self.prices, cx, &skus).await {
            return answer;
        }
        Ok(self.pricing.prices(cx, PricesRequest { skus }).await?.items)
    }

    /// Stock of SKUs; unknown ones are left out.
    pub(crate) async fn stock(&self, cx: &Cx, skus: Vec<String>) -> Result<Vec<Availability>, Problem> {
        if let Some(answer) = try_batch(&self.stock, cx, &skus).await {
            return answer;
        }
        Ok(self.inventory.availability(cx, AvailabilityRequest { skus }).await?.items)
    }
}

/// The answer of a batch. None for what must be read alone: for a visitor who is logged in, for many SKUs, of a role that
/// does not know the batch call yet (the previous release), and when a batch failed, which another's read may have caused.
async fn try_batch<R: Send + 'static>(
    batcher: &Batcher<Read, R>,
    cx: &Cx,
    keys: &[String],
) -> Option<Result<R, Problem>> {
    if !is_shared(cx, keys) {
        return None;
    }
    match batcher.submit((cx.min_lsn(), keys.to_vec())).await {
        Err(problem) if problem.is(UNKNOWN_METHOD) => None,
        Err(problem) if problem.kind == Kind::Internal => {
            let internal = problem.internal_detail().unwrap_or_default();
            tracing::warn!(request_id = %cx.request_id, internal, "a batch of reads failed: reading alone");
            None
        }
        answer => Some(answer),
    }
}

/// Only anonymous reads are shared: a known visitor may get another answer.
fn is_shared(cx: &Cx, keys: &[String]) -> bool {
    cx.actor == Actor::Anonymous && keys.len() <= MAX_SKUS
}

/// One read for all: each key once, and nothing older than the newest position among them.
fn merge(reads: &[Read]) -> (Cx, Vec<String>) {
    let cx = Cx::new("storefront", Actor::Anonymous).within(PATIENCE);
    reads.iter().for_each(|(seen, _)| cx.wrote(*seen));
    let mut keys: Vec<String> = reads.iter().flat_map(|(_, keys)| keys.iter().cloned()).collect();
    keys.sort_unstable();
    keys.dedup();
    (cx, keys)
}

/// For each read the visible product at its slug.
fn visible(reads: &[Read], found: Result<ProductsBySlug, Problem>) -> Vec<Result<Arc<Product>, Problem>> {
    let (items, old) = match found {
        Ok(found) => (found.items, found.moved),
        Err(problem) => return reads.iter().map(|_| Err(problem.clone())).collect(),
    };
    let items: HashMap<String, Arc<Product>> =
        items.into_iter().map(|product| (product.slug.clone(), Arc::new(product))).collect();
    let at = |(_, slugs): &Read| {
        let slug = slugs.first().map(String::as_str).unwrap_or_default();
        let absent = || old.get(slug).map_or_else(|| Problem::not_found("product"), |to| moved(to));
        items.get(slug).cloned().ok_or_else(absent)
    };
    reads.iter().map(at).collect()
}

/// For each read its items, in the order of its SKUs.
fn split<T: Clone>(
    reads: &[Read],
    found: Result<Vec<T>, Problem>,
    sku: impl Fn(&T) -> &String,
) -> Vec<Result<Vec<T>, Problem>> {
    let found = match found {
        Ok(found) => found,
        Err(problem) => return reads.iter().map(|_| Err(problem.clone())).collect(),
    };
    let by_sku: HashMap<&str, &T> = found.iter().map(|item| (sku(item).as_str(), item)).collect();
    let pick = |sku: &String| by_sku.get(sku.as_str()).map(|item| (*item).clone());
    reads.iter().map(|(_, skus)| Ok(skus.iter().filter_map(pick).collect())).collect()
}

#[cfg(test)]
mod tests {
    use souk_inventory_api::StockPolicy;

    use super::*;

    fn read(seen: u64, skus: &[&str]) -> Read {
        (seen, skus.iter().map(|sku| (*sku).to_owned()).collect())
    }

    #[test]
    fn each_sku_is_read_once_and_at_the_newest_position() {
        let (cx, skus) = merge(&[read(7, &["B", "A"]), read(9, &["A"]), read(0, &[])]);
        assert_eq!(skus, ["A", "B"]);
        assert_eq!(cx.min_lsn(), 9);
        assert!(cx.deadline.is_some());
    }

    #[test]
    fn each_read_gets_its_own_items_and_unknown_ones_are_left_out() {
        let stock = |sku: &str, available| Availability::new(sku, available, StockPolicy::Deny);
        let reads = [read(0, &["A", "C", "B"]), read(0, &["A"]), read(0, &["X"])];
        let answers = split(&reads, Ok(vec![stock("A", 1), stock("B", 2), stock("C", 3)]), |stock| &stock.sku);
        let of = |at: usize| answers[at].as_ref().unwrap().iter().map(|stock| stock.available).collect::<Vec<_>>();
        assert_eq!((of(0), of(1), of(2)), (vec![1, 3, 2], vec![1], vec![]));
        let failed = split::<Availability>(&reads, Err(Problem::timeout("inventory")), |stock| &stock.sku);
        assert!(failed.iter().all(Result::is_err) && failed.len() == 3);
    }

    #[tokio::test]
    async fn a_read_that_breaks_its_batch_does_not_fail_the_others() {
        let tasks = Tasks::new();
        let batcher = Batcher::for_reads(&tasks, "test", 64, |reads: Vec<Read>| async move {
            let broken = reads.iter().any(|(_, keys)| keys[0] == "broken");
            let gone = reads.iter().any(|(_, keys)| keys[0] == "gone");
            let answer = |read: Read| match (broken, gone) {
                (true, _) => Err(Problem::internal("one of them")),
                (_, true) => Err(Problem::not_found("it")),
                _ => Ok(read.1),
            };
            reads.into_iter().map(answer).collect()
        });
        let cx = Cx::new("test", Actor::Anonymous);
        let ask = |text: &str| [text.to_owned()];
        assert!(try_batch(&batcher, &cx, &ask("A")).await.is_some_and(|answer| answer.unwrap() == ["A"]));
        assert!(try_batch(&batcher, &cx, &ask("gone")).await.is_some_and(|answer| answer.is_err()));
        assert!(try_batch(&batcher, &cx, &ask("broken")).await.is_none());
        assert!(try_batch(&batcher, &Cx::system("test"), &ask("A")).await.is_none());
    }

    #[test]
    fn known_visitors_and_large_reads_are_not_batched() {
        let few = vec!["A".to_owned(); MAX_SKUS];
        assert!(is_shared(&Cx::new("x", Actor::Anonymous), &few));
        assert!(!is_shared(&Cx::system("x"), &few));
        assert!(!is_shared(&Cx::new("x", Actor::Anonymous), &vec!["A".to_owned(); MAX_SKUS + 1]));
    }
}
