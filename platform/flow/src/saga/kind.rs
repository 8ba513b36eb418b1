//! Saga definition: the steps of a kind of saga by name, and how a row says where a saga is.
//!
//! A row names the next step (`next_step`) and all steps of the release that runs the saga (`steps`). A release may insert
//! steps: sagas that run meanwhile go on at the step they are at, whatever its place is by now. Two releases run side by
//! side during an upgrade, and take over each other's sagas:
//!
//! * **One that knows fewer steps** takes no saga whose `steps` it does not all know: it would leave out one on the way
//!   there or, worse, on the way back. Such a saga waits for the newer release, and the log says so.
//! * **One that knows more steps** takes any; the row says from then on that there are more.
//! * **The release that only counts** (before names) sees `step`, which is still written: the number of the same step in
//!   the list that release has ([`SagaKind::numbered`]). What it writes is a number alone, so that a name in the row may be
//!   an old one; it counts only while its number is the row's. Otherwise, and where there is no name, the number is read
//!   through that list.
//!
//! So a step is never renamed, and one that is not needed any more stays in the list, doing nothing, for one release more.

use souk_kernel::Problem;

use super::Direction;

/// A kind of saga.
#[derive(Debug)]
pub struct SagaKind {
    /// Names it in rows, logs and metrics.
    pub name: &'static str,
    /// Names of its steps, in order.
    pub steps: &'static [&'static str],
    /// The same as of the release that recorded numbers only: 0 is the first of these.
    pub numbered: &'static [&'static str],
}

impl SagaKind {
    /// Where a saga stands that has done `step`: its index, or none if there is no such step.
    pub(super) fn after(&self, step: &str) -> Option<usize> {
        self.index(step).map(|at| at + 1)
    }

    /// Name of the next step of a saga that is `at` (steps done, or left to undo); none at either end.
    pub(super) fn next_step(&self, direction: Direction, at: usize) -> Option<&'static str> {
        let next = match direction {
            Direction::Forward => Some(at),
            Direction::Undo => at.checked_sub(1),
        };
        next.and_then(|next| self.steps.get(next)).copied()
    }

    /// The same for the release that counts: it goes on at the next of its steps.
    pub(super) fn number(&self, direction: Direction, at: usize) -> i32 {
        let (done, open) = self.steps.split_at(at.min(self.steps.len()));
        let place = |step: &&str| self.numbered.iter().position(|numbered| numbered == step);
        let number = match direction {
            Direction::Forward => open.iter().find_map(place).unwrap_or(self.numbered.len()),
            Direction::Undo => done.iter().rev().find_map(place).map_or(0, |last| last + 1),
        };
        i32::try_from(number).unwrap_or(i32::MAX)
    }

    /// Where a row says that a saga is.
    ///
    /// # Errors
    /// Internal: a step that this release does not have.
    pub(super) fn at(&self, direction: Direction, next_step: Option<&str>, number: i32) -> Result<usize, Problem> {
        let unknown = |step: &str| Problem::internal(format!("{} has no step {step}", self.name));
        let named = match next_step {
            Some(step) => Some(self.index(step).ok_or_else(|| unknown(step))?),
            None => None,
        };
        let named = named.map(|next| match direction {
            Direction::Forward => next,
            Direction::Undo => next + 1,
        });
        if let Some(at) = named.filter(|at| self.number(direction, *at) == number) {
            return Ok(at);
        }
        let number = usize::try_from(number).map_err(Problem::internal)?;
        let index = |number: usize| {
            let step = self.numbered.get(number).copied();
            let known = step.and_then(|step| self.index(step));
            known.ok_or_else(|| Problem::internal(format!("no step of {} is number {number} ({step:?})", self.name)))
        };
        match direction {
            Direction::Forward if number == self.numbered.len() => Ok(self.steps.len()),
            Direction::Forward => index(number),
            Direction::Undo if number == 0 => Ok(0),
            Direction::Undo => index(number - 1).map(|last| last + 1),
        }
    }

    fn index(&self, step: &str) -> Option<usize> {
        self.steps.iter().position(|known| *known == step)
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{Forward, Undo};
    use super::*;

    const COUNTED: &[&str] = &["open", "hold", "sell", "take"];
    const BEFORE: SagaKind = SagaKind { name: "test", steps: COUNTED, numbered: COUNTED };
    const AFTER: SagaKind =
        SagaKind { name: "test", steps: &["open", "look", "hold", "sell", "tell", "take", "file"], numbered: COUNTED };

    #[test]
    fn a_number_is_read_through_the_steps_of_the_release_that_wrote_it() {
        let forward: Vec<usize> = (0..=4).map(|number| AFTER.at(Forward, None, number).unwrap()).collect();
        assert_eq!(forward, [0, 2, 3, 5, 7], "open, hold, sell, take, the end");
        let undo: Vec<usize> = (0..=4).map(|number| AFTER.at(Undo, None, number).unwrap()).collect();
        assert_eq!(undo, [0, 1, 3, 4, 6], "nothing, and each of them still to be undone");
        assert!(AFTER.at(Forward, None, 5).is_err() && AFTER.at(Undo, None, -1).is_err());
        assert!(BEFORE.at(Undo, Some("look"), 1).is_err(), "a name that this release does not know is not guessed at");
    }

    #[test]
    fn who_counts_goes_on_at_the_next_step_it_has() {
        let forward: Vec<i32> = (0..=7).map(|at| AFTER.number(Forward, at)).collect();
        assert_eq!(forward, [0, 1, 1, 2, 3, 3, 4, 4]);
        let undo: Vec<i32> = (0..=7).map(|at| AFTER.number(Undo, at)).collect();
        assert_eq!(undo, [0, 1, 1, 2, 3, 3, 4, 4]);
    }

    #[test]
    fn a_name_does_not_count_once_the_number_was_moved_without_it() {
        assert_eq!(AFTER.at(Forward, Some("look"), 1).unwrap(), 1);
        // The saga was inserted by this release, and turned back by the one that counts, before its pivot.
        assert_eq!(BEFORE.at(Undo, Some("open"), 3).unwrap(), 3, "all three are undone, not only the first");
        assert_eq!(AFTER.at(Forward, Some("look"), 3).unwrap(), 5, "it got on to \"take\" meanwhile");
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        for direction in [Forward, Undo] {
            for at in 0..=AFTER.steps.len() {
                let (next, number) = (AFTER.next_step(direction, at), AFTER.number(direction, at));
                assert_eq!(AFTER.at(direction, next, number).unwrap(), at, "{direction:?}");
            }
        }
    }
}
