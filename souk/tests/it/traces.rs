//! One purchase through all roles, each a process of its own, as one trace.

use std::process::Command;

use http::Method;
use souk_testkit::{Collector, Guest, Trace, eventually, tokens};
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
    command
}

async fn start(fleet: &Fleet, collector: &Collector, roles: &str, name: &str) -> Running {
    Running::start(telling(fleet, collector, roles), fleet.place.log(name), "ready").await
}

/// Buys one lamp, as a browser that takes a trace; the trace's id.
async fn buy(fleet: &Fleet) -> u128 {
    let mut guest = Guest::new(&fleet.place.shop());
    guest.fill("LMP-1", 1).await;
    let body = guest.checkout_body(tokens::OK);
    let trace = Uuid::new_v4().as_u128();
    let parent = format!("00-{trace:032x}-{BROWSER:016x}-00");
    let key = Uuid::new_v4().to_string();
    let headers = [("idempotency-key", key.as_str()), ("traceparent", parent.as_str()), ("tracestate", STATE)];
    let reply = guest.send(Method::POST, "/api/v1/checkout", &headers, Some(&body)).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    trace
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

    let id = buy(&fleet).await;
    let services: Vec<String> = ROLES.iter().map(|role| format!("souk-{role}")).collect();
    let whole = |trace: &Trace| {
        let there = trace.services();
        services.iter().all(|service| there.contains(service.as_str()))
            && trace.roots().len() == 1
            && names(trace).contains(&"send mail")
    };
    let trace = collected(&collector, id, whole).await;
    let tree = trace.tree();
    let roots = trace.roots();
    assert_eq!((roots[0].service.as_str(), roots[0].span.name.as_str()), ("souk-gateway", "POST"), "{tree}");
    assert_eq!(roots[0].span.parent_span_id, BROWSER.to_be_bytes(), "it hangs below the browser's span\n{tree}");
    for name in ["POST /api/v1/checkout", "checkout", "inventory/v1/reserve", "process order", "place orders", "COMMIT"]
    {
        assert!(names(&trace).contains(&name), "{name} is missing:\n{tree}");
    }
    let stateless: Vec<_> = trace.0.iter().filter(|collected| collected.span.trace_state != STATE).collect();
    assert!(stateless.is_empty(), "{stateless:?}");

    // Operators find it: in the log of a role far from the gateway, and behind a latency.
    let orders = &processes[1 + ROLES.iter().position(|role| *role == "order").unwrap()];
    let shop = souk_testkit::Shop::at(operations(orders));
    let open = shop.send(Method::GET, "/metrics", &[("accept", "application/openmetrics-text")], bytes::Bytes::new());
    let open = open.await.text();
    assert!(open.contains("# {trace_id=\"") && open.ends_with("# EOF\n"), "{open}");

    without_propagation_it_falls_apart(&fleet, &collector, processes).await;
    provider.stop().await;
}

/// The control: a role in the middle that takes no traces, and so hands none on.
async fn without_propagation_it_falls_apart(fleet: &Fleet, collector: &Collector, mut processes: Vec<Running>) {
    let at = 1 + ROLES.iter().position(|role| *role == "order").unwrap();
    processes.remove(at).stop().await;
    let silent = fleet.start("order", "order-silent").await;
    let id = buy(fleet).await;
    let trace = collected(collector, id, |trace| trace.services().contains("souk-gateway")).await;
    for process in processes {
        // Whatever they had to tell is told when they have ended.
        process.stop().await;
    }
    silent.stop().await;
    let there = collector.trace(id);
    assert_eq!(there.services().into_iter().collect::<Vec<_>>(), ["souk-gateway"], "{}", trace.tree());
}
