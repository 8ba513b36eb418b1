//! Any bytes as a file and any mapping: no panic, no endless reading, and rows that add up.

use proptest::prelude::*;
use souk_import::{Feed, Input, Mapping, Options};

/// Reads a file to its end. Its rows are counted once each, or it is refused as a whole.
fn reads(bytes: &[u8], mapping: Option<Mapping>) {
    let options = Options { mapping, currency: Some("EUR".parse().unwrap()), ..Options::default() };
    let Ok(mut feed) = Feed::open(&Input::bytes(bytes), options) else { return };
    let items = feed.by_ref().count();
    assert!(items < 100_000, "{items} for {} bytes", bytes.len());
    let counts = feed.counts();
    assert_eq!(counts.read, counts.taken + counts.refused + counts.left_out, "{counts:?}");
}

const CELLS: &str = "[a-z]{1,4}|1\\.299,00|12,50 €|\"[^\"]{0,6}\"|\"\"|\"[a-z]|=\"00\"|'0|TRUE|nein|S|M|https://x\\.example/a,b\\.jpg|\
    <p>x</p>|\u{200f}٣|一|\r|\0|id:1|10\\+|-|Size=S\\|Color=Red|\\\\n|11/30/26";

/// Tables of the columns of a mapping with cells of all kinds.
fn table(columns: &'static [&'static str]) -> impl Strategy<Value = String> {
    let row = prop::collection::vec(CELLS, 0..columns.len() + 2);
    (prop::collection::vec(row, 0..12), prop::sample::select(vec![",", ";", "\t"]), prop::bool::ANY).prop_map(
        move |(rows, delimiter, title)| {
            let quoted: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
            let mut lines = if title { vec!["Our products".to_owned(), String::new()] } else { Vec::new() };
            lines.push(quoted.join(delimiter));
            lines.extend(rows.iter().map(|cells| cells.join(delimiter)));
            lines.join("\n")
        },
    )
}

