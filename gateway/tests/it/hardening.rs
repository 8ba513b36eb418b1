//! Connection limits and timeouts: clients that are slow, greedy, malformed or too many.

use std::time::{Duration, Instant};

use souk_gateway::{GatewayConfig, Shedding};

use crate::client::{PATIENCE, post, request};
use crate::shop::World;

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let world = World::with(|config| config.limits.header_ms = 200).await;
    for start in ["", "GET /p/bag HTTP/1.1\r\nHost: sh", "GET /p/bag HTTP/1.1\r\nHost: shop.test\r\nX-A: b\r\n"] {
        let mut client = world.client().await;
        client.write(start).await;
        client.closed().await;
    }
    let mut trickle = world.client().await;
    trickle.write("GET / HTTP/1.1\r\n").await;
    let mut written = 0;
    let cut = tokio::time::timeout(PATIENCE, async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            written += 1;
            if trickle.try_write(b"X-A: b\r\n").await.is_err() {
                break;
            }
        }
    });
    cut.await.expect("a byte now and then is not enough");
    assert_eq!(world.shop.renders(), 0);
    assert!(written < 500);
    world.stop().await;
}

/// What stands before the gateway keeps its connections for a minute.
#[tokio::test]
async fn a_connection_rests_between_requests_longer_than_a_head_may_take() {
    let world = World::with(|config| (config.limits.header_ms, config.limits.idle_ms) = (200, 1_500)).await;
    let mut client = world.client().await;
    for _ in 0..2 {
        assert_eq!(client.send(request("GET", "/p/bag", "")).await.status, 200);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let asked = Instant::now();
    assert_eq!(client.send(request("GET", "/p/bag", "")).await.status, 200);
    client.closed().await;
    assert!(asked.elapsed() >= Duration::from_millis(1_500), "{:?}", asked.elapsed());
    world.stop().await;
}

#[tokio::test]
async fn a_head_that_stops_is_not_taken_for_rest() {
    let world = World::with(|config| (config.limits.header_ms, config.limits.idle_ms) = (300, 3_600_000)).await;
    let mut client = world.client().await;
    client.send(request("GET", "/p/bag", "")).await;
    client.write("GET /p/bag HTTP/1.1\r\n").await;
    client.closed().await;
    assert_eq!(world.shop.renders(), 1);
    world.stop().await;
}

/// A client that waits for us does not let us wait.
#[tokio::test]
async fn an_answer_may_take_longer_than_a_connection_may_rest() {
    let world = World::with(|config| (config.limits.header_ms, config.limits.idle_ms) = (100, 100)).await;
    world.shop.close_gate();
    let mut client = world.client().await;
    client.write(post("POST", "/cart", "", "{}")).await;
    world.shop.rendering(1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.shop.open_gate();
    assert_eq!(client.read(false).await.unwrap().status, 200);
    client.closed().await;
    world.stop().await;
}

#[tokio::test]
async fn who_rests_makes_room_when_connections_are_scarce() {
    let limits = |config: &mut GatewayConfig| {
        (config.limits.header_ms, config.limits.idle_ms, config.limits.connections) = (200, 3_600_000, 16);
    };
    let world = World::with(limits).await;
    let mut resting = Vec::new();
    for _ in 0..13 {
        let mut client = world.client().await;
        assert_eq!(client.send(request("GET", "/p/bag", "")).await.status, 200);
        resting.push(client);
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(resting[0].send(request("GET", "/p/bag", "")).await.status, 200, "three of sixteen are free");
    let mut last = world.client().await;
    assert_eq!(last.send(request("GET", "/p/bag", "")).await.status, 200);
    let left = resting.iter_mut().map(|client| async { client.closed().await });
    tokio::time::timeout(PATIENCE, futures_util::future::select_all(left.map(Box::pin))).await.expect("one leaves");
    world.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_and_cut() {
    let world = World::with(|config| config.limits.body_ms = 200).await;
    let mut client = world.client().await;
    client.write("POST /cart HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\nabc").await;
    let reply = client.read(false).await.unwrap();
    assert_eq!((reply.status, reply.code().as_str(), reply.header("connection")), (408, "body_too_slow", "close"));
    client.closed().await;
    assert_eq!(world.shop.renders(), 0);
    world.stop().await;
}

#[tokio::test]
async fn a_client_who_does_not_read_is_cut() {
    let world = World::with(|config| config.limits.stall_ms = 200).await;
    let mut client = world.client().await;
    client.write(request("GET", "/endless", "")).await;
    let dropped = tokio::time::timeout(PATIENCE, world.shop.dropped.notified()).await;
    assert!(dropped.is_ok(), "the answer is given up");
    drop(client);
    world.stop().await;
}

#[tokio::test]
async fn too_large_is_said_so() {
    let world = World::with(|config| {
        config.body_limits = vec![souk_gateway::BodyLimit { prefix: "/api/v1/products/import".into(), bytes: 200_000 }];
    })
    .await;
    let uri = world.get(&format!("/p/{}", "x".repeat(9_000))).await;
    assert_eq!((uri.status, uri.code().as_str()), (414, "uri_too_long"));
    let head = world.get_with("/p/bag", &format!("X-A: {}\r\n", "x".repeat(20_000))).await;
    assert_eq!(head.status, 431);
    let many = "X-A: b\r\n".repeat(200);
    assert_eq!(world.get_with("/p/bag", &many).await.status, 431);
    let body = "x".repeat(70_000);
    let large = world.post("/cart", "", &body).await;
    assert_eq!((large.status, large.code().as_str(), large.header("connection")), (413, "body_too_large", "close"));
    let chunks = format!("{:x}\r\n{}\r\n", 40_000, "x".repeat(40_000)).repeat(2);
    let chunked =
        format!("POST /cart HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    assert_eq!(world.send(chunked).await.status, 413);
    assert_eq!(world.shop.renders(), 0);
    let import = world.post("/api/v1/products/import", "", &body).await;
    assert_eq!(import.json()["body"], 70_000);
    world.stop().await;
}

#[tokio::test]
async fn malformed_requests_are_refused_and_nothing_hides_in_them() {
    let world = World::start().await;
    let hidden = "GET /cart HTTP/1.1\r\nHost: shop.test\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    for raw in [
        "nonsense\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\nHost: a\r\n\r\n".to_owned(),
        "GET /p/bag HTTP/1.1\r\n\r\n".to_owned(),
        "GET /p/bag HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
        "GET /p/bag HTTP/1.1\r\nHost : a\r\n\r\n".to_owned(),
        "GET /p/bag HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n".to_owned(),
        "GET /p/b ag HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        request("GET", "/p/bag", "X-A: a\0b\r\n"),
        request("POST", "/cart", "Content-Length: 5\r\nContent-Length: 6\r\n") + hidden,
        request("POST", "/cart", "Content-Length: -1\r\n") + hidden,
        request("POST", "/cart", "Content-Length: 1x\r\n") + hidden,
        request("POST", "/cart", "Transfer-Encoding: xchunked\r\n") + hidden,
        request("POST", "/cart", chunked) + "zz\r\n" + hidden,
        request("POST", "/cart", chunked) + "ffffffffffffffffff\r\n" + hidden,
        request("GET", "/p/../secret", ""),
        request("GET", "/p/%2e%2e/secret", ""),
        request("GET", "/p/.%2E/secret", ""),
        request("GET", "/p/a%00b", ""),
    ] {
        let mut client = world.client().await;
        client.write(&raw).await;
        let reply = client.read(false).await.unwrap_or_else(|| panic!("no answer to {raw:?}"));
        assert_eq!(reply.status, 400, "{raw:?}");
        assert_eq!(world.shop.renders(), 0, "{raw:?}");
    }
    for both in [format!("Content-Length: 4\r\n{chunked}"), format!("{chunked}Content-Length: 4\r\n")] {
        let before = world.shop.renders();
        let mut client = world.client().await;
        client.write(request("POST", "/cart", &both) + "0\r\n\r\n" + hidden).await;
        assert_eq!(client.read(false).await.unwrap().header("connection"), "close");
        assert_eq!((client.closed().await.len(), world.shop.renders()), (0, before + 1), "{both}");
    }
    for method in ["TRACE", "PROPFIND"] {
        assert_eq!(world.send(request(method, "/cart", "")).await.status, 405);
    }
    assert_eq!(world.get("/p/bag").await.status, 200, "and it is still there");
    world.stop().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let world = World::start().await;
    world.get("/p/a").await;
    let mut client = world.client().await;
    let all: String = ["/p/a", "/p/b", "/cart", "/p/a"].iter().map(|path| request("GET", path, "")).collect();
    client.write(all).await;
    for expected in ["<h1>a</h1>", "<h1>b</h1>", "\"uri\":\"/cart\"", "<h1>a</h1>"] {
        assert!(client.read(false).await.unwrap().text().contains(expected));
    }
    world.stop().await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let world = World::with(|config| config.limits.request_ms = 100).await;
    world.shop.close_gate();
    let reply = world.post("/cart", "", "{}").await;
    assert_eq!((reply.status, reply.code().as_str()), (504, "deadline_exceeded"));
    assert_eq!(world.get("/p/bag").await.status, 504);
    world.shop.open_gate();
    assert_eq!(world.get("/p/bag").await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn too_much_at_once_is_refused_and_pages_from_memory_are_not() {
    let world =
        World::with(|config| config.shedding = Shedding { in_flight: 1, floor: 1, ..Shedding::default() }).await;
    world.get("/p/bag").await;
    world.shop.close_gate();
    let mut busy = world.client().await;
    busy.write(post("POST", "/cart", "", "{}")).await;
    world.shop.rendering(2).await;
    let refused = world.post("/cart", "", "{}").await;
    assert_eq!((refused.status, refused.code().as_str(), refused.header("retry-after")), (503, "overloaded", "1"));
    assert_eq!(world.get("/p/bag").await.status, 200);
    world.shop.open_gate();
    assert_eq!(busy.read(false).await.unwrap().status, 200);
    assert_eq!(world.post("/cart", "", "{}").await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn more_connections_than_allowed_wait_their_turn() {
    let world = World::with(|config| config.limits.connections = 1).await;
    let mut first = world.client().await;
    assert_eq!(first.send(request("GET", "/p/bag", "")).await.status, 200);
    let mut second = world.client().await;
    second.write(request("GET", "/cart", "")).await;
    assert_eq!(first.send(request("GET", "/p/bag", "")).await.status, 200);
    assert_eq!(world.shop.renders(), 1, "the second is not served yet");
    drop(first);
    assert_eq!(second.read(false).await.unwrap().status, 200);
    drop(second);
    world.stop().await;
}

#[tokio::test]
async fn what_is_under_way_is_finished_before_the_end() {
    let world = World::start().await;
    world.shop.close_gate();
    let mut busy = world.client().await;
    busy.write(post("POST", "/cart", "", "{}")).await;
    world.shop.rendering(1).await;
    let mut idle = world.client().await;
    assert_eq!(idle.send(request("GET", "/livez", "")).await.status, 404);
    world.tasks.stop();
    idle.closed().await;
    assert!(tokio::net::TcpStream::connect(world.address).await.is_err(), "no new connection");
    world.shop.open_gate();
    assert_eq!(busy.read(false).await.unwrap().status, 200);
    world.stop().await;
}

/// They are connected, as far as they know, and have asked; the runtime has not heard of them when the end comes.
#[tokio::test]
async fn who_stands_in_the_queue_at_the_end_is_served() {
    use std::io::{Read, Write};
    let world = World::start().await;
    world.get("/p/bag").await;
    let connect = || {
        let mut socket = std::net::TcpStream::connect(world.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(request("GET", "/p/bag", "").as_bytes()).unwrap();
        socket
    };
    let waiting: Vec<_> = (0..50).map(|_| connect()).collect();
    world.tasks.stop();
    let read = move || {
        let answered = |mut socket: std::net::TcpStream| {
            let mut answer = String::new();
            socket.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200 OK")
        };
        waiting.into_iter().map(answered).filter(|served| *served).count()
    };
    let served = tokio::task::spawn_blocking(read).await.unwrap();
    assert_eq!(served, 50);
    world.stop().await;
}

/// A connection on which nothing was asked yet is not an idle one: the request may be on its way.
#[tokio::test]
async fn who_has_only_just_connected_may_ask_once() {
    let world = World::start().await;
    let mut fresh = world.client().await;
    let mut other = world.client().await;
    assert_eq!(other.send(request("GET", "/p/bag", "")).await.status, 200, "so the first one was accepted, too");
    world.tasks.stop();
    other.closed().await;
    let reply = fresh.send(request("GET", "/p/bag", "")).await;
    assert_eq!((reply.status, reply.header("connection")), (200, "close"));
    fresh.closed().await;
    world.stop().await;
}
