//! Echo service to call, and servers that serve it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_kernel::Problem;
use souk_rpc::{Actor, ActorKey, Channel, Cx};
use souk_rpc_http::{Admission, Caller, Callers, HttpTransport, Listener, Remote, admit, routes, serve};
use souk_runtime::Tasks;
use souk_tls::Identity;
use tokio::net::TcpListener;
use tokio::sync::Notify;

#[derive(Debug, Serialize, Deserialize)]
pub struct Ask {
    pub quantity: u32,
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub actor: Actor,
    pub key: Option<String>,
    pub min_lsn: u64,
    pub client: Option<IpAddr>,
}

souk_rpc::service! {
    /// A service to test the macro with.
    pub trait EchoApi at "/rpc/echo/v1", client EchoClient, serve serve_echo, fake EchoFake {
        /// Says who asked.
        fn echo(Ask) -> Told [idempotent];
        /// The same, not to be repeated.
        fn once(Ask) -> Told;
        /// Answers when it is let go.
        fn slow(Ask) -> ();
    }
}

/// Counts its calls.
#[derive(Default)]
pub struct Echo {
    calls: AtomicU32,
    faulty: AtomicBool,
    /// Milliseconds that a call takes.
    pub work: AtomicU64,
    /// Lets one slow call go.
    pub release: Notify,
}

impl Echo {
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    /// From now on every answer is a fault, or no more.
    pub fn break_down(&self, faulty: bool) {
        self.faulty.store(faulty, Ordering::SeqCst);
    }
}

#[souk_rpc::hidden::async_trait]
impl EchoApi for Echo {
    async fn echo(&self, cx: &Cx, req: Ask) -> Result<Told, Problem> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.faulty.load(Ordering::SeqCst) {
            return Err(Problem::internal("broken in this test"));
        }
        if req.quantity > 5 {
            return Err(Problem::conflict("out_of_stock", "only 5 left").with_data([5]).with_internal("shard 7"));
        }
        let key = cx.idempotency_key.as_deref().map(Into::into);
        let seen = Told { actor: cx.actor.clone(), key, min_lsn: cx.min_lsn(), client: cx.client };
        cx.wrote(1_000);
        Ok(seen)
    }
    async fn once(&self, cx: &Cx, req: Ask) -> Result<Told, Problem> {
        tokio::time::sleep(Duration::from_millis(self.work.load(Ordering::Relaxed))).await;
        self.echo(cx, req).await
    }
    async fn slow(&self, _: &Cx, _: Ask) -> Result<(), Problem> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.release.notified().await;
        Ok(())
    }
}

pub const KEY: [u8; 32] = [3; 32];

pub fn key() -> ActorKey {
    ActorKey::new(KEY)
}

/// An instance of the role `echo`.
pub struct Server {
    pub address: SocketAddr,
    pub echo: Arc<Echo>,
    pub tasks: Tasks,
}

impl Server {
    /// Without TLS.
    pub async fn plain() -> Self {
        Self::at("127.0.0.1:0", None).await
    }

    /// With TLS; `shop` and `worker` may call.
    pub async fn secure(identity: Identity) -> Self {
        Self::at("127.0.0.1:0", Some(identity)).await
    }

    pub async fn at(address: &str, identity: Option<Identity>) -> Self {
        let socket = TcpListener::bind(address).await.unwrap();
        let (address, tasks, echo) = (socket.local_addr().unwrap(), Tasks::new(), Arc::<Echo>::default());
        let admission = match identity {
            Some(_) => Admission::by_certificate(key(), callers()),
            None => Admission::by_signature(key()),
        };
        let router = admit(routes(&serve_echo(echo.clone())), admission);
        tasks.spawn("server", serve(Listener { name: "echo", socket, router, identity }, tasks.clone()));
        Self { address, echo, tasks }
    }
}

fn callers() -> Callers {
    let caller = |role, speaks_for_users, acts_for_itself| Caller { role, speaks_for_users, acts_for_itself };
    Callers { callee: "echo", allowed: vec![caller("shop", true, false), caller("worker", false, true)] }
}

/// A client of the instances at `addresses`.
pub fn plain(addresses: &[SocketAddr]) -> EchoClient {
    Channel::from(HttpTransport::plain(remote(addresses), key())).into()
}

/// The same as a role.
pub fn secure(caller: Identity, addresses: &[SocketAddr]) -> EchoClient {
    Channel::from(HttpTransport::tls(remote(addresses), key(), caller)).into()
}

pub fn remote(addresses: &[SocketAddr]) -> Remote {
    Remote { role: "echo", addresses: addresses.iter().map(ToString::to_string).collect() }
}

/// On behalf of no user.
pub fn anybody() -> Cx {
    Cx::new("r", Actor::Anonymous)
}

pub fn one() -> Ask {
    Ask { quantity: 1 }
}
