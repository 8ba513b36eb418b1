//! Exports of other shop systems, each recognised by itself.

use souk_catalog_api::Status;
use souk_import::{Input, ProductDraft};
use souk_inventory_api::StockPolicy;

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
    assert_eq!(got.refused(), [(6, "missing_price")]);
    assert_eq!(got.product("id:17").status, Status::Draft, "a variation without its product is not published");
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
fn what_woocommerce_sells_without_stock() {
    let policy = |counted: &str, in_stock: &str, backorders: &str| {
        let head = "ID,Type,SKU,Name,Published,Regular price,In stock?,Stock,Backorders allowed?,Categories";
        let got = csv(&format!("{head}\n1,simple,A,A,1,5,{in_stock},{counted},{backorders},Home\n"));
        let offer = &got.draft("id:1").offers[0];
        (offer.initial_stock(), offer.policy)
    };
    assert_eq!(policy("4", "1", "0"), (4, Some(StockPolicy::Deny)));
    assert_eq!(policy("0", "1", "1"), (0, Some(StockPolicy::Backorder)));
    assert_eq!(policy("0", "0", "notify"), (0, Some(StockPolicy::Backorder)));
    assert_eq!(policy("", "1", "0"), (0, Some(StockPolicy::Untracked)));
    assert_eq!(policy("", "backorder", ""), (0, Some(StockPolicy::Backorder)));
    assert_eq!(policy("", "0", ""), (0, Some(StockPolicy::Deny)));
}

