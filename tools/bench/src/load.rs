//! Load generation: users that take numbered turns until the time or the turns are up. In a closed loop a user takes the
//! next turn when done with the last; in an open loop turns are due at fixed times and latency counts from then, so that a
//! stall is felt by every user who would have come during it (no coordinated omission).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::record::{Outcome, Recorder};
use crate::target::Target;

/// A phase is cut this long after its time, whatever hangs.
const OVERTIME: Duration = Duration::from_secs(20);
/// A phase bound by turns gets this long.
const LONGEST: Duration = Duration::from_secs(180);
/// Pause after a broken connection, so that a dead shop is not asked a million times.
const BREATH: Duration = Duration::from_millis(10);

/// What a user does in one turn.
pub trait Scenario: Send + Sync + 'static {
    /// Its name in the report.
    fn name(&self) -> &'static str;

    /// Turn number `n`, never given twice in a run.
    fn once(&self, user: &mut User, n: u64) -> impl Future<Output = Outcome> + Send;
}

/// How turns come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Back to back on every connection.
    Closed,
    /// So many a second, whether the shop keeps up or not.
    Open(f64),
}

/// When a phase ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After this time.
    Time(Duration),
    /// After so many turns.
    Turns(u64),
}

/// A virtual user: a connection, and something to roll dice with.
pub struct User {
    /// The connection.
    pub client: Client,
    recorder: Arc<Recorder>,
    think: Option<Duration>,
    dice: u64,
}

impl User {
    /// A user of the shop at `target`.
    pub fn new(target: &Target, number: u64) -> Self {
        let dice = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { client: Client::new(target.clone()), recorder: Arc::default(), think: None, dice }
    }

    /// Pauses as people do: evenly between half and one and a half of `think`.
    pub fn thinking(mut self, think: Option<Duration>) -> Self {
        self.think = think;
        self
    }

    /// A number below `end`, the same in every run.
    pub fn roll(&mut self, end: u64) -> u64 {
        // xorshift64: good enough to spread load.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % end.max(1)
    }

    /// Looks at the page.
    pub async fn think(&mut self) {
        if let Some(think) = self.think {
            let share = 500 + self.roll(1001);
            tokio::time::sleep(think.mul_f64(share as f64 / 1000.0)).await;
        }
    }

    /// Records a call that is a part of a turn, begun at `started`, and sorts its answer.
    ///
    /// # Errors
    /// What to report when it is none of `wanted`.
    pub async fn part(
        &mut self,
        name: &'static str,
        started: Instant,
        answer: std::io::Result<Answer>,
        wanted: &[u16],
    ) -> Result<Answer, String> {
        let took = started.elapsed();
        let sorted = self.sort(answer, wanted).await;
        let outcome = match &sorted {
            Ok(answer) => Outcome::Good(answer.bytes),
            Err(error) => Outcome::Bad(error.clone()),
        };
        self.recorder.add(name, took, outcome);
        sorted
    }

    /// Records a part of a turn that was begun at `started`.
    pub fn note(&self, name: &'static str, started: Instant, outcome: Outcome) {
        self.recorder.add(name, started.elapsed(), outcome);
    }

    /// Sorts an answer without recording it.
    ///
    /// # Errors
    /// What to report when it is none of `wanted`.
    pub async fn sort(&mut self, answer: std::io::Result<Answer>, wanted: &[u16]) -> Result<Answer, String> {
        match answer {
            Ok(answer) if wanted.contains(&answer.status) => Ok(answer),
            Ok(answer) => Err(self.problem(answer)),
            Err(error) => {
                tokio::time::sleep(BREATH).await;
                Err(broken(&error))
            }
        }
    }

    /// Status and problem code of an answer.
    pub fn problem(&self, answer: Answer) -> String {
        #[derive(serde::Deserialize)]
        struct Problem {
            code: String,
        }
        match self.client.json::<Problem>(answer) {
            Ok(problem) => format!("{} {}", answer.status, problem.code),
            Err(_) => answer.status.to_string(),
        }
    }
}

/// What to report of a broken connection: few kinds, so that they can be counted.
pub fn broken(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::InvalidData => format!("not understood: {error}"),
        kind => kind.to_string(),
    }
}

/// All users that take part, and how many turns were taken.
pub struct Crowd {
    users: Vec<User>,
    next: u64,
}

impl Crowd {
    /// `size` users of the shop at `target`.
    pub fn new(target: &Target, size: usize, think: Option<Duration>) -> Self {
        let users = (0..size as u64).map(|number| User::new(target, number).thinking(think)).collect();
        Self { users, next: 0 }
    }

    /// Goes on with turn number `next`.
    pub fn from_turn(mut self, next: u64) -> Self {
        self.next = next;
        self
    }

    /// The next turn's number.
    pub fn next_turn(&self) -> u64 {
        self.next
    }

    /// One phase; what it recorded, and how long it took.
    ///
    /// # Errors
    /// A bug in a scenario.
    pub async fn run<S: Scenario>(
        &mut self,
        scenario: &Arc<S>,
        pace: Pace,
        until: Until,
    ) -> anyhow::Result<(Arc<Recorder>, Duration)> {
        let recorder = Arc::new(Recorder::default());
        let course = Arc::new(Course::new(self.next, pace, until));
        let mut running = JoinSet::new();
        for mut user in self.users.drain(..) {
            let (course, scenario) = (course.clone(), scenario.clone());
            user.recorder = recorder.clone();
            running.spawn(async move {
                while let Some(turn) = course.turn(&user.recorder, scenario.name()).await {
                    let outcome = scenario.once(&mut user, turn.number).await;
                    user.recorder.add(scenario.name(), turn.due.elapsed(), outcome);
                }
                user
            });
        }
        while let Some(user) = running.join_next().await {
            self.users.push(user.context("a virtual user broke down")?);
        }
        self.next = course.next.load(Ordering::Relaxed);
        Ok((recorder, course.started.elapsed()))
    }
}

struct Turn {
    number: u64,
    due: Instant,
}

struct Course {
    started: Instant,
    first: u64,
    next: AtomicU64,
    pace: Pace,
    until: Until,
}

impl Course {
    fn new(first: u64, pace: Pace, until: Until) -> Self {
        Self { started: Instant::now(), first, next: AtomicU64::new(first), pace, until }
    }

    /// The next turn, when it is due; `None` when all is over.
    async fn turn(&self, recorder: &Recorder, name: &'static str) -> Option<Turn> {
        let (end, cut) = match self.until {
            Until::Time(time) => (self.started + time, self.started + time * 2 + OVERTIME),
            Until::Turns(_) => (self.started + LONGEST, self.started + LONGEST),
        };
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let taken = number - self.first;
            if matches!(self.until, Until::Turns(turns) if taken >= turns) {
                return None;
            }
            let now = Instant::now();
            let due = match self.pace {
                Pace::Closed => now,
                Pace::Open(rate) => self.started + Duration::from_secs_f64(taken as f64 / rate),
            };
            if due >= end {
                return None;
            }
            if now < cut {
                tokio::time::sleep_until(due.into()).await;
                return Some(Turn { number, due });
            }
            // Too late to begin it; not to have it in the report.
            recorder.add(name, now - due, Outcome::Bad("not begun in time".into()));
        }
    }
}
