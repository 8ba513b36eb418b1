//! Cluster topology: what is known of the servers, and what follows from it, which one is the primary and how far each
//! replica is. Pure; the watchers bring the reports.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{DbError, WalPosition};

/// What a server said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// It replays another server's log.
    pub(super) standby: bool,
    /// It takes no writes though it is no standby.
    pub(super) read_only: bool,
    pub(super) timeline: u32,
    /// Replayed, or flushed on a primary.
    pub(super) lsn: u64,
    /// Made by initdb, inherited by all copies.
    pub(super) system: u64,
}

impl Seen {
    fn writable(&self) -> bool {
        !self.standby && !self.read_only
    }
}

/// The primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leader {
    /// Which server.
    pub(crate) at: usize,
    pub(crate) timeline: u32,
    pub(crate) system: u64,
}

/// Whether a server is read from, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadStatus {
    /// Not heard of yet.
    Unknown,
    /// It is read from, or could be.
    Readable,
    /// It does not answer.
    Unreachable(String),
    /// It is a primary now.
    IsPrimary,
    /// It follows another timeline than the primary's.
    OtherTimeline,
    /// It lags further than is allowed.
    Lagging,
}

/// What is known of one server.
struct ServerState {
    may_write: bool,
    /// It has answered, or failed to.
    asked: bool,
    seen: Option<Seen>,
    status: ReadStatus,
    /// Why it could not be asked the last time.
    error: Option<DbError>,
    lag: Duration,
}

/// The primary's position at most so often per allowed lag: enough to judge by.
const SAMPLES: u32 = 64;

pub(super) struct Topology {
    servers: Vec<ServerState>,
    leader: Option<Leader>,
    /// When the primary was how far, oldest first.
    samples: VecDeque<(Instant, u64)>,
    max_lag: Duration,
}

impl Topology {
    /// `may_write` per server.
    pub(super) fn new(may_write: &[bool], max_lag: Duration) -> Topology {
        let server = |may_write: &bool| ServerState {
            may_write: *may_write,
            asked: false,
            seen: None,
            status: ReadStatus::Unknown,
            error: None,
            lag: Duration::ZERO,
        };
        let servers = may_write.iter().map(server).collect();
        Topology { servers, leader: None, samples: VecDeque::new(), max_lag }
    }

    pub(super) fn leader(&self) -> Option<Leader> {
        self.leader
    }

    /// True while the primary is known and answers as one.
    pub(super) fn has_primary(&self) -> bool {
        let seen =
            self.leader.and_then(|leader| self.servers[leader.at].seen.filter(|seen| seen.timeline == leader.timeline));
        seen.is_some_and(|seen| seen.writable())
    }

    pub(super) fn status(&self, at: usize) -> &ReadStatus {
        &self.servers[at].status
    }

    pub(super) fn lag(&self, at: usize) -> Duration {
        self.servers[at].lag
    }

    /// Takes a report; returns the place up to which the server may be read from, [`WalPosition::ANY`] when not at all.
    pub(super) fn report(&mut self, at: usize, seen: Seen, now: Instant) -> WalPosition {
        self.servers[at].seen = Some(seen);
        self.servers[at].asked = true;
        self.servers[at].error = None;
        self.choose();
        if self.leader.is_some_and(|leader| leader.at == at && leader.timeline == seen.timeline) {
            self.sample(now, seen.lsn);
        }
        let (status, lag) = self.judge(seen, now);
        let readable = status == ReadStatus::Readable;
        self.servers[at].status = status;
        self.servers[at].lag = lag;
        if readable { WalPosition::replayed(seen.timeline, seen.lsn) } else { WalPosition::ANY }
    }

    /// A server does not answer.
    pub(super) fn gone(&mut self, at: usize, why: DbError) {
        self.servers[at].seen = None;
        self.servers[at].asked = true;
        self.servers[at].status = ReadStatus::Unreachable(why.to_string());
        self.servers[at].error = Some(why);
        self.choose();
    }

    /// Why there is no primary, when there is none; `names` are the servers'. Waiting helps unless each refuses us.
    pub(super) fn why_none(&self, names: &[&str]) -> DbError {
        let candidates = || self.servers.iter().zip(names).filter(|(server, _)| server.may_write);
        if let Some(refused) = candidates().find_map(|(server, _)| server.error.clone())
            && candidates().all(|(server, _)| matches!(server.error, Some(DbError::Refused { .. })))
        {
            return refused;
        }
        let said = candidates().map(|(server, name)| match (&server.error, &server.seen) {
            (Some(error), _) => format!("{name}: {error}"),
            (None, Some(seen)) if !seen.writable() => format!("{name} takes no writes"),
            (None, Some(_)) => format!("{name} is a primary that was replaced"),
            (None, None) => format!("{name} has not answered"),
        });
        DbError::Unavailable(format!("no primary: {}", said.collect::<Vec<_>>().join("; ")))
    }

