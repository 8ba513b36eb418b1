//! Circuit breakers, one per part of the key space: one part for a single server; for a cluster as many as make it likely
//! that one hung node closes no other node's part.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Slots of a cluster (its specification).
const SLOTS: usize = 16_384;
/// Parts of a cluster's key space, 256 slots each. A hung node costs each of its parts [`FAILURES_TO_OPEN`] slow calls.
const PARTS: usize = 64;
/// Failures in a row after which a part is left alone: one may be a lost packet, three are not.
const FAILURES_TO_OPEN: u32 = 3;

/// The state of every part.
pub(crate) struct Breaker(Vec<Part>);

struct Part {
    /// A key of this part, to ask for.
    probe: String,
    failures: AtomicU32,
    open: AtomicBool,
}

impl Breaker {
    /// All parts are open: nothing has answered yet.
    pub(crate) fn new(cluster: bool, prefix: &str) -> Self {
        let parts = if cluster { PARTS } else { 1 };
        let mut probes: Vec<Option<String>> = vec![None; parts];
        let mut number = 0u32;
        while probes.iter().any(Option::is_none) {
            let key = format!("{prefix}probe:{number}");
            let part = part_of(&key, parts);
            probes[part].get_or_insert(key);
            number += 1;
        }
        let part = |probe| Part { probe, failures: AtomicU32::new(0), open: AtomicBool::new(true) };
        Self(probes.into_iter().flatten().map(part).collect())
    }

    /// Where `key` is counted.
    pub(crate) fn part(&self, key: &str) -> usize {
        part_of(key, self.0.len())
    }

    /// May a call go out?
    pub(crate) fn admits(&self, part: usize) -> bool {
        !self.0[part].open.load(Ordering::Acquire)
    }

    /// Notes an answer.
    pub(crate) fn answered(&self, part: usize) {
        self.0[part].failures.store(0, Ordering::Relaxed);
    }

    /// Notes a failure; true when it is the one that opens the part.
    pub(crate) fn failed(&self, part: usize) -> bool {
        let failures = self.0[part].failures.fetch_add(1, Ordering::Relaxed) + 1;
        failures >= FAILURES_TO_OPEN && !self.0[part].open.swap(true, Ordering::AcqRel)
    }

    /// The part answered a probe.
    pub(crate) fn close(&self, part: usize) {
        self.0[part].failures.store(0, Ordering::Relaxed);
        self.0[part].open.store(false, Ordering::Release);
    }

    /// Nothing is worth a call: the connection is gone.
    pub(crate) fn open_all(&self) {
        self.0.iter().for_each(|part| part.open.store(true, Ordering::Release));
    }

    /// Open parts, each with a key to probe it by.
    pub(crate) fn open_parts(&self) -> Vec<(usize, &str)> {
        let parts = self.0.iter().enumerate();
        parts
            .filter(|(_, part)| part.open.load(Ordering::Acquire))
            .map(|(at, part)| (at, part.probe.as_str()))
            .collect()
    }

    pub(crate) fn parts(&self) -> usize {
        self.0.len()
    }
}

fn part_of(key: &str, parts: usize) -> usize {
    usize::from(slot(key)) * parts / SLOTS
}

/// The slot of a key; of a key with `{tag}` the slot of the tag.
fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    crc16::State::<crc16::XMODEM>::calculate(hashed.as_bytes()) % SLOTS as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!((slot("foo"), slot("bar"), slot("x{foo}y"), slot("{}foo")), (12_182, 5_061, 12_182, slot("{}foo")));
        assert_ne!(slot("{}foo"), slot("foo"), "an empty tag is none");
    }

    #[test]
    fn three_failures_in_a_row_open_one_part_and_a_probe_closes_it() {
        let breaker = Breaker::new(true, "souk:test:");
        assert_eq!(breaker.open_parts().len(), PARTS, "nothing has answered yet");
        (0..PARTS).for_each(|part| breaker.close(part));
        let (one, other) = (breaker.part("foo"), breaker.part("bar"));
        assert!(!breaker.failed(one) && !breaker.failed(one));
        breaker.answered(one);
        assert!(!breaker.failed(one) && !breaker.failed(one) && breaker.admits(one));
        assert!(breaker.failed(one), "the third in a row");
        assert!(!breaker.failed(one), "said once");
        assert!(!breaker.admits(one) && breaker.admits(other));
        let (open, probe) = (breaker.open_parts()[0].0, breaker.open_parts()[0].1.to_owned());
        assert_eq!((open, breaker.part(&probe)), (one, one));
        breaker.close(one);
        assert!(breaker.admits(one) && breaker.open_parts().is_empty());
    }
}
