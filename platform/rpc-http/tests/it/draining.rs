//! Connection draining: instances stop and start while calls go on, and no caller notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use souk_eventually::eventually;
use souk_runtime::Tasks;
use souk_tls::Identity;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::interval;

use crate::echo::{EchoClient, Server, anybody, one, plain, secure};
use crate::pki::Pki;

/// Calls a second.
const RATE: u32 = 200;
/// Restarts of each instance.
const ROUNDS: usize = 2;
/// Milliseconds of work in each call: some are always under way.
const WORK: u64 = 50;
/// As `internal.drain_seconds`, but shorter: long enough that every caller hears of it at this rate.
const GRACE: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls that must not be repeated, at [`RATE`], until told to stop; the failures.
async fn load(client: EchoClient, stop: Arc<AtomicBool>) -> (u32, Vec<String>) {
    let tasks = Tasks::new();
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    let (mut calls, failed) = (0, Arc::new(std::sync::Mutex::new(Vec::new())));
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        calls += 1;
        let (client, failed) = (client.clone(), failed.clone());
        tasks.spawn("call", async move {
            if let Err(problem) = client.once(&anybody(), one()).await {
                failed.lock().unwrap().push(format!("{problem:?}"));
            }
        });
    }
    tasks.drain(PATIENCE).await.unwrap();
    let failed = failed.lock().unwrap().clone();
    (calls, failed)
}

/// An instance that works, in a runtime of its own, so that it can also be cut off as a killed process is.
struct Instance {
    server: Server,
    runtime: Option<Runtime>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Instance {
    async fn start(address: String, identity: Option<Identity>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let starting = runtime.spawn(async move { Server::at(&address, identity).await });
        let server = starting.await.unwrap();
        server.echo.work.store(WORK, Ordering::Relaxed);
        Self { server, runtime: Some(runtime) }
    }

    async fn stop(mut self, graceful: bool) {
        if graceful {
            self.server.tasks.leave();
            tokio::time::sleep(GRACE).await;
            self.server.tasks.drain(PATIENCE).await.unwrap();
        }
        // Its sockets are closed before the next instance wants the address.
        let runtime = self.runtime.take().unwrap();
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await.unwrap();
    }
}

/// Restarts two instances in turn; the calls that failed.
async fn restart_under_load(pki: Option<Pki>, graceful: bool) -> Vec<String> {
    let identity = |role| pki.as_ref().map(|pki| pki.identity(role));
    let mut instances = Vec::new();
    for _ in 0..2 {
        instances.push(Instance::start("127.0.0.1:0".into(), identity("echo")).await);
    }
    let addresses: Vec<_> = instances.iter().map(|instance| instance.server.address).collect();
    let client = match identity("shop") {
        Some(shop) => secure(shop, &addresses),
        None => plain(&addresses),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let tasks = Tasks::new();
    let loaded = tasks.run("load", load(client, stop.clone()));
    for number in (0..2 * ROUNDS).map(|turn| turn % 2) {
        let address = addresses[number].to_string();
        called(&instances[number]).await;
        instances.remove(number).stop(graceful).await;
        let again = Instance::start(address, identity("echo")).await;
        // It is back in use before the other one goes.
        called(&again).await;
        instances.insert(number, again);
    }
    stop.store(true, Ordering::Relaxed);
    let (calls, failed) = loaded.await.unwrap();
    assert!(calls > 10, "{calls}");
    for instance in instances {
        instance.stop(true).await;
    }
    failed
}

async fn called(instance: &Instance) {
    let what = format!("{} is called", instance.server.address);
    eventually(&what, PATIENCE, async || instance.server.echo.calls() > 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_instances_are_restarted() {
    let failed = restart_under_load(None, true).await;
    assert!(failed.is_empty(), "{}: {:?}", failed.len(), failed.first());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_with_certificates() {
    let failed = restart_under_load(Some(Pki::new()), true).await;
    assert!(failed.is_empty(), "{}: {:?}", failed.len(), failed.first());
}

/// The control: cut off in the middle of their work, they do lose calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_fail_when_instances_are_cut_off() {
    let failed = restart_under_load(None, false).await;
    assert!(!failed.is_empty());
}

#[tokio::test]
async fn a_call_under_way_is_finished_and_nobody_new_gets_in() {
    let server = Server::plain().await;
    let client = plain(&[server.address]);
    let calls = Tasks::new();
    let slow = client.clone();
    let waiting = calls.run("slow", async move { slow.slow(&anybody(), one()).await });
    while server.echo.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let stopping = server.tasks.clone();
    let stopped = calls.run("stop", async move { stopping.drain(PATIENCE).await });
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let refused = client.once(&anybody(), one()).await.unwrap_err();
    assert_eq!(refused.kind, souk_kernel::Kind::Unavailable);
    server.echo.release.notify_one();
    waiting.await.unwrap().unwrap();
    stopped.await.unwrap().unwrap();
}
