//! Which requests give way first. Read off method, path and what the visitor brings: no look-up, so it costs nothing, and
//! proves nothing either: who lies about a cart is bound by their throttles.

use http::{HeaderMap, Method, header};
use souk_web::{CART_COOKIE, Cookies, SESSION_COOKIE};

use crate::classify::{decoded, is_below};

/// Kinds of requests, those that are refused first in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Searches, and whatever somebody reads who has neither account nor cart: most of it is crawlers.
    Explore,
    /// Carts, accounts, and every write.
    Shop,
    /// Checkouts, orders, and what payment providers report: money is on its way.
    Buy,
}

/// In the order of [`Class`].
pub(crate) const CLASSES: [Class; 3] = [Class::Explore, Class::Shop, Class::Buy];

const BUY: &[&str] = &["/checkout", "/api/v1/checkout", "/orders", "/api/v1/orders", "/webhooks"];
const SEARCH: &[&str] = &["/search", "/api/v1/search", "/api/v1/suggest", "/api/v1/recommendations"];
const SHOP: &[&str] = &["/cart", "/account", "/api/v1/carts", "/api/v1/me", "/api/v1/auth"];

impl Class {
    pub(crate) fn of(method: &Method, path: &str, headers: &HeaderMap, cookies: Cookies) -> Self {
        let path = &*decoded(path);
        let below = |starts: &[&str]| starts.iter().any(|start| is_below(path, start));
        if below(BUY) {
            return Self::Buy;
        }
        if method.is_safe() && below(SEARCH) {
            return Self::Explore;
        }
        let known = || {
            headers.contains_key(header::AUTHORIZATION)
                || cookies.read(headers, CART_COOKIE).is_some()
                || cookies.read(headers, SESSION_COOKIE).is_some()
        };
        if !method.is_safe() || below(SHOP) || known() { Self::Shop } else { Self::Explore }
    }

    /// For metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Explore => "explore",
            Self::Shop => "shop",
            Self::Buy => "buy",
        }
    }

    /// Seconds after which who was refused may try again: a crawler has time.
    pub(crate) fn retry_after(self) -> u64 {
        match self {
            Self::Explore => 5,
            Self::Shop | Self::Buy => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_goes_before_carts_and_carts_before_looking_around() {
        let of = |method: Method, path: &str, cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            Class::of(&method, path, &headers, Cookies { https: false })
        };
        for path in ["/checkout", "/checkout/address", "/api/v1/checkout", "/api/v1/orders/1", "/webhooks/sandbox"] {
            assert_eq!(of(Method::POST, path, ""), Class::Buy, "{path}");
            assert_eq!(of(Method::GET, path, ""), Class::Buy, "{path}");
        }
        assert_eq!(of(Method::GET, "/p/bag", ""), Class::Explore);
        assert_eq!(of(Method::GET, "/p/bag", "souk_cart=1"), Class::Shop);
        assert_eq!(of(Method::GET, "/p/bag", "souk_session=1"), Class::Shop);
        assert_eq!(of(Method::GET, "/search", "souk_session=1"), Class::Explore, "searches go first");
        assert_eq!(of(Method::GET, "/cart", ""), Class::Shop);
        assert_eq!(of(Method::POST, "/account/login", ""), Class::Shop);
        assert_eq!(of(Method::PUT, "/api/v1/carts/1", ""), Class::Shop);
        assert_eq!(of(Method::GET, "/checkouts", ""), Class::Explore, "not below it");
    }
}
