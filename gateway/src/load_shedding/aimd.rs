//! AIMD concurrency limit (additive increase, multiplicative decrease, as TCP does it): how many requests of one priority may be under
//! way to one role. More while all is well, less as soon as answers are late.
//!
//! It asks what does not depend on the kind of request: is a tenth of the answers later than this priority may wait? Then a cut.
//! Later than half of that? Then no more than now. By Little's law what is under way settles between half and all of throughput
//! times that time, whatever the role can do at the moment, and stays there instead of going up and down. What began before a cut
//! says nothing about the cut, so there is one per answer time and not one per late answer.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Milliseconds over which answers are judged together.
const WINDOW_MS: u64 = 250;
/// Late answers in a window below which nothing is concluded from them.
const MIN_LATE: u32 = 3;
/// One late answer in so many is too many.
const LATE_SHARE: u32 = 10;
/// After a good window one in so many is added: 16 become 1,000 in nine seconds.
const GROWTH: u32 = 8;
/// The least that is added.
const STEP: u32 = 2;
/// Windows without requests that count at once: after so many every limit is at its ceiling.
const MAX_IDLE_WINDOWS: u64 = 256;
/// What remains after a cut, in tenths.
const CUT: u32 = 7;
/// The same when nothing at all comes back.
const CUT_STUCK: u32 = 5;

/// The state, all in atomics: it is read and written for every request that is not answered from memory.
pub(crate) struct AimdLimit {
    floor: u32,
    ceiling: u32,
    late_ms: u64,
    limit: AtomicU32,
    under_way: AtomicU32,
    /// Most that were under way in this window.
    peak: AtomicU32,
    done: AtomicU32,
    late: AtomicU32,
    /// Of those done: later than half the time.
    slow: AtomicU32,
    /// When this window ends; moments are milliseconds since the gateway was made.
    window_until: AtomicU64,
    cut_at: AtomicU64,
    done_at: AtomicU64,
}

/// What happened in a window.
#[derive(Clone, Copy, Debug)]
struct Window {
    done: u32,
    late: u32,
    slow: u32,
    peak: u32,
    /// Nothing was answered for longer than an answer may take, and enough was asked.
    stuck: bool,
}

impl AimdLimit {
    pub(crate) fn new(floor: u32, ceiling: u32, late_ms: u64) -> Self {
        Self {
            floor,
            ceiling,
            late_ms,
            limit: AtomicU32::new(ceiling),
            under_way: AtomicU32::new(0),
            peak: AtomicU32::new(0),
            done: AtomicU32::new(0),
            late: AtomicU32::new(0),
            slow: AtomicU32::new(0),
            window_until: AtomicU64::new(WINDOW_MS),
            cut_at: AtomicU64::new(0),
            done_at: AtomicU64::new(0),
        }
    }

