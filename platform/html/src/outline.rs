//! Text of an outline: HTML of known elements without attributes, as the sanitiser writes it, walked from its first tag to its last.

use std::sync::LazyLock;

use regex::Regex;

use crate::elements::{BLOCKS, PARAGRAPHS, alternatives, names};

static BLOCK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"(?i)</?(?:{})[\s/>]", alternatives(&[BLOCKS]))).expect("a valid constant"));

/// Whether HTML has any element that begins a new line.
pub(crate) fn has_blocks(html: &str) -> bool {
    BLOCK.is_match(html)
}

/// How deep elements may be nested at most, by their tags alone. Those that have no content, or end where the next of their kind
/// begins, add nothing.
pub(crate) fn depth(html: &str) -> usize {
    const FLAT: &[&str] =
        &["br", "hr", "img", "input", "meta", "link", "wbr", "col", "p", "option", "li", "td", "th", "tr", "dt", "dd"];
    let (mut open, mut deepest) = (0usize, 0);
    for after in html.split('<').skip(1) {
        if after.starts_with('/') {
            open = open.saturating_sub(1);
        } else if after.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let name = after.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            if !FLAT.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                open += 1;
                deepest = deepest.max(open);
            }
        }
    }
    deepest
}

/// What stands between the last word and the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    Blank,
    Cell,
    Line,
    Paragraph,
}

#[derive(Default)]
struct Writer {
    text: String,
    gap: Option<Gap>,
    /// Cells that are open: within one, lines are blanks, so that a row stays a line.
    cells: usize,
}

impl Writer {
    fn part(&mut self, gap: Gap) {
        let gap = if self.cells > 0 && gap > Gap::Cell { Gap::Blank } else { gap };
        self.gap = self.gap.max(Some(gap));
    }

    fn words(&mut self, text: &str) {
        for (at, word) in text.split(|c: char| c.is_whitespace()).enumerate() {
            if at > 0 {
                self.part(Gap::Blank);
            }
            if word.is_empty() {
                continue;
            }
            let gap = if self.text.is_empty() { None } else { self.gap };
            self.text.push_str(match gap {
                None => "",
                Some(Gap::Blank) => " ",
                Some(Gap::Cell) => " | ",
                Some(Gap::Line) => "\n",
                Some(Gap::Paragraph) => "\n\n",
            });
            self.gap = None;
            self.text.push_str(word);
        }
    }

    fn tag(&mut self, name: &str, closes: bool) {
        match name {
            "td" | "th" if closes => {
                self.cells = self.cells.saturating_sub(1);
                self.part(Gap::Cell);
            }
            "td" | "th" => self.cells += 1,
            name if names(PARAGRAPHS).any(|known| known == name) => self.part(Gap::Paragraph),
            _ => self.part(Gap::Line),
        }
    }
}

/// The words of an outline in lines.
pub(crate) fn text(outline: &str) -> String {
    let mut writer = Writer::default();
    let mut rest = outline;
    while let Some((before, after)) = rest.split_once('<') {
        writer.words(&decoded(before));
        let Some((tag, after)) = after.split_once('>') else { break };
        let name = tag.trim_start_matches('/');
        writer.tag(name, tag.starts_with('/'));
        rest = after;
    }
    writer.words(&decoded(rest));
    writer.text
}

/// What the serialiser of HTML5 escapes in text, undone in an order that never decodes twice.
fn decoded(text: &str) -> String {
    text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
