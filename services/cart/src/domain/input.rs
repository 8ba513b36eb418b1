//! Input validation: what a buyer may send, in stored form; and what is wrong with the rest.

use souk_cart_api::{MAX_CODE, MAX_METHOD, MAX_QUANTITY, MAX_SKU, MAX_TOTAL, UpdateCart};
use souk_kernel::{FieldError, MailAddress, Money, Problem};
use souk_pricing_api::{MAX_COUPONS, Quote};

/// Ok for 1 (or 0, where `least` says so) to [`MAX_QUANTITY`].
pub fn check_quantity(quantity: u32, least: u32) -> Result<(), Problem> {
    match (least..=MAX_QUANTITY).contains(&quantity) {
        true => Ok(()),
        false => Err(Problem::invalid_field("/quantity", format!("must be {least} to {MAX_QUANTITY}"))),
    }
}

/// Ok for what can be a SKU.
pub fn check_sku(sku: &str) -> Result<(), Problem> {
    match is_line(sku, MAX_SKU) {
        true => Ok(()),
        false => Err(Problem::invalid_field("/sku", "must be 1 to 200 characters without control characters")),
    }
}

/// The update in stored form: e-mail as its owner writes it, coupons in capitals and each once.
pub fn check_update(mut update: UpdateCart) -> Result<UpdateCart, Problem> {
    if let Some(email) = &mut update.email {
        let address = MailAddress::parse(email);
        *email = address.map_err(|error| Problem::invalid_field("/email", error.to_string()))?.to_string();
    }
    if let Some(address) = &update.shipping_address {
        address.check("/shipping_address")?;
    }
    if let Some(method) = &update.shipping_method
        && !is_line(method, MAX_METHOD)
    {
        return Err(Problem::invalid_field("/shipping_method", "must be the id of a shipping method"));
    }
    if let Some(coupons) = &mut update.coupons {
        if coupons.len() > MAX_COUPONS {
            return Err(Problem::invalid_field("/coupons", format!("at most {MAX_COUPONS} coupons")));
        }
        let mut stored = Vec::with_capacity(coupons.len());
        for (i, code) in coupons.iter().enumerate() {
            let code = code.trim().to_uppercase();
            if !is_line(&code, MAX_CODE) {
                return Err(Problem::invalid_field(format!("/coupons/{i}"), "must be the code of a coupon"));
            }
            if !stored.contains(&code) {
                stored.push(code);
            }
        }
        *coupons = stored;
    }
    Ok(update)
}

/// Ok while payments take the sum.
pub fn check_total(total: Money) -> Result<(), Problem> {
    if total.amount <= MAX_TOTAL {
        return Ok(());
    }
    let most = total.currency.of(MAX_TOTAL);
    Err(Problem::conflict("cart_too_large", format!("at most {most} can be paid at once: please buy in several parts")))
}

/// Ok unless one of the coupons that were not in the cart `before` does not apply: it is not kept, and said why. One that
/// was fine when it was entered stays, with its message.
pub fn check_entered(before: &[String], now: &[String], quote: &Quote) -> Result<(), Problem> {
    for (i, code) in now.iter().enumerate().filter(|(_, code)| !before.contains(code)) {
        let Some(message) = quote.messages.iter().find(|m| m.subject == *code && m.code.starts_with("coupon_")) else {
            continue;
        };
        let (detail, pointer) = (message.detail.clone(), format!("/coupons/{i}"));
        let fields = vec![FieldError { pointer, detail: detail.clone() }];
        return Err(match message.code.as_str() {
            "coupon_expired" => Problem::invalid_fields("coupon_expired", detail, fields),
            "coupon_used_up" => Problem::invalid_fields("coupon_used_up", detail, fields),
            "coupon_minimum" => Problem::invalid_fields("coupon_minimum", detail, fields),
            _ => Problem::invalid_fields("coupon_unknown", detail, fields),
        });
    }
    Ok(())
}

/// One line of 1 to `most` characters.
fn is_line(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use souk_shipping_api::Address;
    use uuid::Uuid;

    use super::*;

    fn update() -> UpdateCart {
        UpdateCart::of(Uuid::nil().into())
    }

    /// What an address is, the kernel's tests say.
    #[test]
    fn addresses_of_every_country_pass_and_are_kept_as_their_owners_write_them() {
        let stored = |email: &str| check_update(UpdateCart { email: Some(email.into()), ..update() });
        for (typed, kept) in [
            (" Ada.L+tag@Sub.Example.co.uk", "Ada.L+tag@sub.example.co.uk"),
            ("user@xn--mnchen-3ya.example", "user@münchen.example"),
            ("用户@例子.广告", "用户@例子.广告"),
            ("संपर्क@डाटामेल.भारत", "संपर्क@डाटामेल.भारत"),
        ] {
            assert_eq!(stored(typed).unwrap().email.as_deref(), Some(kept), "{typed}");
        }
        for wrong in ["ada@localhost", "a@b.c\r\nBcc: x@y.z", "a\u{202e}da@example.com", "ada@exam\u{200b}ple.com"] {
            assert_eq!(stored(wrong).unwrap_err().fields[0].pointer, "/email", "{wrong:?}");
        }
    }

    #[test]
    fn an_update_is_stored_in_one_form_or_refused_with_its_place() {
        let codes = Some(vec![" ten ".to_owned(), "TEN".to_owned(), "x".to_owned()]);
        let stored = check_update(UpdateCart { email: Some(" ada@example.com ".into()), coupons: codes, ..update() });
        let stored = stored.unwrap();
        assert_eq!(stored.coupons, Some(vec!["TEN".to_owned(), "X".to_owned()]));
        assert_eq!(stored.email.as_deref(), Some("ada@example.com"));
        let pointer = |wrong: UpdateCart| check_update(wrong).unwrap_err().fields[0].pointer.clone();
        assert_eq!(pointer(UpdateCart { email: Some("x".into()), ..update() }), "/email");
        assert_eq!(pointer(UpdateCart { coupons: Some(vec!["A".into(), "\0".into()]), ..update() }), "/coupons/1");
        assert_eq!(pointer(UpdateCart { coupons: Some(vec!["A".into(); 6]), ..update() }), "/coupons");
        assert_eq!(pointer(UpdateCart { shipping_method: Some("\n".into()), ..update() }), "/shipping_method");
        let nowhere = Some(Address::default());
        assert_eq!(pointer(UpdateCart { shipping_address: nowhere, ..update() }), "/shipping_address/name");
    }
}
