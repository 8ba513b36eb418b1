//! Load-shedding priority: which requests give way first. Read off method, path and what the visitor brings: no look-up, so it costs
//! nothing, and proves nothing either: a client that lies about a cart is bound by its rate limits.

use http::{HeaderMap, Method, header};
use souk_web::{CART_COOKIE, Cookies, SESSION_COOKIE};

use crate::request::classify::{decoded, is_below};

/// Priorities of requests, those that are refused first in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Searches, and reads of visitors that have neither account nor cart: most of them are crawlers.
    Explore,
    /// Carts, accounts, and every write.
    Shop,
    /// Checkouts, orders, and what payment providers report: money is on its way.
    Buy,
}

/// In the order of [`Priority`].
pub(crate) const PRIORITIES: [Priority; 3] = [Priority::Explore, Priority::Shop, Priority::Buy];

const BUY: &[&str] = &["/checkout", "/api/v1/checkout", "/orders", "/api/v1/orders", "/webhooks"];
const SEARCH: &[&str] = &["/search", "/api/v1/search", "/api/v1/suggest", "/api/v1/recommendations"];
const SHOP: &[&str] = &["/cart", "/account", "/api/v1/carts", "/api/v1/me", "/api/v1/auth"];

impl Priority {
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

    /// Seconds after which a refused client may try again: a crawler has time.
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
            Priority::of(&method, path, &headers, Cookies { https: false })
        };
        for path in ["/checkout", "/checkout/address", "/api/v1/checkout", "/api/v1/orders/1", "/webhooks/sandbox"] {
            assert_eq!(of(Method::POST, path, ""), Priority::Buy, "{path}");
            assert_eq!(of(Method::GET, path, ""), Priority::Buy, "{path}");
        }
        assert_eq!(of(Method::GET, "/p/bag", ""), Priority::Explore);
        assert_eq!(of(Method::GET, "/p/bag", "souk_cart=1"), Priority::Shop);
        assert_eq!(of(Method::GET, "/p/bag", "souk_session=1"), Priority::Shop);
        assert_eq!(of(Method::GET, "/search", "souk_session=1"), Priority::Explore, "searches go first");
        assert_eq!(of(Method::GET, "/cart", ""), Priority::Shop);
        assert_eq!(of(Method::POST, "/account/login", ""), Priority::Shop);
        assert_eq!(of(Method::PUT, "/api/v1/carts/1", ""), Priority::Shop);
        assert_eq!(of(Method::GET, "/checkouts", ""), Priority::Explore, "not below it");
    }
}
