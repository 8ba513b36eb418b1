//! E-mail addresses as accounts are named by them: one spelling for each mailbox. What is an address at all, the kernel says.

use sha2::{Digest as _, Sha256};
use souk_kernel::{MailAddress, MailAddressError};

/// A well-formed address in the one spelling that accounts have: lower case, the domain as name servers are asked for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`MailAddressError`], in words for who typed it.
    pub fn parse(text: &str) -> Result<Self, MailAddressError> {
        MailAddress::parse(text).map(|address| Self(address.key()))
    }

    /// What was stored, which passed the rule of its day.
    pub fn stored(text: String) -> Self {
        Self(text)
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

/// A stored address as its owner reads it: a domain in the letters of its language.
pub fn shown(stored: String) -> String {
    MailAddress::parse(&stored).map_or(stored, |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_each() {
        let email = Email::parse("  Ada.Lovelace+Shop@Example.COM ").unwrap();
        assert_eq!(email.as_str(), "ada.lovelace+shop@example.com");
        assert_eq!(email.local(), "ada.lovelace+shop");
        assert_eq!(email.account(), Email::parse("ada.lovelace+shop@EXAMPLE.com").unwrap().account());
        let idn = Email::parse("Ada@BÜCHER.example").unwrap();
        assert!(idn == Email::parse("ada@xn--bcher-kva.example").unwrap(), "as browsers send it, and as it is typed");
        assert_eq!(shown(idn.as_str().to_owned()), "ada@bücher.example");
        let composed = ["JOSE\u{301}@example.es", "jos\u{e9}@example.es"].map(|text| Email::parse(text).unwrap());
        assert!(composed[0] == composed[1]);
        assert!(Email::parse("ada@exam\u{200b}ple.com").is_err());
    }
}
