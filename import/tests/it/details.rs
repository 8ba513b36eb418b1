//! What real files bring: each kind of trouble in a small file, with what is taken of it, and variations of the kind.

use souk_catalog_api::Status;
use souk_import::{FeedError, Input};
use souk_inventory_api::StockPolicy;

use crate::{Content, open, read};

/// A file of `tests/inputs`, read as the merchant would with the mapping of that name there, if any.
fn file(name: &str, mapping: Option<&str>) -> Content {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs");
    let mapping = mapping.map(|mapping| std::fs::read_to_string(folder.join(mapping)).unwrap());
    read(&Input::file(folder.join(name)), mapping.as_deref(), Some("EUR"))
}

fn csv(text: &str) -> Content {
    read(&Input::bytes(text), None, Some("EUR"))
}

fn skus(content: &Content, id: &str) -> Vec<String> {
    content.product(id).variants.iter().map(|variant| variant.sku.clone()).collect()
}

const HEAD: &str =
    "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Tracker,Variant Inventory Qty";

#[test]
fn c01_new_column_names_of_shopify() {
    let got = file("c01-shopify-new-columns.csv", None);
    assert_eq!((got.refused(), got.warned()), (vec![], vec![]));
    let draft = got.draft("wool-scarf");
    let product = &draft.product;
    assert_eq!(
        (product.title.as_str(), product.brand.as_deref(), product.tags.as_slice()),
        ("Wool scarf", Some("Maker"), &["winter".to_owned()][..])
    );
    assert_eq!(draft.category, ["Apparel & Accessories", "Clothing Accessories", "Scarves"]);
    assert_eq!((product.media.len(), product.status), (1, Status::Published));
    let variants: Vec<_> = draft
        .offered()
        .map(|(v, o)| {
            (v.sku.as_str(), v.option_values.join("/"), o.price.amount, o.compare_at.is_some(), o.stock, v.weight_grams)
        })
        .collect();
    assert_eq!(
        variants,
        [("SC-R", "Red".into(), 2900, true, Some(10), 200), ("SC-B", "Blue".into(), 2900, true, Some(4), 200)]
    );
}

#[test]
fn c04_what_is_sold_without_stock() {
    let got = file("c04-shopify-continue-selling.csv", None);
    let of = |got: &Content, id: &str| (got.draft(id).offers[0].initial_stock(), got.draft(id).offers[0].policy);
    assert_eq!(of(&got, "made"), (0, Some(StockPolicy::Backorder)));
    assert_eq!(of(&got, "service").1, Some(StockPolicy::Untracked));
    assert_eq!((got.refused(), got.warned()), (vec![], vec![]));
    // A file that does not have the columns says nothing, and a word that is not known sells no more than there is.
    let got = csv("Handle,Title,Variant SKU,Variant Price,Variant Inventory Qty\np,P,P,5,3\n");
    assert_eq!(of(&got, "p"), (3, None));
    let got = csv(&format!("{HEAD},Variant Inventory Policy\np,P,Title,Default Title,P,5,shopify,3,perhaps\n"));
    assert_eq!((of(&got, "p"), got.warned()), ((3, Some(StockPolicy::Deny)), vec![(2, "invalid_stock_policy")]));
    let new = "URL handle,Title,SKU,Price,Option1 name,Inventory tracker,Inventory quantity,Continue selling when out of stock";
    let got = csv(&format!("{new}\na,A,A,5,,shopify,2,TRUE\nb,B,B,5,,shopify,2,DENY\nc,C,C,5,,,,FALSE\n"));
    assert_eq!(of(&got, "a"), (2, Some(StockPolicy::Backorder)));
    assert_eq!(of(&got, "b"), (2, Some(StockPolicy::Deny)));
    assert_eq!(of(&got, "c").1, Some(StockPolicy::Untracked));
}

#[test]
fn c05_one_sku_on_several_variants() {
    let got = file("c05-shopify-same-sku.csv", None);
    assert_eq!(skus(&got, "tee"), ["TEE", "TEE.M", "TEE.L"]);
    assert_eq!((got.refused(), got.warned()), (vec![], vec![(3, "duplicate_sku"), (4, "duplicate_sku")]));
    // On two products, too; and what is made is not what another already has.
    let got = csv(&format!("{HEAD}\na,A,Title,Default Title,X,5,shopify,1\nb,B,Title,Default Title,X,6,shopify,2\n"));
    assert_eq!((got.ids(), got.warned()), (vec!["a", "b"], vec![(3, "duplicate_sku")]));
    assert_ne!(skus(&got, "a"), skus(&got, "b"));
    let got = csv(&format!("{HEAD}\ntee,Tee,Size,S,TEE.M,5,shopify,1\ntee,,,M,TEE.M,6,shopify,2\n"));
    assert_eq!(skus(&got, "tee")[0], "TEE.M");
    assert!(skus(&got, "tee")[1].starts_with("TEE.M-"), "{:?}", skus(&got, "tee"));
}

