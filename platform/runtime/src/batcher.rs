//! Batching (group commit): many callers share one commit or one call. While one batch is under way the next gathers, and
//! the more callers there are, the less each of them costs (SPEED.md: hot rows, fewer commits). A caller alone waits for no
//! other; once batches of writes follow each other closely, they begin a few milliseconds apart, so that they are worth
//! their commit. Batches of reads do not wait for one that is slow.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use souk_kernel::{Kind, Problem};
use souk_trace::{Span, Trace, scope};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::Tasks;

/// Callers that may queue before new ones are turned away: some seconds of work, beyond that waiting helps no caller.
const MAX_QUEUED: usize = 10_000;
/// How far apart batches begin at least while there are many. A checkout passes five batchers, so it costs a buyer half
/// of five times this in a busy shop; a commit costs more CPU than all that is in it.
const PACE: Duration = Duration::from_millis(8);
/// There are many when so many batches ...
const MANY: usize = 4;
/// ... began within this time: a buyer alone never brings that about.
const MANY_WITHIN: Duration = PACE.saturating_mul(2 * MANY as u32);

/// How long a batch of reads may keep the next one waiting. Most answers are quicker, and gather callers meanwhile.
const OVERTAKE: Duration = Duration::from_millis(10);
/// Tries of a batch that lost a race to another process's.
const MAX_TRIES: u32 = 4;
/// Batches of reads under way at once.
const MAX_OVERTAKING: usize = 16;

/// A request, the caller that waits for it, and the caller's place in a trace.
type Queued<Q, R> = (Q, (oneshot::Sender<Result<R, Problem>>, Option<Trace>));

/// Runs requests in batches. Clones feed the same batches.
pub struct Batcher<Q, R> {
    queue: mpsc::Sender<Queued<Q, R>>,
    name: &'static str,
}

impl<Q, R> Clone for Batcher<Q, R> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), name: self.name }
    }
}

