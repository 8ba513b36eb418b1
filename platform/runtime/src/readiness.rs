//! Readiness, whether a process may get traffic: every part says so for itself, and says what it waits for.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

/// Parts by name, each with why it is not ready.
type Parts = BTreeMap<String, Option<String>>;

/// Readiness of all parts of a process. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<watch::Sender<Parts>>);

/// One part's entry; not ready until it says so.
pub struct ReadyCheck {
    readiness: Readiness,
    name: String,
}

impl Readiness {
    /// Adds a part that is not ready yet.
    pub fn part(&self, name: impl Into<String>) -> ReadyCheck {
        let check = ReadyCheck { readiness: self.clone(), name: name.into() };
        check.not_ready("starting");
        check
    }

    /// What is waited for, as `part: reason`; empty when the process is ready.
    pub fn waiting_for(&self) -> Vec<String> {
        let waiting = |(name, reason): (&String, &Option<String>)| Some(format!("{name}: {}", reason.as_ref()?));
        self.0.borrow().iter().filter_map(waiting).collect()
    }

    /// Returns when every part is ready.
    pub async fn all_ready(&self) {
        let mut parts = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = parts.wait_for(|parts| parts.values().all(Option::is_none)).await;
    }
}

impl ReadyCheck {
    /// This part can serve.
    pub fn ready(&self) {
        self.set(None);
    }

    /// This part cannot serve, because of `reason`.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    fn set(&self, reason: Option<String>) {
        self.readiness.0.send_if_modified(|parts| {
            let before = parts.insert(self.name.clone(), reason.clone());
            before.as_ref() != Some(&reason)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_when_every_part_is() {
        let readiness = Readiness::default();
        let (a, b) = (readiness.part("index"), readiness.part("database"));
        a.ready();
        b.not_ready("connecting to 127.0.0.1");
        assert_eq!(readiness.waiting_for(), ["database: connecting to 127.0.0.1"]);
        let waiting = readiness.clone();
        let waiting = tokio::join!(waiting.all_ready(), async { b.ready() });
        assert_eq!(waiting, ((), ()));
        assert!(readiness.waiting_for().is_empty());
    }
}