#[test]
fn variants_with_the_same_options_are_told_apart_by_their_skus() {
    let got = csv(&format!("{HEAD}\ntee,Tee,Size,S,A,5,shopify,1\ntee,,,S,B,6,shopify,2\ntee,,,S,A,6,shopify,2\n"));
    let values: Vec<&str> = got.product("tee").variants.iter().map(|v| v.option_values[0].as_str()).collect();
    assert_eq!(values, ["S", "S (B)"]);
    assert_eq!((got.warned(), got.refused()), (vec![(3, "duplicate_variant")], vec![(4, "duplicate_variant")]));
    let got = csv(&format!("{HEAD}\npen,Pen,,,P1,5,shopify,1\npen,,,,P2,6,shopify,2\n"));
    let product = got.product("pen");
    assert_eq!(
        (product.options[0].name.as_str(), product.options[0].values.as_slice()),
        ("SKU", &["P1".to_owned(), "P2".to_owned()][..])
    );
}

#[test]
fn c06_picture_addresses() {
    let got = file("c06-picture-addresses.csv", None);
    let url = |id: &str| got.product(id).media.iter().filter_map(|media| media.source_url.clone()).collect::<Vec<_>>();
    assert_eq!(url("p1"), ["https://img.example/a%20b.jpg"]);
    assert_eq!(url("p2"), ["https://img.example/a.jpg"]);
    assert_eq!(url("p3"), ["https://img.example/ok.jpg"]);
    assert_eq!((got.refused(), got.warned()), (vec![], vec![]));
    for bad in [
        "pictures/a.jpg",
        "C:\\a.jpg",
        "ftp://x.example/a.jpg",
        "data:image/png;base64,AA",
        "https://",
        "javascript:alert(1)",
    ] {
        let got = csv(&format!("{HEAD},Image Src\np,P,Title,Default Title,P,5,shopify,1,\"{bad}\"\n"));
        assert_eq!((got.product("p").media.len(), got.warned()), (0, vec![(2, "invalid_media")]), "{bad}");
    }
    let got = csv(&format!("{HEAD},Image Src\np,P,Title,Default Title,P,5,shopify,1,   \n"));
    assert_eq!((got.product("p").media.len(), got.warned()), (0, vec![]));
}

#[test]
fn c07_deep_categories() {
    let got = file("c07-shopify-six-levels.csv", None);
    assert_eq!((got.draft("inj").category.len(), got.warned()), (6, vec![]));
    let deep = (1..=11).map(|n| format!("Level {n}")).collect::<Vec<_>>().join(" > ");
    let got = csv(&format!("{HEAD},Product Category\np,P,Title,Default Title,P,5,shopify,1,{deep}\n"));
    assert_eq!((got.draft("p").category.len(), got.warned()), (8, vec![(2, "too_many")]));
}

#[test]
fn c09_descriptions_are_walked_as_a_tree() {
    let got = file("c09-html-tables.csv", None);
    let product = got.product("size");
    let lines = "Intro\n\nPara\n\nSize | Chest\nM | 100\n\nAfter the table\n\nTerm\nDefinition";
    assert_eq!(product.description, lines);
    let html = product.description_html.as_deref().unwrap();
    assert!(html.starts_with("Intro<p>Para</p><table>") && html.contains("<th>Chest</th>"), "{html}");
    // Text that is no HTML stays as it is, and has no other form.
    let got =
        csv(&format!("{HEAD},Body (HTML)\np,P,Title,Default Title,P,5,shopify,1,\"Fits <3L & List<Text>; a < b\"\n"));
    let product = got.product("p");
    assert_eq!((product.description.as_str(), &product.description_html), ("Fits <3L & List<Text>; a < b", &None));
}

/// The table of c08, however it is written.
fn lager(name: &str) {
    let got = file(name, Some("lager.toml"));
    let rows: Vec<_> = got
        .drafts
        .iter()
        .map(|draft| {
            let (variant, offer) = draft.offered().next().unwrap();
            (draft.product.title.as_str(), offer.price.amount, variant.weight_grams, offer.stock)
        })
        .collect();
    assert_eq!(rows, [("Kühlschrank", 129_900, 45_500, Some(3)), ("Öl-Lampe", 1_250, 800, Some(10))], "{name}");
    assert_eq!((got.refused(), got.warned()), (vec![], vec![]), "{name}");
}

