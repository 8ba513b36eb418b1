//! Test support: cancellation at every await point. A client may leave at any moment, and then the future of its request is
//! dropped where it stands; a test drops it after one poll, after two, and so on to its end, and looks at what is left.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Polls more than any request needs: one that does not end by then hangs.
const MAX_POLLS: usize = 10_000;

/// Polls `future` at most `polls` times and drops it; its output when it ended by then.
pub async fn abandoned_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Abandons what `request` makes at every await point in turn, until one comes to its end; after each, `check` looks at what
/// is left. Returns how many polls it took to the end.
pub async fn abandon_everywhere<F: Future>(
    mut request: impl FnMut(usize) -> F,
    mut check: impl AsyncFnMut(usize, Option<F::Output>),
) -> usize {
    for polls in 1..MAX_POLLS {
        let output = abandoned_after(polls, request(polls)).await;
        let ended = output.is_some();
        check(polls, output).await;
        if ended {
            return polls;
        }
    }
    panic!("not at its end after {MAX_POLLS} polls");
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Two effects with a pause between them: dropped there, the second is missing.
    #[tokio::test]
    async fn what_stands_between_two_effects_is_found() {
        let (first, second, torn) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let request = |_| async {
            first.set(first.get() + 1);
            tokio::task::yield_now().await;
            second.set(second.get() + 1);
        };
        let polls = abandon_everywhere(request, async |_, _| {
            torn.set(torn.get() + usize::from(first.get() != second.get()));
            second.set(first.get());
        })
        .await;
        assert_eq!((polls, torn.get()), (2, 1));
    }
}
