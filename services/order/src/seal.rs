//! Authenticated encryption (ChaCha20-Poly1305, RFC 8439) of payment tokens at rest: a checkout that waits or is taken over
//! needs its token again, and who reads the table must not have it. The saga's id is authenticated with it, so that a token
//! cannot be moved to another order.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use souk_kernel::{Problem, Secret};
use uuid::Uuid;

/// What a sealed token begins with; others are as the release before this one left them.
const PREFIX: &str = "sealed:v1:";
/// Of RFC 8439.
const NONCE_BYTES: usize = 12;

/// Seals and opens tokens.
#[derive(Clone)]
pub struct Seal(Secret<[u8; 32]>);

impl Seal {
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        Self(key)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.0.reveal()))
    }

    /// The token as it may be stored with the saga.
    pub fn seal(&self, saga: Uuid, token: &str) -> Result<String, Problem> {
        let nonce = Nonce::generate();
        let payload = Payload { msg: token.as_bytes(), aad: saga.as_bytes() };
        let sealed = self.cipher().encrypt(&nonce, payload);
        let sealed = sealed.map_err(|_| Problem::internal("a payment token could not be sealed"))?;
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// The token that was stored.
    pub fn open(&self, saga: Uuid, stored: &str) -> Result<String, Problem> {
        let Some(text) = stored.strip_prefix(PREFIX) else { return Ok(stored.to_owned()) };
        let refused =
            || Problem::internal(format!("the payment token of {saga} cannot be opened: another key, or changed"));
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(refused)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| refused())?;
        let payload = Payload { msg: sealed, aad: saga.as_bytes() };
        let token = self.cipher().decrypt(&Nonce::from(nonce), payload).map_err(|_| refused())?;
        String::from_utf8(token).map_err(|_| refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_opened_for_its_own_saga_only() {
        let (seal, saga) = (Seal::new(Secret::new([7; 32])), Uuid::from_u128(1));
        let sealed = seal.seal(saga, "tok_ok").unwrap();
        assert!(!sealed.contains("tok_ok"));
        assert_eq!(seal.open(saga, &sealed).unwrap(), "tok_ok");
        assert_ne!(seal.seal(saga, "tok_ok").unwrap(), sealed, "each has its own nonce");
        assert!(seal.open(Uuid::from_u128(2), &sealed).is_err(), "moved to another order");
        assert!(Seal::new(Secret::new([8; 32])).open(saga, &sealed).is_err(), "another key");
        assert!(seal.open(saga, &sealed[..sealed.len() - 1]).is_err(), "cut off");
        assert_eq!(seal.open(saga, "tok_plain").unwrap(), "tok_plain", "as the release before this one left it");
    }
}
