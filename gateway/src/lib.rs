//! The only public listener: limits, throttles, authentication at the edge, page cache, routing.
//!
//! Owns nothing that must survive. Calls identity (sessions and keys) and forwards to every role with a public surface,
//! in process or over HTTP. Emits and consumes nothing itself: the binary feeds [`PageCache::purge`] from events.
//!
//! hyper is used directly, without a stack of layers: a page from the cache is answered in [`fast`], which neither
//! awaits nor boxes; everything else goes the long way in [`slow`].

mod address;
mod allowance;
mod answer;
mod auth;
mod bodies;
mod cache;
mod canary;
mod config;
mod cors;
mod fast;
mod flight;
mod forward;
mod gateway;
mod headers;
mod limits;
mod meters;
mod methods;
mod path_pattern;
mod personal;
mod position;
mod render;
mod routes;
mod routing;
mod secure;
mod server;
mod sharing;
mod shed;
mod slow;
mod stall;
mod throttle;
mod waits;

pub use address::is_network;
pub use cache::{CacheStats, PageCache, PageParameters};
pub use config::{
    BodyLimit, By, CanaryConfig, Complaints, ConfigError, CorsConfig, GatewayConfig, Limits, Profile, Rate,
    RouteThrottle, Shedding, Throttles,
};
pub use gateway::{Gateway, GatewayDeps};
pub use position::POSITION_SECONDS;
pub use routing::{ROUTES, Upstream, Upstreams};
pub use sharing::SharedRates;
