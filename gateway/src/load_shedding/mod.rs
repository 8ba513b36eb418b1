//! Load shedding: every request that goes to a role takes a place first, and the less it matters the sooner there is none.
//!
//! Two questions. Is there room in the gateway? Each class is let in up to a share of all places, so that searches never
//! take those that checkouts need. Does the role keep up with this class? If not, less of that class goes there
//! ([`limit`]). As searches must be quicker than carts and carts quicker than checkouts, a role with too much to do loses
//! its searches first, and the rest may never notice.

mod class;
mod limit;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, counter, gauge};
use souk_kernel::{Kind, Problem};
use souk_runtime::Tasks;

use self::limit::Limit;
use crate::Shedding;
use class::CLASSES;
pub(crate) use class::Class;

/// All places. Clones share them.
#[derive(Clone)]
pub(crate) struct Shed(Arc<Inner>);

struct Inner {
    started: Instant,
    under_way: AtomicU32,
    /// Up to how many under way each class is let in.
    shares: [u32; CLASSES.len()],
    roles: Vec<Role>,
    taken: [Counter; CLASSES.len()],
    refused: [Counter; CLASSES.len()],
    in_flight: Gauge,
}

struct Role {
    name: &'static str,
    /// None where the limit does not adapt.
    limits: Option<[(Limit, Gauge); CLASSES.len()]>,
}

impl Shed {
    pub(crate) fn new(config: &Shedding, roles: impl Iterator<Item = &'static str>) -> Self {
        let share = |percent: u32| {
            let share = (u64::from(config.in_flight) * u64::from(percent)).div_ceil(100);
            u32::try_from(share).unwrap_or(u32::MAX)
        };
        let shares = [share(config.explore_percent), share(config.shop_percent), config.in_flight];
        let late = [config.explore_late_ms, config.shop_late_ms, config.buy_late_ms];
        let role = |name: &'static str| {
            let of = |class: Class| {
                let at = class as usize;
                let gauge = gauge!("souk_gateway_limit", "role" => name, "class" => class.name());
                gauge.set(f64::from(shares[at]));
                (Limit::new(config.floor.min(shares[at]), shares[at], late[at]), gauge)
            };
            Role { name, limits: config.adaptive.then(|| CLASSES.map(of)) }
        };
        let admissions = |outcome: &'static str| {
            CLASSES
                .map(|class| counter!("souk_gateway_admissions_total", "class" => class.name(), "outcome" => outcome))
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

    /// A place for a request of `class` to `role`, or 503 with when to try again.
    pub(crate) fn take(&self, role: &'static str, class: Class) -> Result<Place, Problem> {
        let (inner, at) = (&self.0, class as usize);
        let began = inner.now();
        let place = inner.under_way.fetch_add(1, Ordering::Relaxed);
        let role = inner.roles.iter().position(|known| known.name == role);
        let limit = role.and_then(|role| Some(&inner.roles[role].limits.as_ref()?[at]));
        if place >= inner.shares[at] || !limit.is_none_or(|(limit, _)| limit.enter(began)) {
            inner.under_way.fetch_sub(1, Ordering::Relaxed);
            inner.refused[at].increment(1);
            let problem = Problem::new(Kind::Unavailable, "overloaded", "too busy right now, please try again");
            return Err(problem.with_retry_after(Duration::from_secs(class.retry_after())));
        }
        inner.taken[at].increment(1);
        inner.in_flight.set(f64::from(place + 1));
        Ok(Place { inner: inner.clone(), role, class, began, answered: false, refused: false })
    }
}

/// Between two looks at limits that nothing comes to.
const TICK: Duration = Duration::from_secs(1);

/// Lets the limits grow, and shows them, also while nothing is asked.
pub(crate) fn run(tasks: &Tasks, shed: Shed) {
    let stopping = tasks.clone();
    tasks.spawn("gateway.limits", async move {
        while stopping.pause(TICK).await {
            let now = shed.0.now();
            for (limit, gauge) in shed.0.roles.iter().filter_map(|role| role.limits.as_ref()).flatten() {
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

/// A place, given back when it is dropped.
pub(crate) struct Place {
    inner: Arc<Inner>,
    role: Option<usize>,
    class: Class,
    began: u64,
    answered: bool,
    refused: bool,
}

impl Place {
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

impl Drop for Place {
    fn drop(&mut self) {
        let (inner, at) = (&self.inner, self.class as usize);
        let before = inner.under_way.fetch_sub(1, Ordering::Relaxed);
        inner.in_flight.set(f64::from(before.saturating_sub(1)));
        let limits = self.role.and_then(|role| inner.roles[role].limits.as_ref());
        if let Some((limit, gauge)) = limits.map(|limits| &limits[at]) {
            limit.leave(self.began, inner.now(), self.answered, self.refused);
            gauge.set(f64::from(limit.now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_leaves_places_to_those_that_matter_more() {
        let config = Shedding { in_flight: 10, ..Shedding::default() };
        let shed = Shed::new(&config, ["storefront"].into_iter());
        let fill = |class| {
            let mut places = Vec::new();
            while let Ok(place) = shed.take("storefront", class) {
                places.push(place);
            }
            places
        };
        let explore = fill(Class::Explore);
        let shop = fill(Class::Shop);
        let buy = fill(Class::Buy);
        assert_eq!((explore.len(), shop.len(), buy.len()), (6, 3, 1));
        drop(explore);
        assert_eq!(fill(Class::Explore).len(), 2, "up to the share, with all that is under way");
        drop((shop, buy));
        let refused = fill(Class::Buy);
        assert_eq!(refused.len(), 10);
        let problem = shed.take("storefront", Class::Explore).err().unwrap();
        assert_eq!((problem.code.as_ref(), problem.retry_after), ("overloaded", Some(5)));
    }
}
