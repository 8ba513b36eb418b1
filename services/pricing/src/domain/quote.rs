//! Quote of a cart: a pure function of lines, prices, coupons and rates. How it rounds is in `docs/money.md`.

use std::collections::HashMap;

use souk_address::Address;
use souk_kernel::{Money, MoneyError, Rounding};
use souk_pricing_api::{
    Coupon, Discount, Quote, QuoteLine, QuoteMessage, QuoteRequest, QuotedLine, ShippingMethod, ShopTerms,
};

use super::RateBook;
use super::rates::shipping_price;

/// Whether a coupon may be used now, as the database's clock and counters say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CouponStatus {
    /// It may.
    Valid,
    /// Its time has not come.
    NotYet,
    /// Its time is over.
    Over,
    /// It was stopped.
    Stopped,
    /// All uses are gone.
    UsedUp,
}

/// A coupon as it was read.
#[derive(Clone, Debug)]
pub struct CouponFacts {
    /// Its terms.
    pub coupon: Coupon,
    /// Whether it may be used.
    pub status: CouponStatus,
}

/// Unit prices by SKU.
pub type Prices = HashMap<String, Money>;

/// Everything a quote is made from.
pub struct Basis<'a> {
    /// The shop's terms.
    pub terms: &'a ShopTerms,
    /// Taxes and shipping.
    pub rates: &'a RateBook,
    /// Prices of the lines' SKUs, as far as there are any.
    pub prices: &'a Prices,
    /// Coupons by code, as far as there are any.
    pub coupons: &'a HashMap<String, CouponFacts>,
}

/// Prices `request`, whose coupons are in stored form (capitals, each once).
pub fn quote(basis: &Basis<'_>, request: &QuoteRequest) -> Result<Quote, MoneyError> {
    let currency = basis.terms.currency;
    let goods = Goods::priced(basis, &request.lines, &request.coupons)?;
    let mut messages = goods.messages;
    // Without an address: as if it went to where the shop is.
    let here = Address { country: basis.terms.country.clone(), ..Address::default() };
    let to = request.address.as_ref().unwrap_or(&here);
    let taxed_at = to.tax_codes();
    let after_discount = goods.subtotal.checked_sub(goods.discount)?;
    let shipping = match (&request.address, &request.shipping_method) {
        (Some(_), Some(method)) => {
            let found = shipping_for(basis.rates, to, method, after_discount, goods.grams)?;
            if found.is_none() {
                messages.push(QuoteMessage {
                    code: "shipping_unavailable".into(),
                    subject: method.clone(),
                    detail: "This way of shipping is not available for your address. Please choose another.".into(),
                });
            }
            found
        }
        _ => None,
    };
    let parts = goods.discount.split(&weights(goods.lines.iter().map(|(_, _, total)| *total)))?;
    let mut lines = Vec::with_capacity(goods.lines.len());
    let mut tax = Money::zero(currency);
    for ((line, unit_price, total), discount) in goods.lines.into_iter().zip(parts) {
        let tax_rate = basis.rates.tax(&taxed_at, &line.tax_category);
        let line_tax = tax_of(total.checked_sub(discount)?, tax_rate, basis.terms)?;
        tax = tax.checked_add(line_tax)?;
        lines.push(QuotedLine {
            sku: line.sku.clone(),
            quantity: line.quantity,
            unit_price,
            total,
            discount,
            tax: line_tax,
            tax_rate,
        });
    }
    let (shipping, shipping_name) = shipping.unzip();
    if let Some(shipping) = shipping {
        tax = tax.checked_add(shipping_tax(shipping, &lines, &taxed_at, basis)?)?;
    }
    let mut total = after_discount.checked_add(shipping.unwrap_or(Money::zero(currency)))?;
    if !basis.terms.prices_include_tax {
        total = total.checked_add(tax)?;
    }
    Ok(Quote {
        lines,
        unpriced: goods.unpriced,
        subtotal: goods.subtotal,
        discount: goods.discount,
        shipping,
        shipping_name,
        tax,
        total,
        coupons: goods.coupons,
        messages,
    })
}

/// Ways to ship these lines to an address, cheapest first.
pub fn methods(
    basis: &Basis<'_>,
    lines: &[QuoteLine],
    coupons: &[String],
    to: &Address,
) -> Result<Vec<ShippingMethod>, MoneyError> {
    let Some(zone) = basis.rates.zone(&to.shipping_codes()) else { return Ok(Vec::new()) };
    let goods = Goods::priced(basis, lines, coupons)?;
    let worth = goods.subtotal.checked_sub(goods.discount)?;
    let mut methods = Vec::with_capacity(zone.methods.len());
    for rate in &zone.methods {
        let price = shipping_price(rate, worth, goods.grams)?;
        methods.push(ShippingMethod { id: rate.id.clone(), name: rate.name.clone(), price });
    }
    methods.sort_by_key(|method| method.price.amount);
    Ok(methods)
}

/// Lines with their prices, and what coupons take off them.
struct Goods<'a> {
    /// Line, unit price, price of all units.
    lines: Vec<(&'a QuoteLine, Money, Money)>,
    unpriced: Vec<String>,
    subtotal: Money,
    discount: Money,
    coupons: Vec<String>,
    messages: Vec<QuoteMessage>,
    grams: u64,
}