    /// The writable server of the newest timeline. One of an older timeline than was ever seen is a primary that was
    /// replaced and came back, or was never told: whatever is written there is lost. Not chosen before all were asked,
    /// because the old one may answer first.
    fn choose(&mut self) {
        let candidates = self.servers.iter().filter(|server| server.may_write);
        let alone = candidates.clone().count() == 1;
        if self.leader.is_none() && candidates.clone().any(|server| !server.asked) {
            return;
        }
        let mut best: Option<Leader> = None;
        for (at, server) in self.servers.iter().enumerate() {
            let Some(seen) = server.seen.filter(|seen| server.may_write && seen.writable()) else { continue };
            let candidate = Leader { at, timeline: seen.timeline, system: seen.system };
            if let Some(known) = self.leader.filter(|_| !alone) {
                if seen.system != known.system || seen.timeline < known.timeline {
                    continue;
                }
                // Two primaries of one timeline cannot be told apart: the one that was first stays.
                if candidate == known {
                    best = best.filter(|best| best.timeline > known.timeline).or(Some(known));
                    continue;
                }
            }
            if best.is_none_or(|best| candidate.timeline > best.timeline) {
                best = Some(candidate);
            }
        }
        if best.is_some() && best != self.leader {
            self.leader = best;
            self.samples.clear();
        }
    }

    fn sample(&mut self, now: Instant, lsn: u64) {
        let spacing = self.max_lag / SAMPLES;
        match self.samples.back() {
            Some((at, last)) if *last >= lsn || now.duration_since(*at) < spacing => {}
            _ => self.samples.push_back((now, lsn)),
        }
        // The newest of those that are too old stays: it says since when at least a replica lacks something.
        while self.samples.len() > 1 && now.duration_since(self.samples[1].0) > self.max_lag * 2 {
            self.samples.pop_front();
        }
    }

