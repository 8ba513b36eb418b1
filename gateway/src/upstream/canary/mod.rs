//! Canary releases: new versions of roles beside the old ones, which visitors get which, and what becomes of it (docs/gateway.md,
//! docs/adr/0008).
//!
//! A visitor's side follows from their cohort, so nothing is remembered here, every gateway decides the same, and a higher
//! percentage only adds visitors. Pages of a canary are kept apart in the page cache and shown to its visitors alone.

mod cohort;
mod health;

use std::future::Future;
use std::net::IpAddr;
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use souk_kernel::{Kind, Problem};
use souk_rpc::Cx;

use self::cohort::COHORTS;
pub(crate) use self::cohort::Cohort;
use self::health::Health;
use super::forward::forward;
use super::routing::{Target, Upstream, Upstreams};
use crate::config::CanaryConfig;

/// Static files are named after their content: each version knows its own. A page that a visitor still has open may be the
/// other side's.
const ASSETS: &str = "/assets/";

/// Which version of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Stable,
    Canary,
}

/// All of them, at most one per role.
pub(crate) struct Canaries(Vec<Canary>);

/// A role's new version.
pub(crate) struct Canary {
    role: &'static str,
    upstream: Upstream,
    /// How many cohorts are in, counted from `first`.
    cohorts: u16,
    first: u16,
    header: Option<HeaderName>,
    health: Health,
    started: Instant,
    metrics: Metrics,
}

struct Metrics {
    /// By side.
    sides: [Outcomes; 2],
    fallbacks: Counter,
    healthy: Gauge,
}

struct Outcomes {
    ok: Counter,
    refused: Counter,
    fault: Counter,
    seconds: Histogram,
}

