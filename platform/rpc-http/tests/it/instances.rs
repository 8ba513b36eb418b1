//! Load balancing over several instances of a role: dead ones, failing ones, and those that only answer to a name.

use std::net::SocketAddr;
use std::time::Duration;

use souk_kernel::Kind;
use tokio::net::TcpListener;

use crate::echo::{Server, anybody, one, plain};

/// An address without a listener.
async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn load_is_shared() {
    let (a, b) = (Server::plain().await, Server::plain().await);
    let client = plain(&[a.address, b.address]);
    for _ in 0..20 {
        client.once(&anybody(), one()).await.unwrap();
    }
    assert_eq!((a.echo.calls(), b.echo.calls()), (10, 10));
}

#[tokio::test]
async fn a_dead_instance_is_passed_over() {
    let (dead, alive) = (nowhere().await, Server::plain().await);
    let client = plain(&[dead, alive.address]);
    // Not to be repeated: what was not sent is not repeated, but sent.
    for _ in 0..100 {
        client.once(&anybody(), one()).await.unwrap();
    }
    assert_eq!(alive.echo.calls(), 100);
    let alone = plain(&[dead]);
    let refused = alone.echo(&anybody(), one()).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Unavailable);
}

#[tokio::test]
async fn an_instance_that_answers_with_faults_is_left_alone() {
    let (sick, well) = (Server::plain().await, Server::plain().await);
    sick.echo.break_down(true);
    let client = plain(&[sick.address, well.address]);
    let mut faults = 0;
    for _ in 0..40 {
        faults += u32::from(client.once(&anybody(), one()).await.is_err());
    }
    // Five in a row, at half of the calls; the other thirty calls went to who answers.
    assert_eq!((faults, sick.echo.calls()), (5, 5));
    sick.echo.break_down(false);
    // After a second it gets a chance.
    let patience = std::time::Instant::now();
    while sick.echo.calls() == 5 {
        client.once(&anybody(), one()).await.unwrap();
        assert!(patience.elapsed() < Duration::from_secs(10), "never asked again");
    }
}

/// It takes connections and says nothing: the deadline ends the call, and counts against it.
#[tokio::test]
async fn an_instance_that_hangs_costs_a_few_calls() {
    let hung = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let well = Server::plain().await;
    let client = plain(&[hung.local_addr().unwrap(), well.address]);
    let mut late = 0;
    for _ in 0..30 {
        let hurried = anybody().within(Duration::from_millis(50));
        late += u32::from(client.once(&hurried, one()).await.is_err());
    }
    assert_eq!(late, 5);
}

/// An instance that reads a request, says `answer`, and is gone.
async fn breaks_off(answer: &'static str) -> SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let breaks = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = breaks.local_addr().unwrap();
    #[allow(clippy::disallowed_methods)] // ends with the test's runtime
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = breaks.accept().await {
            let mut head = [0; 1024];
            let _ = socket.read(&mut head).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    address
}

/// The connection breaks before the answer, or in the middle of it: only what may be repeated is.
#[tokio::test]
async fn what_may_have_happened_is_repeated_only_when_that_is_harmless() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":"] {
        let (broken, well) = (breaks_off(answer).await, Server::plain().await);
        let client = || plain(&[broken, well.address]);
        client().echo(&anybody(), one()).await.unwrap();
        client().once(&anybody().with_key("k"), one()).await.unwrap();
        let lost = client().once(&anybody(), one()).await.unwrap_err();
        assert_eq!((lost.kind, &*lost.code), (Kind::Timeout, "connection_lost"));
        assert_eq!(well.echo.calls(), 2);
    }
}
