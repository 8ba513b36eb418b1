//! Reader process for crash tests, to be killed: this test binary, told to run the one ignored test below.

use std::process::Stdio;
use std::sync::Arc;

use async_trait::async_trait;
use souk_db::{Db, DbConfig, Tx};
use souk_flow::{Consumer, Envelope, EventLog, Source, run_consumer};
use souk_kernel::Problem;
use souk_runtime::Tasks;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::setup::{SOURCES, Setup, note};
use crate::Happened;

const DATABASE: &str = "SOUK_TEST_READER_DATABASE";
const KAFKA: &str = "SOUK_TEST_READER_KAFKA";
/// What it prints before it hangs.
const HANGS: &str = "in the middle";

/// Like the scribe, and hangs when it has written something down and not committed it.
struct Hanging;

#[async_trait]
impl Consumer for Hanging {
    fn name(&self) -> &'static str {
        "mail.scribe"
    }
    fn sources(&self) -> &'static [Source] {
        SOURCES
    }
    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        for event in events {
            note(tx, &event.parse::<Happened>()?.expect("only these are asked for")).await?;
        }
        println!("\n{HANGS}");
        std::future::pending().await
    }
}

/// Starts the process, waits until it hangs with the feed in its hands, and kills it.
pub async fn start_and_kill_in_the_middle(setup: &Setup) {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "events::process::reader", "--ignored", "--nocapture"]).env(DATABASE, setup.test.url());
    if let Some(relayed) = &setup.kafka {
        command.env(KAFKA, relayed.place());
    }
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("it hangs before it ends");
        if line == HANGS {
            break;
        }
    }
    child.kill().await.unwrap();
}

#[tokio::test]
#[ignore = "a process that other tests start and kill"]
async fn reader() {
    let url = std::env::var(DATABASE).expect("other tests set it");
    let mail = Db::connect(DbConfig::new(url, "mail")).await.unwrap();
    let tasks = Tasks::new();
    run_consumer(&tasks, &mail, &events(&tasks), Arc::new(Hanging));
    std::future::pending::<()>().await;
}

fn events(tasks: &Tasks) -> EventLog {
    match std::env::var(KAFKA) {
        Ok(place) => EventLog::Broker(super::broker::connect(tasks, &place)),
        Err(_) => EventLog::Postgres,
    }
}
