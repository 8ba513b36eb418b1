//! Property tests of quotes, and worked examples a bookkeeper can follow.

use proptest::prelude::*;
use souk_kernel::Currency;
use souk_pricing_api::{Rates, ShippingRate, ShippingZone, TaxRate};
use souk_shipping_api::Address;

use super::*;

fn eur(amount: i64) -> Money {
    Currency::EUR.of(amount)
}

fn terms(prices_include_tax: bool) -> ShopTerms {
    ShopTerms { currency: Currency::EUR, prices_include_tax, country: "DE".into() }
}

fn rates() -> RateBook {
    let tax = |country: &str, category: &str, basis_points| TaxRate {
        country: country.into(),
        tax_category: category.into(),
        basis_points,
    };
    let rate = |id: &str, base, per_kg, free_from: Option<i64>| ShippingRate {
        id: id.into(),
        name: id.to_uppercase(),
        base: eur(base),
        per_kg: eur(per_kg),
        free_from: free_from.map(eur),
    };
    let methods = vec![rate("express", 990, 150, None), rate("standard", 490, 0, Some(5_000))];
    RateBook::new(Rates {
        taxes: vec![tax("DE", "standard", 1_900), tax("DE", "reduced", 700), tax("AT", "standard", 2_000)],
        zones: vec![ShippingZone { name: "EU".into(), countries: vec!["DE".into(), "AT".into()], methods }],
    })
}

fn line(sku: &str, quantity: u32, tax_category: &str) -> QuoteLine {
    QuoteLine { sku: sku.into(), quantity, category_id: None, tax_category: tax_category.into(), weight_grams: 400 }
}

fn address(country: &str) -> Address {
    Address { country: country.into(), ..Address::default() }
}

fn coupon(code: &str, discount: Discount, minimum: Option<i64>, status: CouponStatus) -> (String, CouponFacts) {
    let coupon = Coupon {
        code: code.into(),
        discount,
        max_uses: None,
        minimum: minimum.map(eur),
        starts_at: None,
        ends_at: None,
        active: true,
    };
    (code.into(), CouponFacts { coupon, status })
}

struct Shop {
    terms: ShopTerms,
    rates: RateBook,
    prices: Prices,
    coupons: HashMap<String, CouponFacts>,
}

impl Shop {
    fn new(prices_include_tax: bool, prices: &[(&str, i64)]) -> Self {
        let prices = prices.iter().map(|(sku, amount)| ((*sku).to_owned(), eur(*amount))).collect();
        Shop { terms: terms(prices_include_tax), rates: rates(), prices, coupons: HashMap::new() }
    }

    fn basis(&self) -> Basis<'_> {
        Basis { terms: &self.terms, rates: &self.rates, prices: &self.prices, coupons: &self.coupons }
    }

    fn quote(&self, lines: Vec<QuoteLine>, coupons: &[&str], to: Option<(&str, &str)>) -> Quote {
        let request = QuoteRequest {
            lines,
            coupons: coupons.iter().map(|c| (*c).to_owned()).collect(),
            address: to.map(|(country, _)| address(country)),
            shipping_method: to.map(|(_, method)| method.into()),
        };
        quote(&self.basis(), &request).unwrap()
    }
}

#[test]
fn a_german_cart_includes_its_tax() {
    let shop = Shop::new(true, &[("lamp", 11_900), ("book", 1_070)]);
    let q = shop.quote(vec![line("lamp", 1, "standard"), line("book", 2, "reduced")], &[], Some(("DE", "express")));
    assert_eq!((q.subtotal, q.total), (eur(14_040), eur(14_040 + 990 + 2 * 150)));
    assert_eq!([q.lines[0].tax, q.lines[1].tax], [eur(1_900), eur(140)]);
    // Shipping 12.90 falls on 119.00 and 21.40: 10.93 at 19 % (1.75) and 1.97 at 7 % (0.13).
    assert_eq!(q.tax, eur(1_900 + 140 + 175 + 13));
    assert_eq!(q.shipping_name.as_deref(), Some("EXPRESS"));
}

#[test]
fn a_shop_without_tax_in_its_prices_adds_it() {
    let shop = Shop::new(false, &[("lamp", 10_000)]);
    let q = shop.quote(vec![line("lamp", 1, "standard")], &[], None);
    assert_eq!((q.subtotal, q.tax, q.total, q.shipping), (eur(10_000), eur(1_900), eur(11_900), None));
}

#[test]
fn tax_is_that_of_where_the_goods_go() {
    let shop = Shop::new(true, &[("lamp", 12_000)]);
    assert_eq!(shop.quote(vec![line("lamp", 1, "standard")], &[], Some(("AT", "standard"))).tax, eur(2_000));
    let nowhere = shop.quote(vec![line("lamp", 1, "standard")], &[], Some(("BR", "standard")));
    assert_eq!((nowhere.tax, nowhere.shipping), (eur(0), None));
    assert_eq!(nowhere.messages[0].code, "shipping_unavailable");
}

