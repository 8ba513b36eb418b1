//! Redis, alone and as a cluster.

use std::io;
use std::time::Duration;

use souk_engines::{Redis, RedisCluster};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::SOON;
use souk_eventually::eventually;

/// How long a hung server is listened to: a running one answers in well under a millisecond.
const HUNG: Duration = Duration::from_millis(300);

/// Sends one inline command, reads the reply's first line and, of a bulk string, the second.
pub async fn ask(address: &str, command: &str) -> io::Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    stream.write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if line.starts_with('$') && !line.starts_with("$-1") {
        line.clear();
        stream.read_line(&mut line).await?;
    }
    Ok(line.trim_end().to_owned())
}

#[tokio::test]
async fn it_answers_hangs_dies_and_comes_back_with_its_data() {
    let redis = Redis::start().await.unwrap();
    let address = redis.address();
    assert_eq!(ask(&address, "SET shop open").await.unwrap(), "+OK");

    redis.pause().unwrap();
    assert!(tokio::time::timeout(HUNG, ask(&address, "GET shop")).await.is_err(), "hung, not gone");
    redis.resume().unwrap();
    assert_eq!(ask(&address, "GET shop").await.unwrap(), "open");

    redis.kill();
    assert_eq!(ask(&address, "GET shop").await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    assert!(redis.pause().is_err(), "there is nothing to pause");
    redis.restart().await.unwrap();
    assert_eq!(redis.address(), address);
    assert_eq!(ask(&address, "GET shop").await.unwrap(), "open");
}

#[tokio::test]
async fn two_servers_share_nothing() {
    let (one, other) = (Redis::start().await.unwrap(), Redis::start().await.unwrap());
    ask(&one.address(), "SET shop open").await.unwrap();
    assert_eq!(ask(&other.address(), "GET shop").await.unwrap(), "$-1");
}

#[tokio::test]
async fn a_cluster_spreads_the_keys_and_outlives_a_restart_of_a_node() {
    let cluster = RedisCluster::start().await.unwrap();
    let nodes: Vec<String> = cluster.nodes().iter().map(Redis::address).collect();
    assert_eq!(nodes.len(), 3);
    // Slots by the specification's table: `foo` 12182, `bar` 5061.
    assert_eq!(ask(&nodes[2], "SET foo 1").await.unwrap(), "+OK");
    assert_eq!(ask(&nodes[0], "SET bar 2").await.unwrap(), "+OK");
    assert_eq!(ask(&nodes[1], "GET foo").await.unwrap(), format!("-MOVED 12182 {}", nodes[2]));

    cluster.nodes()[2].kill();
    eventually("the others notice", SOON, async || ask(&nodes[0], "GET bar").await.unwrap().contains("CLUSTERDOWN"))
        .await;
    cluster.nodes()[2].restart().await.unwrap();
    cluster.settle().await.unwrap();
    assert_eq!(ask(&nodes[2], "GET foo").await.unwrap(), "1");
    assert_eq!(ask(&nodes[0], "GET bar").await.unwrap(), "2");
}
