//! The importer: carries drafts into a shop, for `souk import` and the demo shop alike. Batches of 500 through the contracts of
//! catalogue, pricing and inventory; every batch can be repeated, so an interrupted import is just run again.

mod fingerprint;
mod media;

use std::collections::HashMap;
use std::sync::Arc;

use souk_catalog_api::{
    self as catalog, CategoryId, CategoryInput, FacetAttribute, Outcome, ProductId, ProductInput, PutCategories,
};
use souk_inventory_api::{Adjust, AdjustLine, Change, PolicyOf, SetPolicies};
use souk_kernel::Problem;
use souk_pricing_api::{Price, SetPrice, SetPrices};
use souk_rpc::Cx;

use self::media::{Product, Put, StoredPictures};
use crate::draft::{Defect, NO_CATEGORY, Offer, ProductDraft};
use crate::facets::FacetPlan;
use crate::feed::Mapping;
use crate::outcome::{Before, Changed, Effect, OfferChange, ProductOutcome, RefusedProduct};
use crate::pictures::PictureFiles;
use crate::shop::{MAX_LINES, Shop};

/// What became of the drafts.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// New products.
    pub created: u64,
    /// Known and different, be it in a price or stock only.
    pub updated: u64,
    /// Known and the same.
    pub unchanged: u64,
    /// Prices that are new or different.
    pub prices: u64,
    /// Variants whose stock was set.
    pub stocked: u64,
    /// Variants that have another stock policy.
    pub policies: u64,
    /// Not taken.
    pub refused: u64,
    /// What became of their pictures.
    pub pictures: PictureTally,
}

/// What became of the pictures of the products that were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PictureTally {
    /// Those that are files beside the import.
    pub found: u64,
    /// Those of which no file is there; counted as the file is read.
    pub missing: u64,
    /// Files that cannot be read, or that the catalogue does not take.
    pub refused: u64,
    /// Addresses of the web that new and changed products name: the catalogue fetches those it does not have.
    pub addresses: u64,
}

impl Tally {
    fn note(&mut self, effect: Effect) {
        match effect {
            Effect::Created => self.created += 1,
            Effect::Updated => self.updated += 1,
            Effect::Unchanged => self.unchanged += 1,
            Effect::Refused => self.refused += 1,
        }
    }

    fn count(&mut self, changes: &[OfferChange]) {
        let any = |what: &[Changed]| u64::from(changes.iter().any(|change| what.contains(&change.what)));
        self.prices += any(&[Changed::Price, Changed::CompareAt]);
        self.stocked += any(&[Changed::Stock]);
        self.policies += any(&[Changed::StockPolicy]);
    }
}

/// How an import goes about it.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Say what would become of everything, and change nothing.
    pub dry_run: bool,
    /// Set known stock too, not only that of new variants.
    pub update_stock: bool,
    /// The files that drafts name as their pictures.
    pub pictures: Option<Arc<PictureFiles>>,
}

/// A variant as pricing and inventory keep it.
struct Offered {
    /// Its place in the batch.
    product: usize,
    product_id: ProductId,
    sku: String,
    offer: Offer,
}

/// An import under way.
pub struct Importer<'a> {
    shop: &'a Shop,
    cx: Cx,
    dry_run: bool,
    update_stock: bool,
    pictures: Option<StoredPictures>,
    categories: HashMap<Vec<String>, CategoryId>,
    counted: HashMap<Vec<String>, i64>,
    plan: FacetPlan,
    tally: Tally,
}

impl<'a> Importer<'a> {
    /// Nothing imported yet. `what` names the import in logs and in the stock ledger.
    pub fn new(shop: &'a Shop, what: &str, options: ImportOptions) -> Self {
        let ImportOptions { dry_run, update_stock, pictures } = options;
        Self {
            shop,
            cx: Cx::system(what),
            dry_run,
            update_stock,
            pictures: pictures.map(StoredPictures::new),
            categories: HashMap::new(),
            counted: HashMap::new(),
            plan: FacetPlan::new(),
            tally: Tally::default(),
        }
    }

