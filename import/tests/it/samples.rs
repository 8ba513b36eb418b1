//! Sample files, small and of the shape of the real ones.

use souk_catalog_api::{AttributeValue, Status};
use souk_import::{FeedError, Input};
use souk_inventory_api::StockPolicy;

use crate::{open, read};

pub(crate) const ICECAT: &str = r#"{"id": "3920564", "name": "006R90321", "title": "Xerox 006R90321 toner cartridge Original Black 6 pc(s)", "ean": ["0095205603217"], "short_description": "<ul><li>Toner &amp; drum</li></ul>", "img_high": "http://images.example/a.jpg", "date_released": "2009-12-10T00:00:00Z", "supplier": "Xerox", "price": 4995, "attr_t_compatibility": "C65\\nC75", "attr_n_quantity_per_pack": 6.0, "attr_n_black_toner_page_yield": 23000.0, "attr_n_pallet_width": 1.0}
{"id": "2101957", "name": "dv7", "title": "HP Pavilion dv7 Notebook 43.2 cm (17\")", "ean": [], "img_high": "http://images.example/b.jpg", "supplier": "HP", "price": 10995, "attr_n_display_diagonal": 17.3, "attr_b_touchscreen": false, "attr_n_weight": 3460.0, "attr_n_size": 2.0, "attr_t_size": "17 inch"}
{"id": "7", "name": "dv7", "title": "HP Pavilion dv7 Notebook 43.2 cm (17\")", "ean": [], "supplier": "HP", "price": 10995}
{"id": "8", "title": "Something nobody has a rule for", "price": 1}
{"id": "9", "title": "No price"}
{"id": "10", "title": "Negative", "price": -5}
{"id": "11", "title": "Free", "price": 0}
{"title": "No id", "price": 5}
{"id": "7", "title": "The same id again", "price": 5}
"#;

#[test]
fn icecat() {
    let got = read(&Input::bytes(ICECAT), Some("icecat"), Some("EUR"));
    assert_eq!(got.ids(), ["3920564", "2101957", "7", "8"]);
    assert_eq!(got.draft("3920564").category, ["Ink, Toner & Paper", "Toner Cartridges"]);
    let (toner, offer) = (got.product("3920564"), &got.draft("3920564").offers[0]);
    assert_eq!(toner.slug, "xerox-006r90321-toner-cartridge-original-black-6-pc-s-3920564");
    assert_eq!(toner.description, "Toner & drum");
    assert_eq!((toner.brand.as_deref(), toner.status), (Some("Xerox"), Status::Published));
    let variant = &toner.variants[0];
    assert_eq!((variant.sku.as_str(), offer.price.to_string().as_str()), ("ICECAT-3920564", "49.95 EUR"));
    assert_eq!((variant.barcode.as_deref(), offer.stock, offer.initial_stock()), (Some("0095205603217"), None, 100));
    let keys: Vec<_> = toner.attributes.iter().map(|a| a.key.as_str()).collect();
    assert_eq!(keys, ["black_toner_page_yield", "compatibility", "mpn", "quantity_per_pack", "released"]);
    assert_eq!(toner.attributes[1].value, AttributeValue::Text("C65\nC75".into()));
    let json = serde_json::to_string(&toner.attributes[0]).unwrap();
    assert_eq!(
        json,
        r#"{"key":"black_toner_page_yield","label":"Black toner page yield","value":{"number":{"value":"23000","unit":"pages"}}}"#
    );

    let notebook = got.product("2101957");
    assert_eq!(got.draft("2101957").category, ["Computers", "Notebooks"]);
    assert_eq!(notebook.variants[0].weight_grams, 3460);
    assert_ne!(notebook.slug, got.product("7").slug, "one title, two products");
    let keys: Vec<_> = notebook.attributes.iter().map(|a| a.key.as_str()).collect();
    assert_eq!(keys, ["display_diagonal", "mpn", "size", "size_value", "touchscreen", "weight"]);
    assert_eq!(got.draft("8").category, ["Other", "Other Products"]);

    let want = [
        (5, "missing_price"),
        (6, "negative_price"),
        (7, "zero_price"),
        (8, "missing_external_id"),
        (9, "duplicate_external_id"),
    ];
    assert_eq!(got.refused(), want);
    assert_eq!(got.refusals[0].external_id.as_deref(), Some("9"));
    assert_eq!(got.refusals[0].to_string(), "line 5 (9): the row has no price [missing_price]");
    assert!(matches!(open(&Input::bytes(ICECAT), Some("icecat"), None), Err(FeedError::CurrencyNeeded)));
}

