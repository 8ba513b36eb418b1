//! Gateways as processes: replaced under load without anybody noticing, and in front of instances that hang.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use souk_runtime::Tasks;
use souk_testkit::{Protocol, Shop, eventually, free_port};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::fleet::{Fleet, operations};
use crate::place::{PATIENCE, Running};

/// Of each kind.
const CLIENTS: usize = 4;
/// Between two requests of a client: together some 150 a second.
const PAUSE: Duration = Duration::from_millis(50);
/// How often each gateway is replaced.
const ROUNDS: usize = 3;

/// What a load came to.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    connections: AtomicUsize,
    failed: std::sync::Mutex<Vec<String>>,
}

/// Clients that give up at the first failure, until told to stop.
struct Load {
    tasks: Tasks,
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
}

impl Load {
    /// Clients that keep their connections as long as they may, and clients that make a new one for every request; none sends
    /// anything twice.
    fn plain(address: SocketAddr) -> Self {
        Self::of(|number| Client::Raw { address, keep: number % 2 == 0, connection: None })
    }

    /// Clients over TLS by either protocol. Like browsers, they send what was refused unread once more.
    fn secure(address: SocketAddr, authority: &[u8]) -> Self {
        Self::of(|number| {
            let protocol = if number % 2 == 0 { Protocol::Http2 } else { Protocol::Http1 };
            Client::Whole(protocol, Box::new(Shop::secure(address, authority, protocol)))
        })
    }

