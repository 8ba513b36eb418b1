//! Access tokens: JWTs (RFC 7519) signed with Ed25519 (RFC 8037), the one algorithm there is.
//!
//! Identity signs, the gateway verifies. The key is looked up by `kid` in our own set and nowhere else; `jku`, `x5u` and
//! `jwk` of a token's header are not even read. No JWT library: its other algorithms would be the attack surface.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AccessClaims, Jwk, Jwks};

/// Who issues tokens.
pub const ISSUER: &str = "souk";
/// Whom they are for.
pub const AUDIENCE: &str = "souk-api";
/// Seconds a token is valid.
pub const VALID_SECONDS: i64 = 600;
/// Seconds by which clocks of two machines may differ.
pub const LEEWAY_SECONDS: i64 = 60;
/// Characters of the longest token that is looked at; ours have about 400.
const MAX_CHARS: usize = 2048;
const ALGORITHM: &str = "EdDSA";

/// Why a token is refused. For logs: clients learn only that it is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64url with JSON inside.
    #[error("malformed token")]
    Malformed,
    /// Another algorithm than EdDSA, `none` among them, or an extension we do not know.
    #[error("algorithm not allowed")]
    Algorithm,
    /// No key of that name in our set.
    #[error("unknown key {0:?}")]
    UnknownKey(String),
    /// Not signed with the key it names.
    #[error("wrong signature")]
    Signature,
    /// Of another issuer or for another audience.
    #[error("wrong issuer or audience")]
    Claims,
    /// Too old, or from the future.
    #[error("expired or not yet valid")]
    Time,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    #[serde(default, skip_serializing)]
    crit: Option<serde_json::Value>,
}

/// A signed token with `claims`.
pub fn sign(claims: &AccessClaims, kid: &str, key: &SigningKey) -> String {
    let header = Header { alg: ALGORITHM.into(), kid: kid.into(), typ: Some("JWT".into()), crit: None };
    let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
    let header = part(serde_json::to_vec(&header).expect("a header always encodes"));
    let claims = part(serde_json::to_vec(claims).expect("claims always encode"));
    let signature = key.sign(format!("{header}.{claims}").as_bytes());
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// The claims of `token`, if one of `keys` signed it and it is valid at `now`.
pub fn verify(token: &str, keys: &Jwks, now: Timestamp) -> Result<AccessClaims, TokenError> {
    if token.len() > MAX_CHARS {
        return Err(TokenError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
    if header.alg != ALGORITHM || header.crit.is_some() {
        return Err(TokenError::Algorithm);
    }
    let key = keys.keys.iter().find(|key| key.kid == header.kid).ok_or(TokenError::UnknownKey(header.kid))?;
    let signature = Signature::from_slice(&decode(signature)?).map_err(|_| TokenError::Malformed)?;
    let key = public_key(key).ok_or(TokenError::Signature)?;
    key.verify_strict(signed.as_bytes(), &signature).map_err(|_| TokenError::Signature)?;
    let claims: AccessClaims = serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Malformed)?;
    if claims.iss != ISSUER || claims.aud != AUDIENCE {
        return Err(TokenError::Claims);
    }
    let now = now.as_second();
    if now > claims.exp.saturating_add(LEEWAY_SECONDS) || now < claims.iat.saturating_sub(LEEWAY_SECONDS) {
        return Err(TokenError::Time);
    }
    Ok(claims)
}

/// The public half of `key` as it is published.
pub fn jwk(kid: &str, key: &VerifyingKey) -> Jwk {
    Jwk {
        kty: "OKP".into(),
        crv: "Ed25519".into(),
        alg: ALGORITHM.into(),
        usage: "sig".into(),
        kid: kid.into(),
        x: URL_SAFE_NO_PAD.encode(key.as_bytes()),
    }
}

fn public_key(key: &Jwk) -> Option<VerifyingKey> {
    if key.kty != "OKP" || key.crv != "Ed25519" {
        return None;
    }
    let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(&key.x).ok()?.try_into().ok()?;
    VerifyingKey::from_bytes(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn claims() -> AccessClaims {
        let sub = uuid::Uuid::from_u128(7);
        AccessClaims { iss: ISSUER.into(), aud: AUDIENCE.into(), sub, iat: 1000, exp: 1000 + VALID_SECONDS }
    }

    fn keys() -> (SigningKey, Jwks) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let keys = Jwks { keys: vec![jwk("k1", &key.verifying_key())] };
        (key, keys)
    }

    fn forged(header: &str, payload: &str, signature: &[u8]) -> String {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        format!("{}.{}.{}", b64(header.as_bytes()), b64(payload.as_bytes()), b64(signature))
    }

    #[test]
    fn what_we_signed_is_valid_for_its_time_and_a_minute_around() {
        let (key, keys) = keys();
        let token = sign(&claims(), "k1", &key);
        for now in [940, 1000, 1600, 1660] {
            assert_eq!(verify(&token, &keys, at(now)).unwrap().sub, claims().sub, "{now}");
        }
        for now in [939, 1661] {
            assert_eq!(verify(&token, &keys, at(now)).unwrap_err(), TokenError::Time, "{now}");
        }
    }

    #[test]
    fn what_we_did_not_sign_is_refused() {
        let (key, keys) = keys();
        let other = SigningKey::from_bytes(&[8; 32]);
        let now = at(1000);
        let error = |token: &str| verify(token, &keys, now).unwrap_err();
        assert_eq!(error(&sign(&claims(), "k1", &other)), TokenError::Signature);
        assert_eq!(error(&sign(&claims(), "k2", &key)), TokenError::UnknownKey("k2".into()));
        let good = sign(&claims(), "k1", &key);
        let mut changed = good.clone().into_bytes();
        let at = good.find('.').unwrap() + 10;
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(error(std::str::from_utf8(&changed).unwrap()), TokenError::Signature);
        let payload = serde_json::to_string(&claims()).unwrap();
        for alg in ["none", "HS256", "ES256", "eddsa"] {
            let header = format!(r#"{{"alg":"{alg}","kid":"k1"}}"#);
            assert_eq!(error(&forged(&header, &payload, &[0; 64])), TokenError::Algorithm, "{alg}");
        }
        let own_key = jwk("k1", &other.verifying_key());
        let header = format!(
            r#"{{"alg":"EdDSA","kid":"k1","jku":"https://evil","jwk":{}}}"#,
            serde_json::to_string(&own_key).unwrap()
        );
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(&payload));
        let evil = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(other.sign(signed.as_bytes()).to_bytes()));
        assert_eq!(error(&evil), TokenError::Signature, "a key that the token brings along is not used");
        let critical = forged(r#"{"alg":"EdDSA","kid":"k1","crit":["x"]}"#, &payload, &[0; 64]);
        assert_eq!(error(&critical), TokenError::Algorithm);
        for malformed in ["", "a", "a.b", "a.b.c", "..", &"x".repeat(5000)] {
            assert_eq!(error(malformed), TokenError::Malformed, "{malformed}");
        }
    }

    #[test]
    fn tokens_of_others_and_for_others_are_refused() {
        let (key, keys) = keys();
        for wrong in [AccessClaims { iss: "x".into(), ..claims() }, AccessClaims { aud: "x".into(), ..claims() }] {
            assert_eq!(verify(&sign(&wrong, "k1", &key), &keys, at(1000)).unwrap_err(), TokenError::Claims);
        }
    }
}
