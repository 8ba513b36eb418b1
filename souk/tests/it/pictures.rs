//! Import of products whose pictures lie beside the file: what is stored, what is said, and that a second run finds nothing to do.

use std::io::Write;
use std::path::Path;

use serde_json::Value;

use souk_testkit::eventually;

use crate::place::{PATIENCE, Place, said};

const HEAD: &str = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Variant Image\n";

/// A drawing: kept as it is, so that its address can be told.
fn drawing(colour: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><path fill=\"{colour}\" d=\"M0 0h9v9z\"/></svg>"
    )
}

/// A photograph of 24 by 18 pixels: a bitmap that is stored and not packed.
fn photograph(shade: u8) -> Vec<u8> {
    let (width, height) = (24u32, 18u32);
    let rows: Vec<u8> =
        (0..height).flat_map(|_| std::iter::once(0).chain((0..width * 3).map(move |_| shade))).collect();
    let adler = rows.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    let length = u16::try_from(rows.len()).unwrap();
    let mut data = vec![0x78, 0x01, 0x01];
    data.extend(length.to_le_bytes());
    data.extend((!length).to_le_bytes());
    data.extend(&rows);
    data.extend(((adler.1 << 16) | adler.0).to_be_bytes());
    let mut header: Vec<u8> = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [(b"IHDR", header.as_slice()), (b"IDAT", &data), (b"IEND", &[])] {
        let typed = [kind.as_slice(), content].concat();
        png.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        png.extend(&typed);
        png.extend(crc(&typed).to_be_bytes());
    }
    png
}

fn crc(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)))
}

/// What an import reports.
fn import(place: &Place, words: &[&str], file: &Path) -> Value {
    let mut command = place.command(&["import", "products", "--json"]);
    serde_json::from_str(&said(command.args(words).arg(file))).unwrap()
}

fn counts(report: &Value) -> [u64; 3] {
    ["created", "updated", "unchanged"].map(|name| report[name].as_u64().unwrap())
}

/// Found, missing, refused, addresses.
fn pictures(report: &Value) -> [u64; 4] {
    ["found", "missing", "refused", "addresses"].map(|name| report["pictures"][name].as_u64().unwrap())
}

fn codes(report: &Value, list: &str) -> Vec<String> {
    report[list].as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap().to_owned()).collect()
}

/// The products of a shop by their ids.
fn exported(place: &Place) -> Vec<Value> {
    let text = said(&mut place.command(&["export", "products"]));
    let mut products: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    products.sort_by_key(|product| product["external_id"].as_str().unwrap().to_owned());
    products
}

fn product<'a>(products: &'a [Value], id: &str) -> &'a Value {
    products.iter().find(|product| product["external_id"] == id).unwrap()
}

