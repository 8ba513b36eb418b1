//! Excel workbooks: the same rows as from a CSV, whatever program wrote them, and nothing from damaged or hostile ones.

use std::io::Write;

use souk_catalog_api::Status;
use souk_import::{FeedError, Input};

use crate::{open, read};

fn workbook() -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs/workbook.xlsx")).unwrap()
}

/// A ZIP archive with these files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn the_first_sheet_that_is_seen_and_has_rows_is_read() {
    let got = read(&Input::bytes(workbook()), None, Some("EUR"));
    assert_eq!((got.ids(), got.refused()), (vec!["kettle", "board"], vec![(5, "missing_price")]));
    assert_eq!((got.counts.read, got.warned()), (3, vec![]));
    let kettle = got.draft("kettle");
    let variant = &kettle.product.variants[0];
    assert_eq!((kettle.offers[0].price.amount, kettle.offers[0].stock), (3990, Some(4)));
    assert_eq!(
        variant.barcode.as_deref(),
        Some("4006381333931"),
        "a number of many digits is none in the notation of science"
    );
    assert_eq!(kettle.product.description, "Line one\n\nLine two");
    let board = got.draft("board");
    assert_eq!((board.product.title.as_str(), board.product.status), ("Walnut Böard", Status::Draft));
    assert_eq!(
        (board.offers[0].price.amount, board.product.variants[0].barcode.as_deref()),
        (2410, Some("0012345678905"))
    );
    assert_eq!(board.product.tags, ["2026-11-30"], "a day is shown as one");
}

#[test]
fn a_damaged_workbook_and_other_archives_are_refused_by_name() {
    let whole = workbook();
    for end in [whole.len() / 2, whole.len() - 30] {
        let error = open(&Input::bytes(&whole[..end]), None, Some("EUR")).err().unwrap();
        assert!(matches!(error, FeedError::NotATable(_) | FeedError::Format(_)), "{error}");
    }
    let error = open(&Input::bytes(archive(&[("a.csv", b"x")])), None, None).err().unwrap();
    assert!(error.to_string().contains("ZIP archive"), "{error}");
    let error = open(&Input::bytes(archive(&[("xl/workbook.xml", b"<workbook/>")])), None, None).err().unwrap();
    assert!(matches!(error, FeedError::Format(_) | FeedError::Empty), "{error}");
}

#[test]
fn a_workbook_that_unpacks_to_more_than_fits_is_refused() {
    let bomb = vec![b' '; 600 * 1024 * 1024];
    let packed = archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/sharedStrings.xml", &bomb)]);
    assert!(packed.len() < 1024 * 1024);
    let error = open(&Input::bytes(packed), None, None).err().unwrap();
    assert!(error.to_string().contains("unpacks to more"), "{error}");
}

#[test]
fn any_byte_that_is_damaged_costs_no_more_than_the_file() {
    let whole = workbook();
    for at in (0..whole.len()).step_by(97) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x5a;
        if let Ok(feed) = open(&Input::bytes(damaged), None, Some("EUR")) {
            assert!(feed.count() < 100);
        }
    }
}
