//! Load-shedding settings, `[public.shedding]`: how much may be under way, and what is refused first (docs/gateway.md has
//! the table of priorities).

use serde::{Deserialize, Serialize};

use super::Complaints;

/// Permits for requests under way to the roles. Answers from memory take none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shedding {
    /// Requests under way to all roles at once; 0 would be a closed shop.
    pub in_flight: u32,
    /// Percent of the permits up to which searches and what strangers read are let in.
    pub explore_percent: u32,
    /// Percent of the permits up to which carts, accounts and every write are let in. Checkouts may take all.
    pub shop_percent: u32,
    /// Lets in less of a priority to a role while that role is late with it.
    pub adaptive: bool,
    /// Permits that a priority keeps at each role however late it is: enough to notice that it has recovered.
    pub floor: u32,
    /// Milliseconds after which an answer of the lowest priority is late.
    pub explore_late_ms: u64,
    /// The same of the second.
    pub shop_late_ms: u64,
    /// The same of checkouts and orders: long, because a payment provider may take its time.
    pub buy_late_ms: u64,
}

impl Default for Shedding {
    fn default() -> Self {
        Self {
            in_flight: 2_048,
            explore_percent: 60,
            shop_percent: 85,
            adaptive: true,
            floor: 16,
            explore_late_ms: 1_000,
            shop_late_ms: 2_000,
            buy_late_ms: 8_000,
        }
    }
}

impl Shedding {
    /// What cannot be meant.
    pub fn complaints(&self) -> Complaints {
        let mut complaints = Complaints::new();
        let mut wrong = |key: &str, reason: &str| complaints.push((format!("shedding.{key}"), reason.to_owned()));
        if !(1..=1_000_000).contains(&self.in_flight) {
            wrong("in_flight", "must be 1 to 1000000");
        }
        if !(1..=100).contains(&self.explore_percent) {
            wrong("explore_percent", "must be 1 to 100");
        }
        if !(self.explore_percent..=100).contains(&self.shop_percent) {
            wrong("shop_percent", "must be explore_percent to 100: carts and accounts go after strangers' reads");
        }
        if !(1..=self.in_flight.max(1)).contains(&self.floor) {
            wrong("floor", "must be 1 to in_flight");
        }
        if self.explore_late_ms == 0 {
            wrong("explore_late_ms", "must be above 0");
        }
        if self.shop_late_ms < self.explore_late_ms {
            wrong("shop_late_ms", "must be at least explore_late_ms: who may wait longer is refused later");
        }
        if self.buy_late_ms < self.shop_late_ms {
            wrong("buy_late_ms", "must be at least shop_late_ms: who may wait longer is refused later");
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_keep_their_order() {
        let keys = |change: fn(&mut Shedding)| {
            let mut shedding = Shedding::default();
            change(&mut shedding);
            shedding.complaints().into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert!(keys(|_| {}).is_empty());
        assert_eq!(keys(|s| s.in_flight = 0), ["shedding.in_flight", "shedding.floor"]);
        assert_eq!(keys(|s| s.explore_percent = 101), ["shedding.explore_percent", "shedding.shop_percent"]);
        assert_eq!(keys(|s| s.shop_percent = 50), ["shedding.shop_percent"]);
        assert_eq!(keys(|s| s.shop_late_ms = 1), ["shedding.shop_late_ms"]);
        assert_eq!(keys(|s| s.buy_late_ms = 1_500), ["shedding.buy_late_ms"]);
    }
}
