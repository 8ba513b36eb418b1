//! One contract suite, run local, loopback and over HTTP: the three must not differ in anything a caller can see.

#![allow(clippy::unwrap_used)] // a test may panic

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_kernel::{Kind, Problem};
use souk_rpc::{Actor, ActorKey, Channel, Cx, Remote, accept};
use uuid::Uuid;

#[derive(Debug, Serialize, Deserialize)]
pub struct Ask {
    quantity: u32,
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    actor: Actor,
    key: Option<String>,
    min_lsn: u64,
}

souk_rpc::service! {
    /// A service to test the macro with.
    pub trait EchoApi at "/rpc/echo/v1", client EchoClient, serve serve_echo {
        /// Says who asked.
        fn echo(Ask) -> Told [idempotent];
        /// Never answers in time.
        fn slow(Ask) -> ();
    }
}

#[derive(Default)]
struct Echo {
    calls: AtomicU32,
}

#[souk_rpc::hidden::async_trait]
impl EchoApi for Echo {
    async fn echo(&self, cx: &Cx, req: Ask) -> Result<Told, Problem> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if req.quantity > 5 {
            return Err(Problem::conflict("out_of_stock", "only 5 left").with_data([5]).with_internal("shard 7"));
        }
        let seen =
            Told { actor: cx.actor.clone(), key: cx.idempotency_key.as_deref().map(Into::into), min_lsn: cx.min_lsn() };
        cx.wrote(1_000);
        Ok(seen)
    }
    async fn slow(&self, _: &Cx, _: Ask) -> Result<(), Problem> {
        std::future::pending().await
    }
}

const KEY: [u8; 32] = [3; 32];

async fn contract(client: EchoClient) {
    let customer = Actor::Customer(Uuid::from_u128(9));
    let cx = Cx::new("r1", customer.clone()).with_key("k1");
    cx.wrote(77);
    let told = client.echo(&cx, Ask { quantity: 1 }).await.unwrap();
    assert_eq!(told, Told { actor: customer, key: Some("k1".into()), min_lsn: 77 });
    assert_eq!(cx.min_lsn(), 1_000, "the position of the write comes back");

    let refused = client.echo(&cx, Ask { quantity: 6 }).await.unwrap_err();
    assert_eq!((refused.kind, &*refused.code), (Kind::Conflict, "out_of_stock"));
    assert_eq!(refused.data, Some(Box::new(serde_json::json!([5]))));

    let hurried = Cx::new("r2", Actor::Anonymous).within(Duration::from_millis(50));
    let late = client.slow(&hurried, Ask { quantity: 1 }).await.unwrap_err();
    assert_eq!(late.kind, Kind::Timeout);
}

#[tokio::test]
async fn local() {
    contract(EchoClient::Local(Arc::new(Echo::default()))).await;
}

#[tokio::test]
async fn loopback() {
    let router = accept(serve_echo(Arc::new(Echo::default())), ActorKey::new(KEY));
    contract(Channel::Loopback(router, ActorKey::new(KEY)).into()).await;
}

async fn listen(echo: Arc<Echo>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = accept(serve_echo(echo), ActorKey::new(KEY));
    #[allow(clippy::disallowed_methods)] // ends with the test's runtime
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn channel(addresses: Vec<String>, key: [u8; 32]) -> EchoClient {
    Channel::http(Remote { role: "echo", addresses }, ActorKey::new(key)).into()
}

#[tokio::test]
async fn http() {
    let address = listen(Arc::default()).await;
    contract(channel(vec![address], KEY)).await;
}

#[tokio::test]
async fn an_actor_signed_with_another_key_is_refused_before_the_service_sees_it() {
    let echo = Arc::new(Echo::default());
    let client = channel(vec![listen(echo.clone()).await], [4; 32]);
    let refused = client.echo(&Cx::system("r"), Ask { quantity: 1 }).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Forbidden);
    assert_eq!(echo.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_dead_instance_is_passed_over() {
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let client = channel(vec![dead.clone(), listen(Arc::default()).await], KEY);
    for _ in 0..10 {
        client.echo(&Cx::system("r"), Ask { quantity: 1 }).await.unwrap();
    }
    let alone = channel(vec![dead], KEY);
    let refused = alone.echo(&Cx::system("r"), Ask { quantity: 1 }).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Unavailable);
}
