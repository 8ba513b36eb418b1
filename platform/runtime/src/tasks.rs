//! Task tracker (graceful shutdown): every spawned future is tracked, told to stop, and drained.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of a process (or of one test). Clones share them.
#[derive(Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    token: CancellationToken,
    leaving: Arc<AtomicBool>,
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `task` to its end, also beyond the request that started it. A panic is logged and ends only this task.
    #[allow(clippy::disallowed_methods)] // this is the tracked spawn that the ban points to
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::new(self.running.clone(), name);
        // Not an async block around it: that would hold the task twice, as what it was given and as what it awaits.
        drop(self.tracker.spawn(std::panic::AssertUnwindSafe(task).catch_unwind().map(move |ended| {
            let _counted = counted;
            if ended.is_err() {
                tracing::error!(task = name, "background task panicked");
            }
        })));
    }

    /// Runs `task` like [`Tasks::spawn`], at the caller's place in a trace; the receiver gets its result, or an error if it panicked.
    pub fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        // The result may be unwanted: the caller may have gone away.
        let task = task.map(move |result| drop(sender.send(result)));
        self.spawn(name, souk_trace::scope(souk_trace::current(), task));
        receiver
    }

    /// Cancelled when the process is to stop: loops end at their next pause, work under way is finished.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// True once [`Tasks::stop`] was called.
    pub fn stopping(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Says that this process is about to stop: listeners still serve, and tell every caller not to come back.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// True once [`Tasks::leave`] or [`Tasks::stop`] was called. Cheap enough to ask for every request.
    pub fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Waits `pause`, or less when the process is to stop; true when there is more to do.
    pub async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.token.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// Tells all tasks to stop.
    pub fn stop(&self) {
        self.leave();
        self.token.cancel();
    }

    /// Tells all tasks to stop and waits for them; after `patience` names those that have not.
    pub async fn drain(&self, patience: Duration) -> Result<(), Vec<&'static str>> {
        self.stop();
        self.tracker.close();
        match tokio::time::timeout(patience, self.tracker.wait()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.running.lock().keys().copied().collect()),
        }
    }
}

struct Counted {
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    name: &'static str,
}

impl Counted {
    fn new(running: Arc<Mutex<BTreeMap<&'static str, usize>>>, name: &'static str) -> Self {
        *running.lock().entry(name).or_default() += 1;
        Self { running, name }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut running = self.running.lock();
        if let Some(count) = running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                running.remove(self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn drain_waits_for_work_under_way_and_names_what_hangs() {
        let tasks = Tasks::new();
        let done = tasks.run("worker", {
            let tasks = tasks.clone();
            async move {
                tasks.token().cancelled().await;
                "finished"
            }
        });
        tasks.drain(Duration::from_secs(5)).await.unwrap();
        assert_eq!(done.await.unwrap(), "finished");

        let tasks = Tasks::new();
        tasks.spawn("stuck", std::future::pending());
        assert_eq!(tasks.drain(Duration::from_millis(20)).await, Err(vec!["stuck"]));
    }

    #[tokio::test]
    async fn a_panic_ends_one_task_only() {
        let tasks = Tasks::new();
        let broken = tasks.run("broken", async { panic!("expected in this test") });
        let fine = tasks.run("fine", async { 1 });
        let broken: Result<(), _> = broken.await;
        assert!(broken.is_err());
        assert_eq!(fine.await.unwrap(), 1);
        tasks.drain(Duration::from_secs(5)).await.unwrap();
    }
}
