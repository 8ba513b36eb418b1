//! Contract tests, one suite run local, loopback, over HTTP and over TLS: they must not differ in anything a caller can see.

use std::sync::Arc;
use std::time::Duration;

use souk_kernel::Kind;
use souk_rpc::{Actor, ActorKey, Channel, Cx};
use souk_rpc_http::HttpTransport;
use uuid::Uuid;

use crate::echo::{Ask, Echo, EchoClient, Server, Told, key, plain, remote, secure, serve_echo};
use crate::pki::Pki;

async fn contract(client: EchoClient) {
    let customer = Actor::Customer(Uuid::from_u128(9));
    let cx = Cx::new("r1", customer.clone()).with_key("k1");
    cx.wrote(77);
    let told = client.echo(&cx, Ask { quantity: 1 }).await.unwrap();
    assert_eq!(told, Told { actor: customer, key: Some("k1".into()), min_lsn: 77, client: None });
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
    contract(Channel::loopback(serve_echo(Arc::new(Echo::default()))).into()).await;
}

#[tokio::test]
async fn http() {
    contract(plain(&[Server::plain().await.address])).await;
}

#[tokio::test]
async fn https() {
    let pki = Pki::new();
    let server = Server::secure(pki.identity("echo")).await;
    contract(secure(pki.identity("shop"), &[server.address])).await;
}

#[tokio::test]
async fn an_actor_signed_with_another_key_is_refused_before_the_service_sees_it() {
    let server = Server::plain().await;
    let client: EchoClient =
        Channel::from(HttpTransport::plain(remote(&[server.address]), ActorKey::new([4; 32]))).into();
    let refused = client.echo(&Cx::system("r"), Ask { quantity: 1 }).await.unwrap_err();
    assert_eq!((refused.kind, &*refused.code), (Kind::Forbidden, "actor_not_proven"));
    assert_eq!(server.echo.calls(), 0);
}

#[tokio::test]
async fn a_card_number_does_not_reach_the_service() {
    let server = Server::plain().await;
    let channel = Channel::from(HttpTransport::plain(remote(&[server.address]), key()));
    let call = async |note: &str| {
        let body = serde_json::json!({ "quantity": 1, "note": note });
        channel.call::<_, serde_json::Value>("/rpc/echo/v1/echo", true, &Cx::system("r"), &body).await
    };
    let refused = call("card 4111 1111 1111 1111").await.unwrap_err();
    assert_eq!((refused.kind, &*refused.code), (Kind::Invalid, "card_number_refused"));
    assert_eq!(refused.fields[0].pointer, "/note");
    assert!(!souk_kernel::pan::holds(&format!("{refused:?}")));
    assert_eq!(server.echo.calls(), 0);
    call("order 41111111-1111-4111-8111-111111111111").await.unwrap();
    assert_eq!(server.echo.calls(), 1, "the control");
}
