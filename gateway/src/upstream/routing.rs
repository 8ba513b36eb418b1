//! Routing table: which role answers a path, and how it is reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use souk_rpc_http::HttpTransport;

use crate::request::classify::is_below;

/// Start of a path, and the role that answers it (ARCHITECTURE 1). Everything else is the storefront's.
pub const ROUTES: &[(&str, &str)] = &[
    ("/api/v1/products", "catalog"),
    ("/api/v1/categories", "catalog"),
    ("/api/v1/collections", "catalog"),
    ("/api/v1/search", "search"),
    ("/api/v1/suggest", "search"),
    ("/api/v1/recommendations", "search"),
    ("/api/v1/quotes", "pricing"),
    ("/api/v1/carts", "cart"),
    ("/api/v1/checkout", "order"),
    ("/api/v1/orders", "order"),
    ("/api/v1/auth", "identity"),
    ("/api/v1/me", "identity"),
    ("/.well-known/jwks.json", "identity"),
    ("/api/v1/availability", "inventory"),
    ("/api/v1/tracking", "shipping"),
    ("/webhooks", "payment"),
    ("/media/art", "storefront"),
    ("/media", "catalog"),
];

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

/// The roles that can be reached.
#[derive(Clone, Default)]
pub struct Upstreams(BTreeMap<&'static str, Upstream>);

impl Upstreams {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the way to a role.
    pub fn with(mut self, role: &'static str, upstream: Upstream) -> Self {
        self.0.insert(role, upstream);
        self
    }

    /// Names of the roles.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// The lasting name of a role that can be reached.
    pub(crate) fn role(&self, name: &str) -> Option<&'static str> {
        self.0.get_key_value(name).map(|(role, _)| *role)
    }

    /// The role whose path it is.
    pub(crate) fn target(&self, path: &str) -> Target<'_> {
        if path == DOCUMENT {
            return Target::Document;
        }
        let below = |prefix: &str| is_below(path, prefix);
        let role = match ROUTES.iter().find(|(prefix, _)| below(prefix)) {
            Some((_, role)) => role,
            None if HIDDEN.iter().any(|prefix| below(prefix)) => return Target::None,
            None => STOREFRONT,
        };
        self.0.get_key_value(role).map_or(Target::None, |(role, upstream)| Target::Role(role, upstream))
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
        let mut upstreams = Upstreams::new().with(STOREFRONT, Upstream::Local(Router::new()));
        for (_, role) in ROUTES {
            upstreams = upstreams.with(role, Upstream::Local(Router::new()));
        }
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
