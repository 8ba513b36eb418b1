//! Default rates and terms of a new shop: a German shop selling in euro, VAT of the European Union, three shipping zones. A
//! starting point for a merchant, not tax advice: rates are data, changed with `put_rates`.

use souk_kernel::{Currency, Money};
use souk_pricing_api::{Rates, ShippingRate, ShippingZone, ShopTerms, TaxRate};

/// Country, standard rate, one reduced rate, in basis points, as of early 2026. Where a country has several reduced rates
/// the one for books or foodstuffs is given; Denmark has none.
///
/// Sources: European Commission, Taxes in Europe Database (<https://ec.europa.eu/taxation_customs/tedb>) and Your Europe,
/// "VAT rules and rates" (<https://europa.eu/youreurope/business/taxation/vat/vat-rules-rates/>). Sales to consumers in
/// other member states are taxed where the goods arrive (Directive 2006/112/EC, Art. 33, above the threshold of Art. 59c).
const EU_VAT: &[(&str, i64, i64)] = &[
    ("AT", 2_000, 1_000),
    ("BE", 2_100, 600),
    ("BG", 2_000, 900),
    ("CY", 1_900, 500),
    ("CZ", 2_100, 1_200),
    ("DE", 1_900, 700),
    ("DK", 2_500, 2_500),
    ("EE", 2_400, 900),
    ("ES", 2_100, 1_000),
    ("FI", 2_550, 1_350),
    ("FR", 2_000, 550),
    ("GR", 2_400, 1_300),
    ("HR", 2_500, 500),
    ("HU", 2_700, 500),
    ("IE", 2_300, 900),
    ("IT", 2_200, 1_000),
    ("LT", 2_100, 500),
    ("LU", 1_700, 800),
    ("LV", 2_100, 1_200),
    ("MT", 1_800, 500),
    ("NL", 2_100, 900),
    ("PL", 2_300, 500),
    ("PT", 2_300, 600),
    ("RO", 2_100, 1_100),
    ("SE", 2_500, 600),
    ("SI", 2_200, 950),
    ("SK", 2_300, 500),
];

/// Euro, prices with tax, Germany.
pub fn default_terms() -> ShopTerms {
    ShopTerms { currency: Currency::EUR, prices_include_tax: true, country: "DE".into() }
}

/// EU VAT; zones for Germany, the rest of the EU and the rest of the world. Exports out of the EU are exempt (Directive
/// 2006/112/EC, Art. 146), so there is no rate for `*`. Amounts are hundredths of `currency`'s major unit.
pub fn default_rates(currency: Currency) -> Rates {
    let mut taxes = Vec::with_capacity(EU_VAT.len() * 2);
    for (country, standard, reduced) in EU_VAT {
        for (tax_category, basis_points) in [("standard", *standard), ("reduced", *reduced)] {
            let (country, tax_category) = ((*country).to_owned(), tax_category.to_owned());
            taxes.push(TaxRate { country, tax_category, basis_points });
        }
    }
    let rest_of_eu = EU_VAT.iter().map(|(country, _, _)| (*country).to_owned()).filter(|country| country != "DE");
    let zone = |name: &str, countries: Vec<String>, methods| ShippingZone { name: name.into(), countries, methods };
    let rate = |id: &str, name: &str, base, per_kg, free_from: Option<i64>| ShippingRate {
        id: id.into(),
        name: name.into(),
        base: money(currency, base),
        per_kg: money(currency, per_kg),
        free_from: free_from.map(|amount| money(currency, amount)),
    };
    let zones = vec![
        zone(
            "Germany",
            vec!["DE".into()],
            vec![
                rate("standard", "Standard, 2 to 3 days", 490, 0, Some(5_000)),
                rate("express", "Express, next working day", 990, 50, None),
            ],
        ),
        zone(
            "European Union",
            rest_of_eu.collect(),
            vec![
                rate("standard", "Standard, 3 to 6 days", 990, 50, Some(15_000)),
                rate("express", "Express, 1 to 2 days", 1_990, 150, None),
            ],
        ),
        zone("World", vec!["*".into()], vec![rate("standard", "International, 1 to 3 weeks", 1_990, 500, None)]),
    ];
    Rates { taxes, zones }
}

/// `hundredths` of the major unit in minor units: 4.90 is 490 cents, 4.900 dinars, 4 yen.
fn money(currency: Currency, hundredths: i64) -> Money {
    currency.of(hundredths * 10_i64.pow(currency.minor_digits()) / 100)
}
