//! Form of a postal address: the fields that its country has, under the names they have there.

use souk_address::{Address, Country, Part, country};
use souk_pricing_api::Rates;

use super::form::Field;

/// Name of the button that asks for the fields of another country, and its value.
pub const FIELDS: (&str, &str) = ("fields", "country");

/// Countries that the shop's zones ship to, or to a territory of, by name.
pub fn offered(rates: &Rates) -> Vec<&'static Country> {
    let ships = |codes: &[&str]| rates.zone(codes).is_some_and(|zone| !zone.methods.is_empty());
    let of_country = |country: &&Country| {
        let there = Address { country: country.code.into(), ..Address::default() };
        let territory =
            |code: &str| code.len() > 2 && code.starts_with(country.code) && souk_address::territory(code).is_some();
        let mut named = rates.zones.iter().filter(|zone| !zone.methods.is_empty()).flat_map(|zone| &zone.countries);
        ships(&there.shipping_codes()) || named.any(|code| territory(code))
    };
    souk_address::countries().iter().filter(of_country).collect()
}

/// The fields for `address`; what it says of a country that is not `offered` stays a choice.
pub fn address_fields(form: &'static str, address: &Address, offered: &[&'static Country]) -> Vec<Field> {
    let text = |name, label, auto| Field::text(form, name, label, auto);
    let given = |value: &Option<String>| value.clone().unwrap_or_default();
    let known = country(&address.country);
    let mut countries: Vec<_> = offered.iter().map(|country| (country.code, country.name)).collect();
    match known {
        Some(other) if !offered.iter().any(|country| country.code == other.code) => {
            countries.push((other.code, other.name))
        }
        Some(_) => {}
        None => countries.insert(0, ("", "Please choose")),
    }
    let value = known.map_or("", |country| country.code);
    let mut fields = vec![
        Field { choices: countries, ..text("country", "Country", "country").value(value) },
        text("name", "Name", "name").value(&address.name),
        text("line1", "Street and number", "address-line1").value(&address.line1),
        text("line2", "Floor, company, care of", "address-line2").value(given(&address.line2)).optional(),
    ];
    let parts = known.map_or_else(|| vec![Part::City, Part::PostalCode], Country::form_parts);
    for part in &parts {
        let field = match part {
            Part::City => {
                let label = known.map_or("Town", Country::city_label);
                text("city", label, "address-level2").value(&address.city)
            }
            Part::Region => {
                region_field(text("region", known.map_or("Region", Country::region_label), "address-level1"), address)
            }
            Part::PostalCode => {
                let field = text("postal_code", known.map_or("Postal code", Country::postal_label), "postal-code");
                let example = known.and_then(|country| country.postal_examples().first());
                let hint = example.map(|example| format!("Such as {example}")).unwrap_or_default();
                Field { max: 20, ..field.value(&address.postal_code).hint(hint) }
            }
            Part::Street => continue,
        };
        let required = known.is_some_and(|country| country.requires(*part));
        fields.push(Field { required, ..field.class(width(*part, &parts)) });
    }
    fields.push(text("phone", "Phone, for the carrier", "tel").kind("tel").value(given(&address.phone)).optional());
    fields
}

/// A choice where the country's regions are known; what was typed of one of them chooses it.
fn region_field(field: Field, address: &Address) -> Field {
    let typed = address.region.as_deref().unwrap_or_default();
    let regions = country(&address.country).map_or(&[][..], |country| &country.regions);
    if regions.is_empty() {
        return field.value(typed);
    }
    let chosen = regions.iter().find(|region| region.is_meant_by(typed)).map_or("", |region| region.written);
    let mut choices = vec![("", "Please choose")];
    choices.extend(regions.iter().map(|region| (region.written, region.label)));
    Field { choices, ..field.value(chosen) }
}

