//! Regions of a country, as far as they are part of an address there, and how people write them.

/// A state, province, prefecture.
#[derive(Debug)]
pub struct Region {
    /// As it stands in an address of the country: `CA`, `東京都`.
    pub written: &'static str,
    /// For people who read English: `California`, `Tokyo`.
    pub label: &'static str,
    pub(crate) others: &'static str,
}

/// Words that say what a region is, not which: `Kanagawa Prefecture` is `Kanagawa`.
const KINDS: &[&str] = &[
    "autonomous",
    "city",
    "co",
    "community",
    "county",
    "department",
    "di",
    "district",
    "do",
    "emirate",
    "fu",
    "governorate",
    "ken",
    "krai",
    "kray",
    "oblast",
    "of",
    "prefecture",
    "province",
    "region",
    "republic",
    "sheng",
    "shi",
    "si",
    "state",
    "the",
    "to",
    "tp",
    "zizhiqu",
];
/// The same as the last characters of a name.
const KIND_SUFFIXES: &[&str] = &[
    "壮族自治区",
    "回族自治区",
    "维吾尔自治区",
    "特别行政区",
    "自治区",
    "특별자치도",
    "특별자치시",
    "특별시",
    "광역시",
    "省",
    "市",
    "県",
    "縣",
    "府",
    "都",
    "道",
    "도",
    "시",
];

impl Region {
    /// True when `typed` means this region: by its code, its name in either script, with or without accents and the word for
    /// what it is.
    pub fn is_meant_by(&self, typed: &str) -> bool {
        let typed = forms(typed);
        let names = [self.written, self.label].into_iter().chain(self.others.split('|'));
        names.filter(|name| !name.is_empty()).any(|name| {
            let name = forms(name);
            name.iter().any(|form| !form.is_empty() && typed.contains(form))
        })
    }
}

/// A name as it is compared, whole and without the word for its kind.
fn forms(name: &str) -> [String; 2] {
    let words: Vec<String> = name
        .split(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | '.' | ',' | '&' | '(' | ')'))
        .map(folded)
        .filter(|word| !word.is_empty())
        .collect();
    let without: String = words.iter().filter(|word| !KINDS.contains(&word.as_str())).map(String::as_str).collect();
    let whole = words.concat();
    let stem = KIND_SUFFIXES.iter().find_map(|kind| without.strip_suffix(kind)).filter(|stem| !stem.is_empty());
    let stem = stem.map_or_else(|| without.clone(), str::to_owned);
    [whole, stem]
}

/// Small letters, those of Latin script without accents; nothing but letters and digits.
fn folded(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            '\u{80}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' if c.is_alphabetic() => {
                out.push_str(&deunicode::deunicode_char(c).unwrap_or_default().to_lowercase());
            }
            c if c.is_alphanumeric() => out.extend(c.to_lowercase()),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::country;

    fn meant(code: &str, typed: &str) -> Option<&'static str> {
        country(code).unwrap().regions.iter().find(|region| region.is_meant_by(typed)).map(|region| region.label)
    }

    #[test]
    fn a_region_may_be_named_in_any_way() {
        for (code, typed, label) in [
            ("US", "CA", "California"),
            ("US", "california", "California"),
            ("US", "US-CA", "California"),
            ("US", "Washington", "Washington"),
            ("JP", "東京都", "Tokyo"),
            ("JP", "東京", "Tokyo"),
            ("JP", "Tokyo-to", "Tokyo"),
            ("JP", "Osaka Prefecture", "Osaka"),
            ("JP", "京都", "Kyoto"),
            ("JP", "JP-13", "Tokyo"),
            ("JP", "Ōsaka", "Osaka"),
            ("ES", "AVILA", "Ávila"),
            ("ES", "TF", "Santa Cruz de Tenerife"),
            ("IE", "County Cork", "Co. Cork"),
            ("IE", "Dublin", "Co. Dublin"),
            ("CA", "Quebec", "Quebec"),
            ("CA", "QC", "Quebec"),
            ("BR", "sao paulo", "São Paulo"),
            ("BR", "SP", "São Paulo"),
            ("IT", "mi", "Milano"),
            ("CN", "广东", "Guangdong Sheng"),
            ("CN", "Guangdong", "Guangdong Sheng"),
            ("CN", "Guangdong Province", "Guangdong Sheng"),
            ("KR", "서울", "Seoul"),
            ("KR", "서울특별시", "Seoul"),
            ("AE", "dubai", "Dubai"),
            ("AE", "دبي", "Dubai"),
            ("MX", "Jalisco", "Jalisco"),
            ("HK", "九龍", "Kowloon"),
            ("HK", "kowloon", "Kowloon"),
            ("IN", "KA", "Karnataka"),
        ] {
            assert_eq!(meant(code, typed), Some(label), "{code} {typed}");
        }
        for (code, typed) in [
            ("US", "ZZ"),
            ("US", "Bavaria"),
            ("JP", "県"),
            ("JP", "Prefecture"),
            ("ES", "Canarias"),
            ("CA", "CA"),
            ("US", "-"),
        ] {
            assert_eq!(meant(code, typed), None, "{code} {typed}");
        }
    }

    #[test]
    fn every_region_is_meant_by_each_of_its_names_and_no_other_by_its_label() {
        for country in crate::countries() {
            for region in &country.regions {
                for name in
                    [region.written, region.label].into_iter().chain(region.others.split('|').filter(|n| !n.is_empty()))
                {
                    assert!(region.is_meant_by(name), "{} {name}", country.code);
                }
                let meant: Vec<_> = country.regions.iter().filter(|other| other.is_meant_by(region.written)).collect();
                assert!(meant.len() <= 2, "{} {}: {meant:?}", country.code, region.written);
            }
        }
    }
}
