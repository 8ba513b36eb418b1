//! Test fixture: a shop of one test, with verbs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use souk_cart::{CartDeps, CartService};
use souk_cart_api::{AddLine, Cart, CartClient, CartId, CreateCart, GetCart, UpdateCart};
use souk_catalog_api::{BySkus, CatalogClient, CatalogFake, VariantCard, VariantCards};
use souk_db::{Counters, Db, RowExt};
use souk_inventory::{InventoryDeps, InventoryService};
use souk_inventory_api::{Adjust, AdjustLine, Change, InventoryClient};
use souk_kernel::{Clock, Currency, Ids, Money, Problem};
use souk_postgres::TestDb;
use souk_pricing::{PricingDeps, PricingService, default_terms};
use souk_pricing_api::{Coupon, Discount, Price, PricingClient, SetPrice, SetPrices};
use souk_rpc::fake::answer;
use souk_rpc::{Actor, Cx};
use souk_runtime::Tasks;
use souk_shipping_api::Address;
use uuid::Uuid;

/// The catalogue: SKUs with titles.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<BTreeMap<String, VariantCard>>>);

impl Shelf {
    /// Answers the one call carts make; whatever else the contract grows does not matter here.
    fn client(&self) -> CatalogClient {
        let shelf = self.clone();
        let variants = answer(move |_, request: BySkus| {
            let shelf = shelf.0.lock().unwrap();
            Ok(VariantCards { items: request.skus.iter().filter_map(|sku| shelf.get(sku).cloned()).collect() })
        });
        CatalogFake { variants, ..CatalogFake::default() }.into()
    }
}

pub struct Shop {
    pub test_db: TestDb,
    pub tasks: Tasks,
    pub shelf: Shelf,
    pub pricing: PricingClient,
    pub inventory: InventoryClient,
    dbs: [Db; 2],
}

pub struct Process {
    pub service: Arc<CartService>,
    pub client: CartClient,
    pub db: Db,
}

pub fn cx() -> Cx {
    Cx::new("test", Actor::Anonymous)
}

pub fn system() -> Cx {
    Cx::system("test")
}

pub fn customer(n: u128) -> Cx {
    Cx::new("test", Actor::Customer(Uuid::from_u128(n)))
}

pub fn eur(amount: i64) -> Money {
    Currency::EUR.of(amount)
}

pub fn berlin() -> Address {
    Address {
        name: "Ada Lovelace".into(),
        line1: "Unter den Linden 1".into(),
        city: "Berlin".into(),
        postal_code: "10117".into(),
        country: "DE".into(),
        ..Address::default()
    }
}

pub fn update(cart_id: CartId) -> UpdateCart {
    UpdateCart::of(cart_id)
}

pub fn whole(cart_id: CartId) -> UpdateCart {
    UpdateCart {
        cart_id,
        email: Some("ada@example.com".into()),
        shipping_address: Some(berlin()),
        shipping_method: Some("standard".into()),
        coupons: None,
        if_version: None,
        clear: Vec::new(),
    }
}

impl Shop {
    /// Sells `lamp` (10.00, 5 there) and `book` (20.00, 100 there).
    pub async fn open() -> Shop {
        let test_db =
            TestDb::new(&[&souk_cart::MIGRATIONS, &souk_pricing::MIGRATIONS, &souk_inventory::MIGRATIONS]).await;
        let tasks = Tasks::new();
        let dbs = [test_db.db("pricing").await, test_db.db("inventory").await];
        let pricing =
            PricingService::new(PricingDeps { db: dbs[0].clone(), tasks: tasks.clone(), terms: default_terms() });
        pricing.seed_defaults().await.unwrap();
        let inventory = InventoryService::new(InventoryDeps { db: dbs[1].clone(), tasks: tasks.clone() });
        let (pricing, inventory) = (PricingClient::Local(pricing), InventoryClient::Local(inventory));
        let shop = Shop { test_db, tasks, shelf: Shelf::default(), pricing, inventory, dbs };
        shop.sell("lamp", 1_000, 5).await;
        shop.sell("book", 2_000, 100).await;
        shop
    }

