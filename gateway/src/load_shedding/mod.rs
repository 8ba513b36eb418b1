//! Load shedding by priority: every request that goes to a role takes a permit first, and the less it matters the sooner there is none.
//!
//! Two questions. Is there room in the gateway? Each priority is let in up to a share of all permits, so that searches never
//! take those that checkouts need. Does the role keep up with this priority? If not, less of it goes there
//! (`aimd.rs`). As searches must be quicker than carts and carts quicker than checkouts, a role with too much to do loses
//! its searches first, and the rest may never notice.

mod aimd;
mod priority;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, counter, gauge};
use souk_kernel::{Kind, Problem};
use souk_runtime::Tasks;

use self::aimd::AimdLimit;
use self::priority::PRIORITIES;
pub(crate) use self::priority::Priority;
use crate::config::Shedding;

/// All permits. Clones share them.
#[derive(Clone)]
pub(crate) struct LoadShedder(Arc<Inner>);

struct Inner {
    started: Instant,
    under_way: AtomicU32,
    /// Up to how many under way each priority is let in.
    shares: [u32; PRIORITIES.len()],
    roles: Vec<Role>,
    taken: [Counter; PRIORITIES.len()],
    refused: [Counter; PRIORITIES.len()],
    in_flight: Gauge,
}

struct Role {
    name: &'static str,
    /// None where the limit does not adapt.
    limits: Option<[(AimdLimit, Gauge); PRIORITIES.len()]>,
}

impl LoadShedder {
    pub(crate) fn new(config: &Shedding, roles: impl Iterator<Item = &'static str>) -> Self {
        let share = |percent: u32| {
            let share = (u64::from(config.in_flight) * u64::from(percent)).div_ceil(100);
            u32::try_from(share).unwrap_or(u32::MAX)
        };
        let shares = [share(config.explore_percent), share(config.shop_percent), config.in_flight];
        let late = [config.explore_late_ms, config.shop_late_ms, config.buy_late_ms];
        let role = |name: &'static str| {
            let of = |priority: Priority| {
                let at = priority as usize;
                let gauge = gauge!("souk_gateway_limit", "role" => name, "class" => priority.name());
                gauge.set(f64::from(shares[at]));
                (AimdLimit::new(config.floor.min(shares[at]), shares[at], late[at]), gauge)
            };
            Role { name, limits: config.adaptive.then(|| PRIORITIES.map(of)) }
        };
        let admissions = |outcome: &'static str| {
            PRIORITIES.map(
                |priority| counter!("souk_gateway_admissions_total", "class" => priority.name(), "outcome" => outcome),
            )
        };
        Self(Arc::new(Inner {
            started: Instant::now(),
            under_way: AtomicU32::new(0),
            shares,
            roles: roles.map(role).collect(),
            taken: admissions("taken"),
            refused: admissions("refused"),
            in_flight: gauge!("souk_gateway_in_flight"),
        }))
    }

    /// A permit for a request of `priority` to `role`, or 503 with when to try again.
    pub(crate) fn try_acquire(&self, role: &'static str, priority: Priority) -> Result<Permit, Problem> {
        let (inner, at) = (&self.0, priority as usize);
        let began = inner.now();
        let before = inner.under_way.fetch_add(1, Ordering::Relaxed);
        let role = inner.roles.iter().position(|known| known.name == role);
        let limit = role.and_then(|role| Some(&inner.roles[role].limits.as_ref()?[at]));
        if before >= inner.shares[at] || !limit.is_none_or(|(limit, _)| limit.try_acquire(began)) {
            inner.under_way.fetch_sub(1, Ordering::Relaxed);
            inner.refused[at].increment(1);
            let problem = Problem::new(Kind::Unavailable, "overloaded", "too busy right now, please try again");
            return Err(problem.with_retry_after(Duration::from_secs(priority.retry_after())));
        }
        inner.taken[at].increment(1);
        inner.in_flight.set(f64::from(before + 1));
        Ok(Permit { inner: inner.clone(), role, priority, began, answered: false, refused: false })
    }
}

/// Between two updates of limits that no request comes to.
const TICK: Duration = Duration::from_secs(1);

/// Lets the limits grow, and shows them, also while nothing is asked.
pub(crate) fn run(tasks: &Tasks, shedder: LoadShedder) {
    let stopping = tasks.clone();
    tasks.spawn("gateway.limits", async move {
        while stopping.pause(TICK).await {
            let now = shedder.0.now();
            for (limit, gauge) in shedder.0.roles.iter().filter_map(|role| role.limits.as_ref()).flatten() {
                gauge.set(f64::from(limit.tick(now)));
            }
        }
    });
}

impl Inner {
    /// Milliseconds since the gateway was made.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A permit, given back when it is dropped.
pub(crate) struct Permit {
    inner: Arc<Inner>,
    role: Option<usize>,
    priority: Priority,
    began: u64,
    answered: bool,
    refused: bool,
}

impl Permit {
    /// An answer came. With 503 the role said that it cannot keep up.
    pub(crate) fn answered(&mut self, status: http::StatusCode) {
        self.answered = true;
        self.refused = status == http::StatusCode::SERVICE_UNAVAILABLE;
    }

    /// None came. What could not even be sent took no time there, and fewer requests would not help; what was waited for in
    /// vain did.
    pub(crate) fn failed(&mut self, problem: &Problem) {
        self.refused = problem.kind == Kind::Timeout;
        self.answered = self.refused;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (inner, at) = (&self.inner, self.priority as usize);
        let before = inner.under_way.fetch_sub(1, Ordering::Relaxed);
        inner.in_flight.set(f64::from(before.saturating_sub(1)));
        let limits = self.role.and_then(|role| inner.roles[role].limits.as_ref());
        if let Some((limit, gauge)) = limits.map(|limits| &limits[at]) {
            limit.release(self.began, inner.now(), self.answered, self.refused);
            gauge.set(f64::from(limit.now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_priority_leaves_permits_to_those_that_matter_more() {
        let config = Shedding { in_flight: 10, ..Shedding::default() };
        let shedder = LoadShedder::new(&config, ["storefront"].into_iter());
        let fill = |priority| {
            let mut permits = Vec::new();
            while let Ok(permit) = shedder.try_acquire("storefront", priority) {
                permits.push(permit);
            }
            permits
        };
        let explore = fill(Priority::Explore);
        let shop = fill(Priority::Shop);
        let buy = fill(Priority::Buy);
        assert_eq!((explore.len(), shop.len(), buy.len()), (6, 3, 1));
        drop(explore);
        assert_eq!(fill(Priority::Explore).len(), 2, "up to the share, with all that is under way");
        drop((shop, buy));
        let refused = fill(Priority::Buy);
        assert_eq!(refused.len(), 10);
        let problem = shedder.try_acquire("storefront", Priority::Explore).err().unwrap();
        assert_eq!((problem.code.as_ref(), problem.retry_after), ("overloaded", Some(5)));
    }
}
