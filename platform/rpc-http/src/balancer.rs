//! Client-side load balancer over the instances of a role: names are resolved again and again, load is evened out, and an
//! instance that fails is left alone for a while.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::endpoint::Endpoint;
use parking_lot::{Mutex, RwLock};

/// Age at which addresses are looked up again, beside the calls that go on.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// Age below which not even a failure makes us look again: a dead instance is no reason to flood the name server.
const DOUBTED_AFTER: Duration = Duration::from_secs(1);
/// Age at which calls wait for newer ones: after a night without calls all instances may have moved.
const USABLE_FOR: Duration = Duration::from_secs(60);
/// Longest wait for a name server.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
/// Instances of one role that are used; a name server may say anything.
const MAX_ENDPOINTS: usize = 256;

type Found = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;
/// From `host:port` to addresses.
pub(crate) type Resolver = Box<dyn Fn(String) -> Found + Send + Sync>;

/// What the system says: hosts file, then DNS.
pub(crate) fn system_resolver() -> Resolver {
    Box::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host(name).await?.collect()) }))
}

/// The instances of a role.
pub(crate) struct Balancer {
    role: &'static str,
    names: Vec<String>,
    /// All of them are addresses: there is nothing to look up.
    fixed: bool,
    resolver: Resolver,
    list: RwLock<Arc<[Arc<Endpoint>]>>,
    resolved: Mutex<Option<Instant>>,
    resolving: tokio::sync::Mutex<()>,
    looking: AtomicBool,
    next: AtomicUsize,
}

impl Balancer {
    /// `names` are `host:port`; those that are addresses need no resolving.
    pub(crate) fn new(role: &'static str, names: Vec<String>, resolver: Resolver) -> Arc<Self> {
        let addresses: Vec<SocketAddr> = names.iter().filter_map(|name| name.parse().ok()).collect();
        let list: Arc<[_]> = addresses.iter().map(|address| Arc::new(Endpoint::new(*address))).collect();
        Arc::new(Self {
            role,
            fixed: addresses.len() == names.len(),
            resolver,
            list: RwLock::new(list),
            resolved: Mutex::new(None),
            resolving: tokio::sync::Mutex::new(()),
            looking: AtomicBool::new(false),
            next: AtomicUsize::new(0),
            names,
        })
    }

    /// The instances as of now; waits for a name server only when nothing recent is known.
    pub(crate) async fn instances(self: &Arc<Self>) -> Arc<[Arc<Endpoint>]> {
        let list = self.known();
        if self.fixed {
            return list;
        }
        match self.age() {
            Some(age) if age < FRESH_FOR => list,
            Some(age) if age < USABLE_FOR && !list.is_empty() => {
                self.look_again();
                list
            }
            _ => {
                self.resolve().await;
                self.known()
            }
        }
    }

    /// The next lookup is due now: an instance cannot be reached where it was.
    pub(crate) fn doubt(&self) {
        let mut resolved = self.resolved.lock();
        if let Some(at) = resolved.as_mut()
            && at.elapsed() > DOUBTED_AFTER
        {
            *at = (*at).min(Instant::now().checked_sub(FRESH_FOR).unwrap_or(*at));
        }
    }

    /// The instance for a call that failed at all of `tried`: of the next two in turn that are fit, the one with less to do.
    /// When none is fit, any is better than none.
    pub(crate) fn pick(&self, list: &[Arc<Endpoint>], tried: &[SocketAddr], now: Instant) -> Option<Arc<Endpoint>> {
        let untried = |endpoint: &Endpoint| !tried.contains(&endpoint.address);
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let ring = || (0..list.len()).map(|step| &list[(start.wrapping_add(step)) % list.len()]);
        let fit = ring().filter(|e| untried(e) && !e.ejected(now) && !e.leaving(now));
        less_busy(fit)
            .or_else(|| less_busy(ring().filter(|e| untried(e) && !e.ejected(now))))
            .or_else(|| less_busy(ring().filter(|e| untried(e))))
            .or_else(|| less_busy(ring()))
            .cloned()
    }

    /// Notes a failure of `endpoint`. At most half of the instances are left alone at a time: when more fail than that, it
    /// is not the instances.
    pub(crate) fn failed(&self, endpoint: &Endpoint, now: Instant) {
        if !endpoint.failed() {
            return;
        }
        // Two at once must not both be the last that may.
        let list = self.list.write();
        let out = list.iter().filter(|other| other.address != endpoint.address && other.ejected(now)).count();
        if (out + 1) * 2 > list.len() || endpoint.ejected(now) {
            return;
        }
        let pause = endpoint.eject(now);
        tracing::warn!(role = self.role, address = %endpoint.address, ?pause, "an instance keeps failing: left alone");
        metrics::counter!("souk_rpc_ejections_total", "role" => self.role).increment(1);
    }

    fn known(&self) -> Arc<[Arc<Endpoint>]> {
        self.list.read().clone()
    }

    fn age(&self) -> Option<Duration> {
        self.resolved.lock().map(|at| at.elapsed())
    }

    /// Looks up beside the calls; one look at a time.
    fn look_again(self: &Arc<Self>) {
        if self.looking.swap(true, Ordering::Relaxed) {
            return;
        }
        let this = self.clone();
        #[allow(clippy::disallowed_methods)] // ends within LOOKUP_TIMEOUT by itself, and no call waits for it
        tokio::spawn(async move {
            this.resolve().await;
            this.looking.store(false, Ordering::Relaxed);
        });
    }

