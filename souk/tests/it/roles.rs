//! Caller authorization: roles as processes that prove to each other who they are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use nix::sys::signal::Signal;
use souk::config::{Config, TRUST_DOMAIN};
use souk::keys::Keys;
use souk_inventory_api::{AuditRequest, AvailabilityRequest, InventoryClient};
use souk_rpc::{Actor, Channel, Cx};
use souk_rpc_http::{HttpTransport, Remote};
use souk_runtime::Tasks;
use souk_testkit::{Shop, eventually, free_port};
use souk_tls::{Identity, TrustDomain};
use uuid::Uuid;

use crate::fleet::{Fleet, operations};
use crate::place::{PATIENCE, Running, complaint, said, souk};

/// Inventory, as `caller` reaches it.
fn inventory(fleet: &Fleet, caller: &'static str) -> InventoryClient {
    let identity = Identity::load(&fleet.pki(), &TrustDomain::parse(TRUST_DOMAIN).unwrap(), caller).unwrap();
    let addresses = Config::load(Some(&fleet.place.config())).unwrap().addresses("inventory");
    let key = Keys::load(&fleet.place.data()).unwrap().actor();
    Channel::from(HttpTransport::tls(Remote { role: "inventory", addresses }, key, identity)).into()
}

fn ask() -> AvailabilityRequest {
    AvailabilityRequest { skus: vec!["LMP-1".into()] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_roles_of_the_table_get_in_and_only_with_actors_of_theirs() {
    let fleet = Fleet::new().await;
    let process = fleet.start("inventory", "inventory").await;
    let customer = Actor::Customer(Uuid::from_u128(7));
    for (caller, actor, code) in [
        ("storefront", Actor::Anonymous, None),
        ("storefront", customer.clone(), None),
        ("cart", Actor::Anonymous, None),
        ("order", Actor::System, None),
        ("search", Actor::System, None),
        ("notification", Actor::Anonymous, Some("caller_not_allowed")),
        ("payment", Actor::System, Some("caller_not_allowed")),
        ("inventory-worker", Actor::System, Some("caller_not_allowed")),
        ("gateway", Actor::System, Some("actor_not_proven")),
        ("storefront", Actor::System, Some("actor_not_proven")),
        ("cart", Actor::System, Some("actor_not_proven")),
        ("cart", customer.clone(), Some("actor_not_proven")),
        ("order-worker", customer, Some("actor_not_proven")),
    ] {
        let answer = inventory(&fleet, caller).availability(&Cx::new("test", actor.clone()), ask()).await;
        let refused = answer.err().map(|problem| problem.code);
        assert_eq!(refused.as_deref(), code, "{caller} as {actor:?}");
    }
    // A caller that may act as the system is believed: this takes staff or the system.
    inventory(&fleet, "order").audit(&Cx::system("test"), AuditRequest {}).await.unwrap();
    let log = process.said();
    assert!(log.contains("call refused") && log.contains("caller=\"notification\""), "{log}");

    // Operators come without a certificate, to a door of their own.
    let page = Shop::at(operations(&process));
    assert_eq!(page.get("/readyz").await.status, 200);
    let metrics = page.get("/metrics").await.text();
    assert!(metrics.contains("souk_tls_not_after_seconds{identity=\"inventory\"}"), "{metrics}");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_while_the_process_runs() {
    let fleet = Fleet::new().await;
    let process = fleet.start("inventory", "inventory").await;
    let said_now = said(souk().args(["pki", "init", "--force", "--role", "inventory", "--dir"]).arg(fleet.pki()));
    assert!(said_now.contains("1 roles"), "{said_now}");
    eventually("the certificate is taken", PATIENCE, || async {
        if process.said().contains("certificate renewed") { Ok(()) } else { Err(process.said()) }
    })
    .await;
    inventory(&fleet, "cart").availability(&Cx::new("test", Actor::Anonymous), ask()).await.unwrap();
    process.stop().await;
}

/// SIGTERM: first "not ready", with everything served as before; then the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_says_so_first() {
    let fleet = Fleet::with("drain_seconds = 3", "").await;
    let mut process = fleet.start("inventory", "inventory").await;
    let (page, client) = (Shop::at(operations(&process)), inventory(&fleet, "cart"));
    let ask_it = async || client.availability(&Cx::new("test", Actor::Anonymous), ask()).await;
    ask_it().await.unwrap();
    process.signal(Signal::SIGTERM);
    eventually("not ready", Duration::from_secs(2), || async {
        let reply = page.get("/readyz").await;
        if reply.status == 503 && reply.text().contains("stopping") { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    ask_it().await.unwrap();
    assert!(process.ended().await.success(), "{}", process.said());
    assert!(ask_it().await.is_err());
}

/// New carts a second while processes are restarted: each is a request that must not be repeated.
const RATE: u32 = 100;

/// Both instances of a role are replaced, one after the other, under load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_costs_nobody_a_request() {
    let ports = [free_port(), free_port()];
    let addresses = ports.map(|port| format!("\"127.0.0.1:{port}\"")).join(", ");
    let fleet = Fleet::with("drain_seconds = 1", &format!("[internal.addresses]\ncart = [{addresses}]\n")).await;
    let others: Vec<&str> = souk::all_roles().into_iter().filter(|role| *role != "cart").collect();
    let others = fleet.start(&others.join(","), "others").await;
    let cart = async |number: usize, name: &str| {
        let mut command = fleet.command("cart");
        command.env("SOUK_INTERNAL__PORTS__CART", ports[number].to_string());
        Running::start(command, fleet.place.log(name), "ready").await
    };
    let mut carts = vec![cart(0, "cart-0").await, cart(1, "cart-1").await];

    let (shop, stop) = (fleet.place.shop(), Arc::new(AtomicBool::new(false)));
    let (tasks, stopping) = (Tasks::new(), stop.clone());
    let load = tasks.run("load", async move { new_carts(shop, stopping).await });
    for number in [0, 1] {
        let mut old = carts.remove(number);
        old.signal(Signal::SIGTERM);
        assert!(old.ended().await.success(), "{}", old.said());
        carts.insert(number, cart(number, &format!("cart-{number}-again")).await);
    }
    stop.store(true, Ordering::Relaxed);
    let (made, failed) = load.await.unwrap();
    assert!(failed.is_empty(), "{} of {made}: {:?}", failed.len(), failed.first());
    assert!(made > RATE, "{made}");
    for process in carts {
        process.stop().await;
    }
    others.stop().await;
}

/// Makes carts until told to stop: how many, and what went wrong.
async fn new_carts(shop: Shop, stop: Arc<AtomicBool>) -> (u32, Vec<String>) {
    let (tasks, failed) = (Tasks::new(), Arc::new(Mutex::new(Vec::new())));
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut made = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        made += 1;
        let (shop, failed) = (shop.clone(), failed.clone());
        tasks.spawn("cart", async move {
            let json = [("content-type", "application/json")];
            let said = match shop.try_send(Method::POST, "/api/v1/carts", &json, "{}".into()).await {
                Ok(reply) if reply.status == 201 => return,
                Ok(reply) => format!("{} {}", reply.status, reply.text()),
                Err(error) => format!("{error:#}"),
            };
            failed.lock().unwrap().push(said);
        });
    }
    tasks.drain(PATIENCE).await.unwrap();
    let failed = failed.lock().unwrap().clone();
    (made, failed)
}

#[test]
fn pki_init_overwrites_nothing_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let pki = dir.path().join("new").join("pki");
    let init = |more: &[&str]| {
        let mut command = souk();
        command.args(["pki", "init", "--dir"]).arg(&pki).args(more);
        command
    };
    let told = complaint(&mut init(&["--role", "oder"]));
    assert!(told.contains("no role \"oder\"") && !pki.exists(), "{told}");
    said(&mut init(&["--days", "30"]));
    let read = |name: &str| std::fs::read(pki.join(name)).unwrap();
    let before = (read("ca.pem"), read("order.pem"), read("cart.pem"));
    for role in souk::all_roles() {
        assert!(pki.join(format!("{role}.pem")).is_file() && pki.join(format!("{role}.key")).is_file(), "{role}");
        Identity::load(&pki, &TrustDomain::parse(TRUST_DOMAIN).unwrap(), role).unwrap();
    }
    let told = complaint(&mut init(&["--role", "order"]));
    assert!(told.contains("order.pem exists") && told.contains("--force"), "{told}");
    said(&mut init(&["--role", "order", "--force"]));
    assert_eq!((read("ca.pem"), read("cart.pem")), (before.0, before.2));
    assert_ne!(read("order.pem"), before.1);
    said(&mut init(&["--role", "order", "--force", "--host", "localhost"]));
    let (certificate, key) = (pki.join("public.pem"), pki.join("public.key"));
    souk_tls::PublicTls::load(souk_tls::Files { certificate, key, authority: None }).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_safe_does_not_start() {
    let fleet = Fleet::new().await;
    let file = fleet.pki().join("inventory.key");
    std::fs::remove_file(&file).unwrap();
    let told = complaint(&mut fleet.command("inventory"));
    assert!(told.contains("role inventory") && told.contains("inventory.key"), "{told}");
    fleet.place.configure_internal("host = \"0.0.0.0\"", "[internal.addresses]\ncart = [\"cart.shop:7114\"]\n");
    for mut command in [fleet.place.command(&["serve", "--role", "inventory"]), souk()] {
        if command.get_args().next().is_none() {
            command.args(["config", "check", "--config"]).arg(fleet.place.config());
        } else {
            command.arg(format!("--database-url={}", fleet.db.url()));
        }
        let told = complaint(&mut command);
        for part in ["internal.host: 0.0.0.0", "internal.addresses.cart: cart.shop:7114", "internal.tls"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
