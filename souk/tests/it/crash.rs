//! Crash recovery, `kill -9` in the middle of checkouts: a buyer who was told that the order stands has it, everything comes
//! to an end, no buyer pays twice. Buyers behave as good clients do: no answer, the same request again under the same key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use souk_db::{Db, DbConfig, RowExt};
use souk_inventory_api::{Adjust, AdjustLine, Change};
use souk_order_api::{CheckoutReply, ListOrders, Order, OrderStatus};
use souk_rpc::Cx;
use souk_testkit::{Guest, eventually, tokens};
use uuid::Uuid;

use crate::fleet::Fleet;
use crate::orders::first_sku;
use crate::place::{Inside, PATIENCE, Place};

/// How long a buyer waits before asking again, doubled each time: below the checkouts that one cart may try in a minute.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(6);
/// Buyers at once; `SOUK_TEST_CRASH_BUYERS` asks for more.
const BUYERS: usize = 60;
/// A purchase whose process died has ended by then: a lease of 2 s, a second look that may take 6, and the rest of it. With a
/// lease of 15 s it took 15.2.
const TAKEN_OVER: Duration = Duration::from_secs(15);

fn buyers() -> usize {
    std::env::var("SOUK_TEST_CRASH_BUYERS").ok().map_or(BUYERS, |text| text.parse().unwrap())
}

/// All buyers, and what they were told.
struct Crowd {
    guests: Vec<Guest>,
    acknowledged: AtomicUsize,
}

impl Crowd {
    /// With carts that only need to be paid.
    async fn gather(place: &Place, inside: &Inside) -> Self {
        let sku = first_sku(place).await;
        let enough = Change::Count(10_000);
        let line = AdjustLine { product_id: uuid::Uuid::nil(), sku: sku.clone(), change: enough };
        let adjust = Adjust { lines: vec![line], note: "test".into() };
        inside.clients().inventory.adjust(&Cx::system("test"), adjust).await.unwrap();
        let mut guests = Vec::new();
        for _ in 0..buyers() {
            let mut guest = Guest::new(&place.shop());
            guest.fill(&sku, 1).await;
            guests.push(guest);
        }
        Self { guests, acknowledged: AtomicUsize::new(0) }
    }

    /// All pay at once; each goes on until there is an answer.
    async fn buy(&self) -> Vec<CheckoutReply> {
        futures_util::future::join_all(self.guests.iter().map(|guest| self.insist(guest))).await
    }

