//! Order of an address: the lines of a label as its country writes them, and the fields of a form.

use crate::{Address, Country, Part, country};

/// A country without an entry of its own.
const ANY: &str = "%N%n%A%n%C%n%Z";

impl Country {
    /// Town, region and postal code in the order a form has them; what addresses there do not have is left out.
    pub fn form_parts(&self) -> Vec<Part> {
        let format = if self.latin_format.is_empty() { self.format } else { self.latin_format };
        let letters = format.split('%').skip(1).filter_map(|rest| rest.chars().next());
        let parts = [Part::City, Part::Region, Part::PostalCode];
        let mut order: Vec<Part> =
            letters.filter_map(|letter| parts.into_iter().find(|part| part.letter() == letter)).collect();
        order
            .extend(parts.into_iter().filter(|part| self.requires(*part) && !order.contains(part)).collect::<Vec<_>>());
        order
    }
}

impl Address {
    /// The lines of a label, the country last. What was given and has no place in the country's format gets a line.
    pub fn lines(&self) -> Vec<String> {
        let known = country(&self.country);
        let format = known.map_or(ANY, |country| match !country.latin_format.is_empty() && self.is_latin() {
            true => country.latin_format,
            false => country.format,
        });
        let mut lines: Vec<String> = format.split("%n").flat_map(|line| self.line(line)).collect();
        let has = |letter: &str| format.contains(letter);
        let region = self.region.as_deref().unwrap_or_default();
        for (letter, part) in [("%C", self.city.as_str()), ("%S", region), ("%Z", &self.postal_code)] {
            if !has(letter) && !part.trim().is_empty() {
                lines.push(part.to_owned());
            }
        }
        lines.push(known.map_or_else(|| self.country.clone(), |country| country.name.to_owned()));
        lines
    }

    fn is_latin(&self) -> bool {
        let text = [&self.name, &self.line1, &self.city];
        text.into_iter().flat_map(|line| line.chars()).all(|c| !c.is_alphabetic() || c < '\u{250}')
    }

    /// One line of the format; the second line of the street is one of its own.
    fn line(&self, format: &str) -> Vec<String> {
        let (mut line, mut second, mut had_field) = (String::new(), None, false);
        let (before, fields) = format.split_once('%').map_or((format, None), |(before, rest)| (before, Some(rest)));
        let mut literal = before;
        for field in fields.into_iter().flat_map(|fields| fields.split('%')) {
            had_field = true;
            let after = field.chars().next().map_or(0, char::len_utf8);
            let (letter, next) = field.split_at(after);
            let value = match letter {
                "N" => self.name.as_str(),
                "A" => self.line1.as_str(),
                "C" => self.city.as_str(),
                "S" => self.region.as_deref().unwrap_or_default(),
                "Z" => self.postal_code.as_str(),
                _ => "",
            };
            if letter == "A" {
                second = self.line2.clone().filter(|second| !second.trim().is_empty());
            }
            if !value.trim().is_empty() {
                // A sign before the code (`SE-`) stands alone; what parts two fields needs the first of them.
                let sign = literal.trim_start_matches([' ', ',', '-']);
                match line.is_empty() {
                    true if value.starts_with(sign) => {}
                    true => line.push_str(sign),
                    false => line.push_str(literal),
                }
                line.push_str(value);
            }
            literal = next;
        }
        if !had_field {
            line.push_str(before);
        }
        [Some(line), second].into_iter().flatten().filter(|line| !line.trim().is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(country: &str, name: &str, line1: &str, city: &str, region: &str, postal_code: &str) -> String {
        let region = Some(region.to_owned()).filter(|region| !region.is_empty());
        let address = Address {
            name: name.into(),
            line1: line1.into(),
            line2: None,
            city: city.into(),
            region,
            postal_code: postal_code.into(),
            country: country.into(),
            phone: None,
        };
        address.lines().join(" / ")
    }

    #[test]
    fn a_label_reads_as_the_country_writes_it() {
        let ada = "Ada Lovelace";
        assert_eq!(
            lines("DE", ada, "Hauptstr. 1", "Köln", "", "50667"),
            "Ada Lovelace / Hauptstr. 1 / 50667 Köln / Germany"
        );
        assert_eq!(
            lines("US", ada, "1 Main St", "Austin", "TX", "78701"),
            "Ada Lovelace / 1 Main St / Austin, TX 78701 / United States"
        );
        assert_eq!(
            lines("GB", ada, "1 High St", "London", "", "SW1A 1AA"),
            "Ada Lovelace / 1 High St / London / SW1A 1AA / United Kingdom"
        );
        assert_eq!(
            lines("JP", "山田太郎", "港区芝公園4-2-8", "", "東京都", "105-0011"),
            "〒105-0011 / 東京都 / 港区芝公園4-2-8 / 山田太郎 / Japan"
        );
        assert_eq!(
            lines("JP", "Taro Yamada", "4-2-8 Shibakoen, Minato", "", "Tokyo", "105-0011"),
            "Taro Yamada / 4-2-8 Shibakoen, Minato, Tokyo / 105-0011 / Japan"
        );
        assert_eq!(lines("SE", ada, "Gata 1", "Lund", "", "222 22"), "Ada Lovelace / Gata 1 / SE-222 22 Lund / Sweden");
        assert_eq!(
            lines("SE", ada, "Gata 1", "Lund", "", "SE-222 22"),
            "Ada Lovelace / Gata 1 / SE-222 22 Lund / Sweden"
        );
        assert_eq!(
            lines("GI", ada, "1 Main St", "", "", "GX11 1AA"),
            "Ada Lovelace / 1 Main St / GIBRALTAR / GX11 1AA / Gibraltar"
        );
        assert_eq!(
            lines("HK", ada, "1 Nathan Rd", "", "Kowloon", ""),
            "Ada Lovelace / 1 Nathan Rd / Kowloon / Hong Kong"
        );
        assert_eq!(lines("BR", ada, "Rua 1", "", "SP", ""), "Ada Lovelace / Rua 1 / SP / Brazil");
        assert_eq!(lines("DE", ada, "Weg 1", "Köln", "NRW", ""), "Ada Lovelace / Weg 1 / Köln / NRW / Germany");
        assert_eq!(lines("QQ", ada, "Weg 1", "Ort", "", "1"), "Ada Lovelace / Weg 1 / Ort / 1 / QQ");
    }

    #[test]
    fn a_form_asks_for_what_the_country_has() {
        use Part::{City, PostalCode, Region};
        let parts = |code| country(code).unwrap().form_parts();
        assert_eq!(parts("DE"), [PostalCode, City]);
        assert_eq!(parts("US"), [City, Region, PostalCode]);
        assert_eq!(parts("GB"), [City, PostalCode]);
        assert_eq!(parts("JP"), [Region, PostalCode]);
        assert_eq!(parts("AE"), [Region]);
        assert_eq!(parts("SG"), [PostalCode]);
        assert_eq!(parts("HK"), [City, Region]);
        for country in crate::countries() {
            for part in country.form_parts() {
                assert!(country.uses(part), "{}", country.code);
            }
        }
    }
}
