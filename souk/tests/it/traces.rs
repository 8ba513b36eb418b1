//! One purchase through all roles, each a process of its own, as one trace.

use std::process::Command;

use http::Method;
use serde_json::{Value, json};
use souk_testkit::{Collector, Guest, Reply, Trace, address, eventually, tokens};
use uuid::Uuid;

use crate::crash::lamps;
use crate::fleet::{Fleet, operations};
use crate::place::{PATIENCE, Running, said};

/// What a purchase comes through, beside the mail at its end.
const ROLES: &[&str] =
    &["cart", "pricing", "inventory", "payment", "order", "cart-worker", "notification-worker", "gateway"];
/// The span of the browser's own.
const BROWSER: u64 = 0x00f0_67aa_0ba9_02b7;
const STATE: &str = "vendor=t61rcWkgMzE";

/// A role that tells the collector of every trace.
fn telling(fleet: &Fleet, collector: &Collector, roles: &str) -> Command {
    let mut command = fleet.command(roles);
    command.env("SOUK_TELEMETRY__OTLP", &collector.url).env("SOUK_TELEMETRY__RATIO", "1.0");
    command.env("SOUK_LOG__FILTER", "info,souk_gateway=debug");
    command
}

async fn start(fleet: &Fleet, collector: &Collector, roles: &str, name: &str) -> Running {
    Running::start(telling(fleet, collector, roles), fleet.place.log(name), "ready").await
}

/// What a browser that takes a trace asked for.
struct Asked {
    trace: u128,
    reply: Reply,
}

/// Asks for something under `key`, as a browser that takes a trace.
async fn ask(guest: &Guest, key: &str, method: Method, path: &str, body: Option<&Value>) -> Asked {
    let trace = Uuid::new_v4().as_u128();
    let parent = format!("00-{trace:032x}-{BROWSER:016x}-00");
    let headers = [("idempotency-key", key), ("traceparent", parent.as_str()), ("tracestate", STATE)];
    Asked { trace, reply: guest.send(method, path, &headers, body).await }
}

/// Buys one lamp; the trace's id, and what no collector may see.
async fn buy(fleet: &Fleet) -> (u128, Vec<String>) {
    let mut guest = Guest::new(&fleet.place.shop());
    guest.fill("LMP-1", 1).await;
    let body = guest.checkout_body(tokens::OK);
    let key = Uuid::new_v4().to_string();
    let Asked { trace, reply } = ask(&guest, &key, Method::POST, "/api/v1/checkout", Some(&body)).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let token = reply.json::<Value>()["token"].as_str().unwrap().to_owned();
    let address = address();
    let told = ["name", "line1", "city"].map(|field| address[field].as_str().unwrap().to_owned());
    let secrets = [guest.email.clone(), guest.cart.unwrap().to_string(), token, key, tokens::OK.to_owned()];
    (trace, [&secrets[..], &told].concat())
}

fn names(trace: &Trace) -> Vec<&str> {
    trace.0.iter().map(|collected| collected.span.name.as_str()).collect()
}

