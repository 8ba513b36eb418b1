//! Keyed hash of rate-limit subjects: the same in all gateways of an installation, so that they can share buckets without telling
//! Redis any address or token.

use std::hash::{BuildHasher, Hasher};

/// Builds hashes that are the same in every process that has the key, and that cannot be predicted without it.
pub(crate) struct SharedHasher([u8; 32]);

impl SharedHasher {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl BuildHasher for SharedHasher {
    type Hasher = Keyed;

    fn build_hasher(&self) -> Keyed {
        Keyed(blake3::Hasher::new_keyed(&self.0))
    }
}

/// A keyed BLAKE3 hash, cut to 64 bits.
pub(crate) struct Keyed(blake3::Hasher);

impl Hasher for Keyed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0.finalize().as_bytes()[..8]);
        u64::from_le_bytes(first)
    }
}
