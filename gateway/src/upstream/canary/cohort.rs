//! Which visitors get a canary: everybody draws one of ten thousand lots and keeps it.
//!
//! A lot is not a secret and not an identity: some hundred visitors have the same. Whoever makes one up chooses a side, which
//! is theirs to choose. It is no use against a canary of no percent, which no lot is in.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use souk_web::Cookies;
use uuid::Uuid;

use crate::address::subscriber;

/// The cookie, without prefix.
const COOKIE: &str = "souk_lot";
/// Longer than a rollout takes.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Lots there are: a percentage counts in hundredths.
pub(super) const LOTS: u16 = 10_000;

/// A number below [`LOTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lot(pub(super) u16);

impl Lot {
    /// The one of a browser that was told.
    pub(crate) fn told(cookies: Cookies, headers: &HeaderMap) -> Option<Self> {
        let lot = cookies.read(headers, COOKIE)?.parse().ok()?;
        (lot < LOTS).then_some(Self(lot))
    }

    /// The one of somebody we know nothing of: the same as long as address and browser stay.
    pub(crate) fn drawn(client: IpAddr, headers: &HeaderMap) -> Self {
        let mut hasher = blake3::Hasher::new();
        match subscriber(client) {
            IpAddr::V4(v4) => hasher.update(&v4.octets()),
            IpAddr::V6(v6) => hasher.update(&v6.octets()),
        };
        hasher.update(headers.get(header::USER_AGENT).map_or(&[], HeaderValue::as_bytes));
        Self::of_hash(&hasher.finalize())
    }

    /// The one of an account, for programs: they bring another token every ten minutes and no cookies.
    pub(crate) fn of_customer(customer: Uuid) -> Self {
        Self::of_hash(&blake3::hash(customer.as_bytes()))
    }

    /// The one to start counting at for a role, so that not always the same visitors try everything first.
    pub(super) fn of_role(role: &str) -> Self {
        Self::of_hash(&blake3::hash(role.as_bytes()))
    }

    fn of_hash(hash: &blake3::Hash) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_bytes()[..8]);
        let lot = u64::from_le_bytes(first) % u64::from(LOTS);
        Self(u16::try_from(lot).unwrap_or(0))
    }

    /// The `Set-Cookie` by which a browser keeps it.
    pub(crate) fn tell(self, cookies: Cookies) -> HeaderValue {
        cookies.set(COOKIE, &self.0.to_string(), Some(KEPT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_comes_back_and_junk_is_none() {
        let cookies = Cookies { https: true };
        let told = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, value.parse().unwrap());
            Lot::told(cookies, &headers)
        };
        let set = Lot(4711).tell(cookies);
        let set = set.to_str().unwrap();
        assert_eq!(set, "__Host-souk_lot=4711; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800");
        assert_eq!(told("__Host-souk_lot=4711"), Some(Lot(4711)));
        for junk in ["souk_lot=1", "__Host-souk_lot=10000", "__Host-souk_lot=-1", "__Host-souk_lot=", "a=b"] {
            assert_eq!(told(junk), None, "{junk}");
        }
    }

    #[test]
    fn a_stranger_keeps_the_lot_and_strangers_are_spread() {
        let of = |address: &str, agent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, agent.parse().unwrap());
            Lot::drawn(address.parse().unwrap(), &headers)
        };
        assert_eq!(of("192.0.2.1", "a"), of("192.0.2.1", "a"));
        assert_ne!(of("192.0.2.1", "a"), of("192.0.2.1", "b"));
        assert_eq!(of("2001:db8::1", "a"), of("2001:db8::2", "a"), "one subscriber");
        let low = (0..20_000u32).filter(|n| of(&format!("10.0.{}.{}", n / 250, n % 250), "a").0 < LOTS / 10).count();
        assert!((1_800..2_200).contains(&low), "{low} of 20,000");
    }
}
