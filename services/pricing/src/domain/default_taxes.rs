//! Tax rates that a new shop begins with: value added tax of the European Union, or that of the shop's own country.

use souk_pricing_api::TaxRate;

/// Country or territory, standard rate, one reduced rate, in basis points.
type Rate = (&'static str, i64, i64);

/// As known early in 2026, to be looked at by the merchant (`souk export rates`). Where a country has several reduced rates the one for books or foodstuffs is given; Denmark has none.
///
/// Where to check them: European Commission, Taxes in Europe Database (<https://ec.europa.eu/taxation_customs/tedb>) and Your Europe,
/// "VAT rules and rates" (<https://europa.eu/youreurope/business/taxation/vat/vat-rules-rates/>). Sales to consumers in
/// other member states are taxed where the goods arrive (Directive 2006/112/EC, Art. 33, above the threshold of Art. 59c).
const EU_VAT: &[Rate] = &[
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

/// Territories with rates of their own within that tax (Directive 2006/112/EC, Art. 104 and 105; Protocol on
/// Ireland/Northern Ireland, Art. 8). Monaco and the Isle of Man have those of France and of the United Kingdom.
const EU_TERRITORIES: &[Rate] =
    &[("AT-KLEINWALSERTAL", 1_900, 1_000), ("GB-NIR", 2_000, 0), ("PT-20", 1_600, 400), ("PT-30", 2_200, 400)];

/// Elsewhere, as known early in 2026 and written down by hand: countries with one tax on goods that is the same in all of them. Where
/// there is no reduced rate, or not one for books or foodstuffs alone, the standard rate stands for it. A merchant looks at them before
/// the first sale (`souk export rates`); OECD, Consumption Tax Trends, and the tax authority of each country tell today's.
const NATIONAL: &[Rate] = &[
    ("AE", 500, 500),
    ("AL", 2_000, 2_000),
    ("AR", 2_100, 2_100),
    ("AU", 1_000, 1_000),
    ("BA", 1_700, 1_700),
    ("BH", 1_000, 1_000),
    ("CH", 810, 260),
    ("CL", 1_900, 1_900),
    ("CN", 1_300, 900),
    ("CO", 1_900, 1_900),
    ("EG", 1_400, 1_400),
    ("GB", 2_000, 0),
    ("IL", 1_800, 1_800),
    ("IS", 2_400, 1_100),
    ("JP", 1_000, 800),
    ("KE", 1_600, 1_600),
    ("KR", 1_000, 1_000),
    ("MA", 2_000, 2_000),
    ("ME", 2_100, 2_100),
    ("MK", 1_800, 500),
    ("MX", 1_600, 1_600),
    ("NO", 2_500, 1_500),
    ("NZ", 1_500, 1_500),
    ("OM", 500, 500),
    ("PH", 1_200, 1_200),
    ("RS", 2_000, 1_000),
    ("SA", 1_500, 1_500),
    ("SG", 900, 900),
    ("TH", 700, 700),
    ("TN", 1_900, 1_900),
    ("TR", 2_000, 2_000),
    ("TW", 500, 500),
    ("UA", 2_000, 2_000),
    ("UY", 2_200, 2_200),
    ("ZA", 1_500, 1_500),
];

/// Places without a general tax on goods: nothing is missing when a shop there has no rate.
const UNTAXED: &[&str] = &["BM", "GG", "GI", "GL", "HK", "KW", "KY", "MO", "QA", "TC", "VG"];

/// Member states of the European Union.
pub fn member_states() -> impl Iterator<Item = &'static str> {
    EU_VAT.iter().map(|(country, ..)| *country)
}

/// True for a shop that sells under the tax of the European Union, such as one in Monaco.
pub fn is_in_eu(country: &str) -> bool {
    member_states().any(|member| member == taxed_as(country))
}

/// The rates of a new shop in `country`; none where they are not known, or not the same in the whole country.
///
/// Exports are not taxed (in the EU: Directive 2006/112/EC, Art. 146), so there is no rate for `*`.
pub fn default_taxes(country: &str) -> Option<Vec<TaxRate>> {
    let rows: Vec<Rate> = if is_in_eu(country) {
        EU_VAT.iter().chain(EU_TERRITORIES).copied().collect()
    } else if UNTAXED.contains(&country) {
        Vec::new()
    } else {
        vec![*NATIONAL.iter().find(|(code, ..)| *code == taxed_as(country))?]
    };
    let both = |(country, standard, reduced): Rate| {
        [("standard", standard), ("reduced", reduced)].map(|(tax_category, basis_points)| TaxRate {
            country: country.to_owned(),
            tax_category: tax_category.to_owned(),
            basis_points,
        })
    };
    Some(rows.into_iter().flat_map(both).collect())
}

/// The country whose tax holds in `country`.
fn taxed_as(country: &str) -> &str {
    souk_address::territory(country).and_then(|territory| territory.taxed_as).unwrap_or(country)
}
