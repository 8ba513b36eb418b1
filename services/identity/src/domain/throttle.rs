//! How long an account rests after wrong passwords. The counting is one statement in the store, so that tries at the
//! same moment are counted one after the other; these are its numbers.

use std::time::Duration;

/// Wrong passwords in a row that cost nothing (PROMISES: backoff after 5).
pub const FREE_FAILURES: i32 = 5;
/// The first wait; each further failure doubles it.
pub const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait: a guesser gets under a hundred tries a day, and an owner who is being guessed at still gets in.
pub const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// Failures this old no longer count.
pub const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guesser_gets_under_a_hundred_and_thirty_tries_a_day() {
        let (mut tries, mut spent, mut wait) = (FREE_FAILURES, Duration::ZERO, FIRST_WAIT);
        while spent < Duration::from_secs(24 * 3600) {
            (tries, spent, wait) = (tries + 1, spent + wait, (wait * 2).min(LONGEST_WAIT));
        }
        assert!(tries < 130, "{tries}");
    }
}