/// How many objects the shop keeps that are originals or full sizes.
fn stored(place: &Place) -> usize {
    let mut folders = vec![place.data().join("media")];
    let mut hashes = std::collections::HashSet::new();
    while let Some(folder) = folders.pop() {
        let Ok(items) = std::fs::read_dir(folder) else { continue };
        for item in items.map(Result::unwrap) {
            match item.file_type().unwrap().is_dir() {
                true => folders.push(item.path()),
                false => drop(hashes.insert(item.file_name().to_string_lossy().chars().take(64).collect::<String>())),
            }
        }
    }
    hashes.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_beside_the_file_are_kept() {
    let place = Place::new();
    place.up(&["--empty"]).await.stop().await;
    let images = place.file("images", "");
    std::fs::remove_file(&images).unwrap();
    std::fs::create_dir_all(images.join("m/u")).unwrap();
    std::fs::write(images.join("m/u/mug.svg"), drawing("red")).unwrap();
    std::fs::write(images.join("plate.png"), photograph(90)).unwrap();
    std::fs::write(images.join("words.jpg"), "no picture at all").unwrap();
    let csv = format!(
        "{HEAD}mug,Mug,Size,S,MUG-S,5,/m/u/MUG.svg,words.jpg\n\
         mug,,,L,MUG-L,6,https://cdn.example/mug.jpg,plate.png\n\
         plate,Plate,,,PLATE,7,C:\\pictures\\plate.png,\n\
         pan,Pan,,,PAN,8,none.jpg,\n"
    );
    let file = place.file("products.csv", &csv);
    let with = ["--images", images.to_str().unwrap()];

    let dry = import(&place, &[&with[..], &["--dry-run"]].concat(), &file);
    assert_eq!((counts(&dry), stored(&place)), ([3, 0, 0], 0), "a dry run stores nothing: {dry}");
    assert_eq!((pictures(&dry)[1], codes(&dry, "warnings")), (1, vec!["missing_picture".into()]), "{dry}");

    let first = import(&place, &with, &file);
    assert_eq!(counts(&first), [3, 0, 0], "{first}");
    assert_eq!(pictures(&first), [3, 1, 1, 1], "{first}");
    assert_eq!(codes(&first, "refused_pictures"), ["not_a_picture"], "{first}");
    assert_eq!(stored(&place), 2, "a picture of two products is there once");
    let products = exported(&place);
    let addresses = |id: &str| -> Vec<String> {
        let media = product(&products, id)["media"].as_array().cloned().unwrap_or_default();
        media.iter().map(|m| m["url"].as_str().or(m["source_url"].as_str()).unwrap().to_owned()).collect()
    };
    let mug = addresses("mug");
    assert!(mug[0].starts_with("/media/") && mug[0].ends_with(".svg"), "{mug:?}");
    assert_eq!((mug[1].as_str(), mug[2].as_str()), ("https://cdn.example/mug.jpg", addresses("plate")[0].as_str()));
    let shown = |at: usize| product(&products, "mug")["variants"][at]["media"].as_str().map(str::to_owned);
    assert_eq!(
        (shown(0), shown(1)),
        (None, Some(mug[2].clone())),
        "a variant keeps its picture, not one that was refused"
    );
    assert_eq!(addresses("pan"), Vec::<String>::new());

    let second = import(&place, &with, &file);
    assert_eq!((counts(&second), pictures(&second)), ([0, 0, 3], [3, 1, 1, 0]), "{second}");
    std::fs::rename(images.join("plate.png"), images.join("m/plate.png")).unwrap();
    let moved = import(&place, &with, &file);
    assert_eq!(counts(&moved), [0, 0, 3], "the same picture elsewhere is no change: {moved}");
    std::fs::write(images.join("m/u/mug.svg"), drawing("blue")).unwrap();
    let dry = import(&place, &[&with[..], &["--dry-run"]].concat(), &file);
    assert_eq!((counts(&dry), stored(&place)), ([0, 1, 2], 2), "{dry}");
    let other = import(&place, &with, &file);
    assert_eq!((counts(&other), stored(&place)), ([0, 1, 2], 3), "another picture under the same name is one: {other}");

    // What comes out goes in again: here without a change, and into another shop when the stored files are copied there.
    let products = exported(&place);
    let lines: Vec<String> = products.iter().map(Value::to_string).collect();
    let own = place.file("export.ndjson", &lines.join("\n"));
    let again = import(&place, &[], &own);
    assert_eq!(counts(&again), [0, 0, 3], "{again}");
    let copy = Place::new();
    copy.up(&["--empty"]).await.stop().await;
    let (from, to) = (place.data().join("media"), copy.data().join("media"));
    said(std::process::Command::new("cp").arg("-r").arg(from.join(".")).arg(to));
    assert_eq!(counts(&import(&copy, &[], &own)), [3, 0, 0]);
    assert_eq!(exported(&copy), products);
}

/// A server of pictures, as a merchant's old shop is.
async fn old_shop() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new()
        .route("/mug.png", axum::routing::get(|| async { photograph(7) }))
        .route("/page.jpg", axum::routing::get(|| async { "<!doctype html><p>moved" }));
    #[allow(clippy::disallowed_methods)] // ends with the test's runtime
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// From the file of an old shop to the pages of the new one, while it is open, and what is said of what could not be had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_of_the_old_shop_are_fetched_and_shown() {
    let place = Place::new();
    place.append("[media]\nfetch_private = true\n");
    let shop = place.up(&["--empty"]).await;
    let old = old_shop().await;
    let csv = format!(
        "{HEAD}mug,Mug,,,MUG,5,http://{old}/mug.png,\npan,Pan,,,PAN,8,http://{old}/page.jpg,\n\
         pot,Pot,,,POT,9,http://{old}/gone.jpg,\n"
    );
    let report = import(&place, &[], &place.file("products.csv", &csv));
    assert_eq!((counts(&report), pictures(&report)), ([3, 0, 0], [0, 0, 0, 3]), "{report}");
    let list =
        || -> Value { serde_json::from_str(&said(&mut place.command(&["pictures", "list", "--json"]))).unwrap() };
    let known = eventually("they are fetched", PATIENCE, || async {
        let known = list();
        if known["waiting"] == 0 { Ok(known) } else { Err(known.to_string()) }
    })
    .await;
    assert_eq!((&known["stored"], &known["failed"]), (&1.into(), &2.into()), "{known}");
    let mut codes = codes(&known, "items");
    codes.sort();
    assert_eq!(codes, ["not_a_picture", "picture_missing"], "{known}");
    let text = said(&mut place.command(&["pictures", "list"]));
    assert!(text.starts_with("1 pictures are shown, 0 are waiting, 2 could not be had"), "{text}");
    assert!(text.contains("the server answers 404") && text.contains("(pot)"), "{text}");
    let page = eventually("the page shows it", PATIENCE, || async {
        let page = place.shop().get("/p/mug").await.text();
        if page.contains("<picture>") { Ok(page) } else { Err(page) }
    })
    .await;
    let picture = page.split('"').find(|part| part.starts_with("/media/") && part.ends_with("-24x18.jpg")).unwrap();
    assert_eq!(place.shop().get(picture).await.header("content-type"), "image/jpeg");
    assert!(place.shop().get("/p/pan").await.text().contains("/media/art/"), "one without a picture shows a drawing");
    assert_eq!(said(&mut place.command(&["pictures", "retry"])).trim(), "2 pictures are fetched in the background");
    assert_eq!(said(&mut place.command(&["pictures", "refresh"])).trim(), "3 pictures are fetched in the background");
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_of_many_products_is_stored_once_and_later_files_are_taken() {
    let place = Place::new();
    place.up(&["--empty"]).await.stop().await;
    let archive = place.file("pictures.zip", "");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&archive).unwrap());
    for (name, content) in
        [("shop/all.png", photograph(1)), ("cdn.example/web.png", photograph(2)), ("../up.png", photograph(3))]
    {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(&content).unwrap();
    }
    zip.finish().unwrap();
    let rows: Vec<String> = (0..100).map(|at| format!("p{at:03},Product {at},,,P-{at},5,all.png,\n")).collect();
    let csv = format!("{HEAD}{}web,Web,,,WEB,5,https://cdn.example/web.png,\nup,Up,,,UP,5,../up.png,\n", rows.concat());
    let file = place.file("products.csv", &csv);

    let without = import(&place, &[], &file);
    assert_eq!((counts(&without), pictures(&without)), ([102, 0, 0], [0, 0, 0, 1]), "{without}");
    let with = ["--images", archive.to_str().unwrap()];
    let expected = ([0, 101, 1], [101, 1, 0, 0]);
    let dry = import(&place, &[&with[..], &["--dry-run"]].concat(), &file);
    assert_eq!((counts(&dry), pictures(&dry)), expected, "{dry}");
    let first = import(&place, &with, &file);
    assert_eq!(
        (counts(&first), pictures(&first)),
        expected,
        "also of a product with nothing else that is new: {first}"
    );
    assert_eq!(stored(&place), 2);
    let second = import(&place, &with, &file);
    assert_eq!((counts(&second), pictures(&second)), ([0, 0, 102], [101, 1, 0, 0]), "{second}");

    // Its address elsewhere stays what the file says, and with it the product's fingerprint.
    let again = import(&place, &[], &file);
    assert_eq!(counts(&again)[2], 2, "{again}");
    let web = exported(&place);
    assert_eq!(product(&web, "web")["media"][0]["source_url"], "https://cdn.example/web.png");
}
