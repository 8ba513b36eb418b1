//! Products as merchants' systems describe them: variants without options or parents, options in another order, words and signs of other
//! languages. Everything with a title and a price is taken, and nothing is for sale that was not.

use souk_catalog_api::Status;
use souk_import::{Input, ProductDraft};
use souk_inventory_api::StockPolicy;

use crate::{Content, read};

fn csv(text: &str) -> Content {
    read(&Input::bytes(text), None, Some("EUR"))
}

fn variants(draft: &ProductDraft) -> Vec<(String, String)> {
    draft.offered().map(|(variant, offer)| (variant.option_values.join("/"), offer.price.to_string())).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(options, price)| ((*options).to_owned(), (*price).to_owned())).collect()
}

const SHOPIFY: &str = "Handle,Title,Published,Status,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Price,Variant Taxable,Variant Barcode,Image Src";

#[test]
fn values_go_to_the_option_of_their_name() {
    let got = csv(&format!(
        "{SHOPIFY}\na,A,TRUE,active,Size,S,Color,Red,A1,5,,,\na,,,,Color,Blue,Size,M,A2,6,,,\na,,,,,L,,Green,A3,7,,,\n"
    ));
    let draft = got.draft("a");
    let names: Vec<&str> = draft.product.options.iter().map(|option| option.name.as_str()).collect();
    assert_eq!(names, ["Size", "Color"]);
    assert_eq!(variants(draft), pairs(&[("S/Red", "5.00 EUR"), ("M/Blue", "6.00 EUR"), ("L/Green", "7.00 EUR")]));
    // Another name is another option.
    let got = csv(&format!("{SHOPIFY}\na,A,TRUE,active,Size,S,,,A1,5,,,\na,,,,Fit,Slim,,,A2,6,,,\n"));
    assert_eq!(variants(got.draft("a")), pairs(&[("S/-", "5.00 EUR"), ("-/Slim", "6.00 EUR")]));
}

#[test]
fn a_variant_without_its_option_is_told_by_its_sku() {
    let got = csv(&format!(
        "{SHOPIFY}\na,A,TRUE,active,Size,S,,,A1,5,,,\na,,,,,,,,A2,6,,,\na,,,,,,,,,7,,,\na,,,,,M,,,A3,8,,,\n"
    ));
    assert_eq!(variants(got.draft("a")), pairs(&[("S", "5.00 EUR"), ("A2", "6.00 EUR"), ("M", "8.00 EUR")]));
    assert_eq!((got.refused(), got.warned()), (vec![(4, "scattered_rows")], vec![(3, "missing_option")]));
}

#[test]
fn flags_of_spreadsheets_in_other_languages() {
    for (published, status, want) in [
        ("WAHR", "active", Status::Published),
        ("VRAI", "Aktiv", Status::Published),
        ("1", "", Status::Published),
        ("FALSCH", "active", Status::Draft),
        ("faux", "active", Status::Draft),
        ("нет", "active", Status::Draft),
        ("いいえ", "active", Status::Draft),
        ("perhaps", "active", Status::Draft),
        ("TRUE", "Entwurf", Status::Draft),
        ("TRUE", "someday", Status::Draft),
    ] {
        let got = csv(&format!("{SHOPIFY}\na,A,{published},{status},,,,,A1,5,FALSCH,,\n"));
        assert_eq!(got.product("a").status, want, "{published} {status}");
        let known = !matches!((published, status), ("perhaps", _) | (_, "someday"));
        assert_eq!(got.warned().is_empty(), known, "{published} {status}: {:?}", got.warnings);
        assert_eq!(got.product("a").variants[0].tax_category, "exempt");
    }
}

#[test]
fn prices_that_can_mean_one_thing_are_read_whatever_the_file_writes_else() {
    let price = |text: &str| {
        let got = csv(&format!("{SHOPIFY}\na,A,TRUE,active,,,,,A1,\"{text}\",,,\nb,B,TRUE,active,,,,,B1,9.50,,,\n"));
        let taken = got.drafts.iter().find(|draft| draft.product.external_id == "a");
        (taken.map(|draft| draft.offers[0].price.to_string()), got.warned().len(), got.refused().len())
    };
    for (text, want, warnings) in [
        ("12,50", "12.50 EUR", 0),
        ("1.299,00", "1299.00 EUR", 0),
        ("1\u{202f}299,00 €", "1299.00 EUR", 0),
        ("1'299.00", "1299.00 EUR", 0),
        ("€ 12.50 EUR", "12.50 EUR", 0),
        ("12,50 Euro", "12.50 EUR", 0),
        ("\u{200f}١٢٫٥٠\u{200f}", "12.50 EUR", 0),
        ("12.416667", "12.42 EUR", 1),
        ("12.4950", "12.50 EUR", 1),
    ] {
        assert_eq!(price(text), (Some(want.to_owned()), warnings, 0), "{text}");
    }
    for text in ["1.299", "-5", "5 - 7", "from 12.50", "$12.50", "12,50 € per piece", "0,004"] {
        let (taken, _, refused) = price(text);
        assert!(taken.is_none() || text == "0,004", "{text}: {taken:?}");
        assert_eq!(refused, usize::from(taken.is_none()), "{text}");
    }
    // Money without decimals has none of another currency's.
    let got = read(&Input::bytes(format!("{SHOPIFY}\na,A,TRUE,active,,,,,A1,12.50,,,\n")), None, Some("JPY"));
    assert_eq!(got.refused(), [(2, "invalid_price")]);
}

