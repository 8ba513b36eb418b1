//! Tax rates and shipping zones, ready to be asked.

use std::collections::HashMap;

use souk_kernel::{Money, MoneyError};
use souk_pricing_api::{ELSEWHERE, EXEMPT, Rates, ShippingRate, ShippingZone};

/// What everything is taxed as unless it says otherwise.
const STANDARD: &str = "standard";

/// The shop's rates with an index over the taxes.
#[derive(Clone, Debug, Default)]
pub struct RateBook {
    taxes: HashMap<(String, String), i64>,
    rates: Rates,
}

impl RateBook {
    /// Indexes `rates`.
    pub fn new(rates: Rates) -> Self {
        let key = |country: &str, category: &str| (country.to_owned(), category.to_owned());
        let taxes = rates.taxes.iter().map(|tax| (key(&tax.country, &tax.tax_category), tax.basis_points)).collect();
        Self { taxes, rates }
    }

    /// The rates as they were given.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Basis points for goods of `category` where the rates of `codes` hold, the closest first: the rate for that category,
    /// else the standard rate there; a place without any rate has those of `*`, else none. What is exempt has none unless a
    /// rate names just that.
    pub fn tax(&self, codes: &[&str], category: &str) -> i64 {
        let find = |code: &str, category: &str| self.taxes.get(&(code.to_owned(), category.to_owned())).copied();
        let mut places = codes.iter().copied().chain([ELSEWHERE]);
        if category == EXEMPT {
            return places.find_map(|code| find(code, category)).unwrap_or(0);
        }
        places.find_map(|code| find(code, category).or_else(|| find(code, STANDARD))).unwrap_or(0)
    }

    /// The zone of a place with these codes, the closest first.
    pub fn zone(&self, codes: &[&str]) -> Option<&ShippingZone> {
        self.rates.zone(codes)
    }
}

/// What `rate` costs for goods worth `goods` (after discount) that weigh `grams`.
pub fn shipping_price(rate: &ShippingRate, goods: Money, grams: u64) -> Result<Money, MoneyError> {
    if let Some(free_from) = rate.free_from
        && goods.currency == free_from.currency
        && goods.amount >= free_from.amount
    {
        return Ok(Money::zero(rate.base.currency));
    }
    let kilograms = i64::try_from(grams.div_ceil(1_000)).map_err(|_| MoneyError::Overflow)?;
    rate.base.checked_add(rate.per_kg.checked_mul(kilograms)?)
}

#[cfg(test)]
mod tests {
    use souk_kernel::Currency;
    use souk_pricing_api::TaxRate;

    use super::*;

    fn tax(country: &str, category: &str, basis_points: i64) -> TaxRate {
        TaxRate { country: country.into(), tax_category: category.into(), basis_points }
    }

    #[test]
    fn the_closest_rate_counts() {
        let taxes = vec![tax("DE", "standard", 1900), tax("DE", "reduced", 700), tax("*", "standard", 0)];
        let book = RateBook::new(Rates { taxes, zones: vec![] });
        assert_eq!(book.tax(&["DE"], "reduced"), 700);
        assert_eq!(book.tax(&["DE"], "books"), 1900, "an unknown category is taxed in full");
        assert_eq!(book.tax(&["US"], "reduced"), 0);
        assert_eq!(RateBook::default().tax(&["DE"], "standard"), 0);
    }

    #[test]
    fn what_is_exempt_is_not_taxed_as_the_rest() {
        let book = |taxes: Vec<TaxRate>| RateBook::new(Rates { taxes, zones: vec![] });
        let standard = [tax("DE", "standard", 1900), tax("*", "standard", 500)];
        assert_eq!(book(standard.to_vec()).tax(&["DE"], "exempt"), 0);
        assert_eq!(book(standard.to_vec()).tax(&["FR"], "exempt"), 0);
        let mut taxed = standard.to_vec();
        taxed.push(tax("DE", "exempt", 300));
        assert_eq!((book(taxed.clone()).tax(&["DE"], "exempt"), book(taxed).tax(&["FR"], "exempt")), (300, 0));
    }

    #[test]
    fn a_zone_that_names_the_country_beats_the_rest_of_the_world() {
        let zone = |name: &str, countries: &[&str]| ShippingZone {
            name: name.into(),
            countries: countries.iter().map(|c| (*c).to_owned()).collect(),
            methods: vec![],
        };
        let book = RateBook::new(Rates { taxes: vec![], zones: vec![zone("world", &["*"]), zone("home", &["DE"])] });
        assert_eq!(book.zone(&["DE"]).unwrap().name, "home");
        assert_eq!(book.zone(&["BR"]).unwrap().name, "world");
        assert!(RateBook::default().zone(&["DE"]).is_none());
    }

    #[test]
    fn a_territory_has_its_own_rate_and_zone_before_those_of_its_country() {
        let zone = |name: &str, countries: &[&str]| ShippingZone {
            name: name.into(),
            countries: countries.iter().map(|c| (*c).to_owned()).collect(),
            methods: vec![],
        };
        let book = RateBook::new(Rates {
            taxes: vec![tax("PT", "standard", 2_300), tax("PT", "reduced", 600), tax("PT-20", "standard", 1_600)],
            zones: vec![zone("world", &["*", "ES-CN"]), zone("EU", &["PT", "ES", "FR"])],
        });
        assert_eq!(book.tax(&["PT-20", "PT"], "reduced"), 1_600, "the country's reduced rate is not the territory's");
        assert_eq!((book.tax(&["PT-30", "PT"], "reduced"), book.tax(&["ES-CN"], "standard")), (600, 0));
        assert_eq!(book.zone(&["ES-CN", "ES"]).unwrap().name, "world");
        assert_eq!(book.zone(&["MC", "FR"]).unwrap().name, "EU");
        assert_eq!(book.zone(&["GP"]).unwrap().name, "world");
    }

    #[test]
    fn weight_counts_by_started_kilogram_until_it_is_free() {
        let eur = |amount| Currency::EUR.of(amount);
        let rate = ShippingRate {
            id: "standard".into(),
            name: "Standard".into(),
            base: eur(490),
            per_kg: eur(100),
            free_from: Some(eur(5_000)),
        };
        let price = |goods, grams| shipping_price(&rate, eur(goods), grams).unwrap().amount;
        assert_eq!([price(4_999, 0), price(4_999, 1), price(4_999, 1_000), price(4_999, 1_001)], [490, 590, 590, 690]);
        assert_eq!(price(5_000, 90_000), 0);
        let dear = ShippingRate { per_kg: eur(1_000_000), ..rate };
        assert!(shipping_price(&dear, eur(1), u64::MAX).is_err());
    }
}
