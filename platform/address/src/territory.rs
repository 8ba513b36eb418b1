//! Territories that are taxed or shipped to otherwise than the country that an address there names: the Canary Islands, Northern
//! Ireland, Monaco (`data/territories.tsv`, with its sources). Told by the postal code, else by the region.

use std::sync::LazyLock;

use crate::{Address, Country, country, postal};

const DATA: &str = include_str!("../data/territories.tsv");

/// Such a territory.
#[derive(Debug)]
pub struct Territory {
    /// `ES-CN`; that of a country where the territory has one, `MC`.
    pub code: &'static str,
    /// In English.
    pub name: &'static str,
    /// The country whose tax rates hold there; none when the territory is outside of all others' tax.
    pub taxed_as: Option<&'static str>,
    /// The country whose carriers ship there as at home.
    pub shipped_as: Option<&'static str>,
    marks: Vec<Mark>,
}

/// How an address of `country` shows that it lies in the territory.
#[derive(Debug)]
struct Mark {
    country: &'static str,
    /// Beginnings of postal codes.
    postal_codes: Vec<&'static str>,
    regions: Vec<&'static str>,
}

static TERRITORIES: LazyLock<Vec<Territory>> = LazyLock::new(|| DATA.lines().filter_map(read).collect());

/// All of them.
pub fn territories() -> &'static [Territory] {
    &TERRITORIES
}

/// The territory with this code.
pub fn territory(code: &str) -> Option<&'static Territory> {
    TERRITORIES.iter().find(|territory| territory.code == code)
}

fn read(line: &'static str) -> Option<Territory> {
    let mut columns = line.split('\t');
    let code = columns.next().filter(|code| !code.is_empty() && !code.starts_with('#'))?;
    let name = columns.next()?;
    let mut of_country = || columns.next().filter(|code| *code != "-");
    let (taxed_as, shipped_as) = (of_country(), of_country());
    let mut marks = Vec::new();
    for mark in columns {
        let (country, list) = mark.split_at_checked(2)?;
        let (postal_codes, regions) = match list.split_at_checked(1)? {
            ("=", codes) => (codes.split(',').collect(), Vec::new()),
            (_, names) => (Vec::new(), names.split('|').collect()),
        };
        marks.push(Mark { country, postal_codes, regions });
    }
    Some(Territory { code, name, taxed_as, shipped_as, marks })
}

impl Territory {
    /// Length of the longest beginning of `bare` that the territory has in `country`.
    fn by_postal_code(&self, country: &str, bare: &str) -> Option<usize> {
        let of_country = self.marks.iter().filter(|mark| mark.country == country);
        let codes = of_country.flat_map(|mark| &mark.postal_codes).filter(|code| bare.starts_with(**code));
        // The letters of a British area end where its digits begin: `IM1`, but not a `B` for `BT1`.
        codes.map(|code| code.len()).max()
    }

    fn by_region(&self, country: &Country, typed: &str) -> bool {
        let of_country = self.marks.iter().filter(|mark| mark.country == country.code);
        of_country.flat_map(|mark| &mark.regions).any(|name| {
            let known = country.regions.iter().find(|region| region.written == *name);
            known.map_or_else(|| name.eq_ignore_ascii_case(typed.trim()), |region| region.is_meant_by(typed))
        })
    }

    /// True when an address may say by its postal code that it lies here.
    pub(crate) fn has_postal_codes(&self, country: &str) -> bool {
        self.marks.iter().any(|mark| mark.country == country && !mark.postal_codes.is_empty())
    }

    /// True when an address may say by its region that it lies here.
    pub(crate) fn has_regions(&self, country: &str) -> bool {
        self.marks.iter().any(|mark| mark.country == country && !mark.regions.is_empty())
    }
}

/// The territory that the postal code of an address lies in.
pub(crate) fn of_postal_code(address: &Address) -> Option<&'static Territory> {
    let bare = postal::bare(&address.country, &address.postal_code);
    let found = TERRITORIES.iter().filter_map(|one| Some((one.by_postal_code(&address.country, &bare)?, one)));
    found.max_by_key(|(length, _)| *length).map(|(_, territory)| territory)
}

/// The territory that the region of an address is.
pub(crate) fn of_region(address: &Address) -> Option<&'static Territory> {
    let (country, region) = (country(&address.country)?, address.region.as_deref()?);
    TERRITORIES.iter().find(|territory| territory.by_region(country, region))
}

