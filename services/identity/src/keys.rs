//! Signing keys of access tokens. They are in the database, the private halves sealed with a key that is not, so all
//! instances sign with the same and rotation needs no restart.
//!
//! A key is made every 30 days and published for a while before it signs; it stays published until the last token it
//! signed is over. Instances look for new ones once a minute.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use ed25519_dalek::{SigningKey, VerifyingKey};
use parking_lot::RwLock;
use rand::Rng;
use sha2::{Digest, Sha256};
use souk_identity_api::token::{self, AUDIENCE, ISSUER, VALID_SECONDS};
use souk_identity_api::{AccessClaims, CustomerId, Jwks};
use souk_kernel::{Problem, Secret};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::store::{KeyRow, Store};

/// Age at which a key gets a successor.
const ROTATE_AFTER: Duration = Duration::from_secs(30 * 24 * 3600);
/// From publication to the first signature: longer than anybody remembers a set of keys (five minutes).
const PUBLISHED_AHEAD: Duration = Duration::from_secs(15 * 60);
/// How long a superseded key stays published: its last token is over after 11 minutes with leeway, and an instance may
/// learn a minute late that there is a successor.
const KEPT_AFTER: Duration = Duration::from_secs(3600);
/// How long an instance believes what it has read.
const KNOWN_FOR: Duration = Duration::from_secs(60);
const NONCE_BYTES: usize = 12;

/// The keys of this instance.
pub struct Keys {
    store: Store,
    sealing: Secret<[u8; 32]>,
    loaded: RwLock<Option<Arc<Loaded>>>,
    loading: Mutex<()>,
}

/// What was read: the key to sign with, and all public ones.
pub struct Loaded {
    kid: String,
    key: SigningKey,
    jwks: Jwks,
    at: Instant,
}

impl Loaded {
    /// A token for `customer`, issued at `now` (seconds since 1970, by the database's clock).
    pub fn access_token(&self, customer: CustomerId, now: i64) -> Secret<String> {
        let (iss, aud) = (ISSUER.to_owned(), AUDIENCE.to_owned());
        let claims = AccessClaims { iss, aud, sub: customer.0, iat: now, exp: now + VALID_SECONDS };
        Secret::new(token::sign(&claims, &self.kid, &self.key))
    }

    /// The public keys.
    pub fn jwks(&self) -> &Jwks {
        &self.jwks
    }
}

impl Keys {
    /// Nothing is read yet.
    pub fn new(store: Store, sealing: Secret<[u8; 32]>) -> Self {
        Self { store, sealing, loaded: RwLock::default(), loading: Mutex::default() }
    }

    /// The keys, at most a minute old; the first key of an installation is made here. While the database is away, those
    /// known so far.
    pub async fn current(&self) -> Result<Arc<Loaded>, Problem> {
        let known = || self.loaded.read().clone();
        let fresh = || known().filter(|loaded| loaded.at.elapsed() < KNOWN_FOR);
        if let Some(loaded) = fresh() {
            return Ok(loaded);
        }
        let _one_at_a_time = self.loading.lock().await;
        if let Some(loaded) = fresh() {
            return Ok(loaded);
        }
        match (self.load().await, known()) {
            (Ok(loaded), _) => Ok(loaded),
            (Err(problem), Some(old)) if problem.kind.retry_helps() => {
                tracing::warn!(
                    internal = problem.internal_detail(),
                    "signing keys cannot be read again, using known ones"
                );
                Ok(old)
            }
            (Err(problem), _) => Err(problem),
        }
    }

    /// Reads the keys now.
    pub async fn load(&self) -> Result<Arc<Loaded>, Problem> {
        let mut rows = self.store.signing_keys().await?;
        if rows.is_empty() {
            self.add_if_due().await?;
            rows = self.store.signing_keys().await?;
        }
        let loaded = Arc::new(self.open(&rows)?);
        *self.loaded.write() = Some(loaded.clone());
        Ok(loaded)
    }

    /// Makes a successor when the last key is old, and forgets keys whose tokens are all over. What the schedule does.
    pub async fn rotate(&self) -> Result<(), Problem> {
        if self.add_if_due().await? {
            tracing::info!("a new signing key was published");
        }
        let retired = self.store.retire_keys(KEPT_AFTER).await?;
        if retired > 0 {
            tracing::info!(retired, "signing keys were retired");
        }
        self.load().await.map(drop)
    }

