//! Idle timeouts (keep-alive and request head): a head that has begun must be complete soon, while between two requests balancers and
//! browsers keep a connection for a minute and more. For HTTP/1.1 hyper knows one limit for both.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};

use crate::config::RequestLimits;

/// Connections are scarce when no more than one in so many may still be opened.
const SCARCE: usize = 8;

/// The limits, and what is left of all connections.
pub(crate) struct IdleTimeouts {
    head: Duration,
    idle: Duration,
    permits: Arc<Semaphore>,
    scarce: usize,
}

impl IdleTimeouts {
    pub(crate) fn new(limits: &RequestLimits, permits: Arc<Semaphore>) -> Self {
        let head = Duration::from_millis(limits.header_ms);
        Self { head, idle: Duration::from_millis(limits.idle_ms), permits, scarce: limits.connections.div_ceil(SCARCE) }
    }

    /// How long a connection may be unused: shorter when connections are scarce, so that clients which need one get it.
    pub(crate) fn idle(&self) -> Duration {
        // The accept loop holds one more, for the next connection.
        if self.permits.available_permits() < self.scarce { self.idle.min(self.head) } else { self.idle }
    }

    /// How long a new connection may ask for nothing.
    pub(crate) fn first(&self) -> Duration {
        self.head
    }

    /// How often the limits are checked: no timer is set or reset for a request.
    pub(crate) fn check_interval(&self) -> Duration {
        self.idle.min(self.head)
    }
}

/// Whether a response is in progress on a connection: from a request's head until its response is written the client waits for us, and no
/// limit runs.
#[derive(Default)]
pub(crate) struct ResponseInProgress {
    begun: AtomicU32,
    ended: AtomicU32,
}

impl ResponseInProgress {
    /// A response is in progress until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Guard {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Guard(self.clone())
    }

    fn is_active(&self) -> bool {
        self.begun() != self.ended.load(Ordering::Relaxed)
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }
}

/// One response in progress.
pub(crate) struct Guard(Arc<ResponseInProgress>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// An HTTP/1.1 connection whose reads end when its client has let us wait for too long: as if closed between requests, with an error in
/// the middle of a head. The end of a response is noticed up to a check interval too late, and the part of a head that came together
/// with the request before it when more of it comes.
pub(crate) struct TimedStream<S> {
    stream: S,
    timeouts: Arc<IdleTimeouts>,
    responding: Arc<ResponseInProgress>,
    /// Responses that had begun when we started to wait.
    responses: u32,
    since: Instant,
    /// Something of a head has come since; a new connection owes us one.
    head: bool,
    check: Option<Pin<Box<Sleep>>>,
}

impl<S> TimedStream<S> {
    pub(crate) fn new(stream: S, timeouts: Arc<IdleTimeouts>, responding: Arc<ResponseInProgress>) -> Self {
        let (responses, since) = (responding.begun(), Instant::now());
        Self { stream, timeouts, responding, responses, since, head: true, check: None }
    }

    /// Starts the idle limit anew if a response ended since the last read.
    fn restart_if_responded(&mut self) {
        let responses = self.responding.begun();
        if responses != self.responses {
            (self.responses, self.since, self.head) = (responses, Instant::now(), false);
        }
    }

    /// Ready when it was too long. The timer also runs while a response is in progress: hyper, once told that there is nothing to read,
    /// does not read again when the response ends.
    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut next = Instant::now() + self.timeouts.check_interval();
            let check = self.check.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next)));
            ready!(check.as_mut().poll(cx));
            if !self.responding.is_active() {
                let limit = self.since + if self.head { self.timeouts.head } else { self.timeouts.idle() };
                if limit <= Instant::now() {
                    let late = io::Error::new(io::ErrorKind::TimedOut, "a head took too long");
                    return Poll::Ready(if self.head { Err(late) } else { Ok(()) });
                }
                next = next.min(limit);
            }
            check.as_mut().reset(next);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        let idle = !this.responding.is_active();
        if idle {
            this.restart_if_responded();
        }
        if read.is_pending() {
            return this.poll_limit(cx);
        }
        if idle && !this.head && buf.filled().len() > before {
            (this.since, this.head) = (Instant::now(), true);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