    fn of(client: impl Fn(usize) -> Client) -> Self {
        let load = Self { tasks: Tasks::new(), stop: Arc::default(), tally: Arc::default() };
        for mut client in (0..CLIENTS * 2).map(client) {
            let (stop, tally) = (load.stop.clone(), load.tally.clone());
            load.tasks.spawn("client", async move {
                while !stop.load(Ordering::Relaxed) {
                    match client.ask(&tally).await {
                        Ok(200 | 201) => {
                            tally.answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(status) => tally.failed.lock().unwrap().push(format!("status {status}")),
                        Err(error) => tally.failed.lock().unwrap().push(error),
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        load
    }

    /// Ends it; nothing may have failed. The connections that raw clients made.
    async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.drain(PATIENCE).await.unwrap();
        let failed = self.tally.failed.lock().unwrap().clone();
        let answered = self.tally.answered.load(Ordering::Relaxed);
        let few = &failed[..failed.len().min(5)];
        assert!(failed.is_empty(), "{} of {}: {few:?}", failed.len(), answered + failed.len());
        assert!(answered > 100, "{answered}");
        println!("{answered} requests, none failed");
        self.tally.connections.load(Ordering::Relaxed)
    }
}

/// What the client's library calls GOAWAY without an error: whatever it answers was not read and may be sent again (RFC 9113,
/// 6.8), which the library does by itself only when it had not begun.
const UNREAD: &str = "connection error received: not a result of an error";

enum Client {
    Raw { address: SocketAddr, keep: bool, connection: Option<BufReader<TcpStream>> },
    Whole(Protocol, Box<Shop>),
}

impl Client {
    /// Asks for a new cart, which must not be asked for twice.
    async fn ask(&mut self, tally: &Tally) -> Result<u16, String> {
        match self {
            Self::Raw { address, keep, connection } => {
                let asked = ask(*address, connection, *keep, tally).await;
                if asked.is_err() {
                    *connection = None;
                }
                asked.map_err(|error| error.to_string())
            }
            Self::Whole(protocol, shop) => {
                let json = [("content-type", "application/json")];
                let send = async || {
                    let sent = shop.try_send(http::Method::POST, "/api/v1/carts", &json, "{}".into()).await;
                    sent.map(|reply| reply.status.as_u16()).map_err(|error| format!("{protocol:?}: {error:#}"))
                };
                match send().await {
                    Err(error) if error.contains(UNREAD) => send().await,
                    sent => sent,
                }
            }
        }
    }
}

async fn ask(
    address: SocketAddr,
    connection: &mut Option<BufReader<TcpStream>>,
    keep: bool,
    tally: &Tally,
) -> std::io::Result<u16> {
    let stream = match connection {
        Some(stream) => stream,
        None => {
            tally.connections.fetch_add(1, Ordering::Relaxed);
            connection.insert(BufReader::new(TcpStream::connect(address).await?))
        }
    };
    let wish = if keep { "keep-alive" } else { "close" };
    let request = format!(
        "POST /api/v1/carts HTTP/1.1\r\nHost: {address}\r\nConnection: {wish}\r\nContent-Type: application/json\r\n\
         Content-Length: 2\r\n\r\n{{}}"
    );
    let exchange = async {
        stream.write_all(request.as_bytes()).await?;
        answer(stream).await
    };
    let (status, last) = tokio::time::timeout(PATIENCE, exchange).await.map_err(std::io::Error::other)??;
    if last {
        *connection = None;
    }
    Ok(status)
}

/// Status, and whether it was the last answer on this connection.
async fn answer(stream: &mut BufReader<TcpStream>) -> std::io::Result<(u16, bool)> {
    let ended = || std::io::Error::other("the connection ended without an answer");
    let (mut status, mut length, mut last) = (None, 0, false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(ended());
        }
        let line = line.trim_end().to_ascii_lowercase();
        match (status, line.split_once(':')) {
            (None, _) => status = line.split(' ').nth(1).and_then(|code| code.parse().ok()),
            (_, None) => break,
            (_, Some(("content-length", value))) => length = value.trim().parse().map_err(std::io::Error::other)?,
            (_, Some(("connection", value))) => last = value.trim() == "close",
            _ => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    Ok((status.ok_or_else(ended)?, last))
}

/// Everything but gateways in one process.
async fn others(fleet: &Fleet) -> Running {
    let others: Vec<&str> = souk::all_roles().into_iter().filter(|role| *role != "gateway").collect();
    fleet.start(&others.join(","), "others").await
}

/// Replaces a running gateway by one that `next` makes, which is ready before the old one is told to go.
async fn replaced(mut old: Running, next: impl AsyncFn(usize) -> Running) -> Running {
    for round in 1..=ROUNDS {
        let new = next(round).await;
        old.signal(Signal::SIGTERM);
        assert!(old.ended().await.success(), "{}", old.said());
        old = new;
    }
    old
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_share_a_port_are_replaced_without_losing_a_request() {
    let fleet = Fleet::with("drain_seconds = 1", "").await;
    let others = others(&fleet).await;
    let gateway = async |round: usize| {
        let mut command = fleet.command("gateway");
        command.env("SOUK_PUBLIC__REUSE_PORT", "true");
        Running::start(command, fleet.place.log(&format!("gateway-{round}")), "ready").await
    };
    let first = gateway(0).await;
    let load = Load::plain(fleet.place.listen);
    let last = replaced(first, gateway).await;
    assert!(load.stop().await > CLIENTS, "whoever keeps a connection was told to leave it");
    last.stop().await;
    others.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_passed_on_outlives_its_gateways() {
    let fleet = Fleet::with("drain_seconds = 1", "").await;
    let connections = passed_on(&fleet, || Load::plain(fleet.place.listen)).await;
    assert!(connections > CLIENTS, "whoever keeps a connection was told to leave it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_both_protocols_outlive_their_gateways() {
    let fleet = Fleet::with("drain_seconds = 1", "").await;
    let file = |name| fleet.pki().join(name);
    let tls = format!("[public.tls]\ncertificate = {:?}\nkey = {:?}\n", file("public.pem"), file("public.key"));
    fleet.place.append(&tls);
    let authority = std::fs::read(file("ca.pem")).unwrap();
    passed_on(&fleet, || Load::secure(fleet.place.listen, &authority)).await;
}

/// Replaces gateways that take turns on one socket, as a service manager does it; the connections that raw clients made.
async fn passed_on(fleet: &Fleet, load: impl FnOnce() -> Load) -> usize {
    let others = others(fleet).await;
    // The service manager: it listens, and gives the socket to every process it starts.
    let manager = TcpListener::bind(fleet.place.listen).unwrap();
    let gateway = async |round: usize| {
        let inner = fleet.command("gateway");
        let mut command = Command::new("sh");
        // As systemd does it: the socket is number 3, and LISTEN_PID says for whom.
        command.args(["-c", "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\""]);
        command.arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::from(OwnedFd::from(manager.try_clone().unwrap())));
        Running::start(command, fleet.place.log(&format!("gateway-{round}")), "ready").await
    };
    let mut first = gateway(0).await;
    assert!(first.said().contains("a socket that was passed on"), "{}", first.said());
    let load = load();
    // Even with no process there for a while: a client that connects waits in the queue.
    first.signal(Signal::SIGTERM);
    assert!(first.ended().await.success(), "{}", first.said());
    let second = gateway(ROUNDS + 1).await;
    let last = replaced(second, gateway).await;
    let connections = load.stop().await;
    last.stop().await;
    others.stop().await;
    connections
}

/// The gateway in front of two storefronts, one of which stops answering without closing anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_hangs_is_left_alone() {
    let ports = [free_port(), free_port()];
    let addresses = ports.map(|port| format!("\"127.0.0.1:{port}\"")).join(", ");
    let fleet = Fleet::with("", &format!("[internal.addresses]\nstorefront = [{addresses}]\n")).await;
    let without: Vec<&str> =
        souk::all_roles().into_iter().filter(|role| !["gateway", "storefront"].contains(role)).collect();
    let services = fleet.start(&without.join(","), "services").await;
    let storefront = async |number: usize| {
        let mut command = fleet.command("storefront");
        command.env("SOUK_INTERNAL__PORTS__STOREFRONT", ports[number].to_string());
        Running::start(command, fleet.place.log(&format!("storefront-{number}")), "ready").await
    };
    let (well, sick) = (storefront(0).await, storefront(1).await);
    let gateway = fleet.start("gateway", "gateway").await;
    let shop = fleet.place.shop();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let write = async || {
        let sent = shop.send(http::Method::POST, "/cart/coupons/remove", &form, "code=x".into()).await;
        sent.status.as_u16()
    };
    assert!(write().await < 500 && write().await < 500);
    sick.signal(Signal::SIGSTOP);
    // A crowd meets it at once. A connection that does not come about in two seconds is tried elsewhere; who has one that is
    // open waits as long as a request may take.
    let crowd = (0..20).map(|_| write());
    let met = futures_util::future::join_all(crowd).await.into_iter().filter(|status| *status >= 500).count();
    assert!(met <= 10, "{met}: every other one at most");
    let began = Instant::now();
    for _ in 0..10 {
        assert!(write().await < 500);
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "it is left alone: five of these would have taken two seconds each"
    );
    let metrics = Shop::at(operations(&gateway)).get("/metrics").await.text();
    assert!(metrics.contains("souk_rpc_ejections_total{role=\"storefront\"}"), "{metrics}");
    sick.signal(Signal::SIGCONT);
    eventually("it is asked again", PATIENCE, || async {
        let before = gateway.said().len();
        let status = write().await;
        if status < 500 { Ok(()) } else { Err((before, status)) }
    })
    .await;
    for process in [gateway, well, sick, services] {
        process.stop().await;
    }
}

/// A new version of a role in a process of its own, trusted by its certificate as the old one is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_gets_its_visitors_and_when_it_dies_the_old_version_does() {
    let port = free_port();
    let canary = format!(
        "[[public.canary]]\nrole = \"cart\"\naddresses = [\"127.0.0.1:{port}\"]\npercent = 0\nheader = \"souk-canary\"\n"
    );
    let fleet = Fleet::with("", &canary).await;
    let others = others(&fleet).await;
    let mut command = fleet.command("cart");
    command.env("SOUK_INTERNAL__PORTS__CART", port.to_string());
    let new = Running::start(command, fleet.place.log("cart-new"), "ready").await;
    let gateway = fleet.start("gateway", "gateway").await;
    let shop = fleet.place.shop();
    let carts = async |side: &str, count: usize| {
        for _ in 0..count {
            let headers = [("content-type", "application/json"), ("souk-canary", side)];
            let reply = shop.send(http::Method::POST, "/api/v1/carts", &headers, "{}".into()).await;
            assert_eq!(reply.status, 201, "{}", reply.text());
        }
    };
    let page = Shop::at(operations(&gateway));
    let counted = async |name: &str, labels: &[&str]| {
        let text = page.get("/metrics").await.text();
        let fits = |line: &&str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
        let value = text.lines().find(fits).and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        value.unwrap_or_default()
    };
    let requests = "souk_gateway_canary_requests_total";
    carts("always", 3).await;
    carts("no", 2).await;
    assert_eq!(counted(requests, &["side=\"canary\"", "outcome=\"ok\""]).await, 3.0);
    assert_eq!(counted(requests, &["side=\"stable\"", "outcome=\"ok\""]).await, 2.0);
    new.kill();
    carts("always", 10).await;
    assert_eq!(counted("souk_gateway_canary_fallbacks_total", &["role=\"cart\""]).await, 10.0);
    assert_eq!(counted(requests, &["side=\"stable\"", "outcome=\"ok\""]).await, 12.0);
    for process in [gateway, others] {
        process.stop().await;
    }
}
