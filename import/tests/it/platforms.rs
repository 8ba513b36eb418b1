//! Exports of other shop systems, each recognised by itself.

use souk_catalog_api::Status;
use souk_import::{Input, ProductDraft};

use crate::{Content, read};

fn csv(text: &str) -> Content {
    read(&Input::bytes(text), None, Some("EUR"))
}

fn offers(draft: &ProductDraft) -> Vec<(String, String, String, Option<String>)> {
    let row = |(variant, offer): (&souk_catalog_api::VariantInput, &souk_import::Offer)| {
        let before = offer.compare_at.map(|money| money.to_string());
        (variant.sku.clone(), variant.option_values.join("/"), offer.price.to_string(), before)
    };
    draft.offered().map(row).collect()
}

const WOO: &str = "ID,Type,SKU,\"GTIN, UPC, EAN, or ISBN\",Name,Published,\"Visibility in catalog\",\"Short description\",Description,\"Date sale price starts\",\"Date sale price ends\",\"Tax status\",\"Tax class\",\"In stock?\",Stock,\"Weight (kg)\",\"Sale price\",\"Regular price\",Categories,Tags,Images,Parent,\"Attribute 1 name\",\"Attribute 1 value(s)\",\"Attribute 2 name\",\"Attribute 2 value(s)\"";

#[test]
fn variations_stand_anywhere_and_name_their_product() {
    let rows = [
        "12,variation,TEE-RED,,Tee - Red,1,visible,,,,,taxable,parent,1,5,0.2,,20.00,,,https://x.example/red.jpg,TEE,Color,Red,Size,",
        "10,variable,TEE,,Tee,1,visible,Short,\"Line one\\nLine two\",,,taxable,,1,,0.2,,,\"Clothing > Shirts, Sale\",\"cotton, a\\, b\",\"https://x.example/1.jpg, https://x.example/2.jpg\",,Color,\"Red, Blue\",Material,Cotton",
        "14,simple,MUG,4006381333931,Mug,1,hidden,,,,,none,,1,3,\"0.35\",,9.00,Home,,,,Material,Clay,,",
        "13,variation,,,Tee - Blue,1,visible,,,,,taxable,parent,1,0,,15.00,20.00,,,,id: 10,Color,Blue,Size,",
        "15,grouped,SET,,Set,1,visible,,,,,taxable,,1,,,,,Home,,,,,,,",
        "16,external,EXT,,Elsewhere,1,visible,,,,,taxable,,1,,,,5.00,Home,,,,,,,",
        "17,variation,LOST,,Lost - Red,1,visible,,,,,taxable,,1,,,,5.00,,,,NOBODY,Color,Red,,",
    ];
    let got = csv(&format!("{WOO}\n{}\n", rows.join("\n")));
    assert_eq!(got.refused(), [(6, "missing_price"), (8, "scattered_rows")]);
    let tee = got.draft("id:10");
    let want = [
        ("TEE-RED".to_owned(), "Red".to_owned(), "20.00 EUR".to_owned(), None),
        ("ID-10".to_owned(), "Blue".to_owned(), "15.00 EUR".to_owned(), Some("20.00 EUR".to_owned())),
    ];
    let found = offers(tee);
    assert_eq!(
        (found[0].clone(), &found[1].1, &found[1].2, &found[1].3),
        (want[0].clone(), &want[1].1, &want[1].2, &want[1].3)
    );
    let product = &tee.product;
    assert_eq!((product.title.as_str(), product.description.as_str()), ("Tee", "Line one\nLine two"));
    assert_eq!(tee.category, ["Clothing", "Shirts"]);
    assert_eq!(product.tags, ["cotton", "a, b"]);
    assert_eq!(product.media.len(), 3);
    assert_eq!(product.options.len(), 1);
    let attributes: Vec<&str> = product.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(attributes, ["material"], "what is an option is no attribute");
    assert_eq!((tee.offers[0].stock, tee.offers[1].stock), (Some(5), Some(0)));
    let mug = got.draft("id:14");
    assert_eq!((mug.product.status, mug.product.variants[0].tax_category.as_str()), (Status::Unlisted, "exempt"));
    assert_eq!(
        (mug.product.variants[0].weight_grams, mug.product.variants[0].barcode.as_deref()),
        (350, Some("4006381333931"))
    );
    assert_eq!(got.product("id:16").status, Status::Draft, "what is sold elsewhere is not sold here");
}

