//! Whether a process may get traffic: every part says so for itself, and says what it waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Readiness of all parts of a process. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<String, Option<String>>>>);

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
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().filter_map(|(name, reason)| Some(format!("{name}: {}", reason.as_ref()?))).collect()
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
        self.readiness.0.lock().unwrap_or_else(PoisonError::into_inner).insert(self.name.clone(), reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_every_part_is() {
        let readiness = Readiness::default();
        let (a, b) = (readiness.part("index"), readiness.part("database"));
        a.ready();
        b.not_ready("connecting to 127.0.0.1");
        assert_eq!(readiness.waiting_for(), ["database: connecting to 127.0.0.1"]);
        b.ready();
        assert!(readiness.waiting_for().is_empty());
    }
}
