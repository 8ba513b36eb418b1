//! Coupons as a file. Coupons that it does not name stay as they are: what a buyer has in hand does not end by an edit.

use serde::{Deserialize, Serialize};
use souk_kernel::{Currency, Money};
use souk_pricing_api::{Coupon, Discount, ListCoupons, ShopRequest};
use souk_rpc::Cx;

use super::Settings;
use super::plan::Lines;
use super::rates::{basis_points, money, percent};
use crate::offline_shop::OfflineShop;

/// Coupons.
pub struct Coupons;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// That of all its amounts.
    currency: Currency,
    #[serde(default)]
    coupon: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_uses: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts_at: Option<jiff::Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<jiff::Timestamp>,
    #[serde(default = "active", skip_serializing_if = "Clone::clone")]
    active: bool,
}

fn active() -> bool {
    true
}

impl Entry {
    fn coupon(&self, currency: Currency) -> anyhow::Result<Coupon> {
        let code = &self.code;
        let discount = match (&self.percent, &self.amount) {
            (Some(percent), None) => Discount::Percent(u32::try_from(basis_points(percent)?)?),
            (None, Some(amount)) => Discount::Fixed(money(currency, &format!("amount of {code}"), amount)?),
            _ => anyhow::bail!("coupon {code}: either percent or amount is wanted"),
        };
        let minimum = self.minimum.as_deref().map(|text| money(currency, &format!("minimum of {code}"), text));
        Ok(Coupon {
            code: code.clone(),
            discount,
            max_uses: self.max_uses,
            minimum: minimum.transpose()?,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            active: self.active,
        })
    }
}

impl From<Coupon> for Entry {
    fn from(coupon: Coupon) -> Self {
        let (percent, amount) = match coupon.discount {
            Discount::Percent(points) => (Some(percent(points.into())), None),
            Discount::Fixed(money) => (None, Some(money.decimal())),
        };
        Self {
            code: coupon.code,
            percent,
            amount,
            max_uses: coupon.max_uses,
            minimum: coupon.minimum.map(Money::decimal),
            starts_at: coupon.starts_at,
            ends_at: coupon.ends_at,
            active: coupon.active,
        }
    }
}

/// A coupon in words.
fn shown(coupon: &Coupon) -> String {
    let discount = match coupon.discount {
        Discount::Percent(points) => format!("{} %", percent(points.into())),
        Discount::Fixed(money) => money.to_string(),
    };
    let mut words = vec![discount];
    words.extend(coupon.minimum.map(|from| format!("from {from}")));
    words.extend(coupon.max_uses.map(|uses| format!("{uses} uses")));
    words.extend(coupon.starts_at.map(|at| format!("starts {at}")));
    words.extend(coupon.ends_at.map(|at| format!("ends {at}")));
    words.extend((!coupon.active).then(|| "stopped".to_owned()));
    words.join(", ")
}

impl Settings for Coupons {
    const NAME: &'static str = "coupons";
    const HEAD: &'static str = "# Coupons of this shop. Edit, then `souk import coupons FILE` shows what changes and applies it.\n\
        # One that is taken out of the file stays as it is; `active = false` stops it.\n";
    const REPLACES: bool = false;
    type File = File;

    async fn read(shop: &OfflineShop) -> anyhow::Result<File> {
        let cx = Cx::system("souk export coupons");
        let currency = shop.clients.pricing.shop(&cx, ShopRequest {}).await?.currency;
        let mut file = File { currency, coupon: Vec::new() };
        let mut after = None;
        loop {
            let page = shop.clients.pricing.coupons(&cx, ListCoupons { after }).await?;
            let Some(last) = page.items.last() else { return Ok(file) };
            after = Some(last.coupon.code.clone());
            file.coupon.extend(page.items.into_iter().map(|state| Entry::from(state.coupon)));
        }
    }

    fn lines(file: &File) -> anyhow::Result<Lines> {
        let mut lines = Lines::new();
        for entry in &file.coupon {
            let code = entry.code.to_uppercase();
            let what = shown(&entry.coupon(file.currency)?);
            anyhow::ensure!(lines.insert(code.clone(), what).is_none(), "coupon {code} stands twice");
        }
        Ok(lines)
    }

    async fn apply(shop: &OfflineShop, file: File, changed: &dyn Fn(&str) -> bool) -> anyhow::Result<()> {
        let cx = Cx::system("souk import coupons");
        for entry in file.coupon.iter().filter(|entry| changed(&entry.code.to_uppercase())) {
            shop.clients.pricing.put_coupon(&cx, entry.coupon(file.currency)?).await?;
        }
        Ok(())
    }
}
