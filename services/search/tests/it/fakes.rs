//! Fakes of catalogue, pricing and inventory in memory, each publishing to its own real log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use souk_catalog_api as catalog;
use souk_catalog_api::{
    Attribute, AttributeValue, Category, CategoryId, CategoryTree, FacetAttribute, Product, ProductChanged, ProductId,
    Status, Variant, VariantId,
};
use souk_db::Db;
use souk_flow::Outbox;
use souk_inventory_api as inventory;
use souk_inventory_api::AvailabilityChanged;
use souk_kernel::{Currency, Event, Problem};
use souk_postgres::TestDb;
use souk_pricing_api as pricing;
use souk_pricing_api::PriceChanged;
use souk_rpc::Cx;
use tokio::sync::Notify;
use uuid::Uuid;

pub const TOYS: CategoryId = CategoryId(Uuid::from_u128(1));
pub const COMPUTERS: CategoryId = CategoryId(Uuid::from_u128(2));
pub const NOTEBOOKS: CategoryId = CategoryId(Uuid::from_u128(3));
pub const PRINTERS: CategoryId = CategoryId(Uuid::from_u128(4));

#[derive(Default)]
struct Known {
    products: BTreeMap<Uuid, Product>,
    prices: BTreeMap<String, i64>,
    stock: BTreeMap<String, i64>,
    versions: i64,
}

pub struct Owners {
    known: Mutex<Known>,
    catalog: Db,
    pricing: Db,
    inventory: Db,
    /// Everything answers that it is out of reach.
    pub down: AtomicBool,
    /// The catalogue cannot read a product with this slug.
    pub poisoned: Mutex<Option<String>>,
    /// What `categories` answers.
    tree: CategoryTree,
    hold: Mutex<Option<Hold>>,
    /// Exports asked for: an index that is built anew begins with one.
    pub exports: AtomicUsize,
}

/// A reading that was stopped in the middle.
#[derive(Clone, Default)]
pub struct Hold(Arc<(Notify, Notify)>);

impl Hold {
    /// Waits until a reader has read and waits.
    pub async fn reached(&self) {
        self.0.0.notified().await;
    }

    /// Lets it go on.
    pub fn release(&self) {
        self.0.1.notify_one();
    }
}

/// A published product with one variant, priced and in stock.
pub struct Sale<'a> {
    pub slug: &'a str,
    pub title: &'a str,
    pub brand: &'a str,
    pub category: CategoryId,
    pub price: i64,
    pub stock: i64,
    pub description: &'a str,
    pub attributes: &'a [(&'a str, &'a str)],
    pub external_id: &'a str,
}

impl Default for Sale<'_> {
    fn default() -> Self {
        Self {
            slug: "thing",
            title: "Thing",
            brand: "Acme",
            category: TOYS,
            price: 1_000,
            stock: 5,
            description: "",
            attributes: &[],
            external_id: "",
        }
    }
}

pub fn id_of(slug: &str) -> Uuid {
    Uuid::from_u128(slug.bytes().fold(7, |hash, byte| hash.wrapping_mul(1_000_003) ^ u128::from(byte)))
}

impl Owners {
    pub async fn new(test_db: &TestDb, tree: CategoryTree) -> Self {
        Self {
            known: Mutex::default(),
            catalog: test_db.db("catalog").await,
            pricing: test_db.db("pricing").await,
            inventory: test_db.db("inventory").await,
            down: AtomicBool::default(),
            poisoned: Mutex::default(),
            tree,
            hold: Mutex::default(),
            exports: AtomicUsize::default(),
        }
    }

    async fn publish<E: Event>(db: &Db, events: &[E]) {
        let outbox = Outbox::new(db);
        let tx = db.begin().await.unwrap();
        outbox.push_all(&tx, events).await.unwrap();
        outbox.commit(tx).await.unwrap();
    }

    fn next(&self) -> i64 {
        let mut known = self.known.lock().unwrap();
        known.versions += 1;
        known.versions
    }

