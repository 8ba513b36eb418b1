//! Single flight: one render per page at a time. The first request that misses makes the page, the others wait for the same answer.
//!
//! The render runs in a task of its own, so that a visitor that leaves does not spoil it for the rest.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::CachedResponse;

/// How a render ended, for the followers.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// Public: all of them may have this.
    Shared(Arc<CachedResponse>),
    /// Private, or failed: each needs an answer of its own.
    NotShared,
}

/// Waits for a leader's outcome.
pub(crate) type Follower = watch::Receiver<Option<Outcome>>;

/// Renders under way, by cache key.
#[derive(Clone, Default)]
pub(crate) struct SingleFlight(Arc<Mutex<HashMap<Box<str>, Follower>>>);

/// The duty to finish a render; dropped without (a panic), the followers get [`Outcome::NotShared`].
pub(crate) struct Leader {
    renders: SingleFlight,
    key: Box<str>,
    sender: watch::Sender<Option<Outcome>>,
}

/// A request's part in a render.
pub(crate) enum Joined {
    Leader(Leader),
    Follower(Follower),
}

impl SingleFlight {
    /// Begins the render of `key`, or joins the one under way.
    pub(crate) fn join(&self, key: &str) -> Joined {
        let mut renders = self.0.lock();
        if let Some(follower) = renders.get(key) {
            return Joined::Follower(follower.clone());
        }
        let (sender, receiver) = watch::channel(None);
        renders.insert(key.into(), receiver);
        Joined::Leader(Leader { renders: self.clone(), key: key.into(), sender })
    }
}

impl Leader {
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn finish(self, outcome: Outcome) {
        // Off the list first: a request that comes now must not wait for what is already known.
        self.leave();
        self.sender.send_replace(Some(outcome));
    }

    fn leave(&self) {
        self.renders.0.lock().remove(&self.key);
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let finished = self.sender.borrow().is_some();
        if !finished {
            self.leave();
        }
    }
}

/// Waits until the leader has finished.
pub(crate) async fn outcome(mut follower: Follower) -> Outcome {
    match follower.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or(Outcome::NotShared),
        Err(_) => Outcome::NotShared,
    }
}
