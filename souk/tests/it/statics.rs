//! Commands that need no shop.

use serde_json::Value;

use crate::place::{Place, complaint, said, souk};

#[test]
fn roles_for_machines_and_people() {
    let rows: Vec<Value> = serde_json::from_str(&said(souk().args(["roles", "--json"]))).unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, souk::all_roles());
    let order = rows.iter().find(|row| row["name"] == "order").unwrap();
    assert!(order["calls"].as_array().unwrap().contains(&"payment".into()) && order["port"].is_u64(), "{order}");
    let text = said(souk().arg("roles"));
    assert!(names.iter().all(|name| text.contains(name)), "{text}");
}

#[test]
fn a_bad_configuration_is_explained() {
    let place = Place::new();
    let check = |text: &str| {
        let file = place.file("bad.toml", text);
        complaint(souk().args(["config", "check", "--config"]).arg(file))
    };
    let told = check("[public]\nurl = \"http://shop.example\"\n[internal.ports]\ncatalogue = 1\n");
    assert!(told.contains("public.url") && told.contains("use https"), "{told}");
    assert!(told.contains("internal.ports.catalogue") && told.contains("no such role"), "{told}");
    for (line, key) in [(2, "public.url: "), (4, "internal.ports.catalogue: ")] {
        assert!(told.contains(&format!("bad.toml:{line}: {key}")), "the line is named: {told}");
    }
    let told = complaint(
        souk().args(["config", "check", "--role", "payment,search-worker"]).env("SOUK_INTERNAL__HOST", "0.0.0.0"),
    );
    assert!(told.contains("SOUK_INTERNAL__HOST: internal.host: 0.0.0.0"), "{told}");
    assert!(
        told.contains("payment.sandbox_url: role payment") && told.contains("warning: search.opensearch"),
        "{told}"
    );
    assert!(complaint(souk().args(["config", "check", "--role", "pay"])).contains("no role \"pay\""));
    let told = check("[public]\nlisten = \"nowhere\"\n");
    assert!(told.contains("bad.toml") && told.contains("public.listen"), "{told}");
    assert!(check("[publik]\n").contains("publik"));
    let told = complaint(souk().args(["config", "check", "--config", "/nowhere/souk.toml"]));
    assert!(told.contains("no such file"), "{told}");
    let told = complaint(souk().args(["config", "check"]).env("SOUK_PUBLIC__CACHE_MIB", "lots"));
    assert!(told.contains("cache_mib"), "{told}");
    // Variables with a meaning of their own are no settings.
    let mut check = souk();
    check.args(["config", "check"]).env("SOUK_DATABASE_URL", "postgresql://localhost/x").env("SOUK_LOG", "warn");
    assert!(said(check.env("SOUK_MASTER_KEY", "00").env("SOUK_TEST_ANYTHING", "x")).contains("fine"));
    // What cannot work is not started either.
    let file = place.file("bad.toml", "[public]\nurl = \"ftp://shop.example\"\n");
    let told = complaint(souk().args(["up", "--config"]).arg(file).arg("--data-dir").arg(place.data()));
    assert!(told.contains("public.url"), "{told}");

    assert!(said(souk().args(["config", "check"]).env("SOUK_DATABASE__URL", "postgresql://a:pw@h/d")).contains("fine"));
    let shown = said(souk().args(["config", "print"]).env("SOUK_DATABASE__URL", "postgresql://souk:s3cret@db/souk"));
    assert!(shown.contains("souk:***@db") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn what_is_not_understood_is_said() {
    for (words, told) in [
        (vec!["serve", "--role", "catalogue", "--database-url", "postgresql://localhost/none"], "catalogue"),
        (vec!["serve", "--role", "catalog"], "--database-url"),
        (vec!["import", "products", "/nowhere.ndjson"], "nowhere.ndjson"),
        (vec!["up", "--listen", "8080"], "127.0.0.1:8080"),
    ] {
        let error = complaint(souk().args(&words));
        assert!(error.contains(told), "{words:?}: {error}");
    }
}