#[test]
fn codes_that_say_nothing_or_lost_their_digits() {
    let got = csv(&format!("{SHOPIFY}\na,A,TRUE,active,,,,,#N/A,5,,4.00638E+12,\nb,B,TRUE,active,,,,,-,5,,0012,\n"));
    let code = |id: &str| (got.product(id).variants[0].sku.clone(), got.product(id).variants[0].barcode.clone());
    assert_eq!((code("a"), code("b")), (("A".into(), None), ("B".into(), Some("0012".into()))));
    assert_eq!(got.warned(), [(2, "invalid_barcode")]);
    let long = "ü".repeat(300);
    let got = csv(&format!("{SHOPIFY}\n{long}a,A,TRUE,active,,,,,A,5,,,\n{long}b,B,TRUE,active,,,,,B,5,,,\n"));
    assert_eq!((got.drafts.len(), got.warned()), (2, vec![(2, "too_long"), (3, "too_long")]));
    assert_ne!(got.ids()[0], got.ids()[1]);
}

#[test]
fn several_pictures_in_a_cell_and_commas_in_addresses() {
    let urls = |cell: &str| {
        let got = csv(&format!("{SHOPIFY}\na,A,TRUE,active,,,,,A,5,,,\"{cell}\"\n"));
        let media = got.product("a").media.iter().filter_map(|media| media.source_url.clone()).collect::<Vec<_>>();
        (media, got.warned().len())
    };
    assert_eq!(urls("https://x.example/w_1,h_2/a.jpg"), (vec!["https://x.example/w_1,h_2/a.jpg".to_owned()], 0));
    let two = vec!["https://x.example/a.jpg".to_owned(), "https://x.example/b%20c.jpg".to_owned()];
    for cell in [
        "https://x.example/a.jpg; https://x.example/b c.jpg",
        "https://x.example/a.jpg\nhttps://x.example/b c.jpg",
        "https://x.example/a.jpg|https://x.example/b c.jpg,",
    ] {
        assert_eq!(urls(cell), (two.clone(), 0), "{cell}");
    }
    assert_eq!(urls("https://a b.example/x.jpg"), (vec![], 1));
}

const WOO: &str = "ID,Type,SKU,Name,Published,In stock?,Stock,Regular price,Images,Parent,Attribute 1 name,Attribute 1 value(s),Attribute 2 name,Attribute 2 value(s)";

#[test]
fn variations_of_woocommerce_as_shops_have_them() {
    // Off, in another order, for any value, and without the product.
    let got = csv(&format!(
        "{WOO}\n3,variation,V3,X - M,1,1,2,6,,id:2,Color,Blue,Size,M\n4,variation,V4,X,0,1,2,6,,id:2,Size,L,Color,Red\n\
         2,variable,,X,1,,,,,,Size,\"S, M\",Color,\"Red, Blue\"\n5,variation,V5,X - S,1,1,2,5,,id:2,Size,S,Color,Red\n6,variation,V6,X - any,1,1,2,7,,id:2,Size,,Color,\n\
         7,variation,LOST,Lost - Red,1,1,2,8,,NOBODY,Color,Red,,\n8,variation,LOST-2,Lost - Blue,1,1,2,8,,NOBODY,Color,Blue,,\n"
    ));
    assert_eq!((got.refused(), got.counts.left_out), (vec![], 1));
    let draft = got.draft("id:2");
    let names: Vec<&str> = draft.product.options.iter().map(|option| option.name.as_str()).collect();
    assert_eq!(names, ["Color", "Size"]);
    assert_eq!(variants(draft), pairs(&[("Blue/M", "6.00 EUR"), ("Red/S", "5.00 EUR"), ("V6/V6", "7.00 EUR")]));
    let lost = got.draft("id:7");
    assert_eq!((lost.product.status, variants(lost).len()), (Status::Draft, 2));
    assert!(got.warned().contains(&(7, "scattered_rows")));
    // One variation for any value is the product itself, with its price.
    let got = csv(&format!("{WOO}\n2,variable,,X,1,,,,,,Size,\"S, M\",,\n6,variation,,X,1,1,2,7,,id:2,Size,,,\n"));
    assert_eq!((variants(got.draft("id:2")), got.refused()), (pairs(&[("", "7.00 EUR")]), vec![]));
}

