//! The ambient context: bound to a future, seen by everything that runs while it is polled.

use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::{Trace, on};

thread_local! {
    static CURRENT: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// The place of what runs now; none when tracing is off, and outside of every trace.
pub fn current() -> Option<Trace> {
    if !on() {
        return None;
    }
    CURRENT.with_borrow(Clone::clone)
}

/// Runs `future` at `trace`; with none, wherever its caller is.
pub fn scope<F: Future>(trace: Option<Trace>, future: F) -> Scoped<F> {
    Scoped { future, trace }
}

pin_project! {
    /// A future with a place in a trace; made by [`scope`].
    pub struct Scoped<F> {
        #[pin]
        future: F,
        trace: Option<Trace>,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.trace {
            None => this.future.poll(cx),
            Some(trace) => {
                let _entered = Entered::enter(trace.clone());
                this.future.poll(cx)
            }
        }
    }
}

/// Is at `trace` until the guard is dropped, for code that does not wait; with none, stays where it is.
#[must_use]
pub fn enter(trace: Option<Trace>) -> Option<Entered> {
    trace.map(Entered::enter)
}

/// While it lives, the thread is at a place; then it is where it was.
pub struct Entered {
    before: Option<Trace>,
    // It belongs to its thread.
    _not_send: PhantomData<*const ()>,
}

impl Entered {
    fn enter(trace: Trace) -> Self {
        Self { before: CURRENT.replace(Some(trace)), _not_send: PhantomData }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}
