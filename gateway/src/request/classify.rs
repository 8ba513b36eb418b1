//! Request classification: what a request is about, decided once and in one place. Rate limits, load shedding and routing all ask
//! here, so that nothing is a checkout to one of them and something else to another.
//!
//! Services read a path part by part with percent-encoding undone, and ids as values; so that is how it is read here. A spelling
//! that a service takes must not be another request, or another cart, to a rate limit.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

const CARTS: &str = "/api/v1/carts/";

/// What a request wants, as far as limits depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// Credentials are tried.
    Login,
    /// A mail with a link is asked for: to a new account, or to a new password.
    Register,
    /// An order is placed.
    Checkout,
    /// A coupon code is tried, by the storefront's form.
    CouponForm,
    /// A cart is changed by the API, perhaps its coupons.
    CartUpdate,
    /// The catalogue is searched.
    Search,
    /// Anything else.
    Other,
}

impl RequestKind {
    /// `path` as [`decoded`] gives it.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let below = |start: &str| is_below(path, start);
        if below("/search") || below("/api/v1/search") {
            return Self::Search;
        }
        match (method, path) {
            (&Method::POST, "/api/v1/auth/login" | "/login" | "/account/login") => Self::Login,
            (
                &Method::POST,
                "/api/v1/auth/register"
                | "/api/v1/auth/recover"
                | "/api/v1/me/email"
                | "/register"
                | "/account/register"
                | "/account/recover"
                | "/account/email",
            ) => Self::Register,
            (&Method::POST, "/api/v1/checkout" | "/checkout") => Self::Checkout,
            (&Method::POST, "/cart/coupon" | "/cart/coupons") => Self::CouponForm,
            // PUT is the older name of PATCH here.
            (&Method::PUT | &Method::PATCH, _) if path.strip_prefix(CARTS).is_some_and(|id| !id.contains('/')) => {
                Self::CartUpdate
            }
            _ => Self::Other,
        }
    }
}

/// True for the call that places an order, which may take longer.
pub(crate) fn is_checkout(method: &Method, path: &str) -> bool {
    RequestKind::of(method, &decoded(path)) == RequestKind::Checkout
}

/// True for `start` itself and for what is below it.
pub(crate) fn is_below(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path as services read it: percent-encoding undone in each part. Parts stay what they are: an encoded slash separates none.
pub(crate) fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let part = |part: &str| percent_decode_str(part).decode_utf8_lossy().replace('/', "%2F");
    Cow::Owned(path.split('/').map(part).collect::<Vec<_>>().join("/"))
}

/// The cart that a decoded path names.
pub(crate) fn cart_of(path: &str) -> Option<Uuid> {
    cart_id(path.strip_prefix(CARTS)?.split('/').next()?)
}

/// A cart's id in any of its spellings.
pub(crate) fn cart_id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

/// The fields of a body that rate limits depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LimitedFields {
    /// The cart that it names.
    pub(crate) cart: Option<Uuid>,
    /// Coupon codes that it tries.
    pub(crate) coupon_tries: u32,
}

impl LimitedFields {
    /// Reads a JSON body. What cannot be read, or is no object, or says a thing twice, may be anything: it counts as a try.
    pub(crate) fn read(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            cart_id: Option<Value>,
            #[serde(default)]
            coupons: Option<Value>,
        }
        let object = body.trim_ascii_start().starts_with(b"{");
        let Some(body) = object.then(|| serde_json::from_slice::<Body>(body).ok()).flatten() else {
            return Self { cart: None, coupon_tries: 1 };
        };
        let coupon_tries = match &body.coupons {
            None | Some(Value::Null) => 0,
            Some(Value::Array(codes)) => u32::try_from(codes.len()).unwrap_or(u32::MAX),
            Some(_) => 1,
        };
        Self { cart: body.cart_id.as_ref().and_then(Value::as_str).and_then(cart_id), coupon_tries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CART: &str = "0197a3c0-5a0e-7000-8000-00000000abcd";

    #[test]
    fn a_spelling_is_no_other_request() {
        let of = |method: Method, path: &str| RequestKind::of(&method, &decoded(path));
        let cart = cart_id(CART);
        for spelling in [
            CART.to_owned(),
            CART.to_uppercase(),
            CART.replace('-', ""),
            CART.replace('0', "%30"),
            CART.replace('-', "%2d"),
            format!("%7B{CART}%7D"),
            format!("urn:uuid:{CART}"),
        ] {
            let path = format!("{CARTS}{spelling}");
            assert_eq!(of(Method::PUT, &path), RequestKind::CartUpdate, "{path}");
            assert_eq!(cart_of(&decoded(&path)), cart, "{path}");
            assert_eq!(cart_of(&decoded(&format!("{path}/lines"))), cart, "{path}");
        }
        assert!(cart.is_some());
        assert_eq!(of(Method::PATCH, &format!("{CARTS}x")), RequestKind::CartUpdate);
        assert_eq!(of(Method::PATCH, &format!("{CARTS}x/lines/y")), RequestKind::Other);
        assert_eq!(of(Method::POST, "/%63heckout"), RequestKind::Checkout);
        assert_eq!(of(Method::GET, "/checkout"), RequestKind::Other);
        assert_eq!(of(Method::GET, "/s%65arch"), RequestKind::Search);
        assert_eq!(of(Method::GET, "/searches"), RequestKind::Other);
        assert_eq!(of(Method::POST, "/cart%2Fcoupons"), RequestKind::Other, "an encoded slash is part of a name");
    }

    #[test]
    fn a_body_that_cannot_be_read_is_a_try() {
        let tries = |body: &str| LimitedFields::read(body.as_bytes()).coupon_tries;
        for (body, count) in [
            ("{}", 0),
            (r#"{"email":"a@b.example"}"#, 0),
            (r#"{"coupons":[]}"#, 0),
            (r#"{"coupons":[ ]}"#, 0),
            (r#"{"coupons":null}"#, 0),
            (r#"{"coupons":["A"]}"#, 1),
            (r#" {"\u0063oupons":["A","B","C"]}"#, 3),
            (r#"{"coupons":"A"}"#, 1),
            (r#"{"coupons":[],"coupons":["A"]}"#, 1),
            (r#"[null,null,null,["A"]]"#, 1),
            ("not json", 1),
            ("", 1),
            ("\u{feff}{}", 1),
        ] {
            assert_eq!(tries(body), count, "{body}");
        }
        let named = format!(r#"{{"cart_id":"{}","payment":[1]}}"#, CART.to_uppercase());
        assert_eq!(LimitedFields::read(named.as_bytes()).cart, cart_id(CART));
    }
}
