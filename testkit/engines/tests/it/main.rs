//! Engines of the distribution: they start, answer, hang, die and come back with what they had, and leave nothing behind.
#![allow(clippy::unwrap_used)] // a test may panic

mod gone;
mod redis;
mod smtp;

use std::time::Duration;

/// Waits until `done` says so; a test that hangs fails.
async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut done: F) {
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(patience.await.is_ok(), "{what} did not happen");
}
