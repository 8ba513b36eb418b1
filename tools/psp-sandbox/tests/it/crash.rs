//! Crash recovery of the journal: what was answered survives `kill -9`; half a record does no harm.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use souk_psp_sandbox::{JournalError, SandboxError, serve};
use tokio::task::JoinSet;

use crate::support::{Merchant, Sandbox, config};

/// Set for the process that [`answered_operations_survive_kill_9`] starts: its data directory.
const CHILD: &str = "SOUK_PSP_SANDBOX_CHILD";

/// Not a test of its own: the other process of the next one. Without its variable there is nothing to do.
#[tokio::test]
async fn child_process() {
    let Some(directory) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("ADDRESS {}", listener.local_addr().unwrap());
    serve(listener, config(&directory), Default::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answered_operations_survive_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_process", "--nocapture"])
        .env(CHILD, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The test runner prints "test ... " in front of it on the same line.
    let address = lines.find_map(|line| Some(line.unwrap().split_once("ADDRESS ")?.1.parse().unwrap())).unwrap();
    let merchant = Merchant::new(address);
    let answered: Arc<Mutex<Vec<String>>> = Arc::default();
    let count = Arc::new(AtomicUsize::new(0));
    let mut buyers = JoinSet::new();
    for buyer in 0..16 {
        let (merchant, answered, count) = (merchant.clone(), answered.clone(), count.clone());
        buyers.spawn(async move {
            for n in 0.. {
                let key = format!("{buyer}-{n}");
                let body = json!({"amount": 100, "currency": "EUR", "token": "tok_ok"});
                let Some((201, _)) = merchant.try_post("/v1/authorisations", &key, body).await else { return };
                let body = json!({"authorisation_key": key});
                let Some((201, _)) = merchant.try_post("/v1/captures", &format!("{key}/c"), body).await else { return };
                answered.lock().unwrap().push(key);
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while count.load(Ordering::Relaxed) < 300 {
        tokio::task::yield_now().await;
    }
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    buyers.join_all().await;

    let sandbox = Sandbox::start(config(directory.path())).await;
    let ledger = sandbox.merchant.ledger().await;
    let captured: std::collections::HashSet<&str> =
        ledger.iter().filter(|entry| entry["captured"] == 100).map(|entry| entry["key"].as_str().unwrap()).collect();
    let answered = std::mem::take(&mut *answered.lock().unwrap());
    for key in &answered {
        assert!(captured.contains(key.as_str()), "{key} was answered and is forgotten");
        let body = json!({"authorisation_key": key});
        let (status, again) = sandbox.merchant.post("/v1/captures", &format!("{key}/c"), body).await;
        assert_eq!(
            (status, &again["authorisation"]["captured"]),
            (200, &json!(100)),
            "its key still does nothing twice"
        );
    }
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn half_a_record_is_cut_off_and_a_damaged_one_is_not_guessed_at() {
    let directory = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(config(directory.path())).await;
    sandbox.merchant.authorise("a", 100, "tok_ok").await;
    sandbox.stop().await.unwrap();
    let path = directory.path().join("journal.ndjson");
    let whole = std::fs::read(&path).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&whole[..whole.len() / 2]).unwrap();

    let sandbox = Sandbox::start(config(directory.path())).await;
    assert_eq!(sandbox.merchant.ledger().await.len(), 1);
    sandbox.merchant.authorise("b", 100, "tok_ok").await;
    sandbox.stop().await.unwrap();
    let sandbox = Sandbox::start(config(directory.path())).await;
    assert_eq!(sandbox.merchant.ledger().await.len(), 2);
    sandbox.stop().await.unwrap();

    let ids = |ledger: Vec<serde_json::Value>| ledger.iter().map(|entry| entry["id"].to_string()).collect::<Vec<_>>();
    let sandbox = Sandbox::start(config(directory.path())).await;
    let other = tempfile::tempdir().unwrap();
    let others = Sandbox::start(config(other.path())).await;
    others.merchant.authorise("a", 100, "tok_ok").await;
    let (ours, theirs) = (ids(sandbox.merchant.ledger().await), ids(others.merchant.ledger().await));
    assert!(!ours.contains(&theirs[0]), "another ledger has other ids: {ours:?} {theirs:?}");
    sandbox.stop().await.unwrap();

    std::fs::write(&path, [b"nonsense\n", whole.as_slice()].concat()).unwrap();
    let refused = Sandbox::start(config(directory.path())).await.ended().await;
    assert!(matches!(refused, Err(SandboxError::Journal(JournalError::Damaged { line: 1, .. }))), "{refused:?}");
}

#[tokio::test]
async fn two_sandboxes_never_share_a_journal() {
    let directory = tempfile::tempdir().unwrap();
    let first = Sandbox::start(config(directory.path())).await;
    first.merchant.authorise("a", 100, "tok_ok").await;
    let second = Sandbox::start(config(directory.path())).await.ended().await;
    assert!(matches!(second, Err(SandboxError::Journal(JournalError::InUse(_)))), "{second:?}");
}
