//! Tests of the client against sockets that behave as the outside does.

use std::net::SocketAddr;

use souk_tls::TrustRoots;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const PATIENCE: Duration = Duration::from_secs(5);

fn client(reach: Reach, max_answer: usize) -> HttpClient {
    let connections =
        Connections { schemes: Schemes::HttpToo, reach, trust_roots: TrustRoots::none(), idle: PATIENCE, max_idle: 4 };
    HttpClient::new(Settings { name: "test", concurrent: 4, max_answer, connections }).unwrap()
}

fn get(address: SocketAddr) -> Request<Bytes> {
    Request::get(format!("http://{address}/")).body(Bytes::new()).unwrap()
}

/// A server that says `answer` to every request, and nothing to any when there is none.
async fn server(answer: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[allow(clippy::disallowed_methods)] // ends with the test's runtime
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await;
            match answer {
                Some(answer) => drop(socket.write_all(answer.as_bytes()).await),
                None => std::future::pending().await,
            }
        }
    });
    address
}

#[tokio::test]
async fn an_answer_is_read_whole_and_no_further_than_allowed() {
    let address = server(Some("HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")).await;
    let answer = client(Reach::Anywhere, 5).send(get(address), PATIENCE).await.unwrap();
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::NOT_FOUND, &b"hello"[..]));
    let cut = client(Reach::Anywhere, 4).send(get(address), PATIENCE).await.unwrap_err();
    assert!(matches!(cut, NoAnswer::Unknown(_)), "{cut:?}");
}

#[tokio::test]
async fn what_did_not_leave_is_told_from_what_got_no_answer() {
    let silent = server(None).await;
    let late = client(Reach::Anywhere, 5).send(get(silent), Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(late, NoAnswer::Unknown(_)), "{late:?}");
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = client(Reach::Anywhere, 5).send(get(closed), PATIENCE).await.unwrap_err();
    assert!(matches!(refused, NoAnswer::NotSent(_)), "{refused:?}");
}

#[tokio::test]
async fn who_asks_to_be_left_alone_is() {
    let answer = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (address, client) = (server(Some(answer)).await, client(Reach::Anywhere, 5));
    assert_eq!(client.send(get(address), PATIENCE).await.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
    let refused = client.send(get(address), PATIENCE).await.unwrap_err();
    assert!(matches!(&refused, NoAnswer::NotSent(why) if why.contains("left alone")), "{refused:?}");
}

/// What became of a call that a failing server answered is asked at once, whatever that server asks for.
#[tokio::test]
async fn a_fault_stops_no_later_call() {
    let answer =
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (address, client) = (server(Some(answer)).await, client(Reach::Anywhere, 5));
    for _ in 0..2 {
        assert_eq!(client.send(get(address), PATIENCE).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}

/// A caller that drops a call when its time is over has met a side that does not answer; one that drops it before has not.
#[tokio::test]
async fn calls_that_are_dropped_count_when_their_time_was_over() {
    let (silent, client) = (server(None).await, client(Reach::Anywhere, 5));
    let failures = async |within: Duration| {
        let call = client.send(get(silent), within);
        let dropped = async {
            tokio::pin!(call);
            assert!(futures_util::poll!(&mut call).is_pending());
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        dropped.await;
        client.breaker.failures()
    };
    assert_eq!(failures(PATIENCE).await, 0);
    assert_eq!(failures(Duration::from_millis(10)).await, 1);
}

#[tokio::test]
async fn what_others_name_does_not_lead_into_our_network() {
    let address = server(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")).await;
    let client = client(Reach::PublicOnly, 5);
    for host in
        [address.to_string(), format!("localhost:{}", address.port()), format!("[::ffff:7f00:1]:{}", address.port())]
    {
        let request = Request::get(format!("http://{host}/")).body(Bytes::new()).unwrap();
        let refused = client.send(request, PATIENCE).await.unwrap_err();
        assert!(matches!(&refused, NoAnswer::NotSent(why) if why.contains("private network")), "{host}: {refused:?}");
    }
}