    pub async fn process(&self) -> Process {
        let db = self.test_db.db("cart").await;
        let service = CartService::new(CartDeps {
            db: db.clone(),
            tasks: self.tasks.clone(),
            clock: Clock::system(),
            ids: Ids::random(),
            catalog: self.shelf.client(),
            pricing: self.pricing.clone(),
            inventory: self.inventory.clone(),
        });
        Process { client: CartClient::Local(service.clone()), service, db }
    }

    pub async fn sell(&self, sku: &str, price: i64, units: i64) {
        let product_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, sku.as_bytes());
        let card = VariantCard {
            id: Uuid::now_v7().into(),
            product_id: product_id.into(),
            category_id: None,
            sku: sku.into(),
            slug: format!("the-{sku}"),
            title: format!("The {sku}"),
            options: String::new(),
            tax_category: "standard".into(),
            weight_grams: 500,
            image: String::new(),
        };
        self.shelf.0.lock().unwrap().insert(sku.into(), card);
        self.price(sku, price).await;
        let line = AdjustLine { product_id, sku: sku.into(), change: Change::InitialIfNew(units) };
        self.inventory.adjust(&system(), Adjust { lines: vec![line], note: "test".into() }).await.unwrap();
    }

    pub async fn price(&self, sku: &str, amount: i64) {
        let product_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, sku.as_bytes());
        let item = SetPrice { product_id, price: Price { sku: sku.into(), price: eur(amount), compare_at: None } };
        self.pricing.set_prices(&system(), SetPrices { items: vec![item] }).await.unwrap();
    }

    pub async fn count(&self, sku: &str, units: i64) {
        let product_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, sku.as_bytes());
        let line = AdjustLine { product_id, sku: sku.into(), change: Change::Count(units) };
        self.inventory.adjust(&system(), Adjust { lines: vec![line], note: "test".into() }).await.unwrap();
    }

    pub async fn coupon(&self, code: &str, percent: u32, active: bool) {
        let (discount, code) = (Discount::Percent(percent), code.into());
        let coupon = Coupon { code, discount, max_uses: None, minimum: None, starts_at: None, ends_at: None, active };
        self.pricing.put_coupon(&system(), coupon).await.unwrap();
    }

    pub fn unpublish(&self, sku: &str) {
        self.shelf.0.lock().unwrap().remove(sku);
    }

    pub async fn sql(&self, sql: &'static str) -> u64 {
        self.test_db.superuser("cart").await.write_one(sql, &[]).await.unwrap()
    }

    /// One number, behind the service's back.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let db = self.test_db.superuser("cart").await;
        db.primary().query_one(sql, &[]).await.unwrap().get_col(0).unwrap()
    }

    /// Statements and commits of all services so far.
    pub fn cost(&self, process: &Process) -> Counters {
        let mut sum = process.db.counters();
        for db in &self.dbs {
            let more = db.counters();
            sum.statements += more.statements;
            sum.commits += more.commits;
        }
        sum
    }
}

impl Process {
    /// Id of a server process that works for it.
    #[allow(dead_code)] // for `examples/looks.rs`
    pub async fn backend(&self) -> i32 {
        self.db.primary().query_one("select pg_backend_pid() as pid", &[]).await.unwrap().get_col("pid").unwrap()
    }

    pub async fn create(&self) -> CartId {
        self.client.create(&cx(), CreateCart {}).await.unwrap().id
    }

    pub async fn add(&self, cart_id: CartId, sku: &str, quantity: u32) -> Result<Cart, Problem> {
        self.client.add_line(&cx(), AddLine { cart_id, sku: sku.into(), quantity, if_version: None }).await
    }

    pub async fn get(&self, cart_id: CartId) -> Cart {
        self.client.get(&cx(), GetCart { cart_id }).await.unwrap()
    }

    /// A cart with a lamp and two books, ready to be bought.
    pub async fn ready(&self) -> CartId {
        let id = self.create().await;
        self.add(id, "lamp", 1).await.unwrap();
        self.add(id, "book", 2).await.unwrap();
        self.client.update(&cx(), whole(id)).await.unwrap();
        id
    }
}

pub fn codes(cart: &Cart) -> Vec<&str> {
    cart.messages.iter().map(|message| message.code.as_str()).collect()
}