#[test]
fn c08_and_c11_to_c14_one_table_however_it_is_written() {
    for name in [
        "c08-decimal-comma-weight.csv",
        "c11-old-mac-lines.csv",
        "c12-sep-line.csv",
        "c13-bom-after-blank-line.csv",
        "c14-utf16.csv",
        "c14-windows-1252.csv",
    ] {
        lager(name);
    }
}

#[test]
fn numbers_are_read_as_the_file_writes_them() {
    let mapping = "source = 'x'\n[product]\nexternal_id = 'id'\ntitle = 'id'\n[price]\namount = 'price'\n\
        [variant]\nweight = 'weight'\nweight_unit = { value = 'kg' }\nstock = 'stock'\n[category]\nfallback = ['Other']\n";
    let of = |rows: &str| {
        let got = read(&Input::bytes(format!("id;price;weight;stock\n{rows}")), Some(mapping), Some("EUR"));
        let offer = |d: &souk_import::ProductDraft| {
            (d.offers[0].price.amount, d.product.variants[0].weight_grams, d.offers[0].stock)
        };
        (got.drafts.iter().map(offer).collect::<Vec<_>>(), got.refused(), got.warned())
    };
    // 1.299 may be thousands or decimals: the second row says which.
    assert_eq!(
        of("1;1.299;1,5;2\n2;12,50;1,5;1.000\n"),
        (vec![(129_900, 1_500, Some(2)), (1_250, 1_500, Some(1000))], vec![], vec![])
    );
    // Nothing says it: refused where it is the price, left out where it is a detail, and never to the better.
    assert_eq!(
        of("1;1.299;2;2\n2;12;1.500;1.000\n"),
        (vec![(1_200, 0, Some(0))], vec![(2, "invalid_price")], vec![(3, "invalid_stock"), (3, "invalid_weight")])
    );
    // Some programs write prices as their country does, and weights as programs do.
    assert_eq!(of("1;12,50;1.25;3\n"), (vec![(1_250, 1_250, Some(3))], vec![], vec![]));
    assert_eq!(
        of("1;€ 1'299.50;heavy;a few\n"),
        (vec![(129_950, 0, Some(0))], vec![], vec![(2, "invalid_stock"), (2, "invalid_weight")])
    );
}

#[test]
fn c10_a_mapped_column_that_is_not_there() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs");
    let mapping = std::fs::read_to_string(folder.join("c10-typo-in-mapping.toml")).unwrap();
    let Err(error) = open(&Input::file(folder.join("c10-typo-in-mapping.csv")), Some(&mapping), None) else {
        panic!("taken")
    };
    let text = error.to_string();
    assert!(matches!(error, FeedError::MissingColumns(_)), "{text}");
    for part in ["variant.stock", "\"Bestandd\"", "\"Nr\", \"Name\", \"Preis\", \"Bestand\""] {
        assert!(text.contains(part), "{text}");
    }
    // In JSON a member may be missing in some rows, but not in all.
    let rows = "{\"Nr\":1,\"Name\":\"A\",\"Preis\":5}\n{\"Nr\":2,\"Name\":\"B\",\"Preis\":5,\"Bestand\":0}\n";
    assert!(open(&Input::bytes(rows), Some(&mapping), None).is_err());
    let right = mapping.replace("Bestandd", "Bestand");
    let got = read(&Input::bytes(rows), Some(&right), None);
    assert_eq!((got.draft("1").offers[0].initial_stock(), got.draft("2").offers[0].initial_stock()), (0, 0));
}

#[test]
fn stock_that_is_not_known_is_none() {
    let plain = "source = 'x'\n[product]\nexternal_id = 'id'\ntitle = 'id'\n[price]\namount = 'p'\n[category]\nfallback = ['Other']\n";
    let got = read(&Input::bytes("id,p\n1,5\n"), Some(plain), Some("EUR"));
    assert_eq!((got.draft("1").offers[0].stock, got.draft("1").offers[0].initial_stock()), (None, 0));
}

#[test]
fn c15_delimiters_within_quoted_names_of_columns() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs");
    let mapping = "source = 'x'\n[product]\nexternal_id = 'Nr'\ntitle = 'Name, Titel'\n[price]\namount = 'Preis, brutto'\n[category]\nfallback = ['Other']\n";
    let got = read(&Input::file(folder.join("c15-header-with-commas.csv")), Some(mapping), Some("EUR"));
    assert_eq!((got.product("1").title.as_str(), got.draft("1").offers[0].price.amount), ("Lamp", 500));
}

#[test]
fn c17_guards_of_codes() {
    let got = file("c17-sku-apostrophe.csv", None);
    assert_eq!(skus(&got, "necklace"), ["8720892119308"]);
    let got = csv(&format!(
        "{HEAD},Variant Barcode\np,P,Title,Default Title,\"=\"\"00123\"\"\",5,shopify,1,'0095205603217\n"
    ));
    assert_eq!(skus(&got, "p"), ["00123"]);
    assert_eq!(got.product("p").variants[0].barcode.as_deref(), Some("0095205603217"));
}

