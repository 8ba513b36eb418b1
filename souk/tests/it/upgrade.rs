//! Compatibility of releases, the previous one beside this one: its binary on the tables of this tree, and of a later one;
//! both in one fleet; and one taking over from the other while buyers go on. `make test-upgrade` builds it and says where it
//! is.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::Command;

use futures_util::FutureExt;
use http::Method;
use serde_json::Value;
use souk::keys::Keys;
use souk_notification_api::{ByOrder, DeliveryStatus};
use souk_order_api::{CheckoutReply, OrderId, OrderPayment, OrderStatus};
use souk_postgres::TestDb;
use souk_rpc::Cx;
use souk_runtime::Tasks;
use souk_testkit::{Browser, Guest, Outcome, Shop, Staff, eventually, free_port, tokens};

use crate::buyers::{Buyers, SKU};
use crate::crash::lamps;
use crate::fleet::Fleet;
use crate::place::{Inside, PATIENCE, Place, Running, said, souk};

/// Roles of one process each: what faces the public, what it calls, and what that calls. Each calls into the next.
const GROUPS: [&[&str]; 3] = [
    &["gateway", "storefront", "identity", "identity-worker"],
    &[
        "catalog",
        "catalog-worker",
        "search",
        "search-worker",
        "pricing",
        "pricing-worker",
        "cart",
        "cart-worker",
        "order",
        "order-worker",
    ],
    &[
        "payment",
        "payment-worker",
        "inventory",
        "inventory-worker",
        "shipping",
        "shipping-worker",
        "notification",
        "notification-worker",
    ],
];
/// Connections of one process: six of them share the test server with the tools.
const CONNECTIONS: &str = "50";

/// Whose program.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Release {
    Previous,
    This,
}

impl Release {
    /// Unaware of the settings of the user who runs the tests.
    fn program(self) -> Command {
        let this = souk();
        if self == Release::This {
            return this;
        }
        let path = std::env::var_os("SOUK_TEST_PREVIOUS_RELEASE");
        let mut previous = Command::new(path.expect("the previous release: run `make test-upgrade`"));
        for (name, _) in this.get_envs() {
            previous.env_remove(name);
        }
        previous.stdin(std::process::Stdio::null());
        previous
    }
}

/// A fleet that changes its programs and its tables.
struct Upgrade {
    fleet: Fleet,
    /// Of each instance.
    publics: Vec<SocketAddr>,
    /// Of each role that others call, by instance.
    ports: Vec<(&'static str, Vec<u16>)>,
    provider: Option<Running>,
}

impl Upgrade {
    /// The previous release's tables, and something to sell, brought in by its own tools. `instances` of each process.
    async fn new(instances: usize) -> Self {
        let db = TestDb::new(&[]).await;
        let called = |role: &&&str| **role != "gateway" && !role.ends_with("-worker");
        let ports: Vec<_> = GROUPS
            .iter()
            .flat_map(|group| group.iter().filter(called))
            .map(|role| (*role, (0..instances).map(|_| free_port()).collect::<Vec<u16>>()))
            .collect();
        let mut addresses = String::from("[internal.addresses]\n");
        for (role, ports) in &ports {
            let list: Vec<String> = ports.iter().map(|port| format!("\"127.0.0.1:{port}\"")).collect();
            addresses.push_str(&format!("{role} = [{}]\n", list.join(", ")));
        }
        let fleet = Fleet::on(db, "drain_seconds = 1", &addresses);
        let publics = (0..instances).map(|_| SocketAddr::from(([127, 0, 0, 1], free_port()))).collect();
        std::fs::create_dir_all(fleet.place.data()).unwrap();
        // Made before all, who would make it at once.
        Keys::load(&fleet.place.data()).unwrap();
        let mut upgrade = Self { fleet, publics, ports, provider: None };
        let told = said(&mut upgrade.tool(Release::Previous, &["migrate"]));
        assert!(told.contains("applied order/0001_init"), "{told}");
        let mut import = upgrade.tool(Release::Previous, &["import", "products", "--mapping", "shopify"]);
        said(import.arg(lamps(upgrade.place(), 10_000)));
        upgrade.provider = Some(upgrade.place().provider().await);
        upgrade
    }

    fn place(&self) -> &Place {
        &self.fleet.place
    }

    fn tool(&self, release: Release, words: &[&str]) -> Command {
        let mut command = release.program();
        command.args(words).arg("--config").arg(self.place().config()).arg("--data-dir").arg(self.place().data());
        command.arg(format!("--database-url={}", self.fleet.db.url()));
        command
    }

    /// Where an instance keeps what it keeps, the index of a search process above all.
    fn data(&self, group: usize, instance: usize) -> PathBuf {
        let dir = self.place().data().with_file_name(format!("data-{group}-{instance}"));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::copy(self.place().data().join("master.key"), dir.join("master.key")).unwrap();
        dir
    }