#[test]
fn territories_are_taxed_and_shipped_to_as_they_are() {
    let mut shop = Shop::new(true, &[("lamp", 12_000)]);
    shop.rates = RateBook::new(crate::domain::default_rates(&shop.terms).rates);
    // Country, postal code: rate in basis points, price of standard shipping for a cart of 0.4 kg below any free limit.
    for (country, postal_code, rate, shipping) in [
        ("DE", "10115", 1_900, 490),
        ("DE", "78266", 0, 490),
        ("DE", "27498", 0, 490),
        ("ES", "28001", 2_100, 1_040),
        ("ES", "35001", 0, 2_490),
        ("ES", "38001", 0, 2_490),
        ("ES", "51001", 0, 2_490),
        ("ES", "52001", 0, 2_490),
        ("IT", "20121", 2_200, 1_040),
        ("IT", "23041", 0, 1_040),
        ("IT", "22061", 0, 1_040),
        ("SM", "47890", 0, 1_040),
        ("VA", "00120", 0, 1_040),
        ("FR", "75001", 2_000, 1_040),
        ("MC", "98000", 2_000, 1_040),
        ("FR", "98000", 2_000, 1_040),
        ("FR", "97110", 0, 2_490),
        ("GP", "97110", 0, 2_490),
        ("RE", "97400", 0, 2_490),
        ("GB", "SW1A 1AA", 0, 2_490),
        ("GB", "BT1 1AA", 2_000, 2_490),
        ("IM", "IM1 1AA", 0, 2_490),
        ("JE", "JE2 3AB", 0, 2_490),
        ("FI", "00550", 2_550, 1_040),
        ("AX", "22100", 0, 1_040),
        ("FI", "22100", 0, 1_040),
        ("GR", "63086", 0, 1_040),
        ("PT", "1250-096", 2_300, 1_040),
        ("PT", "9500-001", 1_600, 1_040),
        ("PT", "9000-001", 2_200, 1_040),
        ("AT", "6991", 1_900, 1_040),
        ("AT", "1010", 2_000, 1_040),
        ("CH", "8001", 0, 2_490),
        ("US", "90210", 0, 2_490),
    ] {
        let mut request = QuoteRequest {
            lines: vec![line("lamp", 1, "standard")],
            coupons: vec![],
            address: Some(Address { postal_code: postal_code.into(), ..address(country) }),
            shipping_method: Some("standard".into()),
        };
        shop.prices.insert("lamp".into(), eur(4_000));
        let q = quote(&shop.basis(), &request).unwrap();
        assert_eq!((q.lines[0].tax_rate, q.shipping), (rate, Some(eur(shipping))), "{country} {postal_code}");
        request.shipping_method = None;
        let to = request.address.as_ref().unwrap();
        let offered = methods(&shop.basis(), &request.lines, &[], to).unwrap();
        assert_eq!(offered[0].price, eur(shipping), "{country} {postal_code}");
    }
}

#[test]
fn a_half_cent_of_tax_is_rounded_up_on_each_line() {
    // 0.03 at 19 % is 0.0057 on top, and two lines of it are 2 cents, not one of 0.06 with 1.
    let shop = Shop::new(false, &[("a", 3), ("b", 3)]);
    let q = shop.quote(vec![line("a", 1, "standard"), line("b", 1, "standard")], &[], None);
    assert_eq!(q.tax, eur(2));
    assert_eq!(shop.quote(vec![line("a", 2, "standard")], &[], None).tax, eur(1));
}

#[test]
fn coupons_add_up_in_order_and_never_below_nothing() {
    let mut shop = Shop::new(true, &[("lamp", 1_999)]);
    shop.coupons = HashMap::from([
        coupon("TEN", Discount::Percent(1_000), None, CouponStatus::Valid),
        coupon("BIG", Discount::Fixed(eur(5_000)), None, CouponStatus::Valid),
        coupon("OLD", Discount::Fixed(eur(1)), None, CouponStatus::Over),
        coupon("SOON", Discount::Fixed(eur(1)), None, CouponStatus::NotYet),
        coupon("GONE", Discount::Fixed(eur(1)), None, CouponStatus::UsedUp),
        coupon("RICH", Discount::Fixed(eur(1)), Some(2_000), CouponStatus::Valid),
    ]);
    let ten = shop.quote(vec![line("lamp", 1, "standard")], &["TEN"], None);
    assert_eq!((ten.discount, ten.total), (eur(200), eur(1_799)));
    let all = shop.quote(
        vec![line("lamp", 1, "standard")],
        &["TEN", "OLD", "SOON", "GONE", "RICH", "NONE", "BIG"],
        Some(("DE", "standard")),
    );
    assert_eq!((all.discount, all.total), (eur(1_999), eur(490)));
    assert_eq!(all.coupons, ["TEN", "BIG"]);
    let codes: Vec<(&str, &str)> = all.messages.iter().map(|m| (m.subject.as_str(), m.code.as_str())).collect();
    assert_eq!(
        codes,
        [
            ("OLD", "coupon_expired"),
            ("SOON", "coupon_expired"),
            ("GONE", "coupon_used_up"),
            ("RICH", "coupon_minimum"),
            ("NONE", "coupon_unknown")
        ]
    );
}

