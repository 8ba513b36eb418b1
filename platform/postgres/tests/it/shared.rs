//! Shared test server: one for all test processes of a command, `souk-with-postgres`.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

/// Runs this very program's test `name` below the wrapper, as a test runner would.
fn below_the_wrapper(name: &str, report: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_souk-with-postgres"))
        .arg("/bin/sh")
        .arg("-c")
        // Two processes, one after the other, the second after the first has ended.
        .arg(r#""$0" "$1" --exact && "$0" "$1" --exact"#)
        .arg(std::env::current_exe().unwrap())
        .arg(name)
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
    let output = below_the_wrapper("shared::helper_that_notes_its_server", report.to_str().unwrap());
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

#[test]
fn the_wrapper_ends_as_its_command_does() {
    let run = |words: &[&str]| Command::new(env!("CARGO_BIN_EXE_souk-with-postgres")).args(words).output().unwrap();
    assert_eq!(run(&["/bin/sh", "-c", "exit 7"]).status.code(), Some(7));
    let missing = run(&["/not/there"]);
    assert!(!missing.status.success() && !missing.stderr.is_empty());
    assert!(!run(&[]).status.success(), "nothing to run");
}
