//! Rate-limit settings, `[public.throttle]`: by address, by customer and token, by what is asked for.

use http::Method;
use serde::{Deserialize, Serialize};

use super::Complaints;

/// Routes with a rate of their own; each request is compared with all of them.
const MAX_ROUTES: usize = 64;

/// People behind one address who search at the same time.
const SEARCHERS_PER_ADDRESS: u32 = 20;
/// The highest rate that can be told from none: one a microsecond.
const MAX_PER_SECOND: u32 = 1_000_000;

/// So many per period; at once at most `burst`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many in `per_seconds`.
    pub count: u32,
    /// The period.
    pub per_seconds: u32,
    /// How many at once after a pause.
    pub burst: u32,
}

impl Rate {
    /// `count` in `per_seconds`, all at once if they like.
    pub const fn of(count: u32, per_seconds: u32) -> Self {
        Self { count, per_seconds, burst: count }
    }

    fn lets_nothing_in(self) -> bool {
        self.count == 0 || self.per_seconds == 0 || self.burst == 0
    }
}

/// Whose allowance a request takes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The subscriber's address: IPv4, or the /64 of an IPv6 one.
    Address,
    /// Who is signed in, customer or staff; else the address.
    User,
    /// The bearer token; else who is signed in; else the address.
    Token,
    /// The customer, else the cart of cookie or path, else the address.
    Owner,
    /// All clients together: for what is dear.
    All,
}

/// A rate for some paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteThrottle {
    /// `/api/v1/products/{slug}`: braces stand for one part, whatever it is; `/*` at the end for everything below, and for
    /// the path before it.
    pub path: String,
    /// `GET`, `POST` ...; none: all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Whose allowance it is.
    pub by: By,
    /// How often.
    pub rate: Rate,
}

/// Named sets of throttles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// As PROMISES says.
    Standard,
    /// Every load of the bench comes from one address: the allowances per address are lifted, those per owner stay.
    Bench,
    /// None at all.
    Off,
}

/// How often clients may come; `None` is as often as they like. Answered 429 with `Retry-After`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Throttles {
    /// Name of the set, for reports.
    pub name: String,
    /// Everything, per address: offices, carriers and crawlers share one.
    pub address: Option<Rate>,
    /// Everything that is not answered from memory, per signed-in customer or member of staff, whatever addresses and tokens
    /// they use.
    pub user: Option<Rate>,
    /// The same per bearer token; counted before the token is checked.
    pub token: Option<Rate>,
    /// Searches, per session, or per bearer token.
    pub search: Option<Rate>,
    /// Searches, per address: of guests, and of who makes up sessions. Twenty times `search` unless it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_address: Option<Rate>,
    /// Checkouts, per owner of the cart.
    pub checkout: Option<Rate>,
    /// Logins, per address.
    pub login: Option<Rate>,
    /// New accounts, per address.
    pub register: Option<Rate>,
    /// Tries of coupon codes, per owner of the cart.
    pub coupon: Option<Rate>,
    /// Tries of coupon codes, per address: fresh carts do not help a guesser.
    pub coupon_address: Option<Rate>,
    /// Paths with a rate of their own, on top of the others.
    pub routes: Vec<RouteThrottle>,
    /// Addresses, sessions and owners remembered; beyond, the coldest are forgotten.
    pub remembered: usize,
}

impl Default for Throttles {
    fn default() -> Self {
        Self::profile(Profile::Standard)
    }
}

impl Throttles {
    /// A named set.
    pub fn profile(profile: Profile) -> Self {
        let standard = Self {
            name: "standard".into(),
            address: Some(Rate { count: 200, per_seconds: 1, burst: 1000 }),
            // A program that works for one account is a heavier user than any person.
            user: Some(Rate { count: 100, per_seconds: 1, burst: 1000 }),
            token: Some(Rate { count: 100, per_seconds: 1, burst: 1000 }),
            search: Some(Rate::of(30, 10)),
            search_address: None,
            checkout: Some(Rate::of(10, 60)),
            login: Some(Rate::of(20, 60)),
            register: Some(Rate::of(120, 60)),
            coupon: Some(Rate::of(10, 3600)),
            coupon_address: Some(Rate::of(2000, 3600)),
            routes: Vec::new(),
            remembered: 100_000,
        };
        match profile {
            Profile::Standard => standard,
            Profile::Bench => Self {
                name: "bench".into(),
                address: None,
                search_address: Some(Rate { count: MAX_PER_SECOND, per_seconds: 1, burst: MAX_PER_SECOND }),
                login: None,
                register: None,
                coupon_address: None,
                ..standard
            },
            Profile::Off => Self {
                name: "off".into(),
                address: None,
                user: None,
                token: None,
                search: None,
                checkout: None,
                login: None,
                register: None,
                coupon: None,
                coupon_address: None,
                ..standard
            },
        }
    }

