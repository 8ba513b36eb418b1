//! HTML that others wrote, made safe and made plain: what a merchant's file has as a description becomes HTML that a page may show
//! ([`safe`]) and text for search, feeds and mails ([`plain`]). Pure and deterministic; both parse as browsers do.

mod elements;
mod outline;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;
use regex::Regex;

use self::elements::{BLOCKS, INLINE, KEPT, OTHER, alternatives, names};

/// Tags of HTML with their attributes, and references to letters. What only looks like one (`a <b and c`, `List<Text>`) is none.
static MARKUP: LazyLock<Regex> = LazyLock::new(|| {
    let names = alternatives(&[BLOCKS, INLINE, OTHER]);
    let attribute = r#"\s+[a-z_:@][\w:.@-]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>=]+))?"#;
    let tag = format!(r"</?(?:{names}|(?:o|w|v|m|st1):[a-z]+)(?:{attribute})*\s*/?>");
    let reference = r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});";
    Regex::new(&format!(r"(?i){tag}|{reference}|<!--|<!doctype|<!\[CDATA\[")).expect("a valid constant")
});

/// Elements within elements, at most: real pages have some dozen.
const DEPTH: usize = 1_000;

static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new("<[^<>]*>?").expect("a valid constant"));

/// For pages: words, lists, tables, links; nothing that runs, loads or styles.
static SAFE: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = without_attributes(names(KEPT).chain(["a"]).collect());
    builder.tag_attributes(HashMap::from([
        ("a", HashSet::from(["href"])),
        ("td", HashSet::from(["colspan", "rowspan"])),
        ("th", HashSet::from(["colspan", "rowspan", "scope"])),
    ]));
    builder.url_schemes(HashSet::from(["http", "https", "mailto", "tel"]));
    // The site behind a link is not told the page, gets no handle on its window, and gains no rank by it.
    builder.link_rel(Some("nofollow noopener noreferrer"));
    builder.url_relative(ammonia::UrlRelative::Deny);
    builder
});

/// For text: whatever begins a new line, without attributes.
static OUTLINE: LazyLock<Builder<'static>> = LazyLock::new(|| without_attributes(names(BLOCKS).collect()));

fn without_attributes(tags: HashSet<&'static str>) -> Builder<'static> {
    let mut builder = Builder::new();
    // What is in these is not meant for readers.
    let silent =
        HashSet::from(["script", "style", "template", "noscript", "head", "title", "iframe", "object", "svg", "math"]);
    builder.clean_content_tags(silent.difference(&tags).copied().collect());
    builder.tags(tags).tag_attributes(HashMap::new()).allowed_classes(HashMap::new());
    builder.generic_attributes(HashSet::new()).url_schemes(HashSet::new()).link_rel(None).strip_comments(true);
    builder
}

/// Whether a text has tags or references of HTML.
pub fn is_html(text: &str) -> bool {
    text.contains(['<', '&']) && MARKUP.is_match(text)
}

/// HTML that a page may show as it is, whatever was written. Headings begin at the third level, below those of the page.
pub fn safe(html: &str) -> String {
    let clean = SAFE.clean(&lines_as_breaks(&unwrapped(html))).to_string();
    let clean = clean.replace("<h2>", "<h3>").replace("</h2>", "</h3>");
    let clean = clean.replace("<h1>", "<h3>").replace("</h1>", "</h3>").replace('\t', " ");
    clean.trim().chars().filter(|c| *c == '\n' || !c.is_control() && !turns(*c)).collect()
}

/// The words of HTML in lines: a line for each block and each row of a table, whose cells are parted by a bar. Text that is no HTML
/// stays as it is.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !is_html(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(outline::text(&OUTLINE.clean(&lines_as_breaks(&unwrapped(text))).to_string()))
}

/// What programs wrap for XML: `<![CDATA[<p>Text</p>]]>` is the text. In HTML it would be a comment up to the first `>`. Elements
/// nested deeper than in any page lose their tags, as a parser looks through all that are open for each that begins.
fn unwrapped(html: &str) -> Cow<'_, str> {
    let html: Cow<'_, str> = match html.contains("<![CDATA[") {
        true => html.replace("<![CDATA[", "").replace("]]>", "").into(),
        false => html.into(),
    };
    if outline::depth(&html) > DEPTH { TAG.replace_all(&html, " ").into_owned().into() } else { html }
}

/// Marks that turn the direction of all that follows them, also beyond the description.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}')
}

