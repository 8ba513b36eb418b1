//! E-mail addresses as accounts are named by them: lower case, plain ASCII, one spelling each.

use sha2::{Digest as _, Sha256};
use souk_identity_api::MAX_EMAIL;

/// Characters before the `@` (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Characters of one label of a domain (RFC 1035, 2.3.4).
const MAX_LABEL: usize = 63;

/// A normalised, well-formed address.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Trims, lower-cases and checks: a dot-atom (RFC 5322, 3.2.3) at a domain of two labels or more. Quoted local
    /// parts and address literals are legal, but no customer has one; international domains come as punycode, as browsers
    /// send them.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_ascii().to_ascii_lowercase();
        let (local, domain) = text.split_once('@')?;
        let fits = text.len() <= MAX_EMAIL && local.len() <= MAX_LOCAL;
        let good_local = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
        let good_domain = domain.contains('.') && domain.split('.').all(is_label);
        // No top-level domain is a number, so an IPv4 address is none.
        let named = domain.rsplit('.').next().is_some_and(|top| !top.bytes().all(|b| b.is_ascii_digit()));
        (fits && good_local && good_domain && named).then_some(Self(text))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }

    /// What tries of passwords are counted under. Hashed, because an address that is no customer's is not ours to keep.
    pub fn account(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=MAX_LABEL).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_spelling_each() {
        let email = Email::parse("  Ada.Lovelace+Shop@Example.COM ").unwrap();
        assert_eq!(email.as_str(), "ada.lovelace+shop@example.com");
        assert_eq!(email.local(), "ada.lovelace+shop");
        assert_eq!(email.account(), Email::parse("ada.lovelace+shop@EXAMPLE.com").unwrap().account());
        for good in
            ["o'neil@a.example", "x@xn--bcher-kva.example", "a@1.2.example", &format!("{}@b.cd", "a".repeat(64))]
        {
            assert!(Email::parse(good).is_some(), "{good}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let wrong = [
            "",
            "@",
            "a@",
            "@b.cd",
            "a",
            "a@b",
            "a@@b.cd",
            "a@b@c.de",
            ".a@b.cd",
            "a.@b.cd",
            "a..b@c.de",
            "a b@c.de",
            "a@b c.de",
            "a@-b.cd",
            "a@b-.cd",
            "a@b..cd",
            "a@b.cd.",
            "\"a\"@b.cd",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "ä@b.cd",
            "a@bücher.example",
            "a\0@b.cd",
            "a@b.cd\r\nbcc: c@d.ef",
            "<a@b.cd>",
            "a,b@c.de",
        ];
        for text in wrong {
            assert!(Email::parse(text).is_none(), "{text:?}");
        }
        assert!(Email::parse(&format!("{}@b.cd", "a".repeat(65))).is_none());
        assert!(Email::parse(&format!("a@{}.cd", "b".repeat(64))).is_none());
        assert!(Email::parse(&format!("a@{}cd", "b.".repeat(130))).is_none());
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_one_line_of_ascii_and_stays_itself(text in "[ -~\\PC]{0,40}@[a-zA-Z0-9.\\-]{0,30}") {
            if let Some(email) = Email::parse(&text) {
                prop_assert!(email.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(Email::parse(email.as_str()).unwrap() == email);
            }
        }
    }
}
