use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::{Duration, Instant},
};

use souk_db::{Db, DbConfig, RowExt};
use souk_postgres::{Managed, ManagedError, ManagedOptions};

pub fn options() -> ManagedOptions {
    ManagedOptions { shared_buffers_mb: 16, max_connections: 30, ..ManagedOptions::default() }
}

async fn connect(managed: &Managed) -> Db {
    Db::connect(DbConfig::new(managed.url(), "public")).await.expect("a handle")
}

/// A data directory that the server's user may enter, as one in /srv or /var/lib would be.
pub fn open_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    dir
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

#[tokio::test]
async fn starts_from_nothing_keeps_its_data_and_starts_again_quickly() {
    let dir = open_dir();
    let managed = Managed::start(dir.path(), options()).await.unwrap();
    assert!(!managed.adopted());
    let db = connect(&managed).await;
    db.write_one("create table kept as select 42 as answer", &[]).await.unwrap();
    let sql = "select current_setting('fsync'), current_setting('jit'), current_setting('listen_addresses'),
               current_setting('is_superuser'), (select count(*) from pg_extension where extname = 'pg_stat_statements')";
    let row = db.primary().query_one(sql, &[]).await.unwrap();
    let setting = |at: usize| row.get_col::<String>(at).unwrap();
    assert_eq!((setting(0), setting(1), setting(2)), ("on".into(), "off".into(), String::new()));
    let user = fs::metadata(format!("/proc/{}", managed.pid())).unwrap().uid();
    assert_ne!(user, 0, "never as root");
    // A session of its own: Ctrl-C in our terminal does not reach it. Field 6 of stat(5) is the session.
    let stat = fs::read_to_string(format!("/proc/{}/stat", managed.pid())).unwrap();
    let session: u32 = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap().parse().unwrap();
    assert_eq!(session, managed.pid());
    assert_eq!(fs::metadata(managed.cluster_dir().join("../run")).unwrap().mode() & 0o777, 0o700);
    let pid = managed.pid();
    managed.stop().await.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "stopped means ended");

    let start = Instant::now();
    let managed = Managed::start(dir.path(), options()).await.unwrap();
    let took = start.elapsed();
    let row = connect(&managed).await.primary().query_one("select answer from kept", &[]).await.unwrap();
    assert_eq!(row.get_col::<i32>(0).unwrap(), 42);
    managed.stop().await.unwrap();
    assert!(took < Duration::from_secs(1), "a start with data took {took:?}");
}

#[tokio::test]
async fn a_second_one_on_the_same_directory_is_refused_and_commands_find_the_first() {
    let dir = open_dir();
    assert_eq!(Managed::find_running(dir.path()).await.unwrap(), None);
    let managed = Managed::start(dir.path(), options()).await.unwrap();
    let error = Managed::start(dir.path(), options()).await.err().unwrap();
    assert!(matches!(error, ManagedError::InUse { .. }));
    let text = error.to_string();
    assert!(text.contains(&std::process::id().to_string()) && text.contains("--data-dir"), "{text}");
    assert_eq!(Managed::find_running(dir.path()).await.unwrap(), Some(managed.url()));
    managed.stop().await.unwrap();
    assert_eq!(Managed::find_running(dir.path()).await.unwrap(), None);
}

#[tokio::test]
async fn one_that_survived_a_crash_of_ours_is_adopted() {
    let dir = open_dir();
    // A process that dies without stopping its server leaves exactly this: the server, and no lock.
    let first = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["managed::helper_that_crashes", "--exact"])
        .env("SOUK_DB_CRASH_DIR", dir.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(!first.success(), "it aborts");
    let found = Managed::find_running(dir.path()).await.unwrap().expect("its server still runs");
    let managed = Managed::start(dir.path(), options()).await.unwrap();
    assert!(managed.adopted());
    assert_eq!(managed.url(), found);
    connect(&managed).await.ping().await.unwrap();
    managed.stop().await.unwrap();
    assert_eq!(Managed::find_running(dir.path()).await.unwrap(), None);
    let again = Managed::start(dir.path(), options()).await.unwrap();
    assert!(!again.adopted());
    again.stop().await.unwrap();
}

/// Run by the test above in a process of its own.
#[tokio::test]
async fn helper_that_crashes() {
    let Ok(dir) = std::env::var("SOUK_DB_CRASH_DIR") else { return };
    let managed = Managed::start(Path::new(&dir), options()).await.unwrap();
    connect(&managed).await.ping().await.unwrap();
    std::process::abort();
}

