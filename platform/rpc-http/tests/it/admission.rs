//! Caller authorization: the caller is proven by its certificate, the actor by what the table lets the caller say.

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use souk_kernel::{Kind, Problem};
use souk_rpc::{Actor, Cx, Permission};
use tower::ServiceExt;
use uuid::Uuid;

use crate::echo::{Server, anybody, one, secure};
use crate::pki::Pki;

fn customer() -> Actor {
    Actor::Customer(Uuid::from_u128(1))
}

fn staff() -> Actor {
    Actor::Staff { id: Uuid::from_u128(2), permissions: [Permission::Orders].into() }
}

#[tokio::test]
async fn each_role_speaks_for_whom_the_table_lets_it() {
    let pki = Pki::new();
    let server = Server::secure(pki.identity("echo")).await;
    let cases = [
        ("shop", Actor::Anonymous, true),
        ("shop", customer(), true),
        ("shop", staff(), true),
        ("shop", Actor::System, false),
        ("worker", Actor::Anonymous, true),
        ("worker", Actor::System, true),
        ("worker", customer(), false),
        ("worker", staff(), false),
    ];
    let mut reached = 0;
    for (role, actor, may) in cases {
        let client = secure(pki.identity(role), &[server.address]);
        let answer = client.echo(&Cx::new("r", actor.clone()), one()).await;
        match may {
            true => {
                reached += 1;
                assert_eq!(answer.unwrap().actor, actor, "{role}");
            }
            // Signed correctly: it is the certificate that makes the difference.
            false => {
                let refused = answer.unwrap_err();
                assert_eq!((refused.kind, &*refused.code), (Kind::Forbidden, "actor_not_proven"), "{role} {actor:?}");
            }
        }
        assert_eq!(server.echo.calls(), reached, "{role} {actor:?}");
    }
}

#[tokio::test]
async fn the_clients_address_is_believed_from_roles_that_speak_for_users() {
    let pki = Pki::new();
    let server = Server::secure(pki.identity("echo")).await;
    let client: std::net::IpAddr = "2001:db8::7".parse().unwrap();
    for (role, actor, seen) in [("shop", Actor::Anonymous, Some(client)), ("worker", Actor::System, None)] {
        let cx = Cx::new("r", actor).from_client(Some(client));
        let told = secure(pki.identity(role), &[server.address]).echo(&cx, one()).await.unwrap();
        assert_eq!(told.client, seen, "{role}");
    }
    let cx = anybody().from_client(Some(client));
    assert_eq!((cx.for_anybody().client, cx.as_system().client), (None, None), "what is asked for all names nobody");
}

#[tokio::test]
async fn who_is_no_caller_gets_403() {
    let pki = Pki::new();
    let server = Server::secure(pki.identity("echo")).await;
    for role in ["other", "echo", "shop-worker"] {
        let client = secure(pki.identity(role), &[server.address]);
        let refused = client.echo(&anybody(), one()).await.unwrap_err();
        assert_eq!((refused.kind, &*refused.code), (Kind::Forbidden, "caller_not_allowed"), "{role}");
    }
    assert_eq!(server.echo.calls(), 0);
}

/// A router that asks for certificates, on a listener that does not: no call gets through.
#[tokio::test]
async fn without_a_certificate_there_is_no_caller() {
    use souk_rpc_http::{Admission, Callers, admit, routes};
    let echo = std::sync::Arc::<crate::echo::Echo>::default();
    let callers = Callers { callee: "echo", allowed: Vec::new() };
    let admission = Admission::by_certificate(crate::echo::key(), callers);
    let router = admit(routes(&crate::echo::serve_echo(echo.clone())), admission);
    let mut request = Request::post("/rpc/echo/v1/echo").body(Body::from(r#"{"quantity":1}"#)).unwrap();
    anybody().write_headers(request.headers_mut(), &crate::echo::key());
    let response = router.oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let refused: Problem = serde_json::from_slice(&body).unwrap();
    assert_eq!((&*refused.code, echo.calls()), ("caller_not_allowed", 0));
}