pub(crate) const SHOPIFY: &str = "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Taxable,Variant Barcode,Image Src,Image Position,Image Alt Text,SEO Title,SEO Description,Variant Image,Status
ocean-shirt,Ocean Shirt,\"<p>Blue.</p><p>Cotton, <b>soft</b></p>\",demo,,\"men, new\",true,Title,Default Title,,,,,,0,,1,50,,true,'400638133,https://cdn.example/1.jpg,1,Front,,,,active
ocean-shirt,,,,,,,,,,,,,,,,,,,,,https://cdn.example/2.jpg,2,Back,,,,
varsity-top,Varsity Top,,demo,Shirts > Sport,women,true,Size,Small,Color,Red,,,VT-S,120,shopify,7,60,80,true,,https://cdn.example/3.jpg,1,,Top,Buy it,https://cdn.example/3r.jpg,draft
varsity-top,,,,,,,,Medium,,Red,,,,120,shopify,-2,60,60,false,,,,,,,,
varsity-top,,,,,,,,Medium,,Red,,,,,,,60,,true,,,,,,,,
varsity-top,,,,,,,,Large,,Red,,,,,,,,,true,,,,,,,,
varsity-top,,,,,,,,Huge,,,,,,,,,70,,true,,,,,,,,
,Lost,,,,,,,,,,,,,,,,5,,,,,,,,,,
no-price,No Price,,,,,true,Title,Default Title,,,,,,,,,,,,,,,,,,,
hidden,Hidden,,,,,FALSE,Title,Default Title,,,,,,,,,0.00,,true,,,,,,,,
";

#[test]
fn shopify_is_known_by_its_header() {
    let got = read(&Input::bytes(SHOPIFY), None, Some("USD"));
    assert_eq!(got.ids(), ["ocean-shirt", "varsity-top", "hidden"]);
    assert_eq!(got.draft("ocean-shirt").category, ["Clothing", "Shirts & Tops"]);
    let (shirt, offer) = (got.product("ocean-shirt"), &got.draft("ocean-shirt").offers[0]);
    assert_eq!((shirt.slug.as_str(), shirt.title.as_str()), ("ocean-shirt", "Ocean Shirt"));
    assert_eq!(shirt.description, "Blue.\n\nCotton, soft");
    assert!(shirt.options.is_empty(), "a default title is no option");
    let variant = &shirt.variants[0];
    assert_eq!((variant.sku.as_str(), offer.price.to_string().as_str()), ("OCEAN-SHIRT", "50.00 USD"));
    assert_eq!((offer.policy, variant.weight_grams), (Some(StockPolicy::Untracked), 0), "zero grams say nothing");
    assert_eq!(variant.barcode.as_deref(), Some("400638133"));
    let media: Vec<_> = shirt.media.iter().map(|m| (m.source_url.as_deref().unwrap(), m.alt.as_str())).collect();
    assert_eq!(media, [("https://cdn.example/1.jpg", "Front"), ("https://cdn.example/2.jpg", "Back")]);
    assert_eq!(shirt.tags, ["men", "new"]);

    let draft = got.draft("varsity-top");
    let top = &draft.product;
    assert_eq!((draft.category.join("/").as_str(), top.status), ("Shirts/Sport", Status::Draft));
    assert_eq!((top.seo_title.as_deref(), top.seo_description.as_deref()), (Some("Top"), Some("Buy it")));
    let options: Vec<_> = top.options.iter().map(|o| format!("{}: {}", o.name, o.values.join(", "))).collect();
    assert_eq!(options, ["Size: Small, Medium, Huge", "Color: Red, -"]);
    let skus: Vec<_> =
        draft.offered().map(|(v, offer)| (v.sku.as_str(), offer.stock, offer.compare_at.is_some())).collect();
    assert_eq!(skus[..2], [("VT-S", Some(7), true), ("VARSITY-TOP.MEDIUM.RED", Some(0), false)]);
    assert_eq!(skus.len(), 3, "a variant without a colour is still a variant");
    let shown = &top.media[top.variants[0].media.unwrap() as usize];
    assert_eq!(shown.source_url.as_deref(), Some("https://cdn.example/3r.jpg"));
    assert_eq!(top.variants[1].tax_category, "exempt");
    assert_eq!(got.product("hidden").status, Status::Draft);
    assert_eq!(got.draft("hidden").offers[0].price.amount, 0);

    let want = [(7, "missing_price"), (6, "duplicate_variant"), (9, "missing_key"), (10, "missing_price")];
    assert_eq!((got.refused(), got.warned()), (want.to_vec(), vec![(8, "missing_option")]));
}

