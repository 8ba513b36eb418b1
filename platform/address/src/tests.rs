//! Addresses of every country of the data set, built from its own examples, and what becomes of them when a part is wrong.

use std::collections::HashSet;

use proptest::prelude::*;

use crate::{Address, Country, Part, countries, country};

/// Names and streets in the scripts of the world.
const TEXTS: &[&str] = &[
    "Ada Lovelace",
    "O'Brien",
    "Jean-Luc",
    "Sukarno",
    "山田 太郎",
    "محمد",
    "שרה כהן",
    "Αθηνά",
    "Ольга",
    "สมชาย",
    "김민준",
    "Nguyễn",
    "1 Main St",
    "12/3 भवन",
    "Str. des 17. Juni 135",
    "Þórr",
    "ʻIolani",
];

/// An address as the country's entry describes it: every part it uses, or those alone that it requires.
fn address(country: &'static Country, text: &str, pick: usize, whole: bool) -> Address {
    let wanted = |part| if whole { country.uses(part) } else { country.requires(part) };
    let region = country.regions.get(pick % country.regions.len().max(1)).map_or("Region", |region| region.written);
    let examples = country.postal_examples();
    let example = examples.get(pick % examples.len().max(1)).copied().unwrap_or("12345");
    Address {
        name: text.into(),
        line1: text.into(),
        city: if wanted(Part::City) { text.into() } else { String::new() },
        region: wanted(Part::Region).then(|| region.into()),
        postal_code: if wanted(Part::PostalCode) { example.into() } else { String::new() },
        country: country.code.into(),
        ..Address::default()
    }
}

/// Names of the wrong fields.
fn wrong(address: &Address) -> Vec<String> {
    let fields = address.check("").map_or_else(|problem| problem.fields, |()| Vec::new());
    fields.into_iter().map(|field| field.pointer.trim_start_matches('/').to_owned()).collect()
}

/// What region and postal code say of the territory must agree; examples of both are not picked to.
fn agrees(address: &Address) -> bool {
    let alone = Address { region: None, ..address.clone() };
    let by_region = crate::territory::of_region(address).map(|found| found.code);
    by_region == alone.territory().map(|found| found.code).filter(|code| *code != address.country)
}

proptest! {
    #[test]
    fn an_address_as_its_country_writes_it_is_accepted(
        at in 0..countries().len(), text in 0..TEXTS.len(), pick in 0usize..1_000, whole: bool,
    ) {
        let address = address(&countries()[at], TEXTS[text], pick, whole);
        prop_assume!(address.region.is_none() || address.postal_code.is_empty() || agrees(&address));
        prop_assert_eq!(wrong(&address), Vec::<String>::new(), "{:?}", address);
    }

    #[test]
    fn what_is_required_and_missing_is_named_and_nothing_else(
        at in 0..countries().len(), pick in 0usize..1_000, blank in 0usize..4,
    ) {
        let country = &countries()[at];
        let whole = address(country, "Ada", pick, true);
        prop_assume!(agrees(&whole));
        let blank = ["", " ", "\u{200b}", "\u{3000}"][blank].to_owned();
        for (part, field) in [
            (Part::Street, "line1"), (Part::City, "city"), (Part::Region, "region"), (Part::PostalCode, "postal_code"),
        ] {
            let mut without = whole.clone();
            match part {
                Part::Street => without.line1 = blank.clone(),
                Part::City => without.city = blank.clone(),
                Part::Region => without.region = Some(blank.clone()),
                Part::PostalCode => without.postal_code = blank.clone(),
            }
            let named = country.requires(part) || !blank.is_empty();
            prop_assert_eq!(wrong(&without), if named { vec![field] } else { vec![] }, "{:?}", without);
        }
    }

    #[test]
    fn an_unknown_region_is_refused_where_the_regions_are_known(at in 0..countries().len(), pick in 0usize..1_000) {
        let country = &countries()[at];
        let mut address = address(country, "Ada", pick, true);
        prop_assume!(agrees(&address));
        address.region = Some("Atlantis".into());
        let known = if country.regions.is_empty() { vec![] } else { vec!["region"] };
        prop_assert_eq!(wrong(&address), known, "{:?}", address);
    }

    #[test]
    fn nothing_that_is_typed_panics(name: String, line1: String, city: String, region: Option<String>, postal_code: String, country: String) {
        let address = Address { name, line1, city, region, postal_code, country, ..Address::default() };
        let _ = (address.check(""), address.lines(), address.tax_codes(), address.shipping_codes());
    }
}

/// Every example of every country, given for every other one: what the published pattern takes is taken, and what it does not
/// take with another separator, or with the letters in front that all codes of the country have, is refused.
#[test]
fn a_postal_code_of_another_country_is_judged_by_the_pattern() {
    let without_separators =
        |text: &str| text.replace("[ \\-]", "").replace(" ?", "").replace("-?", "").replace([' ', '-'], "");
    let (mut taken, mut refused) = (0, 0);
    for country in countries() {
        let Some(codes) = &country.postal_codes else { continue };
        let (published, letters) = (codes.as_published(), country.postal_examples()[0]);
        let letters: String = letters.chars().take_while(char::is_ascii_uppercase).collect();
        let ways = countries().iter().flat_map(Country::postal_examples).filter(|way| published.is_match(way));
        let shapes: HashSet<String> = ways.map(|way| shape(&without_separators(way))).collect();
        for example in countries().iter().flat_map(Country::postal_examples) {
            let mut address = address(country, "Ada", 0, true);
            (address.region, address.postal_code) = (None, (*example).into());
            let wrong = wrong(&address).contains(&"postal_code".to_owned());
            let digits = without_separators(example);
            let meant = shapes.contains(&shape(&digits)) || shapes.contains(&shape(&format!("{letters}{digits}")));
            if published.is_match(example) {
                assert!(!wrong, "{} {example}", country.code);
                taken += 1;
            } else if !meant {
                assert!(wrong, "{} {example}", country.code);
                refused += 1;
            }
        }
    }
    assert!(taken > 5_000 && refused > 20_000, "{taken} {refused}");
}

