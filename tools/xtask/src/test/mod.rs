//! Test runner: builds every test of the workspace once, then runs several test binaries at a time on one PostgreSQL server,
//! and says which tests were the slowest. `make test`, `make test-engines` and `make test-upgrade` are groups of one build.
//!
//! Binaries, not single tests, are its processes: a broker or a search engine that tests share belongs to their process
//! (docs/adr/0015-a-test-runner-of-our-own.md).

mod build;
mod groups;
mod process;
mod report;

use std::collections::VecDeque;
use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Instant;

use anyhow::{Context, bail};

use build::Built;
use groups::{GROUPS, Group};
use process::{Ended, Run};

/// By this variable test processes find the server that all share.
const SHARED_SERVER: &str = "SOUK_TEST_DATABASE_URL";

/// `GROUP [--features LIST] [--no-run] [FILTER]`: builds, and runs the tests of a group, those whose full name holds `FILTER`
/// if one is given.
pub fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let options = Options::parse(arguments)?;
    let built = build::all(root, options.features.as_deref())?;
    if options.build_only {
        return Ok(());
    }
    if env::var_os(SHARED_SERVER).is_none() {
        // The server's wrapper runs this program again, which then finds everything built. It is called by its name: the file
        // that runs now may have been replaced by that build.
        let wrapper = built.program("souk-with-postgres").context("souk-with-postgres was not built")?;
        let this = env::args_os().next().context("this program has no name")?;
        let error = Command::new(wrapper).arg(this).arg("test").args(arguments).exec();
        return Err(error).context("cannot run souk-with-postgres");
    }
    let started = Instant::now();
    let runs = plan(&built, options.group, options.filter.as_deref())?;
    let (alone, beside) = runs.into_iter().partition(|run| options.group.is_alone(&run.binary.name));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut ended = to_their_end(beside, cores, cores);
    ended.extend(to_their_end(alone, 1, cores));
    report::print(&ended, started.elapsed())
}

struct Options {
    group: &'static Group,
    features: Option<String>,
    build_only: bool,
    filter: Option<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let (mut features, mut build_only, mut plain) = (None, false, Vec::new());
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--features" => features = Some(words.next().with_context(usage)?.clone()),
                "--no-run" => build_only = true,
                word if word.starts_with('-') => bail!(usage()),
                word => plain.push(word),
            }
        }
        let (name, filter) = match plain[..] {
            [name] => (name, None),
            [name, filter] => (name, Some(filter.to_owned())),
            _ => bail!(usage()),
        };
        let group = GROUPS.iter().find(|group| group.name == name).with_context(usage)?;
        Ok(Options { group, features, build_only, filter })
    }
}

fn usage() -> String {
    let names: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
    format!("usage: souk-xtask test {} [--features LIST] [--no-run] [FILTER]", names.join(" | "))
}

/// What to run, the longest first: at the end no core waits for one that began late.
fn plan<'a>(built: &'a Built, group: &Group, filter: Option<&str>) -> anyhow::Result<VecDeque<Run<'a>>> {
    let mut runs = Vec::new();
    for binary in &built.tests {
        let tests = binary.list()?;
        let chosen: Vec<String> = tests
            .into_iter()
            .filter(|test| groups::of(&binary.name, test).name == group.name)
            .filter(|test| filter.is_none_or(|filter| format!("{} {test}", binary.name).contains(filter)))
            .collect();
        if !chosen.is_empty() {
            runs.push(Run::new(binary, chosen, group));
        }
    }
    if filter.is_none() {
        groups::check_members(group, &runs)?;
    }
    anyhow::ensure!(!runs.is_empty(), "no test has such a name");
    runs.sort_by_key(|run| (groups::rank(&run.binary.name), std::cmp::Reverse(run.tests.len())));
    Ok(runs.into())
}

/// Runs all, so many at a time, each with as many threads as there are cores: most tests wait more than they compute.
fn to_their_end(runs: VecDeque<Run>, at_a_time: usize, cores: usize) -> Vec<Ended> {
    let queue = Mutex::new(runs);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let (tell, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            let tell = tell.clone();
            scope.spawn(move || {
                while let Some(run) = next() {
                    // The receiver outlives this scope's threads.
                    let _ = tell.send(run.finish(cores));
                }
            });
        }
        drop(tell);
        ended.iter().inspect(report::line).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(words: &str) -> Option<Options> {
        Options::parse(&words.split(' ').map(str::to_owned).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn the_group_is_the_first_plain_word() {
        let options = parse("--features a/b,c/d engines --no-run outage::").unwrap();
        assert_eq!((options.group.name, options.features.as_deref()), ("engines", Some("a/b,c/d")));
        assert_eq!((options.build_only, options.filter.as_deref()), (true, Some("outage::")));
        for wrong in ["", "all", "engines a b", "engines --features", "engines --fast"] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
