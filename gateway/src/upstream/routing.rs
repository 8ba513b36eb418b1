//! Routing table: which role answers a path, and how it is reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use souk_rpc_http::HttpTransport;

use crate::request::classify::is_below;

/// Of the internal listener, or of no role at all: never the storefront's.
const HIDDEN: &[&str] = &["/rpc", "/livez", "/readyz", "/metrics", "/api"];

/// The API's description, which the gateway answers itself.
pub(crate) const DOCUMENT: &str = "/api/v1/openapi.json";

const STOREFRONT: &str = "storefront";

/// The way to a role.
#[derive(Clone)]
pub enum Upstream {
    /// In this process: a finished router; finds the `Cx` in the request's extensions.
    Local(Router),
    /// Elsewhere: requests are forwarded with the context in signed headers.
    Remote(Arc<HttpTransport>),
}

/// The roles that can be reached, and whose paths are whose. Every path that none of them names is the storefront's.
#[derive(Clone, Default)]
pub struct Upstreams {
    roles: BTreeMap<&'static str, Upstream>,
    /// Starts of paths with their role, longest first.
    routes: Vec<(&'static str, &'static str)>,
}

impl Upstreams {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the way to a role, which answers what begins with one of `paths`.
    pub fn with(mut self, role: &'static str, paths: &[&'static str], upstream: Upstream) -> Self {
        self.roles.insert(role, upstream);
        self.routes.extend(paths.iter().map(|path| (*path, role)));
        self.routes.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        self
    }

    /// Names of the roles.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &'static str> {
        self.roles.keys().copied()
    }

    /// The lasting name of a role that can be reached.
    pub(crate) fn role(&self, name: &str) -> Option<&'static str> {
        self.roles.get_key_value(name).map(|(role, _)| *role)
    }

    /// The role whose path it is.
    pub(crate) fn target(&self, path: &str) -> Target<'_> {
        if path == DOCUMENT {
            return Target::Document;
        }
        let below = |prefix: &str| is_below(path, prefix);
        let role = match self.routes.iter().find(|(prefix, _)| below(prefix)) {
            Some((_, role)) => role,
            None if HIDDEN.iter().any(|prefix| below(prefix)) => return Target::None,
            None => STOREFRONT,
        };
        self.roles.get_key_value(role).map_or(Target::None, |(role, upstream)| Target::Role(role, upstream))
    }
}

/// What answers a path.
pub(crate) enum Target<'u> {
    Role(&'static str, &'u Upstream),
    Document,
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_to_their_role_and_internal_ones_nowhere() {
        let here = || Upstream::Local(Router::new());
        let upstreams = Upstreams::new()
            .with("catalog", &["/api/v1/products", "/media"], here())
            .with(STOREFRONT, &["/media/art"], here())
            .with("identity", &["/api/v1/me"], here())
            .with("payment", &["/webhooks"], here());
        let role = |path: &str| match upstreams.target(path) {
            Target::Role(role, _) => role,
            Target::Document => "document",
            Target::None => "none",
        };
        for (path, expected) in [
            ("/api/v1/products/bag", "catalog"),
            ("/api/v1/products", "catalog"),
            ("/api/v1/productsx", "none"),
            ("/api/v1/me/addresses", "identity"),
            ("/api/v1/openapi.json", "document"),
            ("/webhooks/sandbox", "payment"),
            ("/media/0a1b.png", "catalog"),
            ("/media/art/mug/1.svg", "storefront"),
            ("/api/v2/products", "none"),
            ("/rpc/order/v1/place", "none"),
            ("/livez", "none"),
            ("/metrics", "none"),
            ("/", "storefront"),
            ("/metrics-of-life", "storefront"),
            ("/p/bag", "storefront"),
        ] {
            assert_eq!(role(path), expected, "{path}");
        }
    }
}
