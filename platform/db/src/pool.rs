//! Connection pool for transactions and single writes: at most so many, a bounded wait for one, and none ever handed on with
//! another caller's transaction or statement in it.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_postgres::error::SqlState;

use crate::{
    DbError,
    conn::{Conn, Opener},
    counters::Meter,
    error::ended_the_session,
};

/// Longest wait for a free connection. A pool this full for this long is overloaded: queueing further only makes
/// every answer late, and callers give up at about five seconds anyway.
pub(crate) const POOL_WAIT: Duration = Duration::from_secs(2);
/// An abandoned statement that ends within this gives its connection back; else it is cancelled on the server.
const ABANDONED_GRACE: Duration = Duration::from_millis(100);
/// The same for one that may be committing: longer than the statement timeout, after which only the commit itself is left.
const COMMIT_GRACE: Duration = Duration::from_secs(6);
/// How long a cancelled connection counts against the pool at most, while the server lets go of it.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

pub(crate) struct Pool {
    opener: Opener,
    runtime: Handle,
    /// The most recently used one is taken first: its server process has the warmest caches.
    idle: Mutex<Vec<Conn>>,
    permits: Arc<Semaphore>,
    meter: Arc<Meter>,
}

impl Pool {
    pub(crate) fn new(opener: Opener, size: usize, runtime: Handle, meter: Arc<Meter>) -> Arc<Pool> {
        let idle = Mutex::new(Vec::with_capacity(size));
        Arc::new(Pool { opener, runtime, idle, permits: Arc::new(Semaphore::new(size)), meter })
    }

    /// A connection in no transaction, waiting at most [`POOL_WAIT`] for one to be free.
    pub(crate) async fn get(self: &Arc<Self>) -> Result<Pooled, DbError> {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        let idle = self.take_idle();
        let conn = match idle {
            Some(conn) => conn,
            None => self.opener.open(&self.runtime, "").await?,
        };
        Ok(Pooled {
            conn: Some(conn),
            busy: AtomicU32::new(0),
            broken: AtomicBool::new(false),
            committing: AtomicBool::new(false),
            pool: Arc::clone(self),
            permit: Some(permit),
        })
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, DbError> {
        let start = Instant::now();
        let waited = timeout(POOL_WAIT, Arc::clone(&self.permits).acquire_owned()).await;
        self.meter.waited(start.elapsed());
        match waited {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(DbError::Unavailable("the pool is closed".into())),
            Err(_) => {
                self.meter.wait_timed_out();
                Err(DbError::Unavailable(format!("no connection became free within {POOL_WAIT:?}")))
            }
        }
    }

    fn take_idle(&self) -> Option<Conn> {
        let mut idle = self.idle.lock();
        while let Some(conn) = idle.pop() {
            if !conn.is_closed() {
                return Some(conn);
            }
        }
        None
    }
}

/// A connection on loan; goes back when dropped, or to [`recover`] when a statement was abandoned half-way.
pub(crate) struct Pooled {
    conn: Option<Conn>,
    /// Statements sent whose answer has not been awaited to the end. Not zero on drop means a future was dropped.
    busy: AtomicU32,
    /// Closed, closing, or of a server that is no primary any more: the next connection finds the new one.
    broken: AtomicBool,
    /// A commit is, or may be, under way.
    committing: AtomicBool,
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Pooled {
    /// Brackets a statement, so that a future dropped in the middle is noticed.
    pub(crate) async fn tracked<T>(&self, statement: impl Future<Output = T>) -> T {
        self.busy.fetch_add(1, Ordering::Relaxed);
        let done = statement.await;
        self.busy.fetch_sub(1, Ordering::Relaxed);
        done
    }

    /// As [`Pooled::tracked`] for what commits: should it be abandoned it is not cancelled. A commit that waits for its
    /// synchronous standby is made by a cancellation: done, visible to all, and on one server only.
    pub(crate) async fn committed<T>(&self, statement: impl Future<Output = T>) -> T {
        self.committing.store(true, Ordering::Relaxed);
        let done = self.tracked(statement).await;
        self.committing.store(false, Ordering::Relaxed);
        done
    }

    /// True while, or after, a statement was left unfinished.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Sorts an error of a statement in a transaction. Whatever says that this connection is of no more use keeps it
    /// from being handed on, even before the driver notices its end.
    pub(crate) fn statement_error(&self, error: &tokio_postgres::Error, sql: &str) -> DbError {
        let sorted = match takes_no_writes(error) {
            true => DbError::Unavailable("the server takes no writes: it is not the primary any more".into()),
            false => DbError::from_driver(error, sql),
        };
        if matches!(sorted, DbError::Unavailable(_)) {
            self.broken.store(true, Ordering::Relaxed);
        }
        sorted
    }

    /// Sorts an error of a commit, or of a statement that is its own commit: where it is not known whether that happened,
    /// says so. Even a server that answers it is shutting down may say so after the commit; only one that takes no writes
    /// surely did nothing.
    pub(crate) fn commit_error(&self, error: &tokio_postgres::Error, sql: &str) -> DbError {
        match self.statement_error(error, sql) {
            // A full disk ended the server in the middle of it.
            DbError::Full(text) if ended_the_session(error) => DbError::OutcomeUnknown(text),
            DbError::Unavailable(text) if !takes_no_writes(error) => DbError::OutcomeUnknown(text),
            other => other,
        }
    }
}

fn takes_no_writes(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}

impl Deref for Pooled {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.conn.as_ref().expect("a connection is taken out only by drop")
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        if conn.is_closed() || self.broken.load(Ordering::Relaxed) {
            return;
        }
        if self.is_busy() {
            let (permit, may_cancel) = (self.permit.take(), !self.committing.load(Ordering::Relaxed));
            self.pool.runtime.spawn(recover(Arc::clone(&self.pool), conn, may_cancel, permit));
            return;
        }
        // Before the permit is released (fields drop after this), so that the next holder finds the connection.
        self.pool.idle.lock().push(conn);
    }
}

/// Takes a connection back whose last statement was abandoned; holds its permit until that is settled.
async fn recover(pool: Arc<Pool>, conn: Conn, may_cancel: bool, permit: Option<OwnedSemaphorePermit>) {
    if settle(&conn, may_cancel).await {
        pool.idle.lock().push(conn);
    }
    drop(permit);
}

/// Lets an abandoned statement end, or cancels it so that its locks do not outlive the caller's patience. True when the
/// connection may be used again; a cancelled one may not, because the cancellation is a signal that might yet hit the
/// next statement.
async fn settle(conn: &Conn, may_cancel: bool) -> bool {
    // Outside a transaction this is a notice, nothing more.
    let mut rollback = std::pin::pin!(conn.client().batch_execute("ROLLBACK"));
    let grace = if may_cancel { ABANDONED_GRACE } else { COMMIT_GRACE };
    if let Ok(ended) = timeout(grace, &mut rollback).await {
        return ended.is_ok();
    }
    if may_cancel {
        match timeout(CANCEL_WAIT, conn.cancel()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "could not cancel an abandoned statement"),
            // A server that hangs takes the connection and says nothing.
            Err(_) => return false,
        }
        if timeout(CANCEL_WAIT, rollback).await.is_ok() {
            return false;
        }
    }
    tracing::warn!("an abandoned statement did not end; its connection is closed");
    false
}
