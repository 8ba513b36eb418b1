//! Waiting for what happens later: asked again until it is so, never a sleep that hopes.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

/// Between two looks: short against every deadline, long against the cost of a look.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until `look` gives a value, and panics with `what` when it has not within `deadline`.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> F,
) -> T {
    eventually_ok(what, deadline, || {
        let looked = look();
        async { looked.await.ok_or("not yet") }
    })
    .await
}

/// The same for looks that say why it is not so yet; the last reason is in the panic.
pub async fn eventually_ok<T, E: Debug, F: Future<Output = Result<T, E>>>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        let reason = match look().await {
            Ok(value) => return value,
            Err(reason) => reason,
        };
        assert!(started.elapsed() < deadline, "{what}: not within {deadline:?}: {reason:?}");
        tokio::time::sleep(PAUSE).await;
    }
}
