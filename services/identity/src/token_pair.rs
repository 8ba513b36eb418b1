//! Token pair of one sign-in, before it is given away.

use rand::Rng;
use souk_identity_api::token::VALID_SECONDS;
use souk_identity_api::{Customer, SignedIn};
use souk_kernel::Secret;
use uuid::Uuid;

use crate::domain::{RefreshToken, SessionToken};
use crate::keys::Loaded;
use crate::store::NewSession;

/// A session token and a refresh token. Only their digests are stored.
pub(crate) struct TokenPair {
    session: SessionToken,
    refresh: RefreshToken,
}

/// The random part of a token.
pub(crate) fn secret_bytes() -> [u8; 32] {
    let mut secret = [0; 32];
    rand::rng().fill_bytes(&mut secret);
    secret
}

impl TokenPair {
    pub(crate) fn new(family: Uuid) -> Self {
        Self { session: SessionToken::new(secret_bytes()), refresh: RefreshToken::new(family, secret_bytes()) }
    }

    pub(crate) fn stored(&self) -> NewSession {
        NewSession { id: self.refresh.session, session: self.session.digest(), refresh: self.refresh.digest() }
    }

    pub(crate) fn signed_in(
        &self,
        keys: &Loaded,
        customer: Customer,
        now: i64,
        device_token: Option<Secret<String>>,
    ) -> SignedIn {
        SignedIn {
            access_token: keys.access_token(customer.id, now),
            expires_in: VALID_SECONDS.unsigned_abs(),
            refresh_token: self.refresh.text(),
            session_token: self.session.text(),
            device_token,
            customer,
        }
    }
}
