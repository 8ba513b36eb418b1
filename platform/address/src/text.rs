//! Lines of an address as text: what cannot be seen, and what changes the order in which the rest is read. Letters of every
//! script pass; a label that shows nothing, or something else than was stored, does not.

/// What a line with a mark for the direction of text is told.
pub const DIRECTION_MARKS: &str = "must not contain marks that change the direction of text; type it without them";

/// Why a line cannot be printed on a label as it is; none when it can. Does not say whether there is anything to see.
pub fn unprintable(line: &str) -> Option<&'static str> {
    if line.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Some("must be one line without control characters");
    }
    if line.chars().any(is_direction_mark) {
        return Some(DIRECTION_MARKS);
    }
    let spaces_of_words = line.chars().any(is_written_without_blanks);
    let hidden = |c: char| match c {
        // Join letters of Persian, Indic scripts and Arabic; choose the form of a Han character in a name.
        '\u{200c}' | '\u{200d}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' => false,
        '\u{e0100}'..='\u{e01ef}' => false,
        // Parts words in scripts that have no blanks between them.
        '\u{200b}' | '\u{2060}' => !spaces_of_words,
        _ => is_hidden(c),
    };
    line.chars().any(hidden).then_some("must not contain invisible characters; type it without them")
}

/// True when nothing of the line can be seen: blanks, characters without width, marks without a letter.
pub fn is_invisible(line: &str) -> bool {
    line.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || is_direction_mark(c)
            || is_hidden(c)
            || matches!(c, '\u{300}'..='\u{36f}')
    })
}

/// Bidirectional controls (Unicode Standard Annex 9).
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Thai, Lao, Myanmar, Khmer.
fn is_written_without_blanks(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

/// Characters that show nothing (Unicode's Default_Ignorable_Code_Point, and blanks that are no white space).
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_script_are_printed_as_they_are() {
        for name in [
            "O'Brien",
            "O’Brien",
            "Jean-Luc d'Arc",
            "李",
            "山田 太郎",
            "渡邉\u{e0101} 一",
            "محمد بن راشد",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "ក្រុម\u{200b}ហ៊ុន",
            "สมชาย",
            "Björk Guðmundsdóttir",
            "Nguyễn Thị Hoa",
            "Μαρία",
            "X Æ A-12",
            "e\u{301}ric",
            "שרה",
            "ᏣᎳᎩ",
            "김민준",
            "Ada  Lovelace",
            "Sukarno",
            "3rd Floor #5 (c/o)",
            "ʻOkina",
            "👩\u{200d}💻 Ltd",
        ] {
            assert_eq!((unprintable(name), is_invisible(name)), (None, false), "{name:?}");
        }
    }

    #[test]
    fn what_shows_nothing_is_invisible() {
        for name in [
            "",
            " ",
            "\t",
            "\u{a0}",
            "\u{3000}",
            "\u{200b}",
            "\u{200d}",
            "\u{2060}\u{feff}",
            "\u{3164}",
            "\u{115f}",
            "\u{ffa0}",
            "\u{2800}",
            "\u{ad}",
            "\u{e0020}",
            "\u{301}",
            "\u{200e}\u{200f}",
            "\u{fe0f}",
            "\u{180e}",
            "\u{0}",
        ] {
            assert!(is_invisible(name), "{name:?}");
        }
    }

    #[test]
    fn what_hides_or_turns_text_is_named() {
        for line in ["a\u{202e}b", "\u{200f}שרה", "a\u{2066}b\u{2069}", "+1\u{202c}", "a\u{61c}"] {
            assert_eq!(unprintable(line), Some(DIRECTION_MARKS), "{line:?}");
        }
        for line in ["Ada\u{200b}Lovelace", "A\u{ad}da", "\u{feff}Ada", "Ada\u{3164}", "A\u{e0041}", "A\u{2062}b"] {
            assert!(unprintable(line).is_some_and(|why| why.contains("invisible")), "{line:?}");
        }
        for line in ["a\nb", "a\u{2028}b", "a\u{85}b", "\0"] {
            assert!(unprintable(line).is_some_and(|why| why.contains("one line")), "{line:?}");
        }
    }
}