    /// Imports up to [`catalog::MAX_BATCH`] drafts; what became of each comes back, in their order.
    ///
    /// # Errors
    /// Those of the services; then nothing is known of the batch, and it can be repeated.
    pub async fn batch(&mut self, drafts: Vec<ProductDraft>) -> Result<Vec<ProductOutcome>, Problem> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        for draft in &drafts {
            self.plan.add(draft);
            for depth in 1..=draft.category.len() {
                *self.counted.entry(draft.category[..depth].to_vec()).or_default() += 1;
            }
        }
        self.categories_of(&drafts).await?;
        let before = self.before(&drafts).await?;
        let (mut products, mut offers) = (Vec::with_capacity(drafts.len()), Vec::with_capacity(drafts.len()));
        for draft in drafts {
            let skus: Vec<String> = draft.product.variants.iter().map(|variant| variant.sku.clone()).collect();
            products.push(Product { input: self.in_category(draft.product, &draft.category)?, files: draft.files });
            offers.push(skus.into_iter().zip(draft.offers));
        }
        let put = self.put(products).await?;
        let mut outcomes = Vec::with_capacity(put.len());
        let mut taken: Vec<Offered> = Vec::new();
        for (product, (offers, Put { outcome, pictures, warnings })) in offers.into_iter().zip(put).enumerate() {
            let id = outcome.id.unwrap_or(NO_PRODUCT);
            let mut told = told(outcome, warnings);
            self.tally.pictures.add(pictures, told.effect);
            if told.effect != Effect::Refused {
                for (sku, offer) in offers {
                    let changes = before.changes(&sku, &offer, self.update_stock);
                    self.tally.count(&changes);
                    told.add(changes);
                    taken.push(Offered { product, product_id: id, sku, offer });
                }
            }
            outcomes.push(told);
        }
        if !self.dry_run {
            for (product, refusal) in self.prices_and_stock(&taken).await? {
                let outcome = &mut outcomes[product];
                outcome.refusals.push(RefusedProduct::new(&outcome.external_id, refusal));
            }
        }
        outcomes.iter().for_each(|outcome| self.tally.note(outcome.effect));
        Ok(outcomes)
    }

    /// Prices and stock as they are.
    async fn before(&self, drafts: &[ProductDraft]) -> Result<Before, Problem> {
        let skus: Vec<String> = drafts.iter().flat_map(|d| d.product.variants.iter().map(|v| v.sku.clone())).collect();
        let mut before = Before::default();
        for chunk in skus.chunks(MAX_LINES) {
            let (prices, stock) = self.shop.offers(&self.cx, chunk).await?;
            before.prices.extend(prices);
            before.stock.extend(stock);
        }
        Ok(before)
    }

    /// Sets the facets of the categories that this import is most of, and says what became of it all.
    ///
    /// # Errors
    /// The catalogue's.
    pub async fn finish(self, mapping: Option<&Mapping>) -> Result<Tally, Problem> {
        if self.dry_run {
            return Ok(self.tally);
        }
        let tree = self.shop.catalog.categories(&self.cx, catalog::AllCategories {}).await?;
        let known: HashMap<CategoryId, &catalog::Category> =
            tree.items.iter().map(|category| (category.id, category)).collect();
        let mut inputs = Vec::new();
        for category in self.plan.choose(mapping) {
            let counted = self.counted.get(&category.path).copied().unwrap_or_default();
            let existing = self.categories.get(&category.path).and_then(|id| known.get(id));
            // A handful of new products does not get to decide what a large category is filtered by.
            if existing.is_some_and(|c| !c.facets.is_empty() && counted * 2 < c.products) || category.facets.is_empty()
            {
                continue;
            }
            let facets = category.facets.into_iter().map(|f| FacetAttribute { key: f.key, label: f.label }).collect();
            inputs.push(CategoryInput { path: category.path, facets: Some(facets) });
        }
        for chunk in inputs.chunks(catalog::MAX_BATCH) {
            self.shop.catalog.put_categories(&self.cx, PutCategories { categories: chunk.to_vec() }).await?;
        }
        Ok(self.tally)
    }

    /// Makes the categories of these drafts known, parents too.
    async fn categories_of(&mut self, drafts: &[ProductDraft]) -> Result<(), Problem> {
        let mut missing: Vec<CategoryInput> = Vec::new();
        for draft in drafts {
            for depth in 1..=draft.category.len() {
                let path = &draft.category[..depth];
                if !self.categories.contains_key(path) && !missing.iter().any(|known| known.path == path) {
                    missing.push(CategoryInput { path: path.to_vec(), facets: None });
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        if self.dry_run {
            // Known ones by their id, as it is part of the products' fingerprints; for the others any will do.
            let known = self.categories_by_names().await?;
            let id = |path: &Vec<String>| known.get(path).copied().unwrap_or(NO_CATEGORY);
            self.categories.extend(missing.into_iter().map(|category| (category.path.clone(), id(&category.path))));
            return Ok(());
        }
        for chunk in missing.chunks(catalog::MAX_BATCH) {
            let request = PutCategories { categories: chunk.to_vec() };
            let reply = self.shop.catalog.put_categories(&self.cx, request).await?;
            self.categories.extend(reply.categories.into_iter().map(|put| (put.path, put.id)));
        }
        Ok(())
    }

    async fn categories_by_names(&self) -> Result<HashMap<Vec<String>, CategoryId>, Problem> {
        let tree = self.shop.catalog.categories(&self.cx, catalog::AllCategories {}).await?;
        let mut names: HashMap<CategoryId, Vec<String>> = HashMap::new();
        for category in &tree.items {
            // Parents come before their children.
            let mut path = category.parent_id.and_then(|parent| names.get(&parent)).cloned().unwrap_or_default();
            path.push(category.name.clone());
            names.insert(category.id, path);
        }
        Ok(names.into_iter().map(|(id, path)| (path, id)).collect())
    }

    /// Also of unchanged products: an import that was interrupted may have written the product and not its prices.
    async fn prices_and_stock(&self, taken: &[Offered]) -> Result<Vec<(usize, Defect)>, Problem> {
        let mut refused = Vec::new();
        let price = |Offered { product_id, sku, offer, .. }: &Offered| SetPrice {
            product_id: product_id.0,
            price: Price { sku: sku.clone(), price: offer.price, compare_at: offer.compare_at },
        };
        let stock = |Offered { product_id, sku, offer, .. }: &Offered| AdjustLine {
            product_id: product_id.0,
            sku: sku.clone(),
            change: match offer.stock {
                Some(units) if self.update_stock => Change::Count(units),
                _ => Change::InitialIfNew(offer.initial_stock()),
            },
        };
        for chunk in taken.chunks(MAX_LINES) {
            let prices = SetPrices { items: chunk.iter().map(price).collect() };
            let adjust = Adjust { lines: chunk.iter().map(stock).collect(), note: self.cx.request_id.to_string() };
            let (prices, stocked) = tokio::try_join!(
                self.shop.pricing.set_prices(&self.cx, prices),
                self.shop.inventory.adjust(&self.cx, adjust)
            )?;
            self.set_policies(chunk).await?;
            let product = |sku: &str| chunk.iter().find(|offered| offered.sku == sku).map(|offered| offered.product);
            for no in prices.refused {
                let reason = format!("the price of {} is not taken: {}", no.sku, no.reason);
                refused.extend(product(&no.sku).map(|at| (at, Defect::new("price_refused", reason))));
            }
            for sku in stocked.refused {
                let reason = format!("the stock of {sku} is not set: more is reserved");
                refused.extend(product(&sku).map(|at| (at, Defect::new("stock_refused", reason))));
            }
        }
        Ok(refused)
    }

    /// What happens when the units of these run out, where the file says so.
    async fn set_policies(&self, taken: &[Offered]) -> Result<(), Problem> {
        let item = |Offered { sku, offer, .. }: &Offered| Some(PolicyOf { sku: sku.clone(), policy: offer.policy? });
        let items: Vec<PolicyOf> = taken.iter().filter_map(item).collect();
        if !items.is_empty() {
            self.shop.inventory.set_policies(&self.cx, SetPolicies { items }).await?;
        }
        Ok(())
    }

    fn in_category(&self, mut product: ProductInput, category: &[String]) -> Result<ProductInput, Problem> {
        let absent = || Problem::internal(format!("the category {category:?} was not made"));
        product.category_id = *self.categories.get(category).ok_or_else(absent)?;
        Ok(product)
    }
}

/// What a dry run would give a product that is new.
const NO_PRODUCT: ProductId = ProductId(uuid::Uuid::nil());

/// What the catalogue made of a product.
fn told(outcome: catalog::ProductOutcome, warnings: Vec<RefusedProduct>) -> ProductOutcome {
    let catalog::ProductOutcome { external_id, outcome, .. } = outcome;
    let (effect, refusals) = match outcome {
        Outcome::Created => (Effect::Created, Vec::new()),
        Outcome::Updated => (Effect::Updated, Vec::new()),
        Outcome::Unchanged => (Effect::Unchanged, Vec::new()),
        Outcome::Refused { code, reason } => {
            (Effect::Refused, vec![RefusedProduct { external_id: external_id.clone(), code, reason }])
        }
    };
    ProductOutcome { external_id, effect, changes: Vec::new(), refusals, warnings }
}
