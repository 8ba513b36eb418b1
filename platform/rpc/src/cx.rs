//! Call context: what travels beside every request, in process and on the wire.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use souk_kernel::Problem;
use souk_trace::Trace;

use crate::{Actor, ActorKey};

/// Names of the headers a [`Cx`] travels in.
pub mod header {
    use http::HeaderName;
    /// One id for everything that one request of a browser causes.
    pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
    /// W3C trace context.
    pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
    /// What other vendors say about the trace.
    pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
    /// The signed actor; never accepted from outside.
    pub const ACTOR: HeaderName = HeaderName::from_static("x-souk-actor");
    /// Milliseconds left until the caller gives up.
    pub const TIMEOUT_MS: HeaderName = HeaderName::from_static("x-souk-timeout-ms");
    /// The client's idempotency key.
    pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
    /// Position in the write-ahead log that reads must have seen; in replies, the position of what was written.
    pub const LSN: HeaderName = HeaderName::from_static("x-souk-lsn");
    /// Address of the client as the gateway saw it.
    pub const CLIENT_IP: HeaderName = HeaderName::from_static("x-souk-client-ip");
}

/// The context of one call. Cheap to clone; clones share the high-water mark.
#[derive(Clone, Debug)]
pub struct Cx {
    /// Correlates logs; 1 to 64 characters of `[A-Za-z0-9._-]`.
    pub request_id: Arc<str>,
    /// W3C trace context: the place this context was made at, when a trace is being taken.
    pub trace: Option<Trace>,
    /// On whose behalf.
    pub actor: Actor,
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
    /// The client's `Idempotency-Key`.
    pub idempotency_key: Option<Arc<str>>,
    /// The client's address as the gateway saw it; only believed of roles that speak for users, and none for what a role
    /// does by itself.
    pub client: Option<IpAddr>,
    min_lsn: Arc<AtomicU64>,
}

impl Cx {
    /// A call of `actor` without deadline, at the place in a trace where this is.
    pub fn new(request_id: impl Into<Arc<str>>, actor: Actor) -> Self {
        Self {
            request_id: request_id.into(),
            trace: souk_trace::current(),
            actor,
            deadline: None,
            idempotency_key: None,
            client: None,
            min_lsn: Arc::default(),
        }
    }

    /// A call a role makes for itself: sagas, consumers, schedules, the command line.
    pub fn system(request_id: impl Into<Arc<str>>) -> Self {
        Self::new(request_id, Actor::System)
    }

    /// The same call with the system as its actor, for what a service does behind a user's request.
    pub fn as_system(&self) -> Self {
        Self { actor: Actor::System, client: None, ..self.clone() }
    }

    /// The same call on behalf of no user, for what is the same for all callers: only some roles may speak for users.
    pub fn for_anybody(&self) -> Self {
        Self { actor: Actor::Anonymous, client: None, ..self.clone() }
    }

    /// The same call for a client at this address.
    pub fn from_client(self, client: Option<IpAddr>) -> Self {
        Self { client, ..self }
    }

    /// The same call, given up `timeout` from now at the latest.
    pub fn within(mut self, timeout: Duration) -> Self {
        let mine = Instant::now() + timeout;
        self.deadline = Some(self.deadline.map_or(mine, |theirs| theirs.min(mine)));
        self
    }

    /// The same call under an idempotency key.
    pub fn with_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Where what is done in this context belongs: at the place that the task is at or, where it is at none or in another
    /// trace (a batch for many), at the place this context was made at.
    pub fn place(&self) -> Option<Trace> {
        match (souk_trace::current(), &self.trace) {
            (Some(here), Some(mine)) if here.trace_id() != mine.trace_id() => Some(mine.clone()),
            (Some(here), _) => Some(here),
            (None, mine) => mine.clone(),
        }
    }

    /// Time left, when there is a deadline.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// The position (`souk_db::WalPosition`, as a number) that reads of this call must have replayed: a caller that wrote
    /// sees its write.
    pub fn min_lsn(&self) -> u64 {
        self.min_lsn.load(Ordering::Relaxed)
    }

    /// Raises the high-water mark after a write at this position.
    pub fn wrote(&self, lsn: u64) {
        self.min_lsn.fetch_max(lsn, Ordering::Relaxed);
    }

    /// Puts this context into the headers of an outgoing call.
    pub fn write_headers(&self, headers: &mut HeaderMap, key: &ActorKey) {
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        put(header::REQUEST_ID, &self.request_id);
        if let Some(trace) = self.place() {
            put(header::TRACEPARENT, &trace.traceparent());
            if let Some(state) = trace.tracestate() {
                put(header::TRACESTATE, state);
            }
        }
        if self.actor != Actor::Anonymous {
            put(header::ACTOR, &key.sign(&self.actor));
        }
        if let Some(idempotency) = &self.idempotency_key {
            put(header::IDEMPOTENCY_KEY, idempotency);
        }
        if let Some(client) = self.client {
            put(header::CLIENT_IP, &client.to_string());
        }
        if self.min_lsn() > 0 {
            headers.insert(header::LSN, HeaderValue::from(self.min_lsn()));
        }
        self.write_timeout(headers);
    }

    /// Puts the time that is left into the headers of an outgoing call: less with every repeat.
    pub fn write_timeout(&self, headers: &mut HeaderMap) {
        if let Some(left) = self.time_left() {
            let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            headers.insert(header::TIMEOUT_MS, HeaderValue::from(millis));
        }
    }

    /// Reads the context of an incoming call of another role; an actor that is not signed is refused.
    pub fn from_headers(headers: &HeaderMap, key: &ActorKey) -> Result<Self, Problem> {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let actor = match text(header::ACTOR) {
            Some(signed) => key.verify(signed)?,
            None => Actor::Anonymous,
        };
        let mut cx = Cx::new(text(header::REQUEST_ID).unwrap_or("-"), actor);
        cx.trace = text(header::TRACEPARENT).and_then(|parent| Trace::parse(parent, text(header::TRACESTATE)));
        cx.idempotency_key = text(header::IDEMPOTENCY_KEY).map(Into::into);
        cx.client = text(header::CLIENT_IP).and_then(|address| address.parse().ok());
        if let Some(millis) = text(header::TIMEOUT_MS).and_then(|ms| ms.parse().ok()) {
            cx = cx.within(Duration::from_millis(millis));
        }
        if let Some(lsn) = text(header::LSN).and_then(|lsn| lsn.parse().ok()) {
            cx.wrote(lsn);
        }
        Ok(cx)
    }
}

/// What one subscriber holds: an IPv4 address (in either notation), or the /64 that an IPv6 one gets. What is counted per
/// address is counted under it.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            IpAddr::from(octets)
        }
    }
}