#[tokio::test]
async fn data_of_another_version_and_a_server_that_cannot_start_say_why() {
    let dir = open_dir();
    let managed = Managed::start(dir.path(), options()).await.unwrap();
    let cluster = managed.cluster_dir().to_owned();
    managed.stop().await.unwrap();

    let bad = ManagedOptions { settings: vec![("no_such_setting".into(), "1".into())], ..options() };
    let error = Managed::start(dir.path(), bad).await.err().unwrap();
    assert!(matches!(&error, ManagedError::NotStarted { tail, .. } if tail.contains("no_such_setting")), "{error}");

    fs::write(cluster.join("PG_VERSION"), "12\n").unwrap();
    let error = Managed::start(dir.path(), options()).await.err().unwrap();
    assert!(matches!(error, ManagedError::OtherVersion { cluster: 12, .. }), "{error}");
    assert!(error.to_string().contains("postgresql-12"), "{error}");
}

#[tokio::test]
async fn a_directory_with_a_very_long_name_gets_a_short_socket() {
    let dir = open_dir();
    let long = dir.path().join("x".repeat(90)).join("y".repeat(90));
    let managed = Managed::start(&long, options()).await.unwrap();
    connect(&managed).await.ping().await.unwrap();
    let socket_dir = managed.socket_dir().to_owned();
    assert!(!socket_dir.starts_with(dir.path()) && socket_dir.exists(), "{socket_dir:?}");
    managed.stop().await.unwrap();
    assert!(!socket_dir.exists(), "a place borrowed from others is tidied up");
}

#[tokio::test]
async fn below_a_directory_only_root_may_enter_it_lives_elsewhere_and_is_found_again() {
    if !is_root() {
        // An ordinary user's server runs as that user, who may enter their own directories: there is no elsewhere.
        return;
    }
    let closed = tempfile::tempdir().unwrap();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let data_dir = closed.path().join("data");
    let managed = Managed::start(&data_dir, options()).await.unwrap();
    let cluster = managed.cluster_dir().to_owned();
    assert!(!cluster.starts_with(closed.path()), "{cluster:?}");
    connect(&managed).await.write_one("create table kept as select 42 as answer", &[]).await.unwrap();
    managed.stop().await.unwrap();

    let managed = Managed::start(&data_dir, options()).await.unwrap();
    assert_eq!(managed.cluster_dir(), cluster);
    connect(&managed).await.primary().query_one("select answer from kept", &[]).await.unwrap();
    managed.stop().await.unwrap();

    // The data directory deleted means a new shop; the old one's data is moved aside, not deleted and not shown again.
    fs::remove_dir_all(&data_dir).unwrap();
    let managed = Managed::start(&data_dir, options()).await.unwrap();
    connect(&managed).await.primary().query_one("select answer from kept", &[]).await.expect_err("a new shop");
    managed.stop().await.unwrap();
    let base = cluster.parent().unwrap();
    let name = base.file_name().unwrap().to_str().unwrap().to_owned();
    let mut aside = Vec::new();
    for entry in fs::read_dir(base.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_str().unwrap().starts_with(&format!("{name}.orphan")) {
            aside.push(entry.path());
        }
    }
    assert_eq!(aside.len(), 1);

    // And a remembered cluster that vanished is an error, not an empty shop.
    fs::remove_dir_all(base).unwrap();
    let error = Managed::start(&data_dir, options()).await.err().unwrap();
    assert!(matches!(error, ManagedError::Gone { .. }), "{error}");
    fs::remove_dir_all(&aside[0]).unwrap();
}

#[tokio::test]
async fn tcp_only_when_asked_and_only_with_the_password() {
    let dir = open_dir();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let with_tcp = ManagedOptions { tcp_port: Some(port), ..options() };
    let managed = Managed::start(dir.path(), with_tcp).await.unwrap();
    connect(&managed).await.ping().await.unwrap();
    let url = managed.tcp_url().unwrap().to_owned();
    Db::connect(DbConfig::new(&url, "public")).await.unwrap().ping().await.unwrap();
    let (before, after) = url.split_once('@').unwrap();
    let (user, _) = before.rsplit_once(':').unwrap();
    let wrong = Db::connect(DbConfig::new(format!("{user}:wrong@{after}"), "public")).await.unwrap();
    wrong.ping().await.expect_err("a wrong password");
    managed.stop().await.unwrap();
}
