//! Shared test server: one for all test processes of a command, `souk-with-postgres`.

use std::{
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

use souk_eventually::eventually;

/// Runs this very program's tests `first` and `second` below the wrapper, as a test runner would: two processes, the second
/// after the first has ended.
fn below_the_wrapper(first: &str, second: &str, report: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_souk-with-postgres"))
        .args(["/bin/sh", "-c", r#""$0" "$1" --exact --nocapture && "$0" "$2" --exact --nocapture"#])
        .arg(std::env::current_exe().unwrap())
        .args([first, second])
        .env_remove("SOUK_TEST_DATABASE_URL")
        .env("SOUK_TEST_SHARED_REPORT", report)
        .output()
        .unwrap()
}

/// Run by the test below, twice: notes which server it was on.
#[tokio::test]
async fn helper_that_notes_its_server() {
    let Ok(report) = std::env::var("SOUK_TEST_SHARED_REPORT") else { return };
    let (test, _db) = crate::shop().await;
    let session = souk_db::Session::open(&test.url(), "looking").await.unwrap();
    let dir = session.text("show data_directory").await.unwrap().unwrap();
    let templates = "select count(*) from pg_database where datistemplate and datname like 'souk%'";
    let templates = session.text(templates).await.unwrap().unwrap();
    let before = std::fs::read_to_string(&report).unwrap_or_default();
    std::fs::write(&report, format!("{before}{dir} {templates}\n")).unwrap();
}

#[test]
fn processes_share_one_server_and_its_template_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report");
    let notes = "shared::helper_that_notes_its_server";
    let output = below_the_wrapper(notes, notes, report.to_str().unwrap());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
    let report = std::fs::read_to_string(&report).unwrap();
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines.len(), 2, "{report}");
    assert_eq!(lines[0], lines[1], "the same server, with the one template");
    let (cluster, templates) = lines[0].split_once(' ').unwrap();
    assert_eq!(templates, "1");
    assert!(!PathBuf::from(cluster).exists(), "it is gone with the command");
}

/// Run by the test below: ends without dropping its database, as a process does that a runner ends with its only test.
#[tokio::test]
async fn helper_that_leaves_its_database() {
    let Ok(report) = std::env::var("SOUK_TEST_SHARED_REPORT") else { return };
    let (test, _db) = crate::shop().await;
    let session = souk_db::Session::open(&test.url(), "leaving").await.unwrap();
    std::fs::write(&report, session.text("select current_database()").await.unwrap().unwrap()).unwrap();
    std::process::exit(0);
}

/// Run by the test below, after the one above: waits until that one's database is gone.
#[tokio::test]
async fn helper_that_sees_a_left_database_go() {
    let Ok(report) = std::env::var("SOUK_TEST_SHARED_REPORT") else { return };
    let left = std::fs::read_to_string(&report).unwrap();
    let (test, _db) = crate::shop().await;
    let session = souk_db::Session::open(&test.url(), "looking").await.unwrap();
    let names = "select string_agg(datname, ' ') from pg_database where datname like 'souk_test_%'";
    let own = session.text("select current_database()").await.unwrap().unwrap();
    eventually("the left database is dropped", Duration::from_secs(30), async || {
        let names = session.text(names).await.unwrap().unwrap();
        if names.split(' ').any(|name| name == left) { Err(names) } else { Ok(()) }
    })
    .await;
    assert!(session.text(names).await.unwrap().unwrap().contains(&own), "a running process keeps its own");
    std::fs::write(&report, "gone").unwrap();
}

#[test]
fn databases_of_ended_processes_are_dropped_while_others_run() {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report");
    let (leaves, sees) = ("shared::helper_that_leaves_its_database", "shared::helper_that_sees_a_left_database_go");
    let output = below_the_wrapper(leaves, sees, report.to_str().unwrap());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "gone");
}

#[test]
fn a_given_server_is_used_instead_of_one_of_its_own() {
    let given = "postgresql://postgres@db.example/postgres";
    let output = Command::new(env!("CARGO_BIN_EXE_souk-with-postgres"))
        .args(["/bin/sh", "-c", "echo $SOUK_TEST_DATABASE_URL; exit 7"])
        .env("SOUK_TEST_DATABASE_URL", given)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), given);
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn the_wrapper_ends_as_its_command_does() {
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_souk-with-postgres"));
        command.args(words).env_remove("SOUK_TEST_DATABASE_URL").output().unwrap()
    };
    assert_eq!(run(&["/bin/sh", "-c", "exit 7"]).status.code(), Some(7));
    let missing = run(&["/not/there"]);
    assert!(!missing.status.success() && !missing.stderr.is_empty());
    assert!(!run(&[]).status.success(), "nothing to run");
}
