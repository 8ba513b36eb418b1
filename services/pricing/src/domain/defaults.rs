//! Default terms and rates of a new shop: taxes and shipping zones of its own country, in its own currency. A starting point for
//! a merchant, not tax advice: rates are data, changed with `put_rates`. What is not known is left out, and said.

use souk_kernel::Currency;
use souk_pricing_api::{Rates, ShippingRate, ShippingZone, ShopTerms};

use super::default_taxes::{default_taxes, is_in_eu, member_states};
use super::price_levels::price_like;

/// Parts of Spain that carriers from other countries reach through customs.
const BEYOND_CUSTOMS: [&str; 3] = ["ES-CE", "ES-CN", "ES-ML"];

/// Rates to begin with, and what the merchant has to add before the shop can sell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Taxes and zones, as far as they are known.
    pub rates: Rates,
    /// A sentence for each thing that is missing.
    pub missing: Vec<String>,
}

/// Euro, prices with tax, Germany.
pub fn default_terms() -> ShopTerms {
    ShopTerms { currency: Currency::EUR, prices_include_tax: true, country: "DE".into() }
}

/// Rates of a new shop.
pub fn default_rates(terms: &ShopTerms) -> Defaults {
    let mut defaults = Defaults::default();
    match default_taxes(&terms.country) {
        Some(taxes) => defaults.rates.taxes = taxes,
        None => defaults
            .missing
            .push(format!("no tax rates are known for {}: nothing is taxed until you set them", terms.country)),
    }
    match zones(terms) {
        Some(zones) => defaults.rates.zones = zones,
        None => defaults.missing.push(format!(
            "no shipping prices are known in {}: nothing can be sent until you set zones",
            terms.currency
        )),
    }
    defaults
}

/// The shop's own country, for a shop in the European Union the rest of it, and the world. Amounts below are euro cents.
fn zones(terms: &ShopTerms) -> Option<Vec<ShippingZone>> {
    let rate = |id: &str, name: &str, base, per_kg, free_from: Option<i64>| {
        let price = |euro_cents| price_like(terms.currency, euro_cents);
        Some(ShippingRate {
            id: id.into(),
            name: name.into(),
            base: price(base)?,
            per_kg: price(per_kg)?,
            free_from: free_from.and_then(price),
        })
    };
    let zone = |name: &str, countries: Vec<String>, methods| ShippingZone { name: name.into(), countries, methods };
    let home = souk_address::country(&terms.country).map_or(terms.country.as_str(), |country| country.name);
    let mut zones = vec![zone(
        home,
        vec![terms.country.clone()],
        vec![
            rate("standard", "Standard, 2 to 3 days", 490, 0, Some(5_000))?,
            rate("express", "Express, next working day", 990, 50, None)?,
        ],
    )];
    let mut elsewhere = vec!["*".to_owned()];
    if is_in_eu(&terms.country) {
        let others = member_states().filter(|member| *member != terms.country).map(str::to_owned).collect();
        let methods = vec![
            rate("standard", "Standard, 3 to 6 days", 990, 50, Some(15_000))?,
            rate("express", "Express, 1 to 2 days", 1_990, 150, None)?,
        ];
        zones.push(zone("European Union", others, methods));
        elsewhere.extend(BEYOND_CUSTOMS.iter().filter(|_| terms.country != "ES").map(|code| (*code).to_owned()));
    }
    let methods = vec![rate("standard", "International, 1 to 3 weeks", 1_990, 500, None)?];
    zones.push(zone("World", elsewhere, methods));
    Some(zones)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(currency: &str, country: &str) -> Defaults {
        default_rates(&ShopTerms {
            currency: currency.parse().unwrap(),
            prices_include_tax: true,
            country: country.into(),
        })
    }

    /// The price of each zone's standard method.
    fn standard(defaults: &Defaults) -> Vec<(String, String)> {
        let price = |zone: &ShippingZone| (zone.name.clone(), zone.methods[0].base.to_string());
        defaults.rates.zones.iter().map(price).collect()
    }

    fn taxed(defaults: &Defaults) -> Vec<(&str, i64)> {
        defaults.rates.taxes.iter().map(|tax| (tax.country.as_str(), tax.basis_points)).collect()
    }

    #[test]
    fn a_new_shop_begins_with_rates_of_its_own_country_and_currency() {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect::<Vec<(String, String)>>()
        };
        assert_eq!(standard(&of("JPY", "JP")), pairs(&[("Japan", "830 JPY"), ("World", "3400 JPY")]));
        assert_eq!(taxed(&of("JPY", "JP")), [("JP", 1_000), ("JP", 800)]);
        assert_eq!(standard(&of("KWD", "KW")), pairs(&[("Kuwait", "1.800 KWD"), ("World", "7.200 KWD")]));
        assert_eq!((taxed(&of("KWD", "KW")), of("KWD", "KW").missing), (vec![], vec![]), "Kuwait has no such tax");
        let german = of("EUR", "DE");
        assert_eq!(
            standard(&german),
            pairs(&[("Germany", "4.90 EUR"), ("European Union", "9.90 EUR"), ("World", "19.90 EUR")])
        );
        assert!(taxed(&german).contains(&("FR", 2_000)) && german.missing.is_empty());
        assert_eq!(standard(&of("SEK", "SE"))[0], ("Sweden".into(), "54.00 SEK".into()));
        assert_eq!(taxed(&of("CHF", "LI")), [("CH", 810), ("CH", 260)]);
        assert_eq!(standard(&of("EUR", "MC"))[0].0, "Monaco");
        assert_eq!(of("EUR", "MC").rates.taxes, german.rates.taxes);
    }

    #[test]
    fn what_is_not_known_is_left_out_and_said() {
        let american = of("USD", "US");
        assert_eq!(american.missing, ["no tax rates are known for US: nothing is taxed until you set them"]);
        assert_eq!(standard(&american)[0], ("United States".into(), "5.90 USD".into()));
        let dominican = of("XCD", "DM");
        assert_eq!((dominican.rates, dominican.missing.len()), (Rates::default(), 2));
    }

    #[test]
    fn every_shop_gets_rates_that_are_valid_in_its_currency() {
        for country in souk_address::countries() {
            for currency in ["EUR", "JPY", "KWD", "USD", "XCD"] {
                let defaults = of(currency, country.code);
                super::super::check_rates(&defaults.rates, currency.parse().unwrap()).unwrap();
                assert_eq!(defaults.rates.zones.is_empty(), currency == "XCD", "{} {currency}", country.code);
            }
        }
    }
}
