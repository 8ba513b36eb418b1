//! Fault tolerance: bad lines cost themselves and nothing else; hostile ones cost little time and memory.

use proptest::prelude::*;
use souk_import::{Input, limits};

use crate::{read, samples};

fn row(id: usize) -> String {
    format!("{{\"id\":\"{id}\",\"title\":\"Acme {id} usb cable\",\"price\":{}}}", 100 + id)
}

#[test]
fn every_kind_of_bad_line_of_ndjson() {
    let mut lines: Vec<Vec<u8>> = vec![
        row(1).into(),
        b"{\"id\":\"2\",\"title\":\"broken\",\"price\":".to_vec(),
        b"\xff\xfe{}".to_vec(),
        row(4).into(),
        format!("{{\"id\":\"5\",\"x\":{}1{}}}", "[".repeat(500_000), "]".repeat(500_000)).into(),
        format!("{{\"id\":\"6\",\"x\":\"{}\"}}", "y".repeat(limits::LINE_BYTES)).into(),
        b"[1,2]".to_vec(),
        b"{\"id\":\"8\",\"title\":\"nul \\u0000 byte\",\"price\":5}".to_vec(),
        format!("{{\"id\":\"9\",\"title\":\"{}\",\"price\":5}}", "long ".repeat(500)).into(),
        b"{\"id\":\"10\",\"title\":\"<script>alert(1)</script>Evil <b>lamp\",\"price\":5,\"img_high\":\"javascript:1\"}".to_vec(),
        b"{\"id\":\"11\",\"title\":\"<script>alert(1)</script>Evil <b>lamp\",\"price\":5}".to_vec(),
        b"{\"id\":\"12\",\"title\":\"price\",\"price\":1e30}".to_vec(),
        b"{\"id\":\"13\",\"title\":\"price\",\"price\":999999999999999}".to_vec(),
    ];
    let many: Vec<String> = (0..limits::ATTRIBUTES + 1).map(|i| format!("\"attr_t_a{i}\":\"x\"")).collect();
    lines.push(format!("{{\"id\":\"14\",\"title\":\"many\",\"price\":5,{}}}", many.join(",")).into());
    lines.push(b"   ".to_vec());
    lines.push(row(16).into());
    let got = read(&Input::bytes(lines.join(&b'\n')), Some("icecat"), Some("EUR"));
    assert_eq!(got.ids(), ["1", "4", "8", "9", "10", "11", "14", "16"]);
    assert_eq!(got.product("8").title, "nul byte");
    assert_eq!(got.product("11").title, "Evil lamp");
    let want = [
        (2, "broken_json"),
        (3, "broken_json"),
        (5, "too_deep"),
        (6, "line_too_long"),
        (7, "broken_json"),
        (12, "invalid_price"),
        (13, "price_too_high"),
    ];
    assert_eq!(got.refused(), want);
    assert_eq!(got.warned(), [(9, "too_long"), (10, "invalid_media"), (14, "too_many")]);
}

#[test]
fn a_truncated_gzip_gives_what_was_whole_and_says_so() {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let text: String = (1..2000).map(|id| row(id) + "\n").collect();
    packer.write_all(text.as_bytes()).unwrap();
    let whole = packer.finish().unwrap();
    assert_eq!(read(&Input::bytes(&whole), Some("icecat"), Some("EUR")).drafts.len(), 1999);
    let got = read(&Input::bytes(&whole[..whole.len() / 2]), Some("icecat"), Some("EUR"));
    assert!(!got.drafts.is_empty() && got.drafts.len() < 1999);
    assert_eq!(got.refusals.last().map(|r| r.code), Some("unreadable"));
}

#[test]
fn an_unclosed_quote_does_not_swallow_the_file() {
    let mut lines: Vec<&str> = samples::SHOPIFY.lines().collect();
    let broken = "bad,\"Bad,,,,,,,,,,,,,,,,5,,,,,,,,,,";
    lines.insert(1, broken);
    let got = read(&Input::bytes(lines.join("\n")), None, Some("USD"));
    assert_eq!(got.ids(), ["ocean-shirt", "varsity-top", "hidden"]);
    assert_eq!(got.refused()[0], (2, "broken_csv"));
}

#[test]
fn one_product_with_too_many_rows_does_not_fill_the_memory() {
    let mut csv = String::from("Handle,Title,Option1 Name,Option1 Value,Variant Price\n");
    for i in 0..limits::ROWS_PER_PRODUCT + 10 {
        csv.push_str(&format!("big,{},Size,S{i},5\n", if i == 0 { "Big" } else { "" }));
    }
    csv.push_str("small,Small,Title,Default Title,5\n");
    let got = read(&Input::bytes(csv), None, Some("EUR"));
    assert_eq!((got.ids(), got.refused()), (vec!["small"], vec![(2, "too_many")]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever replaces some lines, the products on the others are read as if nothing had happened.
    #[test]
    fn other_lines_are_never_spoilt(noise in prop::collection::btree_map(0usize..30, prop::collection::vec(any::<u8>(), 0..60), 0..8)) {
        let mut lines: Vec<Vec<u8>> = (0..30).map(|id| row(id).into_bytes()).collect();
        for (i, bytes) in &noise {
            // A file that begins with a bracket is another format, one JSON list, and is refused as such.
            lines[*i] = bytes.iter().filter(|b| **b != b'\n' && **b != b'[').copied().collect();
        }
        // The first line tells nothing, because a mapping is given.
        let got = read(&Input::bytes(lines.join(&b'\n')), Some("icecat"), Some("EUR"));
        let want: Vec<String> = (0..30).filter(|i| !noise.contains_key(i)).map(|i| i.to_string()).collect();
        prop_assert_eq!(got.ids(), want.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Neither slugs nor SKUs nor anything else depends on what else stands in the file, or where.
    #[test]
    fn the_order_of_a_file_does_not_matter(order in Just((0..20).collect::<Vec<usize>>()).prop_shuffle(), take in 1usize..20) {
        let line = |id: usize| format!("{{\"id\":\"{id}\",\"title\":\"One title\",\"price\":5}}");
        let all: Vec<String> = (0..20).map(line).collect();
        let whole = read(&Input::bytes(all.join("\n")), Some("icecat"), Some("EUR"));
        let some: Vec<String> = order.iter().take(take).map(|id| line(*id)).collect();
        let part = read(&Input::bytes(some.join("\n")), Some("icecat"), Some("EUR"));
        prop_assert_eq!(part.drafts.len(), take);
        for draft in &part.drafts {
            prop_assert_eq!(draft, whole.draft(&draft.product.external_id));
        }
    }
}

#[test]
fn the_manual_names_every_code() {
    let crate_dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = std::fs::read_to_string(crate_dir.join("../docs/import.md")).unwrap();
    let mut codes = std::collections::BTreeSet::new();
    let mut folders = vec![crate_dir.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for opening in ["Defect::new(", "refuse("] {
                for rest in source.split(opening).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')) {
                    codes.insert(rest.split('"').next().unwrap().to_owned());
                }
            }
        }
    }
    assert!(codes.len() > 30, "{codes:?}");
    let missing: Vec<_> = codes.iter().filter(|code| !manual.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "docs/import.md does not explain {missing:?}");
}
