//! Eventual assertions: tests ask again until something is so, instead of sleeping for as long as it may take. A leaf crate, so
//! that the tests of every other may use it.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// Between the first two looks. It doubles with each, so that what is nearly there costs next to no time.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// Between later looks: short against every deadline, long against the cost of a look.
const PAUSE: Duration = Duration::from_millis(20);

/// What a look may find: `true`, something, or success. Anything else is looked at again.
pub trait Found {
    /// What the wait gives.
    type Value;
    /// Why it is not so yet; the last reason is in the panic.
    type Reason: Debug;

    /// What was found, or why not.
    fn found(self) -> Result<Self::Value, Self::Reason>;
}

impl Found for bool {
    type Value = ();
    type Reason = &'static str;

    fn found(self) -> Result<(), &'static str> {
        if self { Ok(()) } else { Err("not yet") }
    }
}

impl<T> Found for Option<T> {
    type Value = T;
    type Reason = &'static str;

    fn found(self) -> Result<T, &'static str> {
        self.ok_or("not yet")
    }
}

impl<T, E: Debug> Found for Result<T, E> {
    type Value = T;
    type Reason = E;

    fn found(self) -> Result<T, E> {
        self
    }
}

/// Looks until something is found, and panics with `what` when nothing was within `deadline`, also when a look does not end.
pub async fn eventually<F: Found>(what: &str, deadline: Duration, mut look: impl AsyncFnMut() -> F) -> F::Value {
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    let mut last: Option<F::Reason> = None;
    loop {
        let reason = match timeout_at(end, look()).await.map(Found::found) {
            Ok(Ok(value)) => return value,
            Ok(Err(reason)) => reason,
            Err(_) => match last {
                Some(reason) => panic!("{what}: a look did not end within {deadline:?}; the one before: {reason:?}"),
                None => panic!("{what}: the first look did not end within {deadline:?}"),
            },
        };
        assert!(Instant::now() < end, "{what}: not within {deadline:?}: {reason:?}");
        last = Some(reason);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_found_comes_back() {
        let mut looks = 0;
        let third = async || {
            looks += 1;
            (looks == 3).then_some("there")
        };
        assert_eq!(eventually("the third look", Duration::from_secs(5), third).await, "there");
        assert_eq!(looks, 3);
        eventually("true", Duration::ZERO, async || true).await;
        assert_eq!(eventually("success", Duration::ZERO, async || Ok::<_, ()>(7)).await, 7);
    }

    #[tokio::test]
    #[should_panic(expected = "a miracle: not within 0ns: \"closed\"")]
    async fn what_is_never_found_fails_with_the_last_reason() {
        eventually("a miracle", Duration::ZERO, async || Err::<(), _>("closed")).await;
    }

    #[tokio::test]
    #[should_panic(expected = "an answer: the first look did not end within 20ms")]
    async fn a_look_that_hangs_fails() {
        eventually("an answer", Duration::from_millis(20), async || std::future::pending::<bool>().await).await;
    }

    #[tokio::test]
    #[should_panic(expected = "an answer: a look did not end within 20ms; the one before: \"closed\"")]
    async fn a_later_look_that_hangs_fails_with_the_reason_before() {
        let mut looks = 0;
        let hangs = async || {
            looks += 1;
            if looks == 2 { std::future::pending().await } else { Err::<(), _>("closed") }
        };
        eventually("an answer", Duration::from_millis(20), hangs).await;
    }
}
