//! Parts of compounds: `Prozessorkühler` is found by `Kühler` and by `Prozessor`. A dictionary would have to know every
//! language and every maker's words; instead a word is cut wherever both sides could be words by their sound, and the parts
//! are further terms of it. Those that are no words are looked for by nobody.

/// Letters of the shorter part.
const MIN_PART: usize = 3;

/// Consonants that a word may begin with, beside a single one.
const ONSETS: &[&str] = &[
    "bj", "bl", "br", "ch", "chr", "cl", "cr", "dj", "dr", "dv", "fj", "fl", "fn", "fr", "gh", "gl", "gn", "gr", "hj",
    "hv", "kj", "kl", "kn", "kr", "kv", "mj", "nj", "pf", "pfl", "pfr", "ph", "phr", "pj", "pl", "pr", "ps", "qu",
    "rh", "sch", "schl", "schm", "schn", "schr", "schw", "sh", "sj", "sk", "skj", "skr", "skv", "sl", "sm", "sn", "sp",
    "spj", "spl", "spr", "st", "str", "sv", "sw", "th", "tj", "tr", "tv", "tw", "vl", "vr", "wh", "wr", "zw",
];

/// Endings of words that are no words.
const ENDINGS: &[&str] = &[
    "age", "ant", "bar", "ben", "ber", "bel", "chen", "den", "der", "del", "ein", "eln", "en", "end", "ende", "ent",
    "ente", "ern", "ers", "fen", "fer", "gen", "ger", "ges", "haft", "heit", "hen", "her", "ien", "ier", "iere",
    "ieren", "iert", "iger", "iges", "ion", "ions", "isch", "ische", "ischer", "ist", "kei", "keit", "ken", "ker",
    "kel", "lein", "len", "ler", "lich", "liche", "licher", "ling", "los", "ment", "ments", "men", "mer", "nen", "ner",
    "nes", "nis", "pen", "per", "ren", "rer", "sam", "sche", "schen", "scher", "sen", "ser", "sion", "ste", "sten",
    "ster", "tel", "ten", "ter", "tes", "tion", "tionen", "tions", "tor", "tät", "ung", "ungen", "ven", "ver", "zen",
    "zer",
];

/// Beginnings of words that are no words, or are others by themselves.
const BEGINNINGS: &[&str] = &[
    "com", "con", "des", "dis", "ein", "ent", "exp", "her", "hin", "inf", "ins", "int", "mis", "non", "par", "per",
    "pre", "pro", "rec", "ref", "rep", "res", "sub", "sup", "ver", "vor", "not", "max", "min",
];

/// The parts that a lower-case word may be made of.
pub(super) fn parts(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let letters = word.chars().count();
    if letters < 2 * MIN_PART || !word.chars().all(char::is_alphabetic) {
        return parts;
    }
    for (at, _) in word.char_indices().skip(MIN_PART).take(letters - 2 * MIN_PART + 1) {
        let (head, tail) = word.split_at(at);
        if sounds_like_a_word(head) && begins_like_a_word(tail) && !ENDINGS.contains(&tail) {
            parts.push(tail);
            parts.extend((!BEGINNINGS.contains(&head)).then_some(head));
        }
    }
    parts
}

fn begins_like_a_word(tail: &str) -> bool {
    let onset = &tail[..tail.find(is_vowel).unwrap_or(tail.len())];
    onset.len() < tail.len() && (onset.chars().count() <= 1 || ONSETS.contains(&onset))
}

/// A head has a vowel, and does not begin in the middle of a cluster.
fn sounds_like_a_word(head: &str) -> bool {
    head.contains(is_vowel)
}

fn is_vowel(c: char) -> bool {
    matches!(
        c,
        'a' | 'e'
            | 'i'
            | 'o'
            | 'u'
            | 'y'
            | 'ä'
            | 'ö'
            | 'ü'
            | 'å'
            | 'ø'
            | 'æ'
            | 'á'
            | 'é'
            | 'í'
            | 'ó'
            | 'ő'
            | 'ú'
            | 'ű'
    )
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_compound_has_its_words_among_its_parts() {
        for (compound, words) in [
            ("prozessorkühler", ["prozessor", "kühler"]),
            ("schnellladegerät", ["schnell", "ladegerät"]),
            ("armbanduhr", ["armband", "uhr"]),
            ("haustür", ["haus", "tür"]),
            ("kaffeeautomat", ["kaffee", "automat"]),
            ("fußmatte", ["fuß", "matte"]),
            ("akkuschrauber", ["akku", "schrauber"]),
            ("waschmaschine", ["wasch", "maschine"]),
            ("koffiezetapparaat", ["koffiezet", "apparaat"]),
            ("hörlurar", ["hör", "lurar"]),
        ] {
            let parts = parts(compound);
            assert!(words.iter().all(|word| parts.contains(word)), "{compound}: {parts:?}");
        }
        for simple in ["uhr", "lampe", "größe", "printer", "men's", "dv7"] {
            assert_eq!(parts(simple), Vec::<&str>::new(), "{simple}");
        }
    }
}
