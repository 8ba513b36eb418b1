//! Rate limiter: token buckets kept as one number each (GCRA, the generic cell rate algorithm), in bounded memory.
//!
//! A bucket is the time at which it would be full again. The cache drops the least used buckets when there are too many; a client
//! whose bucket was dropped starts with a full one, and the bucket of a client that keeps hammering stays in use.
//!
//! Gateways that share a Redis tell each other in the background (`shared.rs`) what they gave out.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::hash::SharedHasher;
use super::route_rules::RouteRules;
use super::rule::Rule;
use super::status::RateLimitStatus;
use crate::config::{Rate, Throttles};

/// Buckets whose takings wait to be told; beyond, they count for this gateway alone until there is room.
const MAX_TOLD: usize = 20_000;

/// Idempotency keys that are remembered; a forgotten one is counted again.
const MAX_LET_IN: usize = 20_000;

/// Whose limit it is: one key, one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RateLimitKey {
    pub(crate) rule: Rule,
    /// Hash of the address, customer, token or cart; the same in all gateways of an installation when they share.
    pub(crate) hash: u64,
}

/// The token bucket of one key; connections keep the one of their address.
pub(crate) type Bucket = Arc<TokenBucket>;

/// A token bucket as GCRA keeps it: one theoretical arrival time.
pub(crate) struct TokenBucket {
    pub(crate) key: RateLimitKey,
    /// The time at which the bucket would be full again, in microseconds.
    full_at: AtomicI64,
    /// Taken here and not yet told to the other gateways.
    untold: AtomicU32,
}

/// The limit is used up; the status says when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateLimited(pub(crate) RateLimitStatus);

/// The buckets of all limits.
pub(crate) struct RateLimiter {
    rates: Throttles,
    pub(crate) routes: RouteRules,
    buckets: Cache<RateLimitKey, Bucket>,
    hasher: RandomState,
    /// Subject and idempotency key, hashed together, of requests that were let in.
    let_in: Cache<RateLimitKey, ()>,
    /// With a key that all gateways have: buckets that gave something since the others were last told of it.
    shared: Option<(SharedHasher, Mutex<Vec<Bucket>>)>,
}

impl RateLimiter {
    /// Counts alone, or with others who have the same `key`.
    pub(crate) fn new(rates: Throttles, key: Option<[u8; 32]>) -> Self {
        let buckets = Cache::new(rates.remembered.max(1));
        let shared = key.map(|key| (SharedHasher::new(key), Mutex::default()));
        let routes = RouteRules::new(&rates.routes);
        let let_in = Cache::new(MAX_LET_IN);
        Self { rates, routes, buckets, hasher: RandomState::new(), let_in, shared }
    }

    /// The bucket of `subject`, or none when the rule is off.
    pub(crate) fn bucket(&self, rule: Rule, subject: impl Hash) -> Option<Bucket> {
        self.rate(rule)?;
        let hash = match &self.shared {
            Some((hasher, _)) => hasher.hash_one(subject),
            None => self.hasher.hash_one(subject),
        };
        let key = RateLimitKey { rule, hash };
        if let Some(bucket) = self.buckets.get(&key) {
            return Some(bucket);
        }
        let made: Result<Bucket, std::convert::Infallible> = self.buckets.get_or_insert_with(&key, || {
            let (full_at, untold) = (AtomicI64::new(0), AtomicU32::new(0));
            Ok(Arc::new(TokenBucket { key, full_at, untold }))
        });
        made.ok()
    }