#[test]
fn more_headers_of_woocommerce() {
    for head in [
        "ID,Tipo,SKU,Nome,Publicado,\"Preço normal\",Categorias,Estoque,\"Em estoque?\"",
        "ID,Тип,Артикул,Имя,Опубликован,\"Базовая цена\",Категории,Запасы,Наличие",
        "ID,Typ,Artikelnummer,Namn,Publicerad,\"Ordinarie pris\",Kategorier,Lager,\"I lager?\"",
        "Kimlik,Tür,\"Stok kodu (SKU)\",İsim,Yayımlanmış,\"Normal fiyat\",Kategoriler,Stok,Stokta?",
        "ID,类型,SKU,名称,已发布,常规售价,分类,库存,有货？",
    ] {
        let got =
            csv(&format!("{head}\n1,simple,S-1,Cup,1,\"29,90\",Home,5,1\n2,simple,S-2,Mug,0,\"1.299,00\",Home,0,0\n"));
        let cup = got.draft("id:1");
        assert_eq!(
            (variants(cup), cup.offers[0].stock, cup.offers[0].policy),
            (pairs(&[("", "29.90 EUR")]), Some(5), Some(StockPolicy::Deny)),
            "{head}"
        );
        assert_eq!((got.product("id:2").status, got.warned()), (Status::Draft, vec![]), "{head}");
    }
}

#[test]
fn lists_and_templates_of_prestashop() {
    let admin = "ID;Active;Name *;\"Categories (x,y,z...)\";\"Price tax excl.\";\"Reference #\";Brand;Quantity;Summary;\"Rewritten URL\";\"Available for order (0/1)\"\n\
        1;1;Mug;\"Home/Kitchen\";12.416667;M-1;Maker;10;Short;mug;1\n2;0;Cup;\"Home/Kitchen\";1.299,00;C-1;Maker;10;;cup;0\n";
    let got = csv(admin);
    let mug = got.draft("1");
    assert_eq!(
        (variants(mug), mug.product.slug.as_str(), mug.product.brand.as_deref()),
        (pairs(&[("", "12.42 EUR")]), "mug", Some("Maker"))
    );
    assert_eq!((mug.category.as_slice(), mug.product.description.as_str()), (&["Kitchen".to_owned()][..], "Short"));
    assert_eq!((got.product("2").status, got.draft("2").offers[0].stock), (Status::Draft, Some(0)));
    assert_eq!(got.warned(), [(1, "note"), (2, "rounded_price")]);
    for head in [
        "\"ID du produit\";Image;Nom;Référence;Catégorie;\"Prix (HT)\";\"Prix (TTC)\";Quantité;État",
        "Produkt-ID;Bild;Name;Artikelnummer;Kategorie;\"Preis (zzgl. MwSt.)\";\"Preis (inkl. MwSt.)\";Menge;Status",
    ] {
        let got = csv(&format!(
            "{head}\n1;;Tasse;T1;Art;\"12,00 €\";\"1 299,40 €\";5;1\n2;;Mug;M1;Art;\"12,00 €\";\"14,40 €\";5;nein\n"
        ));
        assert_eq!(variants(got.draft("1")), pairs(&[("", "1299.40 EUR")]), "{head}");
        assert_eq!(got.product("2").status, Status::Draft, "{head}");
    }
}

#[test]
fn magento_in_another_language_and_skus_in_another_case() {
    let head = "sku,product_type,name,product_online,visibility,price,qty,is_in_stock,configurable_variations";
    let got = csv(&format!(
        "{head}\nA,simple,A,1,\"Einzeln nicht sichtbar\",5,1,1,\nB,simple,B,1,\"Katalog, Suche\",5,1,1,\n\
         c-s,simple,C S,1,Not Visible Individually,5.1250,2,1,\nC,configurable,C,1,\"Catalog, Search\",,,1,\"sku=C-S,size=S|sku=C-M,size=M\"\nC-M,simple,C M,1,4,6,2,1,\n"
    ));
    assert_eq!(got.refused(), []);
    assert_eq!((got.product("A").status, got.product("B").status), (Status::Draft, Status::Published));
    assert_eq!(variants(got.draft("C")), pairs(&[("S", "5.13 EUR"), ("M", "6.00 EUR")]));
    assert_eq!(got.warned(), [(2, "invalid_status"), (4, "rounded_price")]);
}
