//! Broker outage under load, after which it comes back having forgotten everything (PROMISES): every checkout is
//! acknowledged meanwhile, and afterwards every effect has happened, once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use souk_engines::{Kafka, SmtpSink};
use souk_inventory_api::{Adjust, AdjustLine, Change};
use souk_order_api::{ListOrders, Order, OrderId, OrderPayment, OrderStatus};
use souk_rpc::Cx;
use souk_runtime::Tasks;
use souk_testkit::{Staff, eventually};

use crate::buyers::{Buyers, SKU};
use crate::crash::stock_the_shop;
use crate::fleet::Fleet;
use crate::place::{Inside, PATIENCE};

/// How long the broker is away; `SOUK_TEST_BROKER_AWAY` says otherwise, PROMISES says 60.
const AWAY: Duration = Duration::from_secs(10);
/// For the backlog afterwards (PROMISES).
const CATCH_UP: Duration = Duration::from_secs(60);
/// Orders before, and at least so many while the broker is away and after it.
const SOME: usize = 10;
/// Parcels handed over while the broker is away.
const PARCELS: usize = 5;

fn away() -> Duration {
    std::env::var("SOUK_TEST_BROKER_AWAY").ok().map_or(AWAY, |text| Duration::from_secs(text.parse().unwrap()))
}

/// All orders, newest first.
async fn orders(inside: &Inside) -> Vec<Order> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let request = ListOrders { limit: souk_order_api::MAX_PAGE, cursor, status: None };
        let page = inside.clients().order.list(&Cx::system("test"), request).await.unwrap();
        found.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

/// How often each mail was handed over, by its id, which says what it is about.
fn mails(sink: &SmtpSink) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for mail in sink.mails().unwrap() {
        let id = mail.lines().find_map(|line| line.strip_prefix("Message-ID:")).unwrap_or_else(|| panic!("{mail}"));
        *counted.entry(id.trim().to_owned()).or_default() += 1;
    }
    counted
}

/// Every order paid, its cart gone, its mail sent; the parcels shipped. Says what is not so yet.
async fn all_effects(inside: &Inside, carts: &tokio_postgres::Client, parcels: &[OrderId]) -> Result<(), String> {
    let orders = orders(inside).await;
    let unpaid = orders.iter().filter(|order| order.payment_status != OrderPayment::Captured).count();
    let at_home =
        parcels.iter().filter(|id| orders.iter().any(|order| order.id == **id && order.status != OrderStatus::Shipped));
    let left: i64 = carts.query_one("select count(*) from cart.cart", &[]).await.unwrap().get(0);
    match (unpaid, at_home.count(), left) {
        (0, 0, 0) => Ok(()),
        other => Err(format!("unpaid, not shipped, carts left: {other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_is_away_and_comes_back_empty() {
    let (kafka, sink) = tokio::join!(Kafka::start(), SmtpSink::start());
    let (kafka, sink) =
        (kafka.unwrap_or_else(|error| panic!("{error}")), sink.unwrap_or_else(|error| panic!("{error}")));
    let tables = format!(
        "[events]\nkafka = [\"{}\"]\n[mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\n",
        kafka.address(),
        sink.port()
    );
    let fleet = Fleet::with("", &tables).await;
    stock_the_shop(&fleet).await;
    let provider = fleet.place.provider().await;
    let (workers, others): (Vec<&str>, Vec<&str>) =
        souk::all_roles().into_iter().partition(|role| role.ends_with("-worker"));
    let others = fleet.start(&others.join(","), "others").await;
    let workers = fleet.start(&workers.join(","), "workers").await;
    let inside = fleet
        .place
        .inside_of(&fleet.db.url(), &["pricing", "inventory", "payment", "order", "shipping", "notification"])
        .await;
    let line = AdjustLine { product_id: uuid::Uuid::nil(), sku: SKU.into(), change: Change::Count(100_000) };
    let adjust = Adjust { lines: vec![line], note: "test".into() };
    inside.clients().inventory.adjust(&Cx::system("test"), adjust).await.unwrap();
    let staff = Staff::new(inside.clients().clone(), fleet.place.data());

    let buyers = Buyers::new(&[fleet.place.listen]);
    let (tasks, crowd) = (Tasks::new(), buyers.clone());
    let buying = tasks.run("buyers", async move { crowd.buy().await });
    buyers.bought_more(SOME).await;
    kafka.kill();
    let (gone, before) = (Instant::now(), buyers.told().orders);
    let parcels: Vec<OrderId> = orders(&inside).await.iter().take(PARCELS).map(|order| order.id).collect();
    for id in &parcels {
        staff.ship(*id).await;
    }
    // They go on for so long, and no checkout waits for a broker.
    tokio::time::sleep(away().saturating_sub(gone.elapsed())).await;
    let meanwhile = buyers.told().orders - before;
    assert!(meanwhile >= SOME, "{meanwhile} orders while the broker was away");
    // Back, as a new cluster.
    kafka.wipe().await.unwrap_or_else(|error| panic!("{error}"));
    let back = Instant::now();
    buyers.bought_more(SOME).await;
    buyers.enough();
    buying.await.unwrap();
    let told = buyers.told();
    assert!(told.refused.is_empty() && told.elsewhere == 0, "{} {:?}", told.elsewhere, told.refused.first());

    let (carts, connection) = tokio_postgres::connect(&fleet.db.url(), tokio_postgres::NoTls).await.unwrap();
    let settled = eventually("all effects", 2 * PATIENCE, || all_effects(&inside, &carts, &parcels));
    tokio::select! {
        () = settled => {}
        ended = connection => panic!("{ended:?}"),
    }
    inside.check().await;
    eventually("a mail for each order and parcel", PATIENCE, || async {
        let sent: usize = mails(&sink).values().sum();
        if sent >= told.orders + PARCELS { Ok(()) } else { Err(sent) }
    })
    .await;
    let took = back.elapsed();
    eprintln!(
        "away {:?}, {meanwhile} orders meanwhile, {} in all; all effects {took:?} after it came back",
        away(),
        told.orders
    );
    assert!(took < CATCH_UP, "the backlog took {took:?}");
    let twice: Vec<_> = mails(&sink).into_iter().filter(|(_, count)| *count != 1).collect();
    assert!(twice.is_empty(), "mails sent more than once: {twice:?}");
    assert_eq!(mails(&sink).len(), told.orders + PARCELS);
    let sold = orders(&inside).await.len();
    assert_eq!(sold, told.orders, "each buyer has the orders they were told of");

    inside.leave().await;
    workers.stop().await;
    others.stop().await;
    provider.stop().await;
}