#[test]
fn a_sale_holds_on_its_days() {
    let price = |start: &str, end: &str| {
        let got = csv(&format!("{WOO}\n1,simple,A,,A,1,visible,,,{start},{end},taxable,,1,3,,4.00,9.00,Home,,,,,,,\n"));
        (offers(got.draft("id:1"))[0].2.clone(), got.warned().len())
    };
    assert_eq!(price("", ""), ("4.00 EUR".to_owned(), 0));
    assert_eq!(price("2020-01-01", "2199-12-31 0:00:00"), ("4.00 EUR".to_owned(), 0));
    assert_eq!(price("", "2020-01-01"), ("9.00 EUR".to_owned(), 0));
    assert_eq!(price("2199-01-01", ""), ("9.00 EUR".to_owned(), 0));
    assert_eq!(price("soon", ""), ("9.00 EUR".to_owned(), 1));
}

#[test]
fn translated_headers_are_known() {
    let german = "ID,Typ,Artikelnummer,Name,Veröffentlicht,\"Sichtbarkeit im Katalog\",Beschreibung,Steuerstatus,Steuerklasse,Vorrätig?,Lager,\"Gewicht (kg)\",Angebotspreis,\"Regulärer Preis\",Kategorien,Bilder,\"Übergeordnetes Produkt\",\"Attribut 1 Name\",\"Attribut 1 Wert(e)\"\n\
        1,variable,HEMD,Hemd,1,visible,,taxable,,1,,,,,Kleidung,,,Größe,\"S, M\"\n\
        2,variation,HEMD-S,Hemd - S,1,visible,,taxable,,1,4,\"0,3\",\"12,50\",\"19,90\",,,HEMD,Größe,S\n";
    let got = csv(german);
    assert_eq!((got.refused(), got.warned()), (vec![], vec![]));
    let draft = got.draft("id:1");
    assert_eq!(
        offers(draft),
        [("HEMD-S".to_owned(), "S".to_owned(), "12.50 EUR".to_owned(), Some("19.90 EUR".to_owned()))]
    );
    assert_eq!((draft.product.variants[0].weight_grams, draft.product.options[0].name.as_str()), (300, "Größe"));
    let french = "ID,Type,UGS,Nom,Publié,\"Tarif promo\",\"Tarif régulier\",\"En stock ?\",Stock,Catégories,Parent,\"Nom de l’attribut 1\",\"Valeur(s) de l’attribut 1 \"\n\
        7,simple,SAC,Sac,1,,\"1 299,00\",1,2,Sacs,,Couleur,Noir\n";
    let got = csv(french);
    assert_eq!(offers(got.draft("id:7")), [("SAC".to_owned(), String::new(), "1299.00 EUR".to_owned(), None)]);
    assert_eq!(got.product("id:7").attributes[0].label, "Couleur");
}

#[test]
fn rows_of_a_product_need_not_follow_one_another() {
    let got = csv("Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n\
        b,,,M,B-M,6\na,A,Title,Default Title,A,5\nb,B,Size,S,B-S,6\nb,,,L,B-L,7\n");
    assert_eq!((got.ids(), got.refused()), (vec!["a", "b"], vec![]));
    let skus: Vec<&str> = got.product("b").variants.iter().map(|variant| variant.sku.as_str()).collect();
    assert_eq!(skus, ["B-M", "B-S", "B-L"]);
}

