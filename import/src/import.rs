//! Drafts into a shop: what `souk import` and the demo shop have in common. Batches of 500 through the services'
//! contracts; every batch can be repeated, so an interrupted load is just run again.

use std::collections::HashMap;

use anyhow::Context;
use souk_catalog_api::{
    self as catalog, CategoryInput, FacetAttribute, MediaInput, Outcome, ProductInput, ProductOutcome, PutCategories,
    PutProducts, VariantInput,
};
use souk_import::{AttributeValue, DraftStatus, FacetPlan, Mapping, ProductDraft};
use souk_inventory_api::{Adjust, AdjustLine, Change};
use souk_pricing_api::{Price, SetPrice, SetPrices};
use souk_rpc::Cx;

use crate::wire::Clients;

/// What became of the drafts.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// New products.
    pub created: u64,
    /// Known and different.
    pub updated: u64,
    /// Known and the same.
    pub unchanged: u64,
    /// Prices that are new or different.
    pub prices: u64,
    /// Variants whose stock was set.
    pub stocked: u64,
    /// Not taken.
    pub refused: u64,
}

/// A draft the shop did not take.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Refused {
    /// The source's id.
    pub external_id: String,
    /// Stable code.
    pub code: String,
    /// A sentence.
    pub reason: String,
}

/// Where a draft's picture lies in the shop, if it is there already.
pub type StoredMedia<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A load under way.
pub struct Loader<'a> {
    clients: &'a Clients,
    cx: Cx,
    dry_run: bool,
    /// Set known stock too, not only that of new variants.
    update_stock: bool,
    stored: StoredMedia<'a>,
    categories: HashMap<Vec<String>, catalog::CategoryId>,
    counted: HashMap<Vec<String>, i64>,
    plan: FacetPlan,
    tally: Tally,
}

impl<'a> Loader<'a> {
    /// Nothing loaded yet. `what` names the load in logs and in the stock ledger.
    pub fn new(clients: &'a Clients, what: &str, dry_run: bool, update_stock: bool, stored: StoredMedia<'a>) -> Self {
        Self {
            clients,
            cx: Cx::system(what),
            dry_run,
            update_stock,
            stored,
            categories: HashMap::new(),
            counted: HashMap::new(),
            plan: FacetPlan::new(),
            tally: Tally::default(),
        }
    }

    /// Loads up to [`catalog::MAX_BATCH`] drafts; those refused come back.
    pub async fn batch(&mut self, drafts: Vec<ProductDraft>) -> anyhow::Result<Vec<Refused>> {
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
        let products = drafts.iter().map(|draft| self.input(draft)).collect::<anyhow::Result<Vec<_>>>()?;
        let reply =
            self.clients.catalog.put_products(&self.cx, PutProducts { products, dry_run: self.dry_run }).await?;
        let mut refused = Vec::new();
        let mut taken = Vec::with_capacity(drafts.len());
        for (draft, outcome) in drafts.iter().zip(reply.outcomes) {
            match self.count(outcome) {
                Ok(Some(id)) => taken.push((id, draft)),
                Ok(None) => {}
                Err(no) => refused.push(no),
            }
        }
        if !self.dry_run {
            refused.extend(self.prices_and_stock(&taken).await?);
        }
        Ok(refused)
    }

