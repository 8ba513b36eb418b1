//! How long a connection waits for its client: a head that has begun must be complete soon, while between two requests
//! balancers and browsers keep a connection for a minute and more. For HTTP/1.1 hyper knows one limit for both.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};

use crate::config::Limits;

/// Connections are scarce when no more than one in so many may still be opened.
const SCARCE: usize = 8;

/// The limits, and what is left of all connections.
pub(crate) struct Waits {
    head: Duration,
    idle: Duration,
    places: Arc<Semaphore>,
    scarce: usize,
}

impl Waits {
    pub(crate) fn new(limits: &Limits, places: Arc<Semaphore>) -> Self {
        let head = Duration::from_millis(limits.header_ms);
        Self { head, idle: Duration::from_millis(limits.idle_ms), places, scarce: limits.connections.div_ceil(SCARCE) }
    }

    /// How long a connection may be unused. When they are scarce, who does use one needs it more.
    pub(crate) fn idle(&self) -> Duration {
        // The listener holds one more, for whoever comes next.
        if self.places.available_permits() < self.scarce { self.idle.min(self.head) } else { self.idle }
    }

    /// How long a new connection may ask for nothing.
    pub(crate) fn first(&self) -> Duration {
        self.head
    }

    /// How often to look: nothing is set or reset for a request.
    pub(crate) fn look(&self) -> Duration {
        self.idle.min(self.head)
    }
}

/// Whose turn it is on a connection: ours from a request's head until its answer is written.
#[derive(Default)]
pub(crate) struct Turn {
    begun: AtomicU32,
    ended: AtomicU32,
}

impl Turn {
    /// It is ours until what this gives is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Ours {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Ours(self.clone())
    }

    fn is_ours(&self) -> bool {
        self.begun() != self.ended.load(Ordering::Relaxed)
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }
}

/// Our turn.
pub(crate) struct Ours(Arc<Turn>);

impl Drop for Ours {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// An HTTP/1.1 connection whose reads end when its client has let us wait for too long: as if closed between requests, with an error in
/// the middle of a head. A turn's end is seen up to a look too late, and what came of a head together with the request before
/// it when more of it comes.
pub(crate) struct Waiting<S> {
    stream: S,
    waits: Arc<Waits>,
    turn: Arc<Turn>,
    /// Turns that had begun when we started to wait.
    turns: u32,
    since: Instant,
    /// Something of a head has come since; a new connection owes us one.
    head: bool,
    look: Option<Pin<Box<Sleep>>>,
}

impl<S> Waiting<S> {
    pub(crate) fn new(stream: S, waits: Arc<Waits>, turn: Arc<Turn>) -> Self {
        let (turns, since) = (turn.begun(), Instant::now());
        Self { stream, waits, turn, turns, since, head: true, look: None }
    }

    /// A turn of ours ended since we looked last: the client's began.
    fn waits_anew(&mut self) {
        let turns = self.turn.begun();
        if turns != self.turns {
            (self.turns, self.since, self.head) = (turns, Instant::now(), false);
        }
    }

    /// Ready when it was too long. Also in our turn somebody has to look again: hyper, once told that there is nothing to
    /// read, does not ask when our turn ends.
    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut next = Instant::now() + self.waits.look();
            let look = self.look.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next)));
            ready!(look.as_mut().poll(cx));
            if !self.turn.is_ours() {
                let limit = self.since + if self.head { self.waits.head } else { self.waits.idle() };
                if limit <= Instant::now() {
                    let late = io::Error::new(io::ErrorKind::TimedOut, "a head took too long");
                    return Poll::Ready(if self.head { Err(late) } else { Ok(()) });
                }
                next = next.min(limit);
            }
            look.as_mut().reset(next);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Waiting<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        let theirs = !this.turn.is_ours();
        if theirs {
            this.waits_anew();
        }
        if read.is_pending() {
            return this.poll_limit(cx);
        }
        if theirs && !this.head && buf.filled().len() > before {
            (this.since, this.head) = (Instant::now(), true);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Waiting<S> {
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
