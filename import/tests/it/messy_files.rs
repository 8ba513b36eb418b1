//! Files as spreadsheets and old programs leave them: titles above the table, empty rows below it, quotes and encodings that follow no
//! rule. Each must give the same two products.

use std::io::Write;

use souk_import::Input;

use crate::{Content, open, read};

const MAPPING: &str = "source = 'lager'\n[product]\nexternal_id = 'Nr'\ntitle = 'Name'\n[variant]\nsku = 'SKU'\nstock = 'Bestand'\n\
    weight = 'Gewicht'\nweight_unit = { value = 'kg' }\n[price]\namount = 'Preis'\n[category]\nfallback = ['Sonstiges']\n";
const TABLE: &str =
    "Nr;Name;SKU;Bestand;Gewicht;Preis\n1;Kühlschrank weiß;K-1;3;45,5;1.299,00\n2;Öl für Männer;O-2;10;0,8;12,50\n";

fn taken(bytes: impl AsRef<[u8]>, what: &str) -> Content {
    let got = read(&Input::bytes(bytes), Some(MAPPING), Some("EUR"));
    let rows: Vec<_> = got
        .drafts
        .iter()
        .map(|draft| (draft.product.title.as_str(), draft.offers[0].price.amount, draft.offers[0].stock))
        .collect();
    assert_eq!(rows, [("Kühlschrank weiß", 129_900, Some(3)), ("Öl für Männer", 1_250, Some(10))], "{what}");
    assert_eq!((got.refused(), got.counts.read), (vec![], 2), "{what}");
    got
}

#[test]
fn what_stands_around_a_table_is_no_part_of_it() {
    for (what, text) in [
        ("a title above", format!("Unsere Produkte, Stand 30.11.2026\n{TABLE}")),
        ("a title in merged cells", format!("Unsere Produkte;;;;;\n{TABLE}")),
        ("a title, a date and nothing", format!("Firma GmbH;Seite 1;;;;\n\n;;;;;\n{TABLE}")),
        ("comments of a program", format!("# export\n# 2026-11-30\n{TABLE}")),
        ("empty rows below", format!("{TABLE};;;;;\n;;;;;\n;;;;;")),
        ("the end mark of DOS", format!("{TABLE}\u{1a}")),
        ("zeros that fill a block", format!("{TABLE}{}", "\0".repeat(400))),
        ("delimiters at each end", TABLE.replace('\n', ";;\n")),
        ("sep= of a spreadsheet that saved it again", format!("sep=;;;;;\n{TABLE}")),
        ("sep= with blanks", format!("\"sep = ;\"\r\n{}", TABLE.replace('\n', "\r\n"))),
        ("a name over two lines", TABLE.replace("Name;", "\"Name\n\";")),
        ("direction marks", TABLE.replace("12,50", "\u{200f}12,50\u{200e}").replace("K-1", "\u{200e}K-1")),
        ("formulas that guard codes", TABLE.replace("K-1", "\"=\"\"K-1\"\"\"").replace(";3;", ";\"=\"\"3\"\"\";")),
    ] {
        let got = taken(&text, what);
        assert_eq!((got.product("1").variants[0].sku.as_str(), got.warned()), ("K-1", vec![]), "{what}");
    }
}

#[test]
fn quotes_within_a_quoted_text_cost_nothing() {
    for name in ["\"Kühlschrank 17\" weiß\"", "\"Kühlschrank 17\\\" weiß\""] {
        let got = read(&Input::bytes(TABLE.replace("Kühlschrank weiß", name)), Some(MAPPING), Some("EUR"));
        assert_eq!(got.product("1").title, "Kühlschrank 17\" weiß");
        assert_eq!((got.refused(), got.warned()), (vec![], vec![(2, "broken_csv")]));
    }
}

