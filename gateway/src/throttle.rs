//! How often somebody may come: token buckets kept as one number each (GCRA), in bounded memory.
//!
//! A bucket is the time at which it would be full again. The cache forgets the coldest when there are too many; who is
//! forgotten starts with a full bucket, and who keeps hammering stays hot and remembered.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use quick_cache::sync::Cache;

use crate::{Rate, Throttles};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    Address,
    Search,
    Checkout,
    Login,
    Register,
    Coupon,
    CouponAddress,
}

/// One subject's allowance; connections keep the one of their address.
pub(crate) type Bucket = Arc<AtomicI64>;

/// Seconds to wait before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u64);

pub(crate) struct Throttle {
    rates: Throttles,
    buckets: Cache<(Rule, u64), Bucket>,
    hasher: RandomState,
}

impl Throttle {
    pub(crate) fn new(rates: Throttles) -> Self {
        let buckets = Cache::new(rates.remembered.max(1));
        Self { rates, buckets, hasher: RandomState::new() }
    }

    /// The bucket of `subject`, or none when the rule is off.
    pub(crate) fn bucket(&self, rule: Rule, subject: impl Hash) -> Option<Bucket> {
        self.rate(rule)?;
        let key = (rule, self.hasher.hash_one(subject));
        if let Some(bucket) = self.buckets.get(&key) {
            return Some(bucket);
        }
        let made: Result<Bucket, std::convert::Infallible> =
            self.buckets.get_or_insert_with(&key, || Ok(Bucket::default()));
        made.ok()
    }

    /// Takes one from `bucket` at `now` (microseconds).
    pub(crate) fn take(&self, rule: Rule, bucket: &AtomicI64, now: i64) -> Result<(), Refused> {
        let Some(rate) = self.rate(rule) else { return Ok(()) };
        let interval = i64::from(rate.per_seconds) * 1_000_000 / i64::from(rate.count);
        let depth = interval * i64::from(rate.burst);
        let mut full_at = bucket.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now) + interval;
            if next - now > depth {
                let wait = next - now - depth;
                return Err(Refused(u64::try_from((wait + 999_999) / 1_000_000).unwrap_or(1).max(1)));
            }
            match bucket.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(current) => full_at = current,
            }
        }
    }

    /// Takes one for `subject`.
    pub(crate) fn check(&self, rule: Rule, subject: impl Hash, now: i64) -> Result<(), Refused> {
        match self.bucket(rule, subject) {
            Some(bucket) => self.take(rule, &bucket, now),
            None => Ok(()),
        }
    }

    fn rate(&self, rule: Rule) -> Option<Rate> {
        match rule {
            Rule::Address => self.rates.address,
            Rule::Search => self.rates.search,
            Rule::Checkout => self.rates.checkout,
            Rule::Login => self.rates.login,
            Rule::Register => self.rates.register,
            Rule::Coupon => self.rates.coupon,
            Rule::CouponAddress => self.rates.coupon_address,
        }
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.buckets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_burst_then_the_rate_then_a_full_bucket_again() {
        let throttle = Throttle::new(Throttles { search: Some(Rate::of(30, 10)), ..Throttles::default() });
        let take = |now| throttle.check(Rule::Search, "me", now);
        let start = 1_000 * SECOND;
        assert!((0..30).all(|_| take(start).is_ok()));
        assert_eq!(take(start), Err(Refused(1)));
        assert!((0..3).all(|_| take(start + SECOND).is_ok()), "three a second");
        assert!(take(start + SECOND).is_err());
        assert!(throttle.check(Rule::Search, "you", start).is_ok(), "somebody else");
        assert_eq!((0..100).filter(|_| take(start + 100 * SECOND).is_ok()).count(), 30);
    }

    #[test]
    fn says_how_long_to_wait() {
        let throttle = Throttle::new(Throttles { coupon: Some(Rate::of(10, 3600)), ..Throttles::default() });
        (0..10).for_each(|_| throttle.check(Rule::Coupon, 1, 0).unwrap());
        let Err(Refused(wait)) = throttle.check(Rule::Coupon, 1, 0) else { panic!("the eleventh") };
        assert_eq!(wait, 360);
        assert!(throttle.check(Rule::Coupon, 1, 359 * SECOND).is_err());
        assert!(throttle.check(Rule::Coupon, 1, 360 * SECOND).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_the_busy_are_remembered() {
        let rates = Throttles { remembered: 100, login: Some(Rate::of(5, 60)), ..Throttles::default() };
        let throttle = Throttle::new(rates);
        let mut refused = 0;
        for other in 0..10_000u32 {
            refused += usize::from(throttle.check(Rule::Login, "attacker", 0).is_err());
            throttle.check(Rule::Login, other, 0).unwrap();
        }
        assert!(throttle.remembered() <= 100);
        assert!(refused >= 9_900, "{refused}");
    }

    #[test]
    fn off_is_off() {
        let throttle = Throttle::new(Throttles::profile(crate::Profile::Off));
        assert!((0..100_000).all(|_| throttle.check(Rule::Address, 1, 0).is_ok()));
        assert_eq!(throttle.remembered(), 0);
    }
}
