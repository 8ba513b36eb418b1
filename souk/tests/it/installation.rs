//! Installation, what it is made of and is not made by mistake: its master key, its data directory, its files' modes, its
//! variables.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use souk_postgres::TestDb;
use souk_testkit::free_port;

use crate::place::{Place, Running, complaint, run, souk};

const OTHER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_or_wrong_master_key_is_named_and_none_is_made() {
    let place = Place::new();
    place.up(&["--empty"]).await.stop().await;
    let file = place.data().join("master.key");
    let key = std::fs::read_to_string(&file).unwrap();
    let up = || place.command(&["up", "--empty"]);
    std::fs::remove_file(&file).unwrap();
    for mut command in
        [up(), place.command(&["orders", "list"]), place.command(&["psp-sandbox", "--listen", "127.0.0.1:0"])]
    {
        let told = complaint(&mut command);
        assert!(told.contains("master key is lost") && told.contains("docs/operations.md"), "{told}");
        assert!(!file.exists(), "none is made");
    }
    std::fs::write(&file, OTHER).unwrap();
    let told = complaint(&mut up());
    assert!(told.contains("master.key is not this database's"), "{told}");
    std::fs::write(&file, &key).unwrap();
    let told = complaint(up().env("SOUK_MASTER_KEY", OTHER));
    assert!(told.contains("SOUK_MASTER_KEY is not this database's"), "{told}");
    place.up(&["--empty"]).await.stop().await;
}

/// A database that is given, and processes on other machines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_has_one_master_key() {
    let (db, place, elsewhere) = (TestDb::new(&souk::all_migrations()).await, Place::new(), Place::new());
    let serve = |place: &Place| {
        let mut command = place.command(&["serve", "--role", "inventory"]);
        command.env("SOUK_DATABASE_URL", db.url()).env("SOUK_INTERNAL__PORTS__INVENTORY", free_port().to_string());
        command
    };
    Running::start(serve(&place), place.log("first"), "ready").await.stop().await;
    let told = complaint(&mut serve(&elsewhere));
    assert!(told.contains("master key is lost") && !elsewhere.data().join("master.key").exists(), "{told}");
    let told = complaint(serve(&elsewhere).env("SOUK_MASTER_KEY", OTHER));
    assert!(told.contains("not this database's"), "{told}");
    let key = std::fs::read_to_string(place.data().join("master.key")).unwrap();
    let mut command = serve(&elsewhere);
    command.env("SOUK_MASTER_KEY", key.trim());
    Running::start(command, elsewhere.log("second"), "ready").await.stop().await;
}

#[test]
fn tools_make_no_shop_of_a_mistyped_directory() {
    let place = Place::new();
    let file = place.file("products.csv", "Handle,Title,Variant Price,Variant SKU\na,A,1.00,A-1\n");
    let file = file.to_str().unwrap();
    for words in [
        &["orders", "list"][..],
        &["import", "products", "--mapping", "shopify", file],
        &["import", "demo"],
        &["export", "products"],
        &["migrate"],
    ] {
        let told = complaint(&mut place.command(words));
        assert!(told.contains("there is no shop in") && told.contains("--data-dir"), "{words:?}: {told}");
        assert!(!place.data().exists(), "{words:?} made {}", place.data().display());
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_holds_personal_data_is_for_its_owner_only() {
    let place = Place::new();
    let provider = place.provider().await;
    let shop = place.up(&["--empty"]).await;
    assert_eq!(mode(&place.data().join("sandbox")), 0o700);
    for file in ["sandbox/journal.ndjson", "master.key"] {
        assert_eq!(mode(&place.data().join(file)), 0o600, "{file}");
    }
    shop.stop().await;
    provider.stop().await;
}

fn check(words: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut command: Command = souk();
    command.args(["config", "check"]).args(words).envs(variables.iter().copied());
    let output = run(&mut command);
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// As in a pod beside services of these names.
const KUBERNETES: &[(&str, &str)] = &[
    ("SOUK_GATEWAY_PORT", "tcp://10.0.0.1:80"),
    ("SOUK_GATEWAY_SERVICE_HOST", "10.0.0.1"),
    ("SOUK_ORDER_PORT_7115_TCP_ADDR", "10.0.0.2"),
    ("SOUK_INTERNAL__PORTS__CART_SERVICE_HOST", "10.0.0.3"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_of_others_end_nothing_and_are_named() {
    let (fine, told) = check(&[], KUBERNETES);
    assert!(fine, "{told}");
    for (name, _) in KUBERNETES {
        assert!(told.contains(&format!("warning: {name}: ")), "{told}");
    }
    let (fine, told) = check(&["--strict"], KUBERNETES);
    assert!(!fine && told.contains("SOUK_GATEWAY_PORT"), "{told}");
    assert_eq!(check(&["--strict"], &[("SOUK_PUBLIC__CACHE_MIB", "64")]), (true, String::new()));

    for (name, value, reason) in [
        ("SOUK_PUBLIC__LISTEN", "nowhere", "invalid socket address"),
        ("SOUK_PUBLIC__CACHE_MIB", "tcp://10.0.0.1:80", "expected u64"),
        ("SOUK_PUBLIC", "tcp://10.0.0.1:80", "expected struct"),
        ("SOUK_PUBLIC__TRUSTED_PROXIES", "[\"0.0.0.0/0\"]", "everybody"),
        ("SOUK_LOG__FILTER", "infoo", "neither a level"),
        ("SOUK_LOG", "souk_order=loud", "neither a level"),
    ] {
        let (fine, told) = check(&[], &[(name, value)]);
        assert!(!fine && told.contains(name) && told.contains(reason), "{name}={value}: {told}");
    }

    let place = Place::new();
    let mut command = place.command(&["up", "--empty"]);
    command.envs(KUBERNETES.iter().copied());
    let shop = Running::start(command, place.log("shop"), "the shop is open").await;
    assert_eq!(shop.said().matches("SOUK_GATEWAY_PORT").count(), 1, "{}", shop.said());
    shop.stop().await;
}