const SHOPIFY: &[&str] = &[
    "Handle",
    "Title",
    "Option1 Name",
    "Option1 Value",
    "Option2 Name",
    "Option2 Value",
    "Variant SKU",
    "Variant Price",
    "Published",
    "Status",
    "Image Src",
    "Variant Grams",
    "Variant Inventory Qty",
];
const WOO: &[&str] = &[
    "ID",
    "Type",
    "SKU",
    "Name",
    "Published",
    "Regular price",
    "Sale price",
    "Date sale price ends",
    "Parent",
    "Stock",
    "Images",
    "Attribute 1 name",
    "Attribute 1 value(s)",
    "Attribute 2 name",
    "Attribute 2 value(s)",
    "Description",
];
const MAGENTO: &[&str] = &[
    "sku",
    "product_type",
    "name",
    "price",
    "visibility",
    "product_online",
    "configurable_variations",
    "additional_attributes",
    "qty",
];
const BIGCOMMERCE: &[&str] = &["Item", "ID", "Name", "SKU", "Options", "Price", "Categories", "Current Stock"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), start in prop::sample::select(vec![
        "", "\u{feff}", "id,title,link,image_link,price\n", "{\"format\":\"souk.product/1\"", "<rss><item>", "<?xml", "sep=", "PK\u{3}\u{4}",
        "\u{1f}\u{8b}", "\"", "Handle,Title,Variant Price\n\"",
    ])) {
        let bytes = [start.as_bytes(), &bytes].concat();
        reads(&bytes, None);
        for name in ["google", "shopify", "icecat", "spree"] {
            reads(&bytes, Mapping::built_in(name));
        }
    }

    #[test]
    fn any_cells_in_tables_of_every_system(
        shopify in table(SHOPIFY), woo in table(WOO), magento in table(MAGENTO), bigcommerce in table(BIGCOMMERCE)
    ) {
        for text in [shopify, woo, magento, bigcommerce] {
            reads(text.as_bytes(), None);
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            reads(&wide, None);
        }
    }

    #[test]
    fn any_markup_as_a_feed(parts in prop::collection::vec("<item>|</item>|<g:id>|</g:id>|<title>|</title>|<g:price>5 EUR</g:price>|&amp;|&|<!\\[CDATA\\[|\\]\\]>|<!--|-->|<a href='x'/>|[a-z<>]{1,4}|<link>x</link>", 0..40)) {
        let text = format!("<rss>{}</rss>", parts.concat());
        reads(text.as_bytes(), Mapping::built_in("google"));
        reads(text.as_bytes(), None);
    }

    /// Mappings with keys and values in places where they may not stand, and such as read any column for anything.
    #[test]
    fn any_mapping(
        rules in prop::collection::vec("'[abc]'|\\{ from = '[abc]', split = '[,a]', escape = '[\\\\\\\\]?' \\}|\\{ from = 'a', match = '[a(.*+?)]{0,5}' \\}|\\{ template = '\\{a\\}\\{b\\}' \\}|\\{ each = \\['a', 'b\\{n\\}'\\] \\}|\\{ from = 'c', map = \\{ a = 'b', '\\*' = '' \\}, when = 'a', unless = 'b' \\}", 8),
        grouping in prop::sample::select(vec!["group_by = 'a'", "parent = 'b'\nnames = ['a', 'c']", "children = { from = 'c', split = ',' }\nnames = ['a']", "starts = 'b'", ""]),
        rows in prop::collection::vec(prop::collection::vec(CELLS, 3), 0..12),
    ) {
        let options = if grouping.is_empty() { String::new() } else { format!("[[option]]\nname = {}\nvalue = {}\n", rules[6], rules[7]) };
        let mapping = format!(
            "source = 'x'\noptional_columns = true\n[rows]\n{grouping}\nparent_row = {}\ninherit = {}\n[product]\nexternal_id = {}\ntitle = {}\nmedia = {}\nstatus = {}\n\
             [variant]\nsku = {}\nstock = {}\nweight = {}\n{options}[price]\namount = {}\n[category]\nfrom = {}\nseparator = 'a'\nfallback = ['O']\n",
            rows.len() % 2 == 0, rows.len() % 3 == 0, rules[0], rules[1], rules[2], rules[3], rules[4], rules[5], rules[6], rules[7], rules[1],
        );
        let text = format!("a,b,c\n{}", rows.iter().map(|cells| cells.join(",")).collect::<Vec<_>>().join("\n"));
        if let Ok(mapping) = mapping.parse::<Mapping>() {
            reads(text.as_bytes(), Some(mapping));
        }
    }
}

#[test]
fn files_that_would_take_long_or_much_do_not() {
    let began = std::time::Instant::now();
    // Quotes that never close, each with the lines after it; marks without end; one column of a million cells.
    let quotes = format!("Handle,Title,Variant Price\n{}", "a,\"b,5\n".repeat(3_000));
    reads(quotes.as_bytes(), None);
    reads(&[b"Handle,Title,Variant Price\n".as_slice(), &b"\"".repeat(2_000_000)].concat(), None);
    reads(&b"\xef\xbb\xbf".repeat(500_000), None);
    reads(&b",".repeat(3_000_000), None);
    reads(format!("<rss>{}", "<item>".repeat(100_000)).as_bytes(), Mapping::built_in("google"));
    reads(format!("<rss><item><id>1</id>{}", "&".repeat(1_000_000)).as_bytes(), Mapping::built_in("google"));
    reads(
        format!("Handle,Title,Variant Price,Image Src\na,A,5,\"{}\"\n", "https://x.example/a,".repeat(100_000))
            .as_bytes(),
        None,
    );
    reads(
        format!("Handle,Title,Variant Price,Tags\na,A,5,\"{}\"\n", "https://x.example/a,b".repeat(100_000)).as_bytes(),
        None,
    );
    reads(format!("Handle,Title,Variant Price,Body (HTML)\na,A,5,\"{}\"\n", "<div>".repeat(100_000)).as_bytes(), None);
    assert!(began.elapsed().as_secs() < 120, "{:?}", began.elapsed());
}
