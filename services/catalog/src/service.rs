//! Implementation of the contract: permissions and limits at the door, decisions in the domain, SQL in the store.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::try_join_all;
use souk_catalog_api::{
    AllCategories, ByIds, BySkus, BySlug, BySlugs, CatalogApi, CategoryChanged, CategoryId, CategoryPut, CategoryTree,
    ExportProducts, FetchPictures, ListPictures, ListProducts, Look, MAX_BATCH, MAX_PAGE, PictureReport,
    PicturesQueued, Product, ProductChanged, ProductInput, ProductPage, Products, ProductsBySlug, PutCategories,
    PutCategoriesReply, PutProducts, PutProductsReply, Status, StoreMedia, StoredMedia, VariantCard, VariantCards,
    moved,
};
use souk_db::{Tx, WalPosition};
use souk_kernel::Problem;
use souk_objects::MediaKind;
use souk_rpc::{Cx, Permission};

use crate::CatalogService;
use crate::domain::check::InputRejected;
use crate::domain::cursor::Cursor;
use crate::domain::limits;
use crate::domain::pictures::{KnownPicture, KnownPictures, sources};
use crate::domain::plan::{self, Plan};
use crate::domain::tree;
use crate::pictures;
use crate::store::{Choice, FETCH, Listed, Page, Store, Turn};

impl From<InputRejected> for Problem {
    fn from(rejected: InputRejected) -> Self {
        Problem::invalid(rejected.code, rejected.reason)
    }
}

/// What a product's slug leads to.
pub(crate) enum SlugLookup {
    Product(Arc<Product>),
    /// Its product has this slug now.
    Moved(String),
    NotFound,
}

#[async_trait]
impl CatalogApi for CatalogService {
    async fn product_by_slug(&self, cx: &Cx, req: BySlug) -> Result<Product, Problem> {
        match self.look_up_slug(cx, &req.slug).await? {
            SlugLookup::Product(product) => Ok(Arc::unwrap_or_clone(product)),
            SlugLookup::Moved(to) => Err(moved(&to)),
            SlugLookup::NotFound => Err(Problem::not_found("product")),
        }
    }

    async fn products_by_slug(&self, cx: &Cx, req: BySlugs) -> Result<ProductsBySlug, Problem> {
        check_batch(req.slugs.len(), "slugs")?;
        let slugs: BTreeSet<String> = req.slugs.into_iter().collect();
        let found = try_join_all(slugs.iter().map(|slug| self.look_up_slug(cx, slug))).await?;
        let mut reply = ProductsBySlug::default();
        for (slug, place) in slugs.into_iter().zip(found) {
            match place {
                SlugLookup::Product(product) => reply.items.push(Arc::unwrap_or_clone(product)),
                SlugLookup::Moved(to) => drop(reply.moved.insert(slug, to)),
                SlugLookup::NotFound => {}
            }
        }
        Ok(reply)
    }

    async fn products(&self, _cx: &Cx, req: ByIds) -> Result<Products, Problem> {
        check_batch(req.ids.len(), "ids")?;
        if req.ids.is_empty() {
            return Ok(Products::default());
        }
        // Batches are for those who copy the catalogue elsewhere: past the cache, which they would only flush, and from the
        // primary, because an event told them that there is something new.
        Ok(Products { items: self.store.by_ids(WalPosition::PRIMARY, &req.ids).await? })
    }

