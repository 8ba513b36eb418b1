//! Load balancing over two instances of a role, one of them sick: visitors hardly notice.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use http::StatusCode;
use souk_gateway::Upstream;
use souk_rpc::ActorKey;
use souk_rpc_http::{HttpTransport, Remote, accept};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::client::post;
use crate::shop::{World, shop};

/// An instance that answers everything by `status`; none never answers.
async fn instance(status: Option<StatusCode>, serving: &mut JoinSet<()>) -> SocketAddr {
    let answer = async move || match status {
        Some(status) => status,
        None => std::future::pending().await,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = accept(Router::new().fallback(any(answer)), ActorKey::new([9; 32]));
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn world(addresses: &[SocketAddr]) -> World {
    let addresses = addresses.iter().map(ToString::to_string).collect();
    let upstream =
        Upstream::Remote(HttpTransport::plain(Remote { role: "storefront", addresses }, ActorKey::new([9; 32])).into());
    World::over(shop().0, upstream, |config| config.limits.request_ms = 200).await
}

#[tokio::test]
async fn an_instance_that_hangs_or_fails_is_left_alone() {
    for sick in [None, Some(StatusCode::INTERNAL_SERVER_ERROR)] {
        let mut serving = JoinSet::new();
        let good = instance(Some(StatusCode::OK), &mut serving).await;
        let bad = instance(sick, &mut serving).await;
        let world = world(&[good, bad]).await;
        let mut client = world.client().await;
        let mut broken = 0;
        for _ in 0..40 {
            let reply = client.send(post("POST", "/cart", "", "{}")).await;
            assert!([200, 500, 504].contains(&reply.status), "{reply:?}");
            broken += usize::from(reply.status != 200);
        }
        // Five in a row, and one more for each pause that ended meanwhile; turn by turn it would be twenty.
        assert!((5..=9).contains(&broken), "{sick:?}: {broken} of 40");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_read_is_asked_of_the_other_instance_when_one_is_gone() {
    let mut serving = JoinSet::new();
    let good = instance(Some(StatusCode::OK), &mut serving).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = world(&[good, gone]).await;
    let answered = tokio::time::timeout(Duration::from_secs(20), async {
        for n in 0..40 {
            assert_eq!(world.get(&format!("/cart?{n}")).await.status, 200);
            assert_eq!(world.post("/cart", "", "{}").await.status, 200, "nothing was sent to who is not there");
        }
    });
    answered.await.expect("in time");
    world.stop().await;
}
