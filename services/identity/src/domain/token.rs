//! Random tokens of sessions, refreshes, devices and links: 256 bits each, known to us only by their SHA-256. A fast hash is right here:
//! there is nothing to guess.
//!
//! A refresh token also names its family, the session. So a token that is not the family's last one is known for a
//! spent one without keeping those. The family's id is random and only ever leaves in tokens, so no other client can name
//! it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use souk_kernel::Secret;
use uuid::Uuid;

/// Bytes of a token's random part.
pub const SECRET_BYTES: usize = 32;
const ID_BYTES: usize = 16;

/// What of a token is stored.
pub type Digest = [u8; 32];

/// A token that says nothing by itself: a browser's session, a device, a link in a mail.
#[derive(Clone)]
pub struct OpaqueToken([u8; SECRET_BYTES]);

/// A browser's token.
pub type SessionToken = OpaqueToken;

impl OpaqueToken {
    /// A token of fresh random bits.
    pub fn new(secret: [u8; SECRET_BYTES]) -> Self {
        Self(secret)
    }

    /// Reads what [`OpaqueToken::text`] wrote.
    pub fn parse(text: &Secret<String>) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text.reveal()).ok()?.try_into().ok().map(Self)
    }

    /// For the cookie, or the link.
    pub fn text(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    /// For the database.
    pub fn digest(&self) -> Digest {
        Sha256::digest(self.0).into()
    }
}

/// An API client's token.
#[derive(Clone)]
pub struct RefreshToken {
    /// The session it belongs to.
    pub session: Uuid,
    secret: [u8; SECRET_BYTES],
}

impl RefreshToken {
    /// A token of fresh random bits.
    pub fn new(session: Uuid, secret: [u8; SECRET_BYTES]) -> Self {
        Self { session, secret }
    }

    /// Reads what [`RefreshToken::text`] wrote.
    pub fn parse(text: &Secret<String>) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.reveal()).ok()?;
        let (id, secret) = bytes.split_at_checked(ID_BYTES)?;
        Some(Self { session: Uuid::from_slice(id).ok()?, secret: secret.try_into().ok()? })
    }

    /// For the client.
    pub fn text(&self) -> Secret<String> {
        let bytes = [self.session.as_bytes().as_slice(), &self.secret].concat();
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// For the database.
    pub fn digest(&self) -> Digest {
        Sha256::digest(self.secret).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        let refresh = RefreshToken::new(Uuid::from_u128(7), [9; 32]);
        let read = RefreshToken::parse(&refresh.text()).unwrap();
        assert_eq!((read.session, read.digest()), (refresh.session, refresh.digest()));
        let session = SessionToken::new([9; 32]);
        assert_eq!(SessionToken::parse(&session.text()).unwrap().digest(), session.digest());
        assert!(SessionToken::parse(&refresh.text()).is_none(), "one kind is not taken for the other");
        assert!(RefreshToken::parse(&session.text()).is_none());
        for wrong in ["", "x", "=", "%00", &"A".repeat(42), &"A".repeat(44), &"A".repeat(65), &"é".repeat(43)] {
            let text = Secret::new((*wrong).to_owned());
            assert!(SessionToken::parse(&text).is_none() && RefreshToken::parse(&text).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_digest_is_not_the_token() {
        let token = SessionToken::new([9; 32]);
        assert_ne!(token.digest(), [9; 32]);
        assert_ne!(token.digest(), SessionToken::new([8; 32]).digest());
    }
}
