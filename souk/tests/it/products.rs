//! Import and export beside a running shop.

use serde_json::Value;
use souk_testkit::eventually;

use crate::place::{PATIENCE, Place, said};

const CSV: &str = "\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,Status
brass-kettle,Brass Kettle,<p>Whistles when it is <b>done</b>.</p>,Smithy,Kettles,\"kitchen, gift\",true,Size,Small,KET-S,900,4,39.90,active
brass-kettle,,,,,,,,Large,KET-L,1400,0,49.90,
walnut-board,Walnut Board,<p>For bread.</p>,Joiner,Boards,kitchen,true,Title,Default Title,BRD-1,1200,7,24.00,active
broken,Broken Price,,Nobody,Boards,,true,Title,Default Title,BAD-1,1,1,minus one,active
";

fn report(place: &Place, words: &[&str], file: &str) -> Value {
    let mut command = place.command(&["import", "products", "--json"]);
    serde_json::from_str(&said(command.args(words).arg(file))).unwrap()
}

fn numbers(report: &Value) -> [u64; 5] {
    ["created", "updated", "unchanged", "prices", "stocked"].map(|name| report[name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn import_export_and_round_trip() {
    let place = Place::new();
    let shop = place.up(&["--empty"]).await;
    let file = place.file("products.csv", CSV);
    let file = file.to_str().unwrap();

    let dry = report(&place, &["--mapping", "shopify", "--dry-run"], file);
    assert_eq!((dry["dry_run"].as_bool(), dry["created"].as_u64()), (Some(true), Some(2)), "{dry}");
    let list: Value = place.shop().get("/api/v1/products").await.json();
    assert_eq!(list["items"], serde_json::json!([]), "a dry run changes nothing");

    let first = report(&place, &["--mapping", "shopify"], file);
    assert_eq!(numbers(&first), [2, 0, 0, 3, 3], "{first}");
    assert_eq!(first["refused_lines"].as_array().unwrap().len(), 1, "{first}");
    // The running shop shows and finds what came in.
    let kettle: Value = eventually("the kettle is shown", PATIENCE, || async {
        let reply = place.shop().get("/api/v1/products/brass-kettle").await;
        if reply.status == 200 { Ok(reply.json()) } else { Err(reply.text()) }
    })
    .await;
    assert_eq!(kettle["variants"].as_array().unwrap().len(), 2, "{kettle}");
    assert!(!kettle["description"].as_str().unwrap().contains('<'), "{kettle}");
    eventually("the kettle is found", PATIENCE, || async {
        let found = place.shop().search("whistling kettle").await;
        if found["total"] == 1 { Ok(()) } else { Err(found) }
    })
    .await;

    let second = report(&place, &["--mapping", "shopify"], file);
    assert_eq!(numbers(&second), [0, 0, 2, 0, 0], "a second run changes nothing: {second}");

    let dry = report(&place, &["--mapping", "shopify", "--dry-run"], file);
    assert_eq!(numbers(&dry), [0, 0, 2, 0, 0], "and a dry run knows that it would: {dry}");

    // What is different is told, of each product and before anything is changed.
    let other = CSV.replace(",39.90,", ",45.00,").replace("BAD-1,1,1,minus one", "BAD-1,1,1,3.00");
    let other = place.file("other.csv", &other);
    let table = place.file("report.csv", "");
    let mut preview = place.command(&["import", "products", "--dry-run"]);
    let told = said(preview.arg("--report").arg(&table).arg(&other));
    let change = "updated: price of KET-S 39.90 EUR -> 45.00 EUR";
    for line in [
        format!("lines 2-3 (brass-kettle): {change}"),
        "line 4 (walnut-board): unchanged".into(),
        "line 5 (broken): created".into(),
    ] {
        assert!(told.contains(&line), "{told}");
    }
    assert!(
        told.contains("products: would be created 1, updated 1, unchanged 1, refused 0; prices changed 2, stock set 1"),
        "{told}"
    );
    let table = std::fs::read_to_string(&table).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(
        rows[..2],
        [
            "line,last line,product,result,details,code",
            "2,3,brass-kettle,updated,price of KET-S 39.90 EUR -> 45.00 EUR,"
        ]
    );
    assert_eq!(rows.len(), 4, "{table}");

    // Export, import it again: unchanged. In an empty shop: the same products, to the byte.
    let export = |place: &Place| said(&mut place.command(&["export", "products"]));
    let exported = export(&place);
    assert_eq!(exported.lines().count(), 2, "{exported}");
    let own = place.file("export.ndjson", &exported);
    let own = own.to_str().unwrap();
    let again = report(&place, &["--update-stock"], own);
    assert_eq!(numbers(&again), [0, 0, 2, 0, 0], "{again}");
    let sheet = said(&mut place.command(&["export", "products", "--csv"]));
    let mut rows = sheet.lines();
    assert!(rows.next().unwrap().starts_with("source,external_id,slug,title,"), "{sheet}");
    assert_eq!(rows.count(), 3, "a row per variant: {sheet}");
    shop.stop().await;

    let copy = Place::new();
    copy.up(&["--empty"]).await.stop().await;
    let copied = report(&copy, &[], own);
    assert_eq!(numbers(&copied), [2, 0, 0, 3, 3], "{copied}");
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&export(&copy)), sorted(&exported), "also while neither shop runs");
    assert_eq!(sorted(&export(&place)), sorted(&exported));
}