    async fn variants(&self, cx: &Cx, req: BySkus) -> Result<VariantCards, Problem> {
        check_batch(req.skus.len(), "skus")?;
        let mut wanted: Vec<String> = req.skus.into_iter().filter(|sku| is_sku(sku)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let products = self.caches.by_skus(WalPosition::from_raw(cx.min_lsn()), &wanted).await?;
        let mut items = Vec::with_capacity(wanted.len());
        for product in &products {
            let asked = product.variants.iter().filter(|variant| wanted.binary_search(&variant.sku).is_ok());
            items.extend(asked.map(|variant| VariantCard {
                id: variant.id,
                product_id: product.id,
                category_id: product.category_id,
                sku: variant.sku.clone(),
                slug: product.slug.clone(),
                title: product.title.clone(),
                options: variant.options_text(),
                tax_category: variant.tax_category.clone(),
                weight_grams: variant.weight_grams,
                image: product.variant_image(variant),
            }));
        }
        Ok(VariantCards { items })
    }

    async fn list(&self, cx: &Cx, req: ListProducts) -> Result<ProductPage, Problem> {
        let (products, next_cursor) = self.public_page(cx, &req).await?;
        Ok(ProductPage { items: products.into_iter().map(Arc::unwrap_or_clone).collect(), next_cursor })
    }

    async fn categories(&self, cx: &Cx, _: AllCategories) -> Result<CategoryTree, Problem> {
        Ok(Arc::unwrap_or_clone(self.public_tree(cx).await?))
    }

    async fn put_products(&self, cx: &Cx, mut req: PutProducts) -> Result<PutProductsReply, Problem> {
        cx.actor.require(Permission::Catalog)?;
        check_batch(req.products.len(), "products")?;
        if req.products.is_empty() {
            return Ok(PutProductsReply::default());
        }
        let faults = plan::faults(&req.products);
        let sound: Vec<&ProductInput> =
            req.products.iter().zip(&faults).filter(|(_, fault)| fault.is_none()).map(|(product, _)| product).collect();
        // Storage is not asked while other writers wait.
        let by_hash = if req.dry_run { HashMap::new() } else { self.pictures.named(&req.products).await? };
        let _first = self.turn.lock().await;
        let turn = self.store.turn().await?;
        let mut snapshot = turn.snapshot(&sound).await?;
        if req.dry_run {
            // A category that would have been made before these products is not held against them.
            for input in &sound {
                snapshot.categories.entry(input.category_id).or_insert_with(|| vec![input.category_id]);
            }
        }
        let now = self.clock.now();
        let mut plan = plan::plan(&req.products, faults, snapshot, || self.ids.v7(now));
        if req.dry_run {
            turn.into_tx().rollback().await?;
            for write in plan.writes.iter().filter(|write| write.new) {
                plan.outcomes[write.input].id = None;
            }
        } else if !plan.writes.is_empty() {
            for write in &plan.writes {
                let html = &mut req.products[write.input].description_html;
                *html = html.take().map(|written| souk_html::safe(&written));
            }
            self.commit_products(cx, turn, &req, &plan, by_hash, now).await?;
        }
        Ok(PutProductsReply { outcomes: plan.outcomes })
    }

    async fn put_categories(&self, cx: &Cx, req: PutCategories) -> Result<PutCategoriesReply, Problem> {
        cx.actor.require(Permission::Catalog)?;
        check_batch(req.categories.len(), "categories")?;
        let _first = self.turn.lock().await;
        let turn = self.store.turn().await?;
        let now = self.clock.now();
        let plan = tree::grow(turn.tree().await?, &req.categories, || CategoryId(self.ids.v7(now)))?;
        if !plan.created.is_empty() || !plan.changed.is_empty() {
            turn.add_categories(&plan.created).await?;
            turn.set_facets(&plan.changed).await?;
            let touched = plan.created.iter().chain(&plan.changed);
            let events: Vec<_> =
                touched.map(|node| CategoryChanged { category_id: node.id, version: node.version }).collect();
            self.outbox.push_all(turn.tx(), &events).await?;
            let position = self.outbox.commit_position(turn.into_tx()).await?;
            cx.wrote(position.raw());
            self.store.saw(position);
            self.caches.tree_changed();
        }
        let ids = plan.ids.into_iter();
        let categories = ids.zip(req.categories).map(|(id, input)| CategoryPut { path: input.path, id }).collect();
        Ok(PutCategoriesReply { categories })
    }

    async fn export(&self, cx: &Cx, req: ExportProducts) -> Result<Products, Problem> {
        cx.actor.require(Permission::Catalog)?;
        if req.limit == 0 || req.limit as usize > MAX_BATCH {
            return Err(Problem::invalid_field("/limit", format!("from 1 to {MAX_BATCH}")));
        }
        Ok(Products { items: self.store.export(req.after, i64::from(req.limit)).await? })
    }

    async fn store_media(&self, cx: &Cx, req: StoreMedia) -> Result<StoredMedia, Problem> {
        cx.actor.require(Permission::Catalog)?;
        pictures::check_size(&req.content)?;
        let content = Bytes::from(req.content);
        if MediaKind::of(&content) == Some(MediaKind::Svg) {
            let name = self.pictures.objects.put(content).await?;
            return Ok(StoredMedia { url: format!("/media/{name}"), look: Look::default() });
        }
        let picture = self.pictures.keep(content, &self.pictures.threads.uploaded).await?;
        Ok(StoredMedia { url: picture.url(), look: picture.look })
    }

    async fn pictures(&self, cx: &Cx, req: ListPictures) -> Result<PictureReport, Problem> {
        cx.actor.require(Permission::Catalog)?;
        if req.limit as usize > MAX_BATCH {
            return Err(Problem::invalid_field("/limit", format!("at most {MAX_BATCH}")));
        }
        Ok(self.store.picture_report(req.state, i64::from(req.limit)).await?)
    }

    async fn fetch_pictures(&self, cx: &Cx, req: FetchPictures) -> Result<PicturesQueued, Problem> {
        cx.actor.require(Permission::Catalog)?;
        let choice = match &req {
            FetchPictures::Failed => Choice::Failed,
            FetchPictures::All => Choice::All,
            FetchPictures::One(address) => Choice::One(address),
        };
        let tx = self.store.begin().await?;
        let ids = Store::choose_sources(&tx, choice, self.clock.now()).await?;
        self.enqueue_pictures(&tx, &ids).await?;
        tx.commit().await?;
        self.jobs.wake();
        match (ids.len(), req) {
            (0, FetchPictures::One(_)) => Err(Problem::not_found("picture")),
            (queued, _) => Ok(PicturesQueued { queued: queued as u64 }),
        }
    }
}

impl CatalogService {
    /// What `slug` leads to, from memory when it was asked for before.
    pub(crate) async fn look_up_slug(&self, cx: &Cx, slug: &str) -> Result<SlugLookup, Problem> {
        // What is no slug is not looked up: it may hold what PostgreSQL cannot.
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if slug.is_empty() || slug.len() > limits::SLUG || !slug.bytes().all(plain) {
            return Ok(SlugLookup::NotFound);
        }
        let at_least = WalPosition::from_raw(cx.min_lsn());
        if let Some(product) = self.caches.by_slug(at_least, slug).await? {
            return Ok(SlugLookup::Product(product));
        }
        Ok(self.store.moved(at_least, slug).await?.map_or(SlugLookup::NotFound, SlugLookup::Moved))
    }