    /// Takes one from `bucket` at `now` (microseconds); says what is left, or none when the rule is off.
    pub(crate) fn take(&self, rule: Rule, bucket: &Bucket, now: i64) -> Result<Option<RateLimitStatus>, RateLimited> {
        let Some(rate) = self.rate(rule) else { return Ok(None) };
        let interval = interval(rate);
        let depth = interval * i64::from(rate.burst);
        let seconds = |us: i64| u64::try_from((us + 999_999) / 1_000_000).unwrap_or(1).max(1);
        let mut full_at = bucket.full_at.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now) + interval;
            if next - now > depth {
                return Err(RateLimited(RateLimitStatus {
                    rule,
                    rate,
                    remaining: 0,
                    reset: seconds(next - now - depth),
                }));
            }
            match bucket.full_at.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    self.note(bucket);
                    let remaining = u32::try_from((depth - (next - now)) / interval).unwrap_or(0);
                    let wait = if remaining == 0 { next - now + interval - depth } else { next - now };
                    return Ok(Some(RateLimitStatus { rule, rate, remaining, reset: seconds(wait) }));
                }
                Err(current) => full_at = current,
            }
        }
    }

    /// Takes one for `subject`.
    pub(crate) fn check(
        &self,
        rule: Rule,
        subject: impl Hash,
        now: i64,
    ) -> Result<Option<RateLimitStatus>, RateLimited> {
        match self.bucket(rule, subject) {
            Some(bucket) => self.take(rule, &bucket, now),
            None => Ok(None),
        }
    }

    /// Takes one for `subject` the first time that `key` comes; what was let in with it once is let in again.
    pub(crate) fn check_once(
        &self,
        rule: Rule,
        subject: impl Hash,
        key: &str,
        now: i64,
    ) -> Result<Option<RateLimitStatus>, RateLimited> {
        let (mut first, pair) = (None, RateLimitKey { rule, hash: self.hasher.hash_one((&subject, key)) });
        // One at a time per pair: fifty at once are one.
        self.let_in.get_or_insert_with(&pair, || self.check(rule, &subject, now).map(|status| first = status))?;
        Ok(first)
    }

    /// Puts a bucket on the list of those to be told, with its first taking.
    fn note(&self, bucket: &Bucket) {
        let Some((_, told)) = &self.shared else { return };
        if bucket.untold.fetch_add(1, Ordering::Relaxed) == 0 {
            let mut told = told.lock();
            if told.len() < MAX_TOLD {
                told.push(bucket.clone());
            } else {
                bucket.untold.store(0, Ordering::Relaxed);
            }
        }
    }

    /// What was taken here since the last call: from which bucket, and how many microseconds make up for it.
    pub(crate) fn taken(&self) -> Vec<(Bucket, i64)> {
        let Some((_, told)) = &self.shared else { return Vec::new() };
        let buckets = std::mem::take(&mut *told.lock());
        let debt = |bucket: &Bucket| {
            let taken = i64::from(bucket.untold.swap(0, Ordering::Relaxed));
            self.rate(bucket.key.rule).map_or(0, |rate| taken * interval(rate))
        };
        buckets.into_iter().map(|bucket| (debt(&bucket), bucket)).map(|(debt, bucket)| (bucket, debt)).collect()
    }

    /// All gateways together have given `bucket` so much that it is full again `debt` microseconds after `now`; what was
    /// taken here meanwhile comes on top.
    pub(crate) fn learn(&self, bucket: &Bucket, now: i64, debt: i64) {
        let Some(rate) = self.rate(bucket.key.rule) else { return };
        let meanwhile = i64::from(bucket.untold.load(Ordering::Relaxed)) * interval(rate);
        bucket.full_at.fetch_max(now + debt + meanwhile, Ordering::Relaxed);
    }

    fn rate(&self, rule: Rule) -> Option<Rate> {
        match rule {
            Rule::Address => self.rates.address,
            Rule::User => self.rates.user,
            Rule::Token => self.rates.token,
            Rule::Search => self.rates.search,
            Rule::SearchAddress => self.rates.search_of_address(),
            Rule::Checkout => self.rates.checkout,
            Rule::Login => self.rates.login,
            Rule::Register => self.rates.register,
            Rule::Coupon => self.rates.coupon,
            Rule::CouponAddress => self.rates.coupon_address,
            Rule::Route(at) => self.rates.routes.get(usize::from(at)).map(|route| route.rate),
        }
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.buckets.len()
    }
}