    async fn start(&self, release: Release, group: usize, instance: usize) -> Running {
        let mut command = release.program();
        command.args(["serve", "--role", &GROUPS[group].join(",")]).arg("--config").arg(self.place().config());
        command.arg("--data-dir").arg(self.data(group, instance));
        command.arg(format!("--database-url={}", self.fleet.db.url()));
        command.env("SOUK_DATABASE__CONNECTIONS", if group == 0 { "30" } else { CONNECTIONS });
        command.env("SOUK_PUBLIC__LISTEN", self.publics[instance].to_string());
        command.env("SOUK_INTERNAL__OPERATIONS", format!("127.0.0.1:{}", free_port()));
        for (role, ports) in self.ports.iter().filter(|(role, _)| GROUPS[group].contains(role)) {
            command.env(format!("SOUK_INTERNAL__PORTS__{}", role.to_uppercase()), ports[instance].to_string());
        }
        let log = self.place().log(&format!("{release:?}-{group}-{instance}"));
        Running::start(command, log, "ready").await
    }

    /// One process of each group, the called ones first.
    async fn start_all(&self, releases: [Release; 3]) -> Vec<Running> {
        let mut running = Vec::new();
        for group in (0..GROUPS.len()).rev() {
            running.push(self.start(releases[group], group, 0).await);
        }
        running
    }

    /// This tree's tables, and what the next might add to any of them: columns, with and without a default, and a file that
    /// this release has not heard of.
    async fn migrate(&self) {
        said(&mut self.tool(Release::This, &["migrate"]));
        let tables = "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = any($1) and c.relkind in ('r', 'p') and not c.relispartition order by 1";
        let schemas: Vec<&str> = souk::all_migrations().iter().map(|set| set.schema).collect();
        let (client, connection) = tokio_postgres::connect(&self.fleet.db.url(), tokio_postgres::NoTls).await.unwrap();
        let work = async {
            for row in client.query(tables, &[&schemas]).await.unwrap() {
                let table: String = row.get(0);
                // Each by itself: none waits for another's lock while buyers go on.
                let more = "add column of_tomorrow text, add column count_of_tomorrow bigint not null default 0";
                client.batch_execute(&format!("alter table {table} {more}")).await.unwrap();
            }
            for schema in &schemas {
                let heard =
                    format!("insert into \"{schema}\".schema_migrations (name, checksum) values ('9999_tomorrow', '')");
                client.batch_execute(&heard).await.unwrap();
            }
        };
        tokio::select! {
            () = work => {}
            ended = connection => panic!("{ended:?}"),
        }
    }

    async fn inside(&self) -> Inside {
        let services = ["pricing", "inventory", "payment", "order", "shipping", "notification", "identity"];
        self.place().inside_of(&self.fleet.db.url(), &services).await
    }

    fn staff(&self, inside: &Inside) -> Staff {
        Staff::new(inside.clients().clone(), self.place().data())
    }