    async fn add_if_due(&self) -> Result<bool, Problem> {
        let mut seed = [0; 32];
        rand::rng().fill_bytes(&mut seed);
        let key = SigningKey::from_bytes(&seed);
        let kid = thumbprint(&key.verifying_key());
        let sealed = seal(&self.sealing, &kid, &seed)?;
        let public = key.verifying_key().to_bytes();
        Ok(self.store.add_key(&kid, &public, &sealed, ROTATE_AFTER, PUBLISHED_AHEAD).await?)
    }

    fn open(&self, rows: &[KeyRow]) -> Result<Loaded, Problem> {
        let jwks =
            rows.iter().map(|row| Ok(token::jwk(&row.kid, &public_key(row)?))).collect::<Result<_, Problem>>()?;
        let newest = rows.iter().rev().find(|row| row.active);
        let row = newest.ok_or_else(|| Problem::internal("no signing key is active"))?;
        let seed = unseal(&self.sealing, &row.kid, &row.sealed)?;
        let key = SigningKey::from_bytes(&seed);
        if key.verifying_key() != public_key(row)? {
            return Err(Problem::internal(format!("signing key {}: the halves do not belong together", row.kid)));
        }
        Ok(Loaded { kid: row.kid.clone(), key, jwks: Jwks { keys: jwks }, at: Instant::now() })
    }
}

fn public_key(row: &KeyRow) -> Result<VerifyingKey, Problem> {
    let bytes: Option<[u8; 32]> = row.public_key.as_slice().try_into().ok();
    let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    key.ok_or_else(|| Problem::internal(format!("signing key {}: the public half is no key", row.kid)))
}

/// RFC 7638 with the members that RFC 8037 (appendix A.3) names: the name of a key follows from the key.
fn thumbprint(key: &VerifyingKey) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(key.as_bytes()));
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes()))
}

/// Nonce and ciphertext (RFC 8439). The key's name is authenticated with it, so rows cannot be swapped.
fn seal(sealing: &Secret<[u8; 32]>, kid: &str, seed: &[u8; 32]) -> Result<Vec<u8>, Problem> {
    let mut nonce = [0; NONCE_BYTES];
    rand::rng().fill_bytes(&mut nonce);
    let payload = Payload { msg: seed, aad: kid.as_bytes() };
    let cipher = ChaCha20Poly1305::new(&Key::from(*sealing.reveal()));
    let sealed = cipher.encrypt(&Nonce::from(nonce), payload);
    let sealed = sealed.map_err(|_| Problem::internal("a signing key could not be sealed"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn unseal(sealing: &Secret<[u8; 32]>, kid: &str, sealed: &[u8]) -> Result<[u8; 32], Problem> {
    let refused = || {
        let why =
            "cannot be unsealed: the key-encryption key is another one than it was sealed with, or the row was changed";
        Problem::internal(format!("signing key {kid} {why}"))
    };
    let (nonce, text) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(refused)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| refused())?;
    let payload = Payload { msg: text, aad: kid.as_bytes() };
    let cipher = ChaCha20Poly1305::new(&Key::from(*sealing.reveal()));
    let seed = cipher.decrypt(&Nonce::from(nonce), payload).map_err(|_| refused())?;
    seed.try_into().map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_is_opened_with_the_same_key_under_the_same_name_only() {
        let (key, other) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let sealed = seal(&key, "a", &[7; 32]).unwrap();
        assert_eq!(unseal(&key, "a", &sealed).unwrap(), [7; 32]);
        assert!(!sealed.windows(8).any(|part| part == [7; 8]));
        assert_ne!(seal(&key, "a", &[7; 32]).unwrap(), sealed, "each has its own nonce");
        let mut changed = sealed.clone();
        changed[20] ^= 1;
        for (key, kid, sealed) in [
            (&other, "a", &sealed[..]),
            (&key, "b", &sealed),
            (&key, "a", &changed),
            (&key, "a", &sealed[..11]),
            (&key, "a", &[]),
        ] {
            assert!(unseal(key, kid, sealed).is_err());
        }
    }

    #[test]
    fn a_key_is_named_as_rfc_8037_says() {
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = VerifyingKey::from_bytes(&x.try_into().unwrap()).unwrap();
        assert_eq!(thumbprint(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
