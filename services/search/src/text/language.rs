//! Languages of a shop: which stemmers its words go through, which small words say nothing about a product, and whether
//! words are written together, as in German.

use std::borrow::Cow;

use frostem::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::stop_words;

/// Times that a word is stemmed.
const MAX_ROUNDS: usize = 3;
/// Letters of an Italian noun whose last one tells its number.
const MIN_NOUN: usize = 5;

/// A language with a stemmer, by its ISO 639-1 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// Arabic.
    #[serde(rename = "ar")]
    Arabic,
    /// Catalan.
    #[serde(rename = "ca")]
    Catalan,
    /// Czech.
    #[serde(rename = "cs")]
    Czech,
    /// Danish.
    #[serde(rename = "da")]
    Danish,
    /// German.
    #[serde(rename = "de")]
    German,
    /// Greek.
    #[serde(rename = "el")]
    Greek,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Spanish.
    #[serde(rename = "es")]
    Spanish,
    /// Finnish.
    #[serde(rename = "fi")]
    Finnish,
    /// French.
    #[serde(rename = "fr")]
    French,
    /// Hungarian.
    #[serde(rename = "hu")]
    Hungarian,
    /// Italian.
    #[serde(rename = "it")]
    Italian,
    /// Dutch.
    #[serde(rename = "nl")]
    Dutch,
    /// Norwegian.
    #[serde(rename = "no")]
    Norwegian,
    /// Polish.
    #[serde(rename = "pl")]
    Polish,
    /// Portuguese.
    #[serde(rename = "pt")]
    Portuguese,
    /// Romanian.
    #[serde(rename = "ro")]
    Romanian,
    /// Russian.
    #[serde(rename = "ru")]
    Russian,
    /// Swedish.
    #[serde(rename = "sv")]
    Swedish,
    /// Turkish.
    #[serde(rename = "tr")]
    Turkish,
}

use Language::*;

impl Language {
    /// The language that most shops of a country (ISO 3166-1 alpha-2) write in; none where it is English, has no stemmer
    /// here, or is written without spaces.
    fn of_country(country: &str) -> Option<Self> {
        Some(match country {
            "AE" | "BH" | "DZ" | "EG" | "IQ" | "JO" | "KW" | "LB" | "LY" | "MA" | "OM" | "QA" | "SA" | "SY" | "TN"
            | "YE" => Arabic,
            "AD" => Catalan,
            "CZ" => Czech,
            "DK" | "FO" | "GL" => Danish,
            "AT" | "CH" | "DE" | "LI" => German,
            "CY" | "GR" => Greek,
            "AR" | "BO" | "CL" | "CO" | "CR" | "CU" | "DO" | "EC" | "ES" | "GT" | "HN" | "MX" | "NI" | "PA" | "PE"
            | "PR" | "PY" | "SV" | "UY" | "VE" => Spanish,
            "FI" => Finnish,
            "BF" | "BJ" | "CD" | "CG" | "CI" | "CM" | "FR" | "GA" | "GF" | "GP" | "LU" | "MC" | "ML" | "MQ" | "NC"
            | "PF" | "RE" | "SN" | "TG" => French,
            "HU" => Hungarian,
            "IT" | "SM" | "VA" => Italian,
            "AW" | "BE" | "CW" | "NL" | "SR" => Dutch,
            "NO" | "SJ" => Norwegian,
            "PL" => Polish,
            "AO" | "BR" | "MZ" | "PT" => Portuguese,
            "MD" | "RO" => Romanian,
            "BY" | "KG" | "KZ" | "RU" => Russian,
            "AX" | "SE" => Swedish,
            "TR" => Turkish,
            _ => return None,
        })
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Arabic => Algorithm::Arabic,
            Catalan => Algorithm::Catalan,
            Czech => Algorithm::Czech,
            Danish => Algorithm::Danish,
            German => Algorithm::German,
            Greek => Algorithm::Greek,
            English => Algorithm::English,
            Spanish => Algorithm::Spanish,
            Finnish => Algorithm::Finnish,
            French => Algorithm::French,
            Hungarian => Algorithm::Hungarian,
            Italian => Algorithm::Italian,
            Dutch => Algorithm::Dutch,
            Norwegian => Algorithm::Norwegian,
            Polish => Algorithm::Polish,
            Portuguese => Algorithm::Portuguese,
            Romanian => Algorithm::Romanian,
            Russian => Algorithm::Russian,
            Swedish => Algorithm::Swedish,
            Turkish => Algorithm::Turkish,
        }
    }

    fn script(self) -> Script {
        match self {
            Arabic => Script::Arabic,
            Greek => Script::Greek,
            Russian => Script::Cyrillic,
            _ => Script::Latin,
        }
    }

    /// True when compounds are written as one word.
    fn joins_words(self) -> bool {
        matches!(self, German | Dutch | Danish | Norwegian | Swedish | Finnish | Hungarian)
    }

    /// True when small words lose their vowel before another: `l'écran`.
    fn elides(self) -> bool {
        matches!(self, French | Italian | Catalan)
    }
}

