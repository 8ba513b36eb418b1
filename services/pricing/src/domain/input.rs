//! Input validation: limits, stored forms, and what is wrong with the rest.

use std::collections::{BTreeSet, HashSet};

use souk_kernel::{Currency, FieldError, Kind, Money, Problem};
use souk_pricing_api::{
    Coupon, Discount, MAX_BATCH, MAX_COUPONS, MAX_LINES, QuoteLine, Rates, RefusedPrice, SetPrice, ShippingRate,
};

/// Bytes of a SKU.
const MAX_SKU: usize = 200;
/// Minor units of one price: ten thousand million in most currencies, so that sums of whole carts stay far from an
/// overflow.
const MAX_PRICE: i64 = 1_000_000_000_000;
/// Units of one line.
const MAX_QUANTITY: u32 = 100_000;
/// Basis points: a tax or a discount of 100 %.
const WHOLE: i64 = 10_000;
/// Characters of a coupon's code.
const CODE_LENGTH: std::ops::RangeInclusive<usize> = 3..=40;
/// Tax rates of one shop: all countries with a dozen categories each.
const MAX_TAXES: usize = 5_000;
/// Zones of one shop: every country could have its own.
const MAX_ZONES: usize = 300;
/// Countries of a zone, methods of a zone: as many as there are countries; as many as a buyer would read.
const MAX_COUNTRIES: usize = 300;
const MAX_METHODS: usize = 20;
/// What a place in rates is told that is none.
const PLACE: &str = "must be country codes (GB, not UK), codes of territories such as ES-CN, or *";
/// Bytes of names in rates.
const MAX_NAME: usize = 100;

/// Prices sorted into those to set and those refused.
#[derive(Debug, Default)]
pub struct Checked {
    /// To set; each SKU once.
    pub fine: Vec<SetPrice>,
    /// With the reason.
    pub refused: Vec<RefusedPrice>,
}

/// Sorts a batch: a wrong price does not stop the others.
pub fn sort_prices(items: Vec<SetPrice>, currency: Currency) -> Result<Checked, Problem> {
    if items.len() > MAX_BATCH {
        return Err(Problem::new(Kind::TooLarge, "batch_too_large", format!("at most {MAX_BATCH} prices")));
    }
    let (mut checked, mut seen) = (Checked::default(), HashSet::new());
    for item in items {
        let wrong = wrong_price(&item, currency)
            .or_else(|| (!seen.insert(item.price.sku.clone())).then_some(("duplicate_sku", "the SKU occurs twice")));
        match wrong {
            None => checked.fine.push(item),
            Some((code, reason)) => {
                checked.refused.push(RefusedPrice { sku: item.price.sku, code: code.into(), reason: reason.into() });
            }
        }
    }
    Ok(checked)
}

fn wrong_price(item: &SetPrice, currency: Currency) -> Option<(&'static str, &'static str)> {
    let price = &item.price;
    let compare_at = price.compare_at.unwrap_or(currency.of(MAX_PRICE));
    if !is_sku(&price.sku) {
        return Some(("invalid_sku", "a SKU is 1 to 200 bytes without control characters"));
    }
    if price.price.currency != currency || compare_at.currency != currency {
        return Some(("wrong_currency", "the price is not in the shop's currency"));
    }
    if price.price.amount < 0 {
        return Some(("negative_price", "the price is negative"));
    }
    if price.price.amount >= MAX_PRICE || compare_at.amount > MAX_PRICE {
        return Some(("price_too_high", "the price is higher than any we can handle"));
    }
    (compare_at.amount <= price.price.amount)
        .then_some(("compare_at_not_higher", "the price it is compared with is not higher than the price"))
}

/// Ok when `skus` are at most [`MAX_BATCH`] and can be SKUs.
pub fn check_skus(skus: &[String]) -> Result<(), Problem> {
    if skus.len() > MAX_BATCH {
        return Err(Problem::new(Kind::TooLarge, "batch_too_large", format!("at most {MAX_BATCH} SKUs")));
    }
    match skus.iter().all(|sku| is_sku(sku)) {
        true => Ok(()),
        false => Err(Problem::invalid_field("/skus", "a SKU is 1 to 200 bytes without control characters")),
    }
}