#[test]
fn c19_a_first_row_without_its_option() {
    let got = file("c19-first-row-without-option.csv", None);
    let variants: Vec<_> =
        got.product("top").variants.iter().map(|v| (v.sku.as_str(), v.option_values[0].as_str())).collect();
    assert_eq!(variants, [("TOP-S", "TOP-S"), ("TOP-M", "M")]);
    assert_eq!((got.refused(), got.warned()), (vec![], vec![(2, "missing_option")]));
}

#[test]
fn an_unknown_status_is_not_published() {
    let status = |word: &str, published: &str| {
        let got = csv(&format!("{HEAD},Published,Status\np,P,Title,Default Title,P,5,shopify,1,{published},{word}\n"));
        (got.product("p").status, got.warned().len())
    };
    assert_eq!(status("active", "TRUE"), (Status::Published, 0));
    assert_eq!(status("", "TRUE"), (Status::Published, 0));
    assert_eq!(status("", ""), (Status::Published, 0));
    assert_eq!(status("active", "FALSE"), (Status::Draft, 0));
    assert_eq!(status("archived", "TRUE"), (Status::Draft, 0));
    assert_eq!(status("someday", "TRUE"), (Status::Draft, 1));
}

#[test]
fn a_broken_byte_costs_a_letter() {
    let text = [
        format!("{HEAD}\n").as_bytes(),
        "p,Größe für große Räume,Title,Default Title,P,5,shopify,1\n".as_bytes(),
        b"q,Caf\xff,Title,Default Title,Q,5,shopify,1\n",
    ]
    .concat();
    let got = read(&Input::bytes(text), None, Some("EUR"));
    assert_eq!((got.product("q").title.as_str(), got.warned()), ("Caf\u{fffd}", vec![(3, "invalid_encoding")]));
}

/// `{n}` is as many columns as the file has, and what no rule reads is told.
#[test]
fn numbered_columns_and_those_that_are_not_read() {
    let mapping = "source = 'x'\n[rows]\ngroup_by = 'id'\n[product]\nexternal_id = 'id'\ntitle = 't'\n[price]\namount = 'p'\n\
        [[option]]\nname = 'Option {n}'\nvalue = 'Value {n}'\n[[attributes.pair]]\nname = 'Detail {n}'\nvalue = 'Text {n}'\n[category]\nfallback = ['O']\n";
    let text = "id;t;p;Option 1;Value 1;Option 2;Value 2;Detail 1;Text 1;Shelf;Option 31\n1;A;5;Size;S;Colour;Red;Wood;Oak;7;\n1;A;6;Size;M;Colour;Red;;;7;\n";
    let feed = open(&Input::bytes(text), Some(mapping), Some("EUR")).unwrap();
    assert_eq!(feed.unread_columns(), ["Shelf", "Option 31"]);
    let got = read(&Input::bytes(text), Some(mapping), Some("EUR"));
    assert_eq!((got.product("1").options.len(), got.product("1").attributes.len()), (2, 1));
    let lacking = open(&Input::bytes(text.replace("Option 1", "Opt")), Some(mapping), Some("EUR")).err().unwrap();
    assert!(lacking.to_string().contains("\"Option 1\""), "{lacking}");
    assert!(!lacking.to_string().contains("Option 4"), "{lacking}");
}

/// A product's row that lists the values of its variants is none of them; without variants it is sold.
#[test]
fn a_parent_row_may_list_the_values_of_its_variants() {
    let mapping = "source = 'x'\n[rows]\ngroup_by = 'id'\nproduct_row = 't'\nparent_row = true\n[product]\nexternal_id = 'id'\ntitle = 't'\n\
        [price]\namount = ['extra', 'p']\n[[option]]\nname = 'o'\nvalue = 'v'\n[category]\nfallback = ['O']\n";
    let text = "id;t;p;extra;o;v\n1;Cup;5;;Size;S, M\n1;;;6;;S\n1;;;7;;M\n2;Mug;8;;Size;S\n";
    let got = read(&Input::bytes(text), Some(mapping), Some("EUR"));
    let prices = |id: &str| got.draft(id).offers.iter().map(|offer| offer.price.amount).collect::<Vec<_>>();
    assert_eq!((prices("1"), prices("2"), got.refused(), got.warned()), (vec![600, 700], vec![800], vec![], vec![]));
    assert_eq!(got.product("1").options[0].values, ["S", "M"]);
    assert_eq!(got.product("1").options[0].name, "Size");
}