/// Microseconds after which a rate gives the next one.
fn interval(rate: Rate) -> i64 {
    i64::from(rate.per_seconds) * 1_000_000 / i64::from(rate.count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_burst_then_the_rate_then_a_full_bucket_again() {
        let limiter = RateLimiter::new(Throttles { search: Some(Rate::of(30, 10)), ..Throttles::default() }, None);
        let take = |now| limiter.check(Rule::Search, "me", now);
        let start = 1_000 * SECOND;
        assert!((0..30).all(|_| take(start).is_ok()));
        assert_eq!(take(start).unwrap_err().0.reset, 1);
        assert!((0..3).all(|_| take(start + SECOND).is_ok()), "three a second");
        assert!(take(start + SECOND).is_err());
        assert!(limiter.check(Rule::Search, "you", start).is_ok(), "another subject");
        assert_eq!((0..100).filter(|_| take(start + 100 * SECOND).is_ok()).count(), 30);
    }

    #[test]
    fn says_how_long_to_wait() {
        let limiter = RateLimiter::new(Throttles { coupon: Some(Rate::of(10, 3600)), ..Throttles::default() }, None);
        (0..10).for_each(|_| assert!(limiter.check(Rule::Coupon, 1, 0).is_ok()));
        let Err(RateLimited(status)) = limiter.check(Rule::Coupon, 1, 0) else { panic!("the eleventh") };
        assert_eq!((status.reset, status.remaining), (360, 0));
        assert!(limiter.check(Rule::Coupon, 1, 359 * SECOND).is_err());
        assert!(limiter.check(Rule::Coupon, 1, 360 * SECOND).is_ok());
    }

    #[test]
    fn says_what_is_left() {
        let limiter = RateLimiter::new(Throttles { login: Some(Rate::of(3, 60)), ..Throttles::default() }, None);
        let left = |now| limiter.check(Rule::Login, 1, now).unwrap().map(|left| (left.remaining, left.reset));
        assert_eq!(left(0), Some((2, 20)));
        assert_eq!(left(0), Some((1, 40)));
        assert_eq!(left(0), Some((0, 20)), "the next is let in then");
        assert_eq!(left(20 * SECOND), Some((0, 20)));
        assert_eq!(left(100 * SECOND), Some((2, 20)));
    }

    #[test]
    fn memory_is_bounded_and_the_busy_are_remembered() {
        let rates = Throttles { remembered: 100, login: Some(Rate::of(5, 60)), ..Throttles::default() };
        let limiter = RateLimiter::new(rates, None);
        let mut refused = 0;
        for other in 0..10_000u32 {
            refused += usize::from(limiter.check(Rule::Login, "attacker", 0).is_err());
            limiter.check(Rule::Login, other, 0).unwrap();
        }
        assert!(limiter.remembered() <= 100);
        assert!(refused >= 9_900, "{refused}");
    }

    #[test]
    fn a_key_counts_once_per_subject_and_only_when_it_was_let_in() {
        let limiter = RateLimiter::new(Throttles { checkout: Some(Rate::of(2, 60)), ..Throttles::default() }, None);
        let checkout = |owner: &str, key: &str| limiter.check_once(Rule::Checkout, owner, key, 0).is_ok();
        assert!((0..50).all(|_| checkout("ada", "one")));
        assert!(checkout("ada", "two"));
        assert!(!checkout("ada", "three") && !checkout("ada", "three"), "refused, and not remembered");
        assert!(checkout("ada", "two") && checkout("bob", "one"));
    }

    #[test]
    fn off_is_off() {
        let limiter = RateLimiter::new(Throttles::profile(crate::config::Profile::Off), None);
        assert!((0..100_000).all(|_| limiter.check(Rule::Address, 1, 0).is_ok()));
        assert_eq!(limiter.remembered(), 0);
    }
}
