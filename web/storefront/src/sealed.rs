//! Sealed cookies: authenticated encryption (XChaCha20-Poly1305) of small values that a browser keeps for us.
//!
//! The storefront has no store of its own, and a form that is answered by a redirect has something to say on the next page:
//! what was typed, an address perhaps, or the right to see an order. Readable, that would lie open in the browser's files
//! and in every place that writes headers down; unauthenticated, anybody could put words into our pages. Nonces are random
//! and of 192 bits, so one key serves all instances for good.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_kernel::Secret;

/// Characters of a sealed value: browsers take cookies of 4,096 bytes with name and attributes (RFC 6265, 6.1).
const MAX_CHARS: usize = 3_600;
const NONCE_BYTES: usize = 24;

/// Seals values for cookies and opens them again.
#[derive(Clone)]
pub(crate) struct Seals(Secret<[u8; 32]>);

impl Seals {
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        Self(key)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0.reveal()))
    }

    /// `value` for the cookie `name`; none when it is too large for one.
    pub fn seal(&self, name: &str, value: &impl Serialize) -> Option<String> {
        let plain = serde_json::to_vec(value).ok()?;
        let mut nonce = [0u8; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload { msg: &plain, aad: name.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).ok()?;
        let text = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat());
        (text.len() <= MAX_CHARS).then_some(text)
    }

    /// What the cookie `name` holds; none for what we did not put there.
    pub fn open<T: DeserializeOwned>(&self, name: &str, text: &str) -> Option<T> {
        if text.len() > MAX_CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        let plain = self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_name_and_key_alone() {
        let seals = Seals::new(Secret::new([1; 32]));
        let sealed = seals.seal("a", &"Marktplatz 1").unwrap();
        assert_eq!(seals.open::<String>("a", &sealed).as_deref(), Some("Marktplatz 1"));
        assert!(!sealed.contains("Marktplatz"));
        assert_ne!(seals.seal("a", &"Marktplatz 1").unwrap(), sealed, "never twice the same");
        assert_eq!(seals.open::<String>("b", &sealed), None, "moved to another cookie");
        assert_eq!(Seals::new(Secret::new([2; 32])).open::<String>("a", &sealed), None, "of another shop");
        let mut changed = sealed.into_bytes();
        let last = changed.len() - 2;
        changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
        for forged in [std::str::from_utf8(&changed).unwrap(), "", "AAAA", "not base64!"] {
            assert_eq!(seals.open::<String>("a", forged), None, "{forged}");
        }
        assert_eq!(seals.seal("a", &"x".repeat(MAX_CHARS)), None, "a browser would not keep it");
    }
}
