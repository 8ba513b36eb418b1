//! Read-your-writes tokens: the position of a visitor's own writes in the database's log, carried by the visitor, signed, in a cookie
//! for browsers and in a header for programs. Reads of theirs go to a replica only when it has come that far (docs/adr/0004).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use souk_kernel::Secret;
use souk_web::Cookies;
use subtle::ConstantTimeEq;

/// The cookie, without prefix.
const COOKIE: &str = "souk_pos";
/// The header, both ways.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("souk-position");
/// How long a token counts. Longer than a replica that is read from may lag, which the configuration checks: after that every
/// replica has the write.
pub const POSITION_SECONDS: u64 = 60;
/// Everything may be read from anywhere.
const ANYWHERE: u64 = 0;
/// Everything must be read from the primary.
const PRIMARY: u64 = u64::MAX;
/// Of a keyed BLAKE3 hash: 96 bits are not guessed within a minute, and what is gained is a slower answer.
const MAC_BYTES: usize = 12;
/// Position, end, proof.
const TOKEN_BYTES: usize = 8 + 8 + MAC_BYTES;

/// Makes and checks the tokens.
pub(crate) struct PositionTokens(Secret<[u8; 32]>);

impl PositionTokens {
    pub(crate) fn new(key: Secret<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The position that a request must be answered from at least. A client that shows no token and has no cookie may be a program that
    /// does not know of tokens and wrote a moment ago: what it reads comes from the primary. Sending the header, even empty, says that
    /// it knows.
    pub(crate) fn required(&self, cookies: Cookies, method: &Method, headers: &HeaderMap, now: i64) -> u64 {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let token = given.or_else(|| cookies.read(headers, COOKIE));
        if let Some(position) = token.and_then(|token| self.open(token, now)) {
            return position;
        }
        let knows = given.is_some() || headers.contains_key(header::COOKIE);
        // What decides before it writes reads from the primary anyway; the write's position is to be seen afterwards.
        if knows || !method.is_safe() { ANYWHERE } else { PRIMARY }
    }

    /// Gives the visitor the position of their write. Not on what caches may keep.
    pub(crate) fn set(&self, cookies: Cookies, headers: &mut HeaderMap, position: u64, now: i64) {
        let token = self.seal(position, now);
        headers.append(header::SET_COOKIE, cookies.set(COOKIE, &token, Some(Duration::from_secs(POSITION_SECONDS))));
        if let Ok(value) = HeaderValue::try_from(token) {
            headers.insert(HEADER, value);
        }
    }

    fn seal(&self, position: u64, now: i64) -> String {
        let until = now.saturating_add(i64::try_from(POSITION_SECONDS * 1_000_000).unwrap_or(0));
        let mut token = [0; TOKEN_BYTES];
        token[..8].copy_from_slice(&position.to_be_bytes());
        token[8..16].copy_from_slice(&until.to_be_bytes());
        let mac = self.mac(&token[..16]);
        token[16..].copy_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The position of a token of ours that has not run out.
    fn open(&self, text: &str, now: i64) -> Option<u64> {
        // The decoder wants room for what it estimates.
        let mut room = [0; TOKEN_BYTES + 4];
        let written = URL_SAFE_NO_PAD.decode_slice(text, &mut room).ok()?;
        let token = room.get(..written).filter(|token| token.len() == TOKEN_BYTES)?;
        if !bool::from(self.mac(&token[..16]).ct_eq(&token[16..])) {
            return None;
        }
        let until = i64::from_be_bytes(token[8..16].try_into().ok()?);
        let position = u64::from_be_bytes(token[..8].try_into().ok()?);
        (now < until).then_some(position)
    }

    fn mac(&self, what: &[u8]) -> [u8; MAC_BYTES] {
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&blake3::keyed_hash(self.0.reveal(), what).as_bytes()[..MAC_BYTES]);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000_000;
    const SECOND: i64 = 1_000_000;
    const PLAIN: Cookies = Cookies { https: false };

    fn positions(key: u8) -> PositionTokens {
        PositionTokens::new(Secret::new([key; 32]))
    }

    fn with(name: &str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        headers
    }

    #[test]
    fn a_token_comes_back_by_cookie_and_by_header_for_a_minute() {
        let positions = positions(1);
        let mut told = HeaderMap::new();
        positions.set(Cookies { https: true }, &mut told, 77, NOW);
        let cookie = told[header::SET_COOKIE].to_str().unwrap();
        let (pair, guards) = cookie.split_once(';').unwrap();
        assert!(pair.starts_with("__Host-souk_pos="), "{cookie}");
        assert_eq!(guards, " HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
        let https = Cookies { https: true };
        let token = told[HEADER].to_str().unwrap();
        for headers in [with("cookie", pair), with("souk-position", token)] {
            assert_eq!(positions.required(https, &Method::GET, &headers, NOW + 59 * SECOND), 77);
            assert_eq!(positions.required(https, &Method::GET, &headers, NOW + 60 * SECOND), ANYWHERE);
        }
    }

    #[test]
    fn junk_and_tokens_of_others_are_as_none() {
        let (ours, theirs) = (positions(1), positions(2).seal(u64::MAX, NOW));
        let mut bent = ours.seal(5, NOW).into_bytes();
        bent[3] ^= 1;
        let bent = String::from_utf8(bent).unwrap();
        let long = "A".repeat(5_000);
        for junk in ["", "x", "77", theirs.as_str(), bent.as_str(), long.as_str()] {
            let headers = with("souk-position", junk);
            assert_eq!(ours.required(PLAIN, &Method::GET, &headers, NOW), ANYWHERE, "{junk}");
        }
    }

    #[test]
    fn who_may_have_written_without_knowing_of_tokens_reads_from_the_primary() {
        let positions = positions(1);
        let nothing = HeaderMap::new();
        assert_eq!(positions.required(PLAIN, &Method::GET, &nothing, NOW), PRIMARY);
        assert_eq!(positions.required(PLAIN, &Method::POST, &nothing, NOW), ANYWHERE);
        assert_eq!(positions.required(PLAIN, &Method::GET, &with("souk-position", ""), NOW), ANYWHERE);
        assert_eq!(positions.required(PLAIN, &Method::GET, &with("cookie", "souk_cart=1"), NOW), ANYWHERE);
    }
}
