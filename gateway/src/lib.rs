//! API gateway, the only public listener: rate limits, authentication at the edge, page cache, load shedding, routing.
//!
//! Stateless: nothing here must survive. Calls identity (sessions and keys) and forwards to every role with a public surface, in
//! process or over HTTP. Emits and consumes no events itself: the binary feeds [`PageCache::purge`] from them.
//!
//! There is a folder per stage, in the order in which a request meets them: `connection` accepts and frames, `pipeline` decides
//! what happens next, with the parts of `request`, `rate_limit`, `cache`, `auth`, `load_shedding`, `upstream` and `response`. The
//! parts take what they need and never the whole: only `pipeline` and `connection` know `GatewayState` (`state.rs`).
//!
//! hyper is used directly, without a stack of layers: a page from the cache is answered in `pipeline/cached.rs`, which neither
//! awaits nor boxes; everything else goes through `pipeline/uncached.rs`.

mod auth;
mod cache;
mod config;
mod connection;
mod gateway;
mod load_shedding;
mod metrics;
mod pipeline;
mod rate_limit;
mod request;
mod response;
mod state;
mod upstream;

pub use auth::read_your_writes::POSITION_SECONDS;
pub use cache::{CacheStats, PageCache, PageParameters};
pub use config::{
    BodyLimit, By, CanaryConfig, Complaints, ConfigError, CorsConfig, GatewayConfig, Profile, Rate, RequestLimits,
    RouteThrottle, Shedding, Throttles,
};
pub use gateway::{Gateway, GatewayDeps};
pub use rate_limit::shared::SharedRates;
pub use request::client_ip::is_network;
pub use upstream::routing::{Upstream, Upstreams};
