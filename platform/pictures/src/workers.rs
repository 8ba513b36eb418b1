//! Worker pool: threads of their own for pictures, at a low priority or none, so that the shop is served first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::memory::MemoryBudget;
use crate::prepare::prepare;
use crate::{PictureError, Plan, Prepared};

/// Bytes that pictures under way may take together. The largest one that is allowed, a progressive JPEG of 50
/// megapixels, needs 450 MB while it is decoded.
static MEMORY: MemoryBudget = MemoryBudget::new(512 * 1024 * 1024);
/// A low priority: a tenth of what a thread gets that serves visitors, when there is not enough for both.
const NICE: i32 = 10;
/// Bytes of a thread's stack: the AVIF encoder keeps whole blocks of pixels there.
const STACK: usize = 8 * 1024 * 1024;
/// What a picture is that made its decoder panic.
const UNREADABLE: &str = "it cannot be read";

/// When threads get a core that others want too. On systems other than Linux there is one priority for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// For pictures that somebody waits for: a tenth of the share of other threads.
    Low,
    /// For pictures in the background: what the others leave, and the core is theirs at once when they want it back.
    Idle,
}

/// Threads that prepare pictures. Cheap to clone; they end with the last clone, after what they are at. All pools of a process share the
/// memory for pictures.
#[derive(Clone)]
pub struct PictureWorkers {
    queue: Sender<Job>,
}

struct Job {
    content: Bytes,
    reply: oneshot::Sender<Result<Prepared, PictureError>>,
}

impl PictureWorkers {
    /// Starts so many threads, as a rule as many as there are cores.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn new(threads: usize, plan: Plan, priority: Priority) -> std::io::Result<Self> {
        let (queue, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads.max(1) {
            let jobs = jobs.clone();
            let thread = std::thread::Builder::new().name("pictures".to_owned()).stack_size(STACK);
            thread.spawn(move || {
                set_priority(priority);
                work(&jobs, |content, wanted| prepare(content, &plan, &MEMORY, wanted));
            })?;
        }
        Ok(Self { queue })
    }

    /// Prepares a picture, after those that were asked for before. The queue has no end of its own: it is as long as
    /// there are callers, and each of them holds its content. A caller that gives up before it is its turn costs
    /// nothing.
    ///
    /// # Errors
    /// What is wrong with the picture.
    pub async fn prepare(&self, content: Bytes) -> Result<Prepared, PictureError> {
        let (reply, prepared) = oneshot::channel();
        self.queue.send(Job { content, reply }).map_err(|_| PictureError::Stopped)?;
        prepared.await.map_err(|_| PictureError::Stopped)?
    }
}

/// Does jobs until there can be no more.
fn work(jobs: &Mutex<Receiver<Job>>, prepare: impl Fn(&[u8], &dyn Fn() -> bool) -> Result<Prepared, PictureError>) {
    loop {
        // One thread waits for a job, the others for that one.
        let Ok(Job { content, reply }) = jobs.lock().recv() else { return };
        if reply.is_closed() {
            continue;
        }
        let attempt = catch_unwind(AssertUnwindSafe(|| prepare(&content, &|| !reply.is_closed())));
        let prepared = attempt.unwrap_or_else(|_| {
            tracing::warn!(bytes = content.len(), "a decoder panicked");
            Err(PictureError::damaged(UNREADABLE))
        });
        // A caller that gave up meanwhile needs no answer.
        let _ = reply.send(prepared);
    }
}

/// Sets the calling thread's priority; on Linux priorities are threads', not processes'.
#[cfg(target_os = "linux")]
fn set_priority(priority: Priority) {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};

    static SAID: AtomicBool = AtomicBool::new(false);
    let set = match priority {
        // The process itself may have a lower one.
        Priority::Low => rustix::process::getpriority_process(None)
            .and_then(|now| rustix::process::setpriority_process(None, now.max(NICE)))
            .map_err(|error| error.to_string()),
        Priority::Idle => thread_priority::set_thread_priority_and_policy(
            thread_priority::thread_native_id(),
            ThreadPriority::Min,
            ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle),
        )
        .map_err(|error| format!("{error:?}")),
    };
    if let Err(error) = set
        && !SAID.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(error, "pictures are prepared at the priority of everything else");
    }
}

#[cfg(not(target_os = "linux"))]
fn set_priority(_: Priority) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_without_a_caller_are_skipped_and_panics_are_answered() {
        let (queue, jobs) = channel();
        let mut replies = Vec::new();
        for content in ["first", "given up", "panics", "last"] {
            let (reply, prepared) = oneshot::channel();
            queue.send(Job { content: content.into(), reply }).unwrap();
            if content != "given up" {
                replies.push(prepared);
            }
        }
        drop(queue);
        let done = Mutex::new(Vec::new());
        work(&Mutex::new(jobs), |content, wanted| {
            assert!(wanted());
            assert_ne!(content, b"panics");
            done.lock().push(content.to_vec());
            Err(PictureError::Stopped)
        });
        assert_eq!(done.into_inner(), [&b"first"[..], b"last"]);
        let answers: Vec<_> = replies.into_iter().map(|reply| reply.blocking_recv().unwrap().unwrap_err()).collect();
        assert_eq!(answers, [PictureError::Stopped, PictureError::damaged(UNREADABLE), PictureError::Stopped]);
    }
}