#[test]
fn a_merchant_feed_is_grouped_and_names_its_currency() {
    let feed = "id\ttitle\tdescription\tlink\timage_link\tadditional_image_link\tavailability\tprice\tsale_price\tbrand\tgtin\titem_group_id\tcolor\tsize\tproduct_type\tshipping_weight\n\
        T1\tTee\tSoft\thttps://x.example/1\thttps://x.example/1.jpg\thttps://x.example/1b.jpg,https://x.example/1c.jpg\tin_stock\t15.00 EUR\t\tAcme\t4006381333931\tT\tRed\tS\tClothing > Tees\t0.2 kg\n\
        M1\tMug 12\" wide\tClay\thttps://x.example/3\thttps://x.example/3.jpg\t\tin stock\tEUR 9,00\t\tAcme\t\t\tWhite\t\tHome\t350 g\n\
        T2\tTee\tSoft\thttps://x.example/2\thttps://x.example/2.jpg\t\tout of stock\t15.00 EUR\t12.00 EUR\tAcme\t\tT\tRed\tM\tClothing > Tees\t0.2 kg\n\
        D1\tDollars\t\thttps://x.example/4\thttps://x.example/4.jpg\t\tin_stock\t9.00 USD\t\tAcme\t\t\t\t\tHome\t\n";
    let got = csv(feed);
    assert_eq!((got.ids(), got.refused(), got.warned(), got.counts.left_out), (vec!["M1", "T"], vec![], vec![], 1));
    let tee = got.draft("T");
    let row = |sku: &str, options: &str, price: &str, before: Option<&str>| {
        (sku.to_owned(), options.to_owned(), price.to_owned(), before.map(str::to_owned))
    };
    let want = [row("T1", "Red/S", "15.00 EUR", None), row("T2", "Red/M", "12.00 EUR", Some("15.00 EUR"))];
    assert_eq!(offers(tee), want);
    assert_eq!(
        (tee.product.media.len(), tee.category.join("/").as_str(), tee.offers[1].stock),
        (4, "Clothing/Tees", Some(0))
    );
    let mug = got.draft("M1");
    assert_eq!(
        (mug.product.title.as_str(), mug.product.variants[0].weight_grams, mug.product.options.len()),
        ("Mug 12\" wide", 350, 0)
    );
    assert_eq!(mug.product.attributes[0].label, "Color");
}

#[test]
fn feeds_in_xml_are_the_same_feeds() {
    let rss = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<rss version=\"2.0\" xmlns:g=\"http://base.google.com/ns/1.0\"><channel><title>Shop</title>\n\
        <item><g:id>T1</g:id><title><![CDATA[Tee & more]]></title><link>https://x.example/1</link><g:price>15.00 EUR</g:price>\n\
        <g:image_link>https://x.example/1.jpg</g:image_link><g:additional_image_link>https://x.example/2.jpg</g:additional_image_link>\n\
        <g:additional_image_link>https://x.example/3.jpg</g:additional_image_link><g:availability>in stock</g:availability>\n\
        <g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping><description>Gr\u{f6}&#223;e &lt;b&gt;S&lt;/b&gt;</description></item>\n\
        <item><g:id>T2</g:id><title>No price</title></item>\n</channel></rss>";
    let latin: Vec<u8> = rss.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let got = read(&Input::bytes(latin), None, Some("EUR"));
    assert_eq!((got.ids(), got.refused()), (vec!["T1"], vec![(7, "missing_price")]));
    let product = got.product("T1");
    assert_eq!(
        (product.title.as_str(), product.description.as_str(), product.media.len()),
        ("Tee & more", "Größe S", 3)
    );
    let atom = "<feed xmlns=\"http://www.w3.org/2005/Atom\" xmlns:g=\"http://base.google.com/ns/1.0\"><entry><g:id>A</g:id><g:title>Lamp</g:title>\
        <link href=\"https://x.example/a\"/><g:price>9.00 EUR</g:price><g:availability>out_of_stock</g:availability></entry><entry><g:id>B</g:id>";
    let got = read(&Input::bytes(atom), None, Some("EUR"));
    assert_eq!((got.draft("A").offers[0].stock, got.refused()), (Some(0), vec![(1, "broken_xml")]));
}