/// Text that has some markup and no blocks at all was written in lines: `First line\n<b>Second</b>`.
fn lines_as_breaks(html: &str) -> Cow<'_, str> {
    if html.contains('\n') && !outline::has_blocks(html) { html.replace('\n', "<br>").into() } else { html.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_tables_and_lists_stay_in_order_and_apart() {
        let chart = "Intro<p>Para</p><table><tr><th>Size</th><th>Chest</th></tr><tr><td>M</td><td>100</td></tr></table>\
            <p>After the table</p><dl><dt>Term</dt><dd>Definition</dd></dl>";
        assert_eq!(plain(chart), "Intro\n\nPara\n\nSize | Chest\nM | 100\n\nAfter the table\n\nTerm\nDefinition");
        for (html, want) in [
            ("<ul><li>Toner</li><li>9,000 &amp; more</li></ul>", "Toner\n9,000 & more"),
            ("Duo E8200 <br />(6M Cache)", "Duo E8200\n(6M Cache)"),
            ("<div>a</div><div>b</div>", "a\nb"),
            ("<section><h2>Head</h2>text</section><center>x</center>y", "Head\n\ntext\nx\ny"),
            ("a<script>alert(1)</script>b<style>x{}</style>", "ab"),
            ("<img src=x onerror=alert(1)>text", "text"),
            ("&lt;b&gt; stays text", "<b> stays text"),
            ("<table><tr><td><p>a</p></td><td><ul><li>b</li><li>c</li></ul></td></tr></table>", "a | b c"),
            (
                "<table><caption>Sizes</caption><thead><tr><th>S</th></tr></thead><tbody><tr><td></td><td>1</td></tr></tbody></table>",
                "Sizes\nS\n1",
            ),
            ("<p>one\ntwo</p>", "one two"),
            ("one\n<b>two</b>", "one\ntwo"),
            ("<select><option>S</option><option>M</option></select>", "S\nM"),
            ("<pre>a\n  b</pre>", "a b"),
            ("H<sub>2</sub>O and <b>bo</b>ld", "H2O and bold"),
            ("caf&eacute; &#8364; &#x20ac; &nbsp;x", "café € € x"),
            ("<td>lost</td> cell", "lost cell"),
            ("<![CDATA[<p>a</p><p>b</p>]]>", "a\n\nb"),
            ("Wide<o:p></o:p> and <st1:place w:st=\"on\">Köln</st1:place>", "Wide and Köln"),
            (
                "<!--[if gte mso 9]><xml><w:View>Normal</w:View></xml><![endif]--><p class=MsoNormal>Word<o:p>&nbsp;</o:p></p>",
                "Word",
            ),
            ("unclosed <p>para <b>bold <p>next", "unclosed\n\npara bold\n\nnext"),
        ] {
            assert_eq!(plain(html), want, "{html}");
        }
    }

    #[test]
    fn what_is_no_html_stays_as_it_is() {
        for text in [
            "Mini PC (<= 3L) & AT&T",
            "List<Text> of 3 <4 and 5> 2",
            "a < b and b > c",
            "I <3 this",
            "Tom & Jerry; R&D",
            "<unknown>tag</unknown>",
            "x <b and y",
            "from <info@shop.example>",
            "C:\\<name>\n  indented",
        ] {
            assert!(!is_html(text), "{text}");
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn nothing_that_runs_loads_or_styles_is_left() {
        let html = "<h1 onclick=x>Big</h1><p style='color:red' class=x>Text <a href='https://x.example/?a=1&b=2' onclick=y>link</a>\
            <a href='javascript:alert(1)'>bad</a><a href='/cart/clear'>here</a></p><img src=https://t.example/p.gif><iframe src=x></iframe>\
            <svg><script>x</script></svg><form action=x><input name=a></form><table><tr><td colspan=2 onmouseover=z>1</td></tr></table>";
        let rel = "rel=\"nofollow noopener noreferrer\"";
        let want = format!(
            "<h3>Big</h3><p>Text <a href=\"https://x.example/?a=1&amp;b=2\" {rel}>link</a>\
             <a {rel}>bad</a><a {rel}>here</a></p><table><tbody><tr><td colspan=\"2\">1</td></tr></tbody></table>"
        );
        assert_eq!(safe(html), want);
        assert_eq!(safe(&safe(html)), want, "what is safe stays as it is");
        assert_eq!(safe("one\n<b>two</b>"), "one<br><b>two</b>");
        assert_eq!(safe("<![CDATA[<p>a</p>]]>"), "<p>a</p>");
        assert_eq!(safe("<p>\u{202e}abc</p>"), "<p>abc</p>");
        assert_eq!(safe("<p>a\tb\r\n\u{1}c</p>"), "<p>a b\nc</p>");
    }

    #[test]
    fn elements_without_end_take_no_time() {
        let began = std::time::Instant::now();
        for tag in ["div", "b", "table><tr><td", "ul><li", "span style='x'", "font"] {
            let html = format!("{}deep", format!("<{tag}>").repeat(100_000));
            assert_eq!(plain(&html), "deep", "{tag}");
            assert_eq!(safe(&html), "deep", "{tag}");
        }
        let list = format!("<ul>{}</ul>", "<li>a<br>".repeat(3_000));
        assert!(safe(&list).starts_with("<ul><li>a"), "elements that end by themselves are not deep");
        assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    }

    proptest! {
        #[test]
        fn any_text_is_made_safe_once(text in "\\PC*|[<>&;/a-z \\n\\t\"'=]*|(<[a-z]{1,6}( [a-z]+=[a-z\"':()]*)?>|</[a-z]{1,6}>|[a-z &]{0,4}){0,12}") {
            let once = safe(&text);
            prop_assert_eq!(safe(&once), once.clone());
            let lower = once.to_lowercase();
            for tag in ["<script", "<style", "<iframe", "<img", "<svg", "<form", "<object", "<link"] {
                prop_assert!(!lower.contains(tag), "{}", once);
            }
            plain(&text);
        }
    }
}
