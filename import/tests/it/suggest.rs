//! Suggested mappings: for files in several languages, each of which imports with what was suggested.

use souk_import::{Input, suggest};

use crate::{Content, read};

/// The file read with the mapping that is suggested for it.
fn imported(text: &str) -> Content {
    let found = suggest(&Input::bytes(text), None, "Lager 2026.csv").unwrap();
    assert_eq!(found.missing, Vec::<&str>::new(), "{}", found.mapping);
    read(&Input::bytes(text), Some(&found.mapping), Some("EUR"))
}

#[test]
fn a_table_of_any_language_imports_with_what_is_suggested() {
    for (text, title, price, stock) in [
        (
            "Artikel-Nr.;Bezeichnung;Preis EUR;Bestand;Gewicht (kg);Warengruppe;EAN\n0815;Kessel;39,90;4;1,5;Küche > Kessel;4006381333931\n0816;Topf;19,90;2;0,8;Küche > Töpfe;4006381333948\n",
            "Kessel",
            3990,
            4,
        ),
        (
            "Référence;Désignation;Prix TTC;Quantité;Marque;Photo\nA1;Théière;24,50;7;Mariage;https://x.example/a.jpg\n",
            "Théière",
            2450,
            7,
        ),
        (
            "商品コード,商品名,販売価格,在庫数,カテゴリ,画像\nT-1,急須,3980,5,台所,https://x.example/1.jpg\n",
            "急須",
            398_000,
            5,
        ),
        ("المعرف,اسم المنتج,السعر,الكمية,الفئة\n1,إبريق,12.50,3,مطبخ\n", "إبريق", 1250, 3),
        ("id\tname\tprice\tstock\tdescription\n1\tKettle\t39.90\t4\tBoils\n", "Kettle", 3990, 4),
    ] {
        let got = imported(text);
        assert_eq!((got.refused(), got.warned()), (vec![], vec![]), "{title}");
        let draft = &got.drafts[0];
        assert_eq!((draft.product.title.as_str(), draft.product.source.as_str()), (title, "lager-2026"));
        assert_eq!((draft.offers[0].price.amount, draft.offers[0].stock), (price, Some(stock)), "{title}");
    }
    let german =
        imported("Artikel-Nr.;Bezeichnung;Preis;Gewicht (kg);Warengruppe\n1;Kessel;39,90;1,5;Küche > Kessel\n");
    assert_eq!((german.draft("1").product.variants[0].weight_grams, german.draft("1").category.len()), (1500, 2));
}

#[test]
fn rows_with_one_id_and_sizes_become_variants() {
    let got = imported(
        "Handle,Name,SKU,Price,Size,Colour,Stock\ntee,Tee,T-S,9.00,S,Red,1\ntee,Tee,T-M,9.00,M,Red,2\nmug,Mug,M-1,5.00,,,3\n",
    );
    assert_eq!((got.ids(), got.refused()), (vec!["tee", "mug"], vec![]));
    assert_eq!(got.product("tee").variants.len(), 2);
}

#[test]
fn what_cannot_be_told_is_left_open_and_said() {
    let found = suggest(&Input::bytes("foo,bar\n1,2\n"), None, "x.csv").unwrap();
    assert_eq!(found.missing, ["product.external_id", "product.title", "price.amount"]);
    let mapping = found.mapping.parse::<souk_import::Mapping>().unwrap_err().to_string();
    assert!(mapping.contains("product.external_id: is missing"), "{mapping}");
    assert!(found.mapping.contains("#   foo: 1\n"), "{}", found.mapping);
    // A weight of which the unit is not known would be taken for grams.
    let found = suggest(&Input::bytes("id,name,price,weight\n1,Kettle,3,1.5\n"), None, "x.csv").unwrap();
    assert!(found.mapping.contains("# weight = \"weight\""), "{}", found.mapping);
}

#[test]
fn a_file_that_is_known_needs_none() {
    let found = suggest(&Input::bytes(crate::samples::SHOPIFY), None, "x.csv").unwrap();
    assert_eq!(found.known.as_deref(), Some("shopify"));
}

#[test]
fn names_and_values_of_strangers_are_quoted() {
    let got = imported("id,\"na\"\"me\n [x]\",Name,price\n1,\"a\nb = 1\",Kettle,3\n");
    assert_eq!(got.drafts[0].product.title, "Kettle");
}
