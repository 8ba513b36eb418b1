//! Segmentation of scripts without spaces between words. The words are those of ICU's dictionaries. Since a dictionary cuts
//! `急速充電器` in one way and buyers look for `充電`, short pieces of the run (n-grams) are terms too: whatever stands in a
//! run is found, and a whole word counts for more.

use std::sync::LazyLock;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use unicode_normalization::char::is_combining_mark;

use super::script::Script;

static SEGMENTER: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()));

/// Words of a run, in their order.
pub(super) fn words(run: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut begin = 0;
    for end in SEGMENTER.segment_str(run).filter(|end| *end > 0) {
        words.push(&run[begin..end]);
        begin = end;
    }
    words
}

/// Characters of a piece, the shorter and the longer: most East Asian words have two (tea is a word of one), and a syllable of
/// the others is written with two or three.
fn sizes(script: Script) -> [usize; 2] {
    if script == Script::EastAsian { [1, 2] } else { [2, 3] }
}

/// Pieces that a text is found by. `before`: the last character of the run that stood before a space, since whether there is
/// one is a matter of taste in Korean.
pub(super) fn pieces(run: &str, before: Option<&str>, script: Script) -> Vec<String> {
    let [shorter, longer] = sizes(script);
    let letters: Vec<&str> = before.into_iter().chain(letters(run)).collect();
    let own = &letters[usize::from(before.is_some())..];
    let pieces = |letters: &[&str], size| letters.windows(size).map(<[&str]>::concat).collect::<Vec<_>>();
    [pieces(own, shorter), pieces(&letters, longer)].concat()
}

/// Pieces that a text must have all of to hold `word`; none when the word is too short for that.
pub(super) fn needed(word: &str, script: Script) -> Vec<String> {
    let [shorter, longer] = sizes(script);
    let letters: Vec<&str> = letters(word).collect();
    let size = if letters.len() < longer { shorter } else { longer };
    letters.windows(size).map(<[&str]>::concat).collect()
}

/// The last character of a run with its marks.
pub(super) fn last_letter(run: &str) -> Option<&str> {
    letters(run).last()
}

/// Characters with the marks that follow them.
fn letters(run: &str) -> impl Iterator<Item = &str> {
    let mut rest = run;
    std::iter::from_fn(move || {
        let end = rest.char_indices().skip(1).find(|(_, c)| !is_combining_mark(*c)).map_or(rest.len(), |(at, _)| at);
        let (letter, others) = rest.split_at(end);
        rest = others;
        (!letter.is_empty()).then_some(letter)
    })
}
