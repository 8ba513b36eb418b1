//! Rules that know what a request is about: logins, checkouts, coupon codes, and how large a body may be.

use std::net::IpAddr;

use http::request::Parts;
use http::{Method, Request, header};
use hyper::body::Incoming;
use souk_rpc::{Actor, Cx};
use souk_web::{ApiError, CART_COOKIE};
use uuid::Uuid;

use crate::address::subscriber;
use crate::classify::{self, Asks, Told};
use crate::fast::{Visit, settle};
use crate::gateway::Inner;
use crate::throttle::Rule;
use crate::{By, GatewayConfig};

/// True for the call that places an order, which may take longer.
pub(crate) fn is_checkout(method: &Method, path: &str) -> bool {
    Asks::of(method, &classify::decoded(path)) == Asks::Checkout
}

/// Codes of one request that are counted: a cart takes five, and what brings more is refused.
const MAX_TRIES: u32 = 8;

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
    let rule = match Asks::of(request.method(), &classify::decoded(request.uri().path())) {
        Asks::Login => Rule::Login,
        Asks::Register => Rule::Register,
        _ => return Ok(()),
    };
    check(gateway, rule, subscriber(visit.client), visit)
}

/// Rules about who is signed in, and those of routes that depend on who somebody is.
fn by_person(gateway: &Inner, parts: &Parts, path: &str, cx: &Cx, visit: &mut Visit) -> Result<(), ApiError> {
    if cx.actor != Actor::Anonymous {
        check(gateway, Rule::User, cx.actor.scope(), visit)?;
    }
    let client = visit.client;
    let user = || match cx.actor {
        Actor::Anonymous => subscriber(client).to_string(),
        _ => cx.actor.scope(),
    };
    for route in gateway.throttle.routes.of(&parts.method, path) {
        let subject = match route.by {
            By::Address | By::All => continue,
            By::User => user(),
            By::Token => {
                let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
                token.map_or_else(user, str::to_owned)
            }
            By::Owner => owner(cx, classify::cart_of(path).or_else(|| cart_of_cookie(gateway, parts)), client),
        };
        check(gateway, Rule::Route(route.at), (route.id, subject), visit)?;
    }
    Ok(())
}

/// The customer, else the cart, else the address.
fn owner(cx: &Cx, cart: Option<Uuid>, client: IpAddr) -> String {
    let customer = cx.actor.customer().or(cart).map(|id| id.to_string());
    customer.unwrap_or_else(|| subscriber(client).to_string())
}

/// The cart that a cookie names.
fn cart_of_cookie(gateway: &Inner, parts: &Parts) -> Option<Uuid> {
    gateway.auth.cookies.read(&parts.headers, CART_COOKIE).and_then(classify::cart_id)
}

/// Rules about who asks, and about carts, per owner: the customer, else the cart itself. A request that names no cart that can
/// be read takes from the allowance of its address.
pub(crate) fn after_body(
    gateway: &Inner,
    parts: &Parts,
    body: &[u8],
    cx: &Cx,
    visit: &mut Visit,
) -> Result<(), ApiError> {
    let path = &*classify::decoded(parts.uri.path());
    by_person(gateway, parts, path, cx, visit)?;
    let client = visit.client;
    match Asks::of(&parts.method, path) {
        Asks::Checkout => {
            let cart = Told::read(body).cart.or_else(|| cart_of_cookie(gateway, parts));
            let (owner, now) = (owner(cx, cart, client), visit.now);
            // The same try again is answered with the same order, and is none.
            let taken = match &cx.idempotency_key {
                Some(key) => gateway.throttle.check_once(Rule::Checkout, owner, key, now),
                None => gateway.throttle.check(Rule::Checkout, owner, now),
            };
            settle(gateway, visit, taken)
        }
        Asks::CartUpdate => {
            let owner = owner(cx, classify::cart_of(path), client);
            coupons(gateway, Told::read(body).coupon_tries, &owner, visit)
        }
        Asks::CouponForm => coupons(gateway, 1, &owner(cx, cart_of_cookie(gateway, parts), client), visit),
        _ => Ok(()),
    }
}

/// Each code is a try: a list of five is five guesses.
fn coupons(gateway: &Inner, tries: u32, owner: &str, visit: &mut Visit) -> Result<(), ApiError> {
    for _ in 0..tries.min(MAX_TRIES) {
        check(gateway, Rule::CouponAddress, subscriber(visit.client), visit)?;
        check(gateway, Rule::Coupon, owner, visit)?;
    }
    Ok(())
}

fn check(gateway: &Inner, rule: Rule, subject: impl std::hash::Hash, visit: &mut Visit) -> Result<(), ApiError> {
    let taken = gateway.throttle.check(rule, subject, visit.now);
    settle(gateway, visit, taken)
}
