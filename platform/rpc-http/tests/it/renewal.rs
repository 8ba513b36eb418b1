//! Certificate rotation under load: a role calls another all the time while both get new certificates, and while their
//! authority is replaced.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use souk_eventually::eventually;
use souk_runtime::Tasks;
use souk_tls::{Authority, Identity, Reload, Validity};

use crate::echo::{Server, anybody, one, secure};
use crate::pki::{Pki, domain};

/// For what takes milliseconds.
const SOON: Duration = Duration::from_secs(30);
/// Who call at the same time.
const CALLERS: usize = 4;
/// Calls over one connection, before a caller makes another.
const CALLS_OF_A_CONNECTION: usize = 3;
/// Calls that must go through with each set of files.
const CALLS_OF_A_STEP: u32 = 40;

/// Callers that go on until their tasks end.
struct Load {
    tasks: Tasks,
    calls: Arc<AtomicU32>,
    failures: Arc<Mutex<Vec<String>>>,
}

impl Load {
    fn start(caller: &Identity, address: SocketAddr) -> Self {
        let load = Self { tasks: Tasks::new(), calls: Arc::default(), failures: Arc::default() };
        for _ in 0..CALLERS {
            let (caller, stop) = (caller.clone(), load.tasks.clone());
            let (calls, failures) = (load.calls.clone(), load.failures.clone());
            load.tasks.spawn("caller", async move {
                while !stop.stopping() {
                    let client = secure(caller.clone(), &[address]);
                    for _ in 0..CALLS_OF_A_CONNECTION {
                        match client.once(&anybody(), one()).await {
                            Ok(_) => drop(calls.fetch_add(1, Ordering::SeqCst)),
                            Err(problem) => failures.lock().unwrap().push(format!("{problem:?}")),
                        }
                    }
                }
            });
        }
        load
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap().clone()
    }
}

/// Looks at the files again and again, as a process does every few seconds, so that it also meets them half-written: a key
/// that does not fit the certificate yet.
fn keeps_looking(tasks: &Tasks, identity: &Identity) {
    let (identity, stop) = (identity.clone(), tasks.clone());
    tasks.spawn("certificates", async move {
        while !stop.stopping() {
            // What cannot be used changes nothing; whether the new files are taken in the end, each step asks.
            let _ = identity.reload();
            tokio::task::yield_now().await;
        }
    });
}

fn renew(pki: &Pki, authority: &Authority, role: &str) {
    let issued = authority.issue(&domain(), role, Validity::around_now(1)).unwrap();
    issued.save(pki.dir(), role, true).unwrap();
}

/// First all roles believe both authorities, then all certificates are of the new one, then the old authority goes. No call
/// fails, and none is made twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_certificates_and_their_authority_change() {
    let (pki, new) = (Pki::new(), Pki::new());
    let (shop, echo) = (pki.identity("shop"), pki.identity("echo"));
    let server = Server::secure(echo.clone()).await;
    let load = Load::start(&shop, server.address);
    keeps_looking(&load.tasks, &shop);
    keeps_looking(&load.tasks, &echo);

    let (old, next) = (&pki.authority, &new.authority);
    let believe = |pem: String| std::fs::write(pki.dir().join("ca.pem"), pem).unwrap();
    let again: &dyn Fn() = &|| ["shop", "echo"].iter().for_each(|role| renew(&pki, old, role));
    let steps: [(&str, &dyn Fn()); 7] = [
        ("renewed", again),
        ("renewed again", again),
        ("both authorities", &|| believe(format!("{}{}", old.pem(), next.pem()))),
        ("the callee's of the new one", &|| renew(&pki, next, "echo")),
        ("the caller's of the new one", &|| renew(&pki, next, "shop")),
        ("the new authority alone", &|| believe(next.pem().to_owned())),
        ("renewed by the new one", &|| ["shop", "echo"].iter().for_each(|role| renew(&pki, next, role))),
    ];
    for (what, step) in steps {
        step();
        for identity in [&shop, &echo] {
            // Nothing to read any more: what is in the files is in use.
            let taken = async || identity.reload().map_err(|error| error.to_string()).map(drop);
            eventually(&format!("{what}: {} takes them", identity.name()), SOON, taken).await;
        }
        let before = load.calls();
        eventually(&format!("calls: {what}"), SOON, async || load.calls() >= before + CALLS_OF_A_STEP).await;
    }
    load.tasks.drain(SOON).await.unwrap();
    assert_eq!(load.failures(), [""; 0]);
    assert_eq!(load.calls(), server.echo.calls(), "each call once");
}

/// The control: the same load notices a callee whose authority it has never heard of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_fail_when_the_new_authority_comes_too_early() {
    let (pki, new) = (Pki::new(), Pki::new());
    let (shop, echo) = (pki.identity("shop"), pki.identity("echo"));
    let server = Server::secure(echo.clone()).await;
    let load = Load::start(&shop, server.address);
    eventually("calls", SOON, async || load.calls() >= CALLS_OF_A_STEP).await;
    assert_eq!(load.failures(), [""; 0]);
    std::fs::write(pki.dir().join("ca.pem"), new.authority.pem()).unwrap();
    renew(&pki, &new.authority, "echo");
    echo.reload().unwrap();
    eventually("calls fail", SOON, async || !load.failures().is_empty()).await;
    load.tasks.drain(SOON).await.unwrap();
    assert!(load.failures()[0].contains("certificate"), "{:?}", load.failures());
}