impl<Q: Send + Sync + 'static, R: Send + 'static> Batcher<Q, R> {
    /// One batch at a time. `work` gets at most `max_batch` requests and returns one result for each, in order, or why all of
    /// them failed together. Such a batch is [split](isolate) until the culprit fails alone, so a request that was not done
    /// may be given to `work` again, and one whose commit is unknown is not.
    pub fn new<F, Fut>(tasks: &Tasks, name: &'static str, max_batch: usize, work: F) -> Self
    where
        F: Fn(Batch<Q>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<Result<R, Problem>>, Problem>> + Send + 'static,
    {
        Self::with_delay(tasks, name, max_batch, Duration::ZERO, work)
    }

    /// For reads, which cost less than a commit and may happen side by side: a batch begins as soon as the last one has ended
    /// or takes longer than usual.
    pub fn for_reads<F, Fut>(tasks: &Tasks, name: &'static str, max_batch: usize, work: F) -> Self
    where
        F: Fn(Vec<Q>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Result<R, Problem>>> + Send + 'static,
    {
        let batches = Batches { max: max_batch, delay: Duration::ZERO, paced: false, at_once: MAX_OVERTAKING };
        Self::spawn(tasks, name, batches, work)
    }

    /// Like [`Batcher::new`], and every batch that is not full waits `delay` for company: for work that no caller waits for.
    pub fn with_delay<F, Fut>(tasks: &Tasks, name: &'static str, max_batch: usize, delay: Duration, work: F) -> Self
    where
        F: Fn(Batch<Q>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<Result<R, Problem>>, Problem>> + Send + 'static,
    {
        let batches = Batches { max: max_batch, delay, paced: true, at_once: 1 };
        let work = Arc::new(work);
        Self::spawn(tasks, name, batches, move |requests| isolate(name, work.clone(), requests))
    }

    fn spawn<F, Fut>(tasks: &Tasks, name: &'static str, batches: Batches, work: F) -> Self
    where
        F: Fn(Vec<Q>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Result<R, Problem>>> + Send + 'static,
    {
        let (queue, waiting) = mpsc::channel(MAX_QUEUED);
        tasks.spawn(name, run(waiting, name, batches, tasks.clone(), Arc::new(work)));
        Self { queue, name }
    }

    /// Runs `request` in the next batch and returns its own result.
    pub async fn submit(&self, request: Q) -> Result<R, Problem> {
        let (done, result) = oneshot::channel();
        self.queue.try_send((request, (done, souk_trace::current()))).map_err(|error| {
            let why = match error {
                mpsc::error::TrySendError::Full(_) => "the queue is full",
                mpsc::error::TrySendError::Closed(_) => "the process is stopping",
            };
            Problem::unavailable("overloaded", format!("{}: {why}", self.name)).with_retry_after(Duration::from_secs(1))
        })?;
        // The work panicked: whether this request happened is unknown.
        result.await.map_err(|_| Problem::timeout(self.name))?
    }
}

/// Requests to be done together: a slice of those that came together.
pub struct Batch<Q> {
    requests: Arc<Vec<Q>>,
    part: Range<usize>,
}

impl<Q> Deref for Batch<Q> {
    type Target = [Q];

    fn deref(&self) -> &[Q] {
        &self.requests[self.part.clone()]
    }
}

/// Does `requests` together. When that fails for a reason that may lie in one of them, its halves are tried by themselves,
/// down to the culprit: of 64 one costs some 12 commits more, where trying each alone would cost 64. When the fault is the
/// database's (out of reach, too slow, a commit whose outcome is unknown), all have failed: more commits would not help it.
async fn isolate<Q, R, F, Fut>(name: &'static str, work: Arc<F>, requests: Vec<Q>) -> Vec<Result<R, Problem>>
where
    F: Fn(Batch<Q>) -> Fut,
    Fut: Future<Output = Result<Vec<Result<R, Problem>>, Problem>>,
{
    let requests = Arc::new(requests);
    let mut results: Vec<Option<Result<R, Problem>>> = requests.iter().map(|_| None).collect();
    // A stack, earlier halves on top: first come, first served.
    let all = 0..requests.len();
    let mut to_do = Vec::from([all]);
    while let Some(part) = to_do.pop() {
        match again_after_a_race(|| work(Batch { requests: requests.clone(), part: part.clone() })).await {
            Ok(done) => {
                debug_assert_eq!(done.len(), part.len(), "{name}: one result per request");
                for (at, result) in part.zip(done) {
                    results[at] = Some(result);
                }
            }
            Err(problem) if part.len() > 1 && may_be_of_one(&problem) => {
                let internal = problem.internal_detail().unwrap_or_default();
                tracing::warn!(work = name, size = part.len(), code = %problem.code, internal, "batch failed, trying its halves");
                let middle = part.start + part.len() / 2;
                to_do.push(middle..part.end);
                to_do.push(part.start..middle);
            }
            Err(problem) => part.for_each(|at| results[at] = Some(Err(problem.clone()))),
        }
    }
    let missing = || Err(Problem::internal(format!("{name} gave no result")));
    results.into_iter().map(|result| result.unwrap_or_else(missing)).collect()
}

/// A batch that lost a race to another process's (and was rolled back for certain) is simply done again.
async fn again_after_a_race<T, Fut: Future<Output = Result<T, Problem>>>(work: impl Fn() -> Fut) -> Result<T, Problem> {
    let mut tries = 1;
    loop {
        match work().await {
            Err(problem) if problem.is("try_again") && tries < MAX_TRIES => tries += 1,
            done => return done,
        }
    }
}

fn may_be_of_one(problem: &Problem) -> bool {
    !matches!(problem.kind, Kind::Unavailable | Kind::Timeout | Kind::RateLimited)
}

/// When a batch begins.
#[derive(Clone, Copy)]
struct Batches {
    /// Requests of one.
    max: usize,
    /// How long one that is not full waits.
    delay: Duration,
    /// Whether they keep their distance while there are many.
    paced: bool,
    /// Under way at most.
    at_once: usize,
}

async fn run<Q, R, F, Fut>(
    mut waiting: mpsc::Receiver<Queued<Q, R>>,
    name: &'static str,
    batches: Batches,
    tasks: Tasks,
    work: Arc<F>,
) where
    F: Fn(Vec<Q>) -> Fut,
    Fut: Future<Output = Vec<Result<R, Problem>>>,
{
    let Batches { max: max_batch, delay, paced, at_once } = batches;
    let mut batch = Vec::with_capacity(max_batch);
    let mut pace = Pace::default();
    let mut under_way = FuturesUnordered::new();
    loop {
        let overtakes = pace.last().map(|last| last + OVERTAKE);
        let may_overtake = under_way.len() < at_once;
        let free = under_way.is_empty() || (may_overtake && overtakes.is_none_or(|at| at <= Instant::now()));
        // Once the process stops, what is queued is still done, and what comes later is turned away.
        let taken = tokio::select! {
            Some(()) = under_way.next() => continue,
            () = tokio::time::sleep_until(overtakes.unwrap_or_else(Instant::now)), if !free && may_overtake => continue,
            taken = waiting.recv_many(&mut batch, max_batch), if free => taken,
            () = tasks.token().cancelled(), if !waiting.is_closed() => {
                waiting.close();
                continue;
            }
        };
        if taken == 0 {
            under_way.collect::<()>().await;
            return;
        }
        let wait = if paced { delay.max(pace.wait()) } else { delay };
        if !wait.is_zero() && batch.len() < max_batch && tasks.pause(wait).await {
            while batch.len() < max_batch
                && let Ok(more) = waiting.try_recv()
            {
                batch.push(more);
            }
        }
        pace.begin();
        metrics::histogram!("souk_combined", "work" => name).record(batch.len() as f64);
        let (requests, callers): (Vec<Q>, Vec<_>) = batch.drain(..).unzip();
        let spans = spans(name, &callers);
        let working = scope(spans.first().and_then(Span::trace), work(requests));
        under_way.push(async move {
            let results = working.await;
            drop(spans);
            debug_assert_eq!(results.len(), callers.len(), "{name}: one result per request");
            for ((caller, _), result) in callers.into_iter().zip(results) {
                // A caller that has given up does not need its result; the work is done all the same.
                let _ = caller.send(result);
            }
        });
    }
}

/// A span of the batch for every caller in a trace. The work is done at the place of the first, which the others are linked with.
fn spans<S>(name: &'static str, callers: &[(S, Option<Trace>)]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for place in callers.iter().filter_map(|(_, place)| place.as_ref()) {
        let mut span = Span::under(Some(place), souk_trace::Kind::Internal, name);
        span.set("souk.batch.size", i64::try_from(callers.len()).unwrap_or(i64::MAX));
        if let Some(first) = spans.first().and_then(Span::trace) {
            span.link(&first);
        }
        spans.push(span);
    }
    spans
}

/// When the last batches began.
#[derive(Default)]
struct Pace(VecDeque<Instant>);

impl Pace {
    /// How long the next batch should wait for company.
    fn wait(&self) -> Duration {
        match (self.0.front(), self.0.back()) {
            (Some(first), Some(last)) if self.0.len() == MANY && first.elapsed() < MANY_WITHIN => {
                PACE.saturating_sub(last.elapsed())
            }
            _ => Duration::ZERO,
        }
    }

    fn last(&self) -> Option<Instant> {
        self.0.back().copied()
    }

    fn begin(&mut self) {
        if self.0.len() == MANY {
            self.0.pop_front();
        }
        self.0.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn callers_share_batches_and_get_their_own_results() {
        let (tasks, batches) = (Tasks::new(), Arc::new(AtomicUsize::new(0)));
        let batcher = Batcher::new(&tasks, "test", 64, {
            let batches = batches.clone();
            move |numbers: Batch<u64>| {
                batches.fetch_add(1, Ordering::SeqCst);
                async move {
                    tokio::task::yield_now().await;
                    let odd = |n: u64| Problem::conflict("odd", n.to_string());
                    Ok(numbers.iter().map(|n| if n % 2 == 0 { Ok(n * 10) } else { Err(odd(*n)) }).collect())
                }
            }
        });
        let results = join_all((0..1000u64).map(|n| batcher.submit(n))).await;
        for (n, result) in results.into_iter().enumerate() {
            match n % 2 {
                0 => assert_eq!(result.unwrap(), n as u64 * 10),
                _ => assert_eq!(result.unwrap_err().detail, n.to_string()),
            }
        }
        assert!(batches.load(Ordering::SeqCst) <= 32, "{batches:?} batches for 1000 callers");
        tasks.drain(Duration::from_secs(5)).await.unwrap();
        assert!(batcher.submit(1).await.is_err_and(|p| p.is("overloaded")));
    }

    #[tokio::test(start_paused = true)]
    async fn reads_do_not_wait_for_a_batch_that_hangs_and_writes_do() {
        let hangs = |batch: Vec<bool>| async move {
            if batch.contains(&true) {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            batch.into_iter().map(Ok).collect()
        };
        let tasks = Tasks::new();
        let reads = Batcher::for_reads(&tasks, "reads", 64, hangs);
        let writes = Batcher::new(&tasks, "writes", 64, move |batch: Batch<bool>| {
            let done = hangs(batch.to_vec());
            async move { Ok(done.await) }
        });
        for (batcher, longest) in [(reads, OVERTAKE), (writes, Duration::from_secs(5))] {
            let slow = batcher.submit(true);
            let quick = async {
                tokio::task::yield_now().await;
                let start = Instant::now();
                let several = (0..10).map(|_| batcher.submit(false));
                join_all(several).await;
                start.elapsed()
            };
            let (_, waited) = tokio::join!(slow, quick);
            assert!(
                waited <= longest + Duration::from_millis(1) && waited >= longest - Duration::from_millis(1),
                "{waited:?}"
            );
        }
        tasks.drain(Duration::from_secs(5)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn batches_that_follow_each_other_closely_gather_and_a_caller_alone_does_not_wait() {
        let (tasks, sizes) = (Tasks::new(), Arc::new(parking_lot::Mutex::new(Vec::new())));
        let batcher = Batcher::new(&tasks, "test", 64, {
            let sizes = sizes.clone();
            move |batch: Batch<u32>| {
                sizes.lock().push(batch.len());
                async move { Ok(batch.iter().copied().map(Ok).collect()) }
            }
        });
        for n in 0..20 {
            let start = Instant::now();
            batcher.submit(n).await.unwrap();
            assert_eq!(start.elapsed(), Duration::ZERO, "alone");
            tokio::time::advance(MANY_WITHIN / 2).await;
        }
        sizes.lock().clear();
        // One caller a millisecond, for a fifth of a second.
        let crowd = (0..200u64).map(|n| {
            let batcher = batcher.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(n)).await;
                let start = Instant::now();
                batcher.submit(0).await.unwrap();
                assert!(start.elapsed() <= PACE, "nobody waits longer than the pace");
            }
        });
        join_all(crowd).await;
        let batches = sizes.lock().len();
        assert!((200 / 8..200 / 5).contains(&batches), "{batches} batches for 200 callers");
        tasks.drain(Duration::from_secs(5)).await.unwrap();
    }

    /// Of 64 that come together one cannot be done: it fails alone, for some commits more. Of a fault that is the
    /// database's there is one try for all; a race that was lost is run again.
    #[tokio::test]
    async fn the_culprit_fails_alone_and_an_outage_is_not_multiplied() {
        let tasks = Tasks::new();
        let outage = Problem::unavailable("database_unavailable", "down");
        let race = Problem::unavailable("try_again", "deadlock");
        for (fault, failing, calls) in [
            (Problem::internal("bad"), 1, 2..=13),
            (outage, 64, 1..=1),
            (Problem::timeout("commit"), 64, 1..=1),
            (race, 64, 4..=4),
        ] {
            let called = Arc::new(AtomicUsize::new(0));
            let batcher = Batcher::with_delay(&tasks, "test", 64, Duration::from_millis(20), {
                let called = called.clone();
                move |batch: Batch<u32>| {
                    called.fetch_add(1, Ordering::SeqCst);
                    let fault = fault.clone();
                    async move { if batch.contains(&13) { Err(fault) } else { Ok(batch.iter().copied().map(Ok).collect()) } }
                }
            });
            let results = join_all((0..64).map(|n| batcher.submit(n))).await;
            let failed: Vec<usize> = (0..64).filter(|n| results[*n].is_err()).collect();
            assert_eq!(failed.len(), failing, "{failed:?}");
            assert!(
                failed.contains(&13)
                    && results.iter().enumerate().all(|(n, r)| *r.as_ref().unwrap_or(&(n as u32)) == n as u32)
            );
            let called = called.load(Ordering::SeqCst);
            assert!(calls.contains(&called), "{called} batches");
        }
    }
}