/// Fields of one row share it.
fn width(part: Part, parts: &[Part]) -> &'static str {
    match (parts.len(), part) {
        (3, _) => "third",
        (2, _) if parts.contains(&Part::Region) => "half",
        (2, Part::PostalCode) => "third",
        (2, _) => "two",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use souk_kernel::Currency;
    use souk_pricing_api::{ShippingRate, ShippingZone};

    use super::*;
    use crate::view::form::place_errors;

    fn labels(code: &str) -> String {
        let address = Address { country: code.into(), ..Address::default() };
        let fields = address_fields("a", &address, &[]);
        let parts = fields.iter().filter(|field| ["city", "region", "postal_code"].contains(&field.name));
        let label = |field: &Field| {
            let kind = if field.choices.is_empty() { "" } else { " (choice)" };
            format!("{}{}{kind}", field.label, if field.required { "" } else { "?" })
        };
        parts.map(label).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_form_has_the_fields_of_its_country_under_their_names() {
        for (code, expected) in [
            ("DE", "Postcode (PLZ), Town"),
            ("GB", "Town, Postcode"),
            ("US", "Town, State (choice), ZIP code"),
            ("CA", "Town, Province or territory (choice), Postal code"),
            ("JP", "Prefecture (choice), Postal code"),
            ("IE", "Town, County? (choice), Eircode?"),
            ("IN", "Town, PIN code, State (choice)"),
            ("BR", "Town, State (choice), Postal code (CEP)"),
            ("AE", "Emirate (choice)"),
            ("HK", "District?, Area (choice)"),
            ("SG", "Postcode"),
            ("KW", "Postal code?, Town"),
            ("", "Town?, Postal code?"),
        ] {
            assert_eq!(labels(code), expected, "{code}");
        }
    }

    #[test]
    fn a_form_of_every_country_can_say_all_that_its_addresses_need() {
        for country in souk_address::countries() {
            let nothing = Address { country: country.code.into(), ..Address::default() };
            let mut fields = address_fields("a", &nothing, &[]);
            let rest = place_errors(&mut fields, &nothing.check("").unwrap_err());
            assert!(rest.is_empty(), "{}: {rest:?}", country.code);
            let asked: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
            let refused: Vec<_> = fields.iter().filter(|field| field.error.is_some()).map(|field| field.name).collect();
            assert_eq!(asked, [&["country"], &refused[..]].concat(), "{}", country.code);
        }
    }

    #[test]
    fn what_was_typed_is_chosen_and_nothing_else_is() {
        let form = |country: &str, region: &str| {
            let address = Address { country: country.into(), region: Some(region.into()), ..Address::default() };
            let fields = address_fields("a", &address, &[souk_address::country("DE").unwrap()]);
            let value = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.value.clone());
            (value("country").unwrap(), value("region"))
        };
        assert_eq!(form("US", "california"), ("US".into(), Some("CA".into())));
        assert_eq!(form("JP", "Tokyo"), ("JP".into(), Some("東京都".into())));
        assert_eq!(form("US", "Bavaria"), ("US".into(), Some(String::new())));
        assert_eq!(form("UK", "Kent"), (String::new(), None), "not taken for the first of the list");
    }

    #[test]
    fn countries_are_those_of_the_zones() {
        let free = ShippingRate {
            id: "a".into(),
            name: "A".into(),
            base: Currency::EUR.of(0),
            per_kg: Currency::EUR.of(0),
            free_from: None,
        };
        let rates = |zones: &[(&[&str], bool)]| Rates {
            taxes: vec![],
            zones: zones
                .iter()
                .map(|(countries, ships)| ShippingZone {
                    name: "Z".into(),
                    countries: countries.iter().map(|code| (*code).to_owned()).collect(),
                    methods: if *ships { vec![free.clone()] } else { vec![] },
                })
                .collect(),
        };
        let codes = |zones: &[(&[&str], bool)]| {
            offered(&rates(zones)).iter().map(|country| country.code).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(codes(&[(&["JP", "KW"], true)]), "JP KW");
        assert_eq!(codes(&[(&["FR", "ES"], true)]), "FR MC ES", "Monaco is shipped to as France");
        assert_eq!(codes(&[(&["GB-NIR"], true)]), "GB");
        assert_eq!(codes(&[]), "");
        let all = codes(&[(&["RU"], false), (&["*"], true)]);
        assert!(all.contains("US") && !all.contains("RU"), "{all}");
        assert_eq!(all.split(' ').count(), souk_address::countries().len() - 1);
    }
}
