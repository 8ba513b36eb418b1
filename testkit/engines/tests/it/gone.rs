//! Nothing is left when the process that started an engine ends, whatever ended it.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use souk_engines::Redis;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::SOON;
use crate::redis::ask;
use souk_eventually::eventually;

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

/// A process that holds a Redis, with a directory for temporary files of its own, and the Redis' address.
async fn holder(temporary: &Path) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_souk-engines"));
    command.arg("redis").env("TMPDIR", temporary).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let output = tokio::process::ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
    let line = BufReader::new(output).lines().next_line().await.unwrap().unwrap();
    (child, line.strip_prefix("redis redis://").unwrap().to_owned())
}

#[tokio::test]
async fn a_killed_process_leaves_neither_server_nor_files() {
    let temporary = tempfile::tempdir().unwrap();
    let (mut child, address) = holder(temporary.path()).await;
    assert_eq!(ask(&address, "PING").await.unwrap(), "+PONG");
    assert!(!is_empty(temporary.path()));
    // SIGKILL: it can do nothing about it any more.
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the server's end", SOON, async || ask(&address, "PING").await.is_err()).await;
    eventually("the files' end", SOON, async || is_empty(temporary.path())).await;
}

#[tokio::test]
async fn dropping_the_handle_ends_even_a_hung_server() {
    let redis = Redis::start().await.unwrap();
    let (address, pid) = (redis.address(), redis.pid().unwrap());
    redis.pause().unwrap();
    drop(redis);
    assert!(ask(&address, "PING").await.is_err());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Redis::start_on(port).await.err().unwrap().to_string();
    assert!(error.contains("Redis is not ready") && error.contains("Address already in use"), "{error}");
}
