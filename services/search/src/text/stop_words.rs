//! Stop words: articles, prepositions and conjunctions, which say nothing about a product. A query of nothing else is taken as
//! it is. Words that change what is looked for, as `without`, are none.

use super::language::Language;

/// Of scripts without spaces, whatever the shop's languages.
pub(super) const PARTICLES: &[&str] =
    &["の", "は", "が", "を", "に", "へ", "と", "で", "も", "や", "用", "的", "和", "与", "及"];

/// Those of a language, in lower case with their accents.
pub(super) fn of(language: Language) -> &'static [&'static str] {
    match language {
        Language::English => {
            &["a", "an", "and", "at", "by", "for", "from", "in", "is", "of", "on", "or", "the", "to", "with"]
        }
        Language::German => &[
            "am", "an", "auf", "aus", "bei", "das", "dem", "den", "der", "des", "die", "ein", "eine", "einem", "einen",
            "einer", "für", "fuer", "im", "in", "mit", "oder", "und", "vom", "von", "zu", "zum", "zur",
        ],
        Language::French => &[
            "à", "au", "aux", "avec", "d", "dans", "de", "des", "du", "en", "et", "l", "la", "le", "les", "ou", "par",
            "pour", "sur", "un", "une",
        ],
        Language::Spanish => &[
            "a", "al", "con", "de", "del", "e", "el", "en", "la", "las", "los", "o", "para", "por", "u", "un", "una",
            "y",
        ],
        Language::Italian => &[
            "a", "ai", "al", "alla", "con", "d", "da", "dal", "dei", "del", "della", "delle", "di", "e", "gli", "i",
            "il", "in", "l", "la", "le", "lo", "nel", "o", "per", "su", "un", "una", "uno",
        ],
        Language::Dutch => {
            &["aan", "bij", "de", "een", "en", "het", "in", "met", "of", "op", "te", "uit", "van", "voor"]
        }
        Language::Portuguese => &[
            "a", "ao", "as", "com", "da", "das", "de", "do", "dos", "e", "em", "na", "no", "o", "os", "ou", "para",
            "por", "um", "uma",
        ],
        Language::Danish => &["af", "en", "et", "for", "fra", "i", "med", "og", "på", "til"],
        Language::Norwegian => &["av", "en", "et", "for", "fra", "i", "med", "og", "på", "til"],
        Language::Swedish => &["av", "en", "ett", "från", "för", "i", "med", "och", "på", "till"],
        Language::Polish => &["a", "do", "i", "na", "o", "od", "w", "z", "ze"],
        Language::Czech => &["a", "do", "i", "k", "na", "o", "od", "pro", "s", "se", "v", "z"],
        Language::Russian => &["в", "для", "до", "и", "из", "к", "на", "от", "по", "с"],
        Language::Arabic => &["في", "من", "على", "مع", "إلى", "و"],
        Language::Greek => &["για", "και", "με", "ο", "η", "το", "από", "σε"],
        Language::Turkish => &["ve", "ile", "için"],
        Language::Catalan => {
            &["a", "amb", "d", "de", "del", "el", "els", "en", "i", "l", "la", "les", "o", "per", "un", "una"]
        }
        Language::Romanian => &["cu", "de", "din", "în", "la", "pe", "pentru", "și"],
        Language::Hungarian => &["a", "az", "egy", "és", "vagy"],
        Language::Finnish => &["ja", "tai"],
    }
}
