//! Characters that cannot be seen: controls, direction marks, joiners, fillers, blanks. In a name or an address they are a trick or
//! an accident of copying, and two texts that differ only in them look the same.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// True for what takes no room or shows nothing, blanks included: also fillers that Unicode calls letters (U+3164), variation
/// selectors, and the empty pattern of Braille. False for the blank of everyday, U+0020.
pub fn is_invisible(letter: char) -> bool {
    use GeneralCategory as Is;
    if letter == ' ' {
        return false;
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(letter);
    matches!(category, Is::Control | Is::Format | Is::SpaceSeparator | Is::LineSeparator | Is::ParagraphSeparator)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(letter)
        || letter == '\u{2800}'
}

/// True for what has a shape in every font that knows it: letters, marks, digits, punctuation, symbols. Not for code
/// points that are unassigned, or of private use, which every font draws as it likes.
pub fn is_visible(letter: char) -> bool {
    use GeneralCategory as Is;
    let category = CodePointMapData::<GeneralCategory>::new().get(letter);
    letter != ' ' && !is_invisible(letter) && !matches!(category, Is::Unassigned | Is::PrivateUse | Is::Surrogate)
}

/// True for a mark that is drawn on the character before it.
pub(crate) fn is_combining(letter: char) -> bool {
    use GeneralCategory as Is;
    let category = CodePointMapData::<GeneralCategory>::new().get(letter);
    matches!(category, Is::NonspacingMark | Is::SpacingMark | Is::EnclosingMark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_known_and_what_shows_is_not_taken_for_it() {
        let hidden = "\0\t\n\u{7f}\u{85}\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{17b4}\u{180e}\u{2000}\u{200b}\u{200c}\u{200d}\u{200e}\
            \u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{2800}\u{3000}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{e0001}\
            \u{e0100}";
        for letter in hidden.chars() {
            assert!(is_invisible(letter) && !is_visible(letter), "U+{:04X}", u32::from(letter));
        }
        for letter in "aßéяαアー漢한ع्ि๐½👍.'-".chars() {
            assert!(!is_invisible(letter) && is_visible(letter), "{letter}");
        }
        for letter in ['\u{e000}', '\u{378}', '\u{ffff}', ' '] {
            assert!(!is_visible(letter), "U+{:04X}", u32::from(letter));
        }
        assert!(is_combining('\u{301}') && is_combining('ि') && !is_combining('e'));
    }
}