/// Coupons of a quote in stored form; what can be no code at all comes back as it is, to be called unknown.
pub fn check_quote(lines: &[QuoteLine], coupons: &[String]) -> Result<Vec<String>, Problem> {
    if lines.len() > MAX_LINES {
        return Err(Problem::invalid_field("/lines", format!("at most {MAX_LINES} lines")));
    }
    if coupons.len() > MAX_COUPONS {
        return Err(Problem::invalid_field("/coupons", format!("at most {MAX_COUPONS} coupons")));
    }
    for (i, line) in lines.iter().enumerate() {
        if !is_sku(&line.sku) {
            return Err(Problem::invalid_field(format!("/lines/{i}/sku"), "is not a SKU"));
        }
        if line.quantity == 0 || line.quantity > MAX_QUANTITY {
            return Err(Problem::invalid_field(format!("/lines/{i}/quantity"), format!("must be 1 to {MAX_QUANTITY}")));
        }
    }
    let mut seen = HashSet::new();
    let stored = coupons.iter().map(|code| code.trim().to_ascii_uppercase()).filter(|code| seen.insert(code.clone()));
    Ok(stored.collect())
}

/// A code in stored form.
pub fn check_code(code: &str) -> Result<String, Problem> {
    let code = code.trim().to_ascii_uppercase();
    let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
    match CODE_LENGTH.contains(&code.len()) && code.bytes().all(allowed) {
        true => Ok(code),
        false => Err(Problem::invalid_field("/code", "a code is 3 to 40 letters, digits and hyphens")),
    }
}

/// Codes to redeem, in stored form and in the order they are locked. What can be no code is unknown.
pub fn check_codes(codes: &[String]) -> Result<BTreeSet<String>, Problem> {
    if codes.len() > MAX_COUPONS {
        return Err(Problem::invalid_field("/coupons", format!("at most {MAX_COUPONS} coupons")));
    }
    codes
        .iter()
        .map(|code| check_code(code).map_err(|_| Problem::conflict("coupon_unknown", "there is no such coupon")))
        .collect()
}

/// The coupon in stored form.
pub fn check_coupon(coupon: Coupon, currency: Currency) -> Result<Coupon, Problem> {
    let code = check_code(&coupon.code)?;
    match coupon.discount {
        Discount::Percent(basis_points) if basis_points == 0 || i64::from(basis_points) > WHOLE => {
            return Err(Problem::invalid_field("/discount/percent", "must be 1 to 10000 basis points"));
        }
        Discount::Fixed(amount) if amount.currency != currency || !(1..=MAX_PRICE).contains(&amount.amount) => {
            return Err(Problem::invalid_field("/discount/fixed", "must be a positive amount in the shop's currency"));
        }
        _ => {}
    }
    if let Some(minimum) = coupon.minimum
        && !is_amount(minimum, currency)
    {
        return Err(Problem::invalid_field("/minimum", "must be an amount in the shop's currency"));
    }
    if let (Some(from), Some(until)) = (coupon.starts_at, coupon.ends_at)
        && from >= until
    {
        return Err(Problem::invalid_field("/ends_at", "must be after the start"));
    }
    Ok(Coupon { code, ..coupon })
}

/// Ok when the rates make sense for a shop in `currency`.
pub fn check_rates(rates: &Rates, currency: Currency) -> Result<(), Problem> {
    let mut wrong = Vec::new();
    let mut add = |pointer: String, detail: &str| wrong.push(FieldError { pointer, detail: detail.to_owned() });
    if rates.taxes.len() > MAX_TAXES || rates.zones.len() > MAX_ZONES {
        return Err(Problem::new(Kind::TooLarge, "too_many_rates", "at most 5000 taxes and 300 zones"));
    }
    let mut seen = HashSet::new();
    for (i, tax) in rates.taxes.iter().enumerate() {
        if !is_place(&tax.country) {
            add(format!("/taxes/{i}/country"), PLACE);
        }
        if !is_name(&tax.tax_category) || !seen.insert((&tax.country, &tax.tax_category)) {
            add(format!("/taxes/{i}/tax_category"), "must be a name, once per country");
        }
        if !(0..=WHOLE).contains(&tax.basis_points) {
            add(format!("/taxes/{i}/basis_points"), "must be 0 to 10000");
        }
    }
    for (i, zone) in rates.zones.iter().enumerate() {
        if !is_name(&zone.name) {
            add(format!("/zones/{i}/name"), "must be a name");
        }
        let countries = 1..=MAX_COUNTRIES;
        if !countries.contains(&zone.countries.len()) || !zone.countries.iter().all(|country| is_place(country)) {
            add(format!("/zones/{i}/countries"), PLACE);
        }
        let ids: HashSet<&str> = zone.methods.iter().map(|method| method.id.as_str()).collect();
        if zone.methods.len() > MAX_METHODS || ids.len() < zone.methods.len() {
            add(format!("/zones/{i}/methods"), "must be at most 20, each id once");
        }
        for (j, method) in zone.methods.iter().enumerate() {
            if !is_method(method, currency) {
                add(format!("/zones/{i}/methods/{j}"), "needs an id, a name, and amounts in the shop's currency");
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Problem::invalid_fields("invalid_rates", "the rates are not valid", wrong)),
    }
}

fn is_method(method: &ShippingRate, currency: Currency) -> bool {
    let amounts = [Some(method.base), Some(method.per_kg), method.free_from];
    is_name(&method.id) && is_name(&method.name) && amounts.into_iter().flatten().all(|m| is_amount(m, currency))
}

fn is_amount(money: Money, currency: Currency) -> bool {
    money.currency == currency && (0..=MAX_PRICE).contains(&money.amount)
}

fn is_sku(sku: &str) -> bool {
    (1..=MAX_SKU).contains(&sku.len()) && !sku.chars().any(char::is_control)
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control)
}

