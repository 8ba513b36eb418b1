//! Metrics scraper: the shop's own counters, read from its operations listener (Prometheus text) before and after a load.

use anyhow::ensure;
use serde::Serialize;

use crate::client::{Accept, Client};
use crate::target::Target;

/// Counters so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Meters {
    /// Answered by the gateway's cache.
    pub fresh: f64,
    /// Answered by it with what was due for a refresh, which then cost a rendering on the side.
    pub stale: f64,
    /// Could have been, and were rendered.
    pub rendered: f64,
    /// Refused by throttles.
    pub throttled: f64,
    /// Statements sent to the database by all services.
    pub statements: f64,
    /// Their commits: transactions with at least one statement, and single writes.
    pub commits: f64,
}

impl Meters {
    /// Reads `/metrics`.
    ///
    /// # Errors
    /// The listener does not answer.
    pub async fn read(operations: &Target) -> anyhow::Result<Self> {
        let mut client = Client::new(operations.clone());
        let answer = client.get("/metrics", Accept::Data).await?;
        ensure!(answer.status == 200, "GET /metrics: {}", answer.status);
        Ok(Self::parse(&client.text(answer)?))
    }

    /// Sums the counters in a Prometheus text.
    pub fn parse(text: &str) -> Self {
        let mut meters = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let name = series.split('{').next().unwrap_or_default();
            let way = |way: &str| series.contains(&format!("way=\"{way}\""));
            match name {
                "souk_gateway_requests_total" if way("hit") => meters.fresh += value,
                "souk_gateway_requests_total" if way("stale") => meters.stale += value,
                "souk_gateway_requests_total" if way("rendered") => meters.rendered += value,
                "souk_gateway_requests_total" if way("throttled") => meters.throttled += value,
                "souk_db_statements_total" => meters.statements += value,
                "souk_db_commits_total" => meters.commits += value,
                _ => {}
            }
        }
        meters
    }

    /// What was counted since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            fresh: self.fresh - earlier.fresh,
            stale: self.stale - earlier.stale,
            rendered: self.rendered - earlier.rendered,
            throttled: self.throttled - earlier.throttled,
            statements: self.statements - earlier.statements,
            commits: self.commits - earlier.commits,
        }
    }

    /// Share of cacheable requests that the cache answered, and that it answered stale; none when there were none.
    pub fn hit_ratio(self) -> Option<(f64, f64)> {
        let all = self.fresh + self.stale + self.rendered;
        (all > 0.0).then(|| ((self.fresh + self.stale) / all, self.stale / all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_over_their_labels() {
        let meters = Meters::parse(
            "# TYPE souk_gateway_requests_total counter\n\
             souk_gateway_requests_total{way=\"hit\"} 90\n\
             souk_gateway_requests_total{way=\"stale\"} 5\n\
             souk_gateway_requests_total{way=\"rendered\"} 5\n\
             souk_gateway_requests_total{way=\"uncached\"} 1000\n\
             souk_db_statements_total{schema=\"cart\",handle=\"tx\"} 7\n\
             souk_db_statements_total{schema=\"cart\",handle=\"reads\"} 3\n\
             souk_db_commits_total{schema=\"cart\"} 2\n\
             db_client_connection_wait_time_seconds{db_client_connection_pool_name=\"cart\",quantile=\"0.5\"} 0.1\n",
        );
        assert_eq!(meters.hit_ratio(), Some((0.95, 0.05)));
        assert_eq!((meters.statements, meters.commits), (10.0, 2.0));
        assert_eq!(meters.since(meters).hit_ratio(), None);
    }
}
