//! In-process cache of the catalogue: products by id, the way from slugs and SKUs to them, and the tree. Everything is
//! invalidated by the catalogue's own events, of this and of other processes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use souk_cache::{Cache, Loaded, SecondTier, Settings};
use souk_catalog_api::{CategoryTree, Product, ProductChanged, ProductId, Status};
use souk_db::WalPosition;
use souk_kernel::Problem;
use souk_redis::{Redis, RedisTier};

use crate::domain::tree;
use crate::store::Store;

/// Bytes of products kept: about four thousand notebooks with all their attributes, or fifteen thousand shirts. Pages made of
/// them are kept beyond this, by the gateway.
const PRODUCT_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of slugs and SKUs kept, each.
const KEY_BYTES: u64 = 4 * 1024 * 1024;
/// Events carry every change; this is for what no event tells of.
pub(crate) const TTL: Duration = Duration::from_secs(3_600);
/// An address that changes hands between two reads of one call is asked for again; more often counts as unknown.
const SLUG_TRIES: usize = 3;
/// Layouts of what is kept in Redis: [`Product`] as JSON, and its id by slug. To be raised with them.
const PRODUCT_LAYOUT: u32 = 1;
const SLUG_LAYOUT: u32 = 1;

/// The caches; clones are the same ones.
#[derive(Clone)]
pub(crate) struct Caches {
    pub(crate) store: Store,
    products: Cache<ProductId, Arc<Product>>,
    slugs: Cache<String, ProductId>,
    skus: Cache<String, ProductId>,
    tree: Cache<(), Arc<CategoryTree>>,
    /// Position of what has no version of its own (slugs, SKUs, the tree): a value is as new as the count was when its
    /// load began.
    sequence: Arc<AtomicU64>,
    /// Products in Redis.
    pub(crate) shared: Option<Arc<SharedProducts>>,
}

/// Products by id, in Redis.
pub(crate) type SharedProducts = RedisTier<ProductId, Arc<Product>>;

impl Caches {
    pub(crate) fn new(store: Store, redis: Option<Redis>) -> Self {
        let settings = |name, max_bytes| Settings { name, max_bytes, ttl: TTL };
        let (by_id, by_slug) = (settings("catalog.products", PRODUCT_BYTES), settings("catalog.slugs", KEY_BYTES));
        let weigh_product = |_: &ProductId, product: &Arc<Product>| weigh(product);
        let weigh_slug = |slug: &String, _: &ProductId| slug.len() + 100;
        let shared = redis.clone().map(|redis| Arc::new(RedisTier::new(redis, by_id.name, PRODUCT_LAYOUT, TTL)));
        let products = match &shared {
            Some(shared) => Cache::with_second(by_id, weigh_product, shared.clone()),
            None => Cache::new(by_id, weigh_product),
        };
        let slugs = match redis {
            Some(redis) => Cache::with_second(by_slug, weigh_slug, Arc::new(SharedSlugs::new(redis))),
            None => Cache::new(by_slug, weigh_slug),
        };
        Self {
            store,
            shared,
            products,
            slugs,
            skus: Cache::new(settings("catalog.skus", KEY_BYTES), |sku: &String, _| sku.len() + 100),
            tree: Cache::new(settings("catalog.tree", u64::MAX), |(), _| 1),
            sequence: Arc::new(AtomicU64::new(1)),
        }
    }

    /// The product on sale at this address; none for drafts and addresses that no product has.
    pub(crate) async fn by_slug(&self, at_least: WalPosition, slug: &str) -> Result<Option<Arc<Product>>, Problem> {
        let key = slug.to_owned();
        for _ in 0..SLUG_TRIES {
            let id = match self.slugs.get_or_load(&key, |_| self.clone().load_slug(at_least, key.clone())).await {
                Ok(id) => id,
                Err(problem) if problem.is("not_found") => return Ok(None),
                Err(problem) => return Err(problem),
            };
            match self.by_id(at_least, id).await? {
                Some(product) if product.slug == slug => return Ok(Some(product).filter(is_public)),
                // The address has passed to another product, or to none, since it was read.
                _ => self.slugs.invalidate(&key, self.next()),
            }
        }
        Ok(None)
    }

    async fn load_slug(self, at_least: WalPosition, slug: String) -> Result<Loaded<ProductId>, Problem> {
        let now = self.sequence.load(Ordering::Acquire);
        let product = self.store.by_slug(at_least, &slug).await?.ok_or_else(|| Problem::not_found("product"))?;
        let (id, product) = (product.id, Arc::new(product));
        self.keep(&product);
        if let Some(shared) = &self.shared {
            shared.put(&id, &Loaded::at(position(product.version), product)).await;
        }
        Ok(Loaded::at(now, id))
    }

