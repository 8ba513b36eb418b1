//! Benchmark of a call between processes, without and with TLS: `cargo run --release -p souk-rpc-http --example calls`.
//! Caller and callee share this process, so the CPU time is that of both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_kernel::Problem;
use souk_rpc::{Actor, ActorKey, Channel, Cx};
use souk_rpc_http::{Admission, Caller, Callers, HttpTransport, Listener, Remote, admit, routes, serve};
use souk_runtime::Tasks;
use souk_tls::{Authority, Identity, TrustDomain, Validity};
use tokio::net::TcpListener;
use uuid::Uuid;

souk_rpc::service! {
    /// Adds.
    pub trait AddApi at "/rpc/add/v1", client AddClient, serve serve_add, fake AddFake {
        /// The sum.
        fn add(Vec<i64>) -> i64 [idempotent];
    }
}

struct Adder;

#[souk_rpc::hidden::async_trait]
impl AddApi for Adder {
    async fn add(&self, _: &Cx, numbers: Vec<i64>) -> Result<i64, Problem> {
        Ok(numbers.iter().sum())
    }
}

const CALLERS: usize = 32;
const MEASURED: Duration = Duration::from_secs(3);
const CONNECTIONS: u64 = 1000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TrustDomain::parse("bench")?;
    let (dir, authority) = (tempfile::tempdir()?, Authority::new(Validity::around_now(1))?);
    authority.save(dir.path())?;
    let identity = |role: &'static str| -> Result<Identity, souk_tls::TlsError> {
        authority.issue(&domain, role, Validity::around_now(1))?.save(dir.path(), role, true)?;
        Identity::load(dir.path(), &domain, role)
    };
    for (name, callee, caller) in
        [("http", None, None), ("https", Some(identity("add")?), Some(identity("caller")?)), ("http again", None, None)]
    {
        let tasks = Tasks::new();
        let socket = TcpListener::bind("127.0.0.1:0").await?;
        let (key, address) = (ActorKey::new([1; 32]), socket.local_addr()?);
        let allowed = vec![Caller { role: "caller", speaks_for_users: true, acts_for_itself: false }];
        let admission = match callee {
            Some(_) => Admission::by_certificate(key.clone(), Callers { callee: "add", allowed }),
            None => Admission::by_signature(key.clone()),
        };
        let router = admit(routes(&serve_add(Arc::new(Adder))), admission);
        tasks.spawn("server", serve(Listener { name: "add", socket, router, identity: callee }, tasks.clone()));
        let remote = Remote { role: "add", addresses: vec![address.to_string()] };
        let client = || -> AddClient {
            Channel::from(match &caller {
                Some(caller) => HttpTransport::tls(remote.clone(), key.clone(), caller.clone()),
                None => HttpTransport::plain(remote.clone(), key.clone()),
            })
            .into()
        };
        let (started, before, kept) = (Instant::now(), cpu(), client());
        let calls: Vec<_> = (0..CALLERS).map(|_| tasks.run("caller", call(kept.clone()))).collect();
        let mut count = 0;
        for one in calls {
            count += one.await?;
        }
        report(name, "calls", count, started, before);
        let (started, before) = (Instant::now(), cpu());
        for _ in 0..CONNECTIONS {
            client().add(&Cx::new("bench", Actor::Anonymous), vec![1]).await.expect("the other end is here");
        }
        report(name, "connections with one call", CONNECTIONS, started, before);
        tasks.drain(MEASURED).await.map_err(|hanging| format!("{hanging:?}"))?;
    }
    Ok(())
}

fn report(name: &str, what: &str, count: u64, started: Instant, cpu_before: f64) {
    let (took, used) = (started.elapsed().as_secs_f64(), cpu() - cpu_before);
    #[allow(clippy::cast_precision_loss)] // a few hundred thousand
    let (rate, micros) = (count as f64 / took, used * 1e6 / count as f64);
    println!("{name:<10} {rate:>7.0} {what}/s, {micros:>6.1} us of CPU for both ends");
}

/// Calls one after the other; how many.
async fn call(client: AddClient) -> u64 {
    let (until, mut count) = (Instant::now() + MEASURED, 0);
    while Instant::now() < until {
        let cx = Cx::new("bench", Actor::Customer(Uuid::from_u128(1))).within(Duration::from_secs(5));
        client.add(&cx, (0..20).collect()).await.expect("the other end is here");
        count += 1;
    }
    count
}

/// Seconds of CPU this process has used: hundredths, from `/proc/self/stat`.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
