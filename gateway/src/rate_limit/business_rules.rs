//! Rate-limit rules that know what a request is about: searches, logins, checkouts, coupon codes, and the routes of the settings.
//!
//! They are taken in three steps, each as soon as it is known what it needs: the address of the connection, the head of the request,
//! and at last its body and who sent it.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use souk_kernel::{Kind, Problem};
use souk_rpc::{Actor, Cx, subscriber};
use souk_web::{ApiError, CART_COOKIE, Cookies, SESSION_COOKIE};
use uuid::Uuid;

use super::limiter::{Bucket, RateLimited, RateLimiter};
use super::rule::Rule;
use super::status::{RateLimitStatus, TightestLimit};
use crate::config::By;
use crate::metrics::Metrics;
use crate::request::classify::{self, LimitedFields, RequestKind};

/// Codes of one request that are counted: a cart takes five, and what brings more is refused.
const MAX_TRIES: u32 = 8;

/// The rules as they apply to one request.
pub(crate) struct BusinessRules<'a> {
    pub(crate) limiter: &'a RateLimiter,
    pub(crate) metrics: &'a Metrics,
    pub(crate) cookies: Cookies,
    pub(crate) client: IpAddr,
    /// Microseconds since 1970.
    pub(crate) now: i64,
    pub(crate) tightest: &'a mut TightestLimit,
}

impl BusinessRules<'_> {
    /// The rule of the address; `bucket` is the connection's, unless it speaks for others.
    pub(crate) fn address(&mut self, bucket: Option<&Bucket>, behind_proxy: bool) -> Result<(), ApiError> {
        let taken = match bucket {
            Some(bucket) => self.limiter.take(Rule::Address, bucket, self.now),
            None if behind_proxy => self.limiter.check(Rule::Address, subscriber(self.client), self.now),
            None => Ok(None),
        };
        self.apply_rate_limit(taken)
    }

    /// Rules that the page cache's answers count for, too: searches, and routes by address or for everyone together.
    pub(crate) fn before_cache(&mut self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), ApiError> {
        let path = classify::decoded(path);
        if RequestKind::of(method, &path) == RequestKind::Search {
            self.search(headers)?;
        }
        let limiter = self.limiter;
        for route in limiter.routes.of(method, &path) {
            match route.by {
                By::Address => self.check(Rule::Route(route.at), (route.id, subscriber(self.client)))?,
                By::All => self.check(Rule::Route(route.at), (route.id, "all"))?,
                // Who it is shows later.
                By::User | By::Token | By::Owner => {}
            }
        }
        Ok(())
    }

    /// Searches take from the bucket of the address whatever they bring, since sessions and tokens can be made up; and from that of
    /// the session or token that they bring.
    fn search(&mut self, headers: &HeaderMap) -> Result<(), ApiError> {
        self.check(Rule::SearchAddress, subscriber(self.client))?;
        let token = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let session = || self.cookies.read(headers, SESSION_COOKIE).map(str::as_bytes);
        match token.or_else(session) {
            Some(subject) => self.check(Rule::Search, subject),
            None => Ok(()),
        }
    }

    /// Rules that need no body: the bearer token, and tries of credentials per address.
    pub(crate) fn before_body<B>(&mut self, request: &Request<B>) -> Result<(), ApiError> {
        if let Some(token) = request.headers().get(header::AUTHORIZATION) {
            self.check(Rule::Token, token.as_bytes())?;
        }
        let rule = match RequestKind::of(request.method(), &classify::decoded(request.uri().path())) {
            RequestKind::Login => Rule::Login,
            RequestKind::Register => Rule::Register,
            _ => return Ok(()),
        };
        self.check(rule, subscriber(self.client))
    }

    /// Rules about who asks, and about carts, per owner: the customer, else the cart itself. A request that names no cart that can be
    /// read takes from the bucket of its address.
    pub(crate) fn after_body(&mut self, parts: &Parts, body: &[u8], cx: &Cx) -> Result<(), ApiError> {
        let path = &*classify::decoded(parts.uri.path());
        self.by_person(parts, path, cx)?;
        match RequestKind::of(&parts.method, path) {
            RequestKind::Checkout => {
                let cart = LimitedFields::read(body).cart.or_else(|| self.cart_of_cookie(parts));
                let owner = self.owner(cx, cart);
                // A repeated key is answered with the same order and takes nothing.
                let taken = match &cx.idempotency_key {
                    Some(key) => self.limiter.check_once(Rule::Checkout, owner, key, self.now),
                    None => self.limiter.check(Rule::Checkout, owner, self.now),
                };
                self.apply_rate_limit(taken)
            }
            RequestKind::CartUpdate => {
                let owner = self.owner(cx, classify::cart_of(path));
                self.coupons(LimitedFields::read(body).coupon_tries, &owner)
            }
            RequestKind::CouponForm => self.coupons(1, &self.owner(cx, self.cart_of_cookie(parts))),
            _ => Ok(()),
        }
    }

    /// Rules about who is signed in, and those of routes that depend on it.
    fn by_person(&mut self, parts: &Parts, path: &str, cx: &Cx) -> Result<(), ApiError> {
        if cx.actor != Actor::Anonymous {
            self.check(Rule::User, cx.actor.scope())?;
        }
        let client = self.client;
        let user = || match cx.actor {
            Actor::Anonymous => subscriber(client).to_string(),
            _ => cx.actor.scope(),
        };
        let limiter = self.limiter;
        for route in limiter.routes.of(&parts.method, path) {
            let subject = match route.by {
                By::Address | By::All => continue,
                By::User => user(),
                By::Token => {
                    let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
                    token.map_or_else(user, str::to_owned)
                }
                By::Owner => self.owner(cx, classify::cart_of(path).or_else(|| self.cart_of_cookie(parts))),
            };
            self.check(Rule::Route(route.at), (route.id, subject))?;
        }
        Ok(())
    }

    /// The customer, else the cart, else the address.
    fn owner(&self, cx: &Cx, cart: Option<Uuid>) -> String {
        let customer = cx.actor.customer().or(cart).map(|id| id.to_string());
        customer.unwrap_or_else(|| subscriber(self.client).to_string())
    }

    /// The cart that a cookie names.
    fn cart_of_cookie(&self, parts: &Parts) -> Option<Uuid> {
        self.cookies.read(&parts.headers, CART_COOKIE).and_then(classify::cart_id)
    }

    /// Each code is a try: a list of five is five guesses.
    fn coupons(&mut self, tries: u32, owner: &str) -> Result<(), ApiError> {
        for _ in 0..tries.min(MAX_TRIES) {
            self.check(Rule::CouponAddress, subscriber(self.client))?;
            self.check(Rule::Coupon, owner)?;
        }
        Ok(())
    }

    fn check(&mut self, rule: Rule, subject: impl Hash) -> Result<(), ApiError> {
        let taken = self.limiter.check(rule, subject, self.now);
        self.apply_rate_limit(taken)
    }

    /// Notes what is left of a limit, or makes the 429 that says when to come back.
    fn apply_rate_limit(&mut self, taken: Result<Option<RateLimitStatus>, RateLimited>) -> Result<(), ApiError> {
        match taken {
            Ok(status) => {
                self.tightest.note_limit(status);
                Ok(())
            }
            Err(RateLimited(status)) => {
                self.tightest.note_exceeded(status);
                self.metrics.throttled.increment(1);
                self.metrics.refused(status.rule);
                let problem =
                    Problem::new(Kind::RateLimited, "too_many_requests", "too many requests, please slow down");
                Err(problem.with_retry_after(Duration::from_secs(status.reset)).into())
            }
        }
    }
}
