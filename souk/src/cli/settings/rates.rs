//! Tax rates and shipping zones as a file.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use souk_kernel::{Currency, Money};
use souk_pricing_api::{self as pricing, RatesRequest, ShopRequest};
use souk_rpc::Cx;

use super::Settings;
use super::plan::Lines;
use crate::offline_shop::OfflineShop;

/// Tax rates and shipping zones.
pub struct Rates;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// That of all its amounts.
    currency: Currency,
    #[serde(default)]
    tax: Vec<Tax>,
    #[serde(default)]
    zone: Vec<Zone>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tax {
    country: String,
    category: String,
    percent: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Zone {
    name: String,
    countries: Vec<String>,
    #[serde(default)]
    method: Vec<Method>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Method {
    id: String,
    name: String,
    price: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_kg: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    free_from: Option<String>,
}

/// Basis points as percent: 1950 is `19.5`.
pub(super) fn percent(basis_points: i64) -> String {
    let text = format!("{}.{:02}", basis_points / 100, basis_points.rem_euclid(100));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Percent as basis points.
pub(super) fn basis_points(percent: &str) -> anyhow::Result<i64> {
    let wrong = || format!("{percent:?} is no percentage with at most two decimals, such as \"19\" or \"7.7\"");
    let number: souk_import::Decimal = percent.trim().parse().map_err(|_| anyhow::anyhow!(wrong()))?;
    let scale = number.scale();
    anyhow::ensure!(scale <= 2 && number.unscaled() >= 0, wrong());
    number.unscaled().checked_mul(10i64.pow(2 - u32::from(scale))).with_context(wrong)
}

/// An amount of the file.
pub(super) fn money(currency: Currency, what: &str, text: &str) -> anyhow::Result<Money> {
    currency.parse(text.trim()).map_err(|error| anyhow::anyhow!("{what}: {text:?} is no amount of {currency}: {error}"))
}

impl File {
    fn rates(&self) -> anyhow::Result<pricing::Rates> {
        let tax = |tax: &Tax| {
            let place = format!("tax of {} in {}", tax.category, tax.country);
            let basis_points = basis_points(&tax.percent).context(place)?;
            Ok(pricing::TaxRate { country: tax.country.clone(), tax_category: tax.category.clone(), basis_points })
        };
        let taxes = self.tax.iter().map(tax).collect::<anyhow::Result<_>>()?;
        let zones = self.zone.iter().map(|zone| self.zone(zone)).collect::<anyhow::Result<_>>()?;
        Ok(pricing::Rates { taxes, zones })
    }

    fn zone(&self, zone: &Zone) -> anyhow::Result<pricing::ShippingZone> {
        let method = |method: &Method| {
            let amount =
                |key: &str, text: &str| money(self.currency, &format!("{key} of {} in {}", method.id, zone.name), text);
            let optional = |key: &str, text: &Option<String>| text.as_deref().map(|text| amount(key, text)).transpose();
            Ok(pricing::ShippingRate {
                id: method.id.clone(),
                name: method.name.clone(),
                base: amount("price", &method.price)?,
                per_kg: optional("per_kg", &method.per_kg)?.unwrap_or_else(|| self.currency.of(0)),
                free_from: optional("free_from", &method.free_from)?,
            })
        };
        let methods = zone.method.iter().map(method).collect::<anyhow::Result<_>>()?;
        Ok(pricing::ShippingZone { name: zone.name.clone(), countries: zone.countries.clone(), methods })
    }
}

impl Settings for Rates {
    const NAME: &'static str = "rates";
    const HEAD: &'static str = "# Tax rates and shipping of this shop. Edit, then `souk import rates FILE` shows what changes and applies it.\n\
        # Countries are two letters, \"*\" is every other one; the first zone that has a country is its own.\n";
    const REPLACES: bool = true;
    type File = File;

    async fn read(shop: &OfflineShop) -> anyhow::Result<File> {
        let cx = Cx::system("souk export rates");
        let pricing = &shop.clients.pricing;
        let (terms, rates) = tokio::try_join!(pricing.shop(&cx, ShopRequest {}), pricing.rates(&cx, RatesRequest {}))?;
        let method = |rate: pricing::ShippingRate| Method {
            id: rate.id,
            name: rate.name,
            price: rate.base.decimal(),
            per_kg: (rate.per_kg.amount != 0).then(|| rate.per_kg.decimal()),
            free_from: rate.free_from.map(Money::decimal),
        };
        let zone = |zone: pricing::ShippingZone| Zone {
            name: zone.name,
            countries: zone.countries,
            method: zone.methods.into_iter().map(method).collect(),
        };
        let tax = |tax: pricing::TaxRate| Tax {
            country: tax.country,
            category: tax.tax_category,
            percent: percent(tax.basis_points),
        };
        Ok(File {
            currency: terms.currency,
            tax: rates.taxes.into_iter().map(tax).collect(),
            zone: rates.zones.into_iter().map(zone).collect(),
        })
    }

    fn lines(file: &File) -> anyhow::Result<Lines> {
        let rates = file.rates()?;
        let mut lines = Lines::new();
        let mut add = |name: String, what: String| {
            anyhow::ensure!(lines.insert(name.clone(), what).is_none(), "{name} stands twice");
            Ok(())
        };
        for tax in &rates.taxes {
            add(format!("tax {} {}", tax.country, tax.tax_category), format!("{} %", percent(tax.basis_points)))?;
        }
        for (at, zone) in rates.zones.iter().enumerate() {
            // The order decides where two zones have a country.
            add(format!("zone {}", zone.name), format!("{}. {}", at + 1, zone.countries.join(" ")))?;
            for method in &zone.methods {
                let per_kg =
                    if method.per_kg.amount == 0 { String::new() } else { format!(" + {} per kg", method.per_kg) };
                let free = method.free_from.map(|from| format!(", free from {from}")).unwrap_or_default();
                let what = format!("{}, {}{per_kg}{free}", method.name, method.base);
                add(format!("zone {} method {}", zone.name, method.id), what)?;
            }
        }
        Ok(lines)
    }

    async fn apply(shop: &OfflineShop, file: File, _: &dyn Fn(&str) -> bool) -> anyhow::Result<()> {
        let cx = Cx::system("souk import rates");
        let sells_in = shop.clients.pricing.shop(&cx, ShopRequest {}).await?.currency;
        anyhow::ensure!(file.currency == sells_in, "the file is in {}, this shop sells in {sells_in}", file.currency);
        shop.clients.pricing.put_rates(&cx, file.rates()?).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_exact() {
        for (text, points) in [("19", 1900), ("7.7", 770), ("5.55", 555), ("0", 0), ("20.00", 2000)] {
            assert_eq!(basis_points(text).unwrap(), points);
        }
        for wrong in ["", "19 %", "-1", "5.555", "x"] {
            assert!(basis_points(wrong).is_err(), "{wrong}");
        }
        assert_eq!((percent(1900), percent(770), percent(5)), ("19".into(), "7.7".into(), "0.05".into()));
    }

    #[test]
    fn a_mistake_names_its_place() {
        let text = "currency = 'EUR'\n[[zone]]\nname = 'DE'\ncountries = ['DE']\n[[zone.method]]\nid = 'std'\nname = 'S'\nprice = '4,9'\n";
        let file: File = toml::from_str(text).unwrap();
        let error = Rates::lines(&file).unwrap_err().to_string();
        assert!(error.starts_with("price of std in DE: \"4,9\" is no amount of EUR"), "{error}");
        assert!(toml::from_str::<File>(&text.replace("price", "prize")).is_err());
    }
}