/// `9AA` for a digit and two letters.
fn shape(code: &str) -> String {
    code.chars().map(|c| if c.is_ascii_digit() { '9' } else { 'A' }).collect()
}

#[test]
fn every_country_has_an_entry_and_every_entry_a_name() {
    assert!(countries().len() >= 249, "{}", countries().len());
    for code in ["AF", "ZW", "JP", "KW", "CU", "IR", "SY", "KP", "XK", "AX", "GG", "PS", "TW", "HK", "VA", "TA"] {
        assert!(country(code).is_some(), "{code}");
    }
    for country in countries() {
        assert!(country.name.chars().any(char::is_lowercase), "{} {}", country.code, country.name);
    }
    let names: Vec<_> = countries().iter().map(|country| country.name).collect();
    assert!(names.iter().position(|name| *name == "Åland Islands") < names.iter().position(|name| *name == "Algeria"));
}

#[test]
fn what_is_no_country_is_refused_with_the_one_to_write() {
    let ada = Address { name: "Ada".into(), line1: "Weg 1".into(), city: "Ort".into(), ..Address::default() };
    for (code, word) in [
        ("UK", "write GB"),
        ("EL", "write GR"),
        ("XI", "write GB"),
        ("IC", "write ES"),
        ("ZZ", "ZZ is none"),
        ("XX", "XX is none"),
        ("QO", "QO is none"),
        ("EU", "EU is none"),
        ("YU", "of today"),
        ("de", "in capitals"),
        ("DEU", "write DE"),
        ("", "in capitals"),
        ("Ｄ", "in capitals"),
        ("D\u{200b}", "in capitals"),
    ] {
        let problem = Address { country: code.into(), ..ada.clone() }.check("/a").unwrap_err();
        assert_eq!(problem.fields.len(), 1, "{code}: {:?}", problem.fields);
        assert_eq!(problem.fields[0].pointer, "/a/country");
        assert!(problem.fields[0].detail.contains(word), "{code}: {}", problem.fields[0].detail);
    }
}

#[test]
fn each_refusal_names_the_field_and_why() {
    let fine = Address {
        name: "Ada".into(),
        line1: "1 Main St".into(),
        city: "Austin".into(),
        region: Some("TX".into()),
        postal_code: "78701".into(),
        country: "US".into(),
        ..Address::default()
    };
    fine.check("").unwrap();
    let edit = |change: &dyn Fn(&mut Address)| {
        let mut address = fine.clone();
        change(&mut address);
        let fields = address.check("").unwrap_err().fields;
        fields.into_iter().map(|field| format!("{} {}", field.pointer, field.detail)).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        edit(&|a| a.name = "\u{200b}\u{2060}".into()),
        "/name must not contain invisible characters; type it without them"
    );
    assert_eq!(
        edit(&|a| a.name = "\u{3000} ".into()),
        "/name must say something: it has blanks or invisible characters only"
    );
    assert!(edit(&|a| a.name = "Ada\u{202e}".into()).contains("direction of text"));
    assert!(edit(&|a| a.phone = Some("\u{200e}+1".into())).starts_with("/phone must not contain marks"));
    assert_eq!(edit(&|a| a.region = None), "/region must not be empty: United States asks for a state");
    assert_eq!(edit(&|a| a.postal_code.clear()), "/postal_code must not be empty: United States asks for a ZIP code");
    assert!(
        edit(&|a| a.region = Some("Bavaria".into())).starts_with("/region must be a state of United States, such as ")
    );
    assert_eq!(
        edit(&|a| a.postal_code = "SW1A 1AA".into()),
        "/postal_code must be a postal code of United States, such as 95014"
    );
    assert_eq!(
        edit(&|a| a.postal_code = "00901".into()),
        "/postal_code must fit the region: this one lies in Puerto Rico"
    );
    assert_eq!(
        edit(&|a| a.region = Some("PR".into())),
        "/postal_code must fit the region: this one does not lie in Puerto Rico"
    );
    let spain = |region: &str, postal_code: &str| Address {
        region: Some(region.into()),
        postal_code: postal_code.into(),
        country: "ES".into(),
        ..fine.clone()
    };
    assert_eq!(wrong(&spain("Madrid", "35001")), ["postal_code"]);
    assert_eq!(wrong(&spain("Las Palmas", "28001")), ["postal_code"]);
    assert_eq!(wrong(&spain("Las Palmas", "35001")), Vec::<String>::new());
    assert_eq!(
        wrong(&Address { country: "JP".into(), ..Address::default() }),
        ["name", "line1", "region", "postal_code"]
    );
    assert_eq!(edit(&|a| a.city = "x".repeat(201)), "/city is too long: at most 200 characters");
}