    /// The allowance of an address for searches.
    pub(crate) fn search_of_address(&self) -> Option<Rate> {
        let many = |count: u32, most: u32| count.saturating_mul(SEARCHERS_PER_ADDRESS).min(most);
        let shared = |rate: Rate| Rate {
            count: many(rate.count, rate.per_seconds.saturating_mul(MAX_PER_SECOND)),
            burst: many(rate.burst, u32::MAX),
            ..rate
        };
        self.search_address.or_else(|| self.search.map(shared))
    }

    /// What cannot be meant.
    pub fn complaints(&self) -> Complaints {
        let mut complaints = Complaints::new();
        let mut wrong = |key: String, reason: &str| complaints.push((format!("throttle.{key}"), reason.to_owned()));
        let empty = "count, per_seconds and burst must be above 0: this lets nobody in";
        for (key, rate) in [
            ("address", self.address),
            ("user", self.user),
            ("token", self.token),
            ("search", self.search),
            ("search_address", self.search_address),
            ("checkout", self.checkout),
            ("login", self.login),
            ("register", self.register),
            ("coupon", self.coupon),
            ("coupon_address", self.coupon_address),
        ] {
            if rate.is_some_and(Rate::lets_nothing_in) {
                wrong(key.into(), empty);
            }
        }
        if self.routes.len() > MAX_ROUTES {
            wrong("routes".into(), &format!("{} are more than {MAX_ROUTES}", self.routes.len()));
        }
        for (at, route) in self.routes.iter().enumerate() {
            if route.rate.lets_nothing_in() {
                wrong(format!("routes[{at}].rate"), empty);
            }
            if let Err(reason) = check_path(&route.path) {
                wrong(format!("routes[{at}].path"), reason);
            }
            let known =
                |method: &str| method.parse::<Method>().is_ok() && method.bytes().all(|b| b.is_ascii_uppercase());
            if let Some(method) = route.methods.iter().find(|method| !known(method)) {
                wrong(format!("routes[{at}].methods"), &format!("{method:?} is no method: GET, POST ..."));
            }
            if self.routes[..at].contains(route) {
                wrong(format!("routes[{at}]"), "stands there twice");
            }
        }
        complaints
    }
}

/// Why `path` stands for nothing.
fn check_path(path: &str) -> Result<(), &'static str> {
    let Some(parts) = path.strip_prefix('/') else { return Err("must begin with /") };
    if path.contains(['?', '#', ' ']) {
        return Err("is a path alone, without query");
    }
    let parts: Vec<&str> = parts.split('/').collect();
    for (at, part) in parts.iter().enumerate() {
        let braces = part.len() > 2 && part.starts_with('{') && part.ends_with('}');
        if part.contains(['{', '}']) && !braces {
            return Err("braces stand for a whole part: /orders/{id}/cancel");
        }
        if part.contains('*') && (*part != "*" || at + 1 < parts.len()) {
            return Err("a star stands at the end, for everything below: /search/*");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_nothing_in_or_matches_nothing_is_said() {
        assert!(Throttles::default().complaints().is_empty());
        let route = |path: &str| RouteThrottle {
            path: path.into(),
            methods: vec!["POST".into()],
            by: By::Owner,
            rate: Rate::of(5, 60),
        };
        let with = |routes: Vec<RouteThrottle>| {
            let complaints = Throttles { routes, ..Throttles::default() }.complaints();
            complaints.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        for fine in ["/", "/search", "/search/*", "/*", "/api/v1/orders/{id}/cancel", "/orders/{id}/*"] {
            assert!(with(vec![route(fine)]).is_empty(), "{fine}");
        }
        for wrong in ["", "search", "/a?b=c", "/a/{b", "/a/x{b}", "/a/*/b", "/a*"] {
            assert_eq!(with(vec![route(wrong)]), ["throttle.routes[0].path"], "{wrong}");
        }
        assert_eq!(with(vec![route("/a"), route("/a")]), ["throttle.routes[1]"]);
        let rate = RouteThrottle { rate: Rate::of(0, 60), ..route("/a") };
        assert_eq!(with(vec![rate]), ["throttle.routes[0].rate"]);
        let methods = RouteThrottle { methods: vec!["get".into()], ..route("/a") };
        assert_eq!(with(vec![methods]), ["throttle.routes[0].methods"]);
        let none = Throttles { user: Some(Rate::of(0, 1)), ..Throttles::default() };
        assert_eq!(none.complaints()[0].0, "throttle.user");
    }
}