impl Canaries {
    /// Of settings that were checked; a role that `upstreams` do not know is left out.
    pub(crate) fn new(settings: Vec<(CanaryConfig, Upstream)>, upstreams: &Upstreams) -> Self {
        let canary = |(config, upstream): (CanaryConfig, Upstream)| {
            Some(Canary::new(&config, upstreams.role(&config.role)?, upstream))
        };
        Self(settings.into_iter().filter_map(canary).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of(&self, role: &str) -> Option<&Canary> {
        self.0.iter().find(|canary| canary.role == role)
    }

    /// The one of the role that answers `path`. Costs nothing where there is no canary.
    pub(crate) fn at(&self, upstreams: &Upstreams, path: &str) -> Option<&Canary> {
        if self.is_empty() {
            return None;
        }
        match upstreams.target(path) {
            Target::Role(role, _) => self.of(role),
            _ => None,
        }
    }
}

impl Canary {
    fn new(config: &CanaryConfig, role: &'static str, upstream: Upstream) -> Self {
        // Checked to be 0 to 100: no sign to lose.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let cohorts = (config.percent * f64::from(COHORTS) / 100.0).round() as u16;
        let metrics = Metrics::new(role);
        metrics.healthy.set(1.0);
        Self {
            role,
            upstream,
            cohorts,
            first: Cohort::of_role(role).0,
            header: config.header.as_ref().and_then(|name| name.parse().ok()),
            health: Health::default(),
            started: Instant::now(),
            metrics,
        }
    }

    /// The side of a request: what its header says, else where its cohort falls.
    pub(crate) fn side(&self, headers: &HeaderMap, cohort: Cohort) -> Side {
        let said = self.header.as_ref().and_then(|name| headers.get(name));
        let on = match said.map(http::HeaderValue::as_bytes) {
            Some(b"always") => true,
            Some(b"never") => false,
            _ => (cohort.0 + COHORTS - self.first) % COHORTS < self.cohorts,
        };
        if on { Side::Canary } else { Side::Stable }
    }

    /// True while it is not left alone.
    pub(crate) fn fit(&self) -> bool {
        self.health.fit(self.now())
    }

    /// One of the canary's visitors gets the old version, because the canary is not fit.
    pub(crate) fn fell_back(&self) {
        self.metrics.fallbacks.increment(1);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes what `answer` is and how long it took.
    async fn watch(
        &self,
        side: Side,
        answer: impl Future<Output = Result<Response<Body>, Problem>>,
    ) -> Result<Response<Body>, Problem> {
        let began = Instant::now();
        let answer = answer.await;
        let outcomes = &self.metrics.sides[side as usize];
        outcomes.seconds.record(began.elapsed().as_secs_f64());
        let status = answer.as_ref().map_or(StatusCode::BAD_GATEWAY, Response::status);
        let outcome = match status {
            status if status.is_server_error() => &outcomes.fault,
            status if status.is_client_error() => &outcomes.refused,
            _ => &outcomes.ok,
        };
        outcome.increment(1);
        if side == Side::Canary {
            self.record_health(status);
        }
        answer
    }

    fn record_health(&self, status: StatusCode) {
        if !status.is_server_error() {
            self.health.answered();
            self.metrics.healthy.set(1.0);
        } else if let Some(pause_ms) = self.health.failed(self.now()) {
            self.metrics.healthy.set(0.0);
            tracing::warn!(role = self.role, pause_ms, "a canary keeps failing: its visitors get the old version");
        }
    }

    /// The other side's answer to a read of a file that this side does not have, if the other has it.
    async fn file_of_other_side(
        &self,
        side: Side,
        stable: &Upstream,
        cx: &Cx,
        client: Option<IpAddr>,
        request: Request<Bytes>,
    ) -> Option<Response<Body>> {
        let other = match side {
            Side::Stable if self.fit() => &self.upstream,
            Side::Stable => return None,
            Side::Canary => stable,
        };
        forward(other, cx, client, request).await.ok().filter(|response| response.status().is_success())
    }
}

/// Sends `request` to the side it belongs to. What a canary did not take, or did not answer and may be asked twice, goes
/// to the old version.
pub(crate) async fn send(
    canary: Option<(&Canary, Side)>,
    stable: &Upstream,
    cx: &Cx,
    client: Option<IpAddr>,
    request: Request<Bytes>,
) -> Result<Response<Body>, Problem> {
    let Some((canary, side)) = canary else { return forward(stable, cx, client, request).await };
    let file = request.method().is_safe() && request.uri().path().starts_with(ASSETS);
    let again = file.then(|| request.clone());
    // In boxes: these hold many ways to send a request, and few roles have a canary.
    let response = Box::pin(send_to_side(canary, side, stable, cx, client, request)).await?;
    if let (Some(again), StatusCode::NOT_FOUND) = (again, response.status())
        && let Some(found) = Box::pin(canary.file_of_other_side(side, stable, cx, client, again)).await
    {
        return Ok(found);
    }
    Ok(response)
}

async fn send_to_side(
    canary: &Canary,
    side: Side,
    stable: &Upstream,
    cx: &Cx,
    client: Option<IpAddr>,
    request: Request<Bytes>,
) -> Result<Response<Body>, Problem> {
    if side == Side::Stable {
        return canary.watch(Side::Stable, forward(stable, cx, client, request)).await;
    }
    if canary.fit() {
        let (again, safe) = (request.clone(), request.method().is_safe());
        let problem = match canary.watch(Side::Canary, forward(&canary.upstream, cx, client, request)).await {
            Ok(response) => return Ok(response),
            Err(problem) => problem,
        };
        // Unavailable means that nothing was sent.
        let harmless = problem.kind == Kind::Unavailable || (safe && problem.kind == Kind::Timeout);
        if !harmless || cx.time_left().is_some_and(|left| left.is_zero()) {
            return Err(problem);
        }
        canary.fell_back();
        return canary.watch(Side::Stable, forward(stable, cx, client, again)).await;
    }
    canary.fell_back();
    canary.watch(Side::Stable, forward(stable, cx, client, request)).await
}

impl Metrics {
    fn new(role: &'static str) -> Self {
        let outcomes = |side: &'static str| {
            let count = |outcome: &'static str| counter!("souk_gateway_canary_requests_total", "role" => role, "side" => side, "outcome" => outcome);
            Outcomes {
                ok: count("ok"),
                refused: count("refused"),
                fault: count("fault"),
                seconds: histogram!("souk_gateway_canary_seconds", "role" => role, "side" => side),
            }
        };
        Self {
            sides: [outcomes("stable"), outcomes("canary")],
            fallbacks: counter!("souk_gateway_canary_fallbacks_total", "role" => role),
            healthy: gauge!("souk_gateway_canary_healthy", "role" => role),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(percent: f64, header: Option<&str>) -> Canary {
        let config =
            CanaryConfig { role: "catalog".into(), addresses: Vec::new(), percent, header: header.map(str::to_owned) };
        Canary::new(&config, "catalog", Upstream::Local(axum::Router::new()))
    }

    fn cohorts(canary: &Canary) -> Vec<u16> {
        let nothing = HeaderMap::new();
        (0..COHORTS).filter(|cohort| canary.side(&nothing, Cohort(*cohort)) == Side::Canary).collect()
    }

    #[test]
    fn the_percentage_is_exact_and_a_higher_one_only_adds() {
        for (percent, count) in [(0.0, 0), (0.01, 1), (5.0, 500), (33.33, 3_333), (100.0, 10_000)] {
            assert_eq!(cohorts(&canary(percent, None)).len(), count, "{percent}");
        }
        let (few, more) = (cohorts(&canary(5.0, None)), cohorts(&canary(25.0, None)));
        assert!(few.iter().all(|cohort| more.contains(cohort)));
    }

    #[test]
    fn the_header_decides_where_there_is_one() {
        let mut headers = HeaderMap::new();
        headers.insert("souk-canary-x", "always".parse().unwrap());
        let side = |canary: Canary, headers: &HeaderMap| canary.side(headers, Cohort(0));
        assert_eq!(side(canary(0.0, Some("souk-canary-x")), &headers), Side::Canary);
        assert_eq!(side(canary(0.0, None), &headers), Side::Stable, "no canary knows that header");
        headers.insert("souk-canary-x", "never".parse().unwrap());
        assert_eq!(side(canary(100.0, Some("souk-canary-x")), &headers), Side::Stable);
        headers.insert("souk-canary-x", "nonsense".parse().unwrap());
        assert_eq!(side(canary(100.0, Some("souk-canary-x")), &headers), Side::Canary);
    }
}
