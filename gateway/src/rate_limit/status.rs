//! Rate-limit status: how much of a limit is left after a request.

use super::rule::Rule;
use crate::config::Rate;

/// How much of one limit is left after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateLimitStatus {
    pub(crate) rule: Rule,
    pub(crate) rate: Rate,
    /// Requests that may follow at once.
    pub(crate) remaining: u32,
    /// Seconds until the whole burst is there again; until the next request is let in, when none remains.
    pub(crate) reset: u64,
}

/// The status of that limit, of those a request fell under, which has the smallest share left.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TightestLimit(Option<RateLimitStatus>);

impl TightestLimit {
    pub(crate) fn status(&self) -> Option<&RateLimitStatus> {
        self.0.as_ref()
    }

    /// Keeps `status` if it is the tightest so far.
    pub(crate) fn note_limit(&mut self, status: Option<RateLimitStatus>) {
        let Some(new) = status else { return };
        let left = |of: &RateLimitStatus| f64::from(of.remaining) / f64::from(of.rate.burst.max(1));
        if self.0.as_ref().is_none_or(|old| left(&new) < left(old)) {
            self.0 = Some(new);
        }
    }

    /// Keeps the status of the limit that refused the request.
    pub(crate) fn note_exceeded(&mut self, status: RateLimitStatus) {
        self.0 = Some(status);
    }
}