    async fn by_id(&self, at_least: WalPosition, id: ProductId) -> Result<Option<Arc<Product>>, Problem> {
        let outcome = self
            .products
            .get_or_load(&id, |_| {
                let store = self.store.clone();
                async move {
                    let product = store.by_ids(at_least, &[id]).await?.pop();
                    let product = product.ok_or_else(|| Problem::not_found("product"))?;
                    Ok(Loaded::at(position(product.version), Arc::new(product)))
                }
            })
            .await;
        match outcome {
            Ok(product) => Ok(Some(product)),
            Err(problem) if problem.is("not_found") => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Published products that have one of these SKUs; what is not here is read in one statement.
    pub(crate) async fn by_skus(&self, at_least: WalPosition, skus: &[String]) -> Result<Vec<Arc<Product>>, Problem> {
        let now = self.sequence.load(Ordering::Acquire);
        let mut found: HashMap<ProductId, Arc<Product>> = HashMap::new();
        let mut missing = HashSet::new();
        for sku in skus {
            let known = self.skus.get(sku).and_then(|id| self.products.get(&id));
            match known.filter(|product| product.variant(sku).is_some()) {
                Some(product) => drop(found.insert(product.id, product)),
                None => drop(missing.insert(sku.as_str())),
            }
        }
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.into_iter().collect();
            for product in self.store.by_skus(at_least, &missing).await? {
                let product = Arc::new(product);
                for variant in &product.variants {
                    self.skus.put(variant.sku.clone(), Loaded::at(now, product.id));
                }
                self.keep(&product);
                found.insert(product.id, product);
            }
        }
        Ok(found.into_values().filter(is_public).collect())
    }

    /// Published products by id, in the order asked; what is not here is read in one statement.
    pub(crate) async fn by_ids(&self, at_least: WalPosition, ids: &[ProductId]) -> Result<Vec<Arc<Product>>, Problem> {
        let mut found: HashMap<ProductId, Arc<Product>> =
            ids.iter().filter_map(|id| Some((*id, self.products.get(id)?))).collect();
        let missing: Vec<ProductId> = ids.iter().filter(|id| !found.contains_key(id)).copied().collect();
        if !missing.is_empty() {
            for product in self.store.by_ids(at_least, &missing).await? {
                let product = Arc::new(product);
                self.keep(&product);
                found.insert(product.id, product);
            }
        }
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).filter(is_public).collect())
    }

    /// The tree.
    pub(crate) async fn tree(&self, at_least: WalPosition) -> Result<Arc<CategoryTree>, Problem> {
        self.tree
            .get_or_load(&(), |_| {
                let (store, now) = (self.store.clone(), self.sequence.load(Ordering::Acquire));
                async move {
                    let items = tree::assemble(&store.tree(at_least).await?);
                    Ok(Loaded::at(now, Arc::new(CategoryTree { items })))
                }
            })
            .await
    }

    /// Takes over what changed. Call it after the commit.
    pub(crate) fn changed(&self, products: &[ProductChanged]) {
        for changed in products {
            self.products.invalidate(&changed.product_id, position(changed.version));
        }
        self.tree_changed();
    }

    /// The tree changed, or the counts in it. Call it after the commit.
    pub(crate) fn tree_changed(&self) {
        self.tree.invalidate(&(), self.next());
    }

    /// A position later than that of every load that has begun.
    fn next(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn keep(&self, product: &Arc<Product>) {
        self.products.put(product.id, Loaded::at(position(product.version), product.clone()));
    }
}

/// The way from slugs to products, in Redis: a hint. Positions of slugs count within a process and say nothing to another;
/// so only the first look is answered from here, and a caller that finds that the product has another slug asks PostgreSQL.
struct SharedSlugs(RedisTier<String, ProductId>);

impl SharedSlugs {
    fn new(redis: Redis) -> Self {
        let hints = RedisTier::new(redis, "catalog.slugs", SLUG_LAYOUT, TTL);
        hints.open(true);
        Self(hints)
    }
}

#[async_trait]
impl SecondTier<String, ProductId> for SharedSlugs {
    async fn get(&self, slug: &String, at_least: u64) -> Option<Loaded<ProductId>> {
        if at_least > 0 { None } else { self.0.get(slug, 0).await }
    }

    async fn put(&self, slug: &String, loaded: &Loaded<ProductId>) {
        self.0.put(slug, &Loaded::at(0, loaded.value)).await;
    }
}

fn is_public(product: &Arc<Product>) -> bool {
    product.status != Status::Draft
}

/// Versions begin at 1 and only rise.
pub(crate) fn position(version: i64) -> u64 {
    version.unsigned_abs()
}

/// About what a product takes in memory: its texts, and the headers of the many small strings.
fn weigh(product: &Product) -> usize {
    let attributes: usize = product.attributes.iter().map(|a| 2 * (a.key.len() + a.label.len()) + 130).sum();
    let media: usize = product.media.iter().map(|m| m.alt.len() + 250).sum();
    1_000 + product.description.len() + product.title.len() + attributes + media + product.variants.len() * 400
}
