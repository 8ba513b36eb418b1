//! Stored reply: status, headers, body, sealed. The key is derived from the request (body, owner and `Idempotency-Key`),
//! which is not kept: who reads the table, or a backup of it, gets neither tokens nor addresses.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use http::header::{CONNECTION, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rand::Rng;
use serde::{Deserialize, Serialize};
use souk_kernel::Problem;

/// What separates this use of the hash from all others.
const CONTEXT: &str = "souk 2026-11 sealing of idempotent replies";
const NONCE_BYTES: usize = 12;

/// What is kept beside the body.
#[derive(Serialize, Deserialize)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

/// Seals and opens the replies to one request.
pub(crate) struct Seal(ChaCha20Poly1305);

impl Seal {
    /// For the request with this name and this body.
    pub(crate) fn new(material: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        for part in material {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(ChaCha20Poly1305::new(&Key::from(*hasher.finalize().as_bytes())))
    }

    /// The reply in the form it is kept in.
    pub(crate) fn close(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>, Problem> {
        // Of this connection, or of this moment.
        let passing = [CONNECTION, TRANSFER_ENCODING, DATE];
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.to_string(), value.to_str().ok().filter(|_| !passing.contains(name))?.to_owned()))
        };
        let head = Head { status: status.as_u16(), headers: headers.iter().filter_map(text).collect() };
        let mut plain = serde_json::to_vec(&head).map_err(Problem::internal)?;
        plain.push(b'\n');
        plain.extend_from_slice(body);
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let sealed = self.0.encrypt(&Nonce::from(nonce), plain.as_slice());
        let sealed = sealed.map_err(|_| Problem::internal("a reply could not be sealed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The reply that was kept.
    pub(crate) fn open(&self, kept: &[u8]) -> Result<Response, Problem> {
        let unreadable = || Problem::internal("a kept reply cannot be opened: the row was changed");
        let (nonce, sealed) = kept.split_at_checked(NONCE_BYTES).ok_or_else(unreadable)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| unreadable())?;
        let plain = self.0.decrypt(&Nonce::from(nonce), sealed).map_err(|_| unreadable())?;
        let end = plain.iter().position(|byte| *byte == b'\n').ok_or_else(unreadable)?;
        let head: Head = serde_json::from_slice(&plain[..end]).map_err(Problem::internal)?;
        let mut response = Response::new(Body::from(Bytes::from(plain).slice(end + 1..)));
        *response.status_mut() = StatusCode::from_u16(head.status).map_err(Problem::internal)?;
        for (name, value) in head.headers {
            let name = HeaderName::try_from(name).map_err(Problem::internal)?;
            response.headers_mut().append(name, HeaderValue::try_from(value).map_err(Problem::internal)?);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_request_opens_a_reply() {
        let seal = Seal::new(&[b"name", b"body"]);
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_static("/x"));
        let kept = seal.close(StatusCode::CREATED, &headers, b"{\"token\":\"secret\"}\n").unwrap();
        assert!(!kept.windows(6).any(|part| part == b"secret"));
        let opened = seal.open(&kept).unwrap();
        assert_eq!((opened.status(), &opened.headers()["location"]), (StatusCode::CREATED, &"/x".parse().unwrap()));
        assert!(Seal::new(&[b"name", b"other"]).open(&kept).is_err());
        assert!(Seal::new(&[b"nameb", b"ody"]).open(&kept).is_err(), "parts are told apart");
        assert!(seal.open(&kept[..kept.len() - 1]).is_err());
    }
}
