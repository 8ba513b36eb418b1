//! Rules that know what a request is about: logins, checkouts, coupon codes, and how large a body may be.

use std::net::IpAddr;

use http::request::Parts;
use http::{Method, Request, header};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::value::RawValue;
use souk_rpc::{Actor, Cx};
use souk_web::{ApiError, CART_COOKIE};

use crate::address::subscriber;
use crate::fast::{Visit, settle};
use crate::gateway::Inner;
use crate::throttle::Rule;
use crate::{By, GatewayConfig};

/// Where credentials are tried, by programs and by the storefront's form.
const LOGIN_PATHS: [&str; 3] = ["/api/v1/auth/login", "/login", "/account/login"];
/// Where mails with links are asked for.
const REGISTER_PATHS: [&str; 5] =
    ["/api/v1/auth/register", "/api/v1/auth/recover", "/register", "/account/register", "/account/recover"];
const CHECKOUT_PATHS: [&str; 2] = ["/api/v1/checkout", "/checkout"];
/// Where the storefront's form for coupon codes goes.
const COUPON_FORMS: [&str; 2] = ["/cart/coupon", "/cart/coupons"];
const CARTS: &str = "/api/v1/carts/";

/// True for the call that places an order, which may take longer.
pub(crate) fn is_checkout(method: &Method, path: &str) -> bool {
    *method == Method::POST && CHECKOUT_PATHS.contains(&path)
}

/// Bytes a body for `path` may have.
pub(crate) fn body_bytes(config: &GatewayConfig, path: &str) -> usize {
    let larger = config.body_limits.iter().filter(|limit| path.starts_with(&limit.prefix)).map(|limit| limit.bytes);
    larger.max().unwrap_or(config.limits.body_bytes)
}

/// Rules that need no body: tries of credentials, per address.
pub(crate) fn before_body(gateway: &Inner, request: &Request<Incoming>, visit: &mut Visit) -> Result<(), ApiError> {
    if let Some(token) = request.headers().get(header::AUTHORIZATION) {
        check(gateway, Rule::Token, token.as_bytes(), visit)?;
    }
    if *request.method() != Method::POST {
        return Ok(());
    }
    let path = request.uri().path();
    let rule = match path {
        _ if LOGIN_PATHS.contains(&path) => Rule::Login,
        _ if REGISTER_PATHS.contains(&path) => Rule::Register,
        _ => return Ok(()),
    };
    check(gateway, rule, subscriber(visit.client), visit)
}

/// Rules about who is signed in, and those of routes that depend on who somebody is.
fn by_person(gateway: &Inner, parts: &Parts, cx: &Cx, visit: &mut Visit) -> Result<(), ApiError> {
    if cx.actor != Actor::Anonymous {
        check(gateway, Rule::User, cx.actor.scope(), visit)?;
    }
    let client = visit.client;
    let user = || match cx.actor {
        Actor::Anonymous => subscriber(client).to_string(),
        _ => cx.actor.scope(),
    };
    for route in gateway.throttle.routes.of(&parts.method, parts.uri.path()) {
        let subject = match route.by {
            By::Address | By::All => continue,
            By::User => user(),
            By::Token => {
                let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
                token.map_or_else(user, str::to_owned)
            }
            By::Owner => owner(cx, cart_of(gateway, parts), client),
        };
        check(gateway, Rule::Route(route.at), (route.id, subject), visit)?;
    }
    Ok(())
}

/// The customer, else the cart, else the address.
fn owner(cx: &Cx, cart: Option<String>, client: IpAddr) -> String {
    let customer = cx.actor.customer().map(|customer| customer.to_string());
    customer.or(cart).unwrap_or_else(|| subscriber(client).to_string())
}

/// The cart that a path or a cookie names.
fn cart_of(gateway: &Inner, parts: &Parts) -> Option<String> {
    let by_path =
        parts.uri.path().strip_prefix(CARTS).and_then(|rest| rest.split('/').next()).filter(|id| !id.is_empty());
    by_path.or_else(|| gateway.auth.cookies.read(&parts.headers, CART_COOKIE)).map(str::to_owned)
}

/// Rules about who asks, and about carts, per owner: the customer, else the cart itself.
pub(crate) fn after_body(
    gateway: &Inner,
    parts: &Parts,
    body: &[u8],
    cx: &Cx,
    visit: &mut Visit,
) -> Result<(), ApiError> {
    by_person(gateway, parts, cx, visit)?;
    let (method, path, client) = (&parts.method, parts.uri.path(), visit.client);
    let cookie = || gateway.auth.cookies.read(&parts.headers, CART_COOKIE).map(str::to_owned);
    if is_checkout(method, path) {
        let cart = CartOf::read(body).and_then(|cart| cart.cart_id).or_else(cookie);
        return check(gateway, Rule::Checkout, owner(cx, cart, client), visit);
    }
    let by_api =
        *method == Method::PUT && path.starts_with(CARTS) && CartOf::read(body).is_some_and(|c| c.has_coupons());
    let by_form = *method == Method::POST && COUPON_FORMS.contains(&path);
    if by_api || by_form {
        check(gateway, Rule::CouponAddress, subscriber(client), visit)?;
        let cart = path.strip_prefix(CARTS).map(str::to_owned).or_else(cookie);
        return check(gateway, Rule::Coupon, owner(cx, cart, client), visit);
    }
    Ok(())
}

fn check(gateway: &Inner, rule: Rule, subject: impl std::hash::Hash, visit: &mut Visit) -> Result<(), ApiError> {
    let taken = gateway.throttle.check(rule, subject, visit.now);
    settle(gateway, visit, taken)
}

/// What a throttle has to know of a body. Whether the rest of it is right is the service's business.
#[derive(Deserialize)]
struct CartOf<'b> {
    #[serde(default)]
    cart_id: Option<String>,
    #[serde(default, borrow)]
    coupons: Option<&'b RawValue>,
}

impl<'b> CartOf<'b> {
    fn read(body: &'b [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    fn has_coupons(&self) -> bool {
        self.coupons.is_some_and(|coupons| coupons.get().len() > "[]".len() && coupons.get() != "null")
    }
}
