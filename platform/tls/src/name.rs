//! Names of roles in certificates: `spiffe://<trust domain>/role/<role>` (SPIFFE X509-SVID, 2: exactly one URI), and the
//! role as a DNS name beside it, which is what TLS libraries compare.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use crate::TlsError;
use crate::certificate;

/// Characters of a trust domain (SPIFFE ID, 2.1).
const MAX_DOMAIN: usize = 255;

/// The installation whose roles believe each other, `souk`. Certificates of another one are strangers even when the same
/// authority signed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDomain(Arc<str>);

impl TrustDomain {
    /// Lower case letters, digits, '.', '-', '_'; at most 255 of them.
    pub fn parse(text: &str) -> Result<Self, TlsError> {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
        match !text.is_empty() && text.len() <= MAX_DOMAIN && text.bytes().all(fine) {
            true => Ok(Self(text.into())),
            false => Err(TlsError::TrustDomain(text.into())),
        }
    }

    /// The URI in the certificate of `role`.
    pub fn uri(&self, role: &str) -> String {
        format!("spiffe://{}/role/{role}", self.0)
    }

    /// The role that `certificate` names; none when it has no URI, several, or one of another domain.
    pub(crate) fn role_of(&self, certificate: &CertificateDer<'_>) -> Option<Box<str>> {
        let uris = certificate::uris(certificate).ok()?;
        let [uri] = uris.as_slice() else { return None };
        let role = uri.strip_prefix("spiffe://")?.strip_prefix(&*self.0)?.strip_prefix("/role/")?;
        (!role.is_empty() && !role.contains('/')).then(|| role.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authority, Validity};

    #[test]
    fn a_role_is_named_by_one_uri_of_our_domain() {
        let souk = TrustDomain::parse("souk").unwrap();
        let authority = Authority::new(Validity::around_now(1)).unwrap();
        let role = |uris: &[&str]| {
            let issued = authority.issue_named("x", uris, Validity::around_now(1)).unwrap();
            souk.role_of(&issued.der())
        };
        assert_eq!(role(&["spiffe://souk/role/order"]).as_deref(), Some("order"));
        for strange in [
            &[][..],
            &["spiffe://souk/role/order", "spiffe://souk/role/cart"],
            &["spiffe://other/role/order"],
            &["spiffe://souk.evil/role/order"],
            &["spiffe://souk/role/"],
            &["spiffe://souk/role/order/x"],
            &["https://souk/role/order"],
        ] {
            assert_eq!(role(strange), None, "{strange:?}");
        }
        for (text, fine) in [("souk", true), ("shop.example", true), ("", false), ("Souk", false), ("a/b", false)] {
            assert_eq!(TrustDomain::parse(text).is_ok(), fine, "{text}");
        }
    }
}
