//! Distributed rate limiting: gateways that share a Redis give out one rate together. Each decides from its own memory and tells
//! the common accounts every [`ROUND`] what it gave; the answer says what all gave. No request waits, and without Redis each
//! gateway counts alone.
//!
//! So N gateways give out at most what one may, and what N - 1 of them give within a round before they know of each other: a client
//! that hammers all of them at once gets at most N times its burst, once; after that its rate.

use std::sync::Arc;
use std::time::Duration;

use souk_kernel::Clock;
use souk_redis::{Counters, Redis, Spent};
use souk_runtime::Tasks;

use super::limiter::RateLimiter;
use super::rule::Rule;

/// Between two rounds: short against every rate's period, long enough that a busy subject costs ten calls a second.
const ROUND: Duration = Duration::from_millis(100);
/// Meaning of the accounts in Redis; to be raised when the hash or the unit changes.
const LAYOUT: u32 = 1;

/// What gateways need to share their rates.
#[derive(Clone)]
pub struct SharedRates {
    /// Where the accounts are.
    pub redis: Redis,
    /// The same for all gateways of an installation, and secret: addresses lie in Redis as keyed hashes only.
    pub key: [u8; 32],
}

/// The common accounts of a gateway's rate limiter.
pub(crate) struct Sharing(Counters);

impl Sharing {
    pub(crate) fn new(redis: Redis) -> Self {
        Self(Counters::new(redis, "rates", LAYOUT))
    }

    /// Tells what was taken here and learns what was taken everywhere.
    pub(crate) async fn round(&self, limiter: &RateLimiter, clock: &Clock) {
        let taken = limiter.taken();
        let account = |rule: Rule, hash: u64| format!("{}:{hash:016x}", rule.name());
        let spent = taken
            .iter()
            .map(|(bucket, debt_us)| Spent { account: account(bucket.key.rule, bucket.key.hash), debt_us: *debt_us });
        let debts = self.0.spend(spent.collect()).await;
        let now = clock.now().as_microsecond();
        for ((bucket, _), debt) in taken.iter().zip(debts) {
            if let Some(debt) = debt {
                limiter.learn(bucket, now, debt);
            }
        }
    }
}

/// A round now and then, until the process stops.
pub(crate) fn run(tasks: &Tasks, limiter: Arc<RateLimiter>, clock: Clock, redis: Redis) {
    let stopping = tasks.clone();
    tasks.spawn("gateway.rates", async move {
        let sharing = Sharing::new(redis);
        while stopping.pause(ROUND).await {
            sharing.round(&limiter, &clock).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use souk_engines::Redis as Server;
    use souk_redis::RedisSettings;

    use super::*;
    use crate::config::{By, Rate, RouteThrottle, Throttles};

    const SECOND: i64 = 1_000_000;
    const KEY: Option<[u8; 32]> = Some([7; 32]);

    fn limiter(key: Option<[u8; 32]>) -> RateLimiter {
        RateLimiter::new(Throttles { login: Some(Rate::of(20, 60)), ..Throttles::default() }, key)
    }

    async fn sharing(server: &Server, tasks: &Tasks) -> Sharing {
        let settings =
            RedisSettings { nodes: vec![server.url()], installation: "shop".into(), call: Duration::from_secs(10) };
        let redis = Redis::new(&settings, tasks).expect("an address");
        redis.all_connected().await;
        Sharing::new(redis)
    }

    /// Five tries per gateway and round, ten rounds; how many of the hundred got through.
    async fn hammer(gateways: [&RateLimiter; 2], sharing: Option<&Sharing>, clock: &Clock) -> usize {
        let mut through = 0;
        for _ in 0..10 {
            for limiter in gateways {
                let now = clock.now().as_microsecond();
                through += (0..5).filter(|_| limiter.check(Rule::Login, "ada", now).is_ok()).count();
            }
            // Twice, as rounds go on: each hears of what the other told after it.
            for limiter in gateways.into_iter().chain(gateways) {
                if let Some(sharing) = sharing {
                    sharing.round(limiter, clock).await;
                }
            }
        }
        through
    }

    #[tokio::test]
    async fn two_gateways_give_out_one_rate() {
        let (server, tasks) = (Server::start().await.expect("a server"), Tasks::new());
        let sharing = sharing(&server, &tasks).await;
        let clock = Clock::system();
        let (one, other) = (limiter(KEY), limiter(KEY));
        let through = hammer([&one, &other], Some(&sharing), &clock).await;
        // 20 at once, what one of them gives in a round before it hears of the other, and one more every three seconds.
        assert!((20..=27).contains(&through), "{through}");
        let (one, other) = (limiter(KEY), limiter(KEY));
        assert!(hammer([&one, &other], None, &clock).await >= 40, "the control: each by itself");
        tasks.stop();
    }

    #[tokio::test]
    async fn without_redis_each_counts_alone_and_no_request_waits() {
        let (server, tasks) = (Server::start().await.expect("a server"), Tasks::new());
        let sharing = sharing(&server, &tasks).await;
        server.kill();
        let limiter = limiter(KEY);
        let clock = Clock::system();
        sharing.round(&limiter, &clock).await;
        let now = clock.now().as_microsecond();
        assert_eq!((0..100).filter(|_| limiter.check(Rule::Login, "ada", now).is_ok()).count(), 20);
        tasks.stop();
    }

    #[test]
    fn what_is_learnt_counts_and_what_was_taken_meanwhile_on_top() {
        let limiter = limiter(KEY);
        limiter.check(Rule::Login, "ada", 0).expect("the first");
        let (bucket, debt) = limiter.taken().pop().expect("noted");
        assert_eq!(debt, 3 * SECOND);
        assert!(limiter.taken().is_empty(), "told once");
        limiter.check(Rule::Login, "ada", 0).expect("meanwhile");
        // Together with the other gateways: 18, and the one meanwhile.
        limiter.learn(&bucket, 0, 18 * 3 * SECOND);
        assert_eq!((0..10).filter(|_| limiter.check(Rule::Login, "ada", 0).is_ok()).count(), 1);
    }

    /// Or they would count apart while settings are changed one gateway after the other.
    #[test]
    fn a_route_has_the_same_account_wherever_it_stands_in_the_settings() {
        let route = |path: &str| RouteThrottle {
            path: path.into(),
            methods: Vec::new(),
            by: By::Address,
            rate: Rate::of(2, 60),
        };
        let account = |routes: Vec<RouteThrottle>| {
            let limiter = RateLimiter::new(Throttles { routes, ..Throttles::default() }, KEY);
            let found = limiter.routes.of(&http::Method::GET, "/a").next().map(|route| (route.at, route.id));
            let (at, id) = found.expect("it is there");
            limiter.check(Rule::Route(at), (id, "ada"), 0).expect("the first");
            let (bucket, debt) = limiter.taken().pop().expect("noted");
            (bucket.key.rule.name(), bucket.key.hash, debt)
        };
        let (alone, second) = (account(vec![route("/a")]), account(vec![route("/b"), route("/a")]));
        assert_eq!(alone, second);
        assert_eq!((alone.0, alone.2), ("route", 30 * SECOND));
    }

    #[test]
    fn a_subject_has_the_same_account_everywhere_and_no_name() {
        let of = |key| limiter(key).bucket(Rule::Login, "ada").expect("a rule").key.hash;
        assert_eq!(of(KEY), of(KEY));
        assert_ne!(of(KEY), of(Some([8; 32])), "other installations cannot tell");
        assert_ne!(of(None), of(None), "alone: a key of the process");
    }
}