    async fn insist(&self, guest: &Guest) -> CheckoutReply {
        let key = format!("key-{}", guest.email);
        let body = serde_json::to_vec(&guest.checkout_body(tokens::OK)).unwrap();
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let (started, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let asked = guest.shop.try_send(Method::POST, "/api/v1/checkout", &headers, body.clone().into()).await;
            let said = match asked {
                Ok(reply) if reply.status == 201 => {
                    self.acknowledged.fetch_add(1, Ordering::SeqCst);
                    return reply.json();
                }
                // Under way, no process there to say, or asked too often: later, as a good client does.
                Ok(reply) if [202, 429, 502, 503, 504].contains(&reply.status.as_u16()) => reply.text(),
                Ok(reply) => panic!("{}: {}", reply.status, reply.text()),
                Err(error) => error.to_string(),
            };
            assert!(started.elapsed() < 2 * PATIENCE, "no answer to a checkout: {said}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits until so many have been told that their order stands.
    async fn told(&self, count: usize) {
        eventually("orders are acknowledged", PATIENCE, || async {
            let told = self.acknowledged.load(Ordering::SeqCst);
            if told >= count { Ok(()) } else { Err(told) }
        })
        .await;
    }

    /// Every buyer has exactly the one order they were told of, confirmed and paid.
    async fn check(&self, told: &[CheckoutReply], inside: &Inside) {
        inside.check().await;
        let sold = all_orders(inside).await;
        assert_eq!(sold.len(), self.guests.len(), "one order for each buyer");
        for reply in told {
            let order = sold.get(&reply.order.email).unwrap_or_else(|| panic!("{} is lost", reply.order.number));
            assert_eq!((order.id, order.status), (reply.order.id, OrderStatus::Confirmed), "{}", order.number);
        }
        let ids: BTreeSet<_> = told.iter().map(|reply| reply.order.number.clone()).collect();
        assert_eq!(ids.len(), told.len());
    }
}

/// By e-mail; panics when a buyer has two.
async fn all_orders(inside: &Inside) -> BTreeMap<String, Order> {
    let (mut found, mut cursor) = (BTreeMap::new(), None);
    loop {
        let request = ListOrders { limit: souk_order_api::MAX_PAGE, cursor, status: None };
        let page = inside.clients().order.list(&Cx::system("test"), request).await.unwrap();
        for order in page.items {
            let email = order.email.clone();
            assert!(found.insert(email.clone(), order).is_none(), "{email} has two orders");
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

/// Waits until so many orders are begun, whatever became of them since.
async fn begun(inside: &Inside, count: usize) {
    eventually("orders are begun", PATIENCE, || async {
        let there = all_orders(inside).await.len();
        if there >= count { Ok(()) } else { Err(there) }
    })
    .await;
}

/// Purchases that were under way when their process died.
struct Orphans {
    db: Db,
    sagas: Vec<Uuid>,
}

impl Orphans {
    /// Looked up right after the death, of which there must be some.
    async fn of(url: &str) -> Self {
        let mut config = DbConfig::new(url, "order");
        (config.read_connections, config.tx_connections) = (1, 1);
        let db = Db::connect(config).await.unwrap();
        let sql = "select id, greatest(extract(epoch from lease_until - now()), 0)::float8 as lease from saga
            where phase in ('forward', 'undo') and not resting";
        let rows = db.primary().query(sql, &[]).await.unwrap();
        // How soon another process may take them over. When it does is up to the machine: one that was late itself looks twice.
        let leases = rows.iter().map(|row| Duration::from_secs_f64(row.get_col("lease").unwrap()));
        assert!(
            leases.max() <= Some(Duration::from_secs(2)),
            "a dead process's lease holds for longer than that; 15 s before"
        );
        let sagas: Vec<Uuid> = rows.iter().map(|row| row.get_col("id").unwrap()).collect();
        assert!(!sagas.is_empty(), "it died in the middle of checkouts");
        Self { db, sagas }
    }

    /// They end; says how long after `since`, when there was a process that could run them.
    async fn end(self, what: &str, since: Instant) {
        let sql = "select count(*) from saga where id = any($1) and phase in ('forward', 'undo')";
        eventually("the purchases end", PATIENCE, || async {
            let open: i64 = self.db.primary().query_one(sql, &[&self.sagas]).await.unwrap().get_col(0).unwrap();
            if open == 0 { Ok(()) } else { Err(open) }
        })
        .await;
        let took = since.elapsed();
        println!("{what}: the last of {} purchases under way ended after {took:?}", self.sagas.len());
        assert!(took < TAKEN_OVER, "{what}: only after {took:?}");
    }
}

/// The whole shop dies twice: as soon as orders are begun, and when half of them are acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_shop_is_killed() {
    let place = Place::new();
    let provider = place.provider().await;
    let shop = place.up(&["--demo-products", "5"]).await;
    let database = place.database().await;
    let inside = place.inside(&database).await;
    let crowd = Crowd::gather(&place, &inside).await;
    let half = crowd.guests.len() / 2;

    let killing = async {
        begun(&inside, half / 3).await;
        shop.kill();
        let orphans = Orphans::of(&database).await;
        let shop = place.up(&[]).await;
        orphans.end("the shop was started again", Instant::now()).await;
        crowd.told(half).await;
        shop.kill();
        let started = Instant::now();
        (place.up(&[]).await, started)
    };
    let (told, (shop, started)) = tokio::join!(crowd.buy(), killing);
    crowd.check(&told, &inside).await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(60), "everything ended, but only after {took:?}");
    inside.leave().await;
    shop.stop().await;
    provider.stop().await;
}

const ORDERS: &str = "order,order-worker";

/// Everything but orders.
fn others() -> String {
    let roles: Vec<&str> =
        souk::all_roles().into_iter().filter(|role| !ORDERS.split(',').any(|o| o == *role)).collect();
    roles.join(",")
}

/// Only the process with the orders dies; the others stay, and its successor finishes what it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_process_is_killed() {
    let fleet = Fleet::new().await;
    let place = &fleet.place;
    let provider = place.provider().await;
    let orders = fleet.start(ORDERS, "orders").await;
    let others = fleet.start(&others(), "others").await;
    let inside = place.inside(&fleet.db.url()).await;
    stock_the_shop(&fleet).await;
    let crowd = Crowd::gather(place, &inside).await;
    let third = crowd.guests.len() / 3;

    let killing = async {
        begun(&inside, third).await;
        orders.kill();
        let orphans = Orphans::of(&fleet.db.url()).await;
        let orders = fleet.start(ORDERS, "orders-again").await;
        let started = Instant::now();
        orphans.end("its successor was started", started).await;
        (orders, started)
    };
    let (told, (orders, started)) = tokio::join!(crowd.buy(), killing);
    crowd.check(&told, &inside).await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(60), "everything ended, but only after {took:?}");
    inside.leave().await;
    others.stop().await;
    orders.stop().await;
    provider.stop().await;
}

/// The process that takes orders dies while the one that takes over lives: that one ends what was begun, at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_process_is_killed_beside_a_living_worker() {
    let fleet = Fleet::new().await;
    let place = &fleet.place;
    let provider = place.provider().await;
    let orders = fleet.start("order", "orders").await;
    let worker = fleet.start("order-worker", "worker").await;
    let others = fleet.start(&others(), "others").await;
    let inside = place.inside(&fleet.db.url()).await;
    stock_the_shop(&fleet).await;
    let crowd = Crowd::gather(place, &inside).await;
    let third = crowd.guests.len() / 3;

    let killing = async {
        begun(&inside, third).await;
        let killed = Instant::now();
        orders.kill();
        Orphans::of(&fleet.db.url()).await.end("another process lived", killed).await;
        fleet.start("order", "orders-again").await
    };
    let (told, orders) = tokio::join!(crowd.buy(), killing);
    crowd.check(&told, &inside).await;
    inside.leave().await;
    for process in [others, orders, worker, provider] {
        process.stop().await;
    }
}

/// A file with something to buy.
pub fn lamps(place: &Place, stock: u32) -> PathBuf {
    let columns = "Handle,Title,Vendor,Type,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,\
                   Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Status";
    let lamp = format!("lamp,Lamp,Smithy,Lamps,true,Title,Default Title,LMP-1,900,shopify,{stock},39.90,active");
    place.file("lamp.csv", &format!("{columns}\n{lamp}\n"))
}

/// Brings it in as a merchant would.
pub async fn stock_the_shop(fleet: &Fleet) {
    let mut import = fleet.place.command(&["import", "products", "--mapping", "shopify"]);
    crate::place::said(import.arg(format!("--database-url={}", fleet.db.url())).arg(lamps(&fleet.place, 0)));
}
