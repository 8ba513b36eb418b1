//! E-mail address: the one rule for what is one, at registration, in a cart, for a sender and when a mail is sent.
//!
//! Addresses of every script are addresses (RFC 6531): a local part of letters of any script, at a domain that is
//! international (UTS 46, non-transitional) or not. A local part in quotes and a domain that is a number are legal (RFC 5321),
//! but they are far more often a mistake than an address. What cannot be seen is refused: of two addresses that look
//! alike one would be somebody else's.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use crate::invisible::{is_combining, is_invisible, is_visible};

/// Bytes of an address, as it is written and as mail servers get it (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub const MAX_MAIL_ADDRESS: usize = 254;
/// Bytes before the `@` (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Networks whose customers have addresses like `ada..l.@docomo.ne.jp`, from before 2009, when they had to stop giving them out.
/// Anywhere else such dots are a typing error. On the wire they stand in quotes, as RFC 5321 wants.
const LOOSE_DOTS: &[&str] = &["docomo.ne.jp", "ezweb.ne.jp", "au.com"];

/// A well-formed address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MailAddress {
    local: String,
    /// For people.
    domain: String,
    /// For machines: labels that are not ASCII as punycode.
    ascii_domain: String,
}

/// Why a text is no address. Its words go on after the name of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailAddressError {
    /// No, or more than one, `@` with something on both sides.
    #[error("must be an e-mail address, such as ada@example.com")]
    Shape,
    /// A direction mark, a character of no width, a control character.
    #[error("has a character that cannot be seen (U+{0:04X}): please type the address anew")]
    Invisible(u32),
    /// What may not stand before the `@`.
    #[error("must be an e-mail address: {0:?} cannot stand before the @")]
    Character(char),
    /// Dots at an end or beside each other.
    #[error("must be an e-mail address: the dots before the @ are not right")]
    Dots,
    /// What no domain looks like.
    #[error("must be an e-mail address: {0:?} is no domain, such as example.com")]
    Domain(String),
    /// More than 64 bytes before the `@`, or 254 in all.
    #[error("is too long: at most 64 bytes before the @, and 254 in all")]
    TooLong,
}

impl MailAddress {
    /// Reads an address as people type it: blanks around it are dropped, full-width letters of Asian keyboards are the letters they
    /// stand for, characters have one composition (NFC), and the domain is in lower case.
    ///
    /// # Errors
    /// [`MailAddressError`], in words for who typed it.
    pub fn parse(text: &str) -> Result<Self, MailAddressError> {
        // Longer than any address in any composition; bounds the work below.
        if text.len() > 8 * MAX_MAIL_ADDRESS {
            return Err(MailAddressError::TooLong);
        }
        let text: String = text.trim().chars().flat_map(narrow).nfc().collect();
        let (local, domain) = text.split_once('@').ok_or(MailAddressError::Shape)?;
        if local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(MailAddressError::Shape);
        }
        let (domain, ascii_domain) = check_domain(domain)?;
        check_local(local, &ascii_domain)?;
        let address = Self { local: local.to_owned(), domain, ascii_domain };
        // In lower case some letters take more bytes.
        let local = local.len().max(address.lower_local().len());
        let domain = address.domain.len().max(address.ascii_domain.len());
        if local > MAX_LOCAL || local + 1 + domain > MAX_MAIL_ADDRESS {
            return Err(MailAddressError::TooLong);
        }
        Ok(address)
    }

    /// Before the `@`, as its owner writes it.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// After the `@`, in the letters of its language.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// After the `@`, as mail servers and name servers are asked for it.
    pub fn ascii_domain(&self) -> &str {
        &self.ascii_domain
    }

    /// True when only a mail server with SMTPUTF8 (RFC 6531) can pass mail on to it: a domain has a form in ASCII, a local part has
    /// none.
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.is_ascii()
    }

    /// The local part as it stands in SMTP and in headers: in quotes where its dots need them.
    pub fn wire_local(&self) -> String {
        if dots_are_right(&self.local) { self.local.clone() } else { format!("\"{}\"", self.local) }
    }

    /// The one spelling of all that reach the same mailbox, for accounts: lower case, and the domain as machines have it. No
    /// wider folding (`ß` stays itself): two mailboxes must never be one account, and mails sent to this spelling arrive.
    pub fn key(&self) -> String {
        format!("{}@{}", self.lower_local(), self.ascii_domain)
    }

    fn lower_local(&self) -> String {
        self.local.to_lowercase().nfc().collect()
    }
}

impl fmt::Display for MailAddress {
    /// For people: as its owner writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl std::str::FromStr for MailAddress {
    type Err = MailAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Full-width ASCII and half-width kana as what they stand for (RFC 8265, width mapping); everything else as it is.
fn narrow(letter: char) -> impl Iterator<Item = char> {
    let wide = ('\u{ff01}'..='\u{ffee}').contains(&letter);
    let (mapped, same) = if wide { (Some(std::iter::once(letter).nfkc()), None) } else { (None, Some(letter)) };
    mapped.into_iter().flatten().chain(same)
}

fn check_local(local: &str, ascii_domain: &str) -> Result<(), MailAddressError> {
    for letter in local.chars() {
        if is_invisible(letter) {
            return Err(MailAddressError::Invisible(letter.into()));
        }
        let fine = match letter.is_ascii() {
            true => letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(letter),
            // The full stop of Chinese and Japanese is one of a domain only; here it is a typing error.
            false => is_visible(letter) && !['\u{3002}', '\u{fffd}'].contains(&letter),
        };
        if !fine {
            return Err(MailAddressError::Character(letter));
        }
    }
    // A mark without a letter would be drawn over the dot, or over whatever stands before the address.
    if let Some(mark) = local.split('.').filter_map(|atom| atom.chars().next()).find(|first| is_combining(*first)) {
        return Err(MailAddressError::Character(mark));
    }
    let within =
        |network: &str| ascii_domain.strip_suffix(network).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let loose = || local.is_ascii() && !local.starts_with('.') && LOOSE_DOTS.iter().any(|network| within(network));
    match dots_are_right(local) || loose() {
        true => Ok(()),
        false => Err(MailAddressError::Dots),
    }
}

fn dots_are_right(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty())
}

/// The domain for people and for machines.
fn check_domain(domain: &str) -> Result<(String, String), MailAddressError> {
    // Two joiners mean something in Persian and Indic names; UTS 46 knows where. All else that it would drop in silence is
    // refused.
    let joiner = |letter: char| matches!(letter, '\u{200c}' | '\u{200d}');
    if let Some(letter) = domain.chars().find(|letter| is_invisible(*letter) && !joiner(*letter)) {
        return Err(MailAddressError::Invisible(letter.into()));
    }
    let none = || MailAddressError::Domain(domain.to_owned());
    let uts46 = Uts46::new();
    let (deny, hyphens) = (AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    let ascii = uts46.to_ascii(domain.as_bytes(), deny, hyphens, DnsLength::Verify).map_err(|_| none())?;
    // No top-level domain is a number, so an IPv4 address is none.
    let top = ascii.rsplit_once('.').map(|(_, top)| top).ok_or_else(none)?;
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(none());
    }
    let (shown, valid) = uts46.to_unicode(ascii.as_bytes(), deny, hyphens);
    valid.map_err(|_| none())?;
    Ok((shown.into_owned(), ascii.clone().into_owned()))
}

#[cfg(test)]
mod tests;