#[test]
fn encodings_without_a_mark() {
    let wide = |to: fn(u16) -> [u8; 2]| TABLE.encode_utf16().flat_map(to).collect::<Vec<u8>>();
    taken(wide(u16::to_le_bytes), "UTF-16LE");
    taken(wide(u16::to_be_bytes), "UTF-16BE");
    taken([b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat(), "UTF-16LE with a mark");
    let latin: Vec<u8> = TABLE.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    taken(latin, "windows-1252");
    // A title of Cyrillic letters has few of the zeros that tell UTF-16.
    let text = "Номер,Название,Цена\n1,Холодильник двухкамерный,1980\n";
    let mapping = "source = 'x'\n[product]\nexternal_id = 'Номер'\ntitle = 'Название'\n[price]\namount = 'Цена'\n[category]\nfallback = ['O']\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&Input::bytes(bytes), Some(mapping), Some("RUB")).product("1").title, "Холодильник двухкамерный");
}

/// A workbook with one sheet of these rows; each cell is written as its XML.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let cell = |(at, xml): (usize, &&str), row: usize| {
        let column = char::from(b'A' + u8::try_from(at).unwrap());
        if xml.is_empty() { String::new() } else { xml.replacen("<c", &format!("<c r=\"{column}{row}\""), 1) }
    };
    let row = |(at, cells): (usize, &&[&str])| {
        let line = at + 3;
        let cells: String = cells.iter().enumerate().map(|pair| cell(pair, line)).collect();
        format!("<row r=\"{line}\">{cells}</row>")
    };
    let sheet: String = rows.iter().enumerate().map(row).collect();
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let rels = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let files = [
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{rels}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{rels}\"><sheets><sheet name=\"A\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{rels}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", format!("<worksheet xmlns=\"{main}\"><sheetData>{sheet}</sheetData></worksheet>")),
    ];
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn workbooks_with_titles_texts_for_numbers_and_formulas() {
    let text = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let head: Vec<String> = ["Nr", "Name", "SKU", "Bestand", "Gewicht", "Preis"].map(text).to_vec();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let title = text("Unsere Produkte");
    let first = [
        "<c><v>1</v></c>",
        &text("Kühlschrank weiß"),
        &text("K-1"),
        "<c><f>1+2</f><v>3</v></c>",
        &text("45,5"),
        &text("1.299,00"),
    ];
    let second = [
        "<c><v>2</v></c>",
        &text("Öl für Männer"),
        "<c t=\"e\"><v>#N/A</v></c>",
        "<c><v>10</v></c>",
        "<c><v>0.8</v></c>",
        "<c><v>12.5</v></c>",
    ];
    let bytes =
        workbook(&[&[&title], &[], &head, &first, &second, &["", "", "<c t=\"inlineStr\"><is><t> </t></is></c>"]]);
    let got = taken(bytes, "workbook");
    assert_eq!(got.product("1").variants[0].weight_grams, 45_500);
    assert_eq!((got.product("2").variants[0].weight_grams, got.product("2").variants[0].sku.as_str()), (800, "2"));
    assert_eq!(got.warned(), []);
}

#[test]
fn markup_that_is_no_feed_is_refused_by_name_and_sloppy_feeds_are_read() {
    for (text, want) in [
        ("<!-- saved -->\n<table><tr><td>id</td></tr></table>", "web page"),
        ("<?xml version=\"1.0\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\"/>", "Excel 2003"),
        ("<svg/>", "picture"),
    ] {
        let error = open(&Input::bytes(text), None, Some("EUR")).err().unwrap().to_string();
        assert!(error.contains(want), "{error}");
    }
    let item = |id: u32, title: &str| {
        format!(
            "<item><g:id>{id}</g:id><title>{title}</title><link>x</link><g:price>5 EUR</g:price><g:availability>in stock</g:availability></item>"
        )
    };
    let feed = format!(
        "<rss xmlns:g=\"http://base.google.com/ns/1.0\"><channel>{}{}{}{}</channel></rss>",
        item(1, "Salt & Pepper &eacute; AT&T"),
        "<item><g:id>2</g:id><title>never closed<g:price>5 EUR</g:price></item>",
        item(3, "<![CDATA[Tom & <b>Jerry</b>]]>"),
        item(4, "Plain"),
    );
    let got = read(&Input::bytes(feed), None, Some("EUR"));
    assert_eq!((got.ids(), got.refused()), (vec!["1", "3", "4"], vec![(1, "broken_xml")]));
    assert_eq!(got.product("1").title, "Salt & Pepper é AT&T");
    assert_eq!(got.product("3").title, "Tom & Jerry");
}
