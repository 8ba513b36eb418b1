//! Test certificates, right and wrong ones.

use std::path::Path;

use souk_tls::{Authority, Identity, TrustDomain, Validity};

/// An authority, and the folder of what it issued.
pub struct Pki {
    pub authority: Authority,
    dir: tempfile::TempDir,
}

pub fn domain() -> TrustDomain {
    TrustDomain::parse("souk").unwrap()
}

impl Pki {
    pub fn new() -> Self {
        let (authority, dir) = (Authority::new(Validity::around_now(1)).unwrap(), tempfile::tempdir().unwrap());
        authority.save(dir.path()).unwrap();
        Self { authority, dir }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A good certificate of `role`.
    pub fn identity(&self, role: &'static str) -> Identity {
        self.issue(role);
        Identity::load(self.dir(), &domain(), role).unwrap()
    }

    /// Puts a new certificate of `role` where the old one was.
    pub fn issue(&self, role: &str) {
        let issued = self.authority.issue(&domain(), role, Validity::around_now(1)).unwrap();
        issued.save(self.dir(), role, true).unwrap();
    }
}