    /// Checks the invariants and ends everything.
    async fn end(self, inside: Inside, running: Vec<Running>) {
        inside.check().await;
        inside.leave().await;
        // The public first, as it was started last.
        for process in running.into_iter().rev() {
            process.stop().await;
        }
        self.provider.unwrap().stop().await;
    }
}

/// Waits until both mails about an order are sent, and each once.
async fn mails(inside: &Inside, id: OrderId) {
    eventually("two mails", PATIENCE, || async {
        let request = ByOrder { order_id: id.0 };
        let mails = inside.clients().notification.by_order(&Cx::system("test"), request).await.unwrap().items;
        let mut sent: Vec<String> =
            mails.iter().filter(|mail| mail.status == DeliveryStatus::Sent).map(|mail| mail.template.clone()).collect();
        sent.sort();
        if sent == ["order_confirmation", "order_shipped"] { Ok(()) } else { Err(mails) }
    })
    .await;
}

/// What a shop is for: looking around, buying as a guest and as a customer, and all that the workers do about it.
async fn journey(shop: Shop, staff: Staff) -> OrderId {
    for page in ["/", "/p/lamp", "/search?q=lamp", "/cart", "/api/v1/openapi.json"] {
        let reply = shop.get(page).await;
        assert_eq!(reply.status, 200, "{page}: {}", reply.text());
    }
    eventually("search finds it", PATIENCE, || async {
        let found = shop.search("lamp").await;
        if found["total"] == 1 { Ok(()) } else { Err(found) }
    })
    .await;
    let mut customer = Guest::new(&shop);
    // The mail with the link comes once the worker that sends it is of this release.
    staff.account(&customer.email).await;
    customer.login().await;
    customer.fill(SKU, 2).await;
    let theirs = customer.checkout(tokens::OK).await.bought();
    assert_eq!(customer.orders().await.unwrap()[0].id, theirs.order.id);
    customer.logout().await;
    customer.login().await;

    let mut guest = Guest::new(&shop);
    guest.fill(SKU, 1).await;
    let cart = guest.cart_path().await;
    let placed = guest.checkout(tokens::OK).await.bought();
    let order = guest.order(&placed).await;
    assert_eq!(order.status, OrderStatus::Confirmed);
    let mut declined = Guest::new(&shop);
    declined.fill(SKU, 1).await;
    declined.checkout(tokens::DECLINED).await.refused();
    // The workers: cart, payment, parcel.
    eventually("the cart is empty", PATIENCE, || async {
        let reply = shop.send(Method::GET, &cart, &[], bytes::Bytes::new()).await;
        let bought = reply.status == 404 || reply.json::<Value>()["lines"].as_array().is_none_or(Vec::is_empty);
        if bought { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    staff.order_when(order.id, "paid", |order| order.payment_status == OrderPayment::Captured).await;
    staff.ship(order.id).await;
    staff.order_when(order.id, "shipped", |order| order.status == OrderStatus::Shipped).await;
    assert_eq!(guest.order(&placed).await.status, OrderStatus::Shipped);
    staff.cancel(theirs.order.id).await;
    staff.order_when(theirs.order.id, "cancelled", |order| order.status == OrderStatus::Cancelled).await;
    order.id
}

use Release::{Previous, This};

/// The old binary alone on tables it does not know; then each side of every contract in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_and_new_live_side_by_side_on_the_new_tables() {
    let upgrade = Upgrade::new(1).await;
    upgrade.migrate().await;
    let inside = upgrade.inside().await;
    let shop = Shop::at(upgrade.publics[0]);
    let mixes =
        [[Previous, Previous, Previous], [Previous, This, Previous], [This, Previous, This], [This, This, Previous]];
    let mut last: Vec<Running> = Vec::new();
    for mix in mixes {
        for process in last.drain(..).rev() {
            process.stop().await;
        }
        last = upgrade.start_all(mix).await;
        let id = journey(shop.clone(), upgrade.staff(&inside)).await;
        mails(&inside, id).await;
        eprintln!("{mix:?}: fine");
    }
    upgrade.end(inside, last).await;
}

/// Where a saga's row says that it is: number and name of the next step, and how many steps the row knows.
async fn saga(upgrade: &Upgrade, id: OrderId) -> (i32, Option<String>, Option<i32>) {
    let row =
        saga_row(upgrade, "select step, next_step, cardinality(steps) from \"order\".saga where id = $1", id).await;
    (row.get(0), row.get(1), row.get(2))
}

/// Whether a saga still runs, which way, or how it ended.
async fn phase(upgrade: &Upgrade, id: OrderId) -> String {
    saga_row(upgrade, "select phase from \"order\".saga where id = $1", id).await.get(0)
}

async fn saga_row(upgrade: &Upgrade, sql: &str, id: OrderId) -> tokio_postgres::Row {
    let (client, connection) = tokio_postgres::connect(&upgrade.fleet.db.url(), tokio_postgres::NoTls).await.unwrap();
    let asked: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&id.0];
    tokio::select! {
        row = client.query_one(sql, &asked) => row.unwrap(),
        ended = connection => panic!("{ended:?}"),
    }
}

/// A checkout that waits for its buyer at the provider.
async fn waits(shop: &Shop) -> CheckoutReply {
    let mut guest = Guest::new(shop);
    guest.fill(SKU, 1).await;
    match guest.checkout(tokens::ACTION).await {
        Outcome::Pending(placed) => *placed,
        other => panic!("not pending: {other:?}"),
    }
}

/// The buyer decides at the provider's page.
async fn decides(shop: &Shop, placed: &CheckoutReply, decision: &str) {
    let mut browser = Browser::new(shop);
    let page = browser.visit(placed.action_url.as_deref().unwrap()).await;
    let mut form = page.form("");
    form.fields = vec![("decision".into(), decision.into())];
    browser.submit(&page, &form).await;
}

/// Checkouts that one release has begun, with a number alone in their rows or with names, are finished by the other one, to the
/// sale or back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_that_one_release_began_is_finished_by_the_other() {
    let upgrade = Upgrade::new(1).await;
    upgrade.migrate().await;
    let inside = upgrade.inside().await;
    let (shop, staff) = (Shop::at(upgrade.publics[0]), upgrade.staff(&inside));
    let mut running = upgrade.start_all([Previous; 3]).await;
    for (began, finishes) in [(Previous, This), (This, Previous)] {
        let (approved, denied) = (waits(&shop).await, waits(&shop).await);
        for order in [&approved, &denied] {
            let expected = match began {
                Previous => (0, None, None),
                This => (0, Some("open".to_owned()), Some(8)),
            };
            assert_eq!(saga(&upgrade, order.order.id).await, expected, "as {began:?} writes it");
        }
        running.remove(1).stop().await;
        running.insert(1, upgrade.start(finishes, 1, 0).await);
        decides(&shop, &approved, "approve").await;
        decides(&shop, &denied, "deny").await;
        // It looks at the payment by itself every 20 s, as this provider has nowhere to send its webhooks.
        eventually("both have ended", PATIENCE, || async {
            let (approved, denied) = (staff.order(approved.order.id).await, staff.order(denied.order.id).await);
            let ends = [&approved, &denied].map(|order| (order.status, order.payment_status, order.failure.as_deref()));
            let sold = (OrderStatus::Confirmed, OrderPayment::Captured, None);
            let failed = |why| (OrderStatus::Failed, OrderPayment::None, Some(why));
            let expected = match finishes {
                This => [sold, failed("payment_declined")],
                // It does not know sealed payment tokens: what was begun by this release it takes back, and charges nothing.
                Previous => [failed("payment_token_unknown"), failed("payment_token_unknown")],
            };
            if ends == expected { Ok(()) } else { Err(format!("{ends:?}")) }
        })
        .await;
        // Behind the order: what an ended saga still does would not be waited for.
        let expected = [if finishes == This { "done" } else { "undone" }, "undone"].map(str::to_owned);
        eventually("both sagas have ended", PATIENCE, || async {
            let phases = [phase(&upgrade, approved.order.id).await, phase(&upgrade, denied.order.id).await];
            if phases == expected { Ok(()) } else { Err(phases) }
        })
        .await;
        eprintln!("begun by {began:?}, finished by {finishes:?}: fine");
    }
    upgrade.end(inside, running).await;
}

/// The control: tables that lack what the old binary needs. If the journey passed here, it would prove nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contracting_migration_breaks_the_old_binary() {
    let upgrade = Upgrade::new(1).await;
    upgrade.migrate().await;
    let inside = upgrade.inside().await;
    let (client, connection) = tokio_postgres::connect(&upgrade.fleet.db.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::select! {
        done = client.batch_execute("alter table cart.cart rename column body to contents") => done.unwrap(),
        ended = connection => panic!("{ended:?}"),
    }
    let running = upgrade.start_all([Previous; 3]).await;
    let travelled = AssertUnwindSafe(journey(Shop::at(upgrade.publics[0]), upgrade.staff(&inside))).catch_unwind();
    assert!(travelled.await.is_err(), "the journey does not see that a column is gone");
    let why = running[1].said();
    assert!(why.contains("42703") && why.contains("insert into cart"), "it failed for something else: {why}");
    inside.leave().await;
    drop(running);
}

/// The migration runs under the old processes, which are then replaced one by one, the called ones first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buyers_go_on_while_one_release_takes_over_from_the_other() {
    let upgrade = Upgrade::new(2).await;
    let mut running: Vec<Option<Running>> = Vec::new();
    for group in (0..GROUPS.len()).rev() {
        for instance in 0..2 {
            running.push(Some(upgrade.start(Previous, group, instance).await));
        }
    }
    let buyers = Buyers::new(&upgrade.publics);
    let (tasks, crowd) = (Tasks::new(), buyers.clone());
    let buying = tasks.run("buyers", async move { crowd.buy().await });
    buyers.bought_more(5).await;
    upgrade.migrate().await;
    // Of this release, which works on its own tables only.
    let inside = upgrade.inside().await;
    buyers.bought_more(5).await;
    for (number, slot) in running.iter_mut().enumerate() {
        let (group, instance) = (GROUPS.len() - 1 - number / 2, number % 2);
        let mut old = slot.take().unwrap();
        old.signal(nix::sys::signal::Signal::SIGTERM);
        assert!(old.ended().await.success(), "{}", old.said());
        *slot = Some(upgrade.start(This, group, instance).await);
        buyers.bought_more(2).await;
    }
    buyers.bought_more(5).await;
    buyers.enough();
    buying.await.unwrap();
    let told = buyers.told();
    eprintln!(
        "{} orders, {} answers of a gateway that was leaving, refused: {:?}",
        told.orders, told.elsewhere, told.refused
    );
    assert!(told.refused.is_empty(), "{} of them: {:?}", told.refused.len(), told.refused.first());
    let sold = inside.clients().order.audit(&Cx::system("test"), souk_order_api::AuditRequest {}).await.unwrap().sold;
    assert_eq!(sold, u64::try_from(told.orders).unwrap(), "each order once");
    upgrade.end(inside, running.into_iter().flatten().collect()).await;
}
