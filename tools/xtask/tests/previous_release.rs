//! Tests of `scripts/previous-release` in histories of every kind.
#![allow(clippy::unwrap_used)] // a test may panic

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SCRIPT: &str = "scripts/previous-release";

fn git(dir: &Path, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always"]);
    let output = command.args(words).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with the script and a commit of each of these names; their ids.
fn history(dir: &Path, names: &[&str]) -> (PathBuf, Vec<String>) {
    let repository = dir.join("origin");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join(SCRIPT);
    std::fs::create_dir_all(repository.join("scripts")).unwrap();
    std::fs::create_dir_all(repository.join("deploy")).unwrap();
    std::fs::copy(script, repository.join(SCRIPT)).unwrap();
    git(&repository, &["init", "-q"]);
    let mut ids = Vec::new();
    for name in names {
        std::fs::write(repository.join("file"), name).unwrap();
        let named = ids.first().map_or("0000000000000000000000000000000000000000", String::as_str);
        std::fs::write(repository.join("deploy/previous-release"), format!("# The first.\n{named}\n")).unwrap();
        git(&repository, &["add", "-A"]);
        git(&repository, &["commit", "-q", "-m", name]);
        ids.push(git(&repository, &["rev-parse", "HEAD"]));
    }
    (repository, ids)
}

fn ask(repository: &Path) -> Output {
    // A temporary directory may lie below another repository.
    let above = repository.parent().unwrap();
    Command::new(repository.join(SCRIPT)).arg("commit").env("GIT_CEILING_DIRECTORIES", above).output().unwrap()
}

fn answer(repository: &Path) -> String {
    let output = ask(repository);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn complaint(repository: &Path) -> String {
    let output = ask(repository);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_last_tag_before_or_what_the_file_names() {
    let dir = tempfile::tempdir().unwrap();
    let (repository, ids) = history(dir.path(), &["a", "b", "c", "d"]);
    assert_eq!(answer(&repository), ids[0], "no tag: what the file names");
    git(&repository, &["tag", "-m", "v", "v0.1.0", &ids[1]]);
    git(&repository, &["tag", "other", &ids[2]]);
    assert_eq!(answer(&repository), ids[1]);
    git(&repository, &["tag", "v0.2.0"]);
    assert_eq!(answer(&repository), ids[1], "a release is not its own predecessor");
}

#[test]
fn without_its_history_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    let (repository, _) = history(dir.path(), &["a"]);
    assert!(complaint(&repository).contains("not in the history"));
    std::fs::remove_dir_all(repository.join(".git")).unwrap();
    assert!(complaint(&repository).contains("no repository"));
}

#[test]
fn a_shallow_clone_fetches_it_or_warns_aloud() {
    let dir = tempfile::tempdir().unwrap();
    let (repository, ids) = history(dir.path(), &["a", "b", "c"]);
    let clone = |name: &str| {
        let url = format!("file://{}", repository.display());
        git(dir.path(), &["clone", "-q", "--depth=1", &url, name]);
        dir.path().join(name)
    };
    let connected = clone("connected");
    git(&connected, &["config", "protocol.file.allow", "always"]);
    assert_eq!(answer(&connected), ids[0]);
    let alone = clone("alone");
    git(&alone, &["remote", "remove", "origin"]);
    let output = ask(&alone);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("WARNING: THE UPGRADE WAS NOT TESTED"));
}