fn is_place(code: &str) -> bool {
    code == "*" || souk_address::country(code).is_some() || souk_address::territory(code).is_some()
}

#[cfg(test)]
mod tests {
    use souk_pricing_api::Price;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{default_rates, default_terms};

    fn price(sku: &str, price: Money, compare_at: Option<Money>) -> SetPrice {
        SetPrice { product_id: Uuid::nil(), price: Price { sku: sku.into(), price, compare_at } }
    }

    #[test]
    fn a_wrong_price_does_not_stop_the_others() {
        let eur = |amount| Currency::EUR.of(amount);
        let items = vec![
            price("fine", eur(100), Some(eur(150))),
            price("dollars", Currency::USD.of(100), None),
            price("negative", eur(-1), None),
            price("not cheaper", eur(100), Some(eur(100))),
            price("fine", eur(200), None),
            price("nul\0", eur(1), None),
            price("sky", eur(i64::MAX), None),
            price("free", eur(0), None),
        ];
        let checked = sort_prices(items, Currency::EUR).unwrap();
        assert_eq!(checked.fine.iter().map(|p| p.price.sku.as_str()).collect::<Vec<_>>(), ["fine", "free"]);
        let codes: Vec<&str> = checked.refused.iter().map(|r| r.code.as_str()).collect();
        assert_eq!(
            codes,
            [
                "wrong_currency",
                "negative_price",
                "compare_at_not_higher",
                "duplicate_sku",
                "invalid_sku",
                "price_too_high"
            ]
        );
    }

    #[test]
    fn codes_are_entered_in_any_case() {
        assert_eq!(check_code(" summer-26 ").unwrap(), "SUMMER-26");
        for wrong in ["", "ab", "a b c", "ÄÖÜ", "x\0y", &"A".repeat(41)] {
            assert!(check_code(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(check_codes(&["b-1".into(), "a-1".into(), "B-1".into()]).unwrap().len(), 2);
        assert!(check_codes(&["?".into()]).unwrap_err().is("coupon_unknown"));
    }

    #[test]
    fn the_default_rates_are_valid_and_broken_ones_are_named() {
        let fine = default_rates(&default_terms()).rates;
        check_rates(&fine, Currency::EUR).unwrap();
        assert!(check_rates(&fine, Currency::USD).is_err());
        let mut broken = fine.clone();
        broken.taxes[3].basis_points = 10_001;
        broken.zones[0].countries[0] = "Germany".into();
        broken.taxes.push(fine.taxes[0].clone());
        let problem = check_rates(&broken, Currency::EUR).unwrap_err();
        assert_eq!(problem.fields.len(), 3, "{:?}", problem.fields);
        for (code, fits) in
            [("*", true), ("MC", true), ("ES-CN", true), ("GB-NIR", true), ("UK", false), ("ZZ", false), ("", false)]
        {
            let mut rates = fine.clone();
            rates.zones[1].countries[0] = code.into();
            assert_eq!(check_rates(&rates, Currency::EUR).is_ok(), fits, "{code}");
        }
    }
}