pub(crate) const SPREE: &str = "slug,sku,name,price,compare_at_price,currency,status,description,meta_title,meta_description,tags,tax_category,product_type,category1,option1_name,option1_value,image1_src,width,weight,weight_unit,inventory_count,track_inventory,custom_field.custom.wattage
kettle,KETTLE,Kettle,0,0,USD,active,A kettle.,Kettle | Shop,,\"tea, kitchen\",Default,Kitchen Appliance,Kitchen -> Kettles,,,https://x.example/k.webp,,,lb,,,2200W
kettle,KETTLE-W,,39.99,49.99,USD,,,,,,,,,Color,White,https://x.example/kw.webp,7.9,4.4,lb,5000,TRUE,
kettle,KETTLE-B,,39.99,0,USD,,,,,,,,,Color,Black,https://x.example/kb.webp,7.9,4.4,lb,,TRUE,
fan,FAN,Fan,19.90,0,USD,active,,,,,,,Air -> Fans,,,,,,,3,FALSE,
oven,OVEN,Oven,0,0,USD,active,,,,,,,Kitchen -> Ovens,,,,,,,,,
kettle,KETTLE-W,,36.99,44.99,EUR,,,,,,,,,,,,,,,,,
fan,FAN,,17.90,,EUR,,,,,,,,,,,,,,,,,
ghost,GHOST-1,,1.00,,EUR,,,,,,,,,,,,,,,,,
kettle,KETTLE-X,,36.99,,USD,,,,,,,,,Color,Red,,,,,,,
";

#[test]
fn spree_in_its_first_currency() {
    let got = read(&Input::bytes(SPREE), Some("spree"), None);
    assert_eq!(got.ids(), ["fan", "kettle"], "in the order of their last rows");
    let draft = got.draft("kettle");
    let kettle = &draft.product;
    assert_eq!(draft.category, ["Kitchen", "Kettles"]);
    assert_eq!(kettle.slug, "kettle");
    let variants: Vec<_> =
        draft.offered().map(|(v, o)| (v.sku.as_str(), o.price.to_string(), o.stock, v.weight_grams)).collect();
    let want = [
        ("KETTLE-W", "39.99 USD".to_owned(), Some(5000), 1996),
        ("KETTLE-B", "39.99 USD".to_owned(), None, 1996),
        ("KETTLE-X", "36.99 USD".to_owned(), None, 0),
    ];
    assert_eq!(variants, want);
    assert_eq!(draft.offers[0].compare_at.unwrap().amount, 4999);
    assert_eq!(kettle.media.len(), 3);
    let keys: Vec<_> = kettle.attributes.iter().map(|a| a.key.as_str()).collect();
    assert_eq!(keys, ["product_type", "wattage", "width"]);
    assert_eq!(got.draft("fan").offers[0].policy, Some(StockPolicy::Untracked));
    assert_eq!(got.refused(), [(6, "zero_price")]);
    assert_eq!(got.counts.left_out, 3, "prices in euro");
}

