//! Check of an address against what its country asks for: every wrong field, with a sentence that says why.

use souk_kernel::{FieldError, Problem};

use crate::territory::{Territory, of_postal_code, of_region};
use crate::{
    Address, COUNTRY_IN_WORDS, Country, MAX_LINE, Part, country, instead_of, is_invisible, postal, unprintable,
};

/// Characters of a postal code where no pattern says what one looks like.
const MAX_POSTAL_CODE: usize = 20;

impl Address {
    /// Every wrong field, with pointers below `base` (`/shipping_address`).
    pub fn check(&self, base: &str) -> Result<(), Problem> {
        let wrong = self.wrong_fields();
        if wrong.is_empty() {
            return Ok(());
        }
        let field = |(name, detail): (&str, String)| FieldError { pointer: format!("{base}/{name}"), detail };
        let fields = wrong.into_iter().map(field).collect();
        Err(Problem::invalid_fields("invalid_address", "the address is not complete", fields))
    }

    /// Name of the field and what is wrong with it, each field once.
    fn wrong_fields(&self) -> Vec<(&'static str, String)> {
        let mut wrong: Vec<(&'static str, String)> = Vec::new();
        for (field, line) in self.lines_by_field() {
            if let Some(why) = unprintable(line) {
                wrong.push((field, why.to_owned()));
            } else if line.chars().count() > MAX_LINE {
                wrong.push((field, format!("is too long: at most {MAX_LINE} characters")));
            } else if !line.is_empty() && is_invisible(line) {
                wrong.push((field, "must say something: it has blanks or invisible characters only".to_owned()));
            }
        }
        let blank = |wrong: &[(&str, String)], field: &str, line: &str| {
            is_invisible(line) && !wrong.iter().any(|(known, _)| *known == field)
        };
        for (field, line) in [("name", &self.name), ("line1", &self.line1)] {
            if blank(&wrong, field, line) {
                wrong.push((field, "must not be empty".to_owned()));
            }
        }
        match country(&self.country) {
            Some(country) => self.check_parts(country, &mut wrong),
            None => {
                // Without the country nothing says whether there could be an address without a town.
                if blank(&wrong, "city", &self.city) {
                    wrong.push(("city", "must not be empty".to_owned()));
                }
                wrong.push(("country", unknown_country(&self.country)));
            }
        }
        wrong
    }

    fn lines_by_field(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let required = [
            ("name", Some(&self.name)),
            ("line1", Some(&self.line1)),
            ("line2", self.line2.as_ref()),
            ("city", Some(&self.city)),
            ("region", self.region.as_ref()),
            ("postal_code", Some(&self.postal_code)),
            ("phone", self.phone.as_ref()),
        ];
        required.into_iter().filter_map(|(field, line)| Some((field, line?.as_str())))
    }

    /// The parts that the country has a say in.
    fn check_parts(&self, country: &Country, wrong: &mut Vec<(&'static str, String)>) {
        let by_region = of_region(self);
        // An address that names the territory by its region is written as those of the territory are.
        let own_rules = by_region.and_then(|territory| crate::country(territory.code));
        let rules = own_rules.unwrap_or(country);
        let region = self.region.as_deref().unwrap_or_default();
        let parts = [
            (Part::City, "city", self.city.as_str()),
            (Part::Region, "region", region),
            (Part::PostalCode, "postal_code", self.postal_code.as_str()),
        ];
        for (part, field, line) in parts {
            if wrong.iter().any(|(known, _)| *known == field) {
                continue;
            }
            let why = match (part, is_invisible(line)) {
                (_, true) => rules.requires(part).then(|| missing(rules, part)),
                (Part::Region, _) => unknown_region(country, region),
                (Part::PostalCode, _) => self.wrong_postal_code(country, own_rules, by_region),
                _ => None,
            };
            if let Some(why) = why {
                wrong.push((field, why));
            }
        }
    }

    fn wrong_postal_code(
        &self,
        country: &Country,
        own_rules: Option<&Country>,
        by_region: Option<&'static Territory>,
    ) -> Option<String> {
        let plain = postal::plain(&self.postal_code);
        let patterns: Vec<_> =
            [Some(country), own_rules].into_iter().flatten().filter_map(|one| one.postal_codes.as_ref()).collect();
        if patterns.is_empty() {
            let long = plain.chars().count() > MAX_POSTAL_CODE;
            return long.then(|| format!("is too long: at most {MAX_POSTAL_CODE} characters"));
        }
        if !patterns.iter().any(|codes| codes.matches(&plain)) {
            let example = patterns.iter().find_map(|codes| codes.examples.first()).copied().unwrap_or_default();
            return Some(format!("must be a postal code of {}, such as {example}", country.name));
        }
        // Tax and shipping differ between the two, so that neither is taken for granted.
        let by_code = of_postal_code(self);
        let lies_in = |territory: Option<&Territory>| territory.map(|territory| territory.code);
        if self.region.as_deref().is_none_or(is_invisible) || lies_in(by_code) == lies_in(by_region) {
            return None;
        }
        match (by_code, by_region) {
            (Some(there), _) if there.has_regions(&self.country) => {
                Some(format!("must fit the region: this one lies in {}", there.name))
            }
            (None, Some(there)) if there.has_postal_codes(&self.country) => {
                Some(format!("must fit the region: this one does not lie in {}", there.name))
            }
            _ => None,
        }
    }
}

fn missing(country: &Country, part: Part) -> String {
    let what = match part {
        Part::Region => country.region_label(),
        Part::PostalCode => country.postal_label(),
        _ => return "must not be empty".to_owned(),
    };
    format!("must not be empty: {} asks for a {}", country.name, lower_first(what))
}

/// `ZIP code` stays as it is.
fn lower_first(words: &str) -> String {
    match words.chars().nth(1).is_some_and(char::is_uppercase) {
        true => words.to_owned(),
        false => words[..1].to_lowercase() + &words[1..],
    }
}

fn unknown_region(country: &Country, typed: &str) -> Option<String> {
    if country.regions.is_empty() || country.regions.iter().any(|region| region.is_meant_by(typed)) {
        return None;
    }
    let example = country.regions.get(country.regions.len() / 2).map_or("", |region| region.written);
    let what = lower_first(country.region_label());
    Some(format!("must be a {what} of {}, such as {example}", country.name))
}

fn unknown_country(code: &str) -> String {
    if let Some(instead) = instead_of(code) {
        return format!("must be a country code of ISO 3166-1: write {instead} instead of {code}");
    }
    match code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        true => format!("must be a country code of ISO 3166-1, and {code} is none"),
        false => COUNTRY_IN_WORDS.to_owned(),
    }
}