#[test]
fn shipping_is_free_from_what_is_paid_not_from_what_is_listed() {
    let mut shop = Shop::new(true, &[("lamp", 5_000)]);
    shop.coupons = HashMap::from([coupon("CENT", Discount::Fixed(eur(1)), None, CouponStatus::Valid)]);
    let lines = vec![line("lamp", 1, "standard")];
    assert_eq!(shop.quote(lines.clone(), &[], Some(("DE", "standard"))).shipping, Some(eur(0)));
    assert_eq!(shop.quote(lines.clone(), &["CENT"], Some(("DE", "standard"))).shipping, Some(eur(490)));
    let ids = |coupons: &[String]| {
        let found = methods(&shop.basis(), &lines, coupons, &address("DE")).unwrap();
        found.into_iter().map(|m| (m.id, m.price.amount)).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), [("standard".into(), 0), ("express".into(), 1_140)]);
    assert_eq!(ids(&["CENT".into()]), [("standard".into(), 490), ("express".into(), 1_140)]);
    assert!(methods(&shop.basis(), &lines, &[], &address("BR")).unwrap().is_empty());
}

#[test]
fn what_has_no_price_is_named_and_what_overflows_is_refused() {
    let shop = Shop::new(true, &[("lamp", i64::MAX / 2)]);
    let q = shop.quote(vec![line("ghost", 1, "standard")], &[], None);
    assert_eq!((q.unpriced, q.total), (vec!["ghost".to_owned()], eur(0)));
    let request = QuoteRequest {
        lines: vec![line("lamp", 3, "standard")],
        coupons: vec![],
        address: None,
        shipping_method: None,
    };
    assert_eq!(quote(&shop.basis(), &request), Err(MoneyError::Overflow));
}

proptest! {
    #[test]
    fn the_parts_add_up(
        include_tax in any::<bool>(),
        cart in prop::collection::vec((0i64..2_000_000, 1u32..50, any::<bool>()), 0..12),
        percent in prop::option::of(1u32..=10_000),
        fixed in prop::option::of(1i64..3_000_000),
        to in prop::sample::select(vec![None, Some(("DE", "standard")), Some(("AT", "express")), Some(("BR", "standard"))]),
    ) {
        let skus: Vec<String> = (0..cart.len()).map(|i| format!("s{i}")).collect();
        let prices: Vec<(&str, i64)> = skus.iter().map(String::as_str).zip(cart.iter().map(|c| c.0)).collect();
        let mut shop = Shop::new(include_tax, &prices);
        let mut codes = Vec::new();
        if let Some(percent) = percent {
            shop.coupons.extend([coupon("PERCENT", Discount::Percent(percent), None, CouponStatus::Valid)]);
            codes.push("PERCENT");
        }
        if let Some(fixed) = fixed {
            shop.coupons.extend([coupon("FIXED", Discount::Fixed(eur(fixed)), None, CouponStatus::Valid)]);
            codes.push("FIXED");
        }
        let lines = skus.iter().zip(&cart)
            .map(|(sku, (_, quantity, reduced))| line(sku, *quantity, if *reduced { "reduced" } else { "standard" }));
        let q = shop.quote(lines.collect(), &codes, to);
        let sum = |of: fn(&QuotedLine) -> Money| q.lines.iter().map(|l| of(l).amount).sum::<i64>();

        prop_assert_eq!(sum(|l| l.total), q.subtotal.amount);
        prop_assert_eq!(sum(|l| l.discount), q.discount.amount, "the split loses nothing");
        for l in &q.lines {
            prop_assert_eq!(l.total.amount, l.unit_price.amount * i64::from(l.quantity));
            prop_assert!((0..=l.total.amount).contains(&l.discount.amount), "no line costs less than nothing");
            // Half up, within half a cent of the exact tax.
            let net = l.total.amount - l.discount.amount;
            let base = if include_tax { 10_000 + l.tax_rate } else { 10_000 };
            prop_assert!((l.tax.amount * base - net * l.tax_rate).abs() * 2 <= base);
        }
        let shipping = q.shipping.map_or(0, |s| s.amount);
        let shipping_tax = q.tax.amount - sum(|l| l.tax);
        prop_assert!((0..=shipping).contains(&shipping_tax));
        if shipping == 0 {
            prop_assert_eq!(shipping_tax, 0);
        }
        let added = if include_tax { 0 } else { q.tax.amount };
        prop_assert_eq!(q.total.amount, q.subtotal.amount - q.discount.amount + shipping + added);
        prop_assert!(q.total.amount >= 0 && q.discount.amount <= q.subtotal.amount);
        if include_tax {
            prop_assert!(q.tax.amount <= q.total.amount);
        }
    }
}