#[test]
fn spree_in_another_currency_takes_prices_from_far_rows() {
    let got = read(&Input::bytes(SPREE), Some("spree"), Some("EUR"));
    assert_eq!(got.ids(), ["fan", "kettle"], "in the order of their last rows");
    let kettle = got.draft("kettle");
    let variants: Vec<_> =
        kettle.offered().map(|(v, offer)| (v.sku.as_str(), offer.price.to_string(), v.weight_grams)).collect();
    assert_eq!(variants, [("KETTLE-W", "36.99 EUR".to_owned(), 1996)], "black has no price in euro");
    assert_eq!(kettle.product.options[0].values, ["White"]);
    assert_eq!(kettle.offers[0].compare_at.unwrap().to_string(), "44.99 EUR");
    assert_eq!(got.draft("fan").offers[0].price.to_string(), "17.90 EUR");
    assert_eq!(got.refused(), [(9, "scattered_rows")], "a price without a product");
    let (head, rest) = SPREE.split_once('\n').unwrap();
    let (products, prices) = rest.split_at(rest.find("kettle,KETTLE-W,,36.99").unwrap());
    let before = read(&Input::bytes(format!("{head}\n{prices}{products}")), Some("spree"), Some("EUR"));
    let sorted = |mut drafts: Vec<souk_import::ProductDraft>| {
        drafts.sort_by(|a, b| a.product.external_id.cmp(&b.product.external_id));
        drafts
    };
    assert_eq!(sorted(before.drafts), sorted(got.drafts), "prices may stand before their products too");
    let none = read(&Input::bytes(SPREE), Some("spree"), Some("GBP"));
    assert!(none.drafts.is_empty() && none.counts.left_out > 0);
}

#[test]
fn a_merchants_own_csv() {
    let mapping = r#"
source = "lager"
[product]
external_id = "Nr"
title = { template = "{Marke} {Name}" }
brand = "Marke"
status = { from = "Aktiv", map = { ja = "published", nein = "draft" } }
[variant]
weight = "kg"
weight_unit = { value = "kg" }
stock = "Bestand"
[price]
amount = { from = "Preis", match = '[\d.,]+' }
decimal = ","
currency = { value = "EUR" }
[category]
from = "Gruppe"
fallback = ["Sonstiges"]
[[attributes.field]]
key = "power"
label = "Leistung"
from = "Watt"
type = "number"
unit = "W"
"#;
    let csv = "Nr;Name;Marke;Preis;Gruppe;Aktiv;kg;Bestand;Watt\n\
        A/1;Bohrer;Größe;€ 1.234,50;Werkzeug;ja;1.25;3;800.50\n\
        A-1;Säge;Acme;12;;nein;;;\n\
        A2;Hammer;Acme;zwölf;;ja;;;\nA3;Zange;;5;;ja;;;\nA4;Feile;Acme;5;;ja;;viele;\nA5;Axt;Acme;5;;ja;;;stark\n";
    let got = read(&Input::bytes(csv), Some(mapping), None);
    assert_eq!(got.ids(), ["A/1", "A-1", "A4", "A5"]);
    let draft = got.draft("A/1");
    let (drill, offer) = (&draft.product, &draft.offers[0]);
    assert!(drill.slug.starts_with("grosse-bohrer-"), "{}", drill.slug);
    assert_eq!((offer.price.to_string().as_str(), offer.stock), ("1234.50 EUR", Some(3)));
    assert_eq!((drill.variants[0].weight_grams, draft.category.as_slice()), (1250, &["Werkzeug".to_owned()][..]));
    let json = serde_json::to_string(&drill.attributes).unwrap();
    assert_eq!(json, r#"[{"key":"power","label":"Leistung","value":{"number":{"value":"800.5","unit":"W"}}}]"#);
    assert_eq!(
        (got.product("A-1").status, got.draft("A-1").category.as_slice()),
        (Status::Draft, &["Sonstiges".to_owned()][..])
    );
    assert_ne!(drill.variants[0].sku, got.product("A-1").variants[0].sku);
    assert_eq!(got.draft("A4").offers[0].stock, Some(0), "what cannot be read is not in stock");
    assert_eq!(got.refused(), [(4, "missing_price"), (5, "missing_title")]);
    assert_eq!(got.warned(), [(6, "invalid_stock"), (7, "invalid_attribute")]);
}

#[test]
fn what_is_not_known_asks_for_a_mapping() {
    let message = |text: &str| open(&Input::bytes(text), None, Some("EUR")).err().unwrap().to_string();
    assert!(message("a,b\n1,2\n").contains("--mapping"), "{}", message("a,b\n1,2\n"));
    assert!(message("{\"a\":1}\n").contains("--mapping"));
    assert!(message("[{\"a\":1}]").contains("one JSON list"));
    assert_eq!(message(""), "the file is empty");
    assert_eq!(message("\n\n"), "the file is empty");
}