    /// Looks all names up, unless another call did while we waited for our turn.
    async fn resolve(&self) {
        let asked = Instant::now();
        let _turn = self.resolving.lock().await;
        if self.age().is_some_and(|age| age <= asked.elapsed()) {
            return;
        }
        let mut found: Vec<SocketAddr> = Vec::new();
        let mut whole = true;
        for name in &self.names {
            match tokio::time::timeout(LOOKUP_TIMEOUT, (self.resolver)(name.clone())).await {
                Ok(Ok(addresses)) => found.extend(addresses),
                Ok(Err(error)) => {
                    tracing::warn!(role = self.role, name, %error, "a name cannot be resolved");
                    whole = false;
                }
                Err(_) => {
                    tracing::warn!(role = self.role, name, "the name server does not answer");
                    whole = false;
                }
            }
        }
        self.take(found, whole);
        *self.resolved.lock() = Some(Instant::now());
    }

    /// An instance that is known already keeps connections and record. A failed lookup takes none away.
    fn take(&self, found: Vec<SocketAddr>, whole: bool) {
        let mut list = self.list.write();
        let mut new: Vec<Arc<Endpoint>> = Vec::new();
        for address in found {
            if new.len() < MAX_ENDPOINTS && !new.iter().any(|endpoint| endpoint.address == address) {
                let known = list.iter().find(|endpoint| endpoint.address == address);
                new.push(known.cloned().unwrap_or_else(|| Arc::new(Endpoint::new(address))));
            }
        }
        if !whole {
            let others = list.iter().filter(|known| !new.iter().any(|endpoint| endpoint.address == known.address));
            let others: Vec<_> = others.cloned().collect();
            new.extend(others);
        }
        *list = new.into();
    }
}

fn less_busy<'e>(mut fit: impl Iterator<Item = &'e Arc<Endpoint>>) -> Option<&'e Arc<Endpoint>> {
    let first = fit.next()?;
    match fit.next() {
        Some(second) if second.under_way() < first.under_way() => Some(second),
        _ => Some(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn of(ports: &[u16]) -> Arc<Balancer> {
        Balancer::new("test", ports.iter().map(|port| address(*port).to_string()).collect(), system_resolver())
    }

    #[tokio::test]
    async fn calls_go_round_and_to_who_has_less_to_do() {
        let balancer = of(&[1, 2, 3]);
        let (list, now) = (balancer.instances().await, Instant::now());
        let mut ports: Vec<u16> = (0..6).map(|_| balancer.pick(&list, &[], now).unwrap().address.port()).collect();
        ports.sort_unstable();
        assert_eq!(ports, [1, 1, 2, 2, 3, 3]);
        let busy = list[0].begin();
        for _ in 0..10 {
            assert_ne!(balancer.pick(&list, &[], now).unwrap().address, busy.endpoint().address);
        }
        drop(busy);
        assert_eq!(list[0].under_way(), 0);
        for _ in 0..3 {
            assert_eq!(balancer.pick(&list, &[address(1), address(3)], now).unwrap().address, address(2));
        }
        assert!(balancer.pick(&list, &[address(1), address(2), address(3)], now).is_some(), "any is better than none");
    }

    #[tokio::test]
    async fn at_most_half_are_left_alone_and_leavers_are_passed_over() {
        let balancer = of(&[1, 2, 3, 4]);
        let (list, now) = (balancer.instances().await, Instant::now());
        for _ in 0..10 {
            list.iter().for_each(|endpoint| balancer.failed(endpoint, now));
        }
        assert_eq!(list.iter().filter(|endpoint| endpoint.ejected(now)).count(), 2);
        let alone = of(&[1]);
        let only = alone.instances().await;
        (0..10).for_each(|_| alone.failed(&only[0], now));
        assert!(!only[0].ejected(now), "the only one is never left alone");

        let balancer = of(&[1, 2]);
        let list = balancer.instances().await;
        list[0].leaves(now);
        for _ in 0..4 {
            assert_eq!(balancer.pick(&list, &[], now).unwrap().address, address(2));
        }
        assert_eq!(balancer.pick(&list, &[address(2)], now).unwrap().address, address(1), "better than nobody");
    }

    fn grow_old(balancer: &Balancer) {
        *balancer.resolved.lock() = Some(Instant::now().checked_sub(FRESH_FOR).unwrap());
    }

    #[tokio::test]
    async fn names_are_resolved_again_and_a_failed_lookup_takes_nobody_away() {
        let answers = Arc::new(Mutex::new(vec![address(1), address(2)]));
        let told = answers.clone();
        let resolver: Resolver = Box::new(move |_| {
            let answer = told.lock().clone();
            let failed = || std::io::Error::other("no such name");
            Box::pin(async move { if answer.is_empty() { Err(failed()) } else { Ok(answer) } })
        });
        let balancer = Balancer::new("test", vec!["role.example:1".into()], resolver);
        let addresses = async |balancer: &Arc<Balancer>| {
            balancer.instances().await.iter().map(|endpoint| endpoint.address).collect::<Vec<_>>()
        };
        assert_eq!(addresses(&balancer).await, [address(1), address(2)]);
        let kept = balancer.known()[1].clone();
        *answers.lock() = vec![address(2), address(3)];
        assert_eq!(addresses(&balancer).await, [address(1), address(2)], "still fresh");
        balancer.doubt();
        assert_eq!(addresses(&balancer).await, [address(1), address(2)], "nor is that doubted so soon");
        grow_old(&balancer);
        assert_eq!(addresses(&balancer).await, [address(1), address(2)], "nobody waits for the lookup");
        while balancer.looking.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        assert_eq!(addresses(&balancer).await, [address(2), address(3)]);
        assert!(Arc::ptr_eq(&kept, &balancer.known()[0]), "who stays keeps connections and record");
        answers.lock().clear();
        grow_old(&balancer);
        balancer.instances().await;
        while balancer.looking.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        assert_eq!(addresses(&balancer).await, [address(2), address(3)]);
    }
}
