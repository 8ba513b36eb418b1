//! Cookies as PROMISES asks: `__Host-`, Secure, HttpOnly, SameSite=Lax; plain only on loopback HTTP, where browsers
//! refuse the prefix.

use std::time::Duration;

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};

/// Name of the storefront's session cookie, without prefix. The gateway reads it.
pub const SESSION_COOKIE: &str = "souk_session";
/// Name of the cookie that holds the cart's id, without prefix.
pub const CART_COOKIE: &str = "souk_cart";

/// How cookies are named and guarded on this installation.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    /// Browsers reach us by https.
    pub https: bool,
}

impl Cookies {
    /// The name on the wire: `__Host-souk_session` on https.
    pub fn name(self, name: &str) -> String {
        if self.https { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// A `Set-Cookie` value; without `max_age` it ends with the browser's session.
    ///
    /// `value` must be of the characters a cookie may hold (RFC 6265): our tokens and ids are; others are dropped.
    pub fn set(self, name: &str, value: &str, max_age: Option<Duration>) -> HeaderValue {
        let value: String = value.chars().filter(|c| is_cookie_octet(*c)).collect();
        let mut cookie = Cookie::build((self.name(name), value))
            .path("/")
            .http_only(true)
            .secure(self.https)
            .same_site(SameSite::Lax);
        if let Some(age) = max_age {
            cookie = cookie.max_age(cookie::time::Duration::seconds(i64::try_from(age.as_secs()).unwrap_or(i64::MAX)));
        }
        let text = cookie.build().to_string();
        HeaderValue::try_from(text).expect("printable ASCII is a header value")
    }

    /// A `Set-Cookie` value that removes the cookie.
    pub fn clear(self, name: &str) -> HeaderValue {
        self.set(name, "", Some(Duration::ZERO))
    }

    /// The value of a cookie of the request; the first one when it was sent twice.
    pub fn read<'h>(self, headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        for line in headers.get_all(header::COOKIE) {
            for pair in line.to_str().ok()?.split(';') {
                let Some((key, value)) = pair.trim_ascii().split_once('=') else { continue };
                let bare = if self.https { key.strip_prefix("__Host-") } else { Some(key) };
                if bare == Some(name) {
                    return Some(value.trim_matches('"'));
                }
            }
        }
        None
    }
}

/// Characters of a cookie's value (RFC 6265, 4.1.1).
fn is_cookie_octet(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | ',' | ';' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_cookies_are_bound_to_the_host() {
        let set = Cookies { https: true }.set(SESSION_COOKIE, "abc", Some(Duration::from_secs(60)));
        assert_eq!(set, "__Host-souk_session=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
        let plain = Cookies { https: false }.set(SESSION_COOKIE, "abc", None);
        assert_eq!(plain, "souk_session=abc; HttpOnly; SameSite=Lax; Path=/");
        assert!(Cookies { https: true }.clear("x").to_str().unwrap().contains("Max-Age=0"));
    }

    #[test]
    fn a_cookie_without_the_prefix_is_not_taken_for_ours() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=1; souk_session=evil; __Host-souk_session=good"));
        assert_eq!(Cookies { https: true }.read(&headers, SESSION_COOKIE), Some("good"));
        assert_eq!(Cookies { https: false }.read(&headers, SESSION_COOKIE), Some("evil"));
        assert_eq!(Cookies { https: true }.read(&headers, CART_COOKIE), None);
    }

    #[test]
    fn a_value_cannot_break_out_of_its_header() {
        let set = Cookies { https: false }.set("x", "a\r\nSet-Cookie: b=c\u{e9}; Path=/x", None);
        assert_eq!(set, "x=aSet-Cookie:b=cPath=/x; HttpOnly; SameSite=Lax; Path=/");
    }
}
