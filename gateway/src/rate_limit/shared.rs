//! Gateways that share a Redis give out one rate together. Each decides from its own memory and tells the common accounts
//! every [`ROUND`] what it gave; the answer says what all gave. No request waits, and without Redis each gateway counts
//! alone.
//!
//! So N gateways give out at most what one may, and what N - 1 of them give within a round before they know of each other:
//! of one that is hammered on all of them at once, at most N times its burst, once; after that its rate.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use souk_kernel::Clock;
use souk_redis::{Counters, Redis, Spent};
use souk_runtime::Tasks;

use crate::gateway::Inner;
use crate::throttle::{Rule, Throttle};

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

/// A hash that is the same in every process that has the key, and that nobody else can aim at.
pub(crate) struct SharedHasher([u8; 32]);

impl SharedHasher {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl BuildHasher for SharedHasher {
    type Hasher = Keyed;

    fn build_hasher(&self) -> Keyed {
        Keyed(blake3::Hasher::new_keyed(&self.0))
    }
}

pub(crate) struct Keyed(blake3::Hasher);

impl Hasher for Keyed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0.finalize().as_bytes()[..8]);
        u64::from_le_bytes(first)
    }
}

/// The common accounts of a gateway's throttle.
pub(crate) struct Sharing(Counters);

impl Sharing {
    pub(crate) fn new(redis: Redis) -> Self {
        Self(Counters::new(redis, "rates", LAYOUT))
    }

    /// Tells what was taken here and learns what was taken everywhere.
    pub(crate) async fn round(&self, throttle: &Throttle, clock: &Clock) {
        let taken = throttle.taken();
        let account = |rule: Rule, hash: u64| format!("{}:{hash:016x}", rule.name());
        let spent = taken
            .iter()
            .map(|(bucket, debt_us)| Spent { account: account(bucket.rule, bucket.hash), debt_us: *debt_us });
        let debts = self.0.spend(spent.collect()).await;
        let now = clock.now().as_microsecond();
        for ((bucket, _), debt) in taken.iter().zip(debts) {
            if let Some(debt) = debt {
                throttle.learn(bucket, now, debt);
            }
        }
    }
}

/// A round now and then, until the process stops.
pub(crate) fn run(tasks: &Tasks, gateway: std::sync::Arc<Inner>, redis: Redis) {
    let stopping = tasks.clone();
    tasks.spawn("gateway.rates", async move {
        let sharing = Sharing::new(redis);
        while stopping.pause(ROUND).await {
            sharing.round(&gateway.throttle, &gateway.clock).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use souk_engines::Redis as Server;
    use souk_redis::RedisSettings;

    use super::*;
    use crate::{Rate, Throttles};

    const SECOND: i64 = 1_000_000;
    const KEY: Option<[u8; 32]> = Some([7; 32]);

    fn throttle(key: Option<[u8; 32]>) -> Throttle {
        Throttle::new(Throttles { login: Some(Rate::of(20, 60)), ..Throttles::default() }, key)
    }

    async fn sharing(server: &Server, tasks: &Tasks) -> Sharing {
        let settings =
            RedisSettings { nodes: vec![server.url()], installation: "shop".into(), call: Duration::from_secs(10) };
        let redis = Redis::new(&settings, tasks).expect("an address");
        redis.whole().await;
        Sharing::new(redis)
    }

    /// Five tries per gateway and round, ten rounds; how many of the hundred got through.
    async fn hammer(gateways: [&Throttle; 2], sharing: Option<&Sharing>, clock: &Clock) -> usize {
        let mut through = 0;
        for _ in 0..10 {
            for throttle in gateways {
                let now = clock.now().as_microsecond();
                through += (0..5).filter(|_| throttle.check(Rule::Login, "ada", now).is_ok()).count();
            }
            // Twice, as rounds go on: each hears of what the other told after it.
            for throttle in gateways.into_iter().chain(gateways) {
                if let Some(sharing) = sharing {
                    sharing.round(throttle, clock).await;
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
        let (one, other) = (throttle(KEY), throttle(KEY));
        let through = hammer([&one, &other], Some(&sharing), &clock).await;
        // 20 at once, what one of them gives in a round before it hears of the other, and one more every three seconds.
        assert!((20..=27).contains(&through), "{through}");
        let (one, other) = (throttle(KEY), throttle(KEY));
        assert!(hammer([&one, &other], None, &clock).await >= 40, "the control: each by itself");
        tasks.stop();
    }

    #[tokio::test]
    async fn without_redis_each_counts_alone_and_nobody_waits() {
        let (server, tasks) = (Server::start().await.expect("a server"), Tasks::new());
        let sharing = sharing(&server, &tasks).await;
        server.kill();
        let throttle = throttle(KEY);
        let clock = Clock::system();
        sharing.round(&throttle, &clock).await;
        let now = clock.now().as_microsecond();
        assert_eq!((0..100).filter(|_| throttle.check(Rule::Login, "ada", now).is_ok()).count(), 20);
        tasks.stop();
    }

    #[test]
    fn what_is_learnt_counts_and_what_was_taken_meanwhile_on_top() {
        let throttle = throttle(KEY);
        throttle.check(Rule::Login, "ada", 0).expect("the first");
        let (bucket, debt) = throttle.taken().pop().expect("noted");
        assert_eq!(debt, 3 * SECOND);
        assert!(throttle.taken().is_empty(), "told once");
        throttle.check(Rule::Login, "ada", 0).expect("meanwhile");
        // Together with the other gateways: 18, and the one meanwhile.
        throttle.learn(&bucket, 0, 18 * 3 * SECOND);
        assert_eq!((0..10).filter(|_| throttle.check(Rule::Login, "ada", 0).is_ok()).count(), 1);
    }

    /// Or they would count apart while settings are changed one gateway after the other.
    #[test]
    fn a_route_has_the_same_account_wherever_it_stands_in_the_settings() {
        let route = |path: &str| crate::RouteThrottle {
            path: path.into(),
            methods: Vec::new(),
            by: crate::By::Address,
            rate: Rate::of(2, 60),
        };
        let account = |routes: Vec<crate::RouteThrottle>| {
            let throttle = Throttle::new(Throttles { routes, ..Throttles::default() }, KEY);
            let found = throttle.routes.of(&http::Method::GET, "/a").next().map(|route| (route.at, route.id));
            let (at, id) = found.expect("it is there");
            throttle.check(Rule::Route(at), (id, "ada"), 0).expect("the first");
            let (bucket, debt) = throttle.taken().pop().expect("noted");
            (bucket.rule.name(), bucket.hash, debt)
        };
        let (alone, second) = (account(vec![route("/a")]), account(vec![route("/b"), route("/a")]));
        assert_eq!(alone, second);
        assert_eq!((alone.0, alone.2), ("route", 30 * SECOND));
    }

    #[test]
    fn a_subject_has_the_same_account_everywhere_and_no_name() {
        let of = |key| throttle(key).bucket(Rule::Login, "ada").expect("a rule").hash;
        assert_eq!(of(KEY), of(KEY));
        assert_ne!(of(KEY), of(Some([8; 32])), "other installations cannot tell");
        assert_ne!(of(None), of(None), "alone: a key of the process");
    }
}
