//! Cohorts: which visitors get a canary. Each visitor belongs to one of ten thousand cohorts and stays in it.
//!
//! A cohort is not a secret and not an identity: some hundred visitors share one. A client that makes one up chooses its own side,
//! which does no harm; and a canary of no percent has no cohorts.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use souk_rpc::subscriber;
use souk_web::Cookies;
use uuid::Uuid;

/// The cookie, without prefix.
const COOKIE: &str = "souk_cohort";
/// The cookie's name in the release before. Read for one release, so that visitors keep their side over the upgrade, and never set:
/// to be removed with the release after this one.
const OLD_COOKIE: &str = "souk_lot";
/// Longer than a rollout takes.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Cohorts there are: a percentage counts in hundredths.
pub(super) const COHORTS: u16 = 10_000;

/// A number below [`COHORTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cohort(pub(super) u16);

impl Cohort {
    /// The one that a browser's cookie says.
    pub(crate) fn from_cookie(cookies: Cookies, headers: &HeaderMap) -> Option<Self> {
        let read = |name: &str| {
            let cohort = cookies.read(headers, name)?.parse().ok()?;
            (cohort < COHORTS).then_some(Self(cohort))
        };
        read(COOKIE).or_else(|| read(OLD_COOKIE))
    }

    /// The one of a visitor without a cookie: the same as long as address and browser stay.
    pub(crate) fn from_client(client: IpAddr, headers: &HeaderMap) -> Self {
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
        let cohort = u64::from_le_bytes(first) % u64::from(COHORTS);
        Self(u16::try_from(cohort).unwrap_or(0))
    }

    /// The `Set-Cookie` by which a browser keeps it.
    pub(crate) fn set_cookie(self, cookies: Cookies) -> HeaderValue {
        cookies.set(COOKIE, &self.0.to_string(), Some(KEPT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cohort_comes_back_and_junk_is_none() {
        let cookies = Cookies { https: true };
        let from = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, value.parse().unwrap());
            Cohort::from_cookie(cookies, &headers)
        };
        let set = Cohort(4711).set_cookie(cookies);
        let set = set.to_str().unwrap();
        assert_eq!(set, "__Host-souk_cohort=4711; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800");
        assert_eq!(from("__Host-souk_cohort=4711"), Some(Cohort(4711)));
        for junk in ["souk_cohort=1", "__Host-souk_cohort=10000", "__Host-souk_cohort=-1", "__Host-souk_cohort=", "a=b"]
        {
            assert_eq!(from(junk), None, "{junk}");
        }
        // What the release before has given out.
        assert_eq!(from("__Host-souk_lot=17"), Some(Cohort(17)));
        assert_eq!(from("__Host-souk_lot=17; __Host-souk_cohort=4711"), Some(Cohort(4711)));
    }

    #[test]
    fn a_visitor_without_a_cookie_keeps_the_cohort_and_visitors_are_spread() {
        let of = |address: &str, agent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, agent.parse().unwrap());
            Cohort::from_client(address.parse().unwrap(), &headers)
        };
        assert_eq!(of("192.0.2.1", "a"), of("192.0.2.1", "a"));
        assert_ne!(of("192.0.2.1", "a"), of("192.0.2.1", "b"));
        assert_eq!(of("2001:db8::1", "a"), of("2001:db8::2", "a"), "one subscriber");
        let low = (0..20_000u32).filter(|n| of(&format!("10.0.{}.{}", n / 250, n % 250), "a").0 < COHORTS / 10).count();
        assert!((1_800..2_200).contains(&low), "{low} of 20,000");
    }
}