    fn judge(&self, seen: Seen, now: Instant) -> (ReadStatus, Duration) {
        if !seen.standby {
            return (ReadStatus::IsPrimary, Duration::ZERO);
        }
        // Before the primary was found nothing can be said of its copies.
        let Some(leader) = self.leader else { return (ReadStatus::Unknown, Duration::ZERO) };
        if seen.timeline != leader.timeline || seen.system != leader.system {
            return (ReadStatus::OtherTimeline, Duration::ZERO);
        }
        // What it lacks, it has lacked since the primary was first seen to have it. Both clocks are this process's.
        let lacks = self.samples.iter().find(|(_, lsn)| *lsn > seen.lsn);
        let lag = lacks.map_or(Duration::ZERO, |(since, _)| now.duration_since(*since));
        match lag > self.max_lag {
            true => (ReadStatus::Lagging, lag),
            false => (ReadStatus::Readable, lag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn primary(timeline: u32, lsn: u64) -> Seen {
        Seen { standby: false, read_only: false, timeline, lsn, system: 1 }
    }

    fn away(why: &str) -> DbError {
        DbError::Unavailable(why.into())
    }

    fn standby(timeline: u32, lsn: u64) -> Seen {
        Seen { standby: true, ..primary(timeline, lsn) }
    }

    #[test]
    fn the_first_choice_waits_for_everybody_and_takes_the_newest_timeline() {
        let now = Instant::now();
        let mut topology = Topology::new(&[true, true, false], LIMIT);
        topology.report(0, primary(1, 900), now);
        assert_eq!(topology.leader(), None, "the other may be newer");
        topology.report(1, primary(2, 800), now);
        assert_eq!(topology.leader().map(|l| (l.at, l.timeline)), Some((1, 2)));

        let mut topology = Topology::new(&[true, true], LIMIT);
        topology.report(0, primary(1, 900), now);
        topology.gone(1, away("refused"));
        assert_eq!(topology.leader().map(|l| l.at), Some(0), "who does not answer is not waited for");
    }

    #[test]
    fn why_there_is_no_primary() {
        let mut topology = Topology::new(&[true, true, false], LIMIT);
        let names = ["a:1", "b:2", "c:3"];
        topology.gone(0, away("connection refused"));
        topology.report(1, standby(1, 900), Instant::now());
        let why = topology.why_none(&names);
        let told = "no primary: a:1: database unavailable: connection refused; b:2 takes no writes";
        assert_eq!(why, DbError::Unavailable(told.into()));
        let refused = || DbError::Refused { code: "28P01".into(), detail: "password".into() };
        topology.gone(1, refused());
        assert!(topology.why_none(&names).is_passing(), "the other may come and let us in");
        topology.gone(0, refused());
        assert_eq!(topology.why_none(&names), refused());
    }

    #[test]
    fn a_primary_that_was_replaced_never_leads_again() {
        let now = Instant::now();
        let mut topology = Topology::new(&[true, true], LIMIT);
        topology.report(1, standby(1, 900), now);
        assert_eq!(topology.leader(), None);
        topology.report(0, primary(1, 900), now);
        assert_eq!(topology.leader().map(|l| l.at), Some(0));
        topology.gone(0, away("killed"));
        assert_eq!(topology.leader().map(|l| l.at), Some(0), "nobody else took over");
        topology.report(1, primary(2, 950), now);
        assert_eq!(topology.leader().map(|l| l.at), Some(1));
        topology.report(0, primary(1, 5_000), now);
        topology.gone(1, away("away"));
        topology.report(0, primary(1, 6_000), now);
        assert_eq!(topology.leader().map(|l| (l.at, l.timeline)), Some((1, 2)), "the old one is fenced off");
        topology.report(0, Seen { system: 7, ..primary(9, 1) }, now);
        assert_eq!(topology.leader().map(|l| l.at), Some(1), "and so is a stranger");
        topology.report(0, Seen { read_only: true, ..primary(3, 1) }, now);
        assert_eq!(topology.leader().map(|l| l.at), Some(1), "and one that takes no writes");
    }

    #[test]
    fn a_server_that_is_the_only_one_leads_whatever_it_is() {
        let now = Instant::now();
        let mut topology = Topology::new(&[true, false], LIMIT);
        topology.report(0, primary(4, 900), now);
        topology.report(0, Seen { system: 2, ..primary(1, 10) }, now);
        assert_eq!(topology.leader().map(|l| (l.timeline, l.system)), Some((1, 2)), "restored from a dump, say");
        topology.report(1, primary(9, 10), now);
        assert_eq!(topology.leader().map(|l| l.at), Some(0), "a replica somebody promoted is no reason to move");
        assert_eq!(*topology.status(1), ReadStatus::IsPrimary);
    }

    #[test]
    fn replicas_are_read_within_the_lag_and_on_the_primarys_timeline() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut topology = Topology::new(&[true, false], LIMIT);
        assert_eq!(topology.report(1, standby(1, 80), start), WalPosition::ANY, "no primary is known yet");
        for second in 0..30 {
            topology.report(0, primary(1, 80 + second * 8), after(second));
        }
        assert_eq!(topology.report(1, standby(1, 80 + 29 * 8), after(29)), WalPosition::replayed(1, 80 + 29 * 8));
        assert_eq!(topology.lag(1), Duration::ZERO);
        assert_eq!(topology.report(1, standby(1, 80 + 20 * 8), after(29)), WalPosition::replayed(1, 80 + 20 * 8));
        assert_eq!(topology.lag(1), Duration::from_secs(8), "it lacks what came in second 21");
        assert_eq!(topology.report(1, standby(1, 80 + 10 * 8), after(29)), WalPosition::ANY);
        assert_eq!(*topology.status(1), ReadStatus::Lagging);
        assert_eq!(topology.report(1, standby(2, 999), after(29)), WalPosition::ANY);
        assert_eq!(*topology.status(1), ReadStatus::OtherTimeline);
        assert_eq!(topology.report(1, primary(2, 999), after(29)), WalPosition::ANY);
        // Nothing for long, then something: who lacks what was before has lacked it all that time.
        topology.report(1, standby(1, 80 + 28 * 8), after(100));
        assert_eq!(*topology.status(1), ReadStatus::Lagging);
        topology.report(0, primary(1, 80 + 30 * 8), after(101));
        topology.report(1, standby(1, 80 + 28 * 8), after(101));
        assert_eq!(*topology.status(1), ReadStatus::Lagging);
        topology.gone(0, away("killed"));
        assert_ne!(topology.report(1, standby(1, 80 + 30 * 8), after(500)), WalPosition::ANY, "it has all there was");
    }
}
