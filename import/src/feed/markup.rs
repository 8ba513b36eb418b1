//! Documents in angle brackets that are no feed of products, told by their root element: web pages, drawings, Excel's XML.

/// Elements of web pages that a file may begin with.
const OF_PAGES: &[&str] =
    &["html", "head", "body", "table", "div", "script", "style", "meta", "p", "title", "form", "span", "center"];

/// What a document is, where it is no feed.
pub(super) fn other_document(text: &[u8]) -> Option<&'static str> {
    const PAGE: &str = "a web page (HTML): perhaps the download needed a login";
    let root = match root(text)? {
        Root::Page => return Some(PAGE),
        Root::Element(name) => name,
    };
    match root.rsplit(':').next().unwrap_or_default() {
        "workbook" => Some("an Excel 2003 document (XML): save it as .xlsx or CSV"),
        "svg" => Some("a picture (SVG)"),
        "urlset" | "sitemapindex" => Some("a sitemap"),
        name if OF_PAGES.contains(&name) => Some(PAGE),
        _ => None,
    }
}

enum Root {
    /// Its declaration says that it is a web page.
    Page,
    Element(String),
}

/// The first element, behind declarations and comments; nothing in what does not begin so.
fn root(text: &[u8]) -> Option<Root> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let mut rest = text;
    loop {
        rest = rest.trim_ascii_start();
        rest = rest.strip_prefix(MARK).unwrap_or(rest).trim_ascii_start();
        let inner = rest.strip_prefix(b"<")?;
        let end: &[u8] = match inner {
            [b'!', b'-', b'-', ..] => b"-->",
            [b'?', ..] => b"?>",
            [b'!', declaration @ ..] => {
                if declaration.len() >= 12 && declaration[..12].eq_ignore_ascii_case(b"doctype html") {
                    return Some(Root::Page);
                }
                b">"
            }
            _ => {
                let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_');
                let name: Vec<u8> = inner.iter().take_while(is_name).copied().collect();
                return Some(Root::Element(String::from_utf8_lossy(&name).to_lowercase()));
            }
        };
        let at = inner.windows(end.len()).position(|part| part == end)?;
        rest = &inner[at + end.len()..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_by_their_root() {
        for (text, want) in [
            ("<!DOCTYPE HTML PUBLIC \"x\"><html>", Some("HTML")),
            ("\u{feff}\n<!-- a > b -->\n<HTML lang=de>", Some("HTML")),
            ("<?xml version=\"1.0\"?><html xmlns=\"x\">", Some("HTML")),
            ("<table border=1><tr><td>id</td></tr></table>", Some("HTML")),
            (
                "<?xml version=\"1.0\"?>\n<?mso-application progid=\"Excel.Sheet\"?>\n<Workbook xmlns=\"x\">",
                Some("Excel 2003"),
            ),
            ("<ss:Workbook>", Some("Excel 2003")),
            ("<svg width=\"1\">", Some("SVG")),
            ("<?xml version=\"1.0\"?><rss><channel>", None),
            ("<feed><entry>", None),
            ("<products><product>", None),
            ("<!-- never closed", None),
            ("id,title\n1,<html>\n", None),
            ("<", None),
        ] {
            let found = other_document(text.as_bytes());
            assert_eq!(found.is_some(), want.is_some(), "{text}: {found:?}");
            assert!(found.unwrap_or_default().contains(want.unwrap_or_default()), "{text}: {found:?}");
        }
    }
}