    /// Requests that may be under way now.
    pub(crate) fn now(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Ends what is over by `now`, and says what may be under way.
    pub(crate) fn tick(&self, now: u64) -> u32 {
        self.roll_window(now, self.under_way.load(Ordering::Relaxed));
        self.now()
    }

    /// True when one more may begin at `now`; each true is to be followed by one [`AimdLimit::release`].
    pub(crate) fn try_acquire(&self, now: u64) -> bool {
        self.roll_window(now, self.under_way.load(Ordering::Relaxed));
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        if before >= self.now() {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.peak.fetch_max(before + 1, Ordering::Relaxed);
        true
    }

    /// What began at `began` is over. `answered`: to its end, and not because the client went away. `refused`: the role
    /// itself said that it has too much to do, or did not answer in time.
    pub(crate) fn release(&self, began: u64, now: u64, answered: bool, refused: bool) {
        let until_now = self.under_way.fetch_sub(1, Ordering::Relaxed);
        let took = now.saturating_sub(began);
        let late = refused || took >= self.late_ms;
        if answered && !refused {
            self.done_at.fetch_max(now, Ordering::Relaxed);
        }
        // A client that went away before it was late tells nothing.
        if (answered || late) && began >= self.cut_at.load(Ordering::Relaxed) {
            self.done.fetch_add(1, Ordering::Relaxed);
            self.late.fetch_add(u32::from(late), Ordering::Relaxed);
            self.slow.fetch_add(u32::from(late || took * 2 >= self.late_ms), Ordering::Relaxed);
        }
        self.roll_window(now, until_now);
    }

    /// Ends the window when it is over; the first caller does it for all. Every beginning and every end comes here, so since
    /// the window was due as many were under way as `until_now`.
    fn roll_window(&self, now: u64, until_now: u32) {
        let until = self.window_until.load(Ordering::Relaxed);
        if now < until
            || self.window_until.compare_exchange(until, now + WINDOW_MS, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        let under_way = self.under_way.load(Ordering::Relaxed);
        let quiet_since = self.done_at.load(Ordering::Relaxed).max(self.cut_at.load(Ordering::Relaxed));
        // A window that was due long ago saw no requests: nothing is stuck in it.
        let watched = now.saturating_sub(until) < self.late_ms;
        let window = Window {
            done: self.done.swap(0, Ordering::Relaxed),
            late: self.late.swap(0, Ordering::Relaxed),
            slow: self.slow.swap(0, Ordering::Relaxed),
            peak: self.peak.swap(under_way, Ordering::Relaxed),
            stuck: watched && under_way > self.floor && now.saturating_sub(quiet_since) > self.late_ms,
        };
        let before = self.now();
        let mut after = next(before, window, self.floor, self.ceiling);
        if until_now == 0 && !window.too_late() {
            // Windows that nothing was asked in.
            for _ in 0..(now.saturating_sub(until) / WINDOW_MS).min(MAX_IDLE_WINDOWS) {
                after = grown(after, self.ceiling);
            }
        }
        if after < before || (window.too_late() && after == before) {
            self.cut_at.store(now, Ordering::Relaxed);
        }
        self.limit.store(after, Ordering::Relaxed);
    }
}

impl Window {
    fn too_late(self) -> bool {
        self.stuck || (self.late >= MIN_LATE && self.late * LATE_SHARE > self.done)
    }
}

fn next(limit: u32, window: Window, floor: u32, ceiling: u32) -> u32 {
    if window.too_late() {
        // From what was really under way: a limit far above that would take many cuts to be felt.
        let cut = if window.stuck { CUT_STUCK } else { CUT };
        return (limit.min(window.peak.max(1)) * cut / 10).clamp(floor, ceiling);
    }
    // Nothing done is well only where nothing was asked.
    let well = window.slow * LATE_SHARE <= window.done && (window.done > 0 || window.peak == 0);
    if well { grown(limit, ceiling) } else { limit }
}

fn grown(limit: u32, ceiling: u32) -> u32 {
    (limit + (limit / GROWTH).max(STEP)).min(ceiling)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A role that answers in order, `capacity` a second, for `seconds`; `offered` come each second, evenly. Returns how many
    /// of them were answered in time in the last third.
    fn good_answers(limit: &AimdLimit, capacity: u64, offered: u64, late_ms: u64, seconds: u64) -> u64 {
        let mut queue: VecDeque<u64> = VecDeque::new();
        let (mut good, mut owed, mut due) = (0, 0, 0);
        for now in 0..seconds * 1000 {
            owed += offered;
            while owed >= 1000 {
                owed -= 1000;
                if limit.try_acquire(now) {
                    queue.push_back(now);
                }
            }
            due += capacity;
            while due >= 1000 {
                due -= 1000;
                if let Some(began) = queue.pop_front() {
                    limit.release(began, now, true, false);
                    good += u64::from(now - began < late_ms && now >= seconds * 667);
                }
            }
        }
        good
    }

    #[test]
    fn under_three_times_the_load_most_of_what_a_role_can_do_is_still_in_time() {
        for capacity in [40, 100, 400] {
            let adaptive = AimdLimit::new(16, 2_048, 1_000);
            let good = good_answers(&adaptive, capacity, capacity * 3, 1_000, 60);
            let possible = capacity * 20;
            assert!(good * 10 >= possible * 7, "{good} of {possible}, at {}", adaptive.now());
            // The control: one limit for ever. Everything that is answered at all is answered late.
            let fixed = AimdLimit::new(2_048, 2_048, 1_000);
            let good = good_answers(&fixed, capacity, capacity * 3, 1_000, 60);
            assert_eq!(good, 0, "at {capacity}");
        }
    }

    #[test]
    fn no_request_is_refused_while_answers_are_in_time() {
        let limit = AimdLimit::new(16, 2_048, 1_000);
        assert_eq!(good_answers(&limit, 1_000, 900, 1_000, 30), 8_991, "all of the last ten seconds");
        assert_eq!(limit.now(), 2_048);
    }

    #[test]
    fn a_role_that_hangs_falls_to_the_floor_and_recovers() {
        let limit = AimdLimit::new(16, 2_048, 1_000);
        let (mut now, mut hanging) = (0, Vec::new());
        while now < 20_000 {
            if limit.try_acquire(now) {
                hanging.push(now);
            }
            now += 2;
            // They are given up after five seconds.
            hanging.retain(|began| {
                let over = now - began >= 5_000;
                if over {
                    limit.release(*began, now, true, true);
                }
                !over
            });
        }
        assert_eq!(limit.now(), 16);
        for began in hanging.drain(..) {
            limit.release(began, now, true, true);
        }
        // Back again: each is answered after 100 ms, 40 at once are asked for.
        let start = now;
        while now < start + 10_000 {
            let acquired = (0..40).filter(|_| limit.try_acquire(now)).count();
            now += 100;
            (0..acquired).for_each(|_| limit.release(now - 100, now, true, false));
        }
        assert!(limit.now() >= 40, "{}", limit.now());
    }

    /// The rule before: two more permits a window, and only while half of them were needed.
    fn earned_by_use(limit: u32, window: Window, ceiling: u32) -> u32 {
        let well = window.done > 0 && window.slow * LATE_SHARE <= window.done;
        if well && window.peak * 2 > limit { (limit + STEP).min(ceiling) } else { limit }
    }

    /// A database that stands still for 20 s, then a quiet shop, then a burst.
    #[test]
    fn half_a_minute_after_a_stall_a_burst_is_let_in() {
        // In the quiet: nothing at all, or a visitor every 200 ms who is answered after 40.
        for visitors in [false, true] {
            let limit = AimdLimit::new(16, 2_048, 1_000);
            let (mut now, mut hanging) = (0, VecDeque::new());
            while now < 20_000 {
                if limit.try_acquire(now) {
                    hanging.push_back(now);
                }
                now += 2;
                while hanging.front().is_some_and(|began| now - began >= 5_000) {
                    hanging.pop_front().into_iter().for_each(|began| limit.release(began, now, true, true));
                }
            }
            hanging.drain(..).for_each(|began| limit.release(began, now, true, true));
            assert_eq!(limit.now(), 16, "after the stall");
            let mut back = None;
            let end = now + 30_000;
            while now < end {
                if visitors {
                    assert!(limit.try_acquire(now));
                    limit.release(now, now + 40, true, false);
                }
                now += 200;
                if visitors && limit.now() >= 1_000 {
                    back = back.or(Some(now + 30_000 - end));
                }
            }
            assert_eq!((0..1_000).filter(|_| !limit.try_acquire(now)).count(), 0, "refused of 1,000 at once");
            assert!(!visitors || back.is_some_and(|ms| ms <= 20_000), "{back:?} ms to 1,000 permits");
            let quiet = Window { done: 1, late: 0, slow: 0, peak: 1, stuck: false };
            let before = (0..120).fold(16, |limit, _| earned_by_use(limit, quiet, 2_048));
            assert_eq!(before, 16, "the control: 30 s of windows under the rule before");
        }
    }

    #[test]
    fn while_nothing_is_asked_it_grows_with_time_and_while_all_hang_it_does_not() {
        let limit = AimdLimit::new(16, 2_048, 1_000);
        limit.limit.store(16, Ordering::Relaxed);
        let ticks = |from: u64, to: u64| (from..to).step_by(1_000).map(|now| limit.tick(now)).last();
        assert!(ticks(0, 12_000).is_some_and(|permits| permits >= 1_000));
        limit.tick(12_000);
        limit.limit.store(16, Ordering::Relaxed);
        assert!(limit.try_acquire(12_000));
        assert_eq!(ticks(12_000, 60_000), Some(16), "a request waits all that time");
    }

    #[test]
    fn a_client_that_goes_away_early_says_nothing_and_gives_its_permit_back() {
        let limit = AimdLimit::new(1, 4, 1_000);
        for now in 0..1_000 {
            assert!(limit.try_acquire(now * 10));
            limit.release(now * 10, now * 10 + 5, false, false);
        }
        assert_eq!((limit.now(), limit.under_way.load(Ordering::Relaxed)), (4, 0));
    }
}
