//! Countries as the data set has them (`data/countries.tsv`), read once when the first is asked for.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::postal::PostalCodes;
use crate::region::Region;

const DATA: &str = include_str!("../data/countries.tsv");

/// A part of an address that a country may or may not use, in the data set's letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Street, building.
    Street,
    /// Town.
    City,
    /// State, province, prefecture.
    Region,
    /// Postal code.
    PostalCode,
}

impl Part {
    pub(crate) fn letter(self) -> char {
        match self {
            Part::Street => 'A',
            Part::City => 'C',
            Part::Region => 'S',
            Part::PostalCode => 'Z',
        }
    }
}

/// A country, or a territory that has a code of its own (ISO 3166-1 alpha-2).
#[derive(Debug)]
pub struct Country {
    /// `JP`.
    pub code: &'static str,
    /// In English.
    pub name: &'static str,
    /// In the country's own script, and, when that is another one, in Latin letters: the data set's `fmt` and `lfmt`.
    pub(crate) format: &'static str,
    pub(crate) latin_format: &'static str,
    required: &'static str,
    /// What a postal code looks like; none where the data set knows of none.
    pub(crate) postal_codes: Option<PostalCodes>,
    region_is: &'static str,
    postal_code_is: &'static str,
    city_is: &'static str,
    /// Regions of which one is part of an address; none where they are not, or not known.
    pub regions: Vec<Region>,
}

impl Country {
    /// True when an address cannot do without.
    pub fn requires(&self, part: Part) -> bool {
        self.required.contains(part.letter())
    }

    /// True when addresses have it.
    pub fn uses(&self, part: Part) -> bool {
        let mut letters = self.format.split('%').skip(1).filter_map(|rest| rest.chars().next());
        self.requires(part) || letters.any(|letter| letter == part.letter())
    }

    /// Postal codes that exist there, to show what one looks like.
    pub fn postal_examples(&self) -> &[&'static str] {
        self.postal_codes.as_ref().map_or(&[], |codes| &codes.examples)
    }

    /// What a form calls the region: `State`, `Prefecture`.
    pub fn region_label(&self) -> &'static str {
        match self.region_is {
            "area" => "Area",
            "county" => "County",
            "department" => "Department",
            "district" => "District",
            "do_si" => "Province or city (do, si)",
            "emirate" => "Emirate",
            "island" => "Island",
            "oblast" => "Oblast",
            "parish" => "Parish",
            "prefecture" => "Prefecture",
            "state" => "State",
            _ if self.code == "CA" => "Province or territory",
            _ => "Province",
        }
    }

    /// What a form calls the postal code: `ZIP code`, `Postcode`, with the country's own word.
    pub fn postal_label(&self) -> &'static str {
        match (self.postal_code_is, self.code) {
            ("zip", _) => "ZIP code",
            ("pin", _) => "PIN code",
            ("eircode", _) => "Eircode",
            (_, "DE" | "AT" | "CH" | "LI") => "Postcode (PLZ)",
            (_, "IT" | "SM" | "VA") => "Postal code (CAP)",
            (_, "BR") => "Postal code (CEP)",
            (_, "GB" | "GG" | "IM" | "JE" | "AU" | "NZ" | "NL" | "MY" | "ZA" | "SG") => "Postcode",
            _ => "Postal code",
        }
    }

    /// What a form calls the town.
    pub fn city_label(&self) -> &'static str {
        match self.city_is {
            "district" => "District",
            "suburb" => "Suburb or town",
            _ => "Town",
        }
    }
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| read(DATA));
static BY_CODE: LazyLock<HashMap<&str, usize>> =
    LazyLock::new(|| COUNTRIES.iter().enumerate().map(|(at, country)| (country.code, at)).collect());

/// Every country, by its English name.
pub fn countries() -> &'static [Country] {
    &COUNTRIES
}

/// The country with this code, in capitals.
pub fn country(code: &str) -> Option<&'static Country> {
    BY_CODE.get(code).map(|at| &COUNTRIES[*at])
}

/// What to write instead of a code that is used for a country and is not its own in ISO 3166-1.
pub fn instead_of(code: &str) -> Option<&'static str> {
    Some(match code {
        "UK" | "EN" | "XI" | "GBR" => "GB",
        "EL" => "GR",
        "IC" | "EA" => "ES",
        "USA" => "US",
        "GER" | "DEU" => "DE",
        "AN" => "CW, SX or BQ",
        "BU" => "MM",
        "DD" => "DE",
        "FX" => "FR",
        "SU" => "the code of the country of today, such as RU or UA",
        "CS" | "YU" => "the code of the country of today, such as RS or CZ",
        "TP" => "TL",
        "ZR" => "CD",
        _ => return None,
    })
}

fn read(data: &'static str) -> Vec<Country> {
    let mut countries: Vec<Country> = Vec::with_capacity(256);
    for line in data.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        if next() == "R" {
            let region = Region { written: next(), label: next(), others: next() };
            if let Some(country) = countries.last_mut() {
                country.regions.push(region);
            }
            continue;
        }
        let (code, name) = (next(), next());
        let (format, latin_format, required) = (next(), next(), next());
        let (pattern, examples, prefix) = (next(), next(), next());
        countries.push(Country {
            code,
            name,
            format,
            latin_format,
            required,
            postal_codes: PostalCodes::new(code, pattern, examples, prefix),
            region_is: next(),
            postal_code_is: next(),
            city_is: next(),
            regions: Vec::new(),
        });
    }
    countries.sort_by_key(|country| souk_kernel::slugify(country.name));
    countries
}
