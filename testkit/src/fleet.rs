//! Which roles live together in the split fleet, and how they prove who they are.

use std::path::Path;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use souk::all_roles;
use souk::config::TRUST_DOMAIN;
use souk_tls::{Authority, TrustDomain, Validity};

/// Roles by process, in the order they are started. Those that are not named here live together.
pub fn role_groups() -> Vec<Vec<&'static str>> {
    let named = [
        &["pricing", "pricing-worker", "inventory", "inventory-worker"][..],
        &["payment", "payment-worker", "shipping", "shipping-worker"],
        &["catalog", "catalog-worker", "search", "search-worker"],
        &["cart", "cart-worker", "order", "order-worker"],
        &["identity", "identity-worker", "notification", "notification-worker"],
        &["storefront", "gateway"],
    ];
    let mut groups: Vec<Vec<_>> = named.iter().map(|group| group.to_vec()).collect();
    let others: Vec<_> = all_roles().into_iter().filter(|role| !named.concat().contains(role)).collect();
    if !others.is_empty() {
        groups.insert(0, others);
    }
    groups
}

/// Certificates of all roles, in a folder that goes with the last fleet.
pub struct Pki(tempfile::TempDir);

impl Pki {
    /// Where they lie.
    pub fn dir(&self) -> &Path {
        self.0.path()
    }
}

/// The certificates of this test process: made once, all its fleets share them.
pub fn pki() -> Arc<Pki> {
    static MADE: Mutex<Weak<Pki>> = Mutex::new(Weak::new());
    let mut made = MADE.lock();
    if let Some(pki) = made.upgrade() {
        return pki;
    }
    let dir = tempfile::tempdir().unwrap();
    let (authority, domain) =
        (Authority::new(Validity::around_now(1)).unwrap(), TrustDomain::parse(TRUST_DOMAIN).unwrap());
    authority.save(dir.path()).unwrap();
    for role in all_roles() {
        authority.issue(&domain, role, Validity::around_now(1)).unwrap().save(dir.path(), role, false).unwrap();
    }
    let pki = Arc::new(Pki(dir));
    *made = Arc::downgrade(&pki);
    pki
}