    /// Puts products on sale and tells of each: product, price, stock.
    pub async fn sell(&self, sales: &[Sale<'_>]) {
        let mut events = (Vec::new(), Vec::new(), Vec::new());
        for sale in sales {
            let version = self.next();
            let product = product(sale, version);
            let (id, sku) = (product.id.uuid(), product.variants[0].sku.clone());
            let (product_id, slug) = (product.id, product.slug.clone());
            self.shelve(product, sale.price, sale.stock);
            events.0.push(ProductChanged { product_id, slug, categories: Vec::new(), published: true, version });
            let lowest = Currency::EUR.of(sale.price);
            events.1.push(PriceChanged { product_id: id, skus: vec![sku.clone()], lowest, version });
            let (stock_id, available) = (Uuid::from_u128(!id.as_u128()), sale.stock > 0);
            events.2.push(AvailabilityChanged { stock_id, product_id: id, sku, available, version });
        }
        Self::publish(&self.catalog, &events.0).await;
        Self::publish(&self.pricing, &events.1).await;
        Self::publish(&self.inventory, &events.2).await;
    }

    /// Has a product for sale that no event tells of.
    pub fn shelve(&self, product: Product, price: i64, stock: i64) {
        let mut known = self.known.lock().unwrap();
        let sku = product.variants[0].sku.clone();
        known.prices.insert(sku.clone(), price);
        known.stock.insert(sku, stock);
        known.products.insert(product.id.uuid(), product);
    }

    /// Takes a product off the shelf.
    pub async fn hide(&self, slug: &str) {
        let version = self.next();
        self.known.lock().unwrap().products.get_mut(&id_of(slug)).unwrap().status = Status::Draft;
        self.tell(slug, version).await;
    }

    /// Only the event: whatever the catalogue now says is to be read.
    pub async fn tell(&self, slug: &str, version: i64) {
        if let Some(product) = self.known.lock().unwrap().products.get_mut(&id_of(slug)) {
            product.version = version;
        }
        let product_id = ProductId(id_of(slug));
        let event = ProductChanged { product_id, slug: slug.into(), categories: Vec::new(), published: true, version };
        Self::publish(&self.catalog, &[event]).await;
    }

    pub fn versions(&self) -> i64 {
        self.next()
    }

    pub async fn price(&self, slug: &str, price: i64) {
        let version = self.next();
        self.known.lock().unwrap().prices.insert(format!("sku-{slug}"), price);
        let lowest = Currency::EUR.of(price);
        let event = PriceChanged { product_id: id_of(slug), skus: vec![format!("sku-{slug}")], lowest, version };
        Self::publish(&self.pricing, &[event]).await;
    }

    pub async fn stock(&self, slug: &str, stock: i64) {
        let version = self.next();
        let sku = format!("sku-{slug}");
        self.known.lock().unwrap().stock.insert(sku.clone(), stock);
        let product_id = id_of(slug);
        let stock_id = Uuid::from_u128(!product_id.as_u128());
        Self::publish(
            &self.inventory,
            &[AvailabilityChanged { stock_id, product_id, sku, available: stock > 0, version }],
        )
        .await;
    }

    /// Changes a price without telling anybody.
    pub fn price_quietly(&self, slug: &str, price: i64) {
        self.known.lock().unwrap().prices.insert(format!("sku-{slug}"), price);
    }

    /// Lets the next reader of prices have what they are now, and wait before it gets it.
    pub fn hold_next_reading(&self) -> Hold {
        let hold = Hold::default();
        *self.hold.lock().unwrap() = Some(hold.clone());
        hold
    }

    /// Changes something without telling anybody.
    pub fn retitle_quietly(&self, slug: &str, title: &str) {
        self.known.lock().unwrap().products.get_mut(&id_of(slug)).unwrap().title = title.into();
    }

    /// An event that no consumer can read.
    pub async fn rubbish(&self) {
        let sql = "insert into outbox (id, type, aggregate, version, data)
            values (gen_random_uuid(), 'catalog.product_changed.v1', gen_random_uuid(), 1, '{\"slug\": 7}')";
        self.catalog.write_one(sql, &[]).await.unwrap();
    }

    fn reachable(&self) -> Result<(), Problem> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(Problem::unavailable("down", "the test says so")),
            false => Ok(()),
        }
    }

    fn readable(&self, products: &[Product]) -> Result<(), Problem> {
        let poisoned = self.poisoned.lock().unwrap().clone();
        match products.iter().any(|product| Some(&product.slug) == poisoned.as_ref()) {
            true => Err(Problem::internal("a row that cannot be decoded")),
            false => Ok(()),
        }
    }
}

