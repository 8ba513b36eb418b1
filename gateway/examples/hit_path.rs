//! Benchmark of a page-cache hit, and how much of it the gateway costs: a bare axum handler and a gateway with the page in
//! its cache, driven by the same client in the same process, in turns.
//!
//! `cargo run --release -p souk-gateway --example hit_path [seconds] [connections]`

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::HeaderValue;
use souk_gateway::{Gateway, GatewayConfig, GatewayDeps, Profile, Throttles, Upstream, Upstreams};
use souk_kernel::Clock;
use souk_runtime::Tasks;
use souk_web::Cached;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Different pages, so that the cache is looked at in more than one place.
const PAGES: usize = 1000;
const PAGE_BYTES: usize = 20 * 1024;
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<usize>().expect("a number"));
    let seconds = Duration::from_secs(args.next().unwrap_or(3) as u64);
    let connections = args.next().unwrap_or(64);
    let tasks = Tasks::new();
    let targets = [("bare axum", bare(&tasks).await), ("gateway hit", gateway(&tasks).await)];
    for (_, address) in targets {
        drive(&tasks, address, connections, Duration::from_millis(500)).await;
    }
    for _ in 0..ROUNDS {
        for (name, address) in targets {
            let (cpu, started) = (cpu_seconds(), Instant::now());
            let mut waits = drive(&tasks, address, connections, seconds).await;
            let (elapsed, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu);
            waits.sort_unstable();
            let at = |share: f64| f64::from(waits[((waits.len() - 1) as f64 * share) as usize]) / 1000.0;
            println!(
                "{name:12} {:8.0} requests/s  p50 {:.2} ms  p99 {:.2} ms  {:.1} us CPU a request, client included",
                waits.len() as f64 / elapsed,
                at(0.5),
                at(0.99),
                cpu * 1e6 / waits.len() as f64,
            );
        }
    }
}

fn page() -> Bytes {
    let mut page = String::from("<!doctype html><title>A page</title>");
    let mut n = 17u32;
    while page.len() < PAGE_BYTES {
        n = n.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        page.push_str(&format!("<li class=\"card\"><a href=\"/p/item-{n}\">Item {n}</a><b>{}.99</b></li>\n", n % 1000));
    }
    page.into()
}

async fn bare(tasks: &Tasks) -> SocketAddr {
    let body = page();
    let handler = move || async move { ([("content-type", "text/html")], body) };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let listener = axum::serve::ListenerExt::tap_io(listener, |socket: &mut TcpStream| {
        socket.set_nodelay(true).expect("a socket");
    });
    let router = Router::new().route("/p/{page}", get(handler));
    tasks.spawn("bare", async move { axum::serve(listener, router).await.expect("serves") });
    address
}

async fn gateway(tasks: &Tasks) -> SocketAddr {
    let body = page();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let handler = move || async move { Cached::bytes(html, body, &["product/1", "category/2"]) };
    let router = Router::new().route("/p/{page}", get(handler));
    let config = GatewayConfig { throttles: Throttles::profile(Profile::Bench), ..GatewayConfig::default() };
    let deps = GatewayDeps {
        upstreams: Upstreams::new().with("storefront", &[], Upstream::Local(router)),
        identity: None,
        pages: Vec::new(),
        document: serde_json::Value::Null,
        clock: Clock::system(),
        tasks: tasks.clone(),
        tls: None,
        position_key: None,
        canaries: Vec::new(),
        rates: None,
    };
    let gateway = Gateway::new(config, deps).expect("defaults are valid");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tasks.spawn("gateway", async move { gateway.serve(listener).await });
    address
}

/// Closed loop on `connections`; the wait of every request in microseconds.
async fn drive(tasks: &Tasks, address: SocketAddr, connections: usize, time: Duration) -> Vec<u32> {
    let until = Instant::now() + time;
    let clients: Vec<_> = (0..connections).map(|seed| tasks.run("client", client(address, seed, until))).collect();
    let mut waits = Vec::new();
    for client in clients {
        waits.extend(client.await.expect("a client ends"));
    }
    waits
}

async fn client(address: SocketAddr, seed: usize, until: Instant) -> Vec<u32> {
    let mut socket = TcpStream::connect(address).await.expect("connects");
    socket.set_nodelay(true).expect("a socket");
    let requests: Vec<Vec<u8>> = (0..50).map(|i| request((seed * 50 + i * 7) % PAGES)).collect();
    let mut buffer = vec![0u8; 64 * 1024];
    let mut waits = Vec::new();
    for request in requests.iter().cycle() {
        let started = Instant::now();
        if started >= until {
            break;
        }
        socket.write_all(request).await.expect("writes");
        let (mut have, mut need) = (0, usize::MAX);
        while have < need {
            have += socket.read(&mut buffer[have..]).await.expect("reads");
            if need == usize::MAX {
                need = length(&buffer[..have]).unwrap_or(usize::MAX);
            }
        }
        waits.push(u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    waits
}

fn request(page: usize) -> Vec<u8> {
    format!(
        "GET /p/{page} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
         Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\r\n"
    )
    .into_bytes()
}

/// Bytes of head and body, once the head is there.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..head]).expect("ASCII");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let name = "content-length: ";
    let at = text.find(name).expect("a length") + name.len();
    let digits = text[at..].split("\r\n").next().expect("a line");
    Some(head + 4 + digits.parse::<usize>().expect("digits"))
}

/// CPU of this process so far, in seconds (the kernel counts in hundredths).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    (fields[11].parse::<f64>().expect("a number") + fields[12].parse::<f64>().expect("a number")) / 100.0
}
