//! Rate limits of single routes (`throttle.routes` in the settings): which of them a request falls under.

use std::hash::{Hash, Hasher};

use http::Method;

use crate::config::{By, RouteThrottle};
use crate::request::path_pattern::PathPattern;

/// All of them, in the order of the settings.
pub(crate) struct RouteRules(Vec<RouteRule>);

/// One of them, ready to be compared with.
pub(crate) struct RouteRule {
    /// The place in the settings.
    pub(crate) at: u8,
    pub(crate) by: By,
    /// Tells its accounts from those of other routes, the same in all gateways that have it.
    pub(crate) id: u64,
    methods: Vec<Method>,
    path: PathPattern,
}

impl RouteRules {
    pub(crate) fn new(settings: &[RouteThrottle]) -> Self {
        Self(
            settings
                .iter()
                .enumerate()
                .filter_map(|(at, route)| Some(RouteRule::new(u8::try_from(at).ok()?, route)))
                .collect(),
        )
    }

    /// Those that `method` and `path` fall under.
    pub(crate) fn of<'r>(&'r self, method: &'r Method, path: &'r str) -> impl Iterator<Item = &'r RouteRule> {
        self.0.iter().filter(move |route| route.matches(method, path))
    }
}

impl RouteRule {
    fn new(at: u8, settings: &RouteThrottle) -> Self {
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        settings.hash(&mut hasher);
        Self {
            at,
            by: settings.by,
            id: hasher.finish(),
            methods: settings.methods.iter().filter_map(|method| method.parse().ok()).collect(),
            path: PathPattern::new(&settings.path),
        }
    }

    fn matches(&self, method: &Method, path: &str) -> bool {
        (self.methods.is_empty() || self.methods.contains(method)) && self.path.matches(path)
    }
}

/// FNV-1a: the same in every process and version of Rust, which the standard hashers do not promise. It need not resist collisions
/// made on purpose: only the operator chooses what goes in.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rate;

    fn route(path: &str, methods: &[&str]) -> RouteThrottle {
        let methods = methods.iter().map(|method| (*method).to_owned()).collect();
        RouteThrottle { path: path.into(), methods, by: By::Address, rate: Rate::of(1, 1) }
    }

    #[test]
    fn paths_match_part_by_part() {
        let matches = |route: &RouteThrottle, path: &str| {
            RouteRules::new(std::slice::from_ref(route)).of(&Method::GET, path).count()
        };
        for (template, path, fits) in [
            ("/search", "/search", 1),
            ("/search", "/search/", 0),
            ("/search", "/searches", 0),
            ("/search/*", "/search", 1),
            ("/search/*", "/search/a/b", 1),
            ("/*", "/", 1),
            ("/*", "/a/b", 1),
            ("/", "/", 1),
            ("/", "/a", 0),
            ("/orders/{id}/cancel", "/orders/1/cancel", 1),
            ("/orders/{id}/cancel", "/orders//cancel", 0),
            ("/orders/{id}/cancel", "/orders/1/pay", 0),
            ("/orders/{id}", "/orders/1/cancel", 0),
            ("/orders/{id}", "/orders", 0),
        ] {
            assert_eq!(matches(&route(template, &[]), path), fits, "{template} {path}");
        }
        assert_eq!(matches(&route("/a", &["POST"]), "/a"), 0);
        assert_eq!(matches(&route("/a", &["POST", "GET"]), "/a"), 1);
    }

    #[test]
    fn an_account_is_the_routes_wherever_it_stands() {
        let (one, two) = (route("/a", &[]), route("/b", &[]));
        let ids = |routes: &[RouteThrottle]| RouteRules::new(routes).0.iter().map(|route| route.id).collect::<Vec<_>>();
        let (ahead, behind) = (ids(&[one.clone(), two.clone()]), ids(&[two, one]));
        assert_eq!((ahead[0], ahead[1]), (behind[1], behind[0]));
        assert_ne!(ahead[0], ahead[1]);
    }
}