    /// A page of published products, and where the next one begins. Places come from an index, products from memory.
    pub(crate) async fn public_page(
        &self,
        cx: &Cx,
        req: &ListProducts,
    ) -> Result<(Vec<Arc<Product>>, Option<String>), Problem> {
        if req.limit == 0 || req.limit > MAX_PAGE {
            return Err(Problem::invalid_field("/limit", format!("from 1 to {MAX_PAGE}")));
        }
        let after = match &req.cursor {
            Some(text) => Some(Cursor::decode(text, req.sort, req.category.as_deref())?),
            None => None,
        };
        let categories = match &req.category {
            Some(path) => Some(self.branch(cx, path).await?),
            None => None,
        };
        // One more than asked for says whether there is a next page.
        let page = Page { categories, sort: req.sort, limit: i64::from(req.limit) + 1, after: after.as_ref() };
        let at_least = WalPosition::from_raw(cx.min_lsn());
        let mut places = self.store.page(at_least, &page).await?;
        let more = places.len() > req.limit as usize;
        places.truncate(req.limit as usize);
        let next_cursor = places.last().filter(|_| more).map(|last| cursor(last, req).encode());
        let ids: Vec<_> = places.iter().map(|place| place.id).collect();
        Ok((self.caches.by_ids(at_least, &ids).await?, next_cursor))
    }