/// The languages of a shop.
#[derive(Clone)]
pub struct Languages {
    languages: Vec<Language>,
    stemmers: Vec<(Script, Stemmer)>,
    /// Compounds are written as one word in one of them.
    pub(super) joins_words: bool,
    /// Small words lose their vowel in one of them.
    pub(super) elides: bool,
}

impl Languages {
    /// These, in this order.
    pub fn new(languages: &[Language]) -> Self {
        Self {
            languages: languages.to_vec(),
            stemmers: languages.iter().map(|one| (one.script(), Stemmer::new(one.algorithm()))).collect(),
            joins_words: languages.iter().any(|one| one.joins_words()),
            elides: languages.iter().any(|one| one.elides()),
        }
    }

    /// The language of a shop in this country, and English, in which makers describe their goods everywhere.
    pub fn of_country(country: &str) -> Self {
        let own = Language::of_country(country);
        Self::new(&own.into_iter().chain([English]).collect::<Vec<_>>())
    }

    /// Their codes, to tell an index of other languages.
    pub fn codes(&self) -> String {
        let code = |one: &Language| serde_json::to_value(one).ok().and_then(|code| Some(code.as_str()?.to_owned()));
        self.languages.iter().filter_map(code).collect::<Vec<_>>().join("+")
    }

    /// True for a word that says nothing about a product.
    pub(super) fn says_nothing(&self, word: &str) -> bool {
        stop_words::PARTICLES.contains(&word) || self.languages.iter().any(|one| stop_words::of(*one).contains(&word))
    }

    /// The stem of a lower-case word. Languages of one script follow each other: what the first takes for one word stays one
    /// word, and the plurals of the second are found as well. Stemmed until nothing changes: a plural's stem may be the
    /// singular, whose own stem is shorter (`fietsen`, `fiets`, `fiet`).
    pub(super) fn stem(&self, word: &str, script: Script) -> String {
        let mut stem = word.to_owned();
        for _ in 0..MAX_ROUNDS {
            let mut changed = false;
            for (_, stemmer) in self.stemmers.iter().filter(|(of, _)| *of == script) {
                if let Cow::Owned(shorter) = stemmer.stem(&stem)
                    && shorter != stem
                {
                    (stem, changed) = (shorter, true);
                }
            }
            if !changed {
                break;
            }
        }
        // A word that is nothing but endings stays what it is.
        if stem.is_empty() { word.to_owned() } else { stem }
    }

    /// What singular and plural of a word without accents have in common where the stemmer gives them two stems
    /// (`telefono` is a verb to it).
    pub(super) fn stem_of_noun(&self, word: &str) -> Option<String> {
        let long = word.len() >= MIN_NOUN;
        let noun = |language: &Language| match language {
            English => word.strip_suffix("ves").map(|noun| format!("{noun}f")).or_else(|| {
                let noun = word.strip_suffix("fe")?;
                Some(format!("{noun}f"))
            }),
            French => word.strip_suffix('x').map(str::to_owned),
            Spanish => word.strip_suffix("ces").map(|noun| format!("{noun}z")),
            Italian => long.then(|| word.strip_suffix(['a', 'e', 'i', 'o']).map(str::to_owned))?,
            _ => None,
        };
        self.languages.iter().find_map(noun).filter(|noun| noun.len() > 2)
    }
}

/// True for what is left of a small word before an apostrophe.
pub(super) fn is_elided(word: &str) -> bool {
    matches!(
        word,
        "l" | "d"
            | "j"
            | "m"
            | "n"
            | "s"
            | "t"
            | "c"
            | "qu"
            | "jusqu"
            | "lorsqu"
            | "puisqu"
            | "un"
            | "dell"
            | "all"
            | "dall"
            | "nell"
            | "sull"
            | "quest"
            | "quell"
    )
}
