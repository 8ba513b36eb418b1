//! Login throttling with known devices (OWASP, "Device Cookies"): under which keys the tries of a password are counted,
//! and how long each key rests after wrong ones. The counting itself is SQL, so that tries at the same moment are counted one
//! after the other. Why these numbers: docs/adr/0009-known-devices-and-links-by-mail.md.

use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use souk_identity_api::CustomerId;

use super::{Digest, Email};

/// How wrong tries under one key are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wrong ones that cost nothing.
    pub free: i32,
    /// The first wait; each further failure doubles it.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

/// Wrong passwords in a row that cost nothing (PROMISES: backoff after 5).
const FREE_FAILURES: i32 = 5;
/// The first wait after them.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// Of one known device, of one address without one, and of a signed-in customer who changes the password: under a hundred and
/// thirty tries a day. Only they themselves feed it, so it may be long.
pub const OWN: Backoff = Backoff { free: FREE_FAILURES, first: FIRST_WAIT, longest: Duration::from_secs(15 * 60) };
/// Of all unknown devices of an account together. Strangers feed it, so it is short: 120 tries an hour in each lane.
pub const SHARED: Backoff = Backoff { free: FREE_FAILURES, first: FIRST_WAIT, longest: Duration::from_secs(30) };
/// Failures this old no longer count.
pub const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Wrong passwords from unknown devices after which the customer is told.
pub const TELL_AFTER: i32 = 10;
/// At most one such mail in this time.
pub const TELL_EVERY: Duration = Duration::from_secs(24 * 3600);

/// What the tries of one login are counted under. Digests, because an address that is no customer's is not ours to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// The device with the account; of use only when the device is known there.
    pub device: Digest,
    /// The client's address with the account.
    pub address: Digest,
    /// All unknown devices at addresses that have free tries left.
    pub fresh: Digest,
    /// All unknown devices at addresses that have none left: in a lane of their own, they take no turns from the others.
    pub spent: Digest,
}

impl Counters {
    /// Of a try of `email`'s password from the subscriber at `client`, by the device whose token has this digest.
    pub fn new(email: &Email, client: Option<IpAddr>, device: Option<&Digest>) -> Self {
        let account = email.account();
        let client = client.map(|client| client.to_string()).unwrap_or_default();
        Self {
            device: key("device", &account, device.map_or(&[], Digest::as_slice)),
            address: key("address", &account, client.as_bytes()),
            fresh: key("fresh", &account, &[]),
            spent: key("spent", &account, &[]),
        }
    }

    /// The lane of an address that has failed so often, this try included.
    pub fn lane(&self, failures: i32) -> &Digest {
        if failures <= FREE_FAILURES { &self.fresh } else { &self.spent }
    }
}

/// What wrong guesses of the old password are counted under when a signed-in customer changes it.
pub fn own_password(customer: CustomerId) -> Digest {
    key("own password", customer.0.as_bytes(), &[])
}

/// The first two have fixed sizes each, so that no two keys are made of the same bytes.
fn key(kind: &str, whose: &[u8], more: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update(Sha256::digest(kind.as_bytes()));
    hash.update(Sha256::digest(whose));
    hash.update(more);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries that are let through within `time`, when each comes as soon as it may and all are wrong.
    fn tries(backoff: Backoff, time: Duration) -> i32 {
        let (mut tries, mut spent, mut wait) = (backoff.free, Duration::ZERO, backoff.first);
        while spent < time {
            (tries, spent, wait) = (tries + 1, spent + wait, (wait * 2).min(backoff.longest));
        }
        tries
    }

    #[test]
    fn a_guesser_gets_few_tries() {
        let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(24 * 3600));
        assert!(tries(OWN, day) < 130, "{}", tries(OWN, day));
        assert!(tries(SHARED, hour) < 130, "{}", tries(SHARED, hour));
    }

    #[test]
    fn every_key_is_another_one() {
        let (ada, eve) = (Email::parse("ada@example.com").unwrap(), Email::parse("eve@example.com").unwrap());
        let client = Some("192.0.2.1".parse().unwrap());
        let of = |email, client, device: Option<&Digest>| Counters::new(email, client, device);
        let here = of(&ada, client, Some(&[1; 32]));
        let mut all = vec![here.device, here.address, here.fresh, here.spent];
        let other = of(&eve, client, Some(&[1; 32]));
        all.extend([other.device, other.address, other.fresh, other.spent, ada.account()]);
        all.push(of(&ada, Some("192.0.2.2".parse().unwrap()), None).address);
        all.push(of(&ada, None, Some(&[2; 32])).device);
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!((here.lane(5), here.lane(6)), (&here.fresh, &here.spent));
    }
}