    /// Sets the facets of the categories that this load is most of, and says what became of it all.
    pub async fn finish(self, mapping: Option<&Mapping>) -> anyhow::Result<Tally> {
        if self.dry_run {
            return Ok(self.tally);
        }
        let tree = self.clients.catalog.categories(&self.cx, catalog::AllCategories {}).await?;
        let known: HashMap<catalog::CategoryId, &catalog::Category> =
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
            self.clients.catalog.put_categories(&self.cx, PutCategories { categories: chunk.to_vec() }).await?;
        }
        Ok(self.tally)
    }

    /// Makes the categories of these drafts known, parents too.
    async fn categories_of(&mut self, drafts: &[ProductDraft]) -> anyhow::Result<()> {
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
            let nobody = catalog::CategoryId(uuid::Uuid::nil());
            let id = |path: &Vec<String>| known.get(path).copied().unwrap_or(nobody);
            self.categories.extend(missing.into_iter().map(|category| (category.path.clone(), id(&category.path))));
            return Ok(());
        }
        for chunk in missing.chunks(catalog::MAX_BATCH) {
            let request = PutCategories { categories: chunk.to_vec() };
            let reply = self.clients.catalog.put_categories(&self.cx, request).await?;
            self.categories.extend(reply.categories.into_iter().map(|put| (put.path, put.id)));
        }
        Ok(())
    }

    async fn categories_by_names(&self) -> anyhow::Result<HashMap<Vec<String>, catalog::CategoryId>> {
        let tree = self.clients.catalog.categories(&self.cx, catalog::AllCategories {}).await?;
        let mut names: HashMap<catalog::CategoryId, Vec<String>> = HashMap::new();
        for category in &tree.items {
            // Parents come before their children.
            let mut path = category.parent_id.and_then(|parent| names.get(&parent)).cloned().unwrap_or_default();
            path.push(category.name.clone());
            names.insert(category.id, path);
        }
        Ok(names.into_iter().map(|(id, path)| (path, id)).collect())
    }

    fn count(&mut self, outcome: ProductOutcome) -> Result<Option<catalog::ProductId>, Refused> {
        match outcome.outcome {
            Outcome::Created => self.tally.created += 1,
            Outcome::Updated => self.tally.updated += 1,
            Outcome::Unchanged => self.tally.unchanged += 1,
            Outcome::Refused { code, reason } => {
                self.tally.refused += 1;
                return Err(Refused { external_id: outcome.external_id, code, reason });
            }
        }
        Ok(outcome.id)
    }

    /// Also of unchanged products: a load that was interrupted may have written the product and not its prices.
    async fn prices_and_stock(
        &mut self,
        taken: &[(catalog::ProductId, &ProductDraft)],
    ) -> anyhow::Result<Vec<Refused>> {
        let mut refused = Vec::new();
        let variants: Vec<_> =
            taken.iter().flat_map(|(id, draft)| draft.variants.iter().map(|variant| (id.0, variant))).collect();
        let price = |(product_id, variant): &(uuid::Uuid, &souk_import::VariantDraft)| SetPrice {
            product_id: *product_id,
            price: Price { sku: variant.sku.clone(), price: variant.price, compare_at: variant.compare_at },
        };
        let stock = |(product_id, variant): &(uuid::Uuid, &souk_import::VariantDraft)| AdjustLine {
            product_id: *product_id,
            sku: variant.sku.clone(),
            change: match variant.stock {
                Some(units) if self.update_stock => Change::Count(units),
                _ => Change::InitialIfNew(variant.initial_stock()),
            },
        };
        for chunk in variants.chunks(souk_inventory_api::MAX_BATCH.min(souk_pricing_api::MAX_BATCH)) {
            let prices = SetPrices { items: chunk.iter().map(price).collect() };
            let adjust = Adjust { lines: chunk.iter().map(stock).collect(), note: self.cx.request_id.to_string() };
            let (prices, stocked) = tokio::try_join!(
                self.clients.pricing.set_prices(&self.cx, prices),
                self.clients.inventory.adjust(&self.cx, adjust)
            )?;
            self.tally.prices += prices.changed;
            self.tally.stocked += stocked.changed;
            refused.extend(prices.refused.into_iter().map(|no| Refused {
                external_id: no.sku,
                code: no.code,
                reason: no.reason,
            }));
        }
        Ok(refused)
    }

    fn input(&self, draft: &ProductDraft) -> anyhow::Result<ProductInput> {
        let category_id = *self.categories.get(&draft.category).context("a category was not made")?;
        let media_at = |url: &Option<String>| {
            let at = url.as_ref().and_then(|url| draft.media.iter().position(|media| media.source_url == *url));
            at.and_then(|at| u32::try_from(at).ok())
        };
        let variants = draft.variants.iter().map(|variant| VariantInput {
            external_id: variant.external_id.clone(),
            sku: variant.sku.clone(),
            option_values: variant.option_values.clone(),
            barcode: variant.barcode.clone(),
            weight_grams: variant.weight_grams.unwrap_or(0),
            tax_category: variant.tax_category.clone(),
            media: media_at(&variant.media),
        });
        let media = draft.media.iter().map(|media| MediaInput {
            url: (self.stored)(&media.source_url),
            source_url: Some(media.source_url.clone()),
            alt: media.alt.clone(),
            width: None,
            height: None,
        });
        let mut input = ProductInput {
            source: draft.source.clone(),
            external_id: draft.external_id.clone(),
            slug: draft.slug.clone(),
            title: draft.title.clone(),
            brand: draft.brand.clone(),
            description: draft.description.clone(),
            status: match draft.status {
                DraftStatus::Published => catalog::Status::Published,
                DraftStatus::Draft => catalog::Status::Draft,
            },
            category_id,
            attributes: draft.attributes.iter().map(attribute).collect(),
            options: draft
                .options
                .iter()
                .map(|option| catalog::ProductOption { name: option.name.clone(), values: option.values.clone() })
                .collect(),
            variants: variants.collect(),
            media: media.collect(),
            tags: draft.tags.clone(),
            seo_title: draft.seo_title.clone(),
            seo_description: draft.seo_description.clone(),
            content_hash: String::new(),
        };
        input.content_hash = fingerprint(&input)?;
        Ok(input)
    }
}

/// Over what the catalogue keeps, and nothing else: prices and stock have their own services, and where a picture is
/// stored says nothing about the product.
fn fingerprint(input: &ProductInput) -> anyhow::Result<String> {
    let mut content = input.clone();
    content.media.iter_mut().for_each(|media| media.url = None);
    Ok(blake3::hash(&serde_json::to_vec(&content)?).to_hex()[..32].to_owned())
}

fn attribute(draft: &souk_import::AttributeDraft) -> catalog::Attribute {
    let value = match &draft.value {
        AttributeValue::Text(text) => catalog::AttributeValue::Text(text.clone()),
        AttributeValue::Number { value, unit } => {
            catalog::AttributeValue::Number { value: value.to_string(), unit: unit.clone() }
        }
        AttributeValue::Bool(yes) => catalog::AttributeValue::Bool(*yes),
    };
    catalog::Attribute { key: draft.key.clone(), label: draft.label.clone(), value }
}
