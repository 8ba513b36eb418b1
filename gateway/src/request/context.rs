//! Request context: what was found out about one request, handed along the pipeline.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use souk_kernel::pan;
use souk_rpc::header::REQUEST_ID;
use souk_rpc::subscriber;
use souk_trace::Span;
use souk_web::{RequestIds, is_request_id};

use super::client_ip::TrustedProxies;
use crate::cache::CachedResponse;
use crate::rate_limit::limiter::{Bucket, RateLimiter};
use crate::rate_limit::rule::Rule;
use crate::rate_limit::status::TightestLimit;
use crate::upstream::canary::Side;

/// The other end of a connection.
pub(crate) struct Peer {
    address: IpAddr,
    /// Speaks for others: the address of each request is in its headers.
    pub(crate) is_proxy: bool,
    /// Of the address, looked up once per connection; none for a proxy, and where addresses are not limited.
    pub(crate) bucket: Option<Bucket>,
}

impl Peer {
    pub(crate) fn new(address: IpAddr, proxies: &TrustedProxies, limiter: &RateLimiter) -> Self {
        let is_proxy = proxies.trusts(address);
        let bucket = if is_proxy { None } else { limiter.bucket(Rule::Address, subscriber(address)) };
        Self { address, is_proxy, bucket }
    }

    /// Where a request with `headers` comes from.
    pub(crate) fn client(&self, proxies: &TrustedProxies, headers: &HeaderMap) -> IpAddr {
        if self.is_proxy { proxies.client(self.address, headers) } else { self.address }
    }
}

/// What was found out about a request.
pub(crate) struct RequestContext {
    pub(crate) id: HeaderValue,
    pub(crate) client: IpAddr,
    /// Microseconds since 1970.
    pub(crate) now: i64,
    /// Key in the page cache, of a read whose answer may be shared.
    pub(crate) key: Option<Box<str>>,
    /// An answer that is too old, for when there is no newer one.
    pub(crate) expired: Option<Arc<CachedResponse>>,
    /// What is left of the rate limits that this request took from.
    pub(crate) tightest: TightestLimit,
    /// Of this request, while traces are taken.
    pub(crate) span: Span,
    /// Where a canary is: which version this visitor gets.
    pub(crate) side: Side,
}

impl RequestContext {
    pub(crate) fn new(id: HeaderValue, client: IpAddr, now: i64) -> Self {
        let tightest = TightestLimit::default();
        Self { id, client, now, key: None, expired: None, tightest, span: Span::none(), side: Side::Stable }
    }

    /// The request's id as text.
    pub(crate) fn id(&self) -> &str {
        self.id.to_str().unwrap_or("-")
    }
}

/// The id that a request brings, if it is one, else a new one.
pub(crate) fn request_id(ids: &RequestIds, headers: &HeaderMap) -> HeaderValue {
    if let Some(given) = headers.get(REQUEST_ID)
        && given.to_str().is_ok_and(|id| is_request_id(id) && !pan::holds(id))
    {
        return given.clone();
    }
    HeaderValue::from_bytes(&ids.next()).expect("hexadecimal digits are a header value")
}
