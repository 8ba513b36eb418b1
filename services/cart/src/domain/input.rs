//! Input validation: what a buyer may send, in stored form; and what is wrong with the rest.

use souk_cart_api::{MAX_CODE, MAX_EMAIL, MAX_METHOD, MAX_QUANTITY, MAX_SKU, MAX_TOTAL, UpdateCart};
use souk_kernel::{FieldError, Money, Problem};
use souk_pricing_api::{MAX_COUPONS, Quote};

/// Bytes before the @ (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

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

/// The update in stored form: e-mail trimmed, coupons in capitals and each once.
pub fn check_update(mut update: UpdateCart) -> Result<UpdateCart, Problem> {
    if let Some(email) = &mut update.email {
        *email = email.trim().to_owned();
        if !is_email(email) {
            return Err(Problem::invalid_field("/email", "must be an e-mail address such as ada@example.com"));
        }
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

/// The everyday form of RFC 5321's mailbox: no quotes, no comments, a domain with a dot. Letters of any script, since
/// mailboxes and domains have them (RFC 6531); nothing that could end a header or begin another address.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let dotted = |part: &str| part.split('.').all(|atoms| !atoms.is_empty() && atoms.chars().all(atom));
    let label = |label: &str| {
        let edges = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len()) && edges && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= MAX_EMAIL
        && local.len() <= MAX_LOCAL
        && dotted(local)
        && domain.contains('.')
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use souk_shipping_api::Address;
    use uuid::Uuid;

    use super::*;

    fn update() -> UpdateCart {
        UpdateCart::of(Uuid::nil().into())
    }

    #[test]
    fn addresses_of_people_pass_and_tricks_do_not() {
        for fine in ["ada@example.com", "a.b+tag@sub.example.co.uk", "müller@exämple.de", "o'neil@example.com"] {
            assert!(is_email(fine), "{fine}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a..b@example.com",
            ".a@example.com",
            "a b@example.com",
            "ada@-example.com",
            "ada@example..com",
            "ada@exa_mple.com",
            "a@b.c\r\nBcc: x@y.z",
            "a@b.c,d@e.f",
            "\"a b\"@example.com",
            "<ada@example.com>",
            "a@b@c.d",
            &long,
        ] {
            assert!(!is_email(wrong), "{wrong:?}");
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
