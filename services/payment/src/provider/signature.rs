//! Webhook signature, `Souk-Signature: t=<seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`: over the raw body, and only while
//! it is fresh, so that a copied webhook cannot be replayed late. Several `v1` are allowed: one per secret while secrets
//! rotate.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use souk_kernel::{Kind, Problem, Secret};

/// How far the sender's clock and ours may be apart, plus the delay of a slow network. As other providers have it.
const TOLERANCE_SECONDS: i64 = 300;
/// Characters of the longest header looked at.
const MAX_HEADER: usize = 1024;

/// Why a webhook is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// No signature, or not in its form.
    #[error("the webhook carries no signature")]
    Unsigned,
    /// Not made with our secret over this body.
    #[error("the webhook's signature is wrong")]
    Forged,
    /// Right, but too old, or from the future.
    #[error("the webhook's timestamp is too far from now")]
    Stale,
    /// Right, but not understood.
    #[error("the webhook's body is not understood")]
    Unreadable,
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Unreadable => Problem::invalid("webhook_unreadable", error.to_string()),
            WebhookError::Stale => Problem::new(Kind::Unauthenticated, "webhook_stale", error.to_string()),
            _ => Problem::new(Kind::Unauthenticated, "webhook_not_signed", error.to_string()),
        }
    }
}

/// Checks `header` over `body`. The signature is checked before the time, so that nothing unproven decides anything.
pub fn verify(
    secrets: &[Secret<String>],
    header: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), WebhookError> {
    let header = header.filter(|header| header.len() <= MAX_HEADER).ok_or(WebhookError::Unsigned)?;
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let (_, seconds) = parts().find(|(name, _)| *name == "t").ok_or(WebhookError::Unsigned)?;
    let sent: i64 = seconds.parse().map_err(|_| WebhookError::Unsigned)?;
    let macs: Vec<[u8; 32]> = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, mac)| unhex(mac)).collect();
    if macs.is_empty() {
        return Err(WebhookError::Unsigned);
    }
    let proven = secrets.iter().any(|secret| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of any length");
        mac.update(seconds.as_bytes());
        mac.update(b".");
        mac.update(body);
        macs.iter().any(|theirs| mac.clone().verify_slice(theirs).is_ok())
    });
    if !proven {
        return Err(WebhookError::Forged);
    }
    if now.as_second().abs_diff(sent) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err(WebhookError::Stale);
    }
    Ok(())
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, body: &[u8], now: i64) -> Result<(), WebhookError> {
        let secrets = ["old", "new"].map(|secret| Secret::new(secret.to_owned()));
        verify(&secrets, Some(header), body, Timestamp::from_second(now).unwrap())
    }

    #[test]
    fn only_a_fresh_signature_over_this_very_body_counts() {
        for secret in ["old", "new"] {
            let header = souk_psp_sandbox::sign(secret.as_bytes(), 1_000_000, b"{}");
            assert_eq!(check(&header, b"{}", 1_000_000), Ok(()));
            assert_eq!(check(&header, b"{}", 1_000_300), Ok(()));
            assert_eq!(check(&header, b"{}", 999_700), Ok(()));
            assert_eq!(check(&header, b"{}", 1_000_301), Err(WebhookError::Stale));
            assert_eq!(check(&header, b"{}", 999_699), Err(WebhookError::Stale));
            assert_eq!(check(&header, b"{ }", 1_000_000), Err(WebhookError::Forged));
            let later = header.replace("t=1000000", "t=1000001");
            assert_eq!(check(&later, b"{}", 1_000_001), Err(WebhookError::Forged), "the time is signed too");
        }
        let stranger = souk_psp_sandbox::sign(b"stranger", 1_000_000, b"{}");
        assert_eq!(check(&stranger, b"{}", 1_000_000), Err(WebhookError::Forged));
        let mac = stranger.split_once("v1=").unwrap().1.to_owned();
        let both = format!("{},v1={mac}", souk_psp_sandbox::sign(b"new", 1_000_000, b"{}"));
        assert_eq!(check(&both, b"{}", 1_000_000), Ok(()), "one of several is enough");
    }

    #[test]
    fn what_is_no_signature_is_none() {
        for header in ["", "t=1", "v1=00", "t=x,v1=00", "t=1,v1=zz", "t=1,v1=éé", &"x".repeat(2000)] {
            assert_eq!(check(header, b"{}", 1), Err(WebhookError::Unsigned), "{header}");
        }
        assert_eq!(verify(&[], None, b"{}", Timestamp::UNIX_EPOCH), Err(WebhookError::Unsigned));
    }
}