    /// The tree, from memory.
    pub(crate) async fn public_tree(&self, cx: &Cx) -> Result<Arc<CategoryTree>, Problem> {
        self.caches.tree(WalPosition::from_raw(cx.min_lsn())).await
    }

    /// A category and all below it.
    async fn branch(&self, cx: &Cx, path: &str) -> Result<Vec<CategoryId>, Problem> {
        let tree = self.caches.tree(WalPosition::from_raw(cx.min_lsn())).await?;
        let below = |candidate: &str| candidate.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        let found = tree.items.iter().filter(|category| category.path == path || below(&category.path));
        let ids: Vec<_> = found.map(|category| category.id).collect();
        match ids.is_empty() || path.is_empty() {
            true => Err(Problem::not_found("category")),
            false => Ok(ids),
        }
    }

    async fn commit_products(
        &self,
        cx: &Cx,
        turn: Turn,
        req: &PutProducts,
        plan: &Plan,
        by_hash: HashMap<String, KnownPicture>,
        now: jiff::Timestamp,
    ) -> Result<(), Problem> {
        let written = || plan.writes.iter().map(|write| &req.products[write.input]);
        let by_source = turn.pictures_from(&sources(written())).await?;
        let known = KnownPictures { by_source, by_hash };
        turn.write(&req.products, &plan.writes, &plan.counts, &known, now).await?;
        let ids = turn.register_sources(&known.to_fetch(written()), now).await?;
        self.enqueue_pictures(turn.tx(), &ids).await?;
        let event = |write: &plan::Write| ProductChanged {
            product_id: write.id,
            slug: write.slug.clone(),
            categories: write.categories.clone(),
            published: req.products[write.input].status == Status::Published,
            version: write.version,
        };
        let events: Vec<_> = plan.writes.iter().map(event).collect();
        let position = self.commit_changed(turn, &events).await?;
        cx.wrote(position.raw());
        if !ids.is_empty() {
            self.jobs.wake();
        }
        Ok(())
    }

    /// Commits a turn that changed products, and tells everybody.
    pub(crate) async fn commit_changed(&self, turn: Turn, events: &[ProductChanged]) -> Result<WalPosition, Problem> {
        self.outbox.push_all(turn.tx(), events).await?;
        let position = self.outbox.commit_position(turn.into_tx()).await?;
        self.store.saw(position);
        self.caches.changed(events);
        Ok(position)
    }

    /// Has the pictures of these sources fetched.
    async fn enqueue_pictures(&self, tx: &Tx, ids: &[String]) -> Result<(), Problem> {
        let jobs: Vec<(&str, &())> = ids.iter().map(|id| (id.as_str(), &())).collect();
        self.jobs.enqueue_all(tx, FETCH, &jobs, Duration::ZERO).await
    }
}

/// Where the page after `last` begins.
fn cursor(last: &Listed, req: &ListProducts) -> Cursor {
    Cursor {
        sort: req.sort,
        category: req.category.clone(),
        title: last.title_key.clone(),
        price: last.lowest_price,
        id: last.id,
    }
}

fn check_batch(have: usize, what: &str) -> Result<(), Problem> {
    if have <= MAX_BATCH {
        return Ok(());
    }
    Err(Problem::invalid_field(format!("/{what}"), format!("{have} {what}; the limit is {MAX_BATCH}")))
}

/// False for what cannot be one, so that it never reaches PostgreSQL.
fn is_sku(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= limits::SKU && !text.chars().any(char::is_control)
}