impl Address {
    /// The territory that it lies in, when that is one of its own; a code of a country may name one too.
    pub fn territory(&self) -> Option<&'static Territory> {
        of_postal_code(self).or_else(|| of_region(self)).or_else(|| territory(&self.country))
    }

    /// Codes under which tax rates may be kept for it, the closest first. A territory that is outside of its country's tax
    /// does not have the country's.
    pub fn tax_codes(&self) -> Vec<&str> {
        match self.territory() {
            Some(territory) => [Some(territory.code), territory.taxed_as].into_iter().flatten().collect(),
            None => vec![&self.country],
        }
    }

    /// Codes under which shipping zones may name it, the closest first.
    pub fn shipping_codes(&self) -> Vec<&str> {
        match self.territory() {
            Some(territory) => [Some(territory.code), territory.shipped_as].into_iter().flatten().collect(),
            None => vec![&self.country],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(country: &str, postal_code: &str, region: Option<&str>) -> Address {
        let (country, postal_code) = (country.into(), postal_code.into());
        Address { country, postal_code, region: region.map(Into::into), ..Address::default() }
    }

    #[test]
    fn territories_are_told_by_postal_code_region_or_their_own_code() {
        for (country, postal_code, region, code) in [
            ("ES", "35001", Some("Las Palmas"), "ES-CN"),
            ("ES", "38 001", None, "ES-CN"),
            ("ES", "", Some("TF"), "ES-CN"),
            ("ES", "51001", None, "ES-CE"),
            ("ES", "E-52002", None, "ES-ML"),
            ("GB", "bt1 1aa", None, "GB-NIR"),
            ("GB", "", Some("northern ireland"), "GB-NIR"),
            ("GB", "JE2 3AB", None, "JE"),
            ("GB", "GY11AA", None, "GG"),
            ("GB", "IM1 1AA", None, "IM"),
            ("JE", "JE2 3AB", None, "JE"),
            ("IT", "23041", None, "IT-LIVIGNO"),
            ("IT", "22061", None, "IT-CAMPIONE"),
            ("CH", "6911", None, "IT-CAMPIONE"),
            ("IT", "47890", None, "SM"),
            ("IT", "00120", None, "VA"),
            ("DE", "78266", None, "DE-BUESINGEN"),
            ("CH", "CH-8238", None, "DE-BUESINGEN"),
            ("DE", "27498", None, "DE-HELGOLAND"),
            ("FI", "22100", None, "AX"),
            ("AX", "AX-22100", None, "AX"),
            ("GR", "630 86", None, "GR-69"),
            ("FR", "97110", None, "GP"),
            ("FR", "97133", None, "BL"),
            ("FR", "97200", None, "MQ"),
            ("FR", "97300", None, "GF"),
            ("FR", "97400", None, "RE"),
            ("FR", "97600", None, "YT"),
            ("FR", "97150", None, "MF"),
            ("FR", "98000", None, "MC"),
            ("MC", "98000", None, "MC"),
            ("FR", "98800", None, "NC"),
            ("PT", "9000-001", None, "PT-30"),
            ("PT", "9500-001", None, "PT-20"),
            ("AT", "6991", None, "AT-KLEINWALSERTAL"),
            ("AT", "6691", None, "AT-KLEINWALSERTAL"),
            ("US", "00901", Some("PR"), "PR"),
            ("US", "96910-1234", None, "GU"),
            ("US", "", Some("Puerto Rico"), "PR"),
            ("CH", "9490", None, "LI"),
            ("NO", "9170", None, "SJ"),
            ("DK", "3900", None, "GL"),
            ("AU", "2899", None, "NF"),
            ("CN", "999077", None, "HK"),
            ("CN", "", Some("香港"), "HK"),
            ("CN", "", Some("台湾"), "TW"),
            ("PR", "00901", None, "PR"),
        ] {
            let address = at(country, postal_code, region);
            assert_eq!(address.territory().map(|found| found.code), Some(code), "{country} {postal_code} {region:?}");
        }
        for (country, postal_code) in [
            ("ES", "28001"),
            ("GB", "B1 1AA"),
            ("FR", "75001"),
            ("IT", "23030"),
            ("DE", "78265"),
            ("US", "90210"),
            ("PT", "8999-001"),
            ("GB", "SW1A 1AA"),
            ("AT", "6900"),
            ("FI", "21100"),
            ("DK", "8660"),
            ("CH", "8001"),
            ("DE", "35001"),
            ("JP", "970-0001"),
        ] {
            assert!(at(country, postal_code, None).territory().is_none(), "{country} {postal_code}");
        }
    }

    #[test]
    fn what_is_outside_of_a_countrys_tax_does_not_have_its_rates() {
        let codes = |country: &str, postal_code: &str| {
            let address = at(country, postal_code, None);
            (address.tax_codes().join(" "), address.shipping_codes().join(" "))
        };
        assert_eq!(codes("ES", "35001"), ("ES-CN".into(), "ES-CN ES".into()));
        assert_eq!(codes("MC", "98000"), ("MC FR".into(), "MC FR".into()));
        assert_eq!(codes("FR", "98000"), ("MC FR".into(), "MC FR".into()));
        assert_eq!(codes("FR", "97110"), ("GP".into(), "GP".into()));
        assert_eq!(codes("GB", "BT1 1AA"), ("GB-NIR GB".into(), "GB-NIR GB".into()));
        assert_eq!(codes("DE", "10115"), ("DE".into(), "DE".into()));
    }

    #[test]
    fn every_territory_is_read_whole_and_names_what_exists() {
        assert_eq!(territories().len(), DATA.lines().filter(|line| !line.starts_with('#')).count());
        for one in territories() {
            let parent = one.code.get(..2).unwrap();
            assert!(country(parent).is_some(), "{}", one.code);
            assert!(
                one.code.len() > 2 || country(one.code).is_some_and(|found| found.name == one.name),
                "{}",
                one.code
            );
            for code in [one.taxed_as, one.shipped_as].into_iter().flatten() {
                assert!(country(code).is_some(), "{code}");
            }
            for mark in &one.marks {
                let country = country(mark.country).unwrap();
                for name in &mark.regions {
                    let listed = country.regions.iter().any(|region| region.written == *name);
                    assert!(listed || country.regions.is_empty(), "{} {name}", one.code);
                }
            }
        }
    }
}