/// Waits for the trace until `whole` is content with it.
async fn collected(collector: &Collector, id: u128, whole: impl Fn(&Trace) -> bool) -> Trace {
    eventually("the trace is collected", PATIENCE, || async {
        let trace = collector.trace(id);
        if whole(&trace) { Ok(trace) } else { Err(trace.tree()) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_is_one_tree_over_all_roles() {
    let (fleet, collector) = (Fleet::new().await, Collector::start().await);
    let provider = fleet.place.provider().await;
    let others = souk::all_roles().into_iter().filter(|role| !ROLES.contains(role)).collect::<Vec<_>>().join(",");
    let mut processes = vec![start(&fleet, &collector, &others, "others").await];
    for role in ROLES {
        processes.push(start(&fleet, &collector, role, role).await);
    }
    let mut import = fleet.place.command(&["import", "products", "--mapping", "shopify"]);
    said(import.arg(format!("--database-url={}", fleet.db.url())).arg(lamps(&fleet.place, 10)));

    let (id, secrets) = buy(&fleet).await;
    let services: Vec<String> = ROLES.iter().map(|role| format!("souk-{role}")).collect();
    let whole = |trace: &Trace| {
        let there = trace.services();
        services.iter().all(|service| there.contains(service.as_str()))
            && trace.roots().len() == 1
            && names(trace).contains(&"send mail")
    };
    let trace = collected(&collector, id, whole).await;
    let tree = trace.tree();
    println!("{tree}");
    let roots = trace.roots();
    assert_eq!((roots[0].service.as_str(), roots[0].span.name.as_str()), ("souk-gateway", "POST"), "{tree}");
    assert_eq!(roots[0].span.parent_span_id, BROWSER.to_be_bytes(), "it hangs below the browser's span\n{tree}");
    for name in ["POST /api/v1/checkout", "checkout", "inventory/v1/reserve", "process order", "place orders", "COMMIT"]
    {
        assert!(names(&trace).contains(&name), "{name} is missing:\n{tree}");
    }
    let stateless: Vec<_> = trace.0.iter().filter(|collected| collected.span.trace_state != STATE).collect();
    assert!(stateless.is_empty(), "{stateless:?}");

    tells_nothing_of(&trace, &secrets);
    visits_tell_nothing(&fleet, &collector).await;

    // Operators find it: in the log, and behind a latency of a role far from the gateway.
    let log = std::fs::read_to_string(fleet.place.log("gateway")).unwrap();
    let line = log.lines().find(|line| line.contains("/api/v1/checkout")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains(&format!(" trace_id={id:032x} span_id=")), "{line}");
    let orders = &processes[1 + ROLES.iter().position(|role| *role == "order").unwrap()];
    let shop = souk_testkit::Shop::at(operations(orders));
    let open = shop.send(Method::GET, "/metrics", &[("accept", "application/openmetrics-text")], bytes::Bytes::new());
    let open = open.await.text();
    assert!(open.contains("# {trace_id=\"") && open.ends_with("# EOF\n"), "{open}");

    without_propagation_it_falls_apart(&fleet, &collector, processes).await;
    provider.stop().await;
}

/// No span says any of it, anywhere.
fn tells_nothing_of(trace: &Trace, secrets: &[String]) {
    for secret in secrets {
        let telling: Vec<&str> = trace.texts().filter(|text| text.contains(secret.as_str())).collect();
        assert!(telling.is_empty(), "{secret} is told: {telling:?}");
    }
}

/// What visitors look for, who they are, how they get in, and what is theirs.
async fn visits_tell_nothing(fleet: &Fleet, collector: &Collector) {
    let mut guest = Guest::new(&fleet.place.shop());
    let login = json!({ "email": guest.email, "password": "wr0ng-and-l0ng-enough" });
    let cart = guest.cart_path().await;
    let number = "4111111111111111";
    for (method, path, body, status, name) in [
        (Method::GET, "/api/v1/search?q=s3archw0rd", None, 200, "GET /api/v1/search"),
        (Method::POST, "/api/v1/auth/login", Some(&login), 401, "POST /api/v1/auth/login"),
        (Method::GET, &cart, None, 200, "GET /api/v1/carts/{id}"),
        (Method::GET, &format!("/api/v1/products/{number}"), None, 422, "GET"),
    ] {
        let Asked { trace, reply } = ask(&guest, "k3y-of-a-visit", method, path, body).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        let whole = |trace: &Trace| names(trace).contains(&name) && trace.services().contains("souk-gateway");
        let trace = collected(collector, trace, whole).await;
        let secrets = [
            guest.email.as_str(),
            "s3archw0rd",
            "wr0ng-and-l0ng",
            "k3y-of-a-visit",
            &guest.cart.unwrap().to_string(),
            number,
        ];
        tells_nothing_of(&trace, &secrets.map(str::to_owned));
    }
}

/// The control: a role in the middle that takes no traces, and so hands none on.
async fn without_propagation_it_falls_apart(fleet: &Fleet, collector: &Collector, mut processes: Vec<Running>) {
    let at = 1 + ROLES.iter().position(|role| *role == "order").unwrap();
    processes.remove(at).stop().await;
    let silent = fleet.start("order", "order-silent").await;
    let (id, _) = buy(fleet).await;
    let trace = collected(collector, id, |trace| trace.services().contains("souk-gateway")).await;
    for process in processes {
        // Whatever they had to tell is told when they have ended.
        process.stop().await;
    }
    silent.stop().await;
    let there = collector.trace(id);
    assert_eq!(there.services().into_iter().collect::<Vec<_>>(), ["souk-gateway"], "{}", trace.tree());
}