impl<'a> Goods<'a> {
    fn priced(basis: &Basis<'_>, lines: &'a [QuoteLine], coupons: &[String]) -> Result<Self, MoneyError> {
        let zero = Money::zero(basis.terms.currency);
        let mut goods = Goods {
            lines: Vec::with_capacity(lines.len()),
            unpriced: Vec::new(),
            subtotal: zero,
            discount: zero,
            coupons: Vec::new(),
            messages: Vec::new(),
            grams: 0,
        };
        for line in lines {
            let Some(unit_price) = basis.prices.get(&line.sku) else {
                goods.unpriced.push(line.sku.clone());
                continue;
            };
            let total = unit_price.checked_mul(i64::from(line.quantity))?;
            goods.subtotal = goods.subtotal.checked_add(total)?;
            goods.grams = goods.grams.saturating_add(u64::from(line.weight_grams) * u64::from(line.quantity));
            goods.lines.push((line, *unit_price, total));
        }
        for code in coupons {
            match goods.taken_off_by(basis.coupons.get(code))? {
                Ok(amount) => {
                    goods.discount = goods.discount.checked_add(amount)?;
                    goods.coupons.push(code.clone());
                }
                Err((reason, detail)) => {
                    goods.messages.push(QuoteMessage { code: reason.into(), subject: code.clone(), detail });
                }
            }
        }
        Ok(goods)
    }

    /// What a coupon takes off, at most what the coupons before it have left; or why it does not apply.
    fn taken_off_by(&self, facts: Option<&CouponFacts>) -> Result<Result<Money, (&'static str, String)>, MoneyError> {
        let Some(CouponFacts { coupon, status }) = facts else {
            return Ok(Err(("coupon_unknown", "We do not know this coupon.".into())));
        };
        let refused = match status {
            CouponStatus::Valid => None,
            CouponStatus::NotYet => Some(("coupon_expired", "This coupon is not valid yet.")),
            CouponStatus::Over | CouponStatus::Stopped => Some(("coupon_expired", "This coupon is no longer valid.")),
            CouponStatus::UsedUp => Some(("coupon_used_up", "This coupon has been used up.")),
        };
        if let Some((code, detail)) = refused {
            return Ok(Err((code, detail.into())));
        }
        if let Some(minimum) = coupon.minimum
            && (minimum.currency != self.subtotal.currency || self.subtotal.amount < minimum.amount)
        {
            return Ok(Err(("coupon_minimum", format!("This coupon is valid from {minimum} on."))));
        }
        let left = self.subtotal.checked_sub(self.discount)?;
        let wanted = match coupon.discount {
            Discount::Percent(basis_points) => self.subtotal.basis_points(i64::from(basis_points), Rounding::HalfUp)?,
            Discount::Fixed(amount) if amount.currency == left.currency => amount,
            Discount::Fixed(_) => return Ok(Err(("coupon_unknown", "We do not know this coupon.".into()))),
        };
        Ok(Ok(left.currency.of(wanted.amount.clamp(0, left.amount))))
    }
}

fn shipping_for(
    rates: &RateBook,
    to: &Address,
    method: &str,
    goods: Money,
    grams: u64,
) -> Result<Option<(Money, String)>, MoneyError> {
    let rate = rates.zone(&to.shipping_codes()).and_then(|zone| zone.methods.iter().find(|rate| rate.id == method));
    rate.map(|rate| Ok((shipping_price(rate, goods, grams)?, rate.name.clone()))).transpose()
}

/// Tax in `amount` when prices include it, else the tax on it.
fn tax_of(amount: Money, basis_points: i64, terms: &ShopTerms) -> Result<Money, MoneyError> {
    match terms.prices_include_tax {
        true => amount.fraction(basis_points, 10_000 + basis_points, Rounding::HalfUp),
        false => amount.basis_points(basis_points, Rounding::HalfUp),
    }
}

/// Shipping is an ancillary service: taxed like the goods it carries, in proportion to their value after discount.
fn shipping_tax(
    shipping: Money,
    lines: &[QuotedLine],
    taxed_at: &[&str],
    basis: &Basis<'_>,
) -> Result<Money, MoneyError> {
    let mut by_rate: Vec<(i64, u64)> = Vec::new();
    for line in lines {
        let worth = line.total.checked_sub(line.discount)?.amount.unsigned_abs();
        match by_rate.iter_mut().find(|(rate, _)| *rate == line.tax_rate) {
            Some((_, sum)) => *sum = sum.saturating_add(worth),
            None => by_rate.push((line.tax_rate, worth)),
        }
    }
    if by_rate.is_empty() {
        return tax_of(shipping, basis.rates.tax(taxed_at, "standard"), basis.terms);
    }
    let shares = shipping.split(&by_rate.iter().map(|(_, worth)| *worth).collect::<Vec<_>>())?;
    let mut tax = Money::zero(shipping.currency);
    for ((rate, _), share) in by_rate.into_iter().zip(shares) {
        tax = tax.checked_add(tax_of(share, rate, basis.terms)?)?;
    }
    Ok(tax)
}

fn weights(amounts: impl Iterator<Item = Money>) -> Vec<u64> {
    amounts.map(|money| u64::try_from(money.amount).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests;