#[test]
fn what_a_merchant_feed_says_of_stock() {
    let policy = |availability: &str, quantity: &str| {
        let got = csv(&format!(
            "id,title,link,availability,price,quantity\nA,A,https://x.example,{availability},5.00 EUR,{quantity}\n"
        ));
        let offer = &got.draft("A").offers[0];
        (offer.initial_stock(), offer.policy)
    };
    assert_eq!(policy("in_stock", ""), (0, Some(StockPolicy::Untracked)));
    assert_eq!(policy("in stock", "7"), (7, Some(StockPolicy::Deny)));
    assert_eq!(policy("preorder", ""), (0, Some(StockPolicy::Backorder)));
    assert_eq!(policy("out_of_stock", ""), (0, Some(StockPolicy::Deny)));
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

const MAGENTO: &str = "sku,store_view_code,attribute_set_code,product_type,categories,name,description,product_online,tax_class_name,visibility,price,special_price,url_key,base_image,additional_images,additional_attributes,qty,allow_backorders,is_in_stock,manage_stock,configurable_variations,configurable_variation_labels";

#[test]
fn a_configurable_product_of_magento_lists_its_variants() {
    let rows = [
        "MH01-XS,,Top,simple,\"Default Category/Men/Tops\",Hoodie-XS-Black,,1,Taxable Goods,Not Visible Individually,52.00,,hoodie-xs,https://m.example/xs.jpg,,\"color=Black,size=XS\",100,0,1,1,,",
        "MUG,,Default,simple,\"Default Category/Gear,Default Category/New\",Mug,<p>Clay</p>,1,None,\"Catalog, Search\",9.00,7.50,mug,,,\"material=Clay, fired,activity=Gym|Yoga\",0,1,1,1,,",
        "MH01,,Top,configurable,\"Default Category/Men/Tops\",Hoodie,<p>Warm</p>,1,Taxable Goods,\"Catalog, Search\",,,hoodie,https://m.example/a.jpg,\"https://m.example/b.jpg,https://m.example/c.jpg\",,0,0,1,1,\"sku=MH01-XS,size=XS,color=Black|sku=MH01-M,size=M,color=Deep, dark blue\",\"size=Size,color=Main colour\"",
        "MH01,german,Top,configurable,,Kapuzenpulli,,,,,,,,,,,,,,,,",
        "MH01-M,,Top,simple,,Hoodie-M-Blue,,1,Taxable Goods,Not Visible Individually,54.00,,hoodie-m,,,\"color=Blue,size=M\",3,0,0,1,,",
        "LOST-S,,Top,simple,,Lost-S,,1,Taxable Goods,Not Visible Individually,5.00,,lost-s,,,,3,0,1,0,,",
    ];
    let got = csv(&format!("{MAGENTO}\n{}\n", rows.join("\n")));
    assert_eq!((got.refused(), got.warned(), got.counts.left_out), (vec![], vec![], 1));
    let hoodie = got.draft("MH01");
    let names: Vec<&str> = hoodie.product.options.iter().map(|option| option.name.as_str()).collect();
    assert_eq!((hoodie.product.title.as_str(), names), ("Hoodie", vec!["Size", "Main colour"]));
    let row = |sku: &str, options: &str, price: &str| (sku.to_owned(), options.to_owned(), price.to_owned(), None);
    assert_eq!(
        offers(hoodie),
        [row("MH01-XS", "XS/Black", "52.00 EUR"), row("MH01-M", "M/Deep, dark blue", "54.00 EUR")]
    );
    assert_eq!((hoodie.category.join("/").as_str(), hoodie.product.media.len()), ("Men/Tops", 4));
    assert_eq!((hoodie.offers[0].stock, hoodie.offers[1].stock), (Some(100), Some(0)), "out of stock says the flag");
    let mug = got.draft("MUG");
    assert_eq!(offers(mug), [("MUG".into(), String::new(), "7.50 EUR".into(), Some("9.00 EUR".into()))]);
    assert_eq!(
        (mug.product.variants[0].tax_category.as_str(), mug.offers[0].policy),
        ("exempt", Some(StockPolicy::Backorder))
    );
    let attributes: Vec<(&str, String)> =
        mug.product.attributes.iter().map(|a| (a.label.as_str(), a.value.display())).collect();
    assert_eq!(attributes, [("Activity", "Gym|Yoga".to_owned()), ("Material", "Clay, fired".to_owned())]);
    assert_eq!(mug.category, ["Gear"]);
    let lost = got.draft("LOST-S");
    assert_eq!((lost.product.status, lost.offers[0].policy), (Status::Draft, Some(StockPolicy::Untracked)));
    // What is not in the file is not sold as if it were one thing.
    let row = |listed: &str| {
        format!(
            "{MAGENTO}\nA-S,,Top,simple,,A-S,,1,,,5.00,,,,,,1,0,1,1,,\nA,,Top,configurable,,A,,1,,,9.00,,,,,,1,0,1,1,\"{listed}\",\n"
        )
    };
    let got = csv(&row("sku=GONE,size=S|sku=LOST,size=M"));
    assert_eq!((got.ids(), got.refused()), (vec!["A-S"], vec![(3, "missing_variant")]));
    let got = csv(&row("sku=A-S,size=S|sku=LOST,size=M"));
    assert_eq!((got.ids(), got.warned()), (vec!["A"], vec![(3, "missing_variant")]));
}

/// Magento writes what is set for a product also where the shop's configuration holds instead.
#[test]
fn magento_says_where_its_configuration_decides_of_stock() {
    let head = "sku,product_type,name,visibility,product_online,price,qty,manage_stock,use_config_manage_stock,allow_backorders,use_config_backorders";
    let got = csv(&format!(
        "{head}\nA,simple,A,4,1,5,7,0,1,1,1\nB,simple,B,4,1,5,7,0,0,0,1\nC,simple,C,4,1,5,7,1,1,1,0\nD,simple,D,4,1,5,7,1,0,0,0\n"
    ));
    let policies: Vec<_> = got.drafts.iter().map(|draft| (draft.offers[0].stock, draft.offers[0].policy)).collect();
    let (backorder, deny) = (Some(StockPolicy::Backorder), Some(StockPolicy::Deny));
    assert_eq!(
        policies,
        [(Some(7), None), (Some(7), Some(StockPolicy::Untracked)), (Some(7), backorder), (Some(7), deny)]
    );
}

/// Releases before 1.7, and shops that put commas between the columns.
#[test]
fn prestashop_of_before_and_with_commas() {
    let old = "ID;Active (0/1);Name *;Categories (x,y,z...);Price tax excluded or Price tax included;Reference #;Tags (x,y,z,...);Image URLs (x,y,z,...);Out of stock\n\
        1;1;Mug;Home, Cups;5;M-1;clay, red;https://x.example/1.jpg, https://x.example/2.jpg;1\n";
    let commas = "Product ID,Active (0/1),Name *,Categories (x;y;z...),Price tax excluded or Price tax included,Reference #,Tags (x;y;z...),Image URLs (x;y;z...),Out of stock\n\
        1,1,Mug,Home; Cups,5,M-1,clay; red,https://x.example/1.jpg; https://x.example/2.jpg,1\n";
    for text in [old, commas] {
        let got = csv(text);
        let (draft, product) = (&got.drafts[0], got.product("1"));
        assert_eq!((got.refused(), got.warned()), (vec![], vec![(1, "note")]), "{text}");
        assert_eq!(
            (product.tags.as_slice(), product.media.len()),
            (&["clay".to_owned(), "red".to_owned()][..], 2),
            "{text}"
        );
        assert_eq!((draft.category.join("/").as_str(), draft.offers[0].policy), ("Home", Some(StockPolicy::Backorder)));
    }
}

#[test]
fn products_of_prestashop() {
    let template = "Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax excluded;Reference #;Manufacturer;EAN13;Quantity;Visibility;Description;Tags (x,y,z...);URL rewritten;Available for order (0 = No, 1 = Yes);Image URLs (x,y,z...);Feature(Name:Value:Position);Condition\n\
        1;1;Hummingbird tee;Home/Clothes/Men,Home;23,90;demo_1;Studio Design;4006381333931;1200;both;<p>Soft</p>;tee,men;hummingbird-tee;1;https://p.example/1.jpg,https://p.example/2.jpg;Composition:Cotton:1,Property:Short sleeves:2;new\n\
        2;1;Mug;Home/Accessories;11,90;demo_2;;;5;none;;;mug;0;;;\n3;0;Cup;Home;9,90;demo_3;;;5;none;;;cup;1;;;\n";
    let got = csv(template);
    assert_eq!((got.refused(), got.warned()), (vec![], vec![(1, "note")]), "prices without tax are told once");
    let tee = got.draft("1");
    assert_eq!(offers(tee), [("demo_1".into(), String::new(), "23.90 EUR".into(), None)]);
    assert_eq!(
        (tee.category.join("/").as_str(), tee.product.media.len(), tee.offers[0].stock),
        ("Clothes/Men", 2, Some(1200))
    );
    let labels: Vec<&str> = tee.product.attributes.iter().map(|a| a.label.as_str()).collect();
    assert_eq!(labels, ["Composition", "Condition", "Property"]);
    let mug = got.draft("2");
    assert_eq!((mug.product.status, mug.offers[0].stock), (Status::Unlisted, Some(0)), "not for order is not there");
    assert_eq!(got.product("3").status, Status::Draft);
    let list = "Product ID,Image,Name,Reference,Category,Price (tax excl.),Price (tax incl.),Quantity,Status,Position\n7,https://p.example/7.jpg,Frame,FR-7,Art,9.00,10.80,3,1,1\n";
    let got = csv(list);
    assert_eq!((offers(got.draft("7"))[0].2.as_str(), got.warned()), ("10.80 EUR", vec![]));
}

#[test]
fn rows_of_bigcommerce_follow_their_product() {
    let today = "Item,ID,Name,Type,SKU,Options,Inventory Tracking,Current Stock,Price,Retail Price,Sale Price,Categories,Description,Custom Fields,UPC/EAN,Is Visible,Variant Image URL,Internal Image URL (Export)\n\
        Product,77,Able jar,physical,ABLE,,variant,0,30.00,,,Kitchen/Storage;Sale,<p>Jar</p>,Lid=Oak,,TRUE,,\n\
        Variant,,,,ABLE-S,Type=Rectangle|Name=Size|Value=Small,,4,,,,,,,4006381333931,,https://b.example/s.jpg,\n\
        Variant,,,,ABLE-L,Type=Swatch|Name=Size|Value=Large[#fff],,0,35.00,,,,,,,,,\n\
        Image,,,,,,,,,,,,,,,,,https://b.example/a.jpg\n\
        Product,78,Gift card,digital,GIFT,,none,0,25.00,,,,,,,FALSE,,\n";
    let got = csv(today);
    assert_eq!((got.refused(), got.warned()), (vec![], vec![]));
    let jar = got.draft("77");
    let row = |sku: &str, options: &str, price: &str| (sku.to_owned(), options.to_owned(), price.to_owned(), None);
    assert_eq!(offers(jar), [row("ABLE-S", "Small", "30.00 EUR"), row("ABLE-L", "Large", "35.00 EUR")]);
    assert_eq!((jar.category.join("/").as_str(), jar.product.media.len()), ("Kitchen/Storage", 2));
    assert_eq!((jar.offers[0].stock, jar.product.options[0].name.as_str()), (Some(4), "Size"));
    let card = got.draft("78");
    assert_eq!((card.product.status, card.offers[0].policy), (Status::Draft, Some(StockPolicy::Untracked)));
    let before = "Item Type,Product ID,Product Name,Product Code/SKU,Price,Sale Price,Product Visible?,Track Inventory,Current Stock Level,Category\n\
        Product,5,Tee,TEE,20.00,15.00,Y,by option,0,Clothing/Tees\n  SKU,,\"[RT]Color=Red,[RB]Size=M\",TEE-RM,,,,,3,\n  Rule,,\"[RT]Color=Red\",,+2.00,,,,,\n\
        Product,6,Cap,CAP,9.00,,N,none,0,Clothing\n";
    let got = csv(before);
    assert_eq!((got.refused(), got.warned(), got.counts.left_out), (vec![], vec![], 1));
    let want = ("TEE-RM".to_owned(), "Red/M".to_owned(), "15.00 EUR".to_owned(), Some("20.00 EUR".to_owned()));
    assert_eq!((offers(got.draft("5")), got.draft("5").offers[0].stock), (vec![want], Some(3)));
    assert_eq!(got.product("6").status, Status::Draft);
    // Rows before the first product belong to none.
    let got = csv("Item,ID,Name,SKU,Options,Price\nVariant,,,V,Name=Size|Value=S,5\nProduct,1,A,A,,5\n");
    assert_eq!((got.ids(), got.refused()), (vec!["1"], vec![(2, "scattered_rows")]));
}