fn product(sale: &Sale<'_>, version: i64) -> Product {
    let attribute = |(key, value): &(&str, &str)| Attribute {
        key: (*key).into(),
        label: (*key).into(),
        value: match *value {
            "yes" => AttributeValue::Bool(true),
            "no" => AttributeValue::Bool(false),
            text => AttributeValue::Text(text.into()),
        },
    };
    let id = id_of(sale.slug);
    Product {
        id: ProductId(id),
        source: Some("test".into()),
        external_id: (!sale.external_id.is_empty()).then(|| sale.external_id.to_owned()),
        slug: sale.slug.into(),
        title: sale.title.into(),
        brand: (!sale.brand.is_empty()).then(|| sale.brand.to_owned()),
        description: sale.description.into(),
        status: Status::Published,
        category_id: Some(sale.category),
        category_path: vec![sale.category],
        motif: "mug".into(),
        attributes: sale.attributes.iter().map(attribute).collect(),
        options: Vec::new(),
        variants: vec![Variant {
            id: VariantId(id),
            external_id: None,
            sku: format!("sku-{}", sale.slug),
            option_values: Vec::new(),
            barcode: Some("0884420588030".into()),
            weight_grams: 0,
            tax_category: "standard".into(),
            media: None,
        }],
        media: Vec::new(),
        tags: Vec::new(),
        seo_title: None,
        description_html: None,
        seo_description: None,
        version,
        created_at: jiff::Timestamp::from_second(1_700_000_000 + version).unwrap(),
        updated_at: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
    }
}

/// Toys, which have no facets of their own, and computers of two kinds.
pub fn tree() -> CategoryTree {
    tree_of(&["memory"], &["memory", "touchscreen"], &["colour"])
}

/// The same with these facets of computers, notebooks and printers.
pub fn tree_of(computers: &[&str], notebooks: &[&str], printers: &[&str]) -> CategoryTree {
    let facets = |keys: &[&str]| {
        keys.iter().map(|key| FacetAttribute { key: (*key).into(), label: key.to_uppercase() }).collect()
    };
    let node = |id, parent_id, path: &str, name: &str, keys: &[&str]| Category {
        id,
        parent_id,
        path: path.into(),
        name: name.into(),
        position: 0,
        products: 0,
        facets: facets(keys),
        version: 1,
    };
    CategoryTree {
        items: vec![
            node(TOYS, None, "toys", "Toys", &[]),
            node(COMPUTERS, None, "computers", "Computers", computers),
            node(NOTEBOOKS, Some(COMPUTERS), "computers/notebooks", "Notebooks", notebooks),
            node(PRINTERS, Some(COMPUTERS), "computers/printers", "Printers", printers),
        ],
    }
}

impl Owners {
    pub async fn products(&self, _: &Cx, req: catalog::ByIds) -> Result<catalog::Products, Problem> {
        self.reachable()?;
        let known = self.known.lock().unwrap();
        let items: Vec<_> = req.ids.iter().filter_map(|id| known.products.get(&id.uuid()).cloned()).collect();
        self.readable(&items)?;
        Ok(catalog::Products { items })
    }

    pub async fn export(&self, cx: &Cx, req: catalog::ExportProducts) -> Result<catalog::Products, Problem> {
        cx.actor.require(souk_rpc::Permission::Catalog)?;
        self.reachable()?;
        self.exports.fetch_add(1, Ordering::SeqCst);
        let known = self.known.lock().unwrap();
        let after = known.products.values().filter(|p| req.after.is_none_or(|after| p.id > after));
        Ok(catalog::Products { items: after.take(req.limit as usize).cloned().collect() })
    }

    pub async fn categories(&self, _: &Cx, _: catalog::AllCategories) -> Result<CategoryTree, Problem> {
        self.reachable()?;
        Ok(self.tree.clone())
    }
}

impl Owners {
    pub async fn prices(&self, _: &Cx, req: pricing::PricesRequest) -> Result<pricing::Prices, Problem> {
        self.reachable()?;
        let items = {
            let known = self.known.lock().unwrap();
            let price = |sku: String| {
                let price = Currency::EUR.of(*known.prices.get(&sku)?);
                Some(pricing::Price { sku, price, compare_at: None })
            };
            req.skus.into_iter().filter_map(price).collect()
        };
        let hold = self.hold.lock().unwrap().take();
        if let Some(hold) = hold {
            hold.0.0.notify_one();
            hold.0.1.notified().await;
        }
        Ok(pricing::Prices { items })
    }
}

impl Owners {
    pub async fn availability(
        &self,
        _: &Cx,
        req: inventory::AvailabilityRequest,
    ) -> Result<inventory::Availabilities, Problem> {
        self.reachable()?;
        let known = self.known.lock().unwrap();
        let stock = |sku: String| {
            let available = *known.stock.get(&sku)?;
            Some(inventory::Availability::new(sku, available, inventory::StockPolicy::Deny))
        };
        Ok(inventory::Availabilities { items: req.skus.into_iter().filter_map(stock).collect() })
    }
}
